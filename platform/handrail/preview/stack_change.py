"""What differs of one stack: its workloads, their resources with the risk of each, findings, cost and quota."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from handrail.core.resources import Resource, Token, leaves
from handrail.organisation import Organisation
from handrail.organisation.model import Tier
from handrail.personas._persona import nouns
from handrail.preview import cost, judged
from handrail.preview.difference import Difference, difference
from handrail.preview.judged import Findings, Judge
from handrail.preview.planned import Planned, Workload
from handrail.preview.report import (
    MOST_ITEMS,
    MOST_TEXT,
    MOST_WORKLOADS,
    Change,
    CostChange,
    FindingChange,
    QuotaRow,
    ResourceChange,
    StackChange,
    WorkloadChange,
    cut,
    worst,
)
from handrail.preview.risk import Risk, Step, assess, step_of
from handrail.preview.sentence import of_gone, of_new, sentence, settings_changed

_NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
T = TypeVar("T")
_Key = tuple[str, str]
_CHANGES: Mapping[Step, Change] = {
    Step.CREATE: Change.CREATE, Step.UPDATE: Change.UPDATE, Step.DELETE: Change.DELETE, Step.REPLACE: Change.REPLACE,
    Step.REFUSED: Change.REPLACE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """A stack in both revisions.

    Args:
        before, after: what each plans; None: the stack is not there.
        judge: by whom both are judged.
        change: None: nothing differs.
        unchanged: how many workloads are as they were.
        unknowns: how many values of what differs are known only at up.
    """

    before: Planned | None
    after: Planned | None
    judge: Judge
    change: StackChange | None = None
    unchanged: int = 0
    unknowns: int = 0

    @property
    def known(self) -> Planned:
        """What is known of it: as it is, else as it was."""
        found = self.after if self.after and not self.after.error else self.before or self.after
        assert found
        return found


@dataclass(frozen=True, slots=True)
class _Pair:
    """A workload in both revisions, with its resources read."""

    before: Workload | None
    after: Workload | None
    old: tuple[Resource, ...]
    new: tuple[Resource, ...]


def compared(before: Planned | None, after: Planned | None, judge: Judge, persona: str | None = None) -> Compared:
    """What differs of a stack.

    Args:
        persona: in whose words; default: the stack's own.
    """
    if error := _error(before, after):
        return Compared(before, after, judge, _stack(before, after, error=cut(error, 4 * MOST_TEXT)))
    olds, news = (_by_key(each) for each in (before, after))
    keys = list({**news, **olds})
    changed = {key: None for key in keys if olds.get(key) != news.get(key)}
    # what stands under no component is no workload
    unchanged = sum(bool(component) for name, component in keys if (name, component) not in changed)
    if not changed and before and after:
        return Compared(before, after, judge, unchanged=unchanged)
    pairs = {key: _pair(olds.get(key), news.get(key)) for key in changed}
    found = _findings(pairs, olds, news, judge, (after or before or Planned("")).environment)
    people = persona or (after or before or Planned("")).persona
    workloads = sorted((_workload(pairs[key], found[key], people) for key in changed), key=_badness)
    unknowns = sum(
        isinstance(leaf, Token) for pair in pairs.values() for each in pair.new for _, leaf in leaves(each.inputs)
    )
    costs = _costs(before, after, judge)
    stack = _stack(
        before, after, workloads=tuple(workloads[:MOST_WORKLOADS]), unchanged=unchanged,
        more_workloads=max(0, len(workloads) - MOST_WORKLOADS), risk=worst(each.risk for each in workloads),
        cost=cost_change(*costs) if costs else None, quota=_quota(costs, after or before, judge.organisation),
    )  # fmt: skip
    return Compared(before, after, judge, stack, unchanged, unknowns)


def _error(before: Planned | None, after: Planned | None) -> str:
    """Why it cannot be compared, and in which revision."""
    said = {"base": before.error if before else "", "now": after.error if after else ""}
    if said["base"] and said["base"] == said["now"]:
        return f"in both revisions: {said['base']}"
    return "\n".join(f"{label}: {text}" for label, text in said.items() if text)


def _stack(before: Planned | None, after: Planned | None, **more: object) -> StackChange:
    both = [each for each in (after, before) if each]
    known = next((each for each in both if not each.error), both[0])
    status: Literal["changed", "added", "removed"] = "added" if not before else "removed" if not after else "changed"
    about = {"stack": known.stack, "team": known.team, "environment": known.environment, "status": status}
    return StackChange.model_validate({**about, "tier": Tier(known.tier) if known.tier else None, **more})


def _by_key(stack: Planned | None) -> dict[_Key, Workload]:
    return {(each.name, each.component): each for each in stack.workloads} if stack else {}


def _pair(before: Workload | None, after: Workload | None) -> _Pair:
    return _Pair(before, after, *(tuple(each.read()) if each else () for each in (before, after)))


def _findings(
    pairs: Mapping[_Key, _Pair], olds: Mapping[_Key, Workload], news: Mapping[_Key, Workload], judge: Judge, where: str
) -> dict[_Key, tuple[Findings, Findings]]:
    """What each workload that differs violated and violates."""
    contract = judge.contract(where)
    if contract is None:
        return dict.fromkeys(pairs, (Findings(), Findings()))
    both = []
    for side, every in ((0, olds), (1, news)):
        groups = {key: (pair.old, pair.new)[side] for key, pair in pairs.items()}
        if not all(each.type.startswith("kubernetes:") for members in groups.values() for each in members):
            # resources of a cloud say by no label that they belong together: all are evidence
            groups |= {key: tuple(each.read()) for key, each in every.items() if key not in groups}
        both.append(judged.findings(groups, contract))
    return {key: (both[0][key], both[1][key]) for key in pairs}


def _workload(pair: _Pair, found: tuple[Findings, Findings], persona: str) -> WorkloadChange:
    known = pair.after or pair.before
    assert known
    ends = pair.after is None
    differing = [each for old, new in _matched(pair.old, pair.new) for each in _resource(old, new, ends=ends)]
    resources = sorted(
        (each for each in differing if each is not None), key=lambda each: (-each.risk.severity, each.type, each.name)
    )
    noise = differing.count(None)
    settings = settings_changed(*(each.settings if each else {} for each in (pair.before, pair.after)))
    if pair.before is None:
        told = of_new(known.settings, len(pair.new))
    elif pair.after is None:
        told = of_gone(len(pair.old))
    else:
        told = sentence(known.name, persona, settings, resources, noise)
    before, after = found
    return WorkloadChange(
        name=cut(known.name, 300), component=cut(known.component, 300),
        noun=nouns().get(persona, {}).get(known.component, known.component)[:300], sentence=told,
        risk=worst(each.risk for each in resources),
        resources=tuple(resources[:MOST_ITEMS]), more_resources=max(0, len(resources) - MOST_ITEMS) + noise,
        settings=_most(settings) if pair.before and pair.after else (),
        findings_appear=_most(judged.appear(before, after)), findings_disappear=_most(judged.appear(after, before)),
        waivers_start=_most(judged.start(before, after)), waivers_stop=_most(judged.start(after, before)),
    )  # fmt: skip


def _most(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(items)[:MOST_ITEMS]


def _badness(workload: WorkloadChange) -> tuple[int, bool, str]:
    """What is worst comes first: by risk, then by whether a standard refuses it."""
    return (-workload.risk.severity, not workload.findings_appear, workload.name)


def _resource(before: Resource | None, after: Resource | None, *, ends: bool) -> Iterator[ResourceChange | None]:
    """A change of a resource, if it is one; None for one that changes nothing but the contract's version.

    Args:
        ends: whether its whole workload goes, so that what guarded its pods guards nothing.
    """
    step = step_of(before, after).step
    if step is Step.SAME or not (known := after or before):
        return
    found = difference(before, after) if before and after else Difference()
    if step is Step.UPDATE and found.noise and not found.fields:
        yield None
        return
    guards = ends and known.type == _NETWORK_POLICY
    said = [each for each in assess(before, after) if not (guards and each.risk is Risk.SECURITY)]
    worst_of = said[0] if said else None
    yield ResourceChange(
        type=cut(known.type, 300), name=cut(known.name, 300), change=_CHANGES[step],
        risk=worst_of.risk if worst_of else Risk.NONE, reason=cut(worst_of.reason if worst_of else ""),
        fields=found.fields[:MOST_ITEMS], more_fields=max(0, len(found.fields) - MOST_ITEMS),
    )  # fmt: skip


def _matched(
    before: Iterable[Resource], after: Iterable[Resource]
) -> Iterator[tuple[Resource | None, Resource | None]]:
    """Each resource with what it was: by its name, a name that it had before, or its kind in another API version."""
    gone = {(each.type, each.name): each for each in before}
    come = []
    for new in after:
        old = gone.pop((new.type, new.name), None)
        if old:
            yield old, new
        else:
            come.append(new)
    for new in come:
        is_it: tuple[Callable[[Resource], bool], ...] = (
            lambda old, new=new: old.type == new.type and old.name in new.aliases,  # type: ignore[misc]
            lambda old, new=new: old.name == new.name and _kind(old) == _kind(new),  # type: ignore[misc]
        )
        key = next((key for test in is_it for key, old in gone.items() if test(old)), None)
        yield gone.pop(key) if key else None, new
    yield from ((old, None) for old in gone.values())


def _kind(resource: Resource) -> tuple[str, str]:
    """A type without the version of its API."""
    api, _, kind = resource.type.rpartition(":")
    return api.rpartition("/")[0], kind


def _costs(before: Planned | None, after: Planned | None, judge: Judge) -> tuple[cost.Cost, cost.Cost] | None:
    organisation = judge.organisation
    if organisation is None:
        return None
    old, new = (cost.cost_of(resources_of(each), organisation) for each in (before, after))
    return old, new


def resources_of(stack: Planned | None) -> Iterator[Resource]:
    """All resources of a stack."""
    return (resource for workload in (stack.workloads if stack else ()) for resource in workload.read())


def cost_change(before: cost.Cost, after: cost.Cost) -> CostChange:
    """Both costs, to the cent."""
    return CostChange(
        before=round(before.monthly, 2), before_at_most=round(before.at_most, 2), after=round(after.monthly, 2),
        after_at_most=round(after.at_most, 2), currency=after.currency,
        unpriced=_most(cut(each) for each in after.unpriced),
    )  # fmt: skip


def _quota(
    costs: tuple[cost.Cost, cost.Cost] | None, stack: Planned | None, organisation: Organisation | None
) -> tuple[QuotaRow, ...]:
    team: str = stack.team if stack else ""
    if not costs or not organisation or team not in organisation.teams:
        return ()
    return tuple(
        QuotaRow(
            resource=row.resource,
            before=round(row.before, 3),
            after=round(row.after, 3),
            at_most=round(row.at_most, 3),
            limit=row.limit,
        )
        for row in cost.quota_rows(*costs, organisation.teams[team])[:MOST_ITEMS]
    )


__all__ = ["Compared", "FindingChange", "compared", "cost_change", "resources_of"]
