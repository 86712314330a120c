"""The small sound manifests that examples of standards are laid over; a real API server takes each."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

NAME: Final = "sample"
NAMESPACE: Final = "payments-dev"
_LABELS = {"app.kubernetes.io/instance": NAME, "app.kubernetes.io/name": NAME}
_POD: dict[str, Any] = {
    "serviceAccountName": NAME,
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": "registry.acme.test/payments/sample:1.4.2@sha256:" + "0" * 64,
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                "limits": {"cpu": "500m", "memory": "256Mi"},
            },
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
        }
    ],
}
_BATCH_POD: dict[str, Any] = {
    **_POD,
    "restartPolicy": "Never",
    "containers": [
        {
            key: value
            for key, value in _POD["containers"][0].items()
            if key not in ("ports", "readinessProbe", "livenessProbe")
        }
    ],
}
_TEMPLATE = {"metadata": {"labels": _LABELS}, "spec": _POD}
_JOB: dict[str, Any] = {
    "backoffLimit": 2,
    "activeDeadlineSeconds": 3600,
    "ttlSecondsAfterFinished": 86400,
    "template": {"metadata": {"labels": _LABELS}, "spec": _BATCH_POD},
}
_SELECTED = {"selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}
_RULES = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]

_SAMPLES: Final[Mapping[str, dict[str, Any]]] = {
    "kubernetes:core/v1:Pod": {"spec": _POD},
    "kubernetes:core/v1:PodTemplate": {"template": _TEMPLATE},
    "kubernetes:core/v1:ReplicationController": {"spec": {"selector": _LABELS, "template": _TEMPLATE}},
    "kubernetes:apps/v1:DaemonSet": {"spec": _SELECTED},
    "kubernetes:apps/v1:Deployment": {"spec": {"replicas": 2, **_SELECTED}},
    "kubernetes:apps/v1:ReplicaSet": {"spec": {"replicas": 2, **_SELECTED}},
    "kubernetes:apps/v1:StatefulSet": {"spec": {"replicas": 1, "serviceName": NAME, **_SELECTED}},
    "kubernetes:batch/v1:Job": {"spec": _JOB},
    "kubernetes:batch/v1:CronJob": {
        "spec": {"schedule": "0 3 * * *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": _JOB}}
    },
    "kubernetes:core/v1:Service": {"spec": {"selector": _LABELS, "ports": [{"name": "http", "port": 80}]}},
    "kubernetes:core/v1:Namespace": {},
    "kubernetes:core/v1:ServiceAccount": {"automountServiceAccountToken": False},
    "kubernetes:core/v1:ConfigMap": {"data": {"LEVEL": "info"}},
    "kubernetes:core/v1:Secret": {"stringData": {"key": "x"}},
    "kubernetes:core/v1:PersistentVolumeClaim": {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    },
    "kubernetes:core/v1:ResourceQuota": {"spec": {"hard": {"requests.cpu": "10", "requests.memory": "20Gi"}}},
    "kubernetes:core/v1:LimitRange": {"spec": {"limits": [{"type": "Container", "default": {"cpu": "500m"}}]}},
    "kubernetes:policy/v1:PodDisruptionBudget": {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}}},
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": {
        "spec": {"podSelector": {"matchLabels": _LABELS}, "policyTypes": ["Ingress", "Egress"]}
    },
    "kubernetes:networking.k8s.io/v1:Ingress": {
        "spec": {
            "tls": [{"hosts": ["sample.acme.test"], "secretName": NAME}],
            "rules": [
                {
                    "host": "sample.acme.test",
                    "http": {
                        "paths": [
                            {
                                "path": "/v1",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": NAME, "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ],
        }
    },
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": {
        "spec": {
            "parentRefs": [{"name": "public", "namespace": "gateway-system"}],
            "hostnames": ["sample.acme.test"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
                    "backendRefs": [{"name": NAME, "port": 80}],
                }
            ],
        }
    },
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": {
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "minReplicas": 2,
            "maxReplicas": 4,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        }
    },
    "kubernetes:keda.sh/v1alpha1:ScaledObject": {
        "spec": {"scaleTargetRef": {"name": NAME}, "minReplicaCount": 1, "maxReplicaCount": 2, "triggers": []}
    },
    "kubernetes:monitoring.coreos.com/v1:PrometheusRule": {
        "spec": {"groups": [{"name": NAME, "rules": [{"alert": "Sample", "expr": "vector(1)"}]}]}
    },
    "kubernetes:rbac.authorization.k8s.io/v1:Role": {"rules": _RULES},
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": {"rules": _RULES},
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME}],
    },
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    },
}
_CLUSTER_WIDE = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding"})


def sample(token: str) -> dict[str, Any]:
    """The inputs of a sound resource of a type; of a type that is not here, its name alone."""
    if not token.startswith("kubernetes:"):
        return {}
    kind = token.rpartition(":")[2]
    place = {} if kind in _CLUSTER_WIDE else {"namespace": NAMESPACE}
    return {"metadata": {"name": NAME, **place, "labels": dict(_LABELS)}, **deepcopy(_SAMPLES.get(token, {}))}
