"""Recording rules and multi-window burn-rate alerts of an objective, under Sloth's names: its dashboards work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from handrail.components._telemetry.objectives import Objective

if TYPE_CHECKING:
    from handrail.components._definition import Workload

PERIOD_DAYS = 30


@dataclass(frozen=True, slots=True)
class Burn:
    """A pair of windows, and how many times too fast the error budget burns when both exceed it."""

    severity: str
    factor: Decimal
    long: str
    short: str


# 2 %, 5 %, 10 % and 10 % of a 30-day budget (Google SRE workbook; the numbers as in Sloth's google-30d)
BURNS = (
    Burn("page", Decimal("14.4"), "1h", "5m"),
    Burn("page", Decimal("6"), "6h", "30m"),
    Burn("ticket", Decimal("3"), "1d", "2h"),
    Burn("ticket", Decimal("1"), "3d", "6h"),
)
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_SHORTEST = WINDOWS[0]  # the 30 days are its average


def labels_of(workload: Workload[Any]) -> dict[str, str]:
    """The labels that rules and alerts of a workload carry: an alert finds its team, and pages by its tier."""
    context = workload.context
    return {
        "namespace": workload.namespace,
        "workload": workload.name,
        "team": context.team,
        "environment": context.environment,
        "tier": str(context.settings.tier),
    }


def objective_groups(workload: Workload[Any], objective: Objective) -> tuple[list[dict[str, Any]], list[str]]:
    """The rule groups of an objective, and what was left out of them."""
    sloth_id = f"{workload.namespace}-{workload.name}-{objective.name}"
    slo = {"sloth_id": sloth_id, "sloth_service": workload.name, "sloth_slo": objective.name}
    labels = {**labels_of(workload), **slo}
    burns = [burn for burn in BURNS if burn.factor * (1 - objective.target) < 1]
    left_out = [
        f"no {burn.severity} alert over {burn.long} and {burn.short} for {objective.name}: a budget of "
        f"{_number((1 - objective.target) * 100)}% cannot burn {burn.factor} times too fast even if all is bad"
        for burn in BURNS
        if burn not in burns
    ]
    recorded = [
        {"record": f"slo:sli_error:ratio_rate{window}", "expr": _measured(objective, window),
         "labels": {**labels, "sloth_window": window}}
        for window in WINDOWS
    ]  # fmt: skip
    groups = [
        {"name": f"{workload.name}-{objective.name}-indicator", "rules": recorded},
        {"name": f"{workload.name}-{objective.name}-budget", "rules": list(_budget(objective, sloth_id, labels))},
        {
            "name": f"{workload.name}-{objective.name}-alerts",
            "rules": [*_alerts(objective, sloth_id, labels, burns), _unmeasured(objective, sloth_id, labels)],
        },
    ]
    return groups, left_out


def _measured(objective: Objective, window: str) -> str:
    """The share of bad requests; not recorded over 5m without any, where 0 / 0 would make all 30 days no number."""
    return f"{objective.bad(window)} >= 0" if window == _SHORTEST else objective.bad(window)


def _budget(objective: Objective, sloth_id: str, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    mine = f'{{sloth_id="{sloth_id}"}}'
    short = f"slo:sli_error:ratio_rate{_SHORTEST}{mine}"
    period = f"{PERIOD_DAYS}d"
    whole = f"sum_over_time({short}[{period}]) / count_over_time({short}[{period}])"
    for record, expr in (
        (f"slo:sli_error:ratio_rate{period}", f"{whole}"),
        ("slo:objective:ratio", f"vector({_number(objective.target)})"),
        ("slo:error_budget:ratio", f"vector(1 - {_number(objective.target)})"),
        ("slo:time_period:days", f"vector({PERIOD_DAYS})"),
        ("slo:current_burn_rate:ratio", f"{short} / on (sloth_id) group_left slo:error_budget:ratio{mine}"),
        (
            "slo:period_burn_rate:ratio",
            f"slo:sli_error:ratio_rate{period}{mine} / on (sloth_id) group_left slo:error_budget:ratio{mine}",
        ),
        ("slo:period_error_budget_remaining:ratio", f"1 - slo:period_burn_rate:ratio{mine}"),
    ):
        window = {"sloth_window": period} if record.endswith(period) else {}
        yield {"record": record, "expr": expr, "labels": {**labels, **window}}


def _alerts(
    objective: Objective, sloth_id: str, labels: Mapping[str, str], burns: list[Burn]
) -> Iterator[dict[str, Any]]:
    """One alert per severity: any of its pairs of windows is enough."""
    budget = _number(1 - objective.target)
    for severity in dict.fromkeys(burn.severity for burn in burns):
        pairs = [
            "(" + " and ".join(_over(sloth_id, window, burn.factor, budget) for window in (burn.short, burn.long)) + ")"
            for burn in burns
            if burn.severity == severity
        ]
        yield {
            "alert": "ErrorBudgetBurn",
            "expr": " or ".join(pairs),
            "labels": {**labels, "severity": severity},
            "annotations": {
                "summary": f"{labels['workload']} in {labels['namespace']} misses its objective: {objective.sentence}",
                "description": f"Its error budget of {PERIOD_DAYS} days burns too fast. What it is measured by: "
                f'slo:sli_error:ratio_rate5m{{sloth_id="{sloth_id}"}}; its dashboard: {labels["namespace"]}/'
                f"{labels['workload']}.",
            },
        }


def _unmeasured(objective: Objective, sloth_id: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """An objective without a series would be silent for ever."""
    return {
        "alert": "ObjectiveNotMeasured",
        "expr": f'absent(slo:sli_error:ratio_rate1h{{sloth_id="{sloth_id}"}})',
        "for": "6h",
        "labels": {**labels, "severity": "ticket"},
        "annotations": {
            "summary": f"nothing measures whether {labels['workload']} keeps its objective: {objective.sentence}",
            "description": "For six hours Prometheus had no metric of its requests: they do not reach it (the "
            "organisation's telemetry.requests says which are counted), or none came since it started.",
        },
    }


def _over(sloth_id: str, window: str, factor: Decimal, budget: str) -> str:
    series = f'slo:sli_error:ratio_rate{window}{{sloth_id="{sloth_id}"}}'
    return f"max without (sloth_window) ({series}) > ({factor} * {budget})"


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"
