"""`handrail preview`: what a stack would register, or what differs from another revision."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handrail.cli._options import As, Cwd, Environment, Json, Stacks, Team

if TYPE_CHECKING:
    from handrail.core.project import Project
    from handrail.preview.report import Report


class Format(StrEnum):
    """How a comparison is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def preview(
    stacks: Stacks = None,
    environment: Environment = None,
    team: Team = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            help="Show what differs from where this left a revision, as origin/main; its organisation judges.",
            metavar="REF",
        ),
    ] = None,
    engine: Annotated[
        bool,
        typer.Option(
            "--engine", help="Ask the Pulumi engine, which also knows the state; with --base, for what drifted."
        ),
    ] = False,
    persona: As = None,
    json: Json = False,
    format_: Annotated[
        Format, typer.Option("--format", help="Of a comparison: for people, a pull request's comment, or programs.")
    ] = Format.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a comparison into a file.", metavar="FILE")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Show a comparison that --json wrote; its text is trusted in nothing."),
    ] = None,
    cwd: Cwd = None,
) -> None:
    """Show what stacks would register: no engine, no cluster, no credential. Default: all that have a config file."""
    if report or base:
        if report and (base or stacks or engine):
            raise typer.BadParameter("--report shows what was compared before: leave out --base, --engine and stacks")
        found = _read(report) if report else _compare(cwd, base or "", stacks, environment, team, persona, engine)
        _write(found, Format.JSON if json else format_, output)
        return
    if output or format_ is not Format.TEXT:
        raise typer.BadParameter("--format and --output are of a comparison: name a revision with --base")
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
    _show(project, [target.stack for target in targets], persona, json=json)


def _show(project: Project, stacks: Sequence[str], persona: str | None, *, json: bool) -> None:
    """What stacks would register."""
    from handrail.preview.read import preview as read

    previews = [read(project, stack) for stack in stacks]
    if json:
        from handrail.preview.json import dumps

        print(dumps(previews))
        return
    from rich.console import Console

    from handrail.preview.text import show

    console = Console()
    for found in previews:
        show(found, console, persona)


def _compare(
    cwd: Path | None, base: str, stacks: list[str] | None, environment: str | None, team: str | None,
    persona: str | None, engine: bool,
) -> Report:  # fmt: skip
    from handrail.core.project import Project
    from handrail.preview.compare import compare

    project = Project.find(cwd)
    found = compare(project, base, stacks or (), environment=environment, team=team, persona=persona)
    if engine:
        from handrail.preview.drift import with_drift

        return with_drift(project, found)
    return found


def _read(file: Path) -> Report:
    from handrail.preview.report import read_report

    return read_report(file)


def _write(report: Report, how: Format, output: Path | None) -> None:
    """Print a comparison, or write it into a file."""
    from handrail.preview.rendering import FORMATS

    if output:
        output.write_text(FORMATS[how](report), "utf-8")
    elif how is Format.TEXT:
        from rich.console import Console

        from handrail.preview.comparison_text import show

        show(report, Console())
    else:
        print(FORMATS[how](report), end="")
