"""organisation.yaml as types: what the platform team owns and every stack is deployed into."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from handrail.core.models import Model
from handrail.core.units import Cpu, Memory

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


class Capability(StrEnum):
    """What a cluster may have beyond Kubernetes itself."""

    GATEWAY_API = "gateway-api"
    EXTERNAL_SECRETS = "external-secrets"
    KUEUE = "kueue"
    KEDA = "keda"
    PROMETHEUS_OPERATOR = "prometheus-operator"


class Environment(Model):
    """One stage that workloads are deployed to."""

    tier: Tier
    """development, staging or production."""
    cluster: Name
    """The cluster it runs on, one of `clusters`."""
    approvals: Count = 0
    """How many people must approve a promotion into it; default 0."""


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
    scrapers: Name | None = None
    """The namespace whose pods may scrape metrics."""

    def has(self, capability: Capability) -> bool:
        """Whether the cluster has `capability`."""
        return capability in self.capabilities


class PlatformService(Model):
    """A service of the organisation's own that every workload may reach."""

    namespace: Name
    """The namespace of its pods."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """The TCP port it listens on."""


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


class Quota(Model):
    """What a team may request in one environment."""

    cpu: Cpu
    """Cores, requests and limits alike."""
    memory: Memory
    """Memory, requests and limits alike."""
    accelerators: dict[Name, Count] = {}
    """How many of each kind in the catalogue; a kind that is not named is not to be had."""


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
    registries: Annotated[tuple[str, ...], Field(min_length=1)]
    """The image registries that images may come from, as host or host/path."""
    accelerators: dict[Name, Accelerator] = {}
    """The catalogue of accelerators."""
    prices: Prices
    """Prices for cpu and memory."""
    platform: PlatformTeam
    """The platform team."""
    teams: Annotated[dict[Name, Team], Field(min_length=1)]
    """The teams that own workloads."""
