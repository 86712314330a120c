"""What a promotion did, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from handrail.personas._persona import personas
from handrail.promotion.approvals import Approved, may_approve
from handrail.promotion.effect import Changed
from handrail.promotion.outcome import Outcome
from handrail.releases.writer import plain

_MOST = 12
"""Fields of one resource that are shown."""


def text(outcome: Outcome, reader: str | None = None) -> str:
    """One sentence; then what changes, what the gates say, who must approve, and what to do.

    Args:
        reader: whose words to speak; default: the team's own.
    """
    return "\n".join(_lines(outcome, reader or outcome.place.context.owner.persona))


def _lines(outcome: Outcome, reader: str) -> Iterator[str]:
    yield outcome.sentence
    yield from (f"  {note}" for note in outcome.notes)
    if outcome.file is None:
        return
    yield ""
    yield from _effect(outcome, reader)
    if outcome.judged:
        yield f"\n{_gates(outcome)}"
        yield from (f"  {remark}" for remark in outcome.judged.remarks)
    if outcome.approved and outcome.approved.needed:
        yield ""
        yield from _approvals(outcome, outcome.approved)
    yield f"\nWritten to {outcome.file}: commit it, and open a pull request. It is deployed when that is merged."


def _effect(outcome: Outcome, reader: str) -> Iterator[str]:
    """What changes in the stack, each resource with what that does and what differs in it."""
    stack, found = outcome.place.context.stack, outcome.changes
    if found is None:
        yield f"{stack} as it is now cannot be planned, so nothing tells what changes in it"
        return
    if not found:
        yield f"Nothing changes in {stack} but the record"
        return
    yield f"What changes in {stack}, {len(found)} {'resource' if len(found) == 1 else 'resources'}:"
    for each in found:
        risk = f"; {each.risk}: {each.reason}" if each.risk else ""
        yield f"  {each.what:<8} {_worded(each, reader)}{risk}"
        yield from (f"             {field}" for field in each.fields[:_MOST])
        if len(each.fields) > _MOST:
            yield f"             and {len(each.fields) - _MOST} more fields"


def _worded(each: Changed, reader: str) -> str:
    """A resource as a reader calls it, and as Kubernetes does."""
    known = personas().get(reader)
    word = known.parts.get(each.role) if known else None
    return f"{word} ({each.kind} {each.name})" if word else f"{each.kind} {each.name}"


def _gates(outcome: Outcome) -> str:
    gates = outcome.judged.gates if outcome.judged else None
    assert gates
    said = [f"{gates.judged} resources keep the standards of {outcome.place.environment}"]
    said += [f"{len(gates.waived)} let pass ({', '.join(gates.waived)})"] if gates.waived else []
    said += [f"{gates.advisories} {'advisory' if gates.advisories == 1 else 'advisories'}"] if gates.advisories else []
    return "; ".join(said)


def _approvals(outcome: Outcome, approved: Approved) -> Iterator[str]:
    place = outcome.place
    if approved.enough:
        yield f"Approved by {', '.join(approved.counted)}: {place.environment} asks for {approved.needed}"
    else:
        yield f"Needs {_people(approved.needed)} in its pull request before it is merged: {_may(outcome)}"
        if approved.counted:
            yield f"  counted: {', '.join(approved.counted)}"
    if approved.claimed:
        yield f"  claimed: {', '.join(approved.claimed)}"
    yield from (f"  not counted: {each}" for each in approved.not_counted)


def _people(number: int) -> str:
    return "1 approval" if number == 1 else f"{number} approvals"


def _may(outcome: Outcome) -> str:
    """Who may, but for whoever promotes."""
    context = outcome.place.context
    by = outcome.after.by if outcome.after else None
    return ", ".join(may_approve(context.organisation, context.team, by)) or "nobody may: no team has members"


def dumps(outcome: Outcome) -> str:
    """As JSON."""
    place, approved = outcome.place, outcome.approved
    data: dict[str, Any] = {
        "schema_version": 1,
        "workload": place.address,
        "environment": place.environment,
        "stack": place.context.stack,
        "sentence": outcome.sentence,
        "written": outcome.file,
        "before": plain(outcome.before),
        "after": plain(outcome.after),
        "gates": outcome.judged.gates.model_dump(mode="json") if outcome.judged else None,
        "approvals": {
            "needed": approved.needed,
            "counted": list(approved.counted),
            "claimed": list(approved.claimed),
            "not_counted": list(approved.not_counted),
            "enough": approved.enough,
        }
        if approved
        else None,
        "changes": [
            {
                "change": each.what,
                "kind": each.kind,
                "name": each.name,
                "risk": each.risk or None,
                "reason": each.reason or None,
                "fields": list(each.fields),
            }
            for each in outcome.changes
        ]
        if outcome.changes is not None
        else None,
        "notes": list(outcome.notes),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
