"""`handrail check`: the standards on anything."""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handrail.cli._options import Cwd

if TYPE_CHECKING:
    from handrail.check import Report


class Format(StrEnum):
    """What a report is written for."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"


def check(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Stacks, as payments-dev or '*-dev'; or YAML files, folders, globs, a saved `pulumi preview --json`, "
            "- for stdin. Default: every stack.",
            metavar="WHAT",
        ),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option("--environment", "-e", help="Of files: whose standards; default: as their labels say."),
    ] = None,
    organisation: Annotated[
        str | None,
        typer.Option("--organisation", help="The organisation's directory; default: the one of the project's stacks."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what is decided at up only.")] = False,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Violations that were there before and are not refused.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", help="Judge by organisation, standards, waivers and baseline of this revision, as origin/main."
        ),
    ] = None,
    approvals: Annotated[
        Path | None,
        typer.Option(
            "--approvals",
            help="With --base: who approved the pull request, in JSON that the trusted workflow made.",
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write what is violated now into a baseline.")
    ] = None,
    cwd: Cwd = None,
) -> None:
    """Judge stacks, manifests or a saved preview by the organisation's standards, without a cluster. Ends with 1 where
    something is refused."""
    gc.disable()  # the process ends with its report, and what it reads has few cycles: a fifth of its time
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would look for them in each installed package
    from handrail.core.ahead import reading

    with reading(str((cwd or Path.cwd()) / name) for name in what or () if name != "-") as ahead:
        from handrail.check import Baseline, read_baseline
        from handrail.check.formats import FORMATS
        from handrail.check.sources import check_all

        stdin = sys.stdin.buffer.read() if "-" in (what or ()) else b""
        report = check_all(
            what or (), organisation=organisation, environment=environment, stdin=stdin, start=cwd, base=base,
            ahead=ahead,
        )  # fmt: skip
    if base:
        report = _with_approvals(report, base, approvals, organisation, cwd)
    elif approvals:
        raise typer.BadParameter("--approvals needs --base: the pins that differ from it are what was approved")
    if baseline:
        report = read_baseline(baseline, base).applied(report)
    if write_baseline:
        write_baseline.write_text(Baseline.of(report.checked).dumps(), "utf-8")
    print(FORMATS[form](report))
    if report.refuses(strict=strict) and not write_baseline:
        raise typer.Exit(1)


def _with_approvals(report: Report, base: str, file: Path | None, organisation: str | None, cwd: Path | None) -> Report:
    """The report, and what is to be said of the approvals of each pin that differs from the base."""
    from handrail.core.errors import HandrailError
    from handrail.core.project import Project
    from handrail.promotion.approvals import read_approvals
    from handrail.promotion.pull_request import approval_findings

    try:
        project = Project.find(cwd)
    except HandrailError:  # files alone were checked
        return report
    found = approval_findings(project, base, read_approvals(file) if file else None, organisation)
    return replace(report, checked=(*report.checked, *found))
