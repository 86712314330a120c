"""What is wrong with a pod: why it has no place, what its containers wait for, how they ended, what probes say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from handrail.cluster._failures import Cause, Failure, Subject, about, event_time, queued
from handrail.cluster._objects import (
    Object,
    at,
    condition,
    holds,
    label,
    latest,
    listed,
    moment,
    name_of,
    number,
    text,
    texts,
)
from handrail.components._labels import PREFIX


def pod_failures(
    pod: Object, subject: Subject, events: Sequence[Object], now: datetime, allowance: timedelta
) -> Iterator[Failure]:
    """What is wrong with one pod, the most telling first.

    Args:
        events: the warnings about it.
        allowance: how long it may take to become ready.
    """
    ready = holds(pod, "Ready")
    if text(pod, "status", "reason") in ("Evicted", "Preempted", "NodeLost", "Shutdown", "Terminated"):
        yield Failure(
            Cause.EVICTED, "one was ended by its node", "another is started by itself; look again in a minute",
            text(pod, "status", "reason"), text(pod, "status", "message"), _ended(pod), current=False,
        )  # fmt: skip
        return
    yield from _placement(pod, subject)
    for container in _containers(pod):
        yield from _container(container, pod, subject, ready=ready)
    yield from _events(pod, subject, events, ready=ready)
    since = latest(moment(condition(pod, "Ready"), "lastTransitionTime"), moment(pod, "status", "startTime"))
    if text(pod, "status", "phase") == "Running" and not ready and since and now - since > allowance:
        yield Failure(
            Cause.HEALTH, "it runs, but does not say that it is ready", _health_remedy(subject),
            text(condition(pod, "Ready"), "reason") or "NotReady", text(condition(pod, "Ready"), "message"), since,
        )  # fmt: skip


def _ended(pod: Object) -> datetime | None:
    ends = [moment(each, "state", "terminated", "finishedAt") for each in _containers(pod)]
    return latest(*ends, moment(pod, "status", "startTime"), moment(pod, "metadata", "creationTimestamp"))


def _containers(pod: Object) -> list[Object]:
    return [*listed(pod, "status", "initContainerStatuses"), *listed(pod, "status", "containerStatuses")]


_NODES = re.compile(r"0/(\d+) nodes are available")
_REASON = re.compile(r"(\d+) (Insufficient \S+|[^,.]+)")


def _placement(pod: Object, subject: Subject) -> Iterator[Failure]:
    """Why it is on no node yet."""
    scheduled = condition(pod, "PodScheduled")
    if text(scheduled, "status") != "False":
        return
    said, reason = text(scheduled, "message"), text(scheduled, "reason")
    when = moment(scheduled, "lastTransitionTime")
    if reason == "SchedulingGated":
        yield queued(subject, reason, said, when)
        return
    accelerator = label(pod, f"{PREFIX}/accelerator")
    head = said.partition("preemption:")[0]
    nodes = _NODES.search(head)
    total = int(nodes[1]) if nodes else 0
    counts = {what.strip(): int(count) for count, what in _REASON.findall(head.partition(":")[2])}
    elsewhere = sum(count for what, count in counts.items() if "affinity" in what or "selector" in what)
    lacking = [what.removeprefix("Insufficient ").rstrip(".,") for what in counts if what.startswith("Insufficient ")]
    asked = _asked(pod)
    if "PersistentVolumeClaim" in said or "persistentvolumeclaim" in said or "volume node affinity" in said:
        message, cause = "its volume is not there yet, so it is on no node", Cause.VOLUME
        remedy = "look again in a minute; where it stays so, ask the platform team for a volume"
    elif accelerator and total and elsewhere == total:
        message, cause = f"the cluster has no node with {_an(accelerator)}", Cause.ACCELERATOR
        remedy = "choose another accelerator, or ask the platform team for such nodes"
    elif any("/" in what for what in lacking):
        resource = next(what for what in lacking if "/" in what)
        count = asked.get(resource, "")
        wanted = " ".join(filter(None, (count, accelerator or resource)))
        message, cause = f"no node has {wanted} free", Cause.ACCELERATOR
        remedy = "wait until one is given back, ask for fewer, or choose another accelerator"
    elif lacking:
        sizes = " and ".join(f"{asked[what]} {what}" if what in asked else what for what in lacking)
        message, cause = f"no node has {sizes} free", Cause.ROOM
        remedy = f"ask for less {' and '.join(lacking)}, or have the platform team add nodes"
        if subject.component == "NotebookEnv":
            remedy = "choose a smaller size, or have the platform team add nodes"
    else:
        message, cause = "no node takes it", Cause.ROOM
        remedy = "look again in a minute; where it stays so, show the platform team this message"
    yield Failure(cause, message, remedy, reason or "Unschedulable", said, when)


def _asked(pod: Object) -> dict[str, str]:
    """What its largest asking container asks for, in Kubernetes' spelling."""
    asked: dict[str, str] = {}
    for container in reversed(listed(pod, "spec", "containers")):
        asked |= texts(container, "resources", "requests")
    return asked


def _an(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeio" or noun[:1] == "l" else f"a {noun}"


_DENIED = re.compile(r"unauthorized|denied|forbidden|no basic auth|401|403", re.IGNORECASE)
_ABSENT = re.compile(r"not found|manifest unknown|does not exist|404", re.IGNORECASE)
_PULL = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_SETTINGS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PostStartHookError")


def _container(status: Object, pod: Object, subject: Subject, *, ready: bool) -> Iterator[Failure]:
    """What a container's status says: what it waits for, how it ended, how it ended before."""
    waiting, reason = at(status, "state", "waiting"), text(status, "state", "waiting", "reason")
    started = moment(pod, "metadata", "creationTimestamp")
    if reason in _PULL:
        yield _pull(text(status, "image") or _image(pod, status), reason, text(waiting, "message"), started)
    elif reason in _SETTINGS:
        yield _settings(reason, text(waiting, "message"), started)
    ended, before = at(status, "state", "terminated"), at(status, "lastState", "terminated")
    if ended and (number(ended, "exitCode") or text(ended, "reason") in ("OOMKilled", "Error", "ContainerCannotRun")):
        yield _end(ended, status, pod, subject, current=not ready)
    elif before and not (reason in _PULL or reason in _SETTINGS):
        yield _end(before, status, pod, subject, current=not ready, looping=reason == "CrashLoopBackOff")
    elif reason == "CrashLoopBackOff":
        yield _end({}, status, pod, subject, current=True, looping=True)


def _image(pod: Object, status: Object) -> str:
    found = _spec_of(pod, text(status, "name"))
    return text(found, "image")


def _spec_of(pod: Object, name: str) -> Object:
    containers = [*listed(pod, "spec", "containers"), *listed(pod, "spec", "initContainers")]
    return next((each for each in containers if text(each, "name") == name), {})


def _pull(image: str, reason: str, said: str, when: datetime | None) -> Failure:
    image = image or "its image"
    message, remedy = f"{image} cannot be pulled", "check the image's name and tag, and that the registry answers"
    if reason == "InvalidImageName":
        message, remedy = f"{image} is no name of an image", "write registry/name:tag"
    elif _ABSENT.search(said):
        message, remedy = f"{image} is not in the registry", "push it, or name a tag that was pushed"
    elif _DENIED.search(said):
        message = f"the registry does not let the cluster pull {image}"
        remedy = "check the image's name; if it is right, ask the platform team for access to the registry"
    return Failure(Cause.IMAGE, message, remedy, reason, said, when)


_SECRET = re.compile(r'secrets? "([^"]+)" not found')
_KEY = re.compile(r"couldn't find key (\S+) in Secret")


def _settings(reason: str, said: str, when: datetime | None) -> Failure:
    message, remedy = "its container cannot be made", "show the platform team this message"
    if found := _KEY.search(said):
        message = f"the secret {found[1]} has no value"
        remedy = f"check the key of {found[1]} under `secrets`: it must be in the organisation's secret store"
    elif found := _SECRET.search(said):
        message = f"the secret {found[1]} is not there"
        remedy = "check the keys under `secrets`: each must be in the organisation's secret store"
    elif "runAsNonRoot" in said or "run as root" in said:
        message = "its image runs as root, which is refused"
        remedy = "give the image a numeric USER other than 0"
    elif "executable file not found" in said or "no such file or directory" in said:
        message, remedy = "its command is not in the image", "check `command`, or what the image starts"
    return Failure(Cause.SETTINGS, message, remedy, reason, said, when)


_CODES = {
    126: ("its command cannot be run", "check that the command is executable in the image"),
    127: ("its command is not in the image", "check `command`, or what the image starts"),
    137: ("it was killed", "it may not have answered its health check, or not have ended in time: read its log"),
    139: ("it crashed with a segmentation fault", "read its log; try the version that ran before"),
    143: ("it was told to end, and ended", "read its log: what answers no health check is told to end"),
}
_LARGER = {
    "ScalableService": "raise memory_limit",
    "NotebookEnv": "choose a larger size",
    "GpuInferenceEndpoint": "raise memory",
    "BatchJob": "raise memory",
}


def _end(
    ended: Object, status: Object, pod: Object, subject: Subject, *, current: bool, looping: bool = False
) -> Failure:
    """How a container ended."""
    code, reason, name = number(ended, "exitCode"), text(ended, "reason"), text(status, "name")
    who = "it" if name in ("", subject.name) else f"its part {name}"
    when, restarts = moment(ended, "finishedAt"), number(status, "restartCount")
    more = f", {restarts} restarts" if restarts > 1 else ""
    if reason == "OOMKilled":
        limit = texts(_spec_of(pod, name), "resources", "limits").get("memory", "")
        allowed = f" than the {limit} that it may have" if limit else " than it may have"
        message = f"{who} took more memory{allowed}, and was ended{more}"
        remedy = _LARGER.get(subject.component, "raise its memory limit")
        return Failure(Cause.MEMORY, message, remedy, reason, text(ended, "message"), when, current)
    message, remedy = _CODES.get(code, (f"it ended with exit code {code}", "read its log; try it on your own machine"))
    if not code and not ended:
        message = "it ends again and again"
    elif not code:
        message = "it ended, and should go on"
    if who != "it":
        message = f"{who}: {message}"
    word = "CrashLoopBackOff" if looping else reason or "Error"
    return Failure(Cause.CRASH, message + more, remedy, word, text(ended, "message"), when, current)


# Events


_STATUS = re.compile(r"statuscode: (\d+)")


def _events(pod: Object, subject: Subject, events: Sequence[Object], *, ready: bool) -> Iterator[Failure]:
    """What only its events tell: probes that fail, volumes that cannot be mounted."""
    for event in about(events, "Pod", name_of(pod)):
        reason, said, when = text(event, "reason"), text(event, "message"), event_time(event)
        if reason == "Unhealthy":
            yield Failure(
                Cause.HEALTH, _health(said, pod, subject), _health_remedy(subject), reason, said, when, not ready
            )
        elif reason in ("FailedMount", "FailedAttachVolume"):
            found = _SECRET.search(said)
            message = f"the secret {found[1]} is not there" if found else "a volume of it cannot be mounted"
            remedy = "look again in a minute; where it stays so, show the platform team this message"
            yield Failure(Cause.SETTINGS if found else Cause.VOLUME, message, remedy, reason, said, when, not ready)
        elif reason == "FailedScheduling" and text(pod, "status", "phase") == "Pending" and not _scheduled(pod):
            yield Failure(Cause.ROOM, "no node takes it", "look again in a minute", reason, said, when)


def _scheduled(pod: Object) -> bool:
    return bool(condition(pod, "PodScheduled")) or bool(text(pod, "spec", "nodeName"))


def _health(said: str, pod: Object, subject: Subject) -> str:
    main = _spec_of(pod, subject.name)
    probe = at(main, said.partition(" ")[0].lower() + "Probe")
    path = text(probe, "httpGet", "path")
    where = f" at {path}" if path else ""
    if found := _STATUS.search(said):
        return f"its health check{where} answers {found[1]}"
    if "connection refused" in said:
        ports = [number(each, "containerPort") for each in listed(main, "ports") if text(each, "name") == "http"]
        return f"nothing listens on port {ports[0]}" if ports and ports[0] else "nothing listens on its port"
    if "deadline exceeded" in said or "timeout" in said.lower():
        return f"its health check{where} does not answer in time"
    return f"its health check{where} fails"


def _health_remedy(subject: Subject) -> str:
    if subject.component == "ScalableService":
        return "check `port` and `health`, and read its log"
    return (
        "read its log; a model that is slow to load needs its true `model_size`"
        if (subject.component == "GpuInferenceEndpoint")
        else "read its log"
    )
