"""`handrail check`: the standards on anything."""

from __future__ import annotations

import gc
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from handrail.cli._options import Cwd


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
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write what is violated now into a baseline.")
    ] = None,
    cwd: Cwd = None,
) -> None:
    """Judge stacks, manifests or a saved preview by the organisation's standards, without a cluster. Ends with 1 where
    something is refused."""
    gc.disable()  # the process ends with its report, and what it reads has few cycles: a fifth of its time
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would look for them in each installed package
    from handrail.check import Baseline, read_baseline
    from handrail.check.formats import FORMATS
    from handrail.check.sources import check_all

    stdin = sys.stdin.buffer.read() if "-" in (what or ()) else b""
    report = check_all(
        what or (), organisation=organisation, environment=environment, stdin=stdin, start=cwd, base=base
    )
    if baseline:
        report = read_baseline(baseline, base).applied(report)
    if write_baseline:
        write_baseline.write_text(Baseline.of(report.checked).dumps(), "utf-8")
    print(FORMATS[form](report))
    if report.refuses(strict=strict) and not write_baseline:
        raise typer.Exit(1)
