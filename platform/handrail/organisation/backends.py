"""Which state backend each selected stack has, by its environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from handrail.core.project import Project
from handrail.core.selection import BACKEND_VARIABLE, Target
from handrail.organisation.context import read_context
from handrail.organisation.model import Backend


def with_backends(project: Project, targets: Sequence[Target], say: Callable[[str], None]) -> tuple[Target, ...]:
    """The targets with the backends that organisation.yaml names for their environments.

    The environment variable PULUMI_BACKEND_URL holds instead of them, as it does for Pulumi itself.

    Args:
        say: told of a backend that does not hold.

    Raises:
        DocumentError: a stack's config or its organisation is wrong.
    """
    wanted = {target.stack: backend for target in targets if (backend := _backend(project, target))}
    chosen = os.environ.get(BACKEND_VARIABLE)
    if chosen:
        for address in sorted({backend.url for backend in wanted.values()} - {chosen}):
            say(f"{BACKEND_VARIABLE} is set: its backend is used, and not organisation.yaml's {address}")
        return tuple(targets)
    return tuple(
        replace(target, backend=backend.url, organization=backend.organization or "")
        if (backend := wanted.get(target.stack))
        else target
        for target in targets
    )


def _backend(project: Project, target: Target) -> Backend | None:
    config = project.stack(target.stack).config
    if "handrail:organisation" not in config:  # a project that has no platform
        return None
    return read_context(config, root=project.root, stack=target.stack).settings.backend
