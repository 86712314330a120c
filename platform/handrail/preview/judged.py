"""What the standards say of both revisions, by the base's organisation alone: findings that appear and disappear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from handrail.core.errors import HandrailError
from handrail.core.resources import Resource
from handrail.organisation import Organisation, load_organisation
from handrail.preview.report import FindingChange, WaiverChange, cut
from handrail.standards import Contract, Finding, Verdict, judge
from handrail.standards.contract import contract_for

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Judge:
    """An organisation by which stacks are judged.

    Args:
        organisation: None: the catalogue as it comes, as for a project that names no organisation.
        directory: its own.
        fault: why nothing can be judged by it; empty where all can.
    """

    organisation: Organisation | None = None
    directory: Path | None = None
    fault: str = ""

    def contract(self, environment: str) -> Contract | None:
        """What holds in an environment; None where it has none of that name."""
        if self.fault or (self.organisation and environment not in self.organisation.environments):
            return None
        return contract_for(self.organisation, self.directory, environment if self.organisation else "")


def judge_of(directory: Path | None) -> Judge:
    """The judge of an organisation's directory; what is wrong in it is the judge's fault."""
    if directory is None:
        return Judge()
    try:
        organisation = load_organisation(directory)
        found = Judge(organisation, directory)
        found.contract(next(iter(organisation.environments)))  # its standards and waivers are read
    except HandrailError as error:
        return Judge(fault=str(error))
    return found


@dataclass(frozen=True, slots=True)
class Findings:
    """What a workload's resources violate: open, and let pass by a waiver."""

    open: Mapping[tuple[str, str], list[Finding]] = field(default_factory=dict)
    waived: Mapping[str, list[Finding]] = field(default_factory=dict)


def findings(groups: Mapping[K, Iterable[Resource]], contract: Contract) -> dict[K, Findings]:
    """What each of some workloads violates, judged together."""
    owners: dict[str, K] = {}
    resources = []
    for name, members in groups.items():
        for resource in members:
            key = f"{resource.name}\0{len(owners)}"  # of one name there may be two
            owners[key] = name
            resources.append(Resource(key, resource.type, resource.inputs))
    found: dict[K, list[Finding]] = {name: [] for name in groups}
    for each in judge(resources, contract):
        if each.verdict is Verdict.VIOLATION:
            found[owners[each.resource]].append(replace(each, resource=each.resource.partition("\0")[0]))
    return {name: _sorted(each) for name, each in found.items()}


def _sorted(found: Iterable[Finding]) -> Findings:
    open_: dict[tuple[str, str], list[Finding]] = {}
    waived: dict[str, list[Finding]] = {}
    for each in found:
        if each.waiver:
            waived.setdefault(each.waiver, []).append(each)
        else:
            open_.setdefault((each.standard, each.resource), []).append(each)
    return Findings(open_, waived)


def appear(before: Findings, after: Findings) -> Iterator[FindingChange]:
    """What is violated after and was not before; with its arguments swapped, what disappears."""
    for key, found in after.open.items():
        known = before.open.get(key, [])
        said = {(each.path, each.message) for each in known}
        new = [each for each in found if (each.path, each.message) not in said]
        # one that only moved, or speaks of another value, is the same
        for each in new[: max(0, len(found) - len(known))]:
            yield FindingChange(
                standard=each.standard, severity=each.severity, resource=cut(each.resource, 300),
                path=cut(each.path, 300), message=cut(each.message), remedy=cut(each.remedy or ""),
            )  # fmt: skip


def start(before: Findings, after: Findings) -> Iterator[WaiverChange]:
    """The waivers that let something pass after and nothing before; with its arguments swapped, those that stop to."""
    for waiver, found in after.waived.items():
        if waiver not in before.waived:
            yield WaiverChange(waiver=cut(waiver, 300), standard=found[0].standard)
