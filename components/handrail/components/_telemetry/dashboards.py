"""A Grafana dashboard per workload, each kind with the panels that its people ask for."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from handrail.components._definition import Workload
from handrail.components._parts import resource
from handrail.components._telemetry.indicators import Indicator
from handrail.components._telemetry.objectives import Objective
from handrail.core.resources import Resource

_RANGE = "$__rate_interval"  # Grafana's own: never shorter than four scrapes


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: what it is called, the unit (Grafana's id), and its series as legend → PromQL."""

    title: str
    unit: str
    series: dict[str, str]
    stat: bool = False
    """One number in large type, not a line over time."""


def request_panels(indicator: Indicator, objectives: Iterable[Objective]) -> list[Panel]:
    """Rate, errors and latency of requests, and how much of each error budget is left."""
    latency = {f"p{share[2:]}": indicator.quantile(share, _RANGE) for share in ("0.50", "0.95", "0.99")}
    return [
        *_budget_panels(objectives),
        Panel("Requests", "reqps", {"requests": indicator.request_rate(_RANGE)}),
        Panel("Errors", "percentunit", {"errors": indicator.error_ratio(_RANGE)}),
        *([Panel("Latency", "s", latency)] if indicator.latency else []),
    ]


def _budget_panels(objectives: Iterable[Objective]) -> list[Panel]:
    series = {
        objective.sentence: f'slo:period_error_budget_remaining:ratio{{sloth_service="$name",namespace="$namespace",'
        f'sloth_slo="{objective.name}"}}'
        for objective in objectives
    }
    return [Panel("Error budget left of 30 days", "percentunit", series, stat=True)] if series else []


def resource_panels() -> list[Panel]:
    """Replicas, cpu and memory (kube-state-metrics and cAdvisor)."""
    pods = f'namespace="$namespace",pod=~"{_PODS}"'
    used, restarts = f'{pods},container!=""', "kube_pod_container_status_restarts_total"
    return [
        Panel("Running pods", "short", {"running": f'sum(kube_pod_status_phase{{{pods},phase="Running"}})'}),
        Panel("Cpu", "short", {"{{pod}}": f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{used}}}[5m]))"}),
        Panel("Memory", "bytes", {"{{pod}}": f"sum by (pod) (container_memory_working_set_bytes{{{used}}})"}),
        Panel("Restarts", "short", {"{{pod}}": f"sum by (pod) (increase({restarts}{{{pods}}}[1h]))"}),
    ]


def gpu_panels() -> list[Panel]:
    """Use and memory of the workload's GPUs, from NVIDIA's DCGM exporter."""

    def either(metric: str) -> str:
        # the exporter's own pod wins the plain labels unless the scrape honours its labels: take whichever is set
        plain = f'{metric}{{namespace="$namespace",pod=~"{_PODS}"}}'
        moved = f'{metric}{{exported_namespace="$namespace",exported_pod=~"{_PODS}"}}'
        return f"avg by (gpu) ({plain}) or avg by (gpu) ({moved})"

    return [
        Panel("GPU use", "percent", {"GPU {{gpu}}": either("DCGM_FI_DEV_GPU_UTIL")}),
        Panel("GPU memory", "decmbytes", {"GPU {{gpu}}": either("DCGM_FI_DEV_FB_USED")}),
    ]


def notebook_panels() -> list[Panel]:
    """Whether somebody works in it, and how full its volume is."""
    volume = 'namespace="$namespace",persistentvolumeclaim="$name-home"'
    used, whole = f"kubelet_volume_stats_used_bytes{{{volume}}}", f"kubelet_volume_stats_capacity_bytes{{{volume}}}"
    running = 'kube_statefulset_status_replicas_ready{namespace="$namespace",statefulset="$name"}'
    return [
        Panel("Running", "short", {"replicas": f"max({running})"}, stat=True),
        Panel("Volume in use", "percentunit", {"home": f"max({used}) / max({whole})"}, stat=True),
    ]


def job_panels() -> list[Panel]:
    """Last success, last duration, runs by outcome (kube-state-metrics)."""
    last = 'max(kube_cronjob_status_last_successful_time{namespace="$namespace",cronjob="$name"})'
    ended, began = _of_runs("kube_job_status_completion_time"), _of_runs("kube_job_status_start_time")
    took = f"{ended} - {began}"
    return [
        Panel("Since the last success", "s", {"freshness": f"time() - {last}"}, stat=True),
        Panel("The last run took", "s", {"duration": f"({took}) and on (job_name) topk(1, {ended})"}, stat=True),
        Panel("Duration of runs", "s", {"{{job_name}}": took}),
        Panel(
            "Runs",
            "short",
            {outcome: f"sum({_of_runs(f'kube_job_status_{outcome}')} > bool 0)" for outcome in _OUTCOMES},
        ),
    ]


_OUTCOMES = ("active", "failed", "succeeded")
# a Deployment's, a StatefulSet's or a Job's pods, and not those of a workload whose name only begins the same
_PODS = "$name-[a-z0-9]+(-[0-9]+)?(-[a-z0-9]{5})?"


def _of_runs(metric: str) -> str:
    """`metric` of the Jobs that the CronJob owns, those started by hand included."""
    owner = 'kube_job_owner{namespace="$namespace",owner_kind="CronJob",owner_name="$name"}'
    every = f'max by (namespace, job_name) ({metric}{{namespace="$namespace"}})'
    return f"({every} and on (namespace, job_name) {owner})"


def dashboard(workload: Workload[Any], panels: Sequence[Panel]) -> Resource:
    """A ConfigMap that Grafana's sidecar loads (label `grafana_dashboard`)."""
    data = {f"{workload.namespace}-{workload.name}.json": json.dumps(build(workload, panels), sort_keys=True)}
    labels = {"grafana_dashboard": "1"}
    name = f"{workload.name}-dashboard"
    return resource(workload, "dashboard", "core/v1:ConfigMap", name=name, metadata={"labels": labels}, data=data)


def build(workload: Workload[Any], panels: Sequence[Panel]) -> dict[str, Any]:
    """The dashboard as Grafana's JSON, by Grafana's own SDK."""
    # imported here: only a plan needs the SDK, a command that shows help does not
    with warnings.catch_warnings():
        # it would rather have the second schema, which Grafana before 12 and its sidecar do not read
        warnings.simplefilter("ignore", DeprecationWarning)
        from grafana_foundation_sdk.builders import dashboard as dashboards
        from grafana_foundation_sdk.builders import prometheus, stat, timeseries
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
        from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos

    source = DataSourceRef(type_val="prometheus", uid="${datasource}")
    board = (
        dashboards.Dashboard(f"{workload.namespace} / {workload.name}")
        .uid(_uid(f"{workload.namespace}-{workload.name}"))
        .tags(["handrail", workload.context.team, workload.context.environment])
        .readonly()
        .refresh("1m")
        .time("now-6h", "now")
        .with_variable(dashboards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(dashboards.ConstantVariable("namespace").value(workload.namespace))
        .with_variable(dashboards.ConstantVariable("name").value(workload.name))
    )
    for index, panel in enumerate(panels):
        chart = (stat if panel.stat else timeseries).Panel().title(panel.title).unit(panel.unit).datasource(source)
        for legend, expression in panel.series.items():
            chart = chart.with_target(prometheus.Dataquery().expr(expression).legend_format(legend).datasource(source))
        place = GridPos(h=8, w=12, x=12 * (index % 2), y=8 * (index // 2))
        board = board.with_panel(chart.grid_pos(place).id(index + 1))
    built: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(board.build()))
    return built


def _uid(name: str) -> str:
    """A dashboard's address: at most 40 characters, Grafana's limit."""
    return name if len(name) <= 40 else f"{name[:31]}-{sha256(name.encode()).hexdigest()[:8]}"
