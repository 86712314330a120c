"""ScalableService: a long-running HTTP service that scales with its load."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from handrail.components._definition import Definition, Found, Plan, Spec, Text, Workload
from handrail.components._labels import selector
from handrail.components._network import Egress, Peer, egress, ingress, team_and_name
from handrail.components._pods import container_security, environment, pod_security, probes, spreading
from handrail.core.errors import Problem
from handrail.core.models import nearest
from handrail.core.resources import Resource
from handrail.core.units import Cpu, Memory, Percent
from handrail.organisation import Capability

_STARTER_CPU_LIMIT, _STARTER_MEMORY_LIMIT = Cpu.parse("500m"), Memory.parse("1GiB")  # Kyverno's add-ns-quota


def _env_text(value: object) -> object:
    """YAML's numbers as the text that an environment variable is; true and false have no one spelling."""
    if isinstance(value, bool):
        raise ValueError('is a YAML truth value: write "true" or "false" in quotes')
    return str(value) if isinstance(value, int | float) else value


EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
EnvText = Annotated[Text, BeforeValidator(_env_text)]


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


class ScalableServiceSpec(Spec):
    """A long-running HTTP service: Deployment, Service, autoscaler, route, disruption budget, network policy."""

    image: Text
    """The container image, as registry.acme.test/payments/checkout:1.4.2."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """The TCP port that the container listens on, 1 to 65535; callers use port 80 of the service's name."""
    api: ApiSpec | None = None
    """Its API; with it, the service is routed at the gateway under https://<host>/<version>. Default: no route."""
    scale: ScaleSpec = ScaleSpec()
    """How many replicas; default 2, fixed."""
    cpu: Cpu = Cpu.parse("200m")
    """Requested cpu of one replica; default 200m (Kyverno's add-ns-quota)."""
    cpu_limit: Cpu | None = None
    """Most cpu of one replica; default 500m (Kyverno's add-ns-quota), or `cpu` where that is more."""
    memory: Memory = Memory.parse("256MiB")
    """Requested memory of one replica; default 256MiB (Kyverno's add-ns-quota)."""
    memory_limit: Memory | None = None
    """Most memory of one replica; default 1GiB (Kyverno's add-ns-quota), or `memory` where that is more."""
    env: dict[EnvName, EnvText] = {}
    """Environment variables that are no secrets."""
    secrets: dict[EnvName, str] = {}
    """Environment variables out of the organisation's secret store: name → key there.

    As `DATABASE_URL: payments/checkout/database-url`. The value itself is never seen by Handrail."""
    health: Annotated[str, StringConstraints(pattern=r"^/\S*$")] | None = None
    """The path that answers 200 when the service is well, as /healthz; default: a TCP connection to `port`."""
    calls: list[Peer] = []
    """The workloads it calls: `ledger` in the same team, `fraud/fraud-scorer` in another."""
    callers: list[Peer] = []
    """The workloads that may call it; services of the same file that name it in `calls` need no mention."""
    egress: list[Egress] = []
    """Address blocks outside the cluster that it may reach, each with a TCP port: `10.20.0.0/16:5432`."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for limit, request, word in (
            (self.cpu_limit, self.cpu, "cpu"),
            (self.memory_limit, self.memory, "memory"),
        ):
            if limit is not None and limit < request:  # type: ignore[operator]
                raise ValueError(f"{word}_limit ({limit}) is less than {word} ({request})")
        if both := sorted(self.env.keys() & self.secrets.keys()):
            raise ValueError(f"{', '.join(both)} is in env and in secrets")
        return self


def check(workload: Workload[ScalableServiceSpec]) -> Found:
    """What needs the organisation to tell: teams that exist, a secret store to read from."""
    spec, context = workload.spec, workload.context
    for word in ("calls", "callers"):
        for index, peer in enumerate(getattr(spec, word)):
            team, name = team_and_name(peer, context.team)
            if team not in context.organisation.teams:
                teams = sorted(context.organisation.teams)
                near = nearest(team, teams)
                yield (
                    (word, index),
                    Problem(
                        f"names a team that the organisation lacks: {team}",
                        given=peer,
                        allowed=", ".join(teams),
                        remedy=f"did you mean {near}/{name}?" if near else None,
                    ),
                )
    if spec.secrets and not context.cluster.has(Capability.EXTERNAL_SECRETS):
        yield (
            ("secrets",),
            Problem(
                f"needs external-secrets, which cluster {context.settings.cluster} lacks",
                remedy="ask the platform team to add the capability external-secrets, or deploy to another environment",
            ),
        )


def plan(workload: Workload[ScalableServiceSpec]) -> Plan:
    """The service's resources."""
    spec, cluster = workload.spec, workload.context.cluster
    advisories = []
    routed = spec.api is not None and cluster.has(Capability.GATEWAY_API)
    if spec.api and not routed:
        advisories.append(
            f"no route: cluster {workload.context.settings.cluster} lacks gateway-api; "
            f"{workload.name} is reachable inside the cluster only"
        )
    resources = [_service_account(workload), _network_policy(workload, routed=routed)]
    resources += _external_secret(workload)
    resources.append(_deployment(workload, after=tuple(resource.name for resource in resources)))
    resources.append(_service(workload))
    resources += _autoscaler(workload)
    resources += _disruption_budget(workload)
    if routed:
        resources.append(_route(workload))
    outputs = {"url": _url(workload, routed=routed), "namespace": workload.namespace, "service_account": workload.name}
    return Plan(tuple(resources), outputs, tuple(advisories))


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


def _resource(workload: Workload[Any], role: str, type_: str, after: tuple[str, ...] = (), **body: Any) -> Resource:
    metadata = {"name": workload.name, "namespace": workload.namespace}
    return Resource(f"{workload.name}-{role}", f"kubernetes:{type_}", {"metadata": metadata, **body}, after)


def _service_account(workload: Workload[ScalableServiceSpec]) -> Resource:
    return _resource(workload, "service-account", "core/v1:ServiceAccount", automountServiceAccountToken=False)


def _external_secret(workload: Workload[ScalableServiceSpec]) -> Iterator[Resource]:
    store = workload.context.cluster.secret_store
    if workload.spec.secrets and store:
        data = [{"secretKey": name, "remoteRef": {"key": key}} for name, key in sorted(workload.spec.secrets.items())]
        yield _resource(
            workload,
            "external-secret",
            "external-secrets.io/v1:ExternalSecret",
            spec={
                "refreshInterval": "1h",
                "secretStoreRef": {"kind": "ClusterSecretStore", "name": store.name},
                "target": {"name": workload.name, "creationPolicy": "Owner"},
                "data": data,
            },
        )


def _deployment(workload: Workload[ScalableServiceSpec], after: tuple[str, ...]) -> Resource:
    scale = workload.spec.scale
    spec: dict[str, Any] = {
        # the autoscaler owns the number of replicas where there is one: stating it here would reset it at every up
        **({} if scale.autoscaled else {"replicas": scale.min}),
        "selector": {"matchLabels": selector(workload.name)},
        "template": {"metadata": {}, "spec": _pod(workload)},
    }
    return _resource(workload, "deployment", "apps/v1:Deployment", after, spec=spec)


def _pod(workload: Workload[ScalableServiceSpec]) -> dict[str, Any]:
    spec = workload.spec
    variables = environment(spec.env, workload.name, spec.secrets)
    container = {
        "name": workload.name,
        "image": spec.image,
        "ports": [{"name": "http", "containerPort": spec.port, "protocol": "TCP"}],
        **({"env": variables} if variables else {}),
        "resources": {
            "requests": {"cpu": str(spec.cpu), "memory": str(spec.memory)},
            "limits": {
                "cpu": str(spec.cpu_limit or max(spec.cpu, _STARTER_CPU_LIMIT)),
                "memory": str(spec.memory_limit or max(spec.memory, _STARTER_MEMORY_LIMIT)),
            },
        },
        **probes(spec.health, "http"),
        # endpoints are withdrawn while this sleeps, so that a stopping pod gets no new request
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "securityContext": container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  a path inside the container
    }
    return {
        "serviceAccountName": workload.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        **({"topologySpreadConstraints": spreading(workload.name)} if spec.scale.most > 1 else {}),
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _service(workload: Workload[ScalableServiceSpec]) -> Resource:
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    return _resource(
        workload,
        "service",
        "core/v1:Service",
        spec={"type": "ClusterIP", "selector": selector(workload.name), "ports": [port]},
    )


def _autoscaler(workload: Workload[ScalableServiceSpec]) -> Iterator[Resource]:
    scale = workload.spec.scale
    if scale.autoscaled:
        target = {"type": "Utilization", "averageUtilization": scale.cpu.whole}
        yield _resource(
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


def _disruption_budget(workload: Workload[ScalableServiceSpec]) -> Iterator[Resource]:
    # at one replica a budget would only block the draining of its node
    if workload.spec.scale.min > 1:
        yield _resource(
            workload,
            "disruption-budget",
            "policy/v1:PodDisruptionBudget",
            spec={
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": selector(workload.name)},
            },
        )


def _network_policy(workload: Workload[ScalableServiceSpec], *, routed: bool) -> Resource:
    spec, context = workload.spec, workload.context
    inbound = ingress(context, spec.port, spec.callers, routed=routed)
    return _resource(
        workload,
        "network-policy",
        "networking.k8s.io/v1:NetworkPolicy",
        spec={
            "podSelector": {"matchLabels": selector(workload.name)},
            "policyTypes": ["Ingress", "Egress"],
            **({"ingress": inbound} if inbound else {}),  # the provider drops an empty list; absent shuts as well
            "egress": egress(context, spec.calls, spec.egress),
        },
    )


def _route(workload: Workload[ScalableServiceSpec]) -> Resource:
    api, gateway = workload.spec.api, workload.context.cluster.gateway
    assert api and gateway, "a route is planned only with both"
    return _resource(
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
                    "backendRefs": [{"name": workload.name, "port": 80, "weight": workload.release.weight}],
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
