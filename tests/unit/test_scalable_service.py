"""ScalableService as data: what it plans, and what it refuses."""

from dataclasses import replace
from typing import Any

import pytest
from planned import without

from handrail.components._definition import Prepared, prepare
from handrail.components.scalable_service import COMPONENT
from handrail.core.errors import DocumentError, PlanError, RefusedError
from handrail.core.resources import Given
from handrail.organisation import Capability, Context

SMALL: dict[str, Any] = {"image": "registry.acme.test/payments/ledger:1.0", "port": 8080, "scale": {"min": 1}}
WHOLE: dict[str, Any] = {
    "image": "registry.acme.test/payments/checkout:2.7.1",
    "port": 8080,
    "api": {"version": "v2"},
    "scale": {"min": 2, "max": 20, "cpu": "70%"},
    "cpu": "1500m",
    "memory": "2GiB",
    "env": {"LOG_LEVEL": "info", "WORKERS": 4},
    "secrets": {"DATABASE_URL": "payments/checkout/database-url"},
    "health": "/healthz",
    "calls": ["ledger", "storefront/search"],
    "callers": ["storefront/web"],
    "egress": ["10.20.0.0/24:5432", "[fd00::/8]:443"],
}


def prepared(args: dict[str, Any], context: Context, **options: Any) -> Prepared:
    """The service `checkout` with these arguments."""
    return prepare(COMPONENT, "checkout", args, context, **options)


def by_kind(found: Prepared) -> dict[str, Any]:
    """The inputs of each resource by its kind."""
    return {resource.kind: resource.inputs for resource in found.plan.resources}


def refusal(args: dict[str, Any], context: Context) -> str:
    """The error that these arguments end in."""
    with pytest.raises(DocumentError) as caught:
        prepared(args, context)
    return str(caught.value)


@pytest.mark.parametrize("args", [SMALL, WHOLE], ids=["small", "whole"])
def test_manifests(args: dict[str, Any], context: Context, manifests: Any) -> None:
    """The manifests of the smallest and of a full service, as golden files."""
    assert [dict(resource.inputs) for resource in prepared(args, context).plan.resources] == manifests


def test_names_types_and_order(context: Context) -> None:
    """Pulumi names and types are part of the contract: a change would replace what runs."""
    found = prepared(WHOLE, context).plan.resources
    assert [(r.name, r.type) for r in found] == [
        ("checkout-service-account", "kubernetes:core/v1:ServiceAccount"),
        ("checkout-network-policy", "kubernetes:networking.k8s.io/v1:NetworkPolicy"),
        ("checkout-external-secret", "kubernetes:external-secrets.io/v1:ExternalSecret"),
        ("checkout-deployment", "kubernetes:apps/v1:Deployment"),
        ("checkout-service", "kubernetes:core/v1:Service"),
        ("checkout-autoscaler", "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"),
        ("checkout-disruption-budget", "kubernetes:policy/v1:PodDisruptionBudget"),
        ("checkout-route", "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"),
        ("checkout-service-monitor", "kubernetes:monitoring.coreos.com/v1:ServiceMonitor"),
        ("checkout-alerts", "kubernetes:monitoring.coreos.com/v1:PrometheusRule"),
        ("checkout-dashboard", "kubernetes:core/v1:ConfigMap"),
    ]
    names = [resource.name for resource in found]
    assert all(names.index(before) < names.index(r.name) for r in found for before in r.after)


def test_the_autoscaler_owns_the_number_of_replicas(context: Context) -> None:
    """With an autoscaler the Deployment states none; without one it does."""
    assert "replicas" not in by_kind(prepared(WHOLE, context))["Deployment"]["spec"]
    fixed = by_kind(prepared(SMALL | {"scale": {"min": 3}}, context))
    assert fixed["Deployment"]["spec"]["replicas"] == 3
    assert "HorizontalPodAutoscaler" not in fixed


def test_no_disruption_budget_and_no_spreading_at_one_replica(context: Context) -> None:
    """A budget for one replica would block the draining of its node."""
    one, two = (by_kind(prepared(SMALL | {"scale": {"min": n}}, context)) for n in (1, 2))
    assert "PodDisruptionBudget" not in one
    assert "topologySpreadConstraints" not in one["Deployment"]["spec"]["template"]["spec"]
    assert two["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert len(two["Deployment"]["spec"]["template"]["spec"]["topologySpreadConstraints"]) == 2


def test_selectors_hold_only_labels_that_never_change(context: Context) -> None:
    """Selectors are immutable: another team, environment or contract version must not touch them."""
    fixed = {"app.kubernetes.io/name": "checkout", "app.kubernetes.io/instance": "checkout"}
    kinds = by_kind(prepared(WHOLE, context))
    assert kinds["Deployment"]["spec"]["selector"]["matchLabels"] == fixed
    assert kinds["Service"]["spec"]["selector"] == fixed
    assert kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == fixed
    whole = {"app.kubernetes.io/instance": "checkout"}  # a canary's pods as well
    assert kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == whole


def test_everything_is_labelled(context: Context) -> None:
    """Every resource carries who, where and on whose account; pods lack the contract's version, so it restarts none."""
    for manifest in by_kind(prepared(WHOLE, context)).values():
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == labels["handrail.dev/team"] == "payments"
        assert labels["handrail.dev/persona"] == "app-developer"
        assert labels["handrail.dev/environment"] == "dev"
        assert labels["handrail.dev/cost-centre"] == "cc-2100"
        assert labels["handrail.dev/contract"] == "1"
    deployment = by_kind(prepared(WHOLE, context))["Deployment"]
    assert by_kind(prepared(WHOLE, context))["ConfigMap"]["metadata"]["labels"]["grafana_dashboard"] == "1"
    labels, pod = deployment["metadata"]["labels"], deployment["spec"]["template"]["metadata"]["labels"]
    assert pod == {key: value for key, value in labels.items() if key != "handrail.dev/contract"}


def test_a_route_waits_for_what_it_routes_to(context: Context) -> None:
    """It is registered after the Deployment and the Service."""
    resources = prepared(WHOLE, context).plan.resources
    route = next(resource for resource in resources if resource.kind == "HTTPRoute")
    assert route.after == ("checkout-deployment", "checkout-service")
    assert route.inputs["spec"]["rules"][0]["backendRefs"] == [{"name": "checkout", "port": 80, "weight": 100}]


def test_a_cluster_without_gateway_leaves_the_route_out_and_says_so(context: Context) -> None:
    """An advisory, and the address inside the cluster."""
    plan = prepared(WHOLE, without(context, Capability.GATEWAY_API)).plan
    assert "HTTPRoute" not in [resource.kind for resource in plan.resources]
    assert plan.advisories == (
        "no route: cluster dev lacks gateway-api; checkout is reachable inside the cluster only",
    )
    assert plan.outputs["url"] == "http://checkout.payments-dev.svc"


def test_secrets_are_references(context: Context) -> None:
    """An ExternalSecret and secretKeyRef; without a secret store they are refused."""
    kinds = by_kind(prepared(WHOLE, context))
    env = kinds["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    reference = {"secretKeyRef": {"name": "checkout", "key": "DATABASE_URL"}}
    assert {"name": "DATABASE_URL", "valueFrom": reference} in env
    assert kinds["ExternalSecret"]["spec"]["data"] == [
        {"secretKey": "DATABASE_URL", "remoteRef": {"key": "payments/checkout/database-url"}}
    ]
    found = refusal(WHOLE, without(context, Capability.EXTERNAL_SECRETS))
    assert found.startswith("checkout.secrets: needs external-secrets, which cluster dev lacks\n")


def test_outputs_are_known_before_anything_runs(context: Context) -> None:
    """The address follows from names alone."""
    assert prepared(WHOLE, context).plan.outputs == {
        "url": "https://checkout-payments-dev.dev.acme.test/v2",
        "namespace": "payments-dev",
        "service_account": "checkout",
    }


def test_a_given_image_goes_through_untouched(context: Context) -> None:
    """A value known only to the engine is one leaf of the plan, and is no schema error."""
    token = Given(object())
    container = by_kind(prepared(SMALL | {"image": token}, context))["Deployment"]["spec"]["template"]["spec"][
        "containers"
    ][0]
    assert container["image"] is token


def test_all_problems_of_the_arguments_at_once(context: Context) -> None:
    """Each with its field; a number that must be known is refused when it is an output."""
    found = refusal(
        {"prot": 1, "port": Given(object()), "scale": {"min": 5, "max": 2}, "env": {"A": True}, "memory": "1"}, context
    )
    assert "checkout.image: is required" in found
    assert "checkout.port: must be known when the program runs: a Pulumi output cannot stand here" in found
    assert "checkout.prot: is no word that may stand here" in found
    assert "checkout.scale: max (2) is less than min (5)" in found
    assert (
        'checkout.env.A: is a YAML truth value\n    given:   True\n    allowed: write "true" or "false" in quotes'
        in found
    )
    assert "checkout.memory: has no unit" in found


def test_limits_follow_requests(context: Context) -> None:
    """The default limit is never below the request; a limit that is, is refused."""
    container = by_kind(prepared(WHOLE, context))["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {
        "requests": {"cpu": "1500m", "memory": "2Gi"},
        "limits": {"cpu": "1500m", "memory": "2Gi"},
    }
    assert "memory_limit (1Gi) is less than memory (2Gi)" in refusal(
        SMALL | {"memory": "2GiB", "memory_limit": "1GiB"}, context
    )


def test_an_unknown_team_is_named_with_the_nearest(context: Context) -> None:
    """In calls and in callers."""
    found = refusal(SMALL | {"calls": ["storefrnt/web"], "callers": ["nobody/x"]}, context)
    assert "checkout.calls[0]: names a team that the organisation lacks: storefrnt\n" in found
    assert "did you mean storefront/web?" in found
    assert "checkout.callers[0]: names a team that the organisation lacks: nobody\n" in found


@pytest.mark.parametrize("name", ["Checkout", "-x", "a" * 60, "", "a.b"])
def test_a_name_must_fit_a_host_name(name: str, context: Context) -> None:
    """Names become Kubernetes and host names."""
    with pytest.raises(DocumentError, match=r"is no name|is too long"):
        prepare(COMPONENT, name, SMALL, context)


def test_a_plan_that_kubernetes_would_cut_short_is_refused(context: Context) -> None:
    """A misspelt field of a plan never reaches the provider, which would drop it in silence."""

    def misspelt(workload: Any) -> Any:
        plan = COMPONENT.plan(workload)
        deployment = plan.resources[2]
        pod = deployment.inputs["spec"]["template"]["spec"]
        pod["containers"][0]["livenesProbe"] = pod["containers"][0].pop("livenessProbe")
        return plan

    with pytest.raises(PlanError, match=r"livenesProbe[\s\S]*did you mean livenessProbe"):
        prepare(replace(COMPONENT, plan=misspelt), "checkout", SMALL, context)


def test_a_plan_outside_the_restricted_profile_is_refused(context: Context) -> None:
    """Judging happens before anything is registered."""

    def privileged(workload: Any) -> Any:
        plan = COMPONENT.plan(workload)
        plan.resources[2].inputs["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = True
        return plan

    with pytest.raises(RefusedError, match="privileged"):
        prepare(replace(COMPONENT, plan=privileged), "checkout", SMALL, context)
