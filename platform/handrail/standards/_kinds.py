"""Every kind whose schema is known, each with one compiled validator, built when it is first asked for.

Built-in kinds come from the strict JSON schemas of the pinned Kubernetes version, with the enumerations these leave out
from `enums.json`; custom ones from `crds/`. The schemas are read without importing the package that brings them, which
would load a second validator.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema_rs import Validator

KUBERNETES = "1.37"

_DEFINITIONS = f"kubernetes-json-schema/v{KUBERNETES}.0-local-strict/_definitions.json"
_CRDS = Path(__file__).parent / "crds"
_ENUMS = Path(__file__).parent / "enums.json"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."

QUANTITY = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"

# Kubernetes publishes these as "text or a number"; the API server's parsers are stricter.
_SHARPER: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["integer", "string", "null"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "type": ["number", "string", "null"],
        "pattern": QUANTITY,
    },
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind, and what a manifest of it must look like.

    Args:
        schema: a self-contained JSON Schema.
        custom: it comes from a CustomResourceDefinition.
    """

    schema: dict[str, Any]
    custom: bool
    validator: Validator


def api_of(token: str) -> tuple[str, str]:
    """The apiVersion and kind of a Pulumi type token: `kubernetes:core/v1:Service` is `v1`, `Service`."""
    _, _, rest = token.partition(":")
    group_version, _, kind = rest.rpartition(":")
    return group_version.removeprefix("core/"), kind


@cache
def kind_of(token: str) -> Kind | None:
    """The kind of a Pulumi type token, or None where no schema is known for it."""
    from jsonschema_rs import Draft202012Validator  # a compiled module: not before it is needed

    definition = _index().get(token)
    file = custom().get(token)
    if definition is None and file is None:
        return None
    if definition is not None:
        root: dict[str, Any] = {"$ref": f"#/$defs/{definition}"}
    else:
        assert file is not None
        root = json.loads(file.read_bytes())
    schema = {**root, "$defs": _closure(root)}
    return Kind(schema, custom=definition is None, validator=Draft202012Validator(schema))


def known() -> list[str]:
    """Every type token with a schema, sorted."""
    return sorted({*_index(), *custom()})


@cache
def custom() -> dict[str, Path]:
    """The custom kinds' files by type token."""
    files = {}
    for file in sorted(_CRDS.glob("*.json")):
        group, version, kind = file.stem.split("_")
        files[f"kubernetes:{group}/{version}:{kind}"] = file
    return files


@cache
def _definitions() -> dict[str, Any]:
    package = find_spec("kubernetes_validate")
    assert package is not None
    assert package.submodule_search_locations
    text = Path(package.submodule_search_locations[0], _DEFINITIONS).read_bytes()
    definitions: dict[str, Any] = json.loads(text)["$defs"]
    for name, fields in json.loads(_ENUMS.read_bytes()).items():
        properties = definitions.get(name, {}).get("properties", {})
        for field, values in fields.items():
            schema = properties.get(field, {})
            schema = schema.get("items", schema)
            if "string" in schema.get("type", ()):
                schema["enum"] = [*values, "", None]  # empty is the default to the API server, as if left out
    return definitions | _SHARPER


@cache
def _index() -> dict[str, str]:
    """Definition names by type token; kinds that are only sent to the API, as DeleteOptions, belong to no one group."""
    index = {}
    for name, schema in _definitions().items():
        if name.startswith(_META):
            continue
        for served in schema.get("x-kubernetes-group-version-kind", ()):
            group_version = f"{served['group'] or 'core'}/{served['version']}"
            index[f"kubernetes:{group_version}:{served['kind']}"] = name
    return index


def _closure(root: Any) -> dict[str, Any]:
    """The definitions that `root` needs, directly or through others."""
    found: dict[str, Any] = {}
    wanted = list(_references(root))
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _definitions()[name]
            wanted.extend(_references(found[name]))
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value.rpartition("/")[2]
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
