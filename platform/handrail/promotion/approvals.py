"""Who approved a promotion, and whether it counts: the forge's word does, a person's own word is a claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from handrail.core.documents import load
from handrail.core.models import Model, read
from handrail.organisation import Organisation, Tier

MOST = 200
Who = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Link = Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")]


class Approver(Model):
    """Somebody whose review approves the pull request as it is."""

    login: Who
    """The name at the forge."""
    email: Who | None = None
    """The address, where the forge tells it."""

    @property
    def names(self) -> frozenset[str]:
        """By which an organisation may know the person."""
        return frozenset(name.casefold() for name in (self.login, self.email) if name)


class Approvals(Model):
    """What the trusted workflow read from the forge's API: a pull request, and who approved it."""

    schema_version: Literal[1]
    """1."""
    forge: Literal["github", "gitlab"]
    """github or gitlab."""
    pull_request: Link
    """The pull request's address."""
    author: Who
    """Who opened it: an approval of one's own is none."""
    head: Commit
    """The commit that was approved."""
    approved_by: Annotated[tuple[Approver, ...], Field(max_length=MOST)]
    """Whoever's last review approves that commit."""


def read_approvals(file: Path) -> Approvals:
    """The approvals of a file that the trusted workflow wrote, as JSON.

    Raises:
        DocumentError: it cannot be read, is beyond a bound, or says anything else.
    """
    return read(load(file), Approvals)


@dataclass(frozen=True, slots=True)
class Approved:
    """How a promotion stands with the approvals that its environment asks for.

    Args:
        needed: how many people must approve it.
        counted: who did and counts.
        claimed: who is said to have approved it, without the forge's word.
        not_counted: why somebody else's approval is none, a sentence each.
    """

    needed: int
    counted: tuple[str, ...] = ()
    claimed: tuple[str, ...] = ()
    not_counted: tuple[str, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether as many people as are needed approved it."""
        return len(self.counted) >= self.needed


def may_approve(organisation: Organisation, team: str, but: str | None = None) -> list[str]:
    """Who may approve what is of a team: its members and the platform team's, but for one of them."""
    own = organisation.teams[team].members if team in organisation.teams else ()
    return [each for each in dict.fromkeys((*own, *organisation.platform.members)) if each != but]


def counted(
    approvals: Approvals | None,
    *,
    organisation: Organisation,
    team: str,
    environment: str,
    heads: Iterable[str],
    claimed: Iterable[str] = (),
    by: str | None = None,
) -> Approved:
    """Who of those that approved counts in an environment.

    Args:
        approvals: the forge's word; None: there is none.
        team: whose workload it is; its members and the platform team's may approve.
        heads: the commits that are checked: an approval of another one is none.
        claimed: who is said to have approved; tier production refuses to count them.
        by: who promotes.
    """
    settings = organisation.environments[environment]
    members = {each.casefold(): each for each in may_approve(organisation, team)}
    author = approvals.author if approvals else by
    found: dict[str, None] = {}
    refused: list[str] = []
    if approvals and approvals.head not in set(heads):
        refused.append(f"{approvals.pull_request} was approved at {approvals.head[:12]}, which is not what is here")
        approvals = None
    for approver in approvals.approved_by if approvals else ():
        _weigh(approver, author, members, team, found, refused)
    said: dict[str, None] = {}
    for name in claimed:
        production = settings.tier is Tier.PRODUCTION
        if production:
            refused.append(f"{name}: claimed, and {environment} counts what the forge says alone")
        _weigh(Approver(login=name), author, members, team, said, [] if production else refused)
    if settings.tier is not Tier.PRODUCTION:
        found |= said
    return Approved(settings.approvals, tuple(found), tuple(said), tuple(refused))


def _weigh(
    approver: Approver,
    author: str | None,
    members: Mapping[str, str],
    team: str,
    found: dict[str, None],
    refused: list[str],
) -> None:
    """Count an approver under the name that the organisation knows, or say why not."""
    known = sorted(members[name] for name in approver.names & members.keys())
    if author and author.casefold() in approver.names:
        refused.append(f"{approver.login}: one's own approval is none")
    elif not known:
        refused.append(f"{approver.login}: is no member of {team} or of the platform team")
    elif not found.keys() & set(known):
        found[known[0]] = None
