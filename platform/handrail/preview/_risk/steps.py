"""What the engine does with a changed resource: updates it, replaces it, or is refused by the API server.

`REPLACES` is the Kubernetes provider's own table (its provider/diff.go, held equal by a test): a change at or below one
of these fields makes another object. `REFUSES` is what the API server does not let anybody change, where the provider
tries: `up` ends with its message. `AWS` holds what keeps data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from handrail.core.documents import dotted
from handrail.core.resources import Path, Resource
from handrail.preview._quantities import quantity
from handrail.preview._risk.reading import Change, at, changes, text
from handrail.preview._risk.tables import AWS, REFUSES, REPLACES, SIZE


class Step(StrEnum):
    """What happens to one resource."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    REFUSED = "refused"
    DELETE = "delete"


_IDENTITY: Final = ("metadata.name", "metadata.namespace")
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "core/v1:Secret": ("type", "stringData", "data"),
    "core/v1:ConfigMap": ("binaryData", "data"),
}
"""Replaced as well, unless the provider was told that they are mutable (`enableSecretMutable`)."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """What happens, and the fields that make it so.

    Args:
        in_place: a replacement under the same name: the old one is deleted before the new one is made.
    """

    step: Step
    changes: tuple[Change, ...] = ()
    fields: tuple[str, ...] = ()
    in_place: bool = False


def step_of(before: Resource | None, after: Resource | None) -> Stepped:
    """What the engine does to get from `before` to `after`; None where there is none."""
    if before is None or after is None:
        return Stepped(Step.SAME if before is after else Step.CREATE if before is None else Step.DELETE)
    found = tuple(each for each in changes(before.inputs, after.inputs) if not _is_default_namespace(each))
    if _kind(before) != _kind(after):
        return Stepped(Step.REPLACE, found, ("type",))
    if not found:
        return Stepped(Step.SAME)
    if replaced := tuple(_below(found, _replaces(after))):
        return Stepped(Step.REPLACE, found, replaced, not _moved(before, after))
    if refused := tuple(_refused(before, after, found)):
        return Stepped(Step.REFUSED, found, refused)
    return Stepped(Step.UPDATE, found)


def _kind(resource: Resource) -> str:
    """Group and kind: another version of the API is the same object."""
    group = resource.type.partition("/")[0]
    return f"{group}:{resource.kind}" if resource.type.startswith("kubernetes:") else resource.type


def api(resource: Resource) -> str:
    """`apps/v1:Deployment` of a Kubernetes type, else the whole type."""
    return resource.type.removeprefix("kubernetes:")


def _replaces(resource: Resource) -> Sequence[str]:
    if not resource.type.startswith("kubernetes:"):
        return AWS.get(resource.type, ())
    kind = api(resource)
    return (*_IDENTITY, *REPLACES.get(kind, ()), *_VALUES.get(kind, ()))


def _below(found: Iterable[Change], patterns: Sequence[str]) -> Iterator[str]:
    """The fields among `found` that stand at, below or above one of `patterns`."""
    for change in found:
        if any(_touches(change.path, pattern.split(".")) for pattern in patterns):
            yield dotted(change.path)


def _touches(path: Path, pattern: Sequence[str]) -> bool:
    """Whether one of the two begins with the other; `containers[*]` is any of them."""
    flat = [part for each in pattern for part in ((each[:-3], "*") if each.endswith("[*]") else (each,))]
    return len(path) >= len(flat) and all(mine in ("*", str(its)) for mine, its in zip(flat, path, strict=False))


def _refused(before: Resource, after: Resource, found: Sequence[Change]) -> Iterator[str]:
    yield from _below(found, REFUSES.get(api(after), ()))
    if api(after) in _VALUES and at(before.inputs, "immutable") is True:
        yield from _below(found, ("immutable",))
    if api(after) == "core/v1:PersistentVolumeClaim":
        old, new = (quantity(at(each.inputs, *SIZE.split("."))) for each in (before, after))
        if old is not None and new is not None and new < old:
            yield SIZE


def _moved(before: Resource, after: Resource) -> bool:
    """Whether the new one stands before the old one goes: in another namespace, or under a name of its own.

    Where no name is given, Pulumi makes one, another each time.
    """
    name = at(after.inputs, "metadata", "name")
    sides = [[text(at(each.inputs, "metadata", part)) for part in ("name", "namespace")] for each in (before, after)]
    return name is None or sides[0] != sides[1]


def _is_default_namespace(change: Change) -> bool:
    """Whether one side names the namespace `default`, and the other none."""
    sides = (change.before, change.after)
    named = [each for each in sides if isinstance(each, str)]
    return change.path == ("metadata", "namespace") and named == ["default"] and any(each is None for each in sides)
