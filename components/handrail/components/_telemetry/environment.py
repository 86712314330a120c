"""OpenTelemetry's own environment variables, so that an SDK in the image needs no configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.components._definition import Workload


_POD = "HANDRAIL_POD"  # stands before OTEL_ in the sorted environment: a variable reads only what is before it


def opentelemetry(workload: Workload[Any]) -> dict[str, Any]:
    """Who the workload is, and where its telemetry goes.

    What stands beside the stable release counts as the same service; its pod's name, which Prometheus has as the label
    `instance`, tells it apart.
    """
    context = workload.context
    attributes = {
        "service.namespace": workload.namespace,
        "deployment.environment.name": context.environment,
        "k8s.namespace.name": workload.namespace,
        "team": context.team,
    }
    if workload.track:
        attributes["service.instance.id"] = f"$({_POD})"
    pod = {_POD: {"fieldRef": {"fieldPath": "metadata.name"}}} if workload.track else {}
    collector = context.organisation.services.telemetry
    endpoint = (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"} if collector else {}
    )
    return {
        **pod,
        "OTEL_SERVICE_NAME": workload.name,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"{key}={value}" for key, value in attributes.items()),
        **endpoint,
    }
