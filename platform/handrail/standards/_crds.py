"""Makes the strict schemas in `crds/` from the custom resource definitions that each project publishes as a Go module.

    python -m handrail.standards._crds

A line of `SOURCES` adds a kind. Go's own checksum database vouches for the modules; nothing is compiled. CEL rules
(`x-kubernetes-validations`) and descriptions are left behind: only the API server can evaluate the first, and nobody
here reads the second.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import yaml

FOLDER = Path(__file__).parent / "crds"
OBJECT_META = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}

_KEPT = (
    "type", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """Where one kind's definition is published."""

    module: str
    release: str
    file: str
    version: str


SOURCES = (
    Source("sigs.k8s.io/gateway-api", "v1.7.0", "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml", "v1"),
    Source(
        "github.com/external-secrets/external-secrets",
        "v1.3.2",
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        "v1",
    ),
    *(
        Source("sigs.k8s.io/kueue", "v0.19.2", f"config/components/crd/bases/kueue.x-k8s.io_{plural}.yaml", "v1beta2")
        for plural in ("clusterqueues", "localqueues", "resourceflavors", "workloadpriorityclasses")
    ),
    *(
        Source(
            "github.com/prometheus-operator/prometheus-operator",
            "v0.94.1",
            f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml",
            "v1",
        )
        for plural in ("servicemonitors", "podmonitors", "prometheusrules")
    ),
    Source("github.com/cert-manager/cert-manager", "v1.21.2", "deploy/crds/cert-manager.io_certificates.yaml", "v1"),
    Source("github.com/kedacore/keda/v2", "v2.21.0", "config/crd/bases/keda.sh_scaledobjects.yaml", "v1alpha1"),
)


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


def download(source: Source) -> ZipFile:
    """The module's zip, checked by Go.

    Raises:
        RuntimeError: Go could not download it.
    """
    target = f"{source.module}@{source.release}"
    run = subprocess.run(["go", "mod", "download", "-json", target], capture_output=True, text=True, check=False)  # noqa: S603, S607
    answer = json.loads(run.stdout or "{}")
    # A module that asks for a newer Go is an error to Go and still comes with its verified zip.
    if "Zip" not in answer:
        raise RuntimeError(f"{target}: {answer.get('Error') or run.stderr}")
    return ZipFile(answer["Zip"])


def main() -> None:
    """Write every schema of `SOURCES`, and remove what is no longer in it."""
    written = set()
    for source in SOURCES:
        with download(source) as archive:
            text = archive.read(f"{source.module}@{source.release}/{source.file}")
        name, schema = schema_of(yaml.safe_load(text), source.version)
        (FOLDER / name).write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
        written.add(name)
        sys.stdout.write(f"{name}  {source.module}@{source.release}\n")
    for stale in {file.name for file in FOLDER.glob("*.json")} - written:
        (FOLDER / stale).unlink()


if __name__ == "__main__":
    main()
