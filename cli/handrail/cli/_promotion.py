"""The options that promote and rollback share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from handrail.promotion import Outcome, Record

Incident = Annotated[str | None, typer.Option("--incident", help="The incident that it answers, as INC-123.")]
PullRequest = Annotated[
    str | None, typer.Option("--pull-request", help="The pull request that brings it.", metavar="URL")
]
ApprovalsFile = Annotated[
    Path | None,
    typer.Option("--approvals", help="Who approved it: JSON that the trusted workflow made from the forge's API."),
]
ApprovedBy = Annotated[
    list[str] | None,
    typer.Option(
        "--approved-by",
        help="Who is said to have approved it; production counts the forge's word alone.",
        metavar="WHO",
    ),
]


def record(
    incident: str | None, pull_request: str | None, approvals: Path | None, approved_by: list[str] | None
) -> Record:
    """What is recorded of it."""
    from handrail.promotion import Record
    from handrail.promotion.approvals import read_approvals

    return Record(incident, pull_request, read_approvals(approvals) if approvals else None, tuple(approved_by or ()))


def say(outcome: Outcome, *, json: bool, reader: str | None = None) -> None:
    """Print what was done."""
    from handrail.promotion.text import dumps, text

    print(dumps(outcome) if json else text(outcome, reader))
