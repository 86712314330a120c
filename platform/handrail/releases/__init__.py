"""What is pinned where: `releases/<environment>/<team>.yaml`, read as intent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from handrail.core.documents import load
from handrail.core.models import Model, read

__all__ = ["Release", "read_releases"]


class Release(Model):
    """What one workload serves in one environment."""

    weight: Annotated[int, Field(ge=0, le=100)] = 100
    """The share of a route's traffic that it gets, in per cent: 0 (dark) to 100 (default)."""


class _File(RootModel[dict[str, Release]]):
    pass


def read_releases(root: Path, environment: str, team: str) -> dict[str, Release]:
    """The releases of a team in an environment, by workload; empty where there is no file.

    Raises:
        DocumentError: every problem of the file.
    """
    file = root / "releases" / environment / f"{team}.yaml"
    return read(load(file), _File).root if file.is_file() else {}
