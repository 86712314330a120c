"""The custom kinds' schemas: how a definition becomes a strict schema, and what the shipped ones accept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handrail.core.resources import Resource
from handrail.standards import _kinds, problems
from handrail.standards._crds import FOLDER, OBJECT_META, schema_of, strict
from handrail.standards._enums import enums


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "object", "description": "d", "properties": {"a": {"type": "string", "pattern": "^x$"}}},
            {
                "type": "object",
                "properties": {"a": {"type": "string", "pattern": "^x$"}},
                "additionalProperties": False,
            },
        ),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"type": "object"}),
        (
            {"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
            {"type": "object", "properties": {"a": {}}},
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string", "description": "d"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True, "pattern": "p"},
            {"type": ["integer", "string"], "pattern": "p"},
        ),
        (
            {"type": "string", "nullable": True, "enum": ["a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {
                "type": "object",
                "required": ["a", "b"],
                "properties": {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}},
            },
            {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            },
        ),
        (
            {"type": "array", "maxItems": 2, "items": {"type": "object", "properties": {"description": {}}}},
            {
                "type": "array",
                "maxItems": 2,
                "items": {"type": "object", "properties": {"description": {}}, "additionalProperties": False},
            },
        ),
    ],
)
def test_strict(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    """Unknown fields are refused unless the definition keeps them; a field named like a keyword stays a field."""
    assert strict(schema) == expected


def test_the_schema_of_a_definition() -> None:
    """The served version is taken, metadata is Kubernetes' own, and status is left to the controller."""
    properties = {"metadata": {"type": "object"}, "spec": {"type": "object"}, "status": {"properties": {"a": {}}}}
    versions = [
        {"name": "v1beta1", "served": True, "schema": {"openAPIV3Schema": {}}},
        {"name": "v1", "served": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}}},
    ]
    definition = {"spec": {"group": "acme.test", "names": {"kind": "Thing"}, "versions": versions}}
    name, schema = schema_of(definition, "v1")
    assert name == "acme.test_v1_Thing.json"
    assert schema["properties"] == {"metadata": OBJECT_META, "spec": {"type": "object"}, "status": {"type": "object"}}


def test_enumerations_of_the_generated_source() -> None:
    """Of a field, and of a list's entries, under the definition's published name."""
    source = """
func schema_k8sio_api_core_v1_Container(ref common.ReferenceCallback) common.OpenAPIDefinition {
\t\t\t\t\t"imagePullPolicy": {
\t\t\t\t\t\tSchemaProps: spec.SchemaProps{
\t\t\t\t\t\t\tEnum:        []interface{}{"Always", "Never"},
\t\t\t\t\t"modes": {
\t\t\t\t\t\t\t\t\t\tEnum:   []interface{}{"a"},
"""
    assert enums(source.splitlines()) == {
        "io.k8s.api.core.v1.Container": {"imagePullPolicy": ["Always", "Never"], "modes": ["a"]}
    }


def test_the_shipped_kinds() -> None:
    """Exactly the kinds that components plan, in compact files."""
    assert list(_kinds.custom()) == [
        "kubernetes:cert-manager.io/v1:Certificate",
        "kubernetes:external-secrets.io/v1:ExternalSecret",
        "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue",
        "kubernetes:kueue.x-k8s.io/v1beta2:LocalQueue",
        "kubernetes:kueue.x-k8s.io/v1beta2:ResourceFlavor",
        "kubernetes:kueue.x-k8s.io/v1beta2:WorkloadPriorityClass",
        "kubernetes:monitoring.coreos.com/v1:PodMonitor",
        "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
        "kubernetes:monitoring.coreos.com/v1:ServiceMonitor",
    ]
    for file in FOLDER.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert "description" not in json.loads(text)
        assert len(text.splitlines()) == 1


@pytest.mark.parametrize("token", _kinds.known())
def test_every_known_schema_compiles(token: str) -> None:
    """No kind fails for the first time in somebody's deployment."""
    assert _kinds.kind_of(token) is not None


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
        {"rules": [{"backendRefs": [{"name": "checkout", "port": 80, "weight": 90}]}]},
        [],
    ),
    (
        "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
        {"rules": [{"backendRef": [{"name": "checkout"}]}], "hostnames": ["-bad-"]},
        ["x: spec.hostnames[0]", "x: spec.rules[0].backendRef"],
    ),
    (
        "kubernetes:external-secrets.io/v1:ExternalSecret",
        {"secretStoreRef": {"name": "s"}, "data": [{"secretKey": "A", "remoteRef": {"key": "a/b", "proprty": "c"}}]},
        ["x: spec.data[0].remoteRef.proprty"],
    ),
    (
        "kubernetes:external-secrets.io/v1:ExternalSecret",
        {"target": {"template": {"metadata": {"labels": {"team": "{{ .team }}"}}}}},
        [],
    ),
    (
        "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue",
        {
            "namespaceSelector": {"matchLabels": {"handrail.dev/team": "fraud"}},
            "resourceGroups": [
                {
                    "coveredResources": ["nvidia.com/gpu"],
                    "flavors": [{"name": "l4", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": 4}]}],
                }
            ],
        },
        [],
    ),
    ("kubernetes:kueue.x-k8s.io/v1beta2:LocalQueue", {"clusterQueu": "fraud"}, ["x: spec.clusterQueu"]),
    (
        "kubernetes:kueue.x-k8s.io/v1beta2:ResourceFlavor",
        {"nodeLabels": {"gpu": "l4"}, "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exist"}]},
        [],
    ),
    (
        "kubernetes:monitoring.coreos.com/v1:ServiceMonitor",
        {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "checkout"}},
            "endpoints": [
                {
                    "port": "http",
                    "path": "/metrics",
                    "interval": "30s",
                    "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "go_.*", "action": "drop"}],
                }
            ],
        },
        [],
    ),
    (
        "kubernetes:monitoring.coreos.com/v1:ServiceMonitor",
        {"selector": {}, "endpoints": [{"port": "http", "intervall": "30s", "scrapeTimeout": "soon"}]},
        ["x: spec.endpoints[0].intervall", "x: spec.endpoints[0].scrapeTimeout"],
    ),
    (
        "kubernetes:monitoring.coreos.com/v1:PodMonitor",
        {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "train"}},
            "podMetricsEndpoints": [{"port": "metrics", "honorLabels": True}],
            "podTargetLabels": ["handrail.dev/team"],
        },
        [],
    ),
    (
        "kubernetes:monitoring.coreos.com/v1:PodMonitor",
        {"selector": {}, "podMetricEndpoints": [{"port": "metrics"}]},
        ["x: spec.podMetricEndpoints"],
    ),
    (
        "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
        {
            "groups": [
                {
                    "name": "checkout",
                    "rules": [
                        {"record": "checkout:requests:rate5m", "expr": "sum(rate(requests_total[5m]))"},
                        {
                            "alert": "Down",
                            "expr": "up == 0",
                            "for": "5m",
                            "labels": {"severity": "page"},
                            "annotations": {"summary": "{{ $labels.pod }} is down"},
                        },
                    ],
                }
            ]
        },
        [],
    ),
    (
        "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
        {"groups": [{"name": "checkout", "rules": [{"alert": "Down", "expr": "up == 0", "four": "5m"}]}]},
        ["x: spec.groups[0].rules[0].four"],
    ),
    (
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        {
            "scaleTargetRef": {"name": "scorer"},
            "minReplicaCount": 0,
            "maxReplicaCount": 8,
            "advanced": {
                "horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}}}
            },
            "triggers": [
                {
                    "type": "prometheus",
                    "metadata": {"serverAddress": "http://prometheus.test:9090", "query": "up", "threshold": "5"},
                }
            ],
        },
        [],
    ),
    (
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        {"scaleTargetRef": {"nam": "scorer"}, "triggers": [{"type": "cron", "metadata": {"desiredReplicas": 1}}]},
        ["x: spec.scaleTargetRef.nam", "x: spec.scaleTargetRef.name", "x: spec.triggers[0].metadata.desiredReplicas"],
    ),
    (
        "kubernetes:cert-manager.io/v1:Certificate",
        {
            "secretName": "checkout-tls",
            "dnsNames": ["checkout.acme.test"],
            "issuerRef": {"kind": "ClusterIssuer", "name": "acme"},
        },
        [],
    ),
    (
        "kubernetes:cert-manager.io/v1:Certificate",
        {"secretName": "checkout-tls", "dnsName": ["checkout.acme.test"], "issuerRef": {"name": "acme"}},
        ["x: spec.dnsName"],
    ),
]


@pytest.mark.parametrize(("token", "spec", "expected"), CASES)
def test_custom_resources(token: str, spec: dict[str, Any], expected: list[str]) -> None:
    """A misspelt field of a custom kind is as wrong as one of a built-in kind."""
    found = problems([Resource("x", token, {"metadata": {"name": "x"}, "spec": spec})])
    assert sorted(problem.path for problem in found) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": 1000, "description": "Nightly training."}, []),
        ({"value": 1000, "descripton": "Nightly training."}, ["x: descripton"]),
        ({"value": "1000"}, ["x: value"]),
        ({"value": 1000, "spec": {}}, ["x: spec"]),
        ({}, ["x: value"]),
    ],
)
def test_a_kind_without_a_spec(fields: dict[str, Any], expected: list[str]) -> None:
    """Kueue's WorkloadPriorityClass has its fields at the top, where they are held to the same rules."""
    token = "kubernetes:kueue.x-k8s.io/v1beta2:WorkloadPriorityClass"
    found = problems([Resource("x", token, {"metadata": {"name": "x"}, **fields})])
    assert sorted(problem.path for problem in found) == expected
