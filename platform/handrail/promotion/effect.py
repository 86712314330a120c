"""What a promotion changes in the stack that it is into: the resources of two plans, compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handrail.core.resources import Resource
from handrail.personas._stack import StackPlan
from handrail.preview.difference import difference

CREATED, CHANGED, DELETED = "created", "changed", "deleted"


@dataclass(frozen=True, slots=True)
class Changed:
    """One resource that differs.

    Args:
        what: created, changed or deleted.
        kind, name: as Kubernetes has them.
        fields: what differs in it, each as `path: before → after`.
    """

    what: str
    kind: str
    name: str
    fields: tuple[str, ...] = ()


def changes(before: StackPlan, after: StackPlan) -> Iterator[Changed]:
    """What differs between a stack as it is planned now and as it would be."""
    olds, news = _by_name(before), _by_name(after)
    for key, resource in news.items():
        old = olds.get(key)
        if old is None:
            yield _told(CREATED, resource)
        elif fields := difference(old, resource).fields:
            yield _told(
                CHANGED, resource,
                tuple(f"{each.path}: {each.before or 'nothing'} → {each.after or 'nothing'}" for each in fields),
            )  # fmt: skip
    for key, resource in olds.items():
        if key not in news:
            yield _told(DELETED, resource)


def _by_name(plan: StackPlan) -> dict[tuple[str, str], Resource]:
    return {(each.type, each.name): each for prepared in plan.prepared for each in prepared.plan.resources}


def _told(what: str, resource: Resource, fields: tuple[str, ...] = ()) -> Changed:
    metadata = resource.inputs.get("metadata") or {}
    return Changed(what, resource.kind, str(metadata.get("name") or resource.name), fields)
