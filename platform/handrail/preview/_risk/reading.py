"""Reading and comparing inputs of any shape: what is no mapping has no fields, what is not known yet is a text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handrail.core.resources import Given, Path, Ref, Resource, Token, replace_leaves
from handrail.standards._fields import ABSENT, read_one
from handrail.standards.evidence import CONTAINERS, POD_SPECS

LATER = "known at up"


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs; None stands for nothing there."""

    path: Path
    before: Any
    after: Any


def at(value: Any, *path: str) -> Any:
    """What stands at a path: a value, a Token that stands there or on the way, or None."""
    found = read_one(value, path)[1]
    return None if found is ABSENT else found


def fields(value: Any, *path: str) -> Mapping[Any, Any]:
    """The mapping at a path, empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else {}


def entries(value: Any, *path: str) -> list[Any]:
    """The list at a path, empty where there is none."""
    found = at(value, *path)
    return list(found) if isinstance(found, list | tuple) else []


def equals(value: Any, wanted: str | int | Mapping[str, Any] | None) -> bool:
    """Whether it is `wanted`; what is known at up is not."""
    return not isinstance(value, Token) and bool(value == wanted)


def text(value: Any, absent: str = "") -> str:
    """A value as a short text, the same for the same value."""
    if value is None:
        return absent
    if isinstance(value, str):
        return value
    if isinstance(value, Token):
        return f"{LATER} ({value.resource}.{value.property})" if isinstance(value, Ref) else LATER
    plain = replace_leaves(
        value, lambda leaf: leaf if isinstance(leaf, bool | int | float | str | None) else text_of(leaf)
    )
    return json.dumps(_keyed(plain), sort_keys=True, default=repr)


def text_of(leaf: Any) -> str:
    """A leaf that JSON does not know."""
    return text(leaf) if isinstance(leaf, Token) else repr(leaf)


def _keyed(value: Any) -> Any:
    """The value with text as keys, so that any mapping can be sorted."""
    if isinstance(value, Mapping):
        return {str(key): _keyed(item) for key, item in value.items()}
    return [_keyed(item) for item in value] if isinstance(value, list) else value


def name_of(resource: Resource) -> str:
    """What it is called in its cluster, else its Pulumi name."""
    return text(at(resource.inputs, "metadata", "name")) or resource.name


def pod_path(resource: Resource) -> tuple[str, ...] | None:
    """Where its pods' spec stands; None where it makes none."""
    return POD_SPECS.get(resource.type)


def containers(resource: Resource) -> Iterator[tuple[str, str, Any]]:
    """Every container of its pods: its path, its name, itself."""
    path = pod_path(resource)
    for kind in CONTAINERS if path else ():
        for index, each in enumerate(entries(resource.inputs, *(path or ()), kind)):
            name = text(at(each, "name")) or str(index)
            yield f"{'.'.join((*(path or ()), kind, name))}", name, each


def changes(before: Any, after: Any, path: Path = ()) -> Iterator[Change]:
    """Every field in which two inputs differ.

    Lists of named things are compared by name. Null is nothing. Two values that are both known only to the engine
    count as the same, unless they are outputs of different resources.
    """
    if before is None and after is None:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            part = key if isinstance(key, int) and not isinstance(key, bool) else str(key)
            yield from changes(before.get(key), after.get(key), (*path, part))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for key, (old, new) in _paired(before, after).items():
            yield from changes(old, new, (*path, key))
    elif not _same(before, after):
        yield Change(path, before, after)


def _paired(before: Any, after: Any) -> dict[str | int, tuple[Any, Any]]:
    sides: list[dict[str | int, Any]] = [_by_name(before) or {}, _by_name(after) or {}]
    if not all(sides):
        sides = [dict(enumerate(before)), dict(enumerate(after))]
    return {key: (sides[0].get(key), sides[1].get(key)) for key in dict.fromkeys((*sides[0], *sides[1]))}


def _by_name(items: Any) -> dict[str | int, Any] | None:
    """The entries of a list by their names; None where they have none of their own."""
    names = [at(item, "name") for item in items]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return dict(zip(names, items, strict=True))


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, Token) or isinstance(after, Token):
        if isinstance(before, Ref) and isinstance(after, Ref):
            return (before.resource, before.property) == (after.resource, after.property)
        return isinstance(before, Given) and isinstance(after, Given)
    if isinstance(before, bool) is not isinstance(after, bool):
        return False
    if before is after:
        return True
    try:
        return bool(before == after) or bool(before != before and after != after)
    except Exception:  # a foreign value that refuses to be compared
        return False
