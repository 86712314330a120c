"""What a change does to the pods that run: nothing, a rolling restart, or more or fewer of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from handrail.core.documents import dotted
from handrail.core.resources import Resource, Token
from handrail.preview._risk.model import Assessment, Risk
from handrail.preview._risk.reading import Change, at, containers, equals, pod_path, text


def restarts(after: Resource, changes: tuple[Change, ...]) -> Iterator[Assessment]:
    """What a change of the pods' template does, by kind."""
    path = pod_path(after)
    if path is None or (rule := RESTARTS.get(after.kind)) is None:
        return
    template = path[:-1]
    found = [each for each in changes if each.path[: len(template)] == template and not _is_default(each, after)]
    if found:
        risk, how = rule(after)
        yield Assessment(risk, f"{_said(found, len(template))}: {how}", dotted(found[0].path))


_DEFAULTS: Final[Mapping[str, Any]] = {
    "dnsPolicy": "ClusterFirst", "enableServiceLinks": True, "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30, "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File", "protocol": "TCP", "scheme": "HTTP", "periodSeconds": 10, "timeoutSeconds": 1,
    "successThreshold": 1, "failureThreshold": 3, "defaultMode": 420, "apiVersion": "v1",
    "hostNetwork": False, "hostPID": False, "hostIPC": False,
}  # fmt: skip
"""What the API server puts where a field of a pod is left out: written out, it is no change of the pod."""


def _is_default(change: Change, resource: Resource) -> bool:
    """Whether one side leaves out what the other writes out."""
    given = change.after if change.before is None else change.before
    left_out = change.before is None or change.after is None
    if isinstance(given, Token) or not left_out:
        return False
    field = str(change.path[-1])
    if field == "imagePullPolicy":
        return isinstance(given, str) and given == _pull_policy(resource, change.path[-2])
    default = _DEFAULTS.get(field)
    return type(given) is type(default) and bool(given == default)


def _pull_policy(resource: Resource, container: str | int) -> str | None:
    """The policy of a container that states none: by its image's tag."""
    for _, name, each in containers(resource):
        image = at(each, "image")
        if name == container and isinstance(image, str):
            tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
            pinned = "@" in image or tag not in ("", "latest")
            return "IfNotPresent" if pinned else "Always"
    return None


def _said(changes: list[Change], depth: int) -> str:
    """The first change in words, and how many more there are; values only where none of them can be a secret."""
    first = changes[0]
    field = dotted(part for part in first.path[depth:] if part not in ("spec", "containers"))
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    if first.path[-1] == "image" or "resources" in first.path:
        return f"{field} from {text(first.before, 'nothing')} to {text(first.after, 'nothing')}{more}"
    return f"{field} {'is new' if first.before is None else 'is gone' if first.after is None else 'changes'}{more}"


def _deployment(resource: Resource) -> tuple[Risk, str]:
    spec = at(resource.inputs, "spec")
    if at(spec, "paused") is True:
        return Risk.NONE, "the deployment is paused, no pod restarts until it goes on"
    if equals(at(spec, "replicas"), 0):
        return Risk.NONE, "it has no pods"
    if equals(at(spec, "strategy", "type"), "Recreate"):
        return Risk.ROLLING_RESTART, "all its pods end before new ones start (Recreate): an interruption"
    if _unavailable(spec) >= 1:
        return Risk.ROLLING_RESTART, "its only pod ends before the new one is ready: an interruption"
    return Risk.ROLLING_RESTART, "new pods take over one after the other"


def _is_one(spec: Any) -> bool:
    """Whether a workload has one pod, as it has where nobody says otherwise."""
    count = at(spec, "replicas")
    return count is None or equals(count, 1)


def _unavailable(spec: Any) -> int:
    """Whether a Deployment of one pod may be without it: maxUnavailable, a share rounded down, default 25%."""
    if not _is_one(spec):
        return 0
    given = at(spec, "strategy", "rollingUpdate", "maxUnavailable")
    if isinstance(given, str) and given.endswith("%"):
        share = given[:-1]
        return math.floor(int(share) / 100) if share.isascii() and share.isdigit() and len(share) < 9 else 0
    return given if isinstance(given, int) and not isinstance(given, bool) else 0


def _stateful_set(resource: Resource) -> tuple[Risk, str]:
    spec = at(resource.inputs, "spec")
    if equals(at(spec, "updateStrategy", "type"), "OnDelete"):
        return Risk.NONE, "a pod gets it when somebody deletes it (OnDelete)"
    if equals(at(spec, "replicas"), 0):
        return Risk.NONE, "it has no pods"
    partition = at(spec, "updateStrategy", "rollingUpdate", "partition")
    if isinstance(partition, int) and partition > 0:
        return Risk.ROLLING_RESTART, f"the pods from number {partition} on restart, the last first"
    if _is_one(spec):
        return Risk.ROLLING_RESTART, "its pod ends before the new one starts: an interruption"
    return Risk.ROLLING_RESTART, "its pods restart one after the other, each ends before its successor starts"


def _daemon_set(resource: Resource) -> tuple[Risk, str]:
    if equals(at(resource.inputs, "spec", "updateStrategy", "type"), "OnDelete"):
        return Risk.NONE, "a pod gets it when somebody deletes it (OnDelete)"
    return Risk.ROLLING_RESTART, "its pods restart node by node, each ends before its successor starts"


def _later(_: Resource) -> tuple[Risk, str]:
    return Risk.NONE, "pods that run stay as they are, new ones get it"


def _next_run(_: Resource) -> tuple[Risk, str]:
    return Risk.NONE, "a run that has begun goes on as it is, the next one gets it"


RESTARTS: Final[Mapping[str, Callable[[Resource], tuple[Risk, str]]]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _later,
    "ReplicationController": _later,
    "CronJob": _next_run,
}
"""Whether pods restart and how; a Job and a Pod do not change, they are replaced."""

_SCALED: Final = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")


_BOUNDS: Final = {"minReplicas", "maxReplicas", "minReplicaCount", "maxReplicaCount"}


def scales(after: Resource, changes: tuple[Change, ...]) -> Iterator[Assessment]:
    """What a change of the number of pods does, or of the bounds of an autoscaler."""
    for each in changes:
        if len(each.path) == 2 and each.path[1] in _BOUNDS:
            said = f"{each.path[1]} from {text(each.before, 'its default')} to {text(each.after, 'its default')} pods"
            yield Assessment(Risk.NONE, said, dotted(each.path))
    change = next((each for each in changes if each.path == ("spec", "replicas")), None)
    if after.kind not in _SCALED or change is None:
        return
    old, new = change.before, change.after
    risk, said = _scaled(old, new)
    yield Assessment(risk, said, "spec.replicas")


def _scaled(old: Any, new: Any) -> tuple[Risk, str]:
    if isinstance(old, Token) or isinstance(new, Token):
        return Risk.NONE, "how many pods it has is known at up"
    if new is None:
        # the API server's default stands in for a field that nobody states any more
        if _count(old) > 1:
            return Risk.TRAFFIC, f"falls from {_count(old)} pods to one, until an autoscaler or somebody raises it"
        return Risk.NONE, "how many pods it has is left to others"
    if _count(new) == 0 and old != 0:
        return Risk.TRAFFIC, "no pod is left"
    if old is None:
        return Risk.NONE, f"has {_count(new)} pods, however many others made before"
    down = "down " if _count(new) < _count(old) else ""
    return Risk.NONE, f"scales {down}from {_count(old)} to {_count(new)} pods"


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 1
