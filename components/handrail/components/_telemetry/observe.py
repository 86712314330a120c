"""All of a workload's telemetry, or the sentence that says why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from handrail.components._definition import Workload
from handrail.components._telemetry import monitors
from handrail.components._telemetry.dashboards import Panel, dashboard, request_panels
from handrail.components._telemetry.indicators import Indicator
from handrail.components._telemetry.objectives import Objective, ObjectiveSpec, objectives
from handrail.components._telemetry.rules import objective_groups
from handrail.core.resources import Resource
from handrail.organisation import Capability

Telemetry = tuple[list[Resource], list[str]]
"""The resources, and what was left out of them."""


def observe_requests(
    workload: Workload[Any], monitor: Resource | None, indicator: Indicator | None, panels: Sequence[Panel]
) -> Telemetry:
    """Telemetry of a workload that answers requests: a monitor, its objectives' rules and alerts, a dashboard."""
    advisories: list[str] = []
    promised: list[Objective] = []
    if indicator:
        promised = list(objectives(workload.spec.objective or ObjectiveSpec(), indicator))
        panels = [*request_panels(indicator, promised), *panels]
    else:
        advisories.append(f"no objective: no source of request metrics sees {workload.name}")
    groups: list[dict[str, Any]] = []
    for objective in promised:
        found, left_out = objective_groups(workload, objective)
        groups += found
        advisories += left_out
    return observe(workload, [monitor] if monitor else [], groups, panels, advisories)


def observe(
    workload: Workload[Any],
    found: Iterable[Resource],
    groups: list[dict[str, Any]],
    panels: Sequence[Panel],
    advisories: Iterable[str] = (),
) -> Telemetry:
    """Monitors, rules and a dashboard; an advisory instead where the cluster has no Prometheus operator."""
    cluster = workload.context.settings.cluster
    if not workload.context.cluster.has(Capability.PROMETHEUS_OPERATOR):
        return [], [f"no metrics, alerts and dashboard: cluster {cluster} lacks {Capability.PROMETHEUS_OPERATOR}"]
    rules = [monitors.rules(workload, groups)] if groups else []
    return [*found, *rules, dashboard(workload, panels)], list(advisories)
