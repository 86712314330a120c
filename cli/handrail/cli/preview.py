"""`handrail preview`: what a stack would register."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli._options import As, Cwd, Json


def preview(
    stacks: Annotated[
        list[str] | None, typer.Argument(help="The stacks; default: all that have a config file.")
    ] = None,
    engine: Annotated[
        bool, typer.Option("--engine", help="Ask the Pulumi engine, which also knows the state.")
    ] = False,
    persona: As = None,
    json: Json = False,
    cwd: Cwd = None,
) -> None:
    """Show what a stack would register: no engine, no cluster, no credential."""
    from handrail.core.project import Project

    project = Project.find(cwd)
    names = stacks or project.stacks()
    if engine:
        from handrail.engine.run import run

        run(project, names, "preview", ["--json"] if json else [])
        return
    from handrail.preview.read import preview as read

    previews = [read(project, name) for name in names]
    if json:
        from handrail.preview.json import dumps

        print(dumps(previews))
        return
    from rich.console import Console

    from handrail.preview.text import show

    console = Console()
    for found in previews:
        show(found, console, persona)
