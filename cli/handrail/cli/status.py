"""`handrail status`: what runs where."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from handrail.cli._options import Cwd, Environment, Json, Stacks, Team


class Audience(StrEnum):
    """Whom the status may speak to."""

    APP_DEVELOPER = "app-developer"
    ML_ENGINEER = "ml-engineer"
    DATA_SCIENTIST = "data-scientist"
    PLATFORM_ENGINEER = "platform-engineer"
    PRODUCT_MANAGER = "product-manager"


def status(
    stacks: Stacks = None,
    environment: Environment = None,
    team: Team = None,
    audience: Annotated[
        Audience | None, typer.Option("--as", help="Whose words to speak; default: those of each stack's file.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="What was deployed then: a date (its end, in UTC), or a date and time (in UTC, or with its zone); "
            "from the state backend's update history, without a cluster.",
            metavar="DATE",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every 2 seconds until Ctrl-C.")] = False,
    json: Json = False,
    cwd: Cwd = None,
) -> None:
    """Show what runs where: live or not, replicas, version, traffic, since when, what failed last and what to do.

    Exit code 0 when all of it is live, ready to run or stopped by itself; 1 when something is not, or is not known.
    With --at: 0 when what was deployed is known, and 1 when it is not.
    """
    if watch and json:
        raise typer.BadParameter("--watch is for people, --json for programs: leave one of the two out")
    if at is not None:
        if watch:
            raise typer.BadParameter("--watch is for what comes, --at for what was: leave one of the two out")
        _past(stacks, environment, team, audience, at, json=json, cwd=cwd)
    from handrail.cluster import status_text
    from handrail.cluster.live import ask, read
    from handrail.core.project import Project
    from handrail.core.selection import select

    project = Project.find(cwd)
    asked = ask(project, select(project, stacks or (), environment=environment, team=team))
    from rich.console import Console

    if watch:
        status_text.watch(lambda: read(asked), Console(), audience)
    found = read(asked)
    if json:
        print(status_text.dumps(found))
    else:
        status_text.show(found, Console(), audience)
    raise typer.Exit(0 if all(each.well for each in found) else 1)


def _past(
    stacks: list[str] | None,
    environment: str | None,
    team: str | None,
    audience: Audience | None,
    at: str,
    *,
    json: bool,
    cwd: Path | None,
) -> NoReturn:
    from rich.console import Console

    from handrail.cluster import past, past_text
    from handrail.core.project import Project
    from handrail.core.selection import select
    from handrail.engine.run import say

    moment, project = past.moment_of(at), Project.find(cwd)
    found = past.read_past(project, select(project, stacks or (), environment=environment, team=team), moment, say)
    if json:
        print(past_text.dumps(found))
    else:
        past_text.show(found, Console(), audience)
    raise typer.Exit(1 if any(each.problems for each in found) else 0)
