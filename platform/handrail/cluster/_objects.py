"""Reading of live objects: any field may be missing or of another shape, and nothing here raises because of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
"""An object as an API server gives it, or a part of one."""


def at(value: Any, *path: str) -> Any:
    """What stands at `path`; None where there is nothing."""
    for word in path:
        value = value.get(word) if isinstance(value, Mapping) else None
    return value


def text(value: Any, *path: str) -> str:
    """The text at `path`; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def number(value: Any, *path: str, default: int = 0) -> int:
    """The whole number at `path`."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def listed(value: Any, *path: str) -> list[Object]:
    """The mappings of the list at `path`."""
    found = at(value, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list | tuple) else []


def texts(value: Any, *path: str) -> dict[str, str]:
    """The texts of the mapping at `path`, as labels."""
    found = at(value, *path)
    if not isinstance(found, Mapping):
        return {}
    return {key: each for key, each in found.items() if isinstance(key, str) and isinstance(each, str)}


def moment(value: Any, *path: str) -> datetime | None:
    """The time at `path`, in UTC."""
    try:
        found = datetime.fromisoformat(text(value, *path))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the year 1 has no hour before it
        return None


def latest(*moments: datetime | None) -> datetime | None:
    """The last of those that are known."""
    return max((each for each in moments if each), default=None)


def name_of(found: Object) -> str:
    """The name of an object."""
    return text(found, "metadata", "name")


def label(found: Object, key: str) -> str:
    """A label of an object; empty where it has none."""
    return texts(found, "metadata", "labels").get(key, "")


def owned_by(found: Object, kind: str, name: str) -> bool:
    """Whether the object of that kind and name made it."""
    owners = listed(found, "metadata", "ownerReferences")
    return any(text(owner, "kind") == kind and text(owner, "name") == name for owner in owners)


def condition(found: Object, kind: str) -> Object:
    """A condition of an object's status; empty where it has none."""
    conditions = listed(found, "status", "conditions")
    return next((each for each in conditions if text(each, "type") == kind), {})


def holds(found: Object, kind: str) -> bool:
    """Whether a condition of an object is true."""
    return text(condition(found, kind), "status") == "True"
