"""The evaluator of network policies that other tests use, held to cases whose answer the standard gives."""

from __future__ import annotations

from typing import Any

import pytest
from network_policies import Pod, Traffic, allowed

SHOP = Pod("payments-prod", {"app": "shop"})
LEDGER = Pod("payments-prod", {"app": "ledger"}, {"http": 8080})
SCORER = Pod("fraud-prod", {"app": "scorer"})
DNS = Pod("kube-system", {"k8s-app": "kube-dns"})
OUTSIDE = "203.0.113.7"


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """A Namespace manifest."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


NAMESPACES = [
    namespace("payments-prod", team="payments"),
    namespace("fraud-prod", team="fraud"),
    namespace("kube-system"),
]


def policy(spec: dict[str, Any], name: str = "p", where: str = "payments-prod") -> dict[str, Any]:
    """A NetworkPolicy manifest."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": where},
        "spec": {"podSelector": {}, **spec},
    }


DENY_ALL = policy({"policyTypes": ["Ingress", "Egress"]}, "deny-all")


def test_without_a_policy_everything_is_allowed() -> None:
    """A pod that no policy selects is open."""
    assert allowed([], NAMESPACES, [Traffic(SHOP, LEDGER, 8080), Traffic(OUTSIDE, LEDGER, 1)]) == [True, True]


def test_no_question_needs_no_answer() -> None:
    """The tool is not even started."""
    assert allowed([DENY_ALL], NAMESPACES, []) == []


def test_default_deny_closes_both_directions_of_its_namespace_only() -> None:
    """Traffic within, into and out of the namespace is closed; traffic elsewhere is not."""
    traffics = [
        Traffic(SHOP, LEDGER, 8080),
        Traffic(SCORER, LEDGER, 8080),
        Traffic(OUTSIDE, LEDGER, 8080),
        Traffic(LEDGER, OUTSIDE, 443),
        Traffic(SCORER, DNS, 53, "UDP"),
    ]
    assert allowed([DENY_ALL], NAMESPACES, traffics) == [False, False, False, False, True]


def test_both_ends_must_allow() -> None:
    """A caller's egress is not enough while the callee's ingress is closed."""
    egress = policy({"egress": [{"to": [{"podSelector": {"matchLabels": {"app": "ledger"}}}]}]}, "egress")
    ingress = policy({"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "shop"}}}]}]}, "ingress")
    traffics = [Traffic(SHOP, LEDGER, 8080)]
    assert allowed([DENY_ALL, egress], NAMESPACES, traffics) == [False]
    assert allowed([DENY_ALL, egress, ingress], NAMESPACES, traffics) == [True]


def test_a_pod_selector_means_the_policys_own_namespace() -> None:
    """The same labels in another namespace do not match."""
    rule = policy({"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "shop"}}}]}]})
    imitator = Pod("fraud-prod", {"app": "shop"})
    assert allowed([rule], NAMESPACES, [Traffic(SHOP, LEDGER, 80), Traffic(imitator, LEDGER, 80)]) == [True, False]


def test_namespace_and_pod_selector_in_one_entry_both_match() -> None:
    """In one entry they are joined by "and", in two by "or"."""
    by_namespace = {"namespaceSelector": {"matchLabels": {"team": "fraud"}}}
    by_pod = {"podSelector": {"matchLabels": {"app": "scorer"}}}
    other = Pod("fraud-prod", {"app": "other"})
    traffics = [Traffic(SCORER, LEDGER, 80), Traffic(other, LEDGER, 80), Traffic(OUTSIDE, LEDGER, 80)]
    joined = policy({"ingress": [{"from": [{**by_namespace, **by_pod}]}]})
    either = policy({"ingress": [{"from": [by_namespace, by_pod]}]})
    assert allowed([joined], NAMESPACES, traffics) == [True, False, False]
    assert allowed([either], NAMESPACES, traffics) == [True, True, False]


def test_every_namespace_carries_its_name_as_a_label() -> None:
    """The API server adds it, so a selector may use it though no manifest has it: DNS in kube-system."""
    system = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    rule = policy({"policyTypes": ["Egress"], "egress": [{"to": [system], "ports": ports}]})
    traffics = [
        Traffic(SHOP, DNS, 53, "UDP"),
        Traffic(SHOP, DNS, 53),
        Traffic(SHOP, DNS, 443),
        Traffic(SHOP, SCORER, 53, "UDP"),
    ]
    assert allowed([rule], NAMESPACES, traffics) == [True, True, False, False]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"port": 8080}, [True, False, False]),
        ({"port": "http"}, [True, False, False]),
        ({"port": 8080, "endPort": 8090}, [True, True, False]),
        ({"protocol": "UDP"}, [False, False, False]),
    ],
)
def test_ports(port: dict[str, Any], expected: list[bool]) -> None:
    """By number, by the destination's port name, by range, and TCP unless another protocol is said."""
    rule = policy({"ingress": [{"ports": [port]}]})
    traffics = [Traffic(SHOP, LEDGER, 8080), Traffic(SHOP, LEDGER, 8085), Traffic(SHOP, LEDGER, 9090)]
    assert allowed([rule], NAMESPACES, traffics) == expected


def test_ip_blocks() -> None:
    """A block admits its addresses except the excepted ones: no metadata service."""
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32", "10.0.0.0/8"]}}
    rule = policy({"policyTypes": ["Egress"], "egress": [{"to": [block]}]})
    traffics = [Traffic(SHOP, OUTSIDE, 443), Traffic(SHOP, "169.254.169.254", 80), Traffic(SHOP, SCORER, 80)]
    assert allowed([rule], NAMESPACES, traffics) == [True, False, False]


def test_policy_types_are_filled_in_as_the_api_server_does() -> None:
    """Ingress always, Egress only where the policy has egress rules."""
    traffics = [Traffic(OUTSIDE, SHOP, 80), Traffic(SHOP, OUTSIDE, 80)]
    assert allowed([policy({})], NAMESPACES, traffics) == [False, True]
    assert allowed([policy({"egress": []})], NAMESPACES, traffics) == [False, False]


@pytest.mark.parametrize(
    ("kind", "nested"), [("Pod", False), ("Deployment", True), ("StatefulSet", True), ("Job", True)]
)
def test_the_pod_of_a_manifest(kind: str, nested: bool) -> None:
    """Labels and named ports are the pod's, not the workload's."""
    pod = {
        "metadata": {"labels": {"app": "ledger"}, "namespace": "payments-prod"},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 1}]}]},
    }
    manifest = {
        "kind": kind,
        **({"metadata": {"namespace": "payments-prod"}, "spec": {"template": pod}} if nested else pod),
    }
    assert Pod.of(manifest) == LEDGER


def test_the_pod_of_a_cron_job() -> None:
    """Its template lies two levels deeper."""
    template = {"metadata": {"labels": {"app": "train"}}, "spec": {}}
    spec = {"jobTemplate": {"spec": {"template": template}}}
    manifest = {"kind": "CronJob", "metadata": {"namespace": "fraud-prod"}, "spec": spec}
    assert Pod.of(manifest) == Pod("fraud-prod", {"app": "train"})


def test_an_unknown_namespace_is_an_error() -> None:
    """Without its labels the answer would be wrong in silence."""
    with pytest.raises(ValueError, match="namespace churn-prod is not among"):
        allowed([], NAMESPACES, [Traffic(Pod("churn-prod"), SHOP, 80)])
    with pytest.raises(ValueError, match="the namespace of policy p is not among"):
        allowed([policy({}, where="churn-prod")], NAMESPACES, [Traffic(SHOP, LEDGER, 80)])


def test_a_policy_that_cannot_be_read_is_an_error() -> None:
    """A misspelt field must not turn into an open policy."""
    with pytest.raises(ValueError, match="cyclonus gave 0 answers to 1 questions"):
        allowed([policy({"ingres": []})], NAMESPACES, [Traffic(SHOP, LEDGER, 80)])
