"""What an organisation's clusters have, in a control plane on this machine: nodes, kinds, storage."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project, project_file
from handrail.engine import crds
from handrail.engine.api_server import ApiServer
from handrail.organisation import Capability, Organisation, load_organisation, locate

_GROUPS = {
    "gateway.networking.k8s.io": Capability.GATEWAY_API,
    "external-secrets.io": Capability.EXTERNAL_SECRETS,
    "kueue.x-k8s.io": Capability.KUEUE,
    "keda.sh": Capability.KEDA,
    "monitoring.coreos.com": Capability.PROMETHEUS_OPERATOR,
    "cert-manager.io": Capability.CERT_MANAGER,
}
_SECONDS = 60
_POOLS = 3  # nodes of each pool
_NODE = {"cpu": "64", "memory": "512Gi", "pods": "250", "ephemeral-storage": "1Ti"}
_PER_NODE = 8  # accelerators
_STORAGE = "/apis/storage.k8s.io/v1/storageclasses"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def organisation_of(project: Project) -> Organisation | None:
    """The organisation that a project's stacks are deployed into; None where none names one."""
    for name in project.stacks():
        config = project.stack(name).config
        if "handrail:organisation" in config:
            return load_organisation(locate(config["handrail:organisation"], project.root))
    return None


def project_organisation(start: Path | None) -> Organisation | None:
    """The organisation of the project in `start` or above it; None outside of any project."""
    file = project_file(start)
    return organisation_of(Project.read(file)) if file else None


def contexts(organisation: Organisation) -> list[str]:
    """The kubeconfig contexts of its clusters, by which a control plane here can stand in for them."""
    return sorted({cluster.context for cluster in organisation.clusters.values() if cluster.context})


def furnish(api: ApiServer, organisation: Organisation) -> None:
    """Make what the organisation says of its clusters.

    Raises:
        EngineError: the API server refused something, or a kind was not established in time.
    """
    kinds = list(_definitions(organisation))
    for kind in kinds:
        _make(api, _DEFINITIONS, kind)
    for node in nodes(organisation):
        _make(api, "/api/v1/nodes", node)
    for storage in storage_classes(organisation):
        _make(api, _STORAGE, storage)
    _established(api, [kind["metadata"]["name"] for kind in kinds])


def nodes(organisation: Organisation) -> Iterator[dict[str, Any]]:
    """A pool without accelerators, and one for each kind of accelerator, with its labels and taints."""
    pools: dict[str, tuple[Mapping[str, str], list[dict[str, Any]], dict[str, str]]] = {"cpu": ({}, [], {})}
    for name, accelerator in organisation.accelerators.items():
        taints = [taint.model_dump(exclude_none=True) for taint in accelerator.taints]
        pools[name] = (accelerator.node_labels, taints, {accelerator.resource: str(_PER_NODE)})
    for pool, (labels, taints, more) in pools.items():
        for number in range(_POOLS):
            name, resources = f"{pool}-{number}", {**_NODE, **more}
            yield {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": name,
                    "labels": {
                        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                        "topology.kubernetes.io/zone": f"zone-{number}", **labels,
                    },
                },
                "spec": {"taints": taints} if taints else {},
                "status": {"capacity": resources, "allocatable": resources},
            }  # fmt: skip


def storage_classes(organisation: Organisation) -> Iterator[dict[str, Any]]:
    """The default one, and those that the clusters name: volumes are folders of this machine."""
    shared = {cluster.shared_storage_class for cluster in organisation.clusters.values()} - {None}
    for name in ("standard", *sorted(filter(None, shared))):
        default = {"storageclass.kubernetes.io/is-default-class": "true"} if name == "standard" else {}
        yield {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name, "annotations": default},
            "provisioner": "kubernetes.io/host-path",
        }


def _definitions(organisation: Organisation) -> Iterator[dict[str, Any]]:
    """The custom kinds of every capability that some cluster has."""
    had = {capability for cluster in organisation.clusters.values() for capability in cluster.capabilities}
    for definition in crds.definitions():
        if _GROUPS[definition["spec"]["group"]] in had:
            yield definition


def _make(api: ApiServer, path: str, manifest: Mapping[str, Any]) -> None:
    code, answer = api.request("POST", path, manifest)
    if code not in (201, 409):  # there already
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        said = answer.get("message") if isinstance(answer, dict) else answer
        raise EngineError(Problem(f"the control plane refused {name}: {said}"))


def _established(api: ApiServer, names: Sequence[str]) -> None:
    deadline = time.monotonic() + _SECONDS
    for name in names:
        while not _is_established(api, name):
            if time.monotonic() > deadline:
                raise EngineError(Problem(f"{name} is not established after {_SECONDS} seconds"))
            time.sleep(0.1)


def _is_established(api: ApiServer, name: str) -> bool:
    status = api.request("GET", f"{_DEFINITIONS}/{name}")[1].get("status", {})
    return any(each["type"] == "Established" and each["status"] == "True" for each in status.get("conditions") or ())
