"""`handrail up`: deploy stacks with the Pulumi engine."""

from __future__ import annotations

from handrail.cli._options import Cwd, Stacks, Yes


def up(stacks: Stacks, yes: Yes = False, cwd: Cwd = None) -> None:
    """Deploy stacks with the Pulumi engine; `pulumi up -s STACK` on the same checkout does the same."""
    from handrail.core.project import Project
    from handrail.engine.run import run

    run(Project.find(cwd), stacks, "up", ["--yes"] if yes else [])
