"""`handrail rollback`: pin again what was pinned before."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli._options import Cwd, Json, Name
from handrail.cli._promotion import ApprovalsFile, ApprovedBy, Incident, PullRequest, record, say


def rollback(
    name: Name,
    environment: Annotated[str, typer.Option("--in", help="The environment that goes back.", metavar="ENV")],
    to_commit: Annotated[
        str | None,
        typer.Option("--to-commit", help="The commit whose release it gets; default: the one before.", metavar="SHA"),
    ] = None,
    incident: Incident = None,
    pull_request: PullRequest = None,
    approvals: ApprovalsFile = None,
    approved_by: ApprovedBy = None,
    json: Json = False,
    cwd: Cwd = None,
) -> None:
    """Pin again what git's history says a workload ran before; a canary is set aside instead, where there is one. No
    registry is asked. With --incident, a required standard that the old release violates does not keep it."""
    from handrail.core.project import Project
    from handrail.promotion import rollback

    about = record(incident, pull_request, approvals, approved_by)
    say(rollback(Project.find(cwd), name, environment, to_commit=to_commit, record=about), json=json)
