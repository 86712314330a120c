"""`handrail destroy`: remove what stacks deployed."""

from __future__ import annotations

from handrail.cli._options import Cwd, Stacks, Yes


def destroy(stacks: Stacks, yes: Yes = False, cwd: Cwd = None) -> None:
    """Remove everything that stacks deployed; the stacks and their history stay."""
    from handrail.core.project import Project
    from handrail.engine.run import run

    run(Project.find(cwd), stacks, "destroy", ["--yes"] if yes else [])
