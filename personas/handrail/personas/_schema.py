"""JSON Schemas of the files that people write, so that an editor completes and explains each word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.components._catalogue import definitions
from handrail.core.models import described
from handrail.organisation import Organisation
from handrail.personas._persona import Persona, Section

_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def workloads_schema(persona: Persona) -> dict[str, Any]:
    """The schema of a persona's workloads.yaml: its words alone, with their documentation."""
    shared: dict[str, Any] = {
        word: {"type": "string", "description": f"The default of {field} for every workload of this file."}
        for word, field in persona.shared.items()
    }
    found: dict[str, Any] = {}
    sections = {word: _section(section, persona, found) for word, section in persona.sections.items()}
    return {
        **_DIALECT,
        "title": f"workloads.yaml of {persona.name}",
        "type": "object",
        "additionalProperties": False,
        "required": ["persona", "team"],
        "properties": {
            "persona": {"const": persona.name, "description": "Whose words this file is in."},
            "team": {"type": "string", "description": "The team that owns these workloads."},
            **shared,
            **sections,
        },
        "$defs": found,
    }


def organisation_schema() -> dict[str, Any]:
    """The schema of organisation.yaml."""
    return {**_DIALECT, **_plain(described(Organisation).model_json_schema()), "title": "organisation.yaml"}


def _section(section: Section, persona: Persona, found: dict[str, Any]) -> dict[str, Any]:
    schema = _plain(described(definitions()[section.component].spec).model_json_schema())
    found |= schema.pop("$defs", {})
    properties = {word: field for word, field in schema["properties"].items() if word in section.words}
    required = [word for word in schema.get("required", ()) if word not in persona.shared.values()]
    workload = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }
    return {
        "type": "object",
        "description": schema.get("description", ""),
        "additionalProperties": workload,
    }


def _plain(value: Any) -> Any:
    """A schema of pydantic's without what only Python can give, and without our own types' insides."""
    if isinstance(value, list):
        return [_plain(item) for item in value if not (isinstance(item, Mapping) and _is_given(item))]
    if not isinstance(value, Mapping):
        return value
    kept = {
        key: _plain(item)
        for key, item in value.items()
        if not (key == "title" and isinstance(item, str))
        and key != "Given"
        and not (key == "default" and _opaque(item))
    }
    branches = kept.get("anyOf")
    if branches == [{"type": "string"}] and any(map(_is_given, value["anyOf"])):
        kept["anyOf"] = [{"type": ["string", "number"]}]  # YAML's numbers are text where text may stand
    return kept


def _is_given(item: Mapping[str, Any]) -> bool:
    return item.get("$ref") == "#/$defs/Given"


def _opaque(default: Any) -> bool:
    """Whether a default is one of our own quantities, which JSON shows by its insides."""
    return isinstance(default, Mapping) or (isinstance(default, list) and any(map(_opaque, default)))
