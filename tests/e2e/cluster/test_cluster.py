"""The sample company on a real API server: what is stored, where pods run, what changes nothing, what is left."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from spine import ROOT, STACKS, Checkout, planned
from stored import Stored, owned, without_empty

from handrail.core.resources import leaves
from handrail.engine.control_plane import ControlPlane
from handrail.organisation import load_organisation

pytestmark = pytest.mark.engine
DEFAULTED: dict[tuple[str, ...], Any] = {
    ("fieldRef", "apiVersion"): "v1",
    ("remoteRef", "conversionStrategy"): "Default",
    ("remoteRef", "decodingStrategy"): "None",
    ("remoteRef", "metadataPolicy"): "None",
    ("parentRefs", "group"): "gateway.networking.k8s.io",
    ("parentRefs", "kind"): "Gateway",
    ("backendRefs", "kind"): "Service",
    ("backendRefs", "weight"): 1,
    ("matchConstraints", "matchPolicy"): "Equivalent",
    ("matchResources", "matchPolicy"): "Equivalent",
    ("resourceRules", "scope"): "*",
}
"""What the API server fills into lists that have one owner as a whole, by the last two words of its path."""


def flat(value: Any) -> dict[tuple[str | int, ...], Any]:
    """Every leaf by its path, without what is empty."""
    return dict(leaves(without_empty(value)))


def added(stored: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> dict[tuple[str, ...], Any]:
    """What only the stored object has, by the last two words of its path."""
    more = {path: value for path, value in stored.items() if path not in wanted}
    return {tuple(word for word in path if isinstance(word, str))[-2:]: value for path, value in more.items()}


@pytest.mark.parametrize("stack", STACKS)
def test_the_server_stores_what_was_planned(stack: str, live: Checkout, stored: Stored) -> None:
    """Each resource: the fields that were applied are the plan's, save for defaults in lists with one owner."""
    resources = planned(live.root, stack)
    assert resources
    for resource in resources:
        found = stored.get(resource)
        names = {name: found["metadata"].get(name) for name in ("name", "namespace")}
        applied = owned(found)
        have = flat({**applied, "metadata": {**applied.get("metadata", {}), **names}})
        wanted = flat(resource.inputs)
        assert {path: value for path, value in have.items() if path in wanted} == wanted, resource.name
        assert added(have, wanted).items() <= DEFAULTED.items(), resource.name


def test_nothing_else_is_there(live: Checkout, cluster: ControlPlane, stored: Stored) -> None:
    """No object of ours that no plan has: by kind and name, in every namespace of a team."""
    plans = [resource for stack in STACKS for resource in planned(live.root, stack)]
    paths = {stored.path_of(resource) for resource in plans}
    kinds = {(resource.type.split(":")[1].removeprefix("core/"), resource.kind) for resource in plans}
    seen = set()
    for api_version, kind in kinds:
        where = stored.path(api_version, kind, "x")
        code, found = cluster.api.request("GET", where.replace("/namespaces/x/", "/"))
        assert code == 200
        for item in found["items"]:
            metadata = item["metadata"]
            if metadata.get("labels", {}).get("app.kubernetes.io/managed-by") == "handrail":
                seen.add(stored.path(api_version, kind, metadata.get("namespace"), metadata["name"]))
    assert seen == paths


def test_every_pod_runs_where_it_belongs(live: Checkout, cluster: ControlPlane) -> None:
    """On nodes of its accelerator, or of none; placed by the real scheduler, run by kwok."""
    catalogue = load_organisation(live.root / "stacks/acme/platform/acme_platform").accelerators
    nodes = {node["metadata"]["name"]: node for node in cluster.api.request("GET", "/api/v1/nodes")[1]["items"]}
    pods = cluster.api.request("GET", "/api/v1/pods")[1]["items"]
    assert len(pods) > 30
    for pod in pods:
        assert pod["status"]["phase"] == "Running", pod["metadata"]["name"]
        labels = nodes[pod["spec"]["nodeName"]]["metadata"]["labels"]
        asked = [each["resources"].get("limits", {}) for each in pod["spec"]["containers"]]
        takes = any(kind.resource in limits for kind in catalogue.values() for limits in asked)
        on_accelerator = any(kind.node_labels.items() <= labels.items() for kind in catalogue.values())
        assert takes == on_accelerator, pod["metadata"]["name"]


def test_volumes_are_bound(live: Checkout, cluster: ControlPlane) -> None:
    """A notebook's home and a model's cache: by the default class, and by the shared one."""
    claims = cluster.api.request("GET", "/api/v1/persistentvolumeclaims")[1]["items"]
    assert {claim["spec"]["storageClassName"] for claim in claims} == {"standard", "shared"}
    assert {claim["status"]["phase"] for claim in claims} == {"Bound"}


def test_the_guides_own_test(cluster: ControlPlane) -> None:
    """The one that docs/cluster.md shows."""
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "cluster.md").read_text("utf-8"), re.M | re.S)
    names: dict[str, Any] = {}
    exec(block, names)
    names["test_a_namespace_is_admitted"](cluster)


def test_a_second_up_sets_back_what_was_changed_by_hand_and_nothing_else(live: Checkout, cluster: ControlPlane) -> None:
    """Whoever changed it: a preview by the engine names each; the API server's defaults are nobody's change."""
    folder = "/apis/apps/v1/namespaces/payments-dev/deployments"
    managers = {"ledger": "kubectl-edit", "refunds": "somebodys-operator"}

    def image(name: str) -> str:
        containers = cluster.api.request("GET", f"{folder}/{name}")[1]["spec"]["template"]["spec"]["containers"]
        return str(containers[0]["image"])

    before = {name: image(name) for name in managers}
    for name, manager in managers.items():
        other = {"name": name, "image": f"registry.acme.test/payments/{name}:by-hand"}
        change = {"spec": {"template": {"spec": {"containers": [other]}}}}
        merge = "application/strategic-merge-patch+json"
        code, found = cluster.api.request("PATCH", f"{folder}/{name}?fieldManager={manager}", change, merge)
        assert code == 200, found
    service = "/api/v1/namespaces/payments-dev/services/refunds"
    assert cluster.api.request("DELETE", service)[0] == 200
    seen = live.handrail("preview", "--engine", "payments-dev").stdout
    for name in managers:
        assert f"Deployment {name}-deployment update [diff: ~spec]" in seen
    assert "Service refunds-service create" in seen
    healed = live.handrail("up", "--yes", "--environment", "dev").stderr
    (payments,) = re.findall(r"^ *payments-dev +done .*", healed, re.M)
    assert re.search(r"done +\d+ s +\+ 1 created, ~ 2 updated$", payments)
    others = re.findall(r"^ *[a-z]+-dev +done .*", healed.replace(payments, ""), re.M)
    assert len(others) == 5
    for other in others:
        assert re.search(r"done +\d+ s +\d+ unchanged$", other), other
    assert {name: image(name) for name in managers} == before
    assert cluster.api.request("GET", service)[0] == 200


def test_a_removed_environment_leaves_nothing(live: Checkout, cluster: ControlPlane) -> None:
    """Neither objects nor volumes; the other environments of the cluster go on."""
    live.handrail("destroy", "--yes", "--environment", "staging")
    names = [item["metadata"]["name"] for item in cluster.api.request("GET", "/api/v1/namespaces")[1]["items"]]
    assert [name for name in names if name.endswith("-staging")] == []
    for volume in cluster.api.request("GET", "/api/v1/persistentvolumes")[1]["items"]:
        claim = volume["spec"]["claimRef"]["namespace"]
        assert not claim.endswith("-staging") or volume["status"]["phase"] in ("Released", "Failed")
    bindings = cluster.api.request("GET", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")[1]["items"]
    assert [each["metadata"]["name"] for each in bindings if "-staging-" in each["metadata"]["name"]] == []
    pods = cluster.api.request("GET", "/api/v1/pods")[1]["items"]
    environments = {pod["metadata"]["namespace"].rpartition("-")[2] for pod in pods}
    assert environments == {"dev", "prod"}
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
