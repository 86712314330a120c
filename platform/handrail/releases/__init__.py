"""What is pinned where: `releases/<environment>/<team>.yaml`, read as intent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from handrail.core.documents import load
from handrail.core.errors import DocumentError, Problem
from handrail.core.models import Model, read

__all__ = ["Release", "read_releases", "releases_file"]

Image = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@sha256:[0-9a-f]{64}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[^@\s]+$")]


class Release(Model):
    """What one workload serves in one environment."""

    image: Image | None = None
    """Its image by digest, in place of the one in workloads.yaml. As registry.acme.test/payments/checkout@sha256:… ."""
    model: Version | None = None
    """An endpoint's model by version, never by alias, in place of the one in workloads.yaml. As models:/scorer/12."""
    weight: Annotated[int, Field(ge=0, le=100)] = 100
    """The share of a route's traffic that it gets, in per cent: 0 (dark) to 100 (default)."""

    @property
    def pins(self) -> dict[str, str]:
        """The settings that it decides, by name."""
        return {word: value for word in ("image", "model") if (value := getattr(self, word)) is not None}


def releases_file(environment: str, team: str) -> str:
    """Where a team's releases stand, below the directory of Pulumi.yaml."""
    return f"releases/{environment}/{team}.yaml"


def read_releases(root: Path, environment: str, team: str) -> dict[str, Release]:
    """The releases of a team in an environment, by workload; empty where there is no file.

    Raises:
        DocumentError: every problem of the file.
    """
    file = root / releases_file(environment, team)
    if not file.is_file():
        return {}
    document = load(file)
    data = {} if document.data is None else document.data
    if not isinstance(data, Mapping):
        raise DocumentError(Problem("must hold releases by the name of their workload", where=document.where(())))
    found: dict[str, Release] = {}
    problems: list[Problem] = []
    for name in data:
        try:
            found[name] = read(document, Release, (name,))
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return found
