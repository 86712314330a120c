"""What is pinned where: `releases/<environment>/<team>.yaml`, read as intent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from handrail.core.documents import Document, load
from handrail.core.errors import DocumentError, Problem
from handrail.core.models import read
from handrail.releases._model import Api, Canary, Gates, Pin, Release

__all__ = ["Api", "Canary", "Gates", "Pin", "Release", "read_document", "read_releases", "releases_file"]


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
    return read_document(load(file))


def read_document(document: Document) -> dict[str, Release]:
    """The releases that a file's text says, by workload. Raises as `read_releases` does."""
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
