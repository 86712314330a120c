"""ScalableService: a long-running HTTP service that scales with its load."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from handrail.components._api import (
    ApiSpec,
    check_versions,
    is_routed,
    route,
    served_versions,
    url,
    versions_told,
)
from handrail.components._definition import Definition, Found, Plan, Spec, Text, Workload
from handrail.components._labels import selector
from handrail.components._network import Peer, egress, ingress
from handrail.components._parts import (
    disruption_budget,
    external_secret,
    network_policy,
    resource,
    service,
    service_account,
)
from handrail.components._pod_spec import HttpPath, PodSpec, Port, check_pod
from handrail.components._pods import container, draining, pod, probes, spreading
from handrail.components._released import CANARY
from handrail.components._telemetry.dashboards import resource_panels
from handrail.components._telemetry.environment import opentelemetry
from handrail.components._telemetry.indicators import of_organisation
from handrail.components._telemetry.monitors import pod_monitor, service_monitor
from handrail.components._telemetry.objectives import ObjectiveSpec, check_objective
from handrail.components._telemetry.observe import observe_requests
from handrail.components._tracks import canary_notes, check_share, part, replicas_beside, share_told, track_of
from handrail.core.resources import Resource
from handrail.core.units import Duration, Percent

_WITHDRAWAL = Duration.parse("5s")


class ScaleSpec(Spec):
    """How many replicas, and what makes them more."""

    min: Annotated[int, Field(ge=1)] = 2
    """Fewest replicas, from 1; default 2 (cdk8s-plus), so that a restart or a lost node is not an outage."""
    max: Annotated[int, Field(ge=1)] | None = None
    """Most replicas; default: as `min`, which means no autoscaling."""
    cpu: Percent = Percent.parse("80%")
    """Average use of the requested cpu that replicas are added above; default 80% (KServe's default target)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max ({self.max}) is less than min ({self.min})")
        if self.cpu.whole < 1:
            raise ValueError(f"cpu ({self.cpu}) is less than 1%")
        return self

    @property
    def most(self) -> int:
        """The largest number of replicas."""
        return self.max or self.min

    @property
    def autoscaled(self) -> bool:
        """Whether an autoscaler owns the number of replicas."""
        return self.most > self.min


class MetricsSpec(Spec):
    """Where the service shows its own metrics."""

    path: HttpPath = "/metrics"
    """The path; default /metrics."""
    port: Port | None = None
    """The port; default the service's own."""


class ScalableServiceSpec(PodSpec):
    """A long-running HTTP service: Deployment, Service, autoscaler, route, disruption budget, network policy."""

    image: Text
    """The container image, as registry.acme.test/payments/checkout:1.4.2."""
    port: Port
    """The TCP port that the container listens on, 1 to 65535; callers use port 80 of the service's name."""
    api: ApiSpec | None = None
    """Its API; with it, the service is routed at the gateway under https://<host>/<version>. Default: no route."""
    scale: ScaleSpec = ScaleSpec()
    """How many replicas; default 2, fixed."""
    health: HttpPath | None = None
    """The path that answers 200 when the service is well, as /healthz; default: a TCP connection to `port`."""
    callers: list[Peer] = []
    """The workloads that may call it; services of the same file that name it in `calls` need no mention."""
    objective: ObjectiveSpec | None = None
    """What it promises its callers; default: availability 99.5%."""
    metrics: MetricsSpec = MetricsSpec()
    """Where it shows its own metrics; default /metrics on `port`."""


def check(workload: Workload[ScalableServiceSpec]) -> Found:
    """What needs the organisation to tell: teams that exist, a secret store, a source that measures the objective."""
    yield from check_pod(workload, ("calls", "callers"))
    unseen = (
        "the organisation counts requests at its gateway, and this service has no route there: "
        "give it an api, or leave the objective out"
    )
    yield from check_objective(workload, of_organisation(workload, routed=is_routed(workload)), unseen)


def check_tracks(workload: Workload[ScalableServiceSpec]) -> Found:
    """A share that replicas cannot give where no route does, and older versions that are not declared."""
    if not is_routed(workload):
        yield from check_share(workload, workload.spec.scale.min)
    yield from check_versions(workload)


def plan(workload: Workload[ScalableServiceSpec]) -> Plan:
    """The service's resources."""
    spec, context = workload.spec, workload.context
    routed, pin, canary, older = is_routed(workload), workload.release.canary, _canary(workload), _older(workload)
    advisories = []
    if spec.api and not routed:
        advisories.append(
            f"no route: cluster {context.settings.cluster} lacks gateway-api; "
            f"{workload.name} is reachable inside the cluster only"
        )
    advisories += versions_told(workload)
    own_port = spec.metrics.port not in (None, spec.port)
    scraped = [spec.metrics.port] if spec.metrics.port and own_port else None
    inbound = ingress(context, spec.port, spec.callers, routed=routed, scraped=scraped)
    resources = [service_account(workload), network_policy(workload, inbound, egress(context, spec.calls, spec.egress))]
    resources += external_secret(workload)
    after = tuple(found.name for found in resources)
    stable = _running(workload, after, shared=not routed and bool(pin and pin.weight))
    beside = [each for track in (*older, *canary) for each in _running(track, after)]
    for track in canary:
        advisories += share_told(workload, track.spec.scale.min, routed=routed)
    resources += _routed(workload, stable, beside, [*older, *canary]) if routed else [*stable, *beside]
    port = "metrics" if own_port else "http"
    monitor = (pod_monitor if own_port else service_monitor)(workload, port, spec.metrics.path)
    indicator = of_organisation(workload, routed=routed)
    observed, left_out = observe_requests(workload, monitor, indicator, resource_panels())
    outputs = {"url": url(workload), "namespace": workload.namespace, "service_account": workload.name}
    return Plan((*resources, *observed), outputs, (*advisories, *left_out))


COMPONENT = Definition(
    name="ScalableService",
    spec=ScalableServiceSpec,
    plan=plan,
    outputs={
        "url": "Where it is reached: at the gateway when it has an API, else inside the cluster.",
        "namespace": "The Kubernetes namespace it runs in, <team>-<environment>.",
        "service_account": "The name of its Kubernetes ServiceAccount.",
    },
    check=check,
    check_release=check_tracks,
)


def _canary(workload: Workload[ScalableServiceSpec]) -> list[Workload[ScalableServiceSpec]]:
    """The canary, with as many replicas as its share needs; none where the release has none.

    What gets its share by a route, or is dark, stands alone: where the stable release has a replica to spare, so has
    it, because its share fails while it has none.
    """
    scale, canary = workload.spec.scale, workload.release.canary
    if canary is None:
        return []
    alone = max(min(scale.min, 2), part(scale.min, canary.weight))
    fewest = alone if is_routed(workload) or not canary.weight else replicas_beside(scale.min, canary.weight) or alone
    own = scale.model_copy(update={"min": fewest, "max": -(-scale.most * fewest // scale.min)})
    return [track_of(workload, CANARY, canary, scale=own)]


def _older(workload: Workload[ScalableServiceSpec]) -> list[Workload[ScalableServiceSpec]]:
    """The older API versions, each with the stable release's replicas."""
    return [track_of(workload, version, pin) for version, pin in served_versions(workload).items()]


def _running(
    workload: Workload[ScalableServiceSpec], after: tuple[str, ...], *, shared: bool = False
) -> list[Resource]:
    """What one release runs as, the stable one or another."""
    return [
        _deployment(workload, after),
        service(workload, "http", shared=shared),
        *_autoscaler(workload),
        *disruption_budget(workload, workload.spec.scale.min),
    ]


def _routed(
    workload: Workload[ScalableServiceSpec],
    stable: list[Resource],
    beside: list[Resource],
    tracks: list[Workload[ScalableServiceSpec]],
) -> list[Resource]:
    """With a route, which never gets a backend before that backend can be ready.

    Where older versions are served it comes before the stable release: their callers are led to them before what
    offered them until now is replaced.
    """
    canary = workload.release.canary
    backends = [track for track in tracks if track.track != CANARY or (canary and canary.weight)]
    ready = tuple(f"{track.deployed}-{role}" for track in backends for role in ("deployment", "service"))
    if any(track.track != CANARY for track in tracks):
        first = route(workload, ready)
        deployment, *rest = stable
        return [*beside, first, replace(deployment, after=(*deployment.after, first.name)), *rest]
    own = tuple(f"{workload.name}-{role}" for role in ("deployment", "service"))
    return [*stable, *beside, route(workload, (*own, *ready))]


def _deployment(workload: Workload[ScalableServiceSpec], after: tuple[str, ...]) -> Resource:
    scale = workload.spec.scale
    spec: dict[str, Any] = {
        # the autoscaler owns the number of replicas where there is one: stating it here would reset it at every up
        **({} if scale.autoscaled else {"replicas": scale.min}),
        "selector": {"matchLabels": selector(workload)},
        "template": {"metadata": {}, "spec": _pod(workload)},
    }
    return resource(workload, "deployment", "apps/v1:Deployment", after, metadata=canary_notes(workload), spec=spec)


def _pod(workload: Workload[ScalableServiceSpec]) -> dict[str, Any]:
    spec = workload.spec
    ports = {"metrics": spec.metrics.port, "http": spec.port}  # the same number is one port
    numbers = {number: name for name, number in ports.items() if number}
    main = container(
        workload,
        spec.image,
        spec.resources,
        opentelemetry(workload),
        ports=[{"name": name, "containerPort": port, "protocol": "TCP"} for port, name in numbers.items()],
        **probes(spec.health, "http"),
        # endpoints are withdrawn while this sleeps, so that a stopping pod gets no new request
        lifecycle=draining(_WITHDRAWAL),
    )
    return pod(
        workload,
        [main],
        **({"topologySpreadConstraints": spreading(workload)} if spec.scale.most > 1 else {}),
    )


def _autoscaler(workload: Workload[ScalableServiceSpec]) -> Iterator[Resource]:
    scale = workload.spec.scale
    if scale.autoscaled:
        target = {"type": "Utilization", "averageUtilization": scale.cpu.whole}
        yield resource(
            workload,
            "autoscaler",
            "autoscaling/v2:HorizontalPodAutoscaler",
            (f"{workload.deployed}-deployment",),
            spec={
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.deployed},
                "minReplicas": scale.min,
                "maxReplicas": scale.most,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        )
