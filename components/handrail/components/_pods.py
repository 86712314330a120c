"""The parts of a pod that every workload shares: security, spreading, probes, environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.components._labels import selector

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


def spreading(name: str) -> list[dict[str, Any]]:
    """Replicas over zones and nodes as far as there are any; never so strict that a pod cannot be placed.

    maxSkew 1 is Kyverno's sample; ScheduleAnyway, because the cluster autoscaler does not know the strict form.
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector(name)},
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


def environment(values: Mapping[str, Any], secret: str, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Environment variables: plain `values`, and `keys` out of the Secret `secret`; sorted, so that a diff is quiet."""
    plain = [{"name": name, "value": value} for name, value in sorted(values.items())]
    return plain + [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}} for name in sorted(keys)
    ]
