"""The judge: every rule on every planned resource, before anything is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from handrail.core.errors import RefusedError
from handrail.core.resources import Resource
from handrail.standards import pod_security
from handrail.standards.findings import Finding, Severity, Verdict

if TYPE_CHECKING:
    from handrail.organisation import Context

__all__ = ["RULES", "Finding", "Rule", "Severity", "Verdict", "judge", "refuse"]

Rule = Callable[[Resource], Iterable[Finding]]
"""A pure function: what one standard finds in one resource; nothing where it is satisfied or does not apply."""

RULES: tuple[Rule, ...] = (pod_security.restricted,)


def judge(
    resources: Iterable[Resource],
    context: Context | None = None,  # noqa: ARG001  clauses that depend on tier, persona or team read it
    rules: tuple[Rule, ...] = RULES,
) -> list[Finding]:
    """Every violation, and everything that can't be decided yet, in the order of the resources."""
    return [finding for resource in resources for rule in rules for finding in rule(resource)]


def refuse(findings: Iterable[Finding]) -> None:
    """End here if a standard that is more than advisory is violated.

    Raises:
        RefusedError: every such violation, at once.
    """
    refused = [
        finding.problem()
        for finding in findings
        if finding.verdict is Verdict.VIOLATION and finding.severity is not Severity.ADVISORY
    ]
    if refused:
        raise RefusedError(refused)
