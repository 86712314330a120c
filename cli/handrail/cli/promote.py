"""`handrail promote`: pin what a workload runs in an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli._options import As, Cwd, Json, Name
from handrail.cli._promotion import ApprovalsFile, ApprovedBy, Incident, PullRequest, record, say

AUTO = "auto"


def promote(
    name: Name,
    to: Annotated[str, typer.Option("--to", help="The environment that gets it.", metavar="ENV")],
    image: Annotated[
        str | None,
        typer.Option("--image", help="An image other than workloads.yaml's, in the first environment.", metavar="REF"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="A model other than workloads.yaml's, in the first environment.", metavar="URI"),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            "--weight",
            help="As a canary with so many per cent of the requests, 0 to 99; 100 finishes it; auto asks Prometheus.",
            metavar="N|auto",
        ),
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option("--prometheus", help="Where it is reached from here; default: the organisation's.", metavar="URL"),
    ] = None,
    incident: Incident = None,
    pull_request: PullRequest = None,
    approvals: ApprovalsFile = None,
    approved_by: ApprovedBy = None,
    persona: As = None,
    json: Json = False,
    cwd: Cwd = None,
) -> None:
    """Pin what a workload runs in an environment: in the first, what its name means now; in a later one, what the one
    before it has. Every gate of the environment is asked before releases/ENV/TEAM.yaml is written."""
    from handrail.core.project import Project
    from handrail.promotion import Asked, promote, promote_by_metrics

    project = Project.find(cwd)
    about = record(incident, pull_request, approvals, approved_by)
    if weight == AUTO:
        if image or model:
            raise typer.BadParameter("--weight auto moves the canary that is there: leave --image and --model out")
        say(
            promote_by_metrics(project, name, to, prometheus=prometheus, record=about, reader=persona),
            json=json,
            reader=persona,
        )
        return
    if prometheus:
        raise typer.BadParameter("--prometheus is asked with --weight auto alone")
    asked = Asked(image, model, incident)
    say(
        promote(project, name, to, asked=asked, weight=_share(weight), record=about, reader=persona),
        json=json,
        reader=persona,
    )


def _share(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise typer.BadParameter(f"--weight is 0 to 100, or auto; {text!r} is neither")
    return int(text)
