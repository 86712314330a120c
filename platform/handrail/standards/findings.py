"""One verdict of one standard on one resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from handrail.core.errors import Problem
from handrail.core.resources import Resource
from handrail.organisation.model import Severity

__all__ = ["Finding", "Severity", "Verdict"]


class Verdict(StrEnum):
    """What a standard says of a resource."""

    COMPLIANT = "compliant"
    VIOLATION = "violation"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"
    """The rule reads a value that only the engine knows; decided when it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict of one standard on one resource, with all a person needs to act on it.

    Args:
        standard: the standard's id, as `pod-security-restricted`.
        resource: the plan entry's name.
        path: the field, as `spec.template.spec.containers[0].image`.
        message: what the standard asks and does not find, as a sentence without a full stop.
        given: what stands there; None where nothing does.
        remedy: what to do.
        workload: whose resource it is, as `payments/checkout`.
        waiver: the waiver that holds for it and until when, as text; None where none does.
        about: the resource itself, where several have one name.
    """

    standard: str
    verdict: Verdict
    resource: str
    path: str
    message: str
    given: str | None = None
    remedy: str | None = None
    severity: Severity = Severity.REQUIRED
    workload: str = ""
    waiver: str | None = None
    about: Resource | None = field(default=None, compare=False, repr=False)

    @property
    def refuses(self) -> bool:
        """Whether nothing may be registered while it stands."""
        return self.verdict is Verdict.VIOLATION and self.severity is not Severity.ADVISORY and self.waiver is None

    def problem(self) -> Problem:
        """This finding as an error shows it."""
        message = f"{self.message} ({self.standard}, {self.severity})"
        return Problem(message, f"{self.resource}: {self.path}", given=self.given, remedy=self.remedy)

    @property
    def remark(self) -> str:
        """One line, for what refuses nothing: an advisory, what is waived, what is decided at up."""
        state = f"waived by {self.waiver}" if self.waiver else f"{self.severity}"
        said = f"{self.resource}: {self.message} ({self.standard}, {state})"
        return said if self.waiver or self.verdict is not Verdict.VIOLATION else f"{said}; {self.remedy}"

    def __str__(self) -> str:
        return str(self.problem())
