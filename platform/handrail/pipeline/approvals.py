"""Whether a pull request's promotions are approved, as a status of its newest commit: the forge's word.

What changes under `releases/`, what stands there, and who approved are asked of the forge, in a job of the default
branch's: the pull request's own job is not believed, and its code not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handrail.core.documents import parse
from handrail.core.errors import DocumentError, HandrailError, Problem
from handrail.core.project import Project
from handrail.organisation import Organisation, find_organisation, load_organisation
from handrail.pipeline.comment import pull_request_of_job
from handrail.pipeline.github import GitHub, PullRequest
from handrail.promotion.approvals import Approvals, Approved, Approver, counted
from handrail.releases import Release, read_document

CONTEXT = "handrail/approvals"
_RELEASES = re.compile(r"(?:.*/)?releases/([a-z][-a-z0-9]*)/([a-z][-a-z0-9]*)\.yaml")
_DECIDES = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")  # what only comments leaves the review before it


@dataclass(frozen=True, slots=True)
class Promotion:
    """Workloads of one team whose release differs in one environment, and how their approval stands."""

    environment: str
    team: str
    workloads: tuple[str, ...]
    approved: Approved

    def __str__(self) -> str:
        what = f"{', '.join(self.workloads)} to {self.environment}"
        if self.approved.enough:
            return f"{what}: approved by {', '.join(self.approved.counted)}" if self.approved.needed else what
        missing = self.approved.needed - len(self.approved.counted)
        people = "approval" if missing == 1 else "approvals"
        return f"{what}: {missing} more {people} of {self.team} or the platform team"


def decide(github: GitHub, root: Path) -> str:
    """Set the status; what it says, with what did not count, a line each.

    Args:
        root: a checkout of the default branch: its organisation says how many approvals are needed, and whose count.

    Raises:
        HandrailError: the forge refuses, or the releases of either side cannot be read.
    """
    found = pull_request_of_job(github)
    if found is None:
        return "no open pull request ends in the commit that was built: it has moved on, and its next run decides"
    directory = find_organisation(Project.find(root), None, root)
    if directory is None:
        raise DocumentError(Problem("no stack of the project names an organisation"))
    try:
        promotions = list(_promotions(github, found, load_organisation(directory)))
    except HandrailError as error:
        github.status(found.head, CONTEXT, "failure", error.problems[0].message, found.url)
        raise
    approved = all(each.approved.enough for each in promotions)
    said = (
        "; ".join(str(each) for each in promotions if not each.approved.enough) or "no promotion waits for an approval"
    )
    github.status(found.head, CONTEXT, "success" if approved else "pending", said, found.url)
    refused = dict.fromkeys(line for each in promotions for line in each.approved.not_counted)
    return "\n".join([*map(str, promotions), *refused] or [said])


def approvals_of(github: GitHub, found: PullRequest, organisation: Organisation) -> Approvals:
    """Whoever's last review that decides anything approves the newest commit, by the organisation's name of them."""
    last: dict[str, tuple[str, str]] = {}
    for login, state, commit in github.reviews(found.number):
        if state in _DECIDES:
            last[login] = (state, commit)
    approvers = [login for login, review in last.items() if review == ("APPROVED", found.head)]
    known = {login.casefold(): member for login, member in organisation.logins.items()}
    return Approvals(
        schema_version=1, forge="github", pull_request=found.url, author=found.author, head=found.head,
        approved_by=tuple(Approver(login=each, email=known.get(each.casefold())) for each in approvers),
    )  # fmt: skip


def _promotions(github: GitHub, found: PullRequest, organisation: Organisation) -> Iterator[Promotion]:
    approvals = approvals_of(github, found, organisation)
    for name in sorted(github.files(found.number)):
        place = _RELEASES.fullmatch(name)
        if place is None or place[1] not in organisation.environments:
            continue
        environment, team = place.groups()
        before, after = (_releases(github, name, commit) for commit in (found.base, found.head))
        changed = tuple(each for each in sorted(before | after) if before.get(each) != after.get(each))
        if changed:
            approved = counted(
                approvals, organisation=organisation, team=team, environment=environment, heads=[found.head]
            )
            yield Promotion(environment, team, changed, approved)


def _releases(github: GitHub, name: str, commit: str) -> dict[str, Release]:
    """The releases that a file of a commit holds; raises DocumentError."""
    try:
        return read_document(parse(github.text(name, commit) or b"", name))
    except DocumentError as error:
        problem = error.problems[0]
        raise DocumentError(Problem(f"{name} of {commit[:12]} cannot be read: {problem.message}")) from None
