"""ScalableService: a long-running HTTP service that scales with its load."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

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
from handrail.components._telemetry.dashboards import resource_panels
from handrail.components._telemetry.environment import opentelemetry
from handrail.components._telemetry.indicators import of_organisation
from handrail.components._telemetry.monitors import pod_monitor, service_monitor
from handrail.components._telemetry.objectives import ObjectiveSpec, check_objective
from handrail.components._telemetry.observe import observe_requests
from handrail.core.resources import Resource
from handrail.core.units import Duration, Percent
from handrail.organisation import Capability

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


class ApiSpec(Spec):
    """The API that the service offers at the organisation's gateway."""

    version: Annotated[str, StringConstraints(pattern=r"^v[1-9][0-9]*$")]
    """The API's major version, as v2: it is the first part of every path."""


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
    yield from check_objective(workload, of_organisation(workload, routed=_routed(workload)), unseen)


def _routed(workload: Workload[ScalableServiceSpec]) -> bool:
    return workload.spec.api is not None and workload.context.cluster.has(Capability.GATEWAY_API)


def plan(workload: Workload[ScalableServiceSpec]) -> Plan:
    """The service's resources."""
    spec, context = workload.spec, workload.context
    advisories = []
    routed = _routed(workload)
    if spec.api and not routed:
        advisories.append(
            f"no route: cluster {context.settings.cluster} lacks gateway-api; "
            f"{workload.name} is reachable inside the cluster only"
        )
    own_port = spec.metrics.port not in (None, spec.port)
    scraped = [spec.metrics.port] if spec.metrics.port and own_port else None
    inbound = ingress(context, spec.port, spec.callers, routed=routed, scraped=scraped)
    resources = [service_account(workload), network_policy(workload, inbound, egress(context, spec.calls, spec.egress))]
    resources += external_secret(workload)
    resources.append(_deployment(workload, after=tuple(found.name for found in resources)))
    resources.append(service(workload, "http"))
    resources += _autoscaler(workload)
    resources += disruption_budget(workload, spec.scale.min)
    if routed:
        resources.append(_route(workload))
    port = "metrics" if own_port else "http"
    monitor = (pod_monitor if own_port else service_monitor)(workload, port, spec.metrics.path)
    indicator = of_organisation(workload, routed=routed)
    observed, left_out = observe_requests(workload, monitor, indicator, resource_panels())
    outputs = {"url": _url(workload, routed=routed), "namespace": workload.namespace, "service_account": workload.name}
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
)


def _deployment(workload: Workload[ScalableServiceSpec], after: tuple[str, ...]) -> Resource:
    scale = workload.spec.scale
    spec: dict[str, Any] = {
        # the autoscaler owns the number of replicas where there is one: stating it here would reset it at every up
        **({} if scale.autoscaled else {"replicas": scale.min}),
        "selector": {"matchLabels": selector(workload.name)},
        "template": {"metadata": {}, "spec": _pod(workload)},
    }
    return resource(workload, "deployment", "apps/v1:Deployment", after, spec=spec)


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
        **({"topologySpreadConstraints": spreading(workload.name)} if spec.scale.most > 1 else {}),
    )


def _autoscaler(workload: Workload[ScalableServiceSpec]) -> Iterator[Resource]:
    scale = workload.spec.scale
    if scale.autoscaled:
        target = {"type": "Utilization", "averageUtilization": scale.cpu.whole}
        yield resource(
            workload,
            "autoscaler",
            "autoscaling/v2:HorizontalPodAutoscaler",
            (f"{workload.name}-deployment",),
            spec={
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name},
                "minReplicas": scale.min,
                "maxReplicas": scale.most,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        )


def _route(workload: Workload[ScalableServiceSpec]) -> Resource:
    api, gateway = workload.spec.api, workload.context.cluster.gateway
    assert api and gateway, "a route is planned only with both"
    return resource(
        workload,
        "route",
        "gateway.networking.k8s.io/v1:HTTPRoute",
        # a route never gets a backend before that backend can be ready
        (f"{workload.name}-deployment", f"{workload.name}-service"),
        spec={
            "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
            "hostnames": [_host(workload)],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": f"/{api.version}"}}],
                    "backendRefs": [{"name": workload.name, "port": 80, "weight": 100}],
                }
            ],
        },
    )


def _host(workload: Workload[ScalableServiceSpec]) -> str:
    gateway = workload.context.cluster.gateway
    return f"{workload.name}-{workload.namespace}.{gateway.domain if gateway else ''}"


def _url(workload: Workload[ScalableServiceSpec], *, routed: bool) -> str:
    api = workload.spec.api
    if routed and api:
        return f"https://{_host(workload)}/{api.version}"
    return f"http://{workload.name}.{workload.namespace}.svc"
