"""GpuInferenceEndpoint: a model behind an address, on accelerators, for callers that are known."""

from collections.abc import Iterator
from string import Template
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from handrail.components._accelerators import (
    accelerator_labels,
    accelerator_of,
    check_accelerator,
    limits,
    placement,
    queue_labels,
)
from handrail.components._api_server import api_server_egress, check_api_server
from handrail.components._callers import PORT as PROXY_PORT
from handrail.components._callers import callers_access, proxy, url
from handrail.components._data import data_environment
from handrail.components._definition import Definition, Derived, Found, Plan, Text, Workload
from handrail.components._labels import PREFIX, selector
from handrail.components._network import Peer, egress, ingress
from handrail.components._parts import (
    disruption_budget,
    external_secret,
    network_policy,
    resource,
    service,
    service_account,
)
from handrail.components._pod_spec import DatasetUri, PodSpec, check_pod
from handrail.components._pods import container, draining, pod, spreading
from handrail.components._released import CANARY
from handrail.components._servers import MODELS, PORT, SERVERS, ModelServer, Server
from handrail.components._serving import EndpointScaleSpec, Rollout, rollout_of, scaler_of, start_allowance
from handrail.components._telemetry.dashboards import gpu_panels, resource_panels
from handrail.components._telemetry.indicators import Indicator, of_organisation, of_workload
from handrail.components._telemetry.monitors import pod_monitor
from handrail.components._telemetry.objectives import ObjectiveSpec, check_objective
from handrail.components._telemetry.observe import observe_requests
from handrail.components._tracks import canary_notes, check_share, replicas_beside, share_told, track_of
from handrail.components.workload_priorities import Priority
from handrail.core.errors import Problem
from handrail.core.resources import Given, Resource
from handrail.core.units import Cpu, Duration, Memory
from handrail.organisation import Capability, RequestMetrics

Url = Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+(/\S*)?$")]


class GpuInferenceEndpointSpec(PodSpec):
    """A model that answers on accelerators: Deployment, Service, authenticated callers, queue, autoscaler."""

    model: Annotated[str, StringConstraints(min_length=1, pattern=r"^\S+$")] | Given
    """The model, by URI: models:/fraud-scorer/7 (MLflow), s3://models/fraud, or for vllm a Hugging Face id."""
    accelerator: str
    """The kind of accelerator, one of the organisation's catalogue."""
    accelerators: Annotated[int, Field(ge=1)] = 1
    """How many of them one replica has; default 1."""
    server: ModelServer = ModelServer.MLFLOW
    """mlflow (default), mlserver, triton or vllm: command, ports, probes and metrics follow from it."""
    image: Text | None = None
    """The container image with the server and the model's dependencies; default: the organisation's for the server."""
    model_size: Memory | None = None
    """How large the model is; how long it may take to start follows. Default: as much as the accelerators hold."""
    model_cache: Memory | None = None
    """A volume that keeps fetched models for all replicas, so that a restart fetches nothing (vllm); default: none."""
    scale: EndpointScaleSpec = EndpointScaleSpec()
    """How many replicas; default 1, fixed."""
    rollout: Rollout | None = None
    """availability or resource-aware; default: availability where the team's quota has room for one more replica."""
    drain: Duration = Duration.parse("60s")
    """How long a stopping replica may finish what it began; default 60s."""
    cpu: Cpu = Cpu.parse("2")
    """Requested cpu of one replica; default 2 cores."""
    memory: Memory = Memory.parse("8GiB")
    """Requested memory of one replica; default 8GiB."""
    datasets: list[DatasetUri] = []
    """The datasets that it reads while it answers, by URI."""
    callers: list[Peer] = []
    """The workloads that may call it, each by its own identity; workloads of the same file that name it in `calls`
    need no mention. Nobody else gets an answer."""
    objective: ObjectiveSpec | None = None
    """What it promises its callers; default: availability 99.5%."""
    model_card: Url | None = None
    """Where the model's card is: what the model is for, what it was trained on, where it fails; default: none."""
    evaluation: Url | None = None
    """Where this version's evaluation is: a report, or the MLflow run that measured it; default: none."""
    training_run: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = None
    """The MLflow run that trained this version, by its id of 32 hexadecimal digits; default: none."""

    @model_validator(mode="after")
    def _drains(self) -> Self:
        if self.drain.seconds < 1:
            raise ValueError("drain is less than 1s")
        return self


def check(workload: Workload[GpuInferenceEndpointSpec]) -> Found:
    """What needs the organisation to tell."""
    spec, server = workload.spec, SERVERS[workload.spec.server]
    yield from check_pod(workload, ("calls", "callers"))
    yield from check_accelerator(workload, spec.accelerator, spec.accelerators * spec.scale.min, "accelerator")
    yield from check_api_server(workload, "has its callers checked by the API server")
    if not (isinstance(spec.model, Given) or any(_is(spec.model, scheme) for scheme in server.models)):
        words = [scheme or "a Hugging Face id, as org/model" for scheme in server.models]
        yield (
            ("model",),
            Problem(
                f"is no model that {spec.server} reads",
                given=spec.model,
                allowed=", ".join(f"{word}…" if "://" in word or word.endswith(":/") else word for word in words),
                remedy="choose another server, or register the model where this one reads it",
            ),
        )
    if spec.image is None and spec.server not in workload.context.organisation.images.servers:
        yield (
            ("image",),
            Problem(
                f"is required: organisation.yaml names no image for {spec.server}",
                remedy=f"write image, or have the platform team write images.servers.{spec.server}",
            ),
        )
    if spec.model_cache and not server.caches:
        yield (
            ("model_cache",),
            Problem(
                f"would be of no use: {spec.server} fetches its model anew at each start",
                remedy="leave model_cache out; "
                + ", ".join(name for name, each in SERVERS.items() if each.caches)
                + " finds again what it fetched",
            ),
        )
    elif spec.model_cache and workload.context.cluster.shared_storage_class is None:
        cluster = workload.context.settings.cluster
        yield (
            ("model_cache",),
            Problem(
                f"needs volumes that several pods write, and cluster {cluster} has no shared_storage_class",
                remedy=f"leave model_cache out, or have clusters.{cluster}.shared_storage_class written",
            ),
        )
    if server.indicator is None:
        unseen = "the organisation counts requests at its gateway, which endpoints do not pass: leave the objective out"
    else:
        unseen = (
            f"{spec.server} counts requests and tells no latency: promise availability alone, or choose another server"
        )
    yield from check_objective(workload, _indicator(workload), unseen)


def check_canary(workload: Workload[GpuInferenceEndpointSpec]) -> Found:
    """A share that replicas cannot give, accelerators beyond the quota; and no version is in an endpoint's path."""
    spec = workload.spec
    yield from check_share(workload, spec.scale.min)
    for canary in _canary(workload):
        both = spec.accelerators * (spec.scale.min + canary.spec.scale.min)
        yield from check_accelerator(workload, spec.accelerator, both, CANARY, "weight")
    for version in workload.release.previous:
        yield (
            ("previous", version),
            Problem("cannot be: an endpoint has no version in its path to tell callers by", remedy="take it out"),
        )


def plan(workload: Workload[GpuInferenceEndpointSpec]) -> Plan:
    """The endpoint's resources."""
    spec, context = workload.spec, workload.context
    server = SERVERS[spec.server]
    canaries = _canary(workload)
    rollout, why_rollout = rollout_of(workload, sum(each.spec.scale.min for each in canaries))
    start, why_start = start_allowance(workload)
    advisories = list(_advisories(workload, server))
    scaler, no_scaler = scaler_of(workload, server)
    advisories += [no_scaler] if no_scaler else []

    scraped = [server.metrics_port] if server.metrics_port else []
    inbound = ingress(context, PROXY_PORT, spec.callers, routed=False, scraped=scraped)
    outbound = [*egress(context, spec.calls, spec.egress), *api_server_egress(workload)]
    resources = [service_account(workload), network_policy(workload, inbound, outbound)]
    resources += [*external_secret(workload), *callers_access(workload), *_cache(workload)]
    after = tuple(found.name for found in resources)
    resources.append(_deployment(workload, server, rollout, start, scaled=bool(scaler), after=after))
    shared = bool(workload.release.canary and workload.release.canary.weight)
    resources.append(service(workload, "https", number=443, shared=shared))
    resources += [*scaler, *disruption_budget(workload, spec.scale.min)]
    for canary in canaries:
        own = canary.spec.scale.min
        resources.append(_deployment(canary, server, rollout, start, scaled=False, after=after))
        resources.append(service(canary, "https", number=443))
        resources += disruption_budget(canary, own)
        advisories += share_told(workload, own, routed=False, scaled=bool(scaler))

    port = "http" if server.metrics_port == PORT else "metrics"
    monitor = pod_monitor(workload, port, "/metrics") if server.metrics_port else None
    panels = [*server.panels, *gpu_panels(), *resource_panels()]
    observed, left_out = observe_requests(workload, monitor, _indicator(workload), panels)
    outputs = {
        "url": f"{url(workload)}{Template(server.path).safe_substitute(name=workload.name)}",
        "namespace": workload.namespace,
        "service_account": workload.name,
    }
    derived = {"start": Derived(str(Duration.parse(f"{start}s")), why_start)}
    if spec.rollout is None:
        derived["rollout"] = Derived(rollout, why_rollout)
    return Plan((*resources, *observed), outputs, (*advisories, *left_out), derived)


COMPONENT = Definition(
    name="GpuInferenceEndpoint",
    spec=GpuInferenceEndpointSpec,
    plan=plan,
    outputs={
        "url": "Where its callers ask for predictions, inside the cluster.",
        "namespace": "The Kubernetes namespace it runs in, <team>-<environment>.",
        "service_account": "The name of its Kubernetes ServiceAccount.",
    },
    check=check,
    check_release=check_canary,
)


def _canary(workload: Workload[GpuInferenceEndpointSpec]) -> list[Workload[GpuInferenceEndpointSpec]]:
    """The canary, fixed at as many replicas as its share needs; one where it is dark, none where there is none."""
    canary, scale = workload.release.canary, workload.spec.scale
    if canary is None:
        return []
    fewest = (replicas_beside(scale.min, canary.weight) if canary.weight else 1) or 1
    return [track_of(workload, CANARY, canary, scale=scale.model_copy(update={"min": fewest, "max": None}))]


def _is(model: str, scheme: str) -> bool:
    return model.startswith(scheme) if scheme else "://" not in model and ":/" not in model and model.count("/") == 1


def _indicator(workload: Workload[GpuInferenceEndpointSpec]) -> Indicator | None:
    own = SERVERS[workload.spec.server].indicator
    return of_workload(own, workload) if own else of_organisation(workload, routed=False)


def _advisories(workload: Workload[GpuInferenceEndpointSpec], server: Server) -> Iterator[str]:
    model, requests = workload.spec.model, workload.context.organisation.telemetry.requests
    if isinstance(model, str) and "@" in model:
        yield f"{model} is an alias: a replica takes the version that it means when it starts; name a version to pin it"
    if not workload.context.cluster.has(Capability.CERT_MANAGER):
        yield "callers cannot verify the endpoint's certificate: without cert-manager in the cluster it is self-signed"
    if server.indicator is None and requests is RequestMetrics.OPENTELEMETRY:
        yield (
            f"{workload.spec.server} counts no requests itself: its objective is measured when its image runs "
            "OpenTelemetry's instrumentation; mlserver serves the same models and counts them"
        )


def _deployment(
    workload: Workload[GpuInferenceEndpointSpec],
    server: Server,
    rollout: Rollout,
    start: int,
    *,
    scaled: bool,
    after: tuple[str, ...],
) -> Resource:
    spec = workload.spec
    more = int(rollout is Rollout.AVAILABILITY)
    body: dict[str, Any] = {
        **({} if scaled else {"replicas": spec.scale.min}),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": more, "maxUnavailable": 1 - more}},
        "progressDeadlineSeconds": max(600, start + 60),
        "selector": {"matchLabels": selector(workload)},
        "template": {
            "metadata": {"labels": accelerator_labels(spec.accelerator)},
            "spec": _pod(workload, server, start),
        },
    }
    # on the Deployment alone: a new link must not restart the pods
    notes = {"model-card": spec.model_card, "evaluation": spec.evaluation, "training-run": spec.training_run}
    annotations = {f"{PREFIX}/{key}": text for key, text in notes.items() if text}
    annotations |= canary_notes(workload).get("annotations", {})
    metadata = {
        "labels": queue_labels(workload, Priority.SERVING),
        **({"annotations": annotations} if annotations else {}),
    }
    return resource(workload, "deployment", "apps/v1:Deployment", after, metadata=metadata, spec=body)


def _pod(workload: Workload[GpuInferenceEndpointSpec], server: Server, start: int) -> dict[str, Any]:
    spec = workload.spec
    accelerator = accelerator_of(workload, spec.accelerator)
    command, variables = _command(workload, server)
    ports = {"http": PORT, **({"metrics": server.metrics_port} if server.metrics_port not in (None, PORT) else {})}
    main = container(
        workload,
        workload.context.organisation.images.servers[spec.server] if spec.image is None else spec.image,
        limits(spec.resources, accelerator, spec.accelerators),
        {**data_environment(workload, spec.datasets), **variables},
        command=command,
        ports=[{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()],
        startupProbe={
            "httpGet": {"path": server.ready, "port": "http"}, "periodSeconds": 10, "failureThreshold": start // 10,
        },
        readinessProbe={"httpGet": {"path": server.ready, "port": "http"}, "periodSeconds": 5},
        livenessProbe={"httpGet": {"path": server.alive, "port": "http"}, "periodSeconds": 20, "failureThreshold": 3},
        lifecycle=draining(spec.drain),
        volumeMounts=[
            {"name": "models", "mountPath": MODELS},
            *([{"name": "shared-memory", "mountPath": "/dev/shm"}] if server.shared_memory else []),  # noqa: S108
        ],
    )  # fmt: skip
    sidecar, volumes = proxy(workload, PORT, spec.drain)
    kept = {"persistentVolumeClaim": {"claimName": f"{workload.name}-models"}}
    return pod(
        workload,
        [main, sidecar],
        [
            {"name": "models", **(kept if spec.model_cache else {"emptyDir": {}})},
            *([{"name": "shared-memory", "emptyDir": {"medium": "Memory"}}] if server.shared_memory else []),
            *volumes,
        ],
        terminationGracePeriodSeconds=spec.drain.seconds + 30,
        **placement(accelerator),
        **({"topologySpreadConstraints": spreading(workload)} if spec.scale.most > 1 else {}),
    )


def _command(workload: Workload[GpuInferenceEndpointSpec], server: Server) -> tuple[list[Any], dict[str, Any]]:
    """The server's command and variables; a model that only the engine knows goes in through a variable."""
    spec = workload.spec
    words = {"name": workload.name, "accelerators": spec.accelerators}
    command = [Template(part).substitute(words, model="$(MODEL_URI)") for part in server.command]
    variables = {
        key: spec.model if value == "$model" else Template(value).substitute(words)
        for key, value in (server.env or {}).items()
    }
    return command, {**variables, "MODEL_URI": spec.model}


def _cache(workload: Workload[GpuInferenceEndpointSpec]) -> Iterator[Resource]:
    if workload.spec.model_cache:
        spec = {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": workload.context.cluster.shared_storage_class,
            "resources": {"requests": {"storage": str(workload.spec.model_cache)}},
        }
        name = f"{workload.name}-models"
        yield resource(workload, "model-cache", "core/v1:PersistentVolumeClaim", name=name, spec=spec)
