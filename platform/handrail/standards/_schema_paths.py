"""Whether a type of resource has a field that a rule reads, and which it has that is most like it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from handrail.core.documents import dotted
from handrail.core.models import nearest
from handrail.core.resources import Path
from handrail.standards._kinds import kind_of
from handrail.standards._reads import ANY
from handrail.standards.evidence import CONTAINERS, LABELS, POD_SPECS

_HEAD = frozenset({"apiVersion", "kind", "metadata"})
_FIXED: Mapping[str, Iterable[str]] = {"variables.workload": tuple(LABELS), "variables.environment": ("name", "tier")}


def nearest_field(path: Path, types: Iterable[str]) -> tuple[str, str | None] | None:
    """The read field that none of `types` has, and the one that it has instead; None where one of them has it."""
    root, *below = path
    if root in _FIXED:
        names = list(_FIXED[str(root)])
        bad = below and below[0] not in (*names, ANY)
        return (dotted(path), nearest(str(below[0]), names)) if bad else None
    found = None
    for token in sorted(types):
        for start in _starts(str(root), token):
            kind = kind_of(token)
            if kind is None:  # nobody here knows the types of other providers
                return None
            found = _missing(kind.schema, (*start, *below), len(start))
            if found is None:
                return None
    return found


def _starts(root: str, token: str) -> list[Path]:
    if root == "object":
        return [()]
    pod = POD_SPECS.get(token)
    if pod is None:
        return []
    return [pod] if root == "variables.pod" else [(*pod, kind) for kind in CONTAINERS]


def _missing(schema: Any, path: Path, skip: int) -> tuple[str, str | None] | None:
    definitions = schema.get("$defs", {})
    at: Any = schema
    for index, part in enumerate(path):
        at = _resolved(at, definitions)
        if index == 0 and part in _HEAD and part not in at.get("properties", {}):
            return None
        properties = at.get("properties")
        if properties and part in properties:
            at = properties[part]
        elif "items" in at:
            at = at["items"]
        elif isinstance(at.get("additionalProperties"), Mapping):
            at = at["additionalProperties"]
        elif not properties:
            return None  # free form
        elif part == ANY:
            return None
        else:
            return dotted(path[skip:]), nearest(str(part), list(properties))
    return None


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Any:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema
