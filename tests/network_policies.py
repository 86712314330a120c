"""Who may talk to whom, decided by cyclonus, the conformance tool of Kubernetes' own network policies.

    shop = Pod("payments-prod", {"app.kubernetes.io/name": "shop"})
    allowed(policies, namespaces, [Traffic(shop, ledger, 8080), Traffic("203.0.113.7", ledger, 8080)]) == [True, False]

The binary is built once from the Go module proxy, verified by the go.sum in tools/cyclonus, and kept in the user's
cache. It reads policies as the API server stores them; what a cluster's network plugin adds to or leaves out of the
standard is not its business.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from go_tools import built

_ANSWER = re.compile(r"^\| IS ALLOWED\? \|\s*(TRUE|FALSE)\s", re.MULTILINE)
_NAME_LABEL = "kubernetes.io/metadata.name"  # the API server puts it on every namespace

_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True, slots=True)
class Pod:
    """One end of a connection inside the cluster.

    Args:
        ports: its containers' named ports, for policies that use a name.
        ip: only rules with an ipBlock read it.
    """

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    ip: str = "10.244.0.10"

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Pod:
        """The pod that a workload's manifest makes: a Pod, or any kind with a pod template."""
        template: Any = manifest
        for step in _TEMPLATES.get(manifest["kind"], ("spec", "template")):
            template = template[step]
        containers = template["spec"].get("containers", [])
        ports = {
            port["name"]: port["containerPort"]
            for container in containers
            for port in container.get("ports", [])
            if "name" in port
        }
        return cls(manifest["metadata"]["namespace"], template.get("metadata", {}).get("labels", {}), ports)


@dataclass(frozen=True, slots=True)
class Traffic:
    """One connection: each end is a pod, or the IP address of something outside the cluster."""

    source: Pod | str
    destination: Pod | str
    port: int
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


def allowed(
    policies: Iterable[Mapping[str, Any]], namespaces: Iterable[Mapping[str, Any]], traffics: Sequence[Traffic]
) -> list[bool]:
    """Whether each connection is allowed at both of its ends, in one call.

    Args:
        policies: NetworkPolicy manifests; other kinds are passed over, so that a whole rendering may be given.
        namespaces: Namespace manifests, for their labels; other kinds are passed over. Every pod's must be there.

    Raises:
        ValueError: a pod's or a policy's namespace is unknown, or the tool can't read a policy.
    """
    labels = {
        entry["metadata"]["name"]: {**entry["metadata"].get("labels", {}), _NAME_LABEL: entry["metadata"]["name"]}
        for entry in namespaces
        if entry["kind"] == "Namespace"
    }
    stored = [_stored(policy, labels) for policy in policies if policy["kind"] == "NetworkPolicy"]
    asked = [_query(traffic, labels) for traffic in traffics]
    if not asked:
        return []
    with tempfile.TemporaryDirectory() as folder:
        policy_file, traffic_file = f"{folder}/policies.json", f"{folder}/traffic.json"
        listed = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": stored}
        Path(policy_file).write_text(json.dumps(listed), encoding="utf-8")
        Path(traffic_file).write_text(json.dumps(asked), encoding="utf-8")
        files = ("--policy-path", policy_file, "--traffic-path", traffic_file)
        run = subprocess.run(
            [
                built("cyclonus", "github.com/mattfenwick/cyclonus/cmd/cyclonus"),
                "analyze",
                "--mode=query-traffic",
                *files,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    answers = [answer == "TRUE" for answer in _ANSWER.findall(run.stdout)]
    if run.returncode != 0 or len(answers) != len(asked):
        raise ValueError(f"cyclonus gave {len(answers)} answers to {len(asked)} questions: {run.stderr or run.stdout}")
    return answers


def _stored(policy: Mapping[str, Any], namespaces: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as the API server stores it: with the policyTypes it would fill in."""
    if policy["metadata"].get("namespace") not in namespaces:
        raise ValueError(f"the namespace of policy {policy['metadata'].get('name')} is not among {sorted(namespaces)}")
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    return {**policy, "spec": {**spec, "policyTypes": types}}


def _query(traffic: Traffic, namespaces: Mapping[str, Any]) -> dict[str, Any]:
    ports = traffic.destination.ports if isinstance(traffic.destination, Pod) else {}
    return {
        "Source": _peer(traffic.source, namespaces),
        "Destination": _peer(traffic.destination, namespaces),
        "ResolvedPort": traffic.port,
        "ResolvedPortName": next((name for name, port in ports.items() if port == traffic.port), ""),
        "Protocol": traffic.protocol,
    }


def _peer(end: Pod | str, namespaces: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(end, str):
        return {"IP": end}
    if end.namespace not in namespaces:
        raise ValueError(f"namespace {end.namespace} is not among {sorted(namespaces)}")
    internal = {
        "Namespace": end.namespace,
        "NamespaceLabels": namespaces[end.namespace],
        "PodLabels": dict(end.labels),
    }
    return {"Internal": internal, "IP": end.ip}
