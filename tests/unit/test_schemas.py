"""Strict validation of planned resources: what is refused, and what a person reads."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.core.errors import PlanError, Problem
from handrail.core.resources import Given, Ref, Resource
from handrail.standards import problems, validate

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SERVICE = "kubernetes:core/v1:Service"
ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
SECRET = "kubernetes:core/v1:Secret"


def deployment(**container: Any) -> Resource:
    """A valid Deployment whose container has more fields, or other ones."""
    labels = {"app.kubernetes.io/name": "checkout"}
    return Resource(
        "checkout-deployment",
        DEPLOYMENT,
        {
            "metadata": {"name": "checkout", "namespace": "payments-prod", "labels": labels},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "checkout", "image": "i", **container}]},
                },
            },
        },
    )


def plain(token: str, inputs: dict[str, Any]) -> Resource:
    """A resource called `x`."""
    return Resource("x", token, inputs)


def paths(*resources: Resource) -> list[str]:
    """Where each problem is."""
    return [problem.path for problem in problems(resources)]


CONTAINER = "checkout-deployment: spec.template.spec.containers[0]"


def test_a_valid_deployment_has_no_problem() -> None:
    """apiVersion and kind may be left out: the type says them."""
    assert problems([deployment()]) == []


def test_a_misspelt_field_is_found_with_the_nearest_word() -> None:
    """The provider would drop it in silence, so the whole Problem is held to its text."""
    assert problems([deployment(livenesProbe={"httpGet": {"port": 8080}})]) == [
        Problem(
            "is not a field of Container; the provider would drop it in silence",
            f"{CONTAINER}.livenesProbe",
            remedy="did you mean livenessProbe?",
        )
    ]


def test_a_word_like_no_field_gets_the_whole_list() -> None:
    """Without a near word the allowed ones are shown."""
    (problem,) = problems([plain(SERVICE, {"metadata": {"name": "x"}, "spec": {"qqq": 1, "ports": []}})])
    assert problem.remedy is None
    assert problem.allowed is not None
    assert "externalName" in problem.allowed.split(", ")


@pytest.mark.parametrize(
    ("container", "path", "given_text", "allowed"),
    [
        ({"ports": [{"containerPort": "http"}]}, "ports[0].containerPort", "http", "a whole number"),
        ({"env": [{"name": "PORT", "value": 8080}]}, "env[0].value", "8080", "text"),
        ({"imagePullPolicy": "Allways"}, "imagePullPolicy", "Allways", "Always, IfNotPresent, Never"),
        ({"command": "run"}, "command", "run", "a list"),
        (
            {"resources": {"limits": {"memory": "512MB"}}},
            "resources.limits.memory",
            "512MB",
            "a quantity: a number alone or with m, k, M, G, T, Ki, Mi, Gi or Ti, as 500m or 2Gi",
        ),
        ({"livenessProbe": []}, "livenessProbe", "a list", "a mapping"),
    ],
)
def test_wrong_values(container: dict[str, Any], path: str, given_text: str, allowed: str) -> None:
    """A value of the wrong type, outside an enumeration or in no Quantity's form names what was given."""
    found = problems([deployment(**container)])
    assert [(problem.path, problem.given, problem.allowed) for problem in found] == [
        (f"{CONTAINER}.{path}", given_text, allowed)
    ]


def test_an_enumeration_of_list_entries_and_its_nearest_word() -> None:
    """Kubernetes publishes its enumerations apart from its schemas; here they are joined."""
    policy = {"podSelector": {}, "policyTypes": ["Ingress", "Egres"]}
    assert problems([plain("kubernetes:networking.k8s.io/v1:NetworkPolicy", {"spec": policy})]) == [
        Problem(
            "is not an allowed value",
            "x: spec.policyTypes[1]",
            given="Egres",
            allowed="Egress, Ingress",
            remedy="did you mean Egress?",
        )
    ]


def test_an_empty_enumerated_value_is_the_default() -> None:
    """The API server reads it as if it were left out."""
    assert problems([deployment(imagePullPolicy="")]) == []


def test_a_missing_field_is_named() -> None:
    """The path is the field that is missing, not its parent."""
    resource = deployment()
    inputs = deepcopy(dict(resource.inputs))
    del inputs["spec"]["selector"]
    assert problems([Resource("d", DEPLOYMENT, inputs)]) == [
        Problem("is missing", "d: spec.selector", remedy="add selector")
    ]


def test_everything_is_reported_at_once() -> None:
    """One PlanError carries every problem of every resource, in the plan's order."""
    plan = [deployment(imag="i"), plain(SERVICE, {"metadata": {"name": "Bad_Name"}, "spec": {"port": []}})]
    with pytest.raises(PlanError) as error:
        validate(plan)
    assert [problem.path for problem in error.value.problems] == [
        f"{CONTAINER}.imag",
        "x: metadata.name",
        "x: spec.port",
    ]


def test_resources_of_other_providers_are_passed_over() -> None:
    """They have schemas of their own."""
    assert problems([plain("pulumi:providers:kubernetes", {"a": 1}), plain("aws:s3/bucket:Bucket", {"b": None})]) == []


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:apps/v1:Deploymant",
        "kubernetes:apps/v9:Deployment",
        "kubernetes:apps.acme.test/v1:Deployment",
        "kubernetes:monitoring.coreos.com/v1:Nonesuch",
        "kubernetes:core/v1:../../all",
        "kubernetes:meta/v1:Status",
        "kubernetes:",
    ],
)
def test_a_kind_without_a_schema_is_a_problem(token: str) -> None:
    """Never accepted in silence, and the text says how a custom kind is added."""
    (problem,) = problems([plain(token, {})])
    assert problem.path == "x"
    assert problem.given == token
    assert ROUTE in str(problem.allowed)
    assert "handrail.standards._crds" in str(problem.remedy)


def test_a_kind_without_a_schema_gets_the_nearest_one() -> None:
    """A misspelt kind is most likely a misspelt kind."""
    (problem,) = problems([plain("kubernetes:apps/v1:Deploymant", {})])
    assert str(problem.remedy).startswith(f"did you mean {DEPLOYMENT}?")


@pytest.mark.parametrize(("field", "value"), [("apiVersion", "apps/v1beta1"), ("kind", "Deploy")])
def test_api_version_and_kind_must_match_the_type(field: str, value: str) -> None:
    """They are what the API server reads; the type is what Pulumi registers."""
    resource = deployment()
    found = problems([Resource("d", DEPLOYMENT, {**resource.inputs, field: value})])
    assert [(problem.path, problem.given) for problem in found] == [(f"d: {field}", value)]


def test_matching_api_version_and_kind_are_accepted() -> None:
    """A core kind's apiVersion has no group."""
    inputs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}
    assert problems([plain(SERVICE, inputs)]) == []


@pytest.mark.parametrize("token", [Given(object()), Ref("other", "metadata.name")])
def test_a_token_is_no_problem_and_hides_none(token: Given | Ref) -> None:
    """At text, numbers, whole objects and list entries; the misspelt field beside it is still found."""
    container = {
        "image": token,
        "ports": [{"containerPort": token, "protocl": "TCP"}],
        "env": token,
        "resources": {"limits": {"cpu": token}},
        "securityContext": token,
        "livenessProbe": {"httpGet": {"port": token}},
    }
    assert paths(deployment(**container)) == [f"{CONTAINER}.ports[0].protocl"]


def test_a_token_under_a_misspelt_field_does_not_excuse_it() -> None:
    """The name is known, whatever the value will be."""
    assert paths(deployment(livenesProbe=Given(object()))) == [f"{CONTAINER}.livenesProbe"]


def test_a_token_in_a_custom_resource() -> None:
    """Custom kinds allow no null, and the token's own error is dropped all the same."""
    rule = {"backendRefs": [{"name": Ref("service", "metadata.name"), "port": Given(object()), "wait": 1}]}
    assert paths(plain(ROUTE, {"metadata": {"name": Given(object())}, "spec": {"rules": [rule]}})) == [
        "x: spec.rules[0].backendRefs[0].wait"
    ]


def test_a_null_is_a_problem_once() -> None:
    """The provider drops it; whoever wrote it meant something."""
    assert paths(deployment(command=None, ports=[None])) == [f"{CONTAINER}.command", f"{CONTAINER}.ports[0]"]


@pytest.mark.parametrize("value", [{1, 2}, b"x", float("nan"), "\ud800", {1: 2}, object(), 1j])
def test_what_is_no_json_is_a_problem(value: object) -> None:
    """Anything but plain data and the two tokens is refused, by its type alone."""
    assert paths(deployment(image=value)) == [f"{CONTAINER}.image"]


def test_endless_nesting_is_a_problem() -> None:
    """A structure that holds itself ends in a Problem, not in a RecursionError."""
    loop: dict[str, Any] = {}
    loop["a"] = loop
    problem = problems([plain("kubernetes:core/v1:ConfigMap", {"data": loop})])[0]
    assert problem.message == "lies deeper than 64 levels"


def test_a_secrets_values_are_never_shown() -> None:
    """An error's text ends in logs and pull requests."""
    found = problems([plain(SECRET, {"metadata": {"name": "x"}, "stringData": {"password": 12345}, "typ": "o"})])
    assert sorted(problem.path for problem in found) == ["x: stringData.password", "x: typ"]
    assert "12345" not in "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("token", "name", "fits"),
    [
        (SERVICE, "checkout", True),
        (SERVICE, "9-lives", True),
        (SERVICE, "check.out", False),
        (SERVICE, "a" * 64, False),
        (DEPLOYMENT, "check.out", True),
        (DEPLOYMENT, "Checkout", False),
        (DEPLOYMENT, "a" * 254, False),
        ("kubernetes:apps/v1:StatefulSet", "check.out", False),
        ("kubernetes:core/v1:Namespace", "payments_prod", False),
        ("kubernetes:batch/v1:Job", "a" * 64, False),
        ("kubernetes:batch/v1:CronJob", "a" * 52, True),
        ("kubernetes:batch/v1:CronJob", "a" * 53, False),
        ("kubernetes:rbac.authorization.k8s.io/v1:Role", "system:View", True),
        ("kubernetes:rbac.authorization.k8s.io/v1:Role", "a/b", False),
        (ROUTE, "-x", False),
    ],
)
def test_names(token: str, name: str, fits: bool) -> None:
    """Each kind's own form, as the API server's validation has it."""
    found = paths(plain(token, {"metadata": {"name": name}}))
    assert ("x: metadata.name" not in found) is fits


@pytest.mark.parametrize(
    ("labels", "path"),
    [
        ({"team": "payments/core"}, "team"),
        ({"team": "a" * 64}, "team"),
        ({"Acme.test/team": "x"}, "Acme.test/team"),
        ({"a/b/c": "x"}, "a/b/c"),
        ({"": "x"}, ""),
        ({"team": "", "acme.test/t_eam": "A.b"}, None),
    ],
)
def test_labels(labels: dict[str, str], path: str | None) -> None:
    """Keys and values, on the object, its template and its selectors."""
    resource = deployment()
    inputs = deepcopy(dict(resource.inputs))
    inputs["spec"]["template"]["metadata"]["labels"] = labels
    expected = [] if path is None else [f"d: spec.template.metadata.labels.{path}"]
    assert paths(Resource("d", DEPLOYMENT, inputs)) == expected


def test_annotations_are_checked_by_key_only() -> None:
    """Their values are free text, and upper case is allowed in a key's prefix."""
    annotations = {"Acme.test/note": "any text: ä / b", "a b": "x"}
    assert paths(plain("kubernetes:core/v1:ConfigMap", {"metadata": {"annotations": annotations}})) == [
        "x: metadata.annotations.a b"
    ]


def test_importing_costs_no_validator() -> None:
    """Neither the compiled validator nor a second one, nor CEL and its syntax tree, is loaded before there is work."""
    code = (
        "import sys, handrail.standards; "
        "print([m for m in ('jsonschema_rs', 'kubernetes_validate', 'cel_expr_python', 'google.protobuf') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters())
    | st.builds(Given, st.none()),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "labels", "name", "template", "containers", "kind", "x"]) | st.text(),
            children,
            max_size=4,
        )
    ),
    max_leaves=20,
)
TOKENS = st.sampled_from([DEPLOYMENT, SERVICE, ROUTE, SECRET, "kubernetes:batch/v1:CronJob"])


@given(token=TOKENS | st.text().map("kubernetes:".__add__), inputs=st.dictionaries(st.text(), JSON, max_size=5) | JSON)
@settings(max_examples=200, deadline=None)
def test_only_a_plan_error_is_raised(token: str, inputs: Any) -> None:
    """Whatever stands in a plan, the answer is a PlanError with text or nothing."""
    try:
        validate([Resource("x", token, inputs)])
    except PlanError as error:
        assert str(error)
