"""The preview of a stack of a project: from its plan where the program is plain, else from the recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail.core.project import Project
from handrail.personas._stack import is_plain, plan_stack
from handrail.preview.model import Preview, from_plan, from_record

if TYPE_CHECKING:
    from handrail.recorder import Record


def preview(project: Project, stack: str) -> Preview:
    """What `stack` would register; no engine, credential or network is used.

    Raises:
        HandrailError: every problem of its files, plans or program.
    """
    found = project.stack(stack)
    if is_plain(project.program):
        return from_plan(plan_stack(found.config, root=project.root, stack=found.name))
    return from_record(record_stack(project, stack))


def record_stack(project: Project, stack: str, *, refuses: bool = True) -> Record:
    """What the program of `project` registers for `stack`, whatever the program is.

    Args:
        refuses: whether a component that a standard refuses ends it; otherwise what it planned is in the record.

    Raises:
        HandrailError: the stack has no config file, or the program cannot be recorded.
    """
    from handrail.engine import PROVIDER_VARIABLE, provider_version
    from handrail.recorder import record

    found = project.stack(stack)
    return record(
        project.program,
        project=project.name,
        stack=found.name,
        config=found.config,
        encrypted=found.encrypted,
        root=project.root,
        python=project.python,
        environment={PROVIDER_VARIABLE: provider_version() or ""},
        refuses=refuses,
    )
