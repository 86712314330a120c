"""What a promotion or a rollback is asked to record, what it did, and the one way in which it writes a pin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC

from handrail.core.clock import now
from handrail.core.errors import DocumentError, Problem
from handrail.promotion import apis, records
from handrail.promotion.approvals import Approvals, Approved, counted
from handrail.promotion.effect import Changed
from handrail.promotion.gates import Judged
from handrail.promotion.pins import told
from handrail.promotion.places import Place
from handrail.promotion.resolvers import Resolvers
from handrail.releases import Pin, Release
from handrail.releases.writer import Edit, Releases, edit_releases
from handrail.standards import CONTRACT_VERSION


@dataclass(frozen=True, slots=True)
class Record:
    """Who wants what recorded of a promotion.

    Args:
        incident: what it answers.
        pull_request: what brings it.
        approvals: the forge's word on who approved it.
        approved_by: who is said to have.
    """

    incident: str | None = None
    pull_request: str | None = None
    approvals: Approvals | None = None
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a promotion or a rollback did.

    Args:
        place: of which workload, and where.
        sentence: what it did, in the words of its reader.
        before, after: the release as it was and as it is.
        file: where the pin is, below the directory of Pulumi.yaml; None: nothing was written.
        judged: what the gates said; None: nothing changed.
        approved: how it stands with approvals.
        changes: what differs in the target's stack; None: nobody can tell.
        notes: what else is to be known.
    """

    place: Place
    sentence: str
    before: Release | None
    after: Release | None
    file: str | None = None
    judged: Judged | None = None
    approved: Approved | None = None
    changes: tuple[Changed, ...] | None = ()
    notes: tuple[str, ...] = ()


def recorded(target: Place, pin: Pin, record: Record) -> Pin:
    """The pin with who, when and why."""
    forge = record.approvals.pull_request if record.approvals else None
    return pin.model_copy(
        update={
            "by": records.who(target.root),
            "at": now().astimezone(UTC).replace(microsecond=0),
            "pull_request": record.pull_request or forge or pin.pull_request,
            "contract": CONTRACT_VERSION,
            "incident": record.incident or pin.incident,
        }
    )


def approvals_of(target: Place, record: Record) -> Approved:
    """How a promotion stands with the approvals that its environment asks for."""
    return counted(
        record.approvals,
        organisation=target.context.organisation,
        team=target.context.team,
        environment=target.environment,
        heads=records.heads(target.root),
        claimed=record.approved_by,
        by=records.who(target.root),
    )


def write(
    target: Place, seen: Release | None, release: Release, documents: Iterable[bytes], resolvers: Resolvers
) -> str:
    """Pin a release, unless somebody else changed the workload's since it was judged; where it is.

    Raises:
        DocumentError: somebody did, or the file cannot be written.
    """

    def change(found: Releases) -> Edit:
        if found.get(target.workload) != seen:
            raise DocumentError(
                Problem(
                    f"was released into {target.environment} by somebody else meanwhile", target.address,
                    given=told(found.get(target.workload)), remedy="look at it, and try again",
                )
            )  # fmt: skip
        new, gone = apis.copies(target, release, documents, resolvers.digest)
        return Edit({**found, target.workload: release}, new, gone)

    file = edit_releases(target.root, target.environment, target.context.team, change)
    return str(file.relative_to(target.root))
