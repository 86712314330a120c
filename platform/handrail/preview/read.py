"""The preview of a stack of a project: from its plan where the program is plain, else from the recorder."""

from __future__ import annotations

from handrail.core.project import Project
from handrail.personas._stack import is_plain, plan_stack
from handrail.preview.model import Preview, from_plan, from_record


def preview(project: Project, stack: str) -> Preview:
    """What `stack` would register; no engine, credential or network is used.

    Raises:
        HandrailError: every problem of its files, plans or program.
    """
    found = project.stack(stack)
    if is_plain(project.program):
        return from_plan(plan_stack(found.config, root=project.root, stack=found.name))
    from handrail.recorder import record

    return from_record(
        record(
            project.program,
            project=project.name,
            stack=found.name,
            config=found.config,
            encrypted=found.encrypted,
            root=project.root,
            python=project.python,
        )
    )
