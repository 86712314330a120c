"""Network policy: everything is shut but what a workload declares, DNS, and the organisation's own services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import StringConstraints

from handrail.components._labels import every_track
from handrail.core.addresses import block_and_port
from handrail.organisation import Context, namespace_of

_WORD = r"[a-z][-a-z0-9]*"
Peer = Annotated[str, StringConstraints(pattern=rf"^({_WORD}/)?{_WORD}$")]
"""A workload of the same team (`ledger`) or of another one (`fraud/fraud-scorer`)."""


def team_and_name(peer: str, team: str) -> tuple[str, str]:
    """The team and the workload that a Peer names, seen from `team`."""
    owner, _, name = peer.rpartition("/")
    return owner or team, name


def workload_peer(peer: str, context: Context) -> dict[str, Any]:
    """The pods of a Peer."""
    team, name = team_and_name(peer, context.team)
    return {
        **namespace_peer(namespace_of(team, context.environment)),
        "podSelector": {"matchLabels": every_track(name)},
    }


def namespace_peer(namespace: str) -> dict[str, Any]:
    """Every pod of a namespace."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def tcp(port: int | str) -> dict[str, Any]:
    """A TCP port, by number or by name."""
    return {"protocol": "TCP", "port": port}


def ingress(
    context: Context, port: int, callers: Iterable[str], *, routed: bool, scraped: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Who may connect to `port`: the callers, the gateway if there is a route, the organisation's scrapers.

    Args:
        scraped: the ports that metrics are shown at; default `port`.
    """
    cluster = context.cluster
    peers = [workload_peer(caller, context) for caller in callers]
    if routed and cluster.gateway:
        peers.append(namespace_peer(cluster.gateway.namespace))
    scrapers = [namespace_peer(cluster.scrapers)] if cluster.scrapers else []
    rules = [{"from": scrapers, "ports": [tcp(other) for other in scraped]}] if scrapers and scraped else []
    if scraped is None:
        peers += scrapers
    return [*([{"from": peers, "ports": [tcp(port)]}] if peers else []), *rules]


def egress(context: Context, calls: Iterable[str], blocks: Iterable[str]) -> list[dict[str, Any]]:
    """Where pods may connect to: DNS, callees, the organisation's own services, address blocks."""
    dns = {**namespace_peer("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    rules: list[dict[str, Any]] = [{"to": [dns], "ports": [{"protocol": "UDP", "port": 53}, tcp(53)]}]
    rules += [{"to": [workload_peer(callee, context)]} for callee in calls]
    rules += [
        {"to": [namespace_peer(service.namespace)], "ports": [tcp(service.port)]}
        for service in context.organisation.services.named().values()
    ]
    for block, port in map(block_and_port, blocks):
        rules.append({"to": [{"ipBlock": {"cidr": block}}], "ports": [tcp(port)]})
    return rules
