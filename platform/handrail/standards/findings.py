"""One verdict of one standard on one resource."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from handrail.core.errors import Problem


class Verdict(StrEnum):
    """What a standard says of a resource."""

    COMPLIANT = "compliant"
    VIOLATION = "violation"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"
    """The rule reads a value that only the engine knows; decided when it is."""


class Severity(StrEnum):
    """What follows from a violation."""

    ADVISORY = "advisory"
    REQUIRED = "required"
    NON_NEGOTIABLE = "non-negotiable"


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
    """

    standard: str
    verdict: Verdict
    resource: str
    path: str
    message: str
    given: str | None = None
    remedy: str | None = None
    severity: Severity = Severity.REQUIRED

    def problem(self) -> Problem:
        """This finding as an error shows it."""
        message = f"{self.message} ({self.standard}, {self.severity})"
        return Problem(message, f"{self.resource}: {self.path}", given=self.given, remedy=self.remedy)
