"""The judge: every standard that holds, on every planned resource, before anything is registered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from handrail.core.errors import RefusedError
from handrail.core.resources import Resource
from handrail.standards import cel
from handrail.standards.contract import Contract
from handrail.standards.evidence import Evidence, Subject, grouped
from handrail.standards.findings import Finding, Verdict


def judge(resources: Iterable[Resource], contract: Contract, breaks: tuple[str, ...] | None = None) -> list[Finding]:
    """Every violation, waived ones included, and everything that can't be decided yet.

    Args:
        breaks: of one workload's resources, what they break of the API that is served; None: nobody compared.
    """
    open_ = (Verdict.VIOLATION, Verdict.UNKNOWN)
    return [finding for finding in verdicts(resources, contract, breaks) if finding.verdict in open_]


def verdicts(
    resources: Iterable[Resource], contract: Contract, breaks: tuple[str, ...] | None = None
) -> Iterator[Finding]:
    """The verdict of each standard on each resource that it is about, compliance included."""
    everything = tuple(Subject(resource) for resource in resources)
    for subjects in grouped(everything).values():
        evidence = Evidence(tuple(subjects), contract.environment, contract.tier, everything, breaks)
        for finding in _on_each(subjects, contract):
            yield _waived(finding, contract)
        for standard in contract.standards:
            if standard.clause.python:
                for finding in standard.weigh(evidence):
                    yield _waived(finding, contract)


def _on_each(subjects: Iterable[Subject], contract: Contract) -> Iterator[Finding]:
    for subject in subjects:
        about = [each for each in contract.about(subject.resource.type) if each.applies(subject)]
        if about:
            bound = cel.bind(subject.bindings(contract.environment, contract.tier))
            for standard in about:
                yield standard.decide(subject, bound)


def _waived(finding: Finding, contract: Contract) -> Finding:
    if finding.verdict is not Verdict.VIOLATION:
        return finding
    waiver = contract.waiver_of(finding.standard, finding.workload)
    return replace(finding, waiver=f"{waiver.id} until {waiver.expires}") if waiver else finding


def refuse(findings: Iterable[Finding]) -> None:
    """End here if a standard that is more than advisory is violated and not waived.

    Raises:
        RefusedError: every such violation, at once.
    """
    refused = [finding.problem() for finding in findings if finding.refuses]
    if refused:
        raise RefusedError(refused)
