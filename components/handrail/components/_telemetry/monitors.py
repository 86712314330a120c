"""What Prometheus scrapes of a workload."""

from __future__ import annotations

from typing import Any

from handrail.components._definition import Workload
from handrail.components._labels import PREFIX, every_track
from handrail.components._parts import resource
from handrail.core.resources import Resource

_API = "monitoring.coreos.com/v1"
# carried from the pods onto every scraped series
_TARGET_LABELS = [f"{PREFIX}/team", "app.kubernetes.io/name"]


def service_monitor(workload: Workload[Any], port: str, path: str) -> Resource:
    """Scrapes the pods behind the workload's Service."""
    return _monitor(workload, "service-monitor", "ServiceMonitor", "endpoints", port, path)


def pod_monitor(workload: Workload[Any], port: str, path: str) -> Resource:
    """Scrapes the workload's pods, whatever its Service points at; its job label is <namespace>/<workload>."""
    return _monitor(workload, "pod-monitor", "PodMonitor", "podMetricsEndpoints", port, path)


def rules(workload: Workload[Any], groups: list[dict[str, Any]]) -> Resource:
    """Recording rules and alerts."""
    metadata = {"labels": dict(workload.context.organisation.telemetry.monitor_labels)}
    return resource(workload, "alerts", f"{_API}:PrometheusRule", metadata=metadata, spec={"groups": groups})


def _monitor(workload: Workload[Any], role: str, kind: str, endpoints: str, port: str, path: str) -> Resource:
    spec = {
        "selector": {"matchLabels": every_track(workload.name)},
        "podTargetLabels": _TARGET_LABELS,
        endpoints: [{"port": port, "path": path, "interval": "30s"}],
    }
    metadata = {"labels": dict(workload.context.organisation.telemetry.monitor_labels)}
    return resource(workload, role, f"{_API}:{kind}", metadata=metadata, spec=spec)
