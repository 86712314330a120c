"""What an organisation says of selected stacks: where their state is kept, and whether they are in a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from handrail.core.project import Project
from handrail.core.selection import BACKEND_VARIABLE, Target
from handrail.organisation.context import Context, read_context


def with_organisation(project: Project, targets: Sequence[Target], say: Callable[[str], None]) -> tuple[Target, ...]:
    """The targets with what organisation.yaml says of their environments.

    The environment variable PULUMI_BACKEND_URL holds instead of its backends, as it does for Pulumi itself.

    Args:
        say: told of a backend that does not hold.

    Raises:
        DocumentError: a stack's config or its organisation is wrong.
    """
    told = [_told(target, _context(project, target)) for target in targets]
    chosen = os.environ.get(BACKEND_VARIABLE)
    if not chosen:
        return tuple(told)
    for address in sorted({target.backend for target in told} - {"", chosen}):
        say(f"{BACKEND_VARIABLE} is set: its backend is used, and not organisation.yaml's {address}")
    return tuple(replace(target, backend="", organization="") for target in told)


def _told(target: Target, context: Context | None) -> Target:
    if context is None:
        return target
    target, backend = replace(target, live=context.cluster.context is not None), context.settings.backend
    return replace(target, backend=backend.url, organization=backend.organization or "") if backend else target


def _context(project: Project, target: Target) -> Context | None:
    config = project.stack(target.stack).config
    if "handrail:organisation" not in config:  # a project that has no platform
        return None
    return read_context(config, root=project.root, stack=target.stack)
