"""Waivers: who let what pass, why, and until when; from the organisation's own directory alone.

What lacks something, has expired, or whose approver may not waive the standard is no waiver: it lets nothing pass, and
is told as what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from handrail.core.clock import now
from handrail.core.documents import Document, dotted, load
from handrail.core.errors import Position, Problem
from handrail.core.models import Model, problems_of, unknown_word
from handrail.organisation.model import Name, Organisation, Severity
from handrail.standards.standard import Standard

FILE = "waivers.yaml"
LONGEST: Mapping[Severity, int] = {Severity.ADVISORY: 365, Severity.REQUIRED: 90, Severity.NON_NEGOTIABLE: 0}
"""For how many days a waiver may be granted, by the standard's severity."""
SOON = 30  # days


def waivable_days(standard: Standard) -> int:
    """For how many days a standard may be waived; 0 where nobody may."""
    return LONGEST[standard.severity] if standard.waivable else 0


Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Reason = Annotated[str, StringConstraints(min_length=10, max_length=400)]


class Waiver(Model):
    """One violation of one workload in one environment that is let pass until a date."""

    id: Name
    """Its name, which stays when it is renewed."""
    standard: Name
    """The standard's id."""
    workload: Annotated[str, StringConstraints(pattern=r"^([a-z][-a-z0-9]*/)?[^\s/]+$", max_length=253)]
    """The workload, as payments/checkout; of a cloud's resource that no tag gives to a team, its name alone."""
    environment: Name
    """The environment."""
    reason: Reason
    """Why it cannot be mended yet."""
    owner: Annotated[str, StringConstraints(min_length=1)]
    """Who mends it: a member of the workload's team."""
    approver: Annotated[str, StringConstraints(min_length=1)]
    """Who let it pass: a member of a team that the standard names."""
    granted: Day
    """The day it was let pass, as 2026-03-01."""
    expires: Day
    """The first day on which it holds no more, in UTC."""
    compensating_control: Reason
    """What holds the risk down until then."""

    @property
    def team(self) -> str:
        """The team of its workload; empty where it names none."""
        return self.workload.rpartition("/")[0]

    @property
    def ends(self) -> datetime:
        """The moment at which it ends, at every door."""
        return datetime.combine(date.fromisoformat(self.expires), datetime.min.time(), UTC)

    @property
    def days_left(self) -> int:
        """Whole days until it ends."""
        return (self.ends - now()) // timedelta(days=1)


class _File(Model):
    waivers: tuple[Any, ...] = Field(default=())


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers of an organisation.

    Args:
        held: those that hold now.
        faults: what is in the file and is no waiver, and why.
    """

    held: tuple[Waiver, ...] = ()
    faults: tuple[Problem, ...] = ()

    def of(self, environment: str) -> dict[tuple[str, str], Waiver]:
        """Those of an environment by standard and workload, while they hold."""
        moment = now()
        return {
            (each.standard, each.workload): each
            for each in self.held
            if each.environment == environment and moment < each.ends
        }


def read_waivers(directory: Path | None, organisation: Organisation, standards: Mapping[str, Standard]) -> Waivers:
    """The waivers beside organisation.yaml.

    Raises:
        DocumentError: the file is no YAML.
    """
    file = directory / FILE if directory else None
    if file is None or not file.exists():
        return Waivers()
    document = load(file)
    entries = document.data.get("waivers") if isinstance(document.data, Mapping) else None
    if not isinstance(entries, list) or set(document.data) != {"waivers"}:
        text = "must hold one list, `waivers`"
        return Waivers(faults=(Problem(text, where=document.where(())),))
    held, faults, seen = [], [], set[str]()
    for index, entry in enumerate(entries):
        path = ("waivers", index)
        try:
            waiver = Waiver.model_validate(entry)
        except ValidationError as error:
            faults += problems_of(error, Waiver, entry, path, document.where)
            continue
        found = list(_faults(waiver, organisation, standards, document, index))
        if waiver.id in seen:
            found.append(
                _fault(waiver, "has the id of another", document, index, "id", remedy="give it an id of its own")
            )
        seen.add(waiver.id)
        faults += found
        if not found:
            held.append(waiver)
    limit = organisation.standards.waivers if organisation.standards else None
    if limit is not None and len(held) > limit:
        faults.append(
            Problem(
                "are more waivers than the organisation allows itself", "waivers", document.where(("waivers",)),
                given=str(len(held)), allowed=f"at most {limit}: organisation.yaml's standards.waivers",
                remedy="mend what one of them lets pass, and take it out",
            )
        )  # fmt: skip
    return Waivers(tuple(held), tuple(faults))


def _faults(
    waiver: Waiver, organisation: Organisation, standards: Mapping[str, Standard], document: Document, index: int
) -> Iterator[Problem]:
    standard = standards.get(waiver.standard)
    words = (("standard", standards), ("environment", organisation.environments))
    for field, allowed in words:
        if getattr(waiver, field) not in allowed:
            where = document.where(("waivers", index, field))
            path = dotted(("waivers", index, field))
            yield unknown_word(getattr(waiver, field), allowed, path, where, noun=field)
    try:
        granted, ends = date.fromisoformat(waiver.granted), date.fromisoformat(waiver.expires)
    except ValueError:
        yield _fault(waiver, "has a day that no calendar has", document, index, "expires", allowed="YYYY-MM-DD")
        return
    if waiver.workload in organisation.teams:
        yield _fault(
            waiver, "names a team and no workload", document, index, "workload", given=waiver.workload,
            allowed=f"{waiver.workload}/<workload>",
        )  # fmt: skip
        return
    members = _members(organisation, waiver.team)
    if waiver.owner not in members:
        yield _fault(
            waiver, "has an owner who is not of the workload's team", document, index, "owner",
            given=waiver.owner, allowed=", ".join(members), remedy=_who_may_own(waiver, organisation),
        )  # fmt: skip
    if standard is None:
        return
    if granted > now().date():
        yield _fault(waiver, "is granted on a day that is to come", document, index, "granted", given=waiver.granted)
    longest = LONGEST[standard.severity]
    if standard.severity is Severity.NON_NEGOTIABLE:
        yield _fault(
            waiver, f"waives {standard.id}, which is non-negotiable: nobody may", document, index, "standard",
            remedy=f"take it out, and mend it: {standard.clause.remedy_for(None)}",
        )  # fmt: skip
        return
    if (ends - granted).days > longest:
        yield _fault(
            waiver, "holds for too long", document, index, "expires", given=f"{(ends - granted).days} days",
            allowed=f"{longest} days for a standard that is {standard.severity}",
        )  # fmt: skip
    if ends <= granted:
        yield _fault(waiver, "ends before it begins", document, index, "expires", given=waiver.expires)
    may = [member for name in standard.clause.waived_by for member in _members(organisation, name)]
    if waiver.approver not in may:
        yield _fault(
            waiver, f"has an approver who may not waive {standard.id}", document, index, "approver",
            given=waiver.approver, allowed=", ".join(may) or "nobody",
        )  # fmt: skip
    elif waiver.approver == waiver.owner:
        yield _fault(
            waiver, "is approved by its own owner", document, index, "approver", given=waiver.approver,
            allowed=", ".join(each for each in may if each != waiver.owner) or "nobody",
        )  # fmt: skip
    if now() >= waiver.ends > datetime.combine(granted, datetime.min.time(), UTC):
        yield _fault(
            waiver, "has expired", document, index, "expires", given=waiver.expires,
            remedy=f"mend it ({standard.clause.remedy_for(None)}), or have it renewed, and take this one out",
        )  # fmt: skip


def _who_may_own(waiver: Waiver, organisation: Organisation) -> str:
    if waiver.team in organisation.teams:
        return f"name a member of {waiver.team}"
    platform = "name a member of the platform team"
    if waiver.team:
        return f"{platform}: there is no team {waiver.team}"
    named = f"write the workload as <team>/{waiver.workload}"
    return f"{named}; for a cloud's resource that no tag gives to a team, {platform}"


def _members(organisation: Organisation, team: str) -> tuple[str, ...]:
    if team in organisation.teams:
        return organisation.teams[team].members
    return organisation.platform.members


def _fault(waiver: Waiver, message: str, document: Document, index: int, field: str, **more: str) -> Problem:
    where: Position = document.where(("waivers", index, field))
    return Problem(f"waiver {waiver.id} {message}", f"waivers[{index}].{field}", where, **more)
