"""A standard as it holds in an organisation: the clause, what the organisation set, its rule compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from handrail.core.documents import dotted
from handrail.core.resources import Path
from handrail.organisation.model import Severity, Tier
from handrail.standards import cel
from handrail.standards.clause import PODS, Clause
from handrail.standards.evidence import OF_MANIFESTS, POD_SPECS, Evidence, Subject
from handrail.standards.findings import Finding, Verdict
from handrail.standards.rules import ALONE, RULES, Breach


@dataclass(frozen=True)
class Standard:
    """One standard of an organisation.

    Args:
        id: the name of its file.
        clause: what its file says.
        severity, tiers, params: what holds here, the organisation's settings applied.
        own: it is the organisation's own, not the catalogue's.
    """

    id: str
    clause: Clause
    severity: Severity
    tiers: tuple[Tier, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False

    @cached_property
    def types(self) -> frozenset[str]:
        """The type tokens that it is about."""
        return frozenset(token for each in self.clause.resources for token in (POD_SPECS if each == PODS else (each,)))

    @cached_property
    def names(self) -> dict[str, str]:
        """Its own names, and what is written out for them."""
        params = {f"params.{name}": cel.literal(value) for name, value in self.params.items()}
        return {**self.clause.variables, **params}

    @cached_property
    def text(self) -> str:
        """The rule with its own names written out; empty for one in Python. Raises CelError."""
        return cel.inlined(self.clause.rule, self.names) if self.clause.rule else ""

    @cached_property
    def rule(self) -> cel.Program | None:
        """The compiled rule; None for one in Python. Raises CelError."""
        return cel.compiled(self.text) if self.text else None

    @cached_property
    def message(self) -> cel.Program:
        """The compiled message. Raises CelError."""
        return cel.compiled(cel.inlined(self.clause.message or cel.literal(self.clause.title), self.names))

    @property
    def alone(self) -> bool:
        """Whether one resource is all that it reads at a time."""
        return self.clause.python is None or self.clause.python in ALONE

    @property
    def waivable(self) -> bool:
        """Whether anybody may let a violation pass."""
        return bool(self.clause.waived_by) and self.severity is not Severity.NON_NEGOTIABLE

    def applies(self, subject: Subject) -> bool:
        """Whether it is about a resource."""
        if subject.resource.type not in self.types:
            return False
        return not self.clause.components or subject.workload["component"] in self.clause.components

    def decide(self, subject: Subject, bound: Any, value: Any = None) -> Finding:
        """Its verdict on one resource, by its CEL.

        Args:
            bound: the subject's bindings, as `cel.bind` gave them.
            value: what its rule was evaluated to; None: it was not yet.
        """
        if value is not None:
            return self._decided(subject, bound, value)
        assert self.rule
        path = self.path_in(subject)
        if any(self.rule.reads.needs(place) for leaf in subject.unknown for place in subject.places(leaf)):
            return self.finding(subject, Verdict.UNKNOWN, path, self._undecided(subject))
        try:
            return self._decided(subject, bound, self.rule.value(bound))
        except cel.CelError as error:  # as at admission, where a rule that fails refuses
            return self.finding(
                subject, Verdict.VIOLATION, path, f"{self.clause.title}: its rule failed on this: {error}"
            )

    def _decided(self, subject: Subject, bound: Any, value: Any) -> Finding:
        if value is True:
            return self.compliance(subject)
        if value is False:
            return self.finding(subject, Verdict.VIOLATION, self.path_in(subject), self._said(bound))
        said = f"{self.clause.title}: its rule gives {value!r}, where true or false is asked"
        return self.finding(subject, Verdict.VIOLATION, self.path_in(subject), said)

    def weigh(self, evidence: Evidence, *, compliance: bool = True) -> Iterator[Finding]:
        """Its verdicts on a workload, by its function; with `compliance` also on each resource that it finds sound."""
        about = [subject for subject in evidence.subjects if self.applies(subject)]
        if not about:
            return
        breaches: dict[int, list[Breach]] = {}  # resources of two types may have one name
        for breach in RULES[self.clause.python or ""](evidence, about, self.params):
            breaches.setdefault(id(breach.subject), []).append(breach)
        for subject in about:
            found = breaches.get(id(subject), ())
            for breach in found:
                yield self.finding(
                    subject, breach.verdict, dotted(breach.path), breach.message, breach.given, breach.remedy
                )
            if not found and compliance:
                yield self.compliance(subject)

    def compliance(self, subject: Subject) -> Finding:
        """The finding that a resource is sound."""
        return self.finding(subject, Verdict.COMPLIANT, self.path_in(subject), self.clause.title)

    def finding(
        self,
        subject: Subject,
        verdict: Verdict,
        path: str,
        message: str,
        given: str | None = None,
        remedy: str | None = None,
    ) -> Finding:
        """A finding of this standard's."""
        remedy = remedy or self.clause.remedy_for(subject.workload["persona"])
        if not subject.is_kubernetes and self.waivable:  # nothing else of it says how a waiver names it
            remedy = f"{remedy}; in a waiver its workload is {subject.address}"
        return Finding(
            self.id, verdict, subject.resource.name, path, message, given, remedy, self.severity,
            workload=subject.address, about=subject.resource,
        )  # fmt: skip

    def _said(self, bound: Any) -> str:
        try:
            said = self.message.value(bound)
        except cel.CelError:
            return self.clause.title
        return said if isinstance(said, str) and said else self.clause.title

    def _undecided(self, subject: Subject) -> str:
        assert self.rule
        read: list[Path] = [
            leaf for leaf in subject.unknown if any(self.rule.reads.needs(place) for place in subject.places(leaf))
        ]
        return f"{self.clause.title}: decided at up, when {', '.join(dotted(each) for each in read)} is known"

    def path_in(self, subject: Subject) -> str:
        """Where in a resource it looks, as `spec.replicas`."""
        field = self.clause.field
        below = field and subject.pod_path and (field.partition(".")[0],) not in OF_MANIFESTS
        return dotted((*(subject.pod_path or ()), field)) if below else field
