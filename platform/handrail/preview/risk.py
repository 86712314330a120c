"""The risk of a change: what the engine and the API server do with one resource, and what that does to others.

A change is judged by facts of each side, as data: what the resource keeps, what it serves, what it opens and what it
shuts. A fact that is gone, or new, is a risk; a replacement loses all of them for a while. What a resource's kind has
no facts for is only told apart by what the engine does with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from handrail.core.documents import dotted
from handrail.core.resources import Resource
from handrail.preview._risk import aws, network, pod_access, rights
from handrail.preview._risk.keeping import KEEPS, resized, scaled_away
from handrail.preview._risk.model import Assessment, Fact, Facts, Risk, beyond
from handrail.preview._risk.pods import RESTARTS, restarts, scales
from handrail.preview._risk.reading import at, equals, name_of
from handrail.preview._risk.serving import NEEDED, SERVES, is_dashboard, moved
from handrail.preview._risk.steps import Step, Stepped, step_of
from handrail.preview._risk.tables import SIZE

__all__ = ["Assessment", "Risk", "Step", "assess", "step_of"]

OPENS: Final[Mapping[str, Facts]] = {**rights.OPENS, **network.OPENS, **pod_access.OPENS, **aws.OPENS}
"""What may be done because a resource is there: more of it is a matter of security."""
SHUTS: Final[Mapping[str, Facts]] = {**rights.SHUTS, **network.SHUTS, **aws.SHUTS}
"""What may not be done because it is there: less of it is one as well."""


def assess(before: Resource | None, after: Resource | None, *, whole: bool = False) -> tuple[Assessment, ...]:
    """What a change of one resource does, the worst first.

    Values that only the engine knows are compared by what they are outputs of, and never by value.

    Args:
        before: None where it is created.
        after: None where it is deleted.
        whole: all of its workload is created or deleted with it: what shuts its pods comes and goes with them.

    Returns:
        At least one where anything changes, else none.
    """
    stepped = step_of(before, after)
    if stepped.step is Step.SAME:
        return ()
    found = list(dict.fromkeys((*_consequences(before, after, stepped, whole), *_replaced(before, after, stepped))))
    return tuple(sorted(found or [_calm(stepped, after)], key=lambda each: -each.risk.severity))


def _consequences(
    before: Resource | None, after: Resource | None, stepped: Stepped, whole: bool
) -> Iterator[Assessment]:
    yield from _lost_data(before, after, stepped)
    yield from _opened(before, after)
    if not (whole and (before is None or network.of_pods(before))):
        yield from _no_longer(Risk.SECURITY, SHUTS, before, after)
        yield from network.narrowed(before, after)
    yield from _no_longer(Risk.TRAFFIC, SERVES, before, after)
    yield from _no_longer(Risk.TRAFFIC, NEEDED, before, after)
    if before is None or after is None:
        return
    if stepped.step is Step.REPLACE and stepped.in_place and before.type in SERVES:
        said = f"{before.kind} {name_of(before)} is gone until the new one is ready"
        yield Assessment(Risk.TRAFFIC, said, stepped.fields[0])
    yield from moved(before, after)
    if stepped.step is Step.UPDATE:
        yield from resized(after, stepped.changes)
        yield from scaled_away(after, stepped.changes)
        yield from restarts(after, stepped.changes)
        yield from scales(after, stepped.changes)


def _facts(table: Mapping[str, Facts], resource: Resource | None) -> list[Fact]:
    rule = table.get(resource.type) if resource is not None else None
    return list(rule(resource)) if rule is not None and resource is not None else []


def _lost_data(before: Resource | None, after: Resource | None, stepped: Stepped) -> Iterator[Assessment]:
    old = _facts(KEEPS, before)
    gone = list(beyond(old, _facts(KEEPS, after)))
    if stepped.step is Step.REFUSED and SIZE in stepped.fields:
        said = "a volume cannot shrink: only another claim is smaller, and it begins empty"
        yield Assessment(Risk.DATA_LOSS, said, SIZE)
    for fact in old:
        if fact.outlives and fact in gone:
            yield Assessment(Risk.NONE if after is None else Risk.DATA_LOSS, fact.reason, fact.path)
        elif not fact.outlives and (fact in gone or stepped.step is Step.REPLACE):
            yield Assessment(Risk.DATA_LOSS, fact.reason, fact.path)


def _opened(before: Resource | None, after: Resource | None) -> Iterator[Assessment]:
    """What is newly allowed; in a new resource only what is remarkable in itself."""
    new = list(beyond(_facts(OPENS, after), _facts(OPENS, before)))
    if before is None:
        new = [fact for fact in new if fact.anew]
    elif after is not None:
        new += beyond(list(pod_access.literals(before, after)), new)
    yield from (Assessment(Risk.SECURITY, fact.reason, fact.path) for fact in new)


def _no_longer(
    risk: Risk, table: Mapping[str, Facts], before: Resource | None, after: Resource | None
) -> Iterator[Assessment]:
    """The facts that are gone; of a resource that is gone itself the first, which says that it is there."""
    gone = list(beyond(_facts(table, before), _facts(table, after)))
    yield from (Assessment(risk, fact.reason, fact.path) for fact in (gone if after is not None else gone[:1]))


_MEANWHILE: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("ConfigMap", "Secret"), "; pods that run keep the variables they began with, one that starts meanwhile waits"
    ),
    **dict.fromkeys(("RoleBinding", "ClusterRoleBinding"), "; meanwhile nobody has the rights that it gives"),
    "Job": "; a run that goes on is ended",
}
"""What follows from it that an object is gone for a moment, by kind."""
_UNAWAITED: Final = frozenset(
    {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}
)
"""Kinds whose deletion the provider does not wait for where skipAwait says so (its metadata/overrides.go)."""


def _unawaited(before: Resource | None) -> str:
    """That an object may be applied while the old one of its name is about to go."""
    if before is None or before.kind not in _UNAWAITED:
        return ""
    if not equals(at(before.inputs, "metadata", "annotations", "pulumi.com/skipAwait"), "true"):
        return ""
    return "; skipAwait has `up` not wait for the deletion: the new one may be refused, or go with the old one"


def _replaced(before: Resource | None, after: Resource | None, stepped: Stepped) -> Iterator[Assessment]:
    """What the engine does with an object that cannot change."""
    fields = ", ".join(dict.fromkeys(stepped.fields))
    if stepped.step is Step.REPLACE and is_dashboard(after):
        yield Assessment(
            Risk.NONE, f"{fields} cannot change: it is made again, and only Grafana reads it", stepped.fields[0]
        )
    elif stepped.step is Step.REPLACE:
        order = "it is made anew, then the old one is deleted"
        if stepped.in_place and after is not None:
            order = f"it is deleted, then made again{_MEANWHILE.get(after.kind, '')}{_unawaited(before)}"
        yield Assessment(Risk.REPLACEMENT, f"{fields} cannot change: {order}", stepped.fields[0])
    elif stepped.step is Step.REFUSED:
        said = f"the API server refuses to change {fields}: `up` ends there until somebody replaces it by hand"
        yield Assessment(Risk.REPLACEMENT, said, stepped.fields[0])


def _calm(stepped: Stepped, after: Resource | None) -> Assessment:
    """What is said of a change that does none of it."""
    if stepped.step is not Step.UPDATE:
        said = "it is new" if stepped.step is Step.CREATE else "it is deleted, and nothing of it serves or keeps data"
        return Assessment(Risk.NONE, said)
    path, more = dotted(stepped.changes[0].path), len(stepped.changes) - 1
    fields = f"{path} and {more} more" if more else path
    pods = ", no pod restarts" if after is not None and after.kind in RESTARTS else ""
    return Assessment(Risk.NONE, f"{fields} updated in place{pods}", path)
