"""What teams spend in a month over all their environments, against their budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from handrail.organisation import Organisation
from handrail.preview.cost import Cost, cost_of
from handrail.preview.report import BudgetChange, CostChange
from handrail.preview.stack_change import Compared, resources_of


def budgets(stacks: Iterable[Compared]) -> Iterator[BudgetChange]:
    """The budget of each team whose cost changes; of a team of whose stacks one failed, none."""
    teams: dict[str, list[Compared]] = {}
    for each in stacks:
        teams.setdefault(each.known.team, []).append(each)
    for team, found in sorted(teams.items()):
        organisation = next((each.judge.organisation for each in found if each.judge.organisation), None)
        limit = organisation.teams[team].monthly_budget if organisation and team in organisation.teams else None
        failed = any(each.change and each.change.error for each in found)
        if organisation and limit is not None and not failed and any(_is_dearer_or_cheaper(each) for each in found):
            yield BudgetChange(team=team, cost=_total(found, organisation), limit=limit)


def _is_dearer_or_cheaper(stack: Compared) -> bool:
    cost = stack.change.cost if stack.change else None
    return bool(cost and (cost.before, cost.before_at_most) != (cost.after, cost.after_at_most))


def _total(stacks: Sequence[Compared], organisation: Organisation) -> CostChange:
    sums = [0.0, 0.0, 0.0, 0.0]
    for each in stacks:
        change = each.change.cost if each.change else None
        figures = (
            (change.before, change.before_at_most, change.after, change.after_at_most)
            if change
            else 2 * _figures(cost_of(resources_of(each.known), organisation))
        )
        sums = [total + figure for total, figure in zip(sums, figures, strict=True)]
    before, before_at_most, after, after_at_most = (round(total, 2) for total in sums)
    return CostChange(
        before=before, before_at_most=before_at_most, after=after, after_at_most=after_at_most,
        currency=organisation.prices.currency,
    )  # fmt: skip


def _figures(cost: Cost) -> tuple[float, float]:
    return cost.monthly, cost.at_most
