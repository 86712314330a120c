"""TeamWorkspace and ResourceFlavors as data."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.components import resource_flavors, team_workspace
from handrail.components._definition import Prepared, prepare
from handrail.core.errors import DocumentError
from handrail.core.units import Cpu, Memory
from handrail.organisation import Capability, Context
from handrail.organisation.model import Quota


@pytest.fixture
def platform(context: Context) -> Context:
    """acme's platform-dev without Kueue, where payments may have two kinds of accelerators of one resource name."""
    quota = Quota(cpu=Cpu.parse(40), memory=Memory.parse("80GiB"), accelerators={"l4": 4, "a100": 2})
    acme = context.organisation
    payments = acme.teams["payments"].model_copy(update={"quota": quota})
    cluster = context.cluster.model_copy(update={"capabilities": context.cluster.capabilities - {Capability.KUEUE}})
    return replace(
        context,
        team="platform",
        stack="platform-dev",
        organisation=acme.model_copy(
            update={"teams": {**acme.teams, "payments": payments}, "clusters": {**acme.clusters, "dev": cluster}}
        ),
    )


def with_kueue(context: Context) -> Context:
    """The same on a cluster with Kueue."""
    cluster = context.cluster.model_copy(update={"capabilities": context.cluster.capabilities | {Capability.KUEUE}})
    acme = context.organisation
    return replace(context, organisation=acme.model_copy(update={"clusters": {**acme.clusters, "dev": cluster}}))


def workspace(context: Context, owner: str = "payments") -> Prepared:
    """A team's workspace."""
    return prepare(team_workspace.COMPONENT, owner, {"owner": owner}, context)


def by_kind(found: Prepared) -> dict[str, Any]:
    """The inputs of each resource by its kind."""
    return {resource.kind: resource.inputs for resource in found.plan.resources}


def test_manifests(platform: Context, manifests: Any) -> None:
    """Without Kueue, as a golden file."""
    assert [dict(resource.inputs) for resource in workspace(platform).plan.resources] == manifests


def test_manifests_with_kueue(platform: Context, manifests: Any) -> None:
    """With Kueue: queues as well, and the accelerators counted there alone."""
    found = workspace(with_kueue(platform))
    assert [dict(resource.inputs) for resource in found.plan.resources] == manifests
    assert not [key for key in by_kind(found)["ResourceQuota"]["spec"]["hard"] if "nvidia" in key]


def test_flavors_with_kueue(platform: Context, manifests: Any) -> None:
    """One flavor per accelerator with its taints, so that jobs without a GPU do not overflow onto its nodes."""
    found = prepare(resource_flavors.COMPONENT, "flavors", {}, with_kueue(platform))
    assert [dict(resource.inputs) for resource in found.plan.resources] == manifests


def test_the_workspace_is_the_teams_not_the_stacks(platform: Context) -> None:
    """Its namespace and labels name the team, though the platform team deploys it."""
    namespace = by_kind(workspace(platform))["Namespace"]
    assert namespace["metadata"]["name"] == "payments-dev"
    assert namespace["metadata"]["labels"]["handrail.dev/team"] == "payments"
    assert namespace["metadata"]["labels"]["handrail.dev/cost-centre"] == "cc-2100"
    assert namespace["metadata"]["annotations"] == {"handrail.dev/monthly-budget": "4000 EUR"}
    assert "handrail.dev/data-classification" not in namespace["metadata"]["labels"]


def test_pod_security_is_enforced_and_pinned(platform: Context) -> None:
    """All three modes, at the pinned version."""
    labels = by_kind(workspace(platform))["Namespace"]["metadata"]["labels"]
    assert {key: value for key, value in labels.items() if key.startswith("pod-security")} == {
        f"pod-security.kubernetes.io/{mode}{end}": value
        for mode in ("enforce", "audit", "warn")
        for end, value in (("", "restricted"), ("-version", "v1.37"))
    }


def test_accelerators_of_one_resource_name_are_counted_together(platform: Context) -> None:
    """ResourceQuota knows resource names, not kinds: 4 + 2."""
    hard = by_kind(workspace(platform))["ResourceQuota"]["spec"]["hard"]
    assert hard == {
        "requests.cpu": "40", "requests.memory": "80Gi", "limits.cpu": "40", "limits.memory": "80Gi",
        "requests.storage": "500Gi", "requests.nvidia.com/gpu": "6",
        "pods": "200", "services": "100", "services.loadbalancers": "0", "services.nodeports": "0",
        "persistentvolumeclaims": "50", "configmaps": "500", "secrets": "200",
        "count/jobs.batch": "500", "count/cronjobs.batch": "100",
    }  # fmt: skip


def test_a_teams_quota_counts_objects_in_its_own_numbers(platform: Context) -> None:
    """Over the defaults; what ResourceQuota knows and Handrail has no default for is counted as well."""
    quota = platform.organisation.teams["payments"].quota.model_copy(
        update={"objects": {"pods": 20, "count/deployments.apps": 5}, "storage": Memory.parse("1TiB")}
    )
    team = platform.organisation.teams["payments"].model_copy(update={"quota": quota})
    teams = {**platform.organisation.teams, "payments": team}
    context = replace(platform, organisation=platform.organisation.model_copy(update={"teams": teams}))
    hard = by_kind(workspace(context))["ResourceQuota"]["spec"]["hard"]
    assert (hard["pods"], hard["count/deployments.apps"], hard["requests.storage"]) == ("20", "5", "1Ti")


def test_only_a_team_with_accelerators_has_callers_reviewed(platform: Context) -> None:
    """The right to ask who calls, for all accounts of its namespace, from the platform's stack."""
    binding = by_kind(workspace(platform))["ClusterRoleBinding"]
    assert binding["roleRef"]["name"] == "system:auth-delegator"
    assert [subject["name"] for subject in binding["subjects"]] == ["system:serviceaccounts:payments-dev"]
    assert "ClusterRoleBinding" not in by_kind(workspace(platform, "storefront"))


def test_a_team_without_accelerators_gets_none(platform: Context) -> None:
    """Zero is written out: what is not named would be unlimited."""
    found = prepare(team_workspace.COMPONENT, "storefront", {"owner": "storefront"}, platform)
    assert by_kind(found)["ResourceQuota"]["spec"]["hard"]["requests.nvidia.com/gpu"] == "0"


def test_no_one_writes_workloads_by_hand(platform: Context) -> None:
    """Deploying is the pipeline's: an app developer reads, forwards ports, and starts jobs."""
    rules = by_kind(workspace(platform))["Role"]["rules"]
    writing = [(rule["resources"], rule["verbs"]) for rule in rules if set(rule["verbs"]) - {"get", "list", "watch"}]
    assert writing == [(["pods/portforward"], ["create"]), (["jobs"], ["create", "delete"])]


def test_an_unknown_team_is_refused(platform: Context) -> None:
    """With the teams there are."""
    with pytest.raises(DocumentError, match=r"belongs to no team of the organisation[\s\S]*payments, storefront"):
        workspace(platform, owner="nobody")
