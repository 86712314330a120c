"""A validator's errors as Problems: the field, what was given, what may stand there, the nearest valid word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind

from handrail.core.documents import dotted, shown
from handrail.core.errors import Problem
from handrail.core.models import nearest
from handrail.core.resources import Path, Resource
from handrail.standards import _kinds

_WORDS = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "object": "a mapping", "array": "a list",
}  # fmt: skip

# What a limit's keyword allows, around its value.
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
    "pattern": "text like {}",
}

_QUANTITY = "a quantity: a number alone or with m, k, M, G, T, Ki, Mi, Gi or Ti, as 500m or 2Gi"


def problem(
    resource: Resource,
    path: Path,
    message: str,
    given: object = None,
    allowed: str | None = None,
    remedy: str | None = None,
) -> Problem:
    """A Problem at a field of a resource. A Secret's values are never shown."""
    hidden = given is None or resource.kind == "Secret"
    text = None if hidden else shown(given if isinstance(given, str) else json.dumps(given))
    field = dotted(path)
    place = f"{resource.name}: {field}" if field else resource.name
    return Problem(message, place, given=text, allowed=allowed, remedy=remedy)


def unknown_kind(resource: Resource) -> Problem:
    """The Problem of a kind that no schema is known for, which can therefore not be checked."""
    near = nearest(resource.type, _kinds.known())
    return Problem(
        f"is of a kind that has no known schema, so a misspelt field in it would go unnoticed (Kubernetes "
        f"{_kinds.KUBERNETES})",
        resource.name,
        given=resource.type,
        allowed="a built-in kind, or " + ", ".join(_kinds.custom()),
        remedy=(f"did you mean {near}? " if near else "")
        + "A custom kind is added by a line in handrail/standards/_crds.py and `python -m handrail.standards._crds`",
    )


def explain(resource: Resource, error: ValidationError, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """The Problems of one error of a validator, made from `schema`."""
    path: Path = tuple(error.instance_path)
    match error.kind:
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            parent, owner = _parent(error, schema, resource)
            fields = sorted(parent.get("properties", ()))
            for name in names:
                near = nearest(name, fields)
                yield problem(
                    resource,
                    (*path, name),
                    f"is not a field of {owner}; the provider would drop it in silence",
                    allowed=None if near else ", ".join(fields) or "nothing",
                    remedy=f"did you mean {near}?" if near else None,
                )
        case ValidationErrorKind.Required(property=name):
            yield problem(resource, (*path, name), "is missing", remedy=f"add {name}")
        case ValidationErrorKind.Type(types=types):
            allowed = " or ".join(_WORDS[name] for name in _WORDS if name in types)
            yield problem(resource, path, "is of the wrong type", _brief(error.instance), allowed)
        case ValidationErrorKind.Enum(options=options):
            words = [option for option in options if isinstance(option, str) and option]
            near = nearest(error.instance, words) if isinstance(error.instance, str) else None
            remedy = f"did you mean {near}?" if near else None
            yield problem(resource, path, "is not an allowed value", _brief(error.instance), ", ".join(words), remedy)
        case kind:
            is_quantity = kind.value == _kinds.QUANTITY
            allowed = _QUANTITY if is_quantity else _LIMITS.get(kind.name, kind.name + " {}").format(kind.value)
            yield problem(resource, path, "is not an allowed value", _brief(error.instance), allowed)


def _parent(error: ValidationError, schema: Mapping[str, Any], resource: Resource) -> tuple[Mapping[str, Any], str]:
    """The schema that holds the keyword which failed, and what to call it."""
    part: Any = schema
    owner = resource.kind
    for step in error.schema_path[:-1]:
        part = part[step]
        if isinstance(step, str) and step.startswith("io.k8s."):
            owner = step.rpartition(".")[2]
    return part, owner


def _brief(value: Any) -> Any:
    """The value itself, or only its kind where printing it would fill the screen."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return value
