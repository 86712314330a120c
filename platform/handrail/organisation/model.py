"""organisation.yaml as types: what the platform team owns and every stack is deployed into."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from handrail.core.addresses import BlockAndPort
from handrail.core.models import Model
from handrail.core.units import Cpu, Duration, Memory

Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
"""A name that becomes part of Kubernetes names: lower-case letters, digits and dashes, at most 40 characters."""

DomainName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", max_length=190)]
CostCentre = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$", max_length=63)]
Count = Annotated[int, Field(ge=0)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Tier(StrEnum):
    """How much an environment matters; standards are switched on by tier."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Severity(StrEnum):
    """What follows from a violation of a standard."""

    ADVISORY = "advisory"
    """It is said."""
    REQUIRED = "required"
    """It is refused, unless whoever the standard names waives it."""
    NON_NEGOTIABLE = "non-negotiable"
    """It is refused, and nobody waives it for good reasons of the moment."""


class Capability(StrEnum):
    """What a cluster may have beyond Kubernetes itself."""

    GATEWAY_API = "gateway-api"
    EXTERNAL_SECRETS = "external-secrets"
    KUEUE = "kueue"
    KEDA = "keda"
    PROMETHEUS_OPERATOR = "prometheus-operator"
    CERT_MANAGER = "cert-manager"


BACKENDS = ("file", "s3", "gs", "azblob", "https", "http")
"""The schemes of state backends: a folder, object stores, Pulumi Cloud."""
_CLOUD = ("https", "http")


class Requirement(StrEnum):
    """Whether something must be there."""

    OPTIONAL = "optional"
    REQUIRED = "required"


class Backend(Model):
    """Where Pulumi keeps the state of an environment's stacks."""

    url: str
    """As `pulumi login` takes it: s3://bucket?region=eu-west-1, gs://bucket, azblob://container, file://folder (from
    Pulumi.yaml's directory), or https://api.pulumi.com."""
    organization: Name | None = None
    """In Pulumi Cloud, the organization that owns the stacks; default: the user's own."""

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        scheme, found, rest = url.partition("://")
        if not found or scheme not in BACKENDS or not rest:
            raise ValueError(f"is no address of a state backend: it starts with one of {', '.join(BACKENDS)} and ://")
        if "@" in rest.partition("?")[0].partition("/")[0]:
            raise ValueError("holds a credential, which would stand in git: leave it to the environment")
        if rest.startswith(("app.pulumi.com", "pulumi.com")):
            raise ValueError("is Pulumi Cloud's page for people: write https://api.pulumi.com")
        return url

    @model_validator(mode="after")
    def _organization_is_of_the_cloud(self) -> Self:
        if self.organization and not self.url.startswith(tuple(f"{scheme}://" for scheme in _CLOUD)):
            raise ValueError("organization is a word of Pulumi Cloud's: a bucket or a folder has none")
        return self


class Environment(Model):
    """One stage that workloads are deployed to."""

    tier: Tier
    """development, staging or production."""
    cluster: Name
    """The cluster it runs on, one of `clusters`."""
    backend: Backend | None = None
    """Where Pulumi keeps the state of its stacks; default: what Pulumi.yaml's `backend` or `pulumi login` say."""
    approvals: Count = 0
    """How many people must approve a promotion into it; default 0."""
    releases: Requirement = Requirement.OPTIONAL
    """required: what has no release here is not deployed; optional (default): then it runs what workloads.yaml says."""


class Gateway(Model):
    """The Gateway (Gateway API) that routes attach to."""

    name: Name
    """The Gateway's name."""
    namespace: Name
    """The namespace of the Gateway and of the pods behind it."""
    domain: DomainName
    """Hosts are `<workload>-<team>-<environment>.<domain>`: one label, so one wildcard certificate covers them."""


class SecretStore(Model):
    """The ClusterSecretStore (external-secrets) that secrets are read from."""

    name: Name
    """The ClusterSecretStore's name."""


class Cluster(Model):
    """Where manifests go: exactly one of `render` and `context`."""

    render: str | None = None
    """A directory, relative to Pulumi.yaml, that gets the manifests as files, below one folder per stack."""
    context: str | None = None
    """A kubeconfig context that gets the manifests applied."""
    capabilities: frozenset[Capability] = frozenset()
    """What it has beyond Kubernetes itself; what depends on anything else is left out with an advisory, or refused."""
    gateway: Gateway | None = None
    """The gateway that routes attach to; needed with the capability gateway-api."""
    secret_store: SecretStore | None = None
    """The store that secrets are read from; needed with the capability external-secrets."""
    certificate_issuer: Name | None = None
    """The ClusterIssuer (cert-manager) of certificates inside the cluster; needed with the capability cert-manager."""
    scrapers: Name | None = None
    """The namespace whose pods may scrape metrics."""
    api_server: BlockAndPort | None = None
    """Where pods reach the API server, as 10.0.0.1/32:443: authenticated endpoints and notebooks that stop themselves
    need it. It is the address behind the Service `kubernetes` that network policies see (`kubectl get endpoints`)."""
    shared_storage_class: Name | None = None
    """The StorageClass of volumes that several pods write at once (ReadWriteMany); model caches need it."""

    def has(self, capability: Capability) -> bool:
        """Whether the cluster has `capability`."""
        return capability in self.capabilities


class PlatformService(Model):
    """A service of the organisation's own that every workload may reach."""

    namespace: Name
    """The namespace of its pods."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """The TCP port it listens on."""
    service: Name | None = None
    """The name of its Kubernetes Service; default: as its namespace."""

    @property
    def url(self) -> str:
        """Its address inside the cluster."""
        return f"http://{self.service or self.namespace}.{self.namespace}.svc:{self.port}"


class PlatformServices(Model):
    """The organisation's own services; a workload's network policy opens to each one named here."""

    telemetry: PlatformService | None = None
    """The OpenTelemetry collector."""
    tracking: PlatformService | None = None
    """The MLflow tracking server."""
    lineage: PlatformService | None = None
    """The OpenLineage receiver."""
    object_store: PlatformService | None = None
    """The S3-compatible object store inside the cluster."""

    def named(self) -> dict[str, PlatformService]:
        """Those that the organisation has, by name."""
        return {name: service for name in type(self).model_fields if (service := getattr(self, name)) is not None}


class Taint(Model):
    """A taint that keeps other pods off a node."""

    key: str
    """As `nvidia.com/gpu`."""
    value: str | None = None
    """Its value, if it has one."""
    effect: Annotated[str, StringConstraints(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$")] = "NoSchedule"
    """NoSchedule (default), PreferNoSchedule or NoExecute."""


class Accelerator(Model):
    """One kind of accelerator in the catalogue."""

    resource: str
    """The extended resource that pods request, as `nvidia.com/gpu`."""
    node_labels: Annotated[dict[str, str], Field(min_length=1)]
    """The labels of its nodes, as `nvidia.com/gpu.product: NVIDIA-L4`."""
    taints: tuple[Taint, ...] = ()
    """The taints of its nodes."""
    memory: Memory
    """Memory of one device."""
    price_per_hour: Price
    """Price of one device for an hour, in the currency of `prices`."""


class Prices(Model):
    """What a cost estimate reckons with."""

    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = "EUR"
    """ISO 4217; default EUR."""
    cpu_hour: Price
    """One core for an hour."""
    memory_gib_hour: Price
    """One GiB of memory for an hour."""


class RequestMetrics(StrEnum):
    """Where the metrics of requests come from."""

    OPENTELEMETRY = "opentelemetry"
    ENVOY_GATEWAY = "envoy-gateway"
    ISTIO = "istio"


class Telemetry(Model):
    """What objectives are measured with."""

    requests: RequestMetrics = RequestMetrics.OPENTELEMETRY
    """opentelemetry (default): `http.server.request.duration`, sent by each workload's OpenTelemetry SDK;
    envoy-gateway: the gateway's own metrics, for routed workloads; istio: the mesh's."""
    latency_buckets: Annotated[tuple[Duration, ...], Field(min_length=1)] | None = None
    """The upper bounds of the latency histogram: an objective must be one of them. Default: those of the source,
    for OpenTelemetry 5, 10, 25, 50, 75, 100, 250, 500, 750 ms, 1, 2.5, 5, 7.5, 10 s (its semantic conventions)."""
    monitor_labels: dict[str, str] = {}
    """Labels by which Prometheus' operator selects monitors and rules, as `release: prometheus`; default none."""
    prometheus: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    """The address of Prometheus' query API inside the clusters, as http://prometheus.monitoring.svc:9090; scaling on a
    queue (KEDA) reads it."""


class Images(Model):
    """The images that Handrail's own parts run, pinned by the organisation."""

    auth_proxy: str = "quay.io/brancz/kube-rbac-proxy:v0.22.1"
    """The proxy that checks an endpoint's callers; default kube-rbac-proxy."""
    sign_in_proxy: str = "quay.io/oauth2-proxy/oauth2-proxy:v7.12.0"
    """The proxy that signs people in to notebooks; default oauth2-proxy."""
    servers: dict[Annotated[str, StringConstraints(pattern="^(mlflow|mlserver|triton|vllm)$")], str] = {}
    """Model server → the image of endpoints that name none."""


class SignIn(Model):
    """The identity provider (OpenID Connect) that people sign in to notebooks with."""

    issuer: Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
    """The issuer's URL."""
    secret: str
    """The key in the secret store that holds the properties client-id, client-secret and cookie-secret."""
    addresses: Annotated[tuple[BlockAndPort, ...], Field(min_length=1)]
    """Where the provider is reached, as 203.0.113.10/32:443; the proxy's network policy opens to them."""


class NotebookProfile(Model):
    """A size of notebook that a team may choose."""

    cpu: Cpu
    """Cores, requested and allowed alike."""
    memory: Memory
    """Memory, requested and allowed alike."""
    accelerator: Name | None = None
    """A kind of the catalogue; default none."""
    accelerators: Annotated[int, Field(ge=1)] = 1
    """How many devices, where there is an accelerator; default 1."""
    idle_stop: Duration | None = None
    """Stopped when nothing ran for so long; default 6h, with an accelerator 2h (jupyterhub-idle-culler#45)."""
    run_time_cap: Duration | None = None
    """Stopped after so long whatever runs; default 24h, with an accelerator 12h."""

    @property
    def idle(self) -> Duration:
        """When it stops for want of activity."""
        return self.idle_stop or Duration.parse("2h" if self.accelerator else "6h")

    @property
    def cap(self) -> Duration:
        """When it stops whatever runs."""
        return self.run_time_cap or Duration.parse("12h" if self.accelerator else "24h")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.idle > self.cap:
            raise ValueError(f"idle_stop ({self.idle}) is longer than run_time_cap ({self.cap})")
        return self


def _profiles() -> dict[str, NotebookProfile]:
    sizes = {"small": ("1", "4GiB"), "medium": ("2", "8GiB"), "large": ("4", "16GiB")}
    return {
        name: NotebookProfile(cpu=Cpu.parse(cpu), memory=Memory.parse(memory)) for name, (cpu, memory) in sizes.items()
    }


class Quota(Model):
    """What a team may request in one environment."""

    cpu: Cpu
    """Cores, requests and limits alike."""
    memory: Memory
    """Memory, requests and limits alike."""
    storage: Memory = Memory.parse("500GiB")
    """Volumes altogether; default 500GiB."""
    accelerators: dict[Name, Count] = {}
    """How many of each kind in the catalogue; a kind that is not named is not to be had."""
    objects: dict[str, Count] = {}
    """How many objects of a kind, in ResourceQuota's own spelling (`pods`, `count/jobs.batch`), over the defaults: 200
    pods, 100 services, 50 volumes, 500 jobs, 100 cron jobs, 500 config maps, 200 secrets; no load balancers, no node
    ports."""


class AdmissionAction(StrEnum):
    """What the API server does about a violation."""

    DENY = "Deny"
    WARN = "Warn"
    AUDIT = "Audit"


class AdmissionPolicy(Model):
    """A ValidatingAdmissionPolicy of Kubernetes': what the API server refuses in team namespaces, however it comes.

    Each environment has its own copy, `<name>-<environment>`, bound to the namespaces of its teams, so that a change
    is tried in the first environment before it holds in the next. Objects outside of namespaces are judged in all.
    """

    spec: dict[str, Any]
    """The policy's spec in Kubernetes' own words: matchConstraints, variables, validations with their message."""
    actions: Annotated[tuple[AdmissionAction, ...], Field(min_length=1)] = (AdmissionAction.DENY,)
    """Deny, Warn, Audit: one of the first two, with Audit or without; default Deny."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)] = tuple(Tier)
    """The tiers it holds in; default: all."""

    @field_validator("actions")
    @classmethod
    def _one_answer(cls, actions: tuple[AdmissionAction, ...]) -> tuple[AdmissionAction, ...]:
        if {AdmissionAction.DENY, AdmissionAction.WARN} <= set(actions):
            raise ValueError("has both Deny and Warn: one of them, with Audit or without")
        if len(set(actions)) < len(actions):
            raise ValueError("has an action twice: each once")
        return actions


class ClauseSettings(Model):
    """What the organisation has otherwise than the catalogue, within the bounds that the standard itself sets."""

    severity: Severity | None = None
    """advisory, required or non-negotiable; default: the standard's own."""
    tiers: tuple[Tier, ...] | None = None
    """The tiers it holds in, [] for none; default: the standard's own."""
    params: dict[str, Any] = {}
    """Its parameters; default: the standard's own."""


class Standards(Model):
    """Which standards hold, and how. The organisation's own stand in the folder `standards` beside organisation.yaml,
    waivers in waivers.yaml."""

    version: str
    """The version of the catalogue that this was written for; another one is refused: nothing tightens unseen."""
    clauses: dict[Name, ClauseSettings] = {}
    """By the standard's id."""
    admission: bool = True
    """Whether the API server refuses what they refuse, in every team's namespace, however it comes; default true."""
    waivers: Count | None = None
    """How many waivers may stand at once, over all teams; default: any number."""


class Team(Model):
    """A team that owns workloads."""

    persona: Name
    """app-developer, ml-engineer or data-scientist."""
    members: tuple[str, ...] = ()
    """Users or e-mail addresses, as the clusters' identity provider names them."""
    cost_centre: CostCentre
    """What its costs are booked on; becomes a label."""
    quota: Quota
    """What it may request in each environment."""
    notebook_profiles: tuple[Name, ...] | None = None
    """The notebook profiles it may choose; default: all whose accelerator its quota has."""
    monthly_budget: Price | None = None
    """What it may spend in a month over all environments, in the currency of `prices`."""


class PlatformTeam(Model):
    """The team that owns the contracts, and what all teams share."""

    members: tuple[str, ...] = ()
    """Users or e-mail addresses, as the clusters' identity provider names them."""
    cost_centre: CostCentre
    """What shared things are booked on; becomes a label."""

    @property
    def persona(self) -> str:
        """What the label `persona` says of shared things."""
        return "platform-engineer"


class Organisation(Model):
    """A whole organisation.yaml."""

    name: Name
    """The organisation's name."""
    environments: Annotated[dict[Name, Environment], Field(min_length=1)]
    """The stages, in the order that a promotion takes."""
    clusters: Annotated[dict[Name, Cluster], Field(min_length=1)]
    """The clusters."""
    services: PlatformServices = PlatformServices()
    """The organisation's own services."""
    telemetry: Telemetry = Telemetry()
    """What objectives are measured with; default: each workload's OpenTelemetry SDK."""
    images: Images = Images()
    """The images of Handrail's own parts."""
    sign_in: SignIn | None = None
    """The identity provider for notebooks; without one, they are reached by `kubectl port-forward` alone."""
    notebook_profiles: Annotated[dict[Name, NotebookProfile], Field(min_length=1)] = _profiles()
    """Sizes of notebooks; default small (1 core, 4GiB), medium (2, 8GiB), large (4, 16GiB)."""
    registries: Annotated[tuple[str, ...], Field(min_length=1)]
    """The image registries that images may come from, as host or host/path."""
    accelerators: dict[Name, Accelerator] = {}
    """The catalogue of accelerators."""
    prices: Prices
    """Prices for cpu and memory."""
    admission: dict[Name, AdmissionPolicy] = {}
    """What the API server refuses in every team's namespace, by name; default: nothing beyond Kubernetes' own."""
    standards: Standards | None = None
    """Which standards hold, and how; default: the catalogue's own, in the installed version."""
    platform: PlatformTeam
    """The platform team."""
    teams: Annotated[dict[Name, Team], Field(min_length=1)]
    """The teams that own workloads."""
    logins: dict[str, str] = {}
    """People's names at the forge that pull requests are at → the members they are, so that their approvals count;
    default: members are known there by the same names."""
