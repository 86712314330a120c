"""`handrail preview`: what a stack would register."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli._options import As, Cwd, Environment, Json, Stacks, Team


def preview(
    stacks: Stacks = None,
    environment: Environment = None,
    team: Team = None,
    engine: Annotated[
        bool, typer.Option("--engine", help="Ask the Pulumi engine, which also knows the state.")
    ] = False,
    persona: As = None,
    json: Json = False,
    cwd: Cwd = None,
) -> None:
    """Show what stacks would register: no engine, no cluster, no credential. Default: all that have a config file."""
    from handrail.core.project import Project
    from handrail.core.selection import select

    project = Project.find(cwd)
    targets = select(project, stacks or (), environment=environment, team=team)
    if engine:
        if json and len(targets) > 1:
            raise typer.BadParameter("--json with --engine is one stack's: name one, or leave one of the two out")
        from handrail.engine.run import run, say
        from handrail.organisation.targets import with_organisation

        targets = with_organisation(project, targets, say)
        run(project, targets, "preview", ["--json"] if json else [])
        return
    from handrail.preview.read import preview as read

    previews = [read(project, target.stack) for target in targets]
    if json:
        from handrail.preview.json import dumps

        print(dumps(previews))
        return
    from rich.console import Console

    from handrail.preview.text import show

    console = Console()
    for found in previews:
        show(found, console, persona)
