"""What runs where: planned workloads and live objects in, a row for each workload out. Pure; `live` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from handrail.cluster import _failures
from handrail.cluster._failures import Cause, Failure, Subject, worst
from handrail.cluster._jobs import job_row
from handrail.cluster._model import MAKERS, Backend, Live, Place, Row, State, Track, Wanted, version_of
from handrail.cluster._objects import (
    Object,
    condition,
    holds,
    label,
    latest,
    listed,
    moment,
    name_of,
    number,
    owned_by,
    text,
    texts,
)
from handrail.cluster._pod_failures import pod_failures
from handrail.cluster._shared import INSTANCE, main_container, model_of, pods_of, schedule_of, template_of, version_in
from handrail.components._definition import Prepared
from handrail.components._labels import PREFIX, TRACK
from handrail.components._released import CANARY

_COMPONENT = "app.kubernetes.io/component"
_HASH, _REVISION = "pod-template-hash", "deployment.kubernetes.io/revision"
_ALLOWANCE = 600  # seconds; Kubernetes' own default of progressDeadlineSeconds


# What is wanted


def wanted_of(prepared: Prepared) -> Wanted | None:
    """A planned workload; None for what runs nothing, as a team's workspace."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for resource in prepared.plan.resources:
        if label(resource.inputs, TRACK):
            continue  # beside what the workload is at its core
        by_kind.setdefault(resource.kind, []).append(resource.inputs)
    for kind in MAKERS:
        for manifest in by_kind.get(kind, []):
            found = wanted_from({**manifest, "kind": kind})
            scalers = [each for each in ("HorizontalPodAutoscaler", "ScaledObject") if each in by_kind]
            fewest = [_fewest(inputs) for each in scalers for inputs in by_kind[each]]
            outputs = prepared.plan.outputs
            return replace(
                found,
                name=prepared.name,
                component=prepared.definition.name,
                replicas=max(fewest, default=found.replicas),
                address=text(outputs, "url"),
                schedule=text(outputs, "schedule"),
                services=frozenset(name_of(each) for each in by_kind.get("Service", [])) | {prepared.name},
                route="HTTPRoute" in by_kind,
                scaler="ScaledObject" in by_kind,
                planned=True,
            )
    return None


def _fewest(scaler: Object) -> int:
    return number(scaler, "spec", "minReplicas") or number(scaler, "spec", "minReplicaCount")


def wanted_from(found: Object) -> Wanted:
    """A workload as its live object says it."""
    name, kind = label(found, INSTANCE) or name_of(found), text(found, "kind")
    main = main_container(template_of(found), name)
    return Wanted(
        name=name,
        component=label(found, _COMPONENT),
        kind=kind,
        image=text(main, "image"),
        model=model_of(main),
        replicas=number(found, "spec", "replicas", default=1) if kind != "CronJob" else 0,
        schedule=schedule_of(found),
        services=frozenset({name}),
        planned=False,
    )


# Rows


def rows(
    wanted: Iterable[Wanted], live: Live, place: Place, now: datetime, *, complete: bool = True
) -> tuple[Row, ...]:
    """A row for each planned workload, in their order, and for each that only the cluster has.

    Args:
        complete: whether `wanted` is all that the stack's file has, so that more is too much.
    """
    planned = list(wanted)
    known = {each.name for each in planned}
    found = [
        wanted_from({**each, "kind": kind})
        for kind in MAKERS
        for each in live.get(kind, ())
        if label(each, f"{PREFIX}/team") == place.team and not label(each, TRACK)
    ]
    extra = {
        each.name: replace(each, planned=not complete) for each in found if each.name not in known and each.component
    }
    return tuple(_row(each, live, place, now) for each in (*planned, *extra.values()))


def unknown(wanted: Iterable[Wanted], place: Place) -> tuple[Row, ...]:
    """Rows of which only the plan is known."""
    return tuple(replace(_planned(each, place), state=State.UNKNOWN) for each in wanted)


def _planned(wanted: Wanted, place: Place) -> Row:
    return Row(
        workload=wanted.name, component=wanted.component, kind=wanted.kind, place=place, state=State.NOT_DEPLOYED,
        wanted=wanted.replicas or None, version=version_of(wanted.image), image=wanted.image, model=wanted.model,
        address=wanted.address, schedule=wanted.schedule, planned=wanted.planned,
    )  # fmt: skip


def _row(wanted: Wanted, live: Live, place: Place, now: datetime) -> Row:
    row = _planned(wanted, place)
    maker = next((each for each in live.get(wanted.kind, ()) if name_of(each) == wanted.name), None)
    if maker is None:
        return row
    subject = Subject(wanted.name, wanted.component, place.team)
    if wanted.kind == "CronJob":
        return job_row(row, maker, live, subject, now)
    tracks = [each for each in _deployments(live, row) if label(each, TRACK)]
    wanted = replace(wanted, services=wanted.services | {name_of(each) for each in tracks})
    row = _traffic(_serving(row, maker, live, subject, now), wanted, live)
    return _beside(row, tracks, live, subject, now)


# Services, endpoints, notebooks


def _serving(row: Row, maker: Object, live: Live, subject: Subject, now: datetime) -> Row:
    wanted = number(maker, "spec", "replicas", default=1)
    ready = min(number(maker, "status", "readyReplicas"), number(maker, "status", "replicas", default=wanted))
    newest, serving = _replica_sets(maker, live)
    asked = version_in(template_of(maker), row)
    serves = version_in(template_of(serving), row) if serving else asked
    rolling = _rolling(maker, wanted)
    found = list(_failures_of(row, maker, newest, live, subject, now))
    if wanted == 0 and row.component != "NotebookEnv":
        why = Failure(Cause.STOPPED, "somebody scaled it to 0 replicas", "have them scaled up again", "Scaled")
        found.insert(0, why)
    failure = worst(found) if wanted or row.component != "NotebookEnv" else None  # its last pod is on its way out
    state = _state(wanted, ready, rolling=rolling, failure=failure)
    old = bool(serving) and serving is not newest
    return replace(
        row,
        state=state,
        ready=ready,
        wanted=wanted,
        version=serves.version,
        image=serves.image,
        model=serves.model,
        next_version=asked.version if old and (asked.version, asked.model) != (serves.version, serves.model) else "",
        since=_since(maker, newest, serving, live, row) if ready or state is State.STOPPED else None,
        failure=failure,
    )


def _replica_sets(maker: Object, live: Live) -> tuple[Object | None, Object | None]:
    """Of a Deployment, the newest ReplicaSet, and the one that serves, which after a failed rollout is an older one."""
    owned = [each for each in live.get("ReplicaSet", ()) if owned_by(each, "Deployment", name_of(maker))]
    owned.sort(key=_revision)
    if not owned:
        return None, None
    newest = owned[-1]
    serving = [each for each in owned if number(each, "status", "readyReplicas") > 0]
    complete = newest in serving
    return newest, newest if complete else max(serving, key=_readies, default=newest)


def _revision(replica_set: Object) -> tuple[int, str]:
    revision = texts(replica_set, "metadata", "annotations").get(_REVISION, "")
    return int(revision) if revision.isdecimal() else 0, text(replica_set, "metadata", "creationTimestamp")


def _readies(replica_set: Object) -> int:
    return number(replica_set, "status", "readyReplicas")


def _rolling(maker: Object, wanted: int) -> bool:
    """Whether the last change has not reached every replica yet."""
    seen = number(maker, "status", "observedGeneration") >= number(maker, "metadata", "generation")
    updated = number(maker, "status", "updatedReplicas")
    if text(maker, "status", "currentRevision") == text(maker, "status", "updateRevision") != "":
        updated = max(updated, number(maker, "status", "currentReplicas"))
    return not seen or updated < wanted or number(maker, "status", "replicas") > max(updated, wanted)


def _state(wanted: int, ready: int, *, rolling: bool, failure: Failure | None) -> State:
    broken = failure is not None and failure.current and not failure.waits
    if wanted == 0:
        return State.STOPPED
    if ready == 0:
        return State.FAILING if broken else State.STARTING
    if ready < wanted or rolling:
        return State.DEGRADED if broken else State.STARTING
    return State.DEGRADED if broken else State.LIVE


def _failures_of(
    row: Row, maker: Object, newest: Object | None, live: Live, subject: Subject, now: datetime
) -> Iterator[Failure]:
    events = live.get("Event", ())
    allowance = timedelta(
        seconds=max(0, min(number(maker, "spec", "progressDeadlineSeconds", default=_ALLOWANCE), 86400))
    )
    pods = [each for each in pods_of(live, row, label(maker, TRACK)) if text(each, "status", "phase") != "Succeeded"]
    current = label(newest, _HASH) if newest else ""
    # those of the version that is coming first: they say why it does not come
    for pod in sorted(pods, key=lambda each: (label(each, _HASH) != current, name_of(each))):
        over = text(pod, "status", "phase") == "Failed"  # another has taken its place
        for failure in pod_failures(pod, subject, events, now, allowance):
            yield replace(failure, current=False) if over else failure
    for each in (newest, maker):
        if each:
            yield from _failures.maker_failures(each, row.kind, subject, events)
    yield from _failures.stuck(maker, subject)


def _since(maker: Object, newest: Object | None, serving: Object | None, live: Live, row: Row) -> datetime | None:
    """When what serves became available; of what stopped, when it was scaled to nothing."""
    if not number(maker, "spec", "replicas", default=1):
        # nothing says when it was scaled; the status changed last when its pods went, if it ever had any
        fields = listed(maker, "metadata", "managedFields")
        went = latest(*(moment(each, "time") for each in fields if text(each, "subresource") == "status"))
        return went or latest(*(moment(each, "time") for each in fields))
    if serving is not None and serving is not newest:
        return moment(serving, "metadata", "creationTimestamp")
    progressing = condition(maker, "Progressing")
    if text(progressing, "reason") == "NewReplicaSetAvailable":
        # its time stays when replicas come and go, which that of Available does not
        return moment(progressing, "lastUpdateTime") or moment(progressing, "lastTransitionTime")
    if newest:
        return moment(newest, "metadata", "creationTimestamp")
    ready = [
        moment(condition(each, "Ready"), "lastTransitionTime")
        for each in pods_of(live, row, label(maker, TRACK))
        if holds(each, "Ready")
    ]
    return (
        min((each for each in ready if each), default=None)
        or moment(condition(maker, "Available"), "lastTransitionTime")
        or moment(maker, "metadata", "creationTimestamp")
    )


def _traffic(row: Row, wanted: Wanted, live: Live) -> Row:
    """With the weights of the route that leads to it."""
    routes = [each for each in live.get("HTTPRoute", ()) if wanted.services & _backend_names(each)]
    routes.sort(key=lambda each: name_of(each) != wanted.name)  # its own before those that it shares
    found: Failure | None = None
    if routes:
        backends = _backends(routes[0])
        mine = [each.share for each in backends if each.name in wanted.services]
        row = replace(row, backends=backends, traffic=min(100.0, sum(mine)))
        found = next(_failures.route_failures(routes[0]), None)
    elif wanted.route:
        found = Failure(Cause.ROUTE, "its route is not there", f"run `handrail up {row.place.stack}`", "NotFound")
    if found and not (row.failure and row.failure.current):
        row = replace(row, failure=found, state=State.DEGRADED if row.state is State.LIVE else row.state)
    scalers = [each for each in live.get("ScaledObject", ()) if name_of(each) == wanted.name]
    if row.failure is None and scalers:
        row = replace(row, failure=next(_failures.scaler_failures(scalers[0]), None))
    return row


def _deployments(live: Live, row: Row) -> list[Object]:
    """The Deployments of a workload, the stable one and those beside it."""
    found = [each for each in live.get("Deployment", ()) if label(each, INSTANCE) == row.workload]
    return sorted(found, key=name_of)


def _beside(row: Row, tracks: Iterable[Object], live: Live, subject: Subject, now: datetime) -> Row:
    """With its canary and its older API versions, which must be well too."""
    for maker in tracks:
        found = _serving(replace(row, failure=None), maker, live, subject, now)
        name, ready = label(maker, TRACK), found.ready or 0
        share = _share(row, maker, ready) if name == CANARY else None
        track = Track(name, found.version, found.model, found.image, ready, found.wanted or 0, share)
        row = _with_failure(replace(row, tracks=(*row.tracks, track)), track, found)
    return row


def _share(row: Row, maker: Object, ready: int) -> float:
    """A canary's share: by its weight in the route; by its replicas that answer, where no route shares."""
    if row.backends:
        return next((each.share for each in row.backends if each.name == name_of(maker)), 0.0)
    dark = texts(maker, "metadata", "annotations").get(f"{PREFIX}/weight", "0") == "0"
    return 0.0 if dark or not ready else round(100 * ready / (ready + (row.ready or 0)), 1)


def _with_failure(row: Row, track: Track, found: Row) -> Row:
    """With what is wrong beside the stable release, unless that has its own trouble."""
    failure = found.failure
    if failure is None or not failure.current or (row.failure and row.failure.current):
        return row
    remedy, version = failure.remedy, found.next_version or found.version
    if track.share:
        remedy += f"; or give it no requests: `handrail promote {row.workload} --to {row.place.environment} --weight 0`"
    said = replace(failure, message=f"{track.name} {version}: {failure.message}", remedy=remedy, track=track.name)
    harms = row.state is State.LIVE and track.share != 0 and not failure.waits
    return replace(row, failure=said, state=State.DEGRADED if harms else row.state)


def _backend_names(route: Object) -> set[str]:
    return {text(ref, "name") for rule in listed(route, "spec", "rules") for ref in listed(rule, "backendRefs")}


def _backends(route: Object) -> tuple[Backend, ...]:
    """Of the rule with the most backends: the gateway shares requests in proportion to their weights."""
    rules = [listed(rule, "backendRefs") for rule in listed(route, "spec", "rules")]
    refs = max(rules, key=len, default=[])
    weights = [max(0, number(ref, "weight", default=1)) for ref in refs]
    total = sum(weights)
    return tuple(
        Backend(text(ref, "name"), weight, round(100 * weight / total, 1) if total else 0.0)
        for ref, weight in zip(refs, weights, strict=True)
    )
