"""The options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Reader(StrEnum):
    """Whom a command may speak to."""

    APP_DEVELOPER = "app-developer"
    ML_ENGINEER = "ml-engineer"
    DATA_SCIENTIST = "data-scientist"
    PLATFORM_ENGINEER = "platform-engineer"


Cwd = Annotated[Path | None, typer.Option("--cwd", "-C", help="Run as if started in this directory.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Go ahead without asking.")]
SkipPreview = Annotated[
    bool,
    typer.Option("--skip-preview", "-f", help="Go ahead without the engine's own preview; of several there is none."),
]
Stacks = Annotated[
    list[str] | None, typer.Argument(help="The stacks, as payments-dev, or globs, as '*-dev'.", metavar="STACK")
]
Environment = Annotated[str | None, typer.Option("--environment", "-e", help="Only stacks of this environment.")]
Team = Annotated[str | None, typer.Option("--team", "-t", help="Only stacks of this team.")]
Matrix = Annotated[
    bool, typer.Option("--matrix", help="Print the selection as a CI job matrix, in JSON, and do nothing.")
]
As = Annotated[Reader | None, typer.Option("--as", help="Whose words to speak; default: those of the stack's file.")]
Name = Annotated[str, typer.Argument(help="The workload, as checkout, or team/workload.", metavar="NAME")]
Stack = Annotated[
    str | None,
    typer.Option("--stack", "-s", help="The stack; default: the first environment that has the workload."),
]
Parallel = Annotated[
    int | None,
    typer.Option("--parallel", "-p", min=1, help="How many stacks at once; default: as cores and memory allow."),
]
