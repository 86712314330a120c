"""OpenTelemetry's own environment variables, so that an SDK in the image needs no configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handrail.components._released import CANARY

if TYPE_CHECKING:
    from handrail.components._definition import Workload


def opentelemetry(workload: Workload[Any]) -> dict[str, str]:
    """Who the workload is, and where its telemetry goes."""
    context = workload.context
    attributes = {
        "service.namespace": workload.namespace,
        "deployment.environment.name": context.environment,
        "k8s.namespace.name": workload.namespace,
        "team": context.team,
    }
    collector = context.organisation.services.telemetry
    endpoint = (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"} if collector else {}
    )
    return {
        # a canary is measured by itself: that is what its share depends on
        "OTEL_SERVICE_NAME": workload.deployed if workload.track == CANARY else workload.name,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"{key}={value}" for key, value in attributes.items()),
        **endpoint,
    }
