"""What a check found: findings with where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from handrail.core.errors import Position, Problem
from handrail.standards import Finding, Severity, Verdict
from handrail.standards.base import Change

APPROVALS = "approvals"
"""In the place of a standard's name: a pin that too few people approved. No baseline excuses it."""


class State(StrEnum):
    """What a finding comes to."""

    REFUSED = "refused"
    ADVISORY = "advisory"
    WAIVED = "waived"
    BASELINE = "baseline"
    """It was there before, and is in the baseline."""
    UNDECIDED = "undecided"
    """The engine alone knows a value; decided at up."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One finding, where it was found.

    Args:
        source: the file or the stack.
        where: its line, where there is a file.
        known: it is in the baseline.
    """

    finding: Finding
    source: str
    where: Position | None = None
    known: bool = False

    @property
    def state(self) -> State:
        """What it comes to."""
        if self.finding.verdict is Verdict.UNKNOWN:
            return State.UNDECIDED
        if self.finding.waiver:
            return State.WAIVED
        if self.finding.severity is Severity.ADVISORY:
            return State.ADVISORY
        known = self.known and self.finding.standard != APPROVALS
        return State.BASELINE if known else State.REFUSED

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is told again by, whatever line it moved to."""
        return (self.finding.standard, self.finding.workload, self.finding.resource)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a check found.

    Args:
        checked: every violation, and everything that could not be decided.
        resources: how many resources were judged.
        unseen: what could not be judged, and why.
        faults: what is in the organisation's waivers and is no waiver.
        about: by which organisation, and for which environments, it was judged.
        changes: what differs in the organisation from the base revision that it was judged by.
    """

    checked: tuple[Checked, ...]
    resources: int
    unseen: tuple[str, ...] = ()
    faults: tuple[Problem, ...] = field(default=())
    about: str = ""
    changes: tuple[Change, ...] = ()

    def of(self, *states: State) -> list[Checked]:
        """What came to one of these."""
        return [each for each in self.checked if each.state in states]

    def refuses(self, *, strict: bool = False) -> bool:
        """Whether it ends badly; `strict`: also where something could not be decided."""
        return bool(self.of(State.REFUSED, *([State.UNDECIDED] if strict else ())) or self.faults)


def combined(reports: Iterable[Report]) -> Report:
    """Several reports as one."""
    found = list(reports)
    return Report(
        tuple(each for report in found for each in report.checked),
        sum(report.resources for report in found),
        tuple(each for report in found for each in report.unseen),
        tuple(dict.fromkeys(each for report in found for each in report.faults)),
        "; ".join(dict.fromkeys(report.about for report in found if report.about)),
        tuple(dict.fromkeys(each for report in found for each in report.changes)),
    )
