"""Changes of one resource each, with the risk that is told of them: a table for the unit tests and the real engine."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from risky import made

from handrail.core.resources import Resource
from handrail.preview.risk import Risk

SPACE = "risk"
"""The namespace of all of them."""
CLAIMS = {"keep": "Retain", "drop": "Delete"}
"""StorageClasses that the table's claims use: name → reclaim policy; they let volumes grow."""


@dataclass(frozen=True, slots=True)
class Case:
    """One change.

    Args:
        name: what it is; the resource's own name is its slug.
        risks: its classes, the worst first, each once.
        pods: how many pods it has before and after; None where it makes none.
    """

    name: str
    before: Resource
    after: Resource
    risks: tuple[Risk, ...]
    pods: tuple[int, int] | None = None


def _at(resource: Resource, changes: Mapping[str, Any]) -> Resource:
    """`resource` with other values at dotted paths; None takes one away."""
    inputs: Any = copy.deepcopy(dict(resource.inputs))
    for path, value in changes.items():
        holder, *parts = inputs, *path.split(".")
        for part in parts[:-1]:
            holder = holder[int(part)] if isinstance(holder, list) else holder.setdefault(part, {})
        if value is None:
            holder.pop(parts[-1], None)
        else:
            holder[int(parts[-1]) if isinstance(holder, list) else parts[-1]] = value
    return replace(resource, inputs=inputs)


def _case(name: str, kind: str, body: dict[str, Any], changes: dict[str, Any], *risks: Risk, **more: Any) -> Case:
    slug = name.replace(" ", "-")
    before = made(
        kind,
        slug,
        metadata={"namespace": SPACE, **body.get("metadata", {})},
        **{k: v for k, v in body.items() if k != "metadata"},
    )
    return Case(name, before, _at(before, changes), risks, **more)


_UNAWAITED = {"annotations": {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}}
"""Of what never is as the provider waits for it to be. With skipAwait, it would not wait for deletions either."""
_POD = "spec.template.spec"
_CONTAINER = f"{_POD}.containers.0"
_IMAGE = {f"{_CONTAINER}.image": "registry.acme.test/web:2"}


def _pods(name: str, **more: Any) -> dict[str, Any]:
    """The spec of a workload of two pods, with labels of its own."""
    labels = {"app": name.replace(" ", "-")}
    container = {"name": "web", "image": "registry.acme.test/web:1", "env": [{"name": "LEVEL", "value": "info"}]}
    template = {
        "metadata": {"labels": labels},
        "spec": {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    awaited = _UNAWAITED if more.keys() & {"paused", "updateStrategy"} else {}
    return {
        "metadata": awaited,
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **more},
    }


def _deployment(name: str, changes: dict[str, Any], *risks: Risk, pods: tuple[int, int] = (2, 2), **more: Any) -> Case:
    return _case(name, "apps/v1:Deployment", _pods(name, **more), changes, *risks, pods=pods)


def _stateful(name: str, changes: dict[str, Any], *risks: Risk, **more: Any) -> Case:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"storageClassName": "keep", "accessModes": ["ReadWriteOnce"], "resources": _storage("1Gi")},
    }
    spec = _pods(name, serviceName=name.replace(" ", "-"), volumeClaimTemplates=[claim], **more)
    return _case(name, "apps/v1:StatefulSet", spec, changes, *risks, pods=(2, 2))


def _storage(size: str) -> dict[str, Any]:
    return {"requests": {"storage": size}}


def _claim(name: str, changes: dict[str, Any], *risks: Risk, storage: str = "drop") -> Case:
    spec = {"storageClassName": storage, "accessModes": ["ReadWriteOnce"], "resources": _storage("2Gi")}
    return _case(name, "core/v1:PersistentVolumeClaim", {"spec": spec}, changes, *risks)


def _service(name: str, changes: dict[str, Any], *risks: Risk) -> Case:
    # its pods are those of two Deployments of the table
    spec = {"selector": {"app": "metadata-label"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return _case(name, "core/v1:Service", {"spec": spec}, changes, *risks)


def _route(name: str, changes: dict[str, Any], *risks: Risk) -> Case:
    backends = [{"name": f"web-{each}", "port": 80, "weight": weight} for each, weight in (("a", 100), ("b", 0))]
    spec = {
        "parentRefs": [{"name": "public"}],
        "hostnames": ["web.acme.test"],
        "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}], "backendRefs": backends}],
    }
    return _case(name, "gateway.networking.k8s.io/v1:HTTPRoute", {"spec": spec}, changes, *risks)


_RBAC = "rbac.authorization.k8s.io"
_RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
_LOSS, _SECURITY, _TRAFFIC = Risk.DATA_LOSS, Risk.SECURITY, Risk.TRAFFIC
_REPLACED, _RESTART, _NONE = Risk.REPLACEMENT, Risk.ROLLING_RESTART, Risk.NONE
_JOB_POD = {
    "restartPolicy": "Never",
    "automountServiceAccountToken": False,
    "containers": [{"name": "run", "image": "registry.acme.test/run:1"}],
}
_LET_IN = {"from": [{"podSelector": {"matchLabels": {"app": "caller"}}}], "ports": [{"port": 8080}]}

CASES = (
    # pods
    _deployment("image bump", _IMAGE, _RESTART),
    _deployment("environment change", {f"{_CONTAINER}.env.0.value": "debug"}, _RESTART),
    _deployment("pod annotation", {"spec.template.metadata.annotations": {"note": "x"}}, _RESTART),
    _deployment("recreated", _IMAGE, _RESTART, strategy={"type": "Recreate"}),
    _deployment("a default written out", {f"{_CONTAINER}.imagePullPolicy": "IfNotPresent"}, _NONE),
    _deployment("metadata label", {"metadata.labels": {"team": "a"}}, _NONE),
    _deployment("strategy", {"spec.strategy": {"rollingUpdate": {"maxSurge": 1}}}, _NONE),
    _deployment("paused", _IMAGE, _NONE, paused=True, pods=(0, 0)),
    _deployment("more replicas", {"spec.replicas": 3}, _NONE, pods=(2, 3)),
    _deployment("fewer replicas", {"spec.replicas": 1}, _NONE, pods=(2, 1)),
    _deployment("no replicas", {"spec.replicas": 0}, _TRAFFIC, pods=(2, 0)),
    _deployment("replicas left to an autoscaler", {"spec.replicas": None}, _TRAFFIC, pods=(2, 1)),
    _stateful("image of a set", _IMAGE, _RESTART),
    _stateful("set on delete", _IMAGE, _NONE, updateStrategy={"type": "OnDelete"}),
    _stateful("partitioned set", _IMAGE, _RESTART, updateStrategy={"rollingUpdate": {"partition": 1}}),
    _case(
        "daemon", "apps/v1:DaemonSet",
        {"spec": {**{key: value for key, value in _pods("daemon")["spec"].items() if key != "replicas"}}},
        _IMAGE, _RESTART, pods=(3, 3),
    ),
    _case(
        "next run", "batch/v1:CronJob",
        {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": _JOB_POD}}}}},
        {"spec.jobTemplate.spec.template.spec.containers.0.image": "registry.acme.test/run:2"}, _NONE,
    ),
    # replaced, or refused
    _deployment(
        "selector", {"spec.selector.matchLabels.tier": "a", "spec.template.metadata.labels.tier": "a"}, _TRAFFIC, _REPLACED
    ),
    _deployment("another name", {"metadata.name": "renamed"}, _REPLACED),
    _stateful("history of a set", {"spec.revisionHistoryLimit": 3}, _TRAFFIC, _REPLACED),
    _stateful("policy of a set", {"spec.podManagementPolicy": "Parallel"}, _TRAFFIC, _REPLACED),
    _stateful("claims of a set", {"spec.volumeClaimTemplates.0.spec.resources": _storage("2Gi")}, _TRAFFIC, _REPLACED),
    _case(
        "replica set", "apps/v1:ReplicaSet", _pods("replica set"),
        {"spec.selector.matchLabels.tier": "a", "spec.template.metadata.labels.tier": "a"}, _REPLACED, pods=(2, 2),
    ),
    _case(
        "job", "batch/v1:Job", {"metadata": _UNAWAITED, "spec": {"template": {"spec": _JOB_POD}}},
        {"spec.template.spec.containers.0.image": "registry.acme.test/run:2"}, _REPLACED,
    ),
    _case(
        "job mode", "batch/v1:Job", {"metadata": _UNAWAITED, "spec": {"completions": 1, "template": {"spec": _JOB_POD}}},
        {"spec.completionMode": "Indexed"}, _REPLACED,
    ),
    _case("config map", "core/v1:ConfigMap", {"data": {"level": "info"}}, {"data.level": "debug"}, _REPLACED),
    _case("config map label", "core/v1:ConfigMap", {"data": {"a": "1"}}, {"metadata.labels": {"team": "a"}}, _NONE),
    _case("dashboard", "core/v1:ConfigMap", {"metadata": {"labels": {"grafana_dashboard": "1"}}, "data": {"a": "1"}},
          {"data.a": "2"}, _NONE),
    _case("fixed", "core/v1:ConfigMap", {"immutable": True, "data": {"a": "1"}}, {"data.a": "2"}, _REPLACED),
    _case("unfixed", "core/v1:ConfigMap", {"immutable": True, "data": {"a": "1"}}, {"immutable": False}, _REPLACED),
    _case("secret", "core/v1:Secret", {"stringData": {"key": "a"}}, {"stringData.key": "b"}, _REPLACED),
    _case("quota scopes", "core/v1:ResourceQuota", {"spec": {"hard": {"pods": "400"}, "scopes": ["Terminating"]}},
          {"spec.scopes": ["NotTerminating"]}, _REPLACED),
    _case("quota", "core/v1:ResourceQuota", {"spec": {"hard": {"pods": "400"}}}, {"spec.hard.pods": "500"}, _NONE),
    _case("priority", "scheduling.k8s.io/v1:PriorityClass", {"value": 1}, {"value": 2}, _REPLACED),
    _case("class parameters", "storage.k8s.io/v1:StorageClass", {"provisioner": "acme.test/none"},
          {"parameters": {"a": "b"}}, _REPLACED),
    _case("class reclaims", "storage.k8s.io/v1:StorageClass", {"provisioner": "acme.test/none"},
          {"reclaimPolicy": "Retain"}, _REPLACED),
    _case("ingress class", "networking.k8s.io/v1:IngressClass", {"spec": {"controller": "acme.test/a"}},
          {"spec.controller": "acme.test/b"}, _REPLACED),
    # data
    _claim("volume grows", {"spec.resources": _storage("3Gi")}, _NONE),
    _claim("volume shrinks", {"spec.resources": _storage("1Gi")}, _LOSS, _REPLACED),
    _claim("volume class", {"spec.storageClassName": "keep"}, _LOSS, _REPLACED),
    _claim("volume mode", {"spec.accessModes": ["ReadWriteMany"]}, _LOSS, _REPLACED, storage="keep"),
    # traffic
    _service("service port", {"spec.ports.0.port": 81}, _TRAFFIC),
    _service("service selector", {"spec.selector.app": "strategy"}, _TRAFFIC),
    _service("headless", {"spec.clusterIP": "None"}, _TRAFFIC, _REPLACED),
    _service("node port", {"spec.type": "NodePort"}, _SECURITY, _TRAFFIC),
    _route("weights", {"spec.rules.0.backendRefs.0.weight": 90, "spec.rules.0.backendRefs.1.weight": 10}, _TRAFFIC),
    _route("host", {"spec.hostnames": ["www.acme.test"]}, _TRAFFIC),
    _case("ingress", "networking.k8s.io/v1:Ingress",
          {"metadata": _UNAWAITED, "spec": {"rules": [{"http": {"paths": [{"path": "/a", "pathType": "Prefix",
           "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}},
          {"spec.rules.0.http.paths.0.path": "/b"}, _TRAFFIC),
    _case("autoscaler", "autoscaling/v2:HorizontalPodAutoscaler",
          {"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "absent"}}},
          {"spec.maxReplicas": 5}, _NONE),
    _case("disruption budget", "policy/v1:PodDisruptionBudget",
          {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "metadata-label"}}}},
          {"spec.minAvailable": 0}, _NONE),
    # security
    _case("role", f"{_RBAC}/v1:Role", {"rules": [_RULE]}, {"rules.0.verbs": ["get", "delete"]}, _SECURITY),
    _case("binding", f"{_RBAC}/v1:RoleBinding",
          {"roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": "a"},
           "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": "mei"}]},
          {"roleRef.name": "b"}, _SECURITY, _REPLACED),
    _case("account", "core/v1:ServiceAccount", {"automountServiceAccountToken": False},
          {"automountServiceAccountToken": True}, _SECURITY),
    _case("pod security", "core/v1:Namespace", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
          {"metadata.labels": {"pod-security.kubernetes.io/enforce": "baseline"}}, _SECURITY),
    _case("namespace label", "core/v1:Namespace", {}, {"metadata.labels": {"team": "a"}}, _NONE),
    _case("network opens", "networking.k8s.io/v1:NetworkPolicy",
          {"spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [_LET_IN]}},
          {"spec.ingress.0.from": [{"namespaceSelector": {}}]}, _SECURITY),
    _case("admission", "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
          {"spec": {"matchConstraints": {"resourceRules": [{"apiGroups": ["acme.test"], "apiVersions": ["v1"],
           "operations": ["CREATE"], "resources": ["things"]}]}, "validations": [{"expression": "false"}]}},
          {"spec.failurePolicy": "Ignore"}, _SECURITY),
)  # fmt: skip
