"""The resources that workloads share: identity, secrets, network policy, disruption budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handrail.components._definition import Workload
from handrail.components._labels import every_track, selector, tracked
from handrail.components._tracks import canary_notes
from handrail.core.resources import Resource


def resource(
    workload: Workload[Any], role: str, type_: str, after: tuple[str, ...] = (), *, name: str = "", **body: Any
) -> Resource:
    """A resource of a workload: to Pulumi `<workload>-<role>`, to Kubernetes `name`, default the workload's.

    Of a track, `<workload>-<track>` stands in the workload's place.
    """
    metadata = {"name": name or workload.deployed, "namespace": workload.namespace, **body.pop("metadata", {})}
    found = Resource(f"{workload.deployed}-{role}", f"kubernetes:{type_}", {"metadata": metadata, **body}, after)
    return tracked(found, workload) if workload.track else found


def service_account(workload: Workload[Any]) -> Resource:
    """The workload's identity; its token is mounted nowhere unless a part asks for it."""
    return resource(workload, "service-account", "core/v1:ServiceAccount", automountServiceAccountToken=False)


def external_secret(workload: Workload[Any]) -> Iterator[Resource]:
    """The Secret that the workload's `secrets` are read into."""
    store = workload.context.cluster.secret_store
    if workload.spec.secrets and store:
        data = [{"secretKey": name, "remoteRef": {"key": key}} for name, key in sorted(workload.spec.secrets.items())]
        yield secret(workload, "external-secret", workload.name, store.name, data)


def secret(workload: Workload[Any], role: str, name: str, store: str, data: list[dict[str, Any]]) -> Resource:
    """A Secret out of the organisation's store."""
    spec = {
        "refreshInterval": "1h",
        "secretStoreRef": {"kind": "ClusterSecretStore", "name": store},
        "target": {"name": name, "creationPolicy": "Owner"},
        "data": data,
    }
    return resource(workload, role, "external-secrets.io/v1:ExternalSecret", name=name, spec=spec)


def network_policy(
    workload: Workload[Any], inbound: Iterable[Mapping[str, Any]], outbound: Iterable[Mapping[str, Any]]
) -> Resource:
    """What may connect to the workload's pods, and where they may connect to; all else is shut."""
    inbound = list(inbound)
    spec = {
        "podSelector": {"matchLabels": every_track(workload.name)},
        "policyTypes": ["Ingress", "Egress"],
        **({"ingress": inbound} if inbound else {}),  # the provider drops an empty list; absent shuts as well
        "egress": list(outbound),
    }
    return resource(workload, "network-policy", "networking.k8s.io/v1:NetworkPolicy", spec=spec)


def disruption_budget(workload: Workload[Any], fewest: int) -> Iterator[Resource]:
    """One replica at a time may be evicted; at one replica a budget would only block the draining of its node."""
    if fewest > 1:
        spec = {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(workload)},
        }
        yield resource(workload, "disruption-budget", "policy/v1:PodDisruptionBudget", spec=spec)


def service(workload: Workload[Any], target: str, number: int = 80, *, shared: bool = False) -> Resource:
    """A port of the workload's name, for callers inside the cluster; `target`, http or https, names the container's.

    Args:
        shared: whether a canary's pods answer under this name as well.
    """
    port = {"name": target, "port": number, "targetPort": target, "protocol": "TCP", "appProtocol": target}
    chosen = every_track(workload.name) if shared else selector(workload)
    spec = {"type": "ClusterIP", "selector": chosen, "ports": [port]}
    return resource(workload, "service", "core/v1:Service", metadata=canary_notes(workload), spec=spec)
