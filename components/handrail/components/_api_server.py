"""A pod's way to the API server: the token, the certificate, and the network policy's opening."""

from __future__ import annotations

from typing import Any

from handrail.components._definition import Found, Workload
from handrail.core.addresses import block_and_port
from handrail.core.errors import Problem

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where clients look for an account's token."""


def check_api_server(workload: Workload[Any], what: str) -> Found:
    """The API server is needed, as `what` says, and a network policy must name it."""
    if workload.context.cluster.api_server is None:
        cluster = workload.context.settings.cluster
        yield (
            (),
            Problem(
                f"{what}, and organisation.yaml does not say where that of cluster {cluster} is",
                remedy=f"have the platform team write clusters.{cluster}.api_server, as 10.0.0.1/32:443",
            ),
        )


def api_server_egress(workload: Workload[Any]) -> list[dict[str, Any]]:
    """A network policy's rule that opens to the API server."""
    where = workload.context.cluster.api_server
    if where is None:
        return []
    block, port = block_and_port(where)
    return [{"to": [{"ipBlock": {"cidr": block}}], "ports": [{"protocol": "TCP", "port": port}]}]


def account_volume(name: str) -> dict[str, Any]:
    """The token of the pod's account for the API server, its certificate, and the namespace."""
    token = {"serviceAccountToken": {"expirationSeconds": 3600, "path": "token"}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    namespace = {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}
    return {"name": name, "projected": {"sources": [token, authority, namespace]}}
