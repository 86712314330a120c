"""Makes the strict schemas in `crds/` from the custom resource definitions that each project publishes as a Go module.

    python -m handrail.standards._crds

A line of `handrail.engine.crds.SOURCES` adds a kind; nothing is compiled. CEL rules
(`x-kubernetes-validations`) and descriptions are left behind: only the API server can evaluate the first, and nobody
here reads the second.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from handrail.engine.crds import SOURCES, read

FOLDER = Path(__file__).parent / "crds"
OBJECT_META = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}

_KEPT = (
    "type", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A structural schema of a CRD as JSON Schema in which an unknown field is an error."""
    if schema.get("x-kubernetes-int-or-string"):
        branches = {key: schema[key] for key in _KEPT if key in schema and key != "type"}
        return {"type": ["integer", "string"], **branches}
    kept: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if schema.get("nullable") and "type" in kept:
        kept["type"] = [kept["type"], "null"]
        if "enum" in kept:
            kept["enum"] = [*kept["enum"], None]
    if "items" in schema:
        kept["items"] = strict(schema["items"])
    fields: Mapping[str, Any] = schema.get("properties") or {}
    if fields:
        kept["properties"] = {name: strict(field) for name, field in fields.items()}
    # The API server fills in defaults before it validates, so a field with one may be left out.
    if needed := [name for name in schema.get("required") or () if "default" not in fields.get(name, {})]:
        kept["required"] = needed
    if "additionalProperties" in schema:
        values = schema["additionalProperties"]
        kept["additionalProperties"] = values if isinstance(values, bool) else strict(values)
    elif fields and not schema.get("x-kubernetes-preserve-unknown-fields"):
        kept["additionalProperties"] = False
    return kept


def schema_of(definition: Mapping[str, Any], version: str) -> tuple[str, dict[str, Any]]:
    """The file name and the strict schema of one version of a CustomResourceDefinition."""
    spec = definition["spec"]
    served = next(entry for entry in spec["versions"] if entry["name"] == version and entry["served"])
    schema = strict(served["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = OBJECT_META
    if "status" in schema["properties"]:
        schema["properties"]["status"] = {"type": "object"}  # the controller's; a plan never writes it
    return f"{spec['group']}_{version}_{spec['names']['kind']}.json", schema


def main() -> None:
    """Write every schema of `SOURCES`, and remove what is no longer in it."""
    written = set()
    for source in SOURCES:
        name, schema = schema_of(yaml.safe_load(read(source.module, source.file)), source.version)
        (FOLDER / name).write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
        written.add(name)
        sys.stdout.write(f"{name}  {source.module.name}\n")
    for stale in {file.name for file in FOLDER.glob("*.json")} - written:
        (FOLDER / stale).unlink()


if __name__ == "__main__":
    main()
