"""The gates of a promotion: the target's standards on the very resources that it would make, its API, its quota."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from handrail.components._definition import Prepared
from handrail.core.errors import Problem, RefusedError
from handrail.personas._stack import StackPlan
from handrail.promotion.places import Place
from handrail.promotion.resolvers import Break, Resolvers
from handrail.releases import Api, Gates, Pin
from handrail.standards import Finding, Severity, Verdict, contract_of
from handrail.standards.catalogue import bundled
from handrail.standards.contract import Contract

API = "api-compatible"
"""The standard about a new version that breaks the promises of the one before."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gates say.

    Args:
        gates: the record of it.
        refused: what ends the promotion.
        remarks: what is told of the rest, a line each.
    """

    gates: Gates
    refused: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = field(default=())

    def refuse(self) -> None:
        """End here if a gate is shut.

        Raises:
            RefusedError: all that is wrong, at once.
        """
        if self.refused or self.problems:
            raise RefusedError([*map(_problem, self.refused), *self.problems])

    def despite(self, incident: str) -> Judged:
        """The same where an incident is answered: what is not non-negotiable is let pass, and recorded."""
        passed = [each for each in self.refused if each.severity is not Severity.NON_NEGOTIABLE]
        recorded = tuple(dict.fromkeys(f"{each.standard} by {incident}" for each in passed))
        return replace(
            self,
            gates=self.gates.model_copy(update={"waived": (*self.gates.waived, *recorded)}),
            refused=tuple(each for each in self.refused if each not in passed),
            remarks=(*self.remarks, *(f"let pass by {incident}: {each.remark}" for each in passed)),
        )


def _problem(finding: Finding) -> Problem:
    problem = finding.problem()
    if finding.verdict is Verdict.UNKNOWN:
        return replace(problem, message=f"cannot be decided before it is deployed: {problem.message}")
    return problem


def judged(prepared: Prepared, more: Iterable[Finding] = (), problems: Iterable[Problem] = ()) -> Judged:
    """What the gates say of a workload as it would be.

    Args:
        more: findings beside those of the plan's resources.
        problems: what is wrong besides.
    """
    findings = (*prepared.findings, *more)
    refused = tuple(each for each in findings if each.refuses or each.verdict is Verdict.UNKNOWN)
    passed = [each for each in findings if each not in refused]
    waived = dict.fromkeys(f"{each.standard} by {each.waiver.partition(' ')[0]}" for each in passed if each.waiver)
    advisories = sum(1 for each in passed if not each.waiver)
    gates = Gates(judged=len(prepared.plan.resources), advisories=advisories, waived=tuple(waived))
    return Judged(gates, refused, tuple(problems), tuple(each.remark for each in passed))


def api_findings(
    place: Place, now: Pin | None, then: Api | None, before: bytes | None, after: bytes | None, resolvers: Resolvers
) -> Iterator[Finding]:
    """What a new version of an API breaks: each method and path, as findings of the standard `api-compatible`.

    Args:
        now: what is pinned in the target.
        then: the API of what is promoted.
        before, after: their OpenAPI documents.
    """
    if before is None or now is None or now.api is None:
        return  # nothing was promised
    if then is None or (then.version == now.api.version and after is None):
        yield _finding(place, "api", "what is served now says what its API is, and this says nothing", None)
        return
    if then.version != now.api.version or after is None:
        return  # a new version may be another one; the old one's paths stay until it ends
    names = (f"{place.workload}'s document in {place.environment}", f"{place.workload}'s new document")
    for broken in resolvers.breaks(before, after, names):
        yield _finding(place, now.api.version, str(broken), broken)


def _finding(place: Place, path: str, message: str, broken: Break | None) -> Finding:
    contract = contract_of(place.context)
    clause = bundled()[API]
    standard = next((each for each in contract.standards if each.id == API), None)
    severity = standard.severity if standard else Severity.ADVISORY
    found = Finding(
        API, Verdict.VIOLATION, place.workload, path, message, None, clause.remedy_for(place.context.owner.persona),
        Severity.ADVISORY if broken and not broken.breaking else severity, workload=place.address,
    )  # fmt: skip
    return _waived(found, contract)


def _waived(finding: Finding, contract: Contract) -> Finding:
    waiver = contract.waiver_of(finding.standard, finding.workload)
    return replace(finding, waiver=f"{waiver.id} until {waiver.expires}") if waiver else finding


def over_quota(before: StackPlan, after: StackPlan) -> Iterator[Problem]:
    """What the whole stack would request beyond the team's quota, where it did not already."""
    raise NotImplementedError
