"""What a stack requests, and what that costs in a month, from its planned resources and organisation.yaml's prices.

A month has 730 hours, a year's 8,760 by twelve, as the clouds' own calculators reckon. Requests are priced, since they
are what is set aside for a pod whether it uses it or not; where a container only has limits, they are its requests, as
for Kubernetes. A surge during a rollout is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from handrail.core.resources import Resource
from handrail.organisation.model import Organisation, Team
from handrail.preview._demand import Usage, demands
from handrail.preview._schedules import HOURS

__all__ = ["HOURS", "Cost", "QuotaRow", "Usage", "budget_row", "cost_of", "quota_rows", "total"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What resources request and cost.

    Args:
        monthly: at the fewest replicas, with no job and no notebook running.
        at_most: at the most that autoscalers may make, jobs at every one of their dates until their deadline,
            notebooks always on.
        currency: ISO 4217.
        usage: what is requested at the fewest.
        most: what may be requested at once, with one run of each job.
        unpriced: what costs something that organisation.yaml has no price for, or is known at up, a sentence each.
    """

    monthly: float
    at_most: float
    currency: str
    usage: Usage
    most: Usage
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """One resource before and after a change, against its limit.

    Args:
        resource: `cpu` (cores), `memory` and `storage` (GiB), an accelerator kind (devices), or `budget` (currency).
        before: at the fewest replicas.
        after: the same.
        limit: None where there is none.
        at_most: after the change, at the most.
    """

    resource: str
    before: float
    after: float
    limit: float | None
    at_most: float = field(default=0.0, kw_only=True)

    @property
    def over(self) -> bool:
        """Whether it is over the limit as soon as it runs."""
        return self.limit is not None and self.after > self.limit + _ROUNDING

    @property
    def may_exceed(self) -> bool:
        """Whether it is over the limit at its most: what does not fit waits, or is not made."""
        return self.limit is not None and max(self.after, self.at_most) > self.limit + _ROUNDING


_ROUNDING: Final = 1e-9


def cost_of(resources: Iterable[Resource], organisation: Organisation) -> Cost:
    """What the resources of one or more stacks request and cost."""
    found = list(demands(list(resources), organisation))
    fewest = _sum(each.one.times(each.fewest) for each in found)
    hourly = [(each, _hourly(each.one, organisation)) for each in found]
    unpriced = dict.fromkeys(said for each in found for said in each.unpriced)
    return Cost(
        monthly=sum(price * each.fewest * HOURS for each, price in hourly),
        at_most=sum(price * each.hours for each, price in hourly),
        currency=organisation.prices.currency,
        usage=fewest,
        most=_sum(each.one.times(each.most) for each in found),
        unpriced=tuple(unpriced),
    )


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of several stacks' costs, of one currency; a team's over all its environments.

    Raises:
        ValueError: there is none, or they are in different currencies.
    """
    found = list(costs)
    if len({each.currency for each in found}) != 1:
        raise ValueError("costs of one currency can be added, and at least one")
    return Cost(
        sum(each.monthly for each in found),
        sum(each.at_most for each in found),
        found[0].currency,
        _sum(each.usage for each in found),
        _sum(each.most for each in found),
        tuple(dict.fromkeys(said for each in found for said in each.unpriced)),
    )


def quota_rows(before: Cost, after: Cost, team: Team) -> list[QuotaRow]:
    """A team's requests in one environment against its quota: cpu, memory, storage, each kind of accelerator.

    A kind that the quota does not name has the limit 0; it is left out where nothing asks for it.
    """
    quota = team.quota
    gib = 1024**3
    limits = {
        "cpu": quota.cpu.amount / 1000,
        "memory": quota.memory.amount / gib,
        "storage": quota.storage.amount / gib,
    }
    sides = [_amounts(usage) for usage in (before.usage, after.usage, after.most)]
    rows = [_row(resource, limit, sides) for resource, limit in limits.items()]
    kinds = dict.fromkeys((*quota.accelerators, *(kind for side in sides for kind in side if kind not in limits)))
    return rows + [_row(kind, quota.accelerators.get(kind, 0), sides) for kind in kinds]


def budget_row(before: Cost, after: Cost, team: Team) -> QuotaRow:
    """What a team spends in a month against its budget, which is over all its environments: add those up first."""
    return QuotaRow("budget", before.monthly, after.monthly, team.monthly_budget, at_most=after.at_most)


def _row(resource: str, limit: float, sides: list[dict[str, float]]) -> QuotaRow:
    before, after, most = (side.get(resource, 0.0) for side in sides)
    return QuotaRow(resource, before, after, limit, at_most=most)


def _amounts(usage: Usage) -> dict[str, float]:
    plain = {"cpu": usage.cpu, "memory": usage.memory_gib, "storage": usage.storage_gib}
    return plain | {kind: float(count) for kind, count in usage.accelerators.items() if count}


def _hourly(usage: Usage, organisation: Organisation) -> float:
    prices, catalogue = organisation.prices, organisation.accelerators
    devices = sum(count * catalogue[kind].price_per_hour for kind, count in usage.accelerators.items())
    return usage.cpu * prices.cpu_hour + usage.memory_gib * prices.memory_gib_hour + devices


def _sum(usages: Iterable[Usage]) -> Usage:
    return reduce(Usage.plus, usages, Usage())
