"""What every rendering of a report says: the same change in several environments once, and its facts in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from handrail.organisation.model import Tier
from handrail.preview.report import (
    Change,
    CostChange,
    FindingChange,
    QuotaRow,
    Report,
    ResourceChange,
    StackChange,
    WorkloadChange,
)
from handrail.preview.risk import Risk

_UNITS = {"cpu": "cores", "memory": "GiB", "storage": "GiB"}


@dataclass(frozen=True, slots=True)
class Told:
    """A workload that changes in the same way in some stacks.

    Args:
        team: whose it is; empty where no organisation says so.
        places: the environments, of stacks without one their names.
        workload: the change, with the fields of the first of the stacks.
    """

    team: str
    places: tuple[str, ...]
    workload: WorkloadChange

    @property
    def head(self) -> str:
        """What it is and where: `service of payments, in dev, prod`."""
        noun = self.workload.noun or self.workload.component or "resources"
        return f"{noun}{f' of {self.team}' if self.team else ''}, in {', '.join(self.places)}"


def told(report: Report) -> list[Told]:
    """The workloads that change, worst first."""
    found: dict[object, list[tuple[StackChange, WorkloadChange]]] = {}
    for stack in report.stacks:
        for workload in stack.workloads:
            found.setdefault((stack.team, _sameness(workload)), []).append((stack, workload))
    each = [
        Told(stacks[0][0].team, tuple(stack.environment or stack.stack for stack, _ in stacks), stacks[0][1])
        for pairs in found.values()
        for stacks in [sorted(pairs, key=lambda pair: _stage(pair[0]))]
    ]
    return sorted(each, key=lambda one: (-one.workload.risk.severity, not one.workload.findings_appear))


def _sameness(workload: WorkloadChange) -> object:
    """What makes the change of one workload in two environments the same for a reader."""
    resources = tuple((each.type, each.name, each.change, each.risk) for each in workload.resources)
    findings = (workload.findings_appear, workload.findings_disappear, workload.waivers_start, workload.waivers_stop)
    return (workload.name, workload.component, workload.sentence, workload.risk, resources, findings)


def title(report: Report) -> str:
    """The worst, in a few words."""
    if not report.stacks:
        return "nothing changes"
    failed = sum(bool(stack.error) for stack in report.stacks)
    parts = [f"worst risk: {report.risk}" if report.risk is not Risk.NONE else "no risk found"]
    appear = sum(len(each.workload.findings_appear) for each in told(report))
    parts += [f"{counted(appear, 'new finding')}"] if appear else []
    parts += [f"{counted(failed, 'stack')} could not be planned"] if failed else []
    return ", ".join(parts)


def summary(report: Report) -> str:
    """How much changes, and how much does not."""
    changed = sum(len(stack.workloads) + stack.more_workloads for stack in report.stacks)
    stacks = len(report.stacks) + report.more_stacks
    whole = f" and {counted(report.unchanged_stacks, 'whole stack')}" if report.unchanged_stacks else ""
    same = f"{counted(report.unchanged, 'workload')}{whole}"
    return f"{counted(changed, 'workload')} in {counted(stacks, 'stack')} change; {same} do not."


def revisions(report: Report) -> str:
    """What is compared with what."""
    head = report.head if report.head == "working tree" else report.head[:12]
    said = ", with changes that are not committed" if report.head == "working tree" else ""
    return f"{head}{said}, against {report.base[:12]}"


def completeness(report: Report) -> str:
    """Whether the preview is complete, and how much is known only at up."""
    unseen = len(report.unseen) + report.more_unseen
    unknown = f"{counted(report.unknowns, 'value')} known only at up" if report.unknowns else "all values known"
    failed = sum(bool(stack.error) for stack in report.stacks)
    missing = [f"{unseen} not seen"] * bool(unseen) + [f"{counted(failed, 'stack')} not planned"] * bool(failed)
    return (
        f"{'Complete' if report.complete else 'Incomplete: ' + (', '.join(missing) or 'not all was seen')}; {unknown}."
    )


def kind(resource: ResourceChange) -> str:
    """The last part of its type."""
    return resource.type.rpartition(":")[2]


def telling(workload: WorkloadChange) -> tuple[list[ResourceChange], int]:
    """The resources worth a line: those with a risk; and how many others change."""
    risky = [each for each in workload.resources if each.risk is not Risk.NONE]
    others = len(workload.resources) - len(risky) + workload.more_resources
    whole = {each.change for each in workload.resources} in ({Change.CREATE}, {Change.DELETE})
    return risky, 0 if whole else others  # of a workload that comes or goes, its sentence says how many


def finding(change: FindingChange) -> str:
    """One line of a finding."""
    return f"{change.standard} ({change.severity}), {change.resource}: {change.message}"


def waivers(workload: WorkloadChange) -> Iterator[str]:
    """The waivers that start or stop to matter."""
    yield from (f"waiver {each.waiver} starts to matter ({each.standard})" for each in workload.waivers_start)
    yield from (f"waiver {each.waiver} no longer matters ({each.standard})" for each in workload.waivers_stop)


def money(cost: CostChange) -> str:
    """A cost, before and after."""
    before, after = f"{cost.before:,.2f}", f"{cost.after:,.2f}"
    most = f"at most {cost.after_at_most:,.2f}" if cost.after_at_most > cost.after else ""
    was = f", before at most {cost.before_at_most:,.2f}" if most and cost.before_at_most != cost.after_at_most else ""
    fewest = after if before == after else f"{before} → {after}"
    return f"{fewest} {cost.currency} a month{f' ({most}{was})' if most else ''}"


class Weight(Enum):
    """How much a line matters."""

    PLAIN = 0
    MAY = 1
    OVER = 2


@dataclass(frozen=True, slots=True)
class Line:
    """Something that is said of a cost or a quota."""

    text: str
    weight: Weight = Weight.PLAIN


def costs(report: Report) -> Iterator[tuple[str, tuple[Line, ...]]]:
    """Whose cost or quota changes, and what is said of it; several stacks of whom the same is said, once."""
    for each in report.budgets:
        said = f"{money(each.cost)}, of a budget of {each.limit:,.2f}"
        yield f"team {each.team}", (Line(f"{said}: over it", Weight.OVER) if each.over else Line(said),)
    same: dict[tuple[Line, ...], list[StackChange]] = {}
    for stack in report.stacks:
        if lines := tuple(_lines(stack)):
            same.setdefault(lines, []).append(stack)
    for lines, stacks in same.items():
        yield ", ".join(each.stack for each in sorted(stacks, key=_stage)), lines


def _lines(stack: StackChange) -> Iterator[Line]:
    cost = stack.cost
    if cost and (cost.before, cost.before_at_most) != (cost.after, cost.after_at_most):
        yield Line(money(cost))
    yield from (_quota(row) for row in stack.quota if row.before != row.after or row.may_exceed)
    yield from (Line(f"not priced: {text}") for text in (cost.unpriced if cost else ()))


def _quota(row: QuotaRow) -> Line:
    change = f"{row.after:g}" if row.before == row.after else f"{row.before:g} → {row.after:g}"
    limit = f" of {row.limit:g}" if row.limit is not None else ""
    said = f"{row.resource} {change}{limit} {_UNITS.get(row.resource, 'devices')}"
    if row.over:
        return Line(f"{said}: over the quota", Weight.OVER)
    return Line(f"{said}: at most {row.at_most:g}, over the quota", Weight.MAY) if row.may_exceed else Line(said)


def _stage(stack: StackChange) -> int:
    """Environments in the order of their tiers."""
    return list(Tier).index(stack.tier) if stack.tier else len(Tier)


def drift(report: Report) -> Iterator[tuple[str, ResourceChange]]:
    """What is not as the base revision has it, by stack."""
    yield from ((stack.stack, each) for stack in report.stacks for each in stack.drift)


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
