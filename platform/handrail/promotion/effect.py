"""What a promotion changes in the stack that it is into: the resources of two plans, compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from handrail.core.resources import Resource
from handrail.personas._stack import StackPlan
from handrail.preview.difference import difference
from handrail.preview.risk import Risk, assess

_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}")
CREATED, CHANGED, DELETED = "created", "changed", "deleted"


@dataclass(frozen=True, slots=True)
class Changed:
    """One resource that differs.

    Args:
        what: created, changed or deleted.
        kind, name: as Kubernetes has them.
        role: what it is to its workload, as `deployment`; its own name where it is of no one workload.
        fields: what differs in it, each as `path: before → after`.
        risk: what that does to what runs, as `rolling restart`; empty: nothing.
        reason: why, in a sentence without a full stop.
    """

    what: str
    kind: str
    name: str
    role: str = ""
    fields: tuple[str, ...] = ()
    risk: str = ""
    reason: str = ""


def changes(before: StackPlan | None, after: StackPlan) -> tuple[Changed, ...] | None:
    """What differs between a stack as it is planned now and as it would be; None: it cannot be planned now."""
    return None if before is None else tuple(_changes(before, after))


def _changes(before: StackPlan, after: StackPlan) -> Iterator[Changed]:
    olds, news = _by_name(before), _by_name(after)
    for key, resource in news.items():
        old = olds.get(key)
        if old is None:
            yield _told(CREATED, old, resource)
        elif fields := difference(old, resource).fields:
            told = (f"{each.path}: {each.before or 'nothing'} → {each.after or 'nothing'}" for each in fields)
            yield _told(CHANGED, old, resource, tuple(map(_short, told)))
    for key, old in olds.items():
        if key not in news:
            yield _told(DELETED, old, None)


def _by_name(plan: StackPlan) -> dict[tuple[str, str], Resource]:
    return {(each.type, each.name): each for prepared in plan.prepared for each in prepared.plan.resources}


def _short(text: str) -> str:
    """Digests by their first digits."""
    return _DIGEST.sub(r"\1…", text)


def _told(what: str, old: Resource | None, new: Resource | None, fields: tuple[str, ...] = ()) -> Changed:
    resource = new or old
    assert resource
    metadata = resource.inputs.get("metadata") or {}
    name = str(metadata.get("name") or resource.name)
    worst = next(iter(assess(old, new)), None)
    risk, reason = (str(worst.risk), _short(worst.reason)) if worst and worst.risk is not Risk.NONE else ("", "")
    return Changed(what, resource.kind, name, resource.name.removeprefix(f"{name}-"), fields, risk, reason)
