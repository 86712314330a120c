"""The gates of a promotion: the target's standards on the very resources that it would make, its API, its quota."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from handrail.components._definition import Prepared
from handrail.core.errors import Problem, RefusedError
from handrail.core.resources import Resource
from handrail.personas._stack import StackPlan
from handrail.preview.cost import cost_of, quota_rows
from handrail.promotion.places import Place
from handrail.promotion.resolvers import Resolvers
from handrail.releases import Api, Gates, Pin
from handrail.standards import Finding, Severity, Verdict, contract_of, judge


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


def judged(prepared: Prepared, broken: Broken | None = None, problems: Iterable[Problem] = ()) -> Judged:
    """What the gates say of a workload as it would be.

    Args:
        broken: what it breaks of the API that is served; None: that is not asked.
        problems: what is wrong besides.
    """
    contract = contract_of(prepared.workload.context)
    breaks = broken.breaks if broken else None
    findings = judge(prepared.plan.resources, contract, breaks)
    refused = tuple(each for each in findings if each.refuses or each.verdict is Verdict.UNKNOWN)
    passed = [each for each in findings if each not in refused]
    waived = dict.fromkeys(f"{each.standard} by {each.waiver.partition(' ')[0]}" for each in passed if each.waiver)
    advisories = sum(1 for each in passed if not each.waiver)
    gates = Gates(judged=len(prepared.plan.resources), advisories=advisories, waived=tuple(waived))
    remarks = (*(each.remark for each in passed), *(broken.advice if broken else ()))
    return Judged(gates, refused, tuple(problems), remarks)


@dataclass(frozen=True, slots=True)
class Broken:
    """What a new version of an API breaks, each with its method and path.

    Args:
        breaks: what breaks callers.
        advice: what may.
    """

    breaks: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def broken_by(
    place: Place, now: Pin | None, then: Api | None, before: bytes | None, after: bytes | None, resolvers: Resolvers
) -> Broken:
    """What an artifact breaks of the API that is served in an environment.

    Args:
        now: what is pinned there.
        then: the API of what is promoted.
        before, after: their OpenAPI documents.
    """
    if before is None or now is None or now.api is None:
        return Broken()  # nothing was promised
    if then is None or (then.version == now.api.version and after is None):
        return Broken((f"{now.api.version}: what is served has an OpenAPI document, and this has none",))
    if then.version != now.api.version or after is None:
        return Broken()  # a new version may be another one; the old one's paths stay until it ends
    names = (f"{place.workload}'s document in {place.environment}", f"{place.workload}'s new document")
    found = resolvers.breaks(before, after, names)
    return Broken(
        tuple(str(each) for each in found if each.breaking),
        tuple(f"may break callers: {each}" for each in found if not each.breaking),
    )


def over_quota(before: StackPlan | None, after: StackPlan) -> Iterator[Problem]:
    """What the whole stack, a canary beside the stable included, would request beyond the team's quota."""
    context = after.context
    if context.is_platform:
        return
    now, then = (cost_of(_resources(plan), context.organisation) for plan in (before, after))
    for row in quota_rows(now, then, context.organisation.teams[context.team]):
        if row.over and row.after > row.before:
            yield Problem(
                f"would be more than team {context.team} may request in {context.environment}",
                f"quota.{row.resource}", given=f"{row.after:g}, now {row.before:g}", allowed=f"at most {row.limit:g}",
                remedy="make something of the team's smaller, or have the platform team raise the quota",
            )  # fmt: skip


def _resources(plan: StackPlan | None) -> list[Resource]:
    return [resource for prepared in (plan.prepared if plan else ()) for resource in prepared.plan.resources]
