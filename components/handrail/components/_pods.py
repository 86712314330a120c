"""The parts of a pod that every workload shares: security, spreading, probes, environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from handrail.components._labels import selector
from handrail.components._network import team_and_name
from handrail.core.units import Duration
from handrail.organisation import namespace_of

if TYPE_CHECKING:
    from handrail.components._definition import Workload

TOKENS = "/var/run/secrets/handrail.dev"
"""Where the tokens for a workload's callees lie, as <team>/<name> below it."""
_USER, _GROUP = 25000, 26000  # cdk8s-plus' defaults: no one's account on any node


def pod_security() -> dict[str, Any]:
    """The pod's half of the restricted Pod Security Standard (kubernetes.io), with cdk8s-plus' user and group."""
    return {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _GROUP,
        "fsGroup": _GROUP,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """The container's half of the restricted Pod Security Standard, and a read-only root file system."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def spreading(workload: Workload[Any]) -> list[dict[str, Any]]:
    """Replicas over zones and nodes as far as there are any; never so strict that a pod cannot be placed.

    maxSkew 1 is Kyverno's sample; ScheduleAnyway, because the cluster autoscaler does not know the strict form.
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector(workload)},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def probes(path: str | None, port: str) -> dict[str, Any]:
    """Start-up, readiness and liveness on one check: `GET path`, or a TCP connection where no path is given.

    Start-up may take 60 s (30 times 2 s); then 3 failures in a row count, Kubernetes' own threshold.
    """
    check = {"httpGet": {"path": path, "port": port}} if path else {"tcpSocket": {"port": port}}
    return {
        "startupProbe": {**check, "periodSeconds": 2, "failureThreshold": 30},
        "readinessProbe": {**check, "periodSeconds": 5},
        "livenessProbe": {**check, "periodSeconds": 10},
    }


def container(
    workload: Workload[Any], image: Any, resources: Mapping[str, Any], platform: Mapping[str, str], **more: Any
) -> dict[str, Any]:
    """The workload's own container.

    Args:
        image: the container image.
        resources: its requests and limits.
        platform: environment variables that the platform sets; the workload's own win.
        more: further fields; `volumeMounts` are added to those that every container has.
    """
    mounts = [{"name": "tmp", "mountPath": "/tmp"}, *more.pop("volumeMounts", [])]  # noqa: S108  inside the container
    if workload.spec.calls:
        mounts.append({"name": "tokens", "mountPath": TOKENS, "readOnly": True})
    return {
        "name": workload.name,
        "image": image,
        **({"env": variables} if (variables := environment(workload, platform)) else {}),
        "resources": dict(resources),
        **more,
        "securityContext": container_security(),
        "volumeMounts": mounts,
    }


def pod(
    workload: Workload[Any], containers: Sequence[Mapping[str, Any]], volumes: Sequence[Any] = (), **more: Any
) -> dict[str, Any]:
    """A pod under the restricted Pod Security Standard, with the workload's identity and the tokens for its callees."""
    tokens = [
        {
            "serviceAccountToken": {
                "audience": audience(team, name, workload.context.environment),
                "expirationSeconds": 3600,
                "path": f"{team}/{name}",
            }
        }
        for team, name in _called(workload)
    ]
    return {
        "serviceAccountName": workload.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        **more,
        "containers": [*containers],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            *volumes,
            *([{"name": "tokens", "projected": {"sources": tokens}}] if tokens else []),
        ],
    }


def draining(length: Duration) -> dict[str, Any]:
    """A container that stops only after `length`, in which it gets no new request and may end those it has.

    Model servers abort what they work on when they are told to stop, or stop their workers first.
    """
    return {"preStop": {"sleep": {"seconds": length.seconds}}}


def audience(team: str, name: str, environment: str) -> str:
    """Whom a caller's token is for: the callee's name inside the cluster."""
    return f"{name}.{namespace_of(team, environment)}.svc"


def callees(workload: Workload[Any]) -> dict[str, str]:
    """Where each callee is in this environment, and where the token for it lies: LEDGER_HOST, LEDGER_TOKEN_FILE.

    Two callees of one name bear their teams' as well: FRAUD_SCORER_HOST, CHURN_SCORER_HOST.
    """
    called = _called(workload)
    names = [name for _, name in called]
    found = {}
    for team, name in called:
        word = (name if names.count(name) == 1 else f"{team}-{name}").upper().replace("-", "_")
        found[f"{word}_HOST"] = f"{name}.{namespace_of(team, workload.context.environment)}.svc"
        found[f"{word}_TOKEN_FILE"] = f"{TOKENS}/{team}/{name}"
    return found


def _called(workload: Workload[Any]) -> list[tuple[str, str]]:
    """Team and name of each callee, once however it is written."""
    return list(dict.fromkeys(team_and_name(peer, workload.context.team) for peer in workload.spec.calls))


def environment(workload: Workload[Any], platform: Mapping[str, str]) -> list[dict[str, Any]]:
    """Environment variables: the platform's, the workload's own over them, secrets; sorted, so that a diff is quiet."""
    spec = workload.spec
    known = {**platform, **callees(workload), **spec.env}
    plain = {name: value for name, value in known.items() if name not in spec.secrets}
    return [
        *({"name": name, "value": value} for name, value in sorted(plain.items())),
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": workload.name, "key": name}}}
            for name in sorted(spec.secrets)
        ),
    ]
