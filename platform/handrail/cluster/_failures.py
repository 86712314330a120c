"""Why a workload is not as it should be: what the cluster says of its pods, runs and quota, in plain words.

Everything here is a pure function of live objects. A failure is current while it lasts; others are the last ones seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from handrail.cluster._objects import (
    Object,
    at,
    condition,
    holds,
    latest,
    listed,
    moment,
    name_of,
    number,
    text,
)


class Cause(StrEnum):
    """What kind of failure it is; the value is how it is said to whoever is no engineer."""

    IMAGE = "its version cannot be found"
    SETTINGS = "something that it needs to start is missing"
    CRASH = "it stops soon after it starts"
    MEMORY = "it ran out of memory"
    ROOM = "the platform has no free capacity for it"
    ACCELERATOR = "the hardware that it needs is not free"
    QUEUED = "it waits for its turn on shared hardware"
    QUOTA = "its team's share of the platform is used up"
    REFUSED = "the platform refuses it"
    HEALTH = "it does not answer"
    EVICTED = "it was moved away"
    VOLUME = "its disk is not there"
    ROUTE = "the way to it from outside is broken"
    SCALING = "it does not grow with its load"
    RUN = "its last run failed"
    DEADLINE = "its last run took too long"
    STUCK = "it does not start"
    STOPPED = "somebody stopped it"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong.

    Args:
        cause: what kind.
        message: what happened, as a sentence without a full stop.
        remedy: what to do.
        reason: Kubernetes' own word.
        detail: the cluster's own message.
        at: when.
        current: whether it lasts.
        waits: whether it is no failure, but waiting for something that comes by itself.
        track: canary or an older API version, where it is not the stable release that fails.
    """

    cause: Cause
    message: str
    remedy: str
    reason: str
    detail: str = ""
    at: datetime | None = None
    current: bool = True
    waits: bool = False
    track: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose failures are looked for."""

    name: str
    component: str
    team: str


def worst(found: Iterable[Failure]) -> Failure | None:
    """The failure to show: what lasts before what is over, the first said of what lasts, the last seen of the rest."""
    failures = list(found)
    lasting = [each for each in failures if each.current]
    if lasting:
        return next((each for each in lasting if not each.waits), lasting[0])
    dated = [(each.at, -number, each) for number, each in enumerate(failures) if each.at]
    return max(dated)[2] if dated else (failures[0] if failures else None)


def queued(subject: Subject, reason: str, said: str, when: datetime | None) -> Failure:
    """That it waits in the queue before the team's accelerators, which is no failure."""
    return Failure(
        Cause.QUEUED,
        "waiting for quota: it is in the team's queue",
        f"wait; it starts when accelerators of {subject.team}'s quota are given back",
        reason, said, when, waits=True,
    )  # fmt: skip


def event_time(event: Object) -> datetime | None:
    """When it was last seen."""
    return latest(
        moment(event, "lastTimestamp"), moment(event, "series", "lastObservedTime"), moment(event, "eventTime"),
        moment(event, "firstTimestamp"), moment(event, "metadata", "creationTimestamp"),
    )  # fmt: skip


def about(events: Iterable[Object], kind: str, name: str) -> list[Object]:
    """The events about an object, the newest first."""
    found = [
        each
        for each in events
        if text(each, "involvedObject", "kind") == kind and text(each, "involvedObject", "name") == name
    ]
    return sorted(found, key=lambda each: str(event_time(each) or ""), reverse=True)


# What makes pods: refusals by quota and admission, rollouts, runs


def refused(subject: Subject, said: str, when: datetime | None) -> Failure:
    """Why no pod could be made."""
    team = subject.team
    detail = said.partition(" is forbidden: ")[2] or said
    if "exceeded quota" in said:
        used = _quota(said)
        return Failure(
            Cause.QUOTA,
            f"the quota of team {team} is used up{f': {used}' if used else ''}",
            f"ask for less, remove what nobody needs, or have teams.{team}.quota raised in organisation.yaml",
            "FailedCreate", detail, when,
        )  # fmt: skip
    message, remedy = "the cluster refuses its pods", "show the platform team this message"
    if "violates PodSecurity" in said:
        message = "the cluster refuses its pods: they break the restricted Pod Security Standard"
        remedy = "deploy it again with this version of Handrail; where that changes nothing, ask the platform team"
    elif "usage per Container" in said or "usage per Pod" in said:
        message, remedy = "it asks for more than one of its pods may have", "ask for less cpu or memory"
    elif "serviceaccount" in said.lower() and "not found" in said:
        message, remedy = "its identity is not there", "run `handrail up` again"
    return Failure(Cause.REFUSED, message, remedy, "FailedCreate", detail, when)


_AMOUNTS = re.compile(r"([a-z./]+[a-z])=([0-9.]+[A-Za-z]*)")


def _quota(said: str) -> str:
    """`limits.memory: asks for 1Gi, 80Gi of 80Gi are taken`, of each resource that is over."""
    asked = dict(_AMOUNTS.findall(said.partition("requested: ")[2].partition(", used: ")[0]))
    used = dict(_AMOUNTS.findall(said.partition(", used: ")[2].partition(", limited: ")[0]))
    most = dict(_AMOUNTS.findall(said.partition(", limited: ")[2]))
    return "; ".join(
        f"{what.removeprefix('requests.').replace('limits.', 'most ')}: asks for {amount}, "
        f"{used[what]} of {most[what]} are taken"
        for what, amount in asked.items()
        if what in used and what in most
    )


def maker_failures(maker: Object, kind: str, subject: Subject, events: Sequence[Object]) -> Iterator[Failure]:
    """What a Deployment, StatefulSet, ReplicaSet or Job says of the pods that it could not make."""
    failed = condition(maker, "ReplicaFailure")
    if text(failed, "status") == "True":
        yield refused(subject, text(failed, "message"), moment(failed, "lastTransitionTime"))
        return
    if kind in ("StatefulSet", "Job"):  # they have no such condition: events alone tell, and outlast the reason
        found = [each for each in about(events, kind, name_of(maker)) if text(each, "reason") == "FailedCreate"]
        lacking = number(maker, "status", "replicas") < number(maker, "spec", "replicas", default=1)
        active = number(maker, "status", "active") + number(maker, "status", "succeeded")
        if found and (lacking if kind == "StatefulSet" else not active):
            yield refused(subject, text(found[0], "message"), event_time(found[0]))


def stuck(deployment: Object, subject: Subject) -> Iterator[Failure]:
    """A rollout that went on for longer than it may."""
    progressing = condition(deployment, "Progressing")
    if text(progressing, "status") == "False":
        yield Failure(
            Cause.STUCK,
            "its new version did not become ready in time",
            f"run `handrail why {subject.name}`, and read its log",
            text(progressing, "reason") or "ProgressDeadlineExceeded",
            text(progressing, "message"),
            moment(progressing, "lastUpdateTime") or moment(progressing, "lastTransitionTime"),
        )


_RUNS = {
    "DeadlineExceeded": (
        Cause.DEADLINE,
        "the run took longer than its deadline, and was ended",
        "raise `deadline`, or have it do less",
    ),
    "PodFailurePolicy": (
        Cause.RUN,
        "the run failed, and was not tried again: its command cannot be run",
        "check `command`, or what the image starts",
    ),
}


def run_failure(job: Object, subject: Subject) -> Iterator[Failure]:
    """Why a run ended without success, or does not start."""
    failed = condition(job, "Failed")
    if text(failed, "status") == "True":
        reason = text(failed, "reason")
        usual = (Cause.RUN, "the run failed, and so did its retries", f"read its log; `handrail run {subject.name}`")
        cause, message, remedy = _RUNS.get(reason, usual)
        yield Failure(
            cause, message, remedy, reason or "Failed", text(failed, "message"), moment(failed, "lastTransitionTime")
        )
    elif at(job, "spec", "suspend") is True and not holds(job, "Complete"):
        when = moment(condition(job, "Suspended"), "lastTransitionTime") or moment(job, "metadata", "creationTimestamp")
        yield queued(subject, "Suspended", text(condition(job, "Suspended"), "message"), when)


def route_failures(route: Object) -> Iterator[Failure]:
    """What the gateway says against a route; before it has said anything, nothing is known."""
    for parent in listed(route, "status", "parents"):
        for wrong in listed(parent, "conditions"):
            if text(wrong, "type") in ("Accepted", "ResolvedRefs") and text(wrong, "status") == "False":
                yield Failure(
                    Cause.ROUTE, "the gateway does not take its route", "show the platform team this message",
                    text(wrong, "reason"), text(wrong, "message"), moment(wrong, "lastTransitionTime"),
                )  # fmt: skip


def scaler_failures(scaler: Object) -> Iterator[Failure]:
    """What KEDA says against scaling on a queue; the replicas that there are go on."""
    wrong = condition(scaler, "Ready")
    if text(wrong, "status") == "False":
        yield Failure(
            Cause.SCALING, "it does not scale on its queue", "show the platform team this message",
            text(wrong, "reason"), text(wrong, "message"), moment(wrong, "lastTransitionTime"), current=False,
        )  # fmt: skip
