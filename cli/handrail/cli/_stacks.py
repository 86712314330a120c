"""What `up` and `destroy` share: the selection, the question before many stacks, the matrix."""

from __future__ import annotations

import json
from pathlib import Path

import typer


def deploy(
    command: str,
    stacks: list[str] | None,
    environment: str | None,
    team: str | None,
    *,
    yes: bool,
    skip_preview: bool,
    matrix: bool,
    parallel: int | None,
    cwd: Path | None,
) -> None:
    """Run the engine's `command` on the selection; a bare command without any selection is a usage error."""
    from handrail.core.project import Project
    from handrail.core.selection import select

    if not (stacks or environment or team):
        raise typer.BadParameter("name stacks, or select them with --environment or --team")
    project = Project.find(cwd)
    targets = select(project, stacks or (), environment=environment, team=team)
    if matrix:
        rows = [
            {"stack": each.stack, "team": each.team, "environment": each.environment, "wave": each.wave}
            for each in targets
        ]
        print(json.dumps({"include": rows}))
        return
    from handrail.cluster.news import news_of
    from handrail.engine.run import run, say
    from handrail.organisation.targets import with_organisation

    several = len(targets) > 1
    if several and not yes:
        typer.confirm(f"{command} {', '.join(each.stack for each in targets)}?", abort=True)
    wanted = {"--yes": yes or several, "--skip-preview": skip_preview or several}
    arguments = [flag for flag, given in wanted.items() if given]
    targets = with_organisation(project, targets, say)
    news = news_of(project) if command == "up" else None
    run(project, targets, command, arguments, at_once=parallel, news=news)
