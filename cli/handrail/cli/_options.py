"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Cwd = Annotated[Path | None, typer.Option("--cwd", "-C", help="Run as if started in this directory.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Go ahead without asking.")]
Stacks = Annotated[
    list[str], typer.Argument(help="The stacks, as payments-dev, one after another.", metavar="STACK...")
]
