"""What a revision is asked for and what it plans, as plain data between the process that plans and who compares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from handrail.core.resources import Given, Ref, Resource, Token

PROTOCOL = 1
"""The version of this form; a revision whose own Handrail speaks another one is planned with the present one."""
_UNKNOWN = "\0"  # no key of a manifest


@dataclass(frozen=True, slots=True)
class Workload:
    """A component and what it registers.

    Args:
        name: the workload's name.
        component: as `ScalableService`; empty: what stands under no component.
        settings: dotted path → value, as plain data; of a recorded program none.
        resources: as JSON, so that equal ones are told apart from changed ones without reading them.
    """

    name: str
    component: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    resources: str = "[]"

    def read(self) -> list[Resource]:
        """Its resources."""
        return [
            Resource(name, token, inputs, aliases=tuple(aliases))
            for name, token, inputs, aliases in json.loads(self.resources, object_hook=_decoded)
        ]


@dataclass(frozen=True, slots=True)
class Planned:
    """A stack of a revision.

    Args:
        stack: its name.
        error: why it could not be planned; nothing else is known then.
        team, environment, tier: what it is deployed into; empty where it names no organisation.
        persona: whose words its file is in.
        organisation: the directory of its organisation's; None: it has none.
        workloads: in the order of the file or the program.
        unseen: what could not be seen of it.
    """

    stack: str
    error: str = ""
    team: str = ""
    environment: str = ""
    tier: str = ""
    persona: str = ""
    organisation: str | None = None
    workloads: tuple[Workload, ...] = ()
    unseen: tuple[str, ...] = ()

    def dumps(self) -> str:
        """As a line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, line: bytes) -> Planned:
        """What `dumps` wrote; raises ValueError, TypeError or KeyError for anything else."""
        found = json.loads(line)
        workloads = tuple(Workload(**each) for each in found.pop("workloads"))
        return cls(**{**found, "unseen": tuple(found["unseen"]), "workloads": workloads})


@dataclass(frozen=True, slots=True)
class Request:
    """What is planned.

    Args:
        root: the directory of the revision's Pulumi.yaml.
        stacks: their names.
        python: the interpreter of programs, where the project's own environment is not there.
        parent: the process that must live.
        homes, places: where credentials lie.
        memory: in bytes.
        at_once: how many programs run at once.
    """

    root: str
    stacks: tuple[str, ...]
    python: str
    parent: int
    homes: tuple[str, ...]
    places: tuple[str, ...]
    memory: int
    at_once: int = 1

    def dumps(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()


def written(resources: list[Resource]) -> str:
    """Resources as JSON, the same text for the same ones."""
    rows = [[each.name, each.type, each.inputs, each.aliases] for each in resources]
    return json.dumps(rows, default=_encoded, separators=(",", ":"), sort_keys=True)


def _encoded(value: Any) -> Any:
    if isinstance(value, Ref):
        return {_UNKNOWN: [value.resource, value.property]}
    if isinstance(value, Token):
        return {_UNKNOWN: []}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain data")


def _decoded(found: dict[str, Any]) -> Any:
    if found.keys() != {_UNKNOWN}:
        return found
    return Ref(*found[_UNKNOWN]) if found[_UNKNOWN] else Given(None)
