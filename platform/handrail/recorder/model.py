"""A record: what a program registered, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from handrail.core.resources import Path
from handrail.recorder._child.values import SECRET, UNKNOWN

__all__ = ["SECRET", "UNKNOWN", "Message", "Outputs", "Record", "Registration", "Unseen", "in_tree_order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One resource that a program registered.

    Args:
        type: its type token, as `kubernetes:apps/v1:Deployment`.
        name: its Pulumi name.
        urn: its URN, as the engine computes it.
        custom: a provider manages it; otherwise it is a component (or the stack).
        remote: a component whose children a provider registers elsewhere; they are not in the record.
        parent: the parent's URN; empty for the stack alone.
        provider: the reference `urn::id` of the provider it would use; empty for the default provider.
        version: the provider version that the SDK asks for; empty when it asks for none.
        inputs: plain data, with UNKNOWN and SECRET in place of what is unknown or secret.
        unknown: the paths in `inputs` known only after a deployment.
        secret: the paths in `inputs` that are secret; their values are not kept.
        dependencies: URNs of what must be ready before it, sorted.
        property_dependencies: property → the URNs it was computed from, sorted.
        aliases: URNs, or mappings of name, type, stack, project, parentUrn, noParent.
        options: what else was set, in the words of `pulumi.ResourceOptions`: protect, delete_before_replace,
            ignore_changes, replace_on_changes, retain_on_delete, additional_secret_outputs, custom_timeouts,
            deleted_with, replace_with, replacement_trigger, hide_diffs, hooks, import_, plugin_download_url, providers;
            `depends_on` holds the dependencies that no property explains.
        source_position: where the program made it, `file:line` relative to the project's root; empty if outside it.
    """

    type: str
    name: str
    urn: str
    custom: bool
    remote: bool = False
    parent: str = ""
    provider: str = ""
    version: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[Path, ...] = ()
    secret: tuple[Path, ...] = ()
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str | Mapping[str, Any], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    source_position: str = ""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a component or the stack gives out.

    Args:
        values: plain data, with UNKNOWN and SECRET in place of what is unknown or secret.
        unknown: the paths in `values` known only after a deployment.
        secret: the paths in `values` that are secret; their values are not kept.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[Path, ...] = ()
    secret: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Unseen:
    """Something that only a deployment can show.

    Args:
        kind: remote component, invoke, call, read, stack reference, encrypted config, state migration or network.
        what: its type token, function, stack, config key or host.
        where: the URN it belongs to, or `file:line`; empty when neither is known.
    """

    kind: str
    what: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message that the program logged: level is info, warning or error; urn is empty when about no resource."""

    level: str
    message: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What a program registered.

    Args:
        project: the project's name.
        stack: the stack's name.
        registrations: a parent before its children, siblings by URN: the same however the program's work interleaved.
        outputs: the stack's outputs.
        component_outputs: a component's URN → what it gave to `register_outputs`.
        unseen: what only a deployment can show, sorted.
        messages: what the program logged, in order.
        printed: the last of what the program printed; no part of the JSON form.
    """

    project: str
    stack: str
    registrations: tuple[Registration, ...] = ()
    outputs: Outputs = field(default_factory=Outputs)
    component_outputs: Mapping[str, Outputs] = field(default_factory=dict)
    unseen: tuple[Unseen, ...] = ()
    messages: tuple[Message, ...] = ()
    printed: str = field(default="", compare=False)

    @property
    def complete(self) -> bool:
        """Nothing of what the program would deploy is missing from the record."""
        return not self.unseen

    def to_json(self) -> str:
        """The record as JSON, the same text for the same record."""
        data = asdict(self)
        del data["printed"]
        return json.dumps({**data, "complete": self.complete}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Record:
        """The record that `to_json` wrote."""
        data = json.loads(text)
        del data["complete"]
        data["registrations"] = tuple(_registration(item) for item in data["registrations"])
        data["outputs"] = _outputs(data["outputs"])
        data["component_outputs"] = {urn: _outputs(item) for urn, item in data["component_outputs"].items()}
        data["unseen"] = tuple(Unseen(**item) for item in data["unseen"])
        data["messages"] = tuple(Message(**item) for item in data["messages"])
        return cls(**data)


def paths(items: Iterable[Iterable[str | int]]) -> tuple[Path, ...]:
    """Paths as tuples, in an order of their own."""
    return tuple(sorted((tuple(item) for item in items), key=lambda path: [str(part) for part in path]))


def in_tree_order(registrations: Iterable[Registration]) -> tuple[Registration, ...]:
    """A parent before its children, siblings by URN; children of what was only read come last."""
    children: dict[str, list[Registration]] = {}
    known = {item.urn: item for item in registrations}
    for urn in sorted(known, key=lambda urn: (known[urn].parent != "", urn)):
        item = known[urn]
        children.setdefault(item.parent if item.parent in known else "", []).append(item)
    result: list[Registration] = []
    waiting = children.get("", [])[::-1]
    while waiting:
        item = waiting.pop()
        result.append(item)
        waiting += children.get(item.urn, [])[::-1]
    return tuple(result)


def _registration(data: dict[str, Any]) -> Registration:
    changed = {
        "unknown": paths(data["unknown"]),
        "secret": paths(data["secret"]),
        "dependencies": tuple(data["dependencies"]),
        "property_dependencies": {key: tuple(urns) for key, urns in data["property_dependencies"].items()},
        "aliases": tuple(data["aliases"]),
    }
    return Registration(**{**data, **changed})


def _outputs(data: dict[str, Any]) -> Outputs:
    return Outputs(data["values"], paths(data["unknown"]), paths(data["secret"]))
