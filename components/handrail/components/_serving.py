"""How many replicas an endpoint has, how a new version takes over, how long one may take to start; and why."""

from enum import StrEnum
from string import Template
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from handrail.components._accelerators import quota_of
from handrail.components._definition import Spec, Workload
from handrail.components._parts import resource
from handrail.components._released import CANARY
from handrail.components._servers import Server
from handrail.core.resources import Resource
from handrail.core.units import Memory
from handrail.organisation import Capability, RequestMetrics

_LOAD_BYTES_PER_SECOND = 100 * 1024**2  # a slow object store; what is faster is ready sooner
_LEAST_START = 120  # seconds that a server itself takes


class EndpointScaleSpec(Spec):
    """How many replicas, and what makes them more."""

    min: Annotated[int, Field(ge=1)] = 1
    """Fewest replicas, from 1; default 1: an accelerator that waits is paid for."""
    max: Annotated[int, Field(ge=1)] | None = None
    """Most replicas; default: as `min`. More than `min` needs KEDA in the cluster and a server that tells its queue."""
    queue: Annotated[int, Field(ge=1)] | None = None
    """Waiting requests per replica above which another one is added; default 4."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max ({self.max}) is less than min ({self.min})")
        return self

    @property
    def most(self) -> int:
        """The largest number of replicas."""
        return self.max or self.min


class Rollout(StrEnum):
    """How a new version takes the place of an old one (the two strategies of kserve#4618)."""

    AVAILABILITY = "availability"
    """The new replica starts before an old one ends: one more accelerator is needed meanwhile."""
    RESOURCE_AWARE = "resource-aware"
    """An old replica ends before the new one starts: no accelerator beyond the quota, one replica fewer meanwhile."""


def rollout_of(workload: Workload[Any], beside: int = 0) -> tuple[Rollout, str]:
    """How a new version takes over, and why so.

    Args:
        beside: how many replicas a canary has.
    """
    spec = workload.spec
    if spec.rollout:
        return spec.rollout, "chosen"
    quota, needed = quota_of(workload, spec.accelerator), (spec.scale.most + beside + 1) * spec.accelerators
    if needed <= quota:
        return Rollout.AVAILABILITY, f"the quota of {quota} {spec.accelerator} has room for a replica more"
    fewer = "; the only replica is down meanwhile" if spec.scale.min == 1 else ""
    return (
        Rollout.RESOURCE_AWARE,
        f"a replica more would need {needed} {spec.accelerator}, the quota is {quota}{fewer}",
    )


def start_allowance(workload: Workload[Any]) -> tuple[int, str]:
    """Seconds that a replica may take to become ready, and why."""
    spec = workload.spec
    accelerator = workload.context.organisation.accelerators[spec.accelerator]
    size = spec.model_size or Memory(accelerator.memory.amount * spec.accelerators)
    seconds = max(_LEAST_START, 60 + -(-size.amount // _LOAD_BYTES_PER_SECOND))
    what = "the model's" if spec.model_size else "the accelerators' memory, so at most"
    return -(-seconds // 10) * 10, f"{what} {size} at 100 MiB a second, and a minute for the server"


def scaler_of(workload: Workload[Any], server: Server) -> tuple[list[Resource], str | None]:
    """KEDA on the server's queue; or why the number of replicas stays."""
    spec, organisation = workload.spec, workload.context.organisation
    if spec.scale.most == spec.scale.min:
        return [], None
    queue = server.queue
    if queue is None and organisation.telemetry.requests is RequestMetrics.OPENTELEMETRY:
        queue = 'sum(http_server_active_requests{job="$namespace/$name"$others})'
    missing = (
        f"cluster {workload.context.settings.cluster} lacks {Capability.KEDA}"
        if not workload.context.cluster.has(Capability.KEDA)
        else "organisation.yaml names no telemetry.prometheus to read the queue from"
        if organisation.telemetry.prometheus is None
        else f"{spec.server} tells no queue, and the organisation's request metrics do not either"
        if queue is None
        else None
    )
    if missing or queue is None:
        return [], f"fixed at {spec.scale.min}, not scaled from {spec.scale.min} to {spec.scale.most}: {missing}"
    # the canary's queue is its own: its pods would be counted under the same job
    others = f',pod!~"{workload.name}-{CANARY}-.+"' if workload.release.canary else ""
    trigger = {
        "type": "prometheus",
        "metadata": {
            "serverAddress": organisation.telemetry.prometheus,
            "query": Template(queue).substitute(namespace=workload.namespace, name=workload.name, others=others),
            "threshold": str(spec.scale.queue or server.target),
        },
    }
    body = {
        "scaleTargetRef": {"name": workload.name},
        "minReplicaCount": spec.scale.min,
        "maxReplicaCount": spec.scale.most,
        "triggers": [trigger],
        # a replica that loads a model for minutes is not thrown away at the first quiet moment (dstack: 10 minutes)
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}}},
    }
    after = (f"{workload.name}-deployment",)
    return [resource(workload, "autoscaler", "keda.sh/v1alpha1:ScaledObject", after, spec=body)], None
