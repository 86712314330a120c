"""Custom resource definitions, out of the Go modules that each project publishes them in.

A line of `SOURCES` adds a kind. A module is taken only if its bytes have the checksum that stands here.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import yaml

from handrail.core.errors import EngineError, Problem
from handrail.engine import _cache


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module at one version, with the checksum that a go.sum would hold."""

    path: str
    version: str
    sum: str

    @property
    def name(self) -> str:
        """As Go names it, `path@version`."""
        return f"{self.path}@{self.version}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where one kind's definition is published, and which of its versions is written."""

    module: Module
    file: str
    version: str


KUBERNETES = Module("k8s.io/kubernetes", "v1.37.0", "h1:TDSD+Izz9inqs7SmtJCAu7L5/DuYW9hAZ3GBdF6Ddkw=")
_GATEWAY = Module("sigs.k8s.io/gateway-api", "v1.7.0", "h1:duVnm7nO6oXfMMUWfcDoBph47CYR/ME3NGxccOVglaY=")
_SECRETS = Module(
    "github.com/external-secrets/external-secrets", "v1.3.2", "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ="
)
_KUEUE = Module("sigs.k8s.io/kueue", "v0.19.2", "h1:mPNzr37u0nwI7ikST5QQl5gg6EgtYOAvC9ZbTgywdN8=")
_PROMETHEUS = Module(
    "github.com/prometheus-operator/prometheus-operator",
    "v0.94.1",
    "h1:QEIb2wenPH+SdMN1xMf8l4Pmj00YYXXI6HlbLlQWkww=",
)
_CERTIFICATES = Module(
    "github.com/cert-manager/cert-manager", "v1.21.2", "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68="
)
_KEDA = Module("github.com/kedacore/keda/v2", "v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=")

SOURCES = (
    Source(_GATEWAY, "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml", "v1"),
    Source(_SECRETS, "config/crds/bases/external-secrets.io_externalsecrets.yaml", "v1"),
    *(
        Source(_KUEUE, f"config/components/crd/bases/kueue.x-k8s.io_{plural}.yaml", "v1beta2")
        for plural in ("clusterqueues", "localqueues", "resourceflavors", "workloadpriorityclasses")
    ),
    *(
        Source(_PROMETHEUS, f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml", "v1")
        for plural in ("servicemonitors", "podmonitors", "prometheusrules")
    ),
    Source(_CERTIFICATES, "deploy/crds/cert-manager.io_certificates.yaml", "v1"),
    Source(_KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml", "v1alpha1"),
)


def read(module: Module, file: str, go: Sequence[str] = ("go",)) -> bytes:
    """A file of a module.

    Raises:
        EngineError: the module cannot be had, or has another checksum.
    """
    # the checksum that stands here vouches for it: no sum database is asked
    settings = {**os.environ, "GOSUMDB": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    command = [*go, "mod", "download", "-json", module.name]
    done = subprocess.run(  # noqa: S603
        command, env=settings, cwd=Path.home(), capture_output=True, text=True, check=False
    )
    answer = json.loads(done.stdout or "{}")
    if "Zip" not in answer:  # a module that asks for a newer Go is an error to Go and still comes
        raise EngineError(Problem(f"{module.name} cannot be had: {answer.get('Error') or done.stderr.strip()}"))
    if answer["Sum"] != module.sum:
        raise EngineError(
            Problem(
                f"{module.name} is not what it was", given=answer["Sum"], allowed=module.sum, remedy="see who serves it"
            )
        )
    with ZipFile(answer["Zip"]) as archive:
        return archive.read(f"{module.name}/{file}")


def entry() -> Path:
    """Where the definitions of `SOURCES` are kept."""
    digest = hashlib.sha256(repr(SOURCES).encode()).hexdigest()
    return _cache.root() / "crds" / digest[:12]


def write(folder: Path, go: Sequence[str], say: Callable[[str], None]) -> None:
    """Put every definition into `folder`, as JSON, which is read fast; raises EngineError."""
    say("fetching the definitions of custom resources")
    for source in SOURCES:
        definition = yaml.safe_load(read(source.module, source.file, go))
        (folder / f"{Path(source.file).stem}.json").write_text(json.dumps(definition))


def definitions() -> list[dict[str, Any]]:
    """Every definition in the cache, in the API server's words; raises EngineError where they are not there."""
    folder = entry()
    if not _cache.complete(folder):
        raise EngineError(Problem("no definitions were fetched here", remedy="run `handrail engine cluster up`"))
    return [json.loads((folder / f"{Path(each.file).stem}.json").read_text()) for each in SOURCES]
