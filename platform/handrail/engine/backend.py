"""Where a stack's state is kept."""

from __future__ import annotations

import os
from pathlib import Path

from handrail.core.project import Project
from handrail.core.selection import BACKEND_VARIABLE, Target


def address(project: Project, target: Target) -> str:
    """The state backend: the environment variable's, else the organisation's, else Pulumi.yaml's, else (empty) the
    one of `pulumi login`."""
    return os.environ.get(BACKEND_VARIABLE) or target.backend or project.backend


def folder(project: Project, target: Target, url: str | None = None) -> Path | None:
    """The backend's folder; None where it is none. Where it is known already, by its address."""
    url = address(project, target) if url is None else url
    if not url.startswith("file://"):
        return None
    path = url.removeprefix("file://").partition("?")[0]
    return (project.root / Path(path).expanduser()).resolve()
