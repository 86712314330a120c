"""What a kubelet would say of images that are not right: no container runs in the local control plane, so kwok says it.

By an image's tag, with a digest behind it or without, in the kubelet's own shape. Times are the pod's own: a status
that is written again must be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from textwrap import indent


@dataclass(frozen=True, slots=True)
class Replay:
    """What is said of a pod with such an image.

    Args:
        name: of kwok's Stage.
        container: the status of the container whose image it is, as YAML.
        reason: of the warning about the pod.
        message: of that warning.
        running: whether its containers were started, so that it has an address.
    """

    name: str
    container: str
    reason: str
    message: str
    running: bool = True


REPLAYS = {
    "not-there": Replay(
        "pod-image-not-there",
        r"""ready: false
restartCount: 0
state:
  waiting:
    reason: ImagePullBackOff
    message: {{ printf "Back-off pulling image \"%s\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image \"%s\": not found" .image .image | Quote }}""",  # noqa: E501  (the kubelet's own)
        "Failed",
        "Error: ImagePullBackOff",
        running=False,
    ),
    "crashes": Replay(
        "pod-crashes",
        """ready: false
restartCount: 4
lastState: {terminated: {exitCode: 1, reason: Error, startedAt: {{ $then | Quote }}, finishedAt: {{ $then | Quote }}}}
state:
  waiting:
    reason: CrashLoopBackOff
    message: {{ printf "back-off 1m20s restarting failed container=%s" .name | Quote }}""",
        "BackOff",
        "Back-off restarting failed container",
    ),
    "not-ready": Replay(
        "pod-not-ready",
        """ready: false
started: true
restartCount: 0
state: {running: {startedAt: {{ $then | Quote }}}}""",
        "Unhealthy",
        "Readiness probe failed: dial tcp 10.244.0.1:8080: connect: connection refused",
    ),
}
"""The tag of an image → what is replayed of it."""


class _Stage(Template):
    delimiter = "@"  # `$` and `{{ }}` are kwok's


_STAGE = _Stage("""apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: @name
spec:
  resourceRef:
    apiGroup: v1
    kind: Pod
  weight: 1
  selector:
    matchExpressions:
      - key: .metadata.deletionTimestamp
        operator: DoesNotExist
      - key: .status.phase
        operator: In
        values: [Pending]
      - key: .spec.containers[] | select(.image | (endswith(":@tag") or contains(":@tag@@sha256:"))) | .name
        operator: Exists
  next:
    event:
      type: Warning
      reason: @reason
      message: '@message'
    statusTemplate: |
      {{ $then := .metadata.creationTimestamp }}
      phase: @phase
      startTime: {{ $then | Quote }}
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ $then | Quote }}}
      - type: Ready
        status: "False"
        reason: ContainersNotReady
        message: {{ printf "containers with unready status: [%s]" (index .spec.containers 0).name | Quote }}
        lastTransitionTime: {{ $then | Quote }}
      - type: ContainersReady
        status: "False"
        reason: ContainersNotReady
        lastTransitionTime: {{ $then | Quote }}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        imageID: ""
        {{ if or (hasSuffix ":@tag" .image) (contains ":@tag@@sha256:" .image) }}
@container
        {{ else }}
        ready: true
        restartCount: 0
        state: {running: {startedAt: {{ $then | Quote }}}}
        {{ end }}
      {{ end }}
@address""")
_ADDRESS = """\
      {{ with PodIPsWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace }}
      podIP: {{ index . 0 | Quote }}
      podIPs: [{ip: {{ index . 0 | Quote }}}]
      {{ end }}
"""


def stages() -> str:
    """kwok's Stages, as YAML documents."""
    return "---\n".join(_stage(tag, each) for tag, each in REPLAYS.items())


def _stage(tag: str, replay: Replay) -> str:
    return _STAGE.substitute(
        name=replay.name,
        tag=tag,
        reason=replay.reason,
        message=replay.message,
        container=indent(replay.container, " " * 8),
        phase="Running" if replay.running else "Pending",
        address=_ADDRESS if replay.running else "",
    )
