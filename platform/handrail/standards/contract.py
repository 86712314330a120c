"""What holds in one environment of an organisation: its standards and its waivers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from handrail.core.clock import now
from handrail.core.errors import DocumentError
from handrail.core.models import unknown_word
from handrail.organisation import Context, Organisation, Tier
from handrail.standards._batch import Batch
from handrail.standards.catalogue import catalogue_of
from handrail.standards.evidence import Subject
from handrail.standards.standard import Standard
from handrail.standards.waivers import Waiver, Waivers, read_waivers


@dataclass(frozen=True)
class Contract:
    """The standards that hold in an environment, and what was let pass there.

    Args:
        environment: its name.
        tier: its tier.
        standards: those that hold in the tier.
        waivers: all of the organisation's.
    """

    environment: str
    tier: Tier
    standards: tuple[Standard, ...]
    waivers: Waivers = field(default_factory=Waivers)

    def in_cel(self, subject: Subject) -> Batch:
        """The standards in CEL about a resource."""
        key = (subject.resource.type, subject.workload["component"])
        if key not in self._batches:
            about = (each for each in self.standards if each.clause.rule and each.applies(subject))
            self._batches[key] = Batch(subject.resource.type, tuple(about))
        return self._batches[key]

    def in_python(self, types: frozenset[str]) -> tuple[Standard, ...]:
        """The standards in Python about any of some types of resources."""
        if types not in self._in_python:
            python = (each for each in self.standards if each.clause.python)
            self._in_python[types] = tuple(each for each in python if not types.isdisjoint(each.types))
        return self._in_python[types]

    @cached_property
    def _batches(self) -> dict[tuple[str, str], Batch]:
        return {}

    @cached_property
    def _in_python(self) -> dict[frozenset[str], tuple[Standard, ...]]:
        return {}

    def waiver_of(self, standard: str, workload: str) -> Waiver | None:
        """The waiver that holds now for a workload's violations of a standard."""
        found = [each for each in self._waivers.get((standard, workload), ()) if now() < each.ends]
        return found[-1] if found else None

    @cached_property
    def _waivers(self) -> dict[tuple[str, str], list[Waiver]]:
        """Of this environment; that they held when they were read says nothing about now."""
        found: dict[tuple[str, str], list[Waiver]] = {}
        for each in self.waivers.held:
            if each.environment == self.environment:
                found.setdefault((each.standard, each.workload), []).append(each)
        return found


_KNOWN: dict[tuple[int, str, date], tuple[Organisation | None, Contract]] = {}


def contract_of(context: Context) -> Contract:
    """What holds where a stack is deployed to.

    Raises:
        DocumentError: a standard of the organisation's own, its settings or its waivers are wrong.
    """
    return contract_for(context.organisation, context.directory, context.environment)


def contract_for(organisation: Organisation | None, directory: Path | None, environment: str) -> Contract:
    """What holds in an environment of an organisation; read once for each.

    Args:
        organisation: None: the catalogue as it comes, in production.
        directory: the organisation's own; None: it has no standards and no waivers of its own.

    Raises:
        DocumentError: as `contract_of`, or the organisation has no such environment.
    """
    key = (id(organisation), environment, now().date())  # a waiver begins and ends with a day
    if key not in _KNOWN:
        if organisation and environment not in organisation.environments:
            raise DocumentError(
                unknown_word(environment, organisation.environments, "environment", None, "environment")
            )
        standards = catalogue_of(organisation, directory)
        tier = organisation.environments[environment].tier if organisation else Tier.PRODUCTION
        holding = tuple(each for each in standards.values() if tier in each.tiers)
        waivers = read_waivers(directory, organisation, standards) if organisation else Waivers()
        # the organisation is kept, so that no other one gets its id
        _KNOWN[key] = (organisation, Contract(environment or "production", tier, holding, waivers))
    return _KNOWN[key][1]
