"""The words that every workload with pods has: size, environment, secrets, whom it calls; and their checks."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from handrail.components._definition import Found, Spec, Text, Workload
from handrail.components._network import Peer, team_and_name
from handrail.core.addresses import BlockAndPort
from handrail.core.errors import Problem
from handrail.core.models import nearest
from handrail.core.units import Cpu, Memory
from handrail.organisation import Capability

_STARTER_CPU_LIMIT, _STARTER_MEMORY_LIMIT = Cpu.parse("500m"), Memory.parse("1GiB")  # Kyverno's add-ns-quota


def _env_text(value: object) -> object:
    """YAML's numbers as the text that an environment variable is; true and false have no one spelling."""
    if isinstance(value, bool):
        raise ValueError('is a YAML truth value: write "true" or "false" in quotes')
    return str(value) if isinstance(value, int | float) else value


EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
EnvText = Annotated[Text, BeforeValidator(_env_text)]
HttpPath = Annotated[str, StringConstraints(pattern=r"^/\S*$")]
Port = Annotated[int, Field(ge=1, le=65535)]
DatasetUri = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*://[^\s/]+(/\S*)?$")]
"""A dataset by its URI, as s3://acme-lake/customers: OpenLineage's namespace is the part before the path."""


class DataClassification(StrEnum):
    """How much harm it does when what a workload works on becomes known."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class ConnectedSpec(Spec):
    """What every workload with pods can say of what it is told, whom it calls and which data it works on."""

    env: dict[EnvName, EnvText] = {}
    """Environment variables that are no secrets."""
    secrets: dict[EnvName, str] = {}
    """Environment variables out of the organisation's secret store: name → key there.

    As `DATABASE_URL: payments/checkout/database-url`. The value itself is never seen by Handrail."""
    calls: list[Peer] = []
    """The workloads it calls: `ledger` in the same team, `fraud/fraud-scorer` in another. For each, a token that says
    who it is lies in the file that <NAME>_TOKEN_FILE names; an endpoint asks for it as a bearer token. <NAME>_HOST is
    the callee's host in this environment."""
    egress: list[BlockAndPort] = []
    """Address blocks outside the cluster that it may reach, each with a TCP port: `10.20.0.0/16:5432`."""
    data_classification: DataClassification = DataClassification.INTERNAL
    """The most sensitive data that it works on: public, internal, confidential or restricted; default internal."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if both := sorted(self.env.keys() & self.secrets.keys()):
            raise ValueError(f"{', '.join(both)} is in env and in secrets")
        return self


class PodSpec(ConnectedSpec):
    """What every workload can say whose size is its own."""

    cpu: Cpu = Cpu.parse("200m")
    """Requested cpu of one replica; default 200m (Kyverno's add-ns-quota)."""
    cpu_limit: Cpu | None = None
    """Most cpu of one replica; default 500m (Kyverno's add-ns-quota), or `cpu` where that is more."""
    memory: Memory = Memory.parse("256MiB")
    """Requested memory of one replica; default 256MiB (Kyverno's add-ns-quota)."""
    memory_limit: Memory | None = None
    """Most memory of one replica; default 1GiB (Kyverno's add-ns-quota), or `memory` where that is more."""

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        for limit, request, word in (
            (self.cpu_limit, self.cpu, "cpu"),
            (self.memory_limit, self.memory, "memory"),
        ):
            if limit is not None and limit < request:  # type: ignore[operator]
                raise ValueError(f"{word}_limit ({limit}) is less than {word} ({request})")
        return self

    @property
    def resources(self) -> dict[str, dict[str, str]]:
        """Requests and limits of the container."""
        return {
            "requests": {"cpu": str(self.cpu), "memory": str(self.memory)},
            "limits": {
                "cpu": str(self.cpu_limit or max(self.cpu, _STARTER_CPU_LIMIT)),
                "memory": str(self.memory_limit or max(self.memory, _STARTER_MEMORY_LIMIT)),
            },
        }


def check_pod(workload: Workload[Any], peers: tuple[str, ...] = ("calls",)) -> Found:
    """What needs the organisation to tell: teams that exist, a secret store to read from."""
    for word in peers:
        yield from _check_peers(workload, word)
    if workload.spec.secrets:
        yield from needs(workload, Capability.EXTERNAL_SECRETS, "secrets")


def needs(workload: Workload[Any], capability: Capability, *path: str) -> Found:
    """A Problem at `path` where the cluster lacks `capability`."""
    if not workload.context.cluster.has(capability):
        yield (
            path,
            Problem(
                f"needs {capability}, which cluster {workload.context.settings.cluster} lacks",
                remedy=f"ask the platform team to add the capability {capability}, or deploy to another environment",
            ),
        )


def _check_peers(workload: Workload[Any], word: str) -> Iterator[Any]:
    context = workload.context
    for index, peer in enumerate(getattr(workload.spec, word)):
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
