"""Tracks: what a canary and an older API version are in a plan, and what of a release cannot be."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from planned import context_of, having, without
from spine import ROOT, copy_acme

from handrail.components._catalogue import definitions
from handrail.components._definition import Prepared, prepare
from handrail.components._tracks import part, replicas_beside, share
from handrail.core import clock
from handrail.core.errors import DocumentError, HandrailError
from handrail.core.project import Project
from handrail.core.resources import Resource
from handrail.organisation import Capability, Context, RequestMetrics
from handrail.personas._stack import plan_stack
from handrail.releases import Release

DIGEST = "sha256:" + "cd" * 32
NEXT, OLD = f"registry.acme.test/payments/checkout@{DIGEST}", f"registry.acme.test/payments/checkout@sha256:{'ab' * 32}"
SERVICE: dict[str, Any] = {
    "image": "registry.acme.test/payments/checkout:2.7.1", "port": 8080, "api": {"version": "v2"},
    "scale": {"min": 4, "max": 20}, "callers": ["storefront/web"], "health": "/healthz",
}  # fmt: skip
ENDPOINT: dict[str, Any] = {
    "image": "registry.acme.test/fraud/scoring:3.4.0", "model": "models:/fraud-scorer/12", "accelerator": "l4",
    "model_card": "https://models.acme.test/fraud-scorer", "evaluation": "https://mlflow.acme.test/runs/1",
    "training_run": "ab" * 16, "server": "mlserver", "model_size": "2GiB", "scale": {"min": 2, "max": 4}, "callers": ["payments/checkout"],
}  # fmt: skip
WORKLOAD = {"app.kubernetes.io/instance": "checkout"}
STABLE, CANARY = (WORKLOAD | {"app.kubernetes.io/name": name} for name in ("checkout", "checkout-canary"))


def planned(
    args: dict[str, Any], release: dict[str, Any], context: Context | None = None, component: str = "ScalableService"
) -> Prepared:
    """A workload with this release."""
    name = "checkout" if component == "ScalableService" else "fraud-scorer"
    context = context or context_of("payments", "prod")
    return prepare(definitions()[component], name, args, context, release=Release.model_validate(release))


def canary(weight: int, context: Context | None = None, **args: Any) -> Prepared:
    """The service with a canary."""
    return planned(SERVICE | args, {"canary": {"image": NEXT, "weight": weight}}, context)


def scorer(weight: int, environment: str = "prod", **args: Any) -> Prepared:
    """The endpoint with a canary of another model."""
    release = {"canary": {"model": "models:/fraud-scorer/13", "weight": weight}}
    return planned(ENDPOINT | args, release, context_of("fraud", environment), "GpuInferenceEndpoint")


def named(found: Prepared) -> dict[str, Resource]:
    """Its resources by their Pulumi names."""
    return {resource.name: resource for resource in found.plan.resources}


def spec(found: Prepared, name: str) -> Any:
    """The spec of one of them."""
    return named(found)[name].inputs["spec"]


def refusal(call: Any, *args: Any, **options: Any) -> str:
    """What a call is refused with."""
    with pytest.raises(DocumentError) as raised:
        call(*args, **options)
    return str(raised.value)


# A service behind a route


def test_a_canary_is_a_second_deployment_behind_its_own_service() -> None:
    """Beside the stable one, whose every resource but the route stays as it is without a canary."""
    found, before = named(canary(10)), named(planned(SERVICE, {}))
    added = {
        "checkout-canary-deployment", "checkout-canary-service", "checkout-canary-autoscaler",
        "checkout-canary-disruption-budget",
    }  # fmt: skip
    assert found.keys() - before.keys() == added
    assert [name for name in before if found[name] != before[name]] == ["checkout-route"]
    assert found["checkout-canary-service"].inputs["metadata"]["name"] == "checkout-canary"
    assert found["checkout-canary-service"].inputs["spec"]["selector"] == CANARY
    container = found["checkout-canary-deployment"].inputs["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == NEXT
    assert container["name"] == "checkout"


def test_no_selector_of_the_one_selects_pods_of_the_other() -> None:
    """An autoscaler counts every pod of its Deployment's selector, and does nothing where two have the same pods."""
    found = canary(10)
    labels = {
        each.name: each.inputs["spec"]["template"]["metadata"]["labels"]
        for each in found.plan.resources
        if each.kind == "Deployment"
    }
    stable, other = labels["checkout-deployment"], labels["checkout-canary-deployment"]
    assert other["handrail.dev/track"] == "canary"
    assert "handrail.dev/track" not in stable
    for role in ("deployment", "disruption-budget"):
        for prefix, own in (("checkout", STABLE), ("checkout-canary", CANARY)):
            assert spec(found, f"{prefix}-{role}")["selector"]["matchLabels"] == own
    assert STABLE.items() <= stable.items() and not STABLE.items() <= other.items()
    assert CANARY.items() <= other.items() and not CANARY.items() <= stable.items()
    spread = spec(found, "checkout-canary-deployment")["template"]["spec"]["topologySpreadConstraints"]
    assert [each["labelSelector"]["matchLabels"] for each in spread] == [CANARY, CANARY]
    assert spec(found, "checkout-canary-autoscaler")["scaleTargetRef"]["name"] == "checkout-canary"


def test_what_is_for_the_workload_is_for_its_canary() -> None:
    """Identity, network policy, the peers' policies and the monitor hold for the canary's pods."""
    found = canary(10)
    pod = spec(found, "checkout-canary-deployment")["template"]
    assert pod["spec"]["serviceAccountName"] == "checkout"
    assert WORKLOAD.items() <= pod["metadata"]["labels"].items()
    assert spec(found, "checkout-network-policy")["podSelector"]["matchLabels"] == WORKLOAD
    assert spec(found, "checkout-service-monitor")["selector"]["matchLabels"] == WORKLOAD
    caller = prepare(
        definitions()["ScalableService"], "web", SERVICE | {"calls": ["payments/checkout"], "callers": []},
        context_of("storefront", "prod"),
    )  # fmt: skip
    peers = [
        to["podSelector"]
        for rule in spec(caller, "web-network-policy")["egress"]
        for to in rule["to"]
        if "podSelector" in to
    ]
    assert {"matchLabels": WORKLOAD} in peers


def test_a_canarys_requests_are_counted_with_the_services_and_can_be_told_apart() -> None:
    """The same OpenTelemetry service; its instance is the pod, whose name begins with the canary's."""
    found = canary(10)
    env: dict[str, dict[str, Any]] = {}
    for track in ("", "-canary"):
        container = spec(found, f"checkout{track}-deployment")["template"]["spec"]["containers"][0]
        env[track] = {each["name"]: each for each in container["env"]}
        names = list(env[track])
    assert names.index("HANDRAIL_POD") < names.index("OTEL_RESOURCE_ATTRIBUTES")
    assert env["-canary"]["HANDRAIL_POD"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    stable, other = (env[track]["OTEL_RESOURCE_ATTRIBUTES"]["value"] for track in ("", "-canary"))
    assert other == f"{stable},service.instance.id=$(HANDRAIL_POD)"
    assert env[""]["OTEL_SERVICE_NAME"] == env["-canary"]["OTEL_SERVICE_NAME"]
    assert "HANDRAIL_POD" not in env[""]


def test_the_services_own_figures_stay_whole_where_a_mesh_counts_by_service() -> None:
    """Istio names the Service that answered: the canary's counts for the workload."""
    context = context_of("payments", "prod")
    telemetry = context.organisation.telemetry.model_copy(update={"requests": RequestMetrics.ISTIO})
    found = canary(10, having(context, telemetry=telemetry))
    assert 'destination_service_name=~"checkout|checkout-canary"' in str(spec(found, "checkout-alerts"))


def test_the_route_shares_by_weight_and_waits_for_both() -> None:
    """It is changed only when each backend with a weight is ready."""
    found = canary(10)
    assert spec(found, "checkout-route")["rules"] == [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}],
            "backendRefs": [
                {"name": "checkout", "port": 80, "weight": 90},
                {"name": "checkout-canary", "port": 80, "weight": 10},
            ],
        }
    ]
    assert set(named(found)["checkout-route"].after) == {
        "checkout-deployment", "checkout-service", "checkout-canary-deployment", "checkout-canary-service",
    }  # fmt: skip
    assert any("gets 10% of the gateway's requests" in each for each in found.plan.advisories)


def test_a_dark_canary_holds_up_nothing() -> None:
    """No backend of the route, which does not wait for it; nor does the engine."""
    found = canary(0)
    assert [each["name"] for each in spec(found, "checkout-route")["rules"][0]["backendRefs"]] == ["checkout"]
    assert named(found)["checkout-route"].after == ("checkout-deployment", "checkout-service")
    for role in ("deployment", "service"):
        notes = [named(canary(w))[f"checkout-canary-{role}"].inputs["metadata"]["annotations"] for w in (0, 1)]
        at_once = {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}
        assert notes == [{"handrail.dev/weight": "0", **at_once}, {"handrail.dev/weight": "1"}]
    assert any("checkout-canary is dark" in each for each in found.plan.advisories)


def test_each_weight_is_a_change_of_the_canary_that_restarts_nothing() -> None:
    """So that the engine waits for a canary that has failed meanwhile, whose replicas stay the same."""
    ten, eleven = (named(canary(weight))["checkout-canary-deployment"].inputs for weight in (10, 11))
    assert ten != eleven
    assert ten["spec"] == eleven["spec"]


@pytest.mark.parametrize(
    ("scale", "weight", "replicas"),
    [
        ({"min": 1}, 10, (1, 1)),
        ({"min": 2}, 10, (2, 2)),  # its share fails when its only replica does
        ({"min": 2}, 0, (2, 2)),
        ({"min": 10}, 25, (3, 3)),
        ({"min": 4, "max": 20}, 10, (2, 10)),
        ({"min": 4, "max": 20}, 75, (3, 15)),
    ],
)
def test_how_many_replicas(scale: dict[str, int], weight: int, replicas: tuple[int, int]) -> None:
    """As many as its share needs, scaled as the stable release is."""
    found = canary(weight, context_of("payments"), scale=scale)
    fewest, most = replicas
    if "max" in scale:
        scaler = spec(found, "checkout-canary-autoscaler")
        assert (scaler["minReplicas"], scaler["maxReplicas"]) == replicas
        assert "replicas" not in spec(found, "checkout-canary-deployment")
    else:
        assert spec(found, "checkout-canary-deployment")["replicas"] == fewest == most


# Behind one Service


def test_without_a_route_the_share_follows_from_replicas() -> None:
    """Both releases answer under the one name, which the stable one has alone while the canary is dark."""
    half, dark = (canary(weight, api=None, scale={"min": 2}) for weight in (33, 0))
    assert spec(half, "checkout-service")["selector"] == WORKLOAD
    assert spec(half, "checkout-deployment")["replicas"] == 2
    assert spec(half, "checkout-canary-deployment")["replicas"] == 1
    assert any("gets 33% of requests by its 1 beside 2" in each for each in half.plan.advisories)
    assert spec(dark, "checkout-service")["selector"] == STABLE


def test_a_share_that_replicas_cannot_have_is_refused_with_those_they_can() -> None:
    """At the releases file, each with the replicas that it takes."""
    said = refusal(canary, 10, api=None, scale={"min": 2})
    assert "releases/prod/payments.yaml:1:1: checkout.canary.weight" in said
    assert (
        "0 (it runs and gets no requests), 33 (1 beside 2), 50 (2 beside 2), 60 (3 beside 2), 67 (4 beside 2)" in said
    )


def test_a_cluster_without_a_gateway_has_no_weights() -> None:
    """There an API's share follows from replicas as well."""
    context = without(context_of("payments"), Capability.GATEWAY_API)
    assert spec(canary(50, context), "checkout-service")["selector"] == WORKLOAD
    assert "checkout.canary.weight" in refusal(canary, 1, context)


@given(st.integers(1, 40), st.integers(1, 99))
def test_a_share_is_as_near_as_it_is_said(stable: int, weight: int) -> None:
    """Within one per cent, or refused; and a part is never less than its share."""
    own = replicas_beside(stable, weight)
    nearest = min(abs(share(each, stable) - weight) for each in range(1, 3 * stable + 1))
    assert (own is None) == (nearest > 1)
    if own is not None:
        assert abs(share(own, stable) - weight) <= 1
    assert part(stable, weight) >= stable * weight / 100 > part(stable, weight) - 1 or part(stable, weight) == 1


# An endpoint


def test_an_endpoints_canary_has_its_own_model_on_the_same_accelerator() -> None:
    """The same proxy, queue and place; fixed replicas; another model; its name in the certificate."""
    found = scorer(33)
    stable, other = (named(found)[f"fraud-scorer{track}-deployment"].inputs for track in ("", "-canary"))
    assert other["spec"]["replicas"] == 1
    assert "models:/fraud-scorer/13" in str(other) and "models:/fraud-scorer/12" not in str(other)
    assert "models:/fraud-scorer/13" not in str(stable)
    assert other["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    pods = [each["spec"]["template"]["spec"] for each in (stable, other)]
    assert pods[0]["affinity"] == pods[1]["affinity"]
    assert pods[0]["containers"][1] == pods[1]["containers"][1]
    assert spec(found, "fraud-scorer-service")["selector"] == {"app.kubernetes.io/instance": "fraud-scorer"}
    assert "fraud-scorer-canary.fraud-prod.svc" in spec(found, "fraud-scorer-certificate")["dnsNames"]
    assert any("it is less while fraud-scorer is scaled to more" in each for each in found.plan.advisories)


def test_the_stable_endpoint_is_not_scaled_on_the_canarys_queue() -> None:
    """Its query leaves the canary's pods out, and is what it was where there is none."""
    query = spec(scorer(33), "fraud-scorer-autoscaler")["triggers"][0]["metadata"]["query"]
    assert query == 'sum(rest_server_requests_in_progress{job="fraud-prod/fraud-scorer",pod!~"fraud-scorer-canary-.+"})'
    plain = planned(ENDPOINT, {}, context_of("fraud", "prod"), "GpuInferenceEndpoint")
    assert "pod!~" not in str(spec(plain, "fraud-scorer-autoscaler"))


def test_accelerators_beyond_the_quota_are_refused_before_anything_starts() -> None:
    """Those of both releases together count; where the queue lends, against what all teams have."""
    said = refusal(scorer, 50, scale={"min": 5})
    assert "releases/prod/fraud.yaml:1:1: fraud-scorer.canary.weight" in said
    assert "asks for more l4 than the quota of team fraud has" in said
    assert "10 l4" in said and "at most 8" in said


def test_a_model_that_the_server_does_not_read_is_refused_at_the_releases_file() -> None:
    """A canary's settings are held to what the stable release's are."""
    release = {"canary": {"model": "acme/model", "weight": 0}}
    said = refusal(planned, ENDPOINT, release, context_of("fraud", "prod"), "GpuInferenceEndpoint")
    assert "releases/prod/fraud.yaml:1:1: fraud-scorer.canary.model" in said
    assert "is no model that mlserver reads" in said


# Where none can be


@pytest.mark.parametrize(
    ("component", "args"),
    [
        ("BatchJob", {"image": "registry.acme.test/churn/science:1", "command": ["train"]}),
        ("NotebookEnv", {"image": "registry.acme.test/churn/science:1"}),
    ],
)
def test_a_job_and_a_notebook_have_no_canary(component: str, args: dict[str, Any]) -> None:
    """A run is of the one release or of the other."""
    release = Release.model_validate({"canary": {"image": NEXT, "weight": 10}, "previous": {"v1": {"image": OLD}}})
    said = refusal(prepare, definitions()[component], "train", args, context_of("churn"), release=release)
    assert "releases/dev/churn.yaml:1:1: train.canary" in said
    assert "releases/dev/churn.yaml:1:1: train.previous.v1" in said
    assert "handrail promote train --to dev, without --weight" in said


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ({"canary": {"weight": 10}}, "checkout.canary: pins nothing"),
        (
            {"canary": {"weight": 10, "model": "models:/a/1"}},
            "checkout.canary.model: is no setting of a ScalableService",
        ),
        ({"previous": {"v1": {}}}, "checkout.previous.v1: pins nothing"),
        ({"previous": {"v1": {"image": OLD}}}, "checkout.previous.v1: is no older version that the service declares"),
    ],
)
def test_nothing_of_a_release_is_ignored(release: dict[str, Any], words: str) -> None:
    """What cannot be is told where it stands."""
    assert f"releases/prod/payments.yaml:1:1: {words}" in refusal(planned, SERVICE, release)


def test_an_endpoint_has_no_versions_in_its_path() -> None:
    """So no older one can be served beside it."""
    release = {"previous": {"v1": {"image": OLD}}}
    said = refusal(planned, ENDPOINT, release, context_of("fraud", "prod"), "GpuInferenceEndpoint")
    assert "fraud-scorer.previous.v1" in said


# Older API versions

THREE = SERVICE | {"api": {"version": "v3", "previous": {"v2": "2027-01-31"}}}


def on(day: str, args: dict[str, Any] = THREE, release: dict[str, Any] | None = None) -> Prepared:
    """The service on a day, with its older version pinned."""
    with clock.at(datetime.fromisoformat(day).replace(tzinfo=UTC)):
        return planned(args, {"previous": {"v2": {"image": OLD}}} if release is None else release)


def test_two_versions_are_served_side_by_side() -> None:
    """Each under its path, the older one by a Deployment of the release that last offered it."""
    found = on("2026-11-25")
    rules = spec(found, "checkout-route")["rules"]
    leads = {rule["matches"][0]["path"]["value"]: [ref["name"] for ref in rule["backendRefs"]] for rule in rules}
    assert leads == {"/v3": ["checkout"], "/v2": ["checkout-v2"]}
    old = named(found)["checkout-v2-deployment"].inputs
    assert old["spec"]["template"]["spec"]["containers"][0]["image"] == OLD
    assert old["spec"]["template"]["metadata"]["labels"]["handrail.dev/track"] == "v2"
    assert spec(found, "checkout-v2-autoscaler")["minReplicas"] == 4
    assert found.plan.advisories == ()


def test_callers_of_the_older_version_are_moved_before_its_release_is_replaced() -> None:
    """The route follows the older version's Deployment, the stable Deployment follows the route."""
    found = [each.name for each in on("2026-11-25").plan.resources]
    order = ["checkout-v2-deployment", "checkout-route", "checkout-deployment"]
    assert sorted(order, key=found.index) == order
    resources = named(on("2026-11-25"))
    assert resources["checkout-route"].after == ("checkout-v2-deployment", "checkout-v2-service")
    assert "checkout-route" in resources["checkout-deployment"].after


@pytest.mark.parametrize(
    ("day", "served", "words"),
    [
        ("2026-11-25", True, None),
        ("2027-01-01", True, "v2 of checkout is served until 2027-01-31"),
        ("2027-01-31T23:59:59", True, "v2 of checkout is served until 2027-01-31"),
        ("2027-02-01", False, "v2 of checkout is no longer served: its end was 2027-01-31"),
    ],
)
def test_an_older_version_ends_on_its_day(day: str, served: bool, words: str | None) -> None:
    """Announced for thirty days, and told when it is gone."""
    found = on(day)
    assert ("checkout-v2-deployment" in named(found)) is served
    assert ("/v2" in str(spec(found, "checkout-route"))) is served
    assert [str(words) in each for each in found.plan.advisories] == ([True] if words else [])


def test_a_declared_version_without_a_release_is_told() -> None:
    """Not served, and said so."""
    assert on("2026-11-25", release={}).plan.advisories == (
        "v2 of checkout is not served: no release of it is pinned in prod",
    )


def test_versions_need_a_path_to_tell_them_by() -> None:
    """Without a gateway the older one is left out, with a sentence."""
    context = without(context_of("payments"), Capability.GATEWAY_API)
    with clock.at(datetime(2026, 11, 25, tzinfo=UTC)):
        found = planned(THREE, {"previous": {"v2": {"image": OLD}}}, context)
    assert "checkout-v2-deployment" not in named(found)
    assert any("without gateway-api there is no path" in each for each in found.plan.advisories)


@pytest.mark.parametrize("previous", [{"v3": "2027-01-31"}, {"v4": "2027-01-31"}, {"2": "2027-01-31"}, {"v2": "soon"}])
def test_what_is_no_older_version(previous: dict[str, str]) -> None:
    """The current one, a later one, what is no version, what is no day."""
    said = refusal(planned, SERVICE | {"api": {"version": "v3", "previous": previous}}, {})
    assert "checkout.api" in said


def test_a_path_never_leads_to_a_release_that_lacks_it() -> None:
    """Where the pinned release offers the older version, that one is served, whatever the team's file says by now."""
    release = {"image": OLD, "api": {"version": "v2"}}
    found = on("2026-11-25", release=release)
    assert [rule["matches"][0]["path"]["value"] for rule in spec(found, "checkout-route")["rules"]] == ["/v2"]
    assert str(found.plan.outputs["url"]).endswith("/v2")
    (told,) = found.plan.advisories
    assert told.startswith("checkout offers v2, not v3, in prod: so does the release that is pinned there")


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (
            {"canary": {"image": NEXT, "weight": 10, "api": {"version": "v4"}}},
            "checkout.canary.api.version: is another version than the v3 that its share of requests asks for",
        ),
        (
            {"previous": {"v2": {"image": OLD, "api": {"version": "v1"}}}},
            "checkout.previous.v2.api.version: is not the v2 that it is pinned for",
        ),
        (
            {"image": OLD, "api": {"version": "v2"}, "previous": {"v2": {"image": OLD}}},
            "checkout.previous.v2: is not older than v2, which the stable release offers",
        ),
    ],
)
def test_a_release_that_offers_another_version_is_refused(release: dict[str, Any], words: str) -> None:
    """Requests for one version would reach a release of another."""
    assert words in refusal(on, "2026-11-25", release=release)


def test_a_canary_and_an_older_version_at_once() -> None:
    """Three Deployments, and every resource after what it follows."""
    release = {"canary": {"image": NEXT, "weight": 10}, "previous": {"v2": {"image": OLD}}}
    found = on("2026-11-25", release=release).plan.resources
    names = [each.name for each in found]
    assert all(names.index(before) < names.index(each.name) for each in found for before in each.after)
    assert Counter(each.kind for each in found)["Deployment"] == 3
    assert len(set(names)) == len(names)


# The whole company


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A copy of the sample company."""
    return copy_acme(tmp_path)


def stack(company: Path, team: str, release: dict[str, Any]) -> Iterator[Prepared]:
    """A team's workloads in production."""
    file = company / f"releases/prod/{team}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(release))
    config = Project.find(company).stack(f"{team}-prod").config
    yield from plan_stack(config, root=company, stack=f"{team}-prod", refuses=False).prepared


CANARIES: dict[str, dict[str, Any]] = {
    "payments": {
        "checkout": {"canary": {"image": NEXT, "weight": 10}},
        "ledger": {"canary": {"image": NEXT, "weight": 33}},
        "refunds": {"canary": {"image": NEXT, "weight": 0}},
    },
    "storefront": {
        "web": {"canary": {"image": NEXT, "weight": 50}},
        "catalogue": {"canary": {"image": NEXT, "weight": 0}},
        "search": {"canary": {"image": NEXT, "weight": 50}},
    },
    "fraud": {
        "fraud-scorer": {"canary": {"model": "models:/fraud-scorer/13", "weight": 33}},
        "transaction-embedder": {"canary": {"image": NEXT, "weight": 0}},
    },
}


@pytest.mark.parametrize("team", CANARIES)
def test_a_canary_of_every_kind_keeps_productions_standards(company: Path, team: str) -> None:
    """Nothing that the stable release does not violate as well."""

    def found(release: dict[str, Any]) -> set[tuple[str, str, str]]:
        return {
            (each.name, finding.standard, str(finding.verdict))
            for each in stack(company, team, release)
            for finding in each.findings
        }

    assert found(CANARIES[team]) - found({}) == set()


def test_a_track_cannot_take_another_workloads_name(company: Path) -> None:
    """Its objects would be that workload's."""
    file = company / "stacks/acme/payments/workloads.yaml"
    file.write_text(
        re.sub(r"^  refunds:", "  checkout-canary:", file.read_text(), flags=re.M).replace(", refunds,", ",")
    )
    with pytest.raises(HandrailError) as raised:
        list(stack(company, "payments", {"checkout": CANARIES["payments"]["checkout"]}))
    said = "releases/prod/payments.yaml:3:5: checkout.canary: would be deployed as checkout-canary, which is a workload"
    assert said in str(raised.value).replace("\n", " ")


@pytest.mark.parametrize("which", ["a canary", "an older version"])
def test_the_concepts_own_examples(company: Path, which: str) -> None:
    """The releases that docs/concepts.md shows deploy what it says."""
    page = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    title = f'title="releases/prod/payments.yaml, with {which}"'
    (text,) = re.findall(rf"^```yaml {title}\n(.*?)^```", page, re.M | re.S)
    file = company / "stacks/acme/payments/workloads.yaml"
    (declared,) = re.findall(r"`(api: {version: v3,[^`]+)`", page)
    if which == "an older version":
        file.write_text(file.read_text().replace("api: {version: v2}", " ".join(declared.split())))
    with clock.at(datetime(2026, 11, 25, tzinfo=UTC)):
        checkout = next(each for each in stack(company, "payments", yaml.safe_load(text)) if each.name == "checkout")
    track = "canary" if which == "a canary" else "v2"
    pinned = yaml.safe_load(text)["checkout"]
    image = (pinned.get("canary") or pinned["previous"]["v2"])["image"]
    assert image in str(named(checkout)[f"checkout-{track}-deployment"].inputs)
