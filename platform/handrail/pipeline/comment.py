"""What a pull request changes, as its one comment: data that untrusted code wrote, validated before a word is shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from handrail.core.errors import DocumentError, Problem
from handrail.pipeline.github import GitHub, PullRequest
from handrail.preview.markdown import MARKER, render
from handrail.preview.report import read_report


def pull_request_of_job(github: GitHub) -> PullRequest | None:
    """The pull request whose run this job follows, by the commit that the forge says it built; None: it has moved on.

    Raises:
        DocumentError: the job follows no other workflow's run.
    """
    run = event().get("workflow_run")
    if not isinstance(run, dict):
        remedy = "start it on: workflow_run, as the workflow of `handrail init` does"
        raise DocumentError(Problem("the event of this job is of no workflow's run", remedy=remedy))
    owner = str(((run.get("head_repository") or {}).get("owner") or {}).get("login") or "")
    return github.pull_request(str(run["head_sha"]), owner, str(run["head_branch"]))


def event() -> dict[str, Any]:
    """What started the job, as the forge wrote it; empty where nothing did."""
    file = os.environ.get("GITHUB_EVENT_PATH")
    found = json.loads(Path(file).read_text("utf-8")) if file else {}
    return found if isinstance(found, dict) else {}


def post(file: Path, github: GitHub) -> str:
    """Write or change the comment of the pull request; what was done, in a sentence.

    Raises:
        HandrailError: the report is none, or the forge refuses.
    """
    found = pull_request_of_job(github)
    if found is None:
        return "no open pull request ends in the commit that was built: it has moved on, and its next run comments"
    report = read_report(file)
    page = github.comment(found.number, MARKER, render(report))
    return f"{page} shows the preview of {found.head[:12]}"
