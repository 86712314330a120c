"""For each standard about what serves, who reaches it and what it may do, a change to acme that it alone catches."""

from typing import Any

from handrail.standards.examples import merged

_LIVE = ("payments-prod", "checkout-deployment")
_CALLERS = ("fraud-prod", "fraud-scorer-callers-role")
_PROBE = {"httpGet": {"path": "/healthz", "port": "http"}}
# a list is given whole, so this is a container that keeps every standard
_CONTAINER = {
    "name": "checkout",
    "image": "registry.acme.test/payments/checkout:2.7.1",
    "resources": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    "ports": [{"name": "http", "containerPort": 8080}],
    "readinessProbe": _PROBE,
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    },
}


def _pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def _container(**fields: Any) -> dict[str, Any]:
    return _pod(containers=[merged(_CONTAINER, fields)])


MUTATIONS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "images-from-registries": (*_LIVE, _container(image="docker.io/library/nginx:1.29")),
    "images-tagged": (*_LIVE, _container(image="registry.acme.test/payments/checkout:latest")),
    "containers-request-resources": (*_LIVE, _container(resources={"requests": None})),
    "containers-limit-memory": (*_LIVE, _container(resources={"limits": None})),
    "readiness-probe": (*_LIVE, _container(readinessProbe=None)),
    "graceful-stop": (*_LIVE, _pod(terminationGracePeriodSeconds=0)),
    "no-literal-secrets": (*_LIVE, _container(env=[{"name": "DB_PASSWORD", "value": "hunter2"}])),
    "no-credentials-in-urls": (*_LIVE, _container(env=[{"name": "DB", "value": "postgres://a:b@db/x"}])),
    "no-secrets-in-config-maps": ("payments-prod", "checkout-dashboard", {"data": {"DB_PASSWORD": "hunter2"}}),
    "own-service-account": (*_LIVE, _pod(serviceAccountName="default")),
    "no-service-account-token": (*_LIVE, _pod(automountServiceAccountToken=None)),
    "read-only-root-filesystem": (*_LIVE, _container(securityContext={"readOnlyRootFilesystem": None})),
    "owner-labels": (*_LIVE, {"metadata": {"labels": {"handrail.dev/cost-centre": None}}}),
    "no-node-ports-or-load-balancers": ("payments-prod", "checkout-service", {"spec": {"type": "LoadBalancer"}}),
    "no-external-ips": ("payments-prod", "checkout-service", {"spec": {"externalIPs": ["203.0.113.7"]}}),
    "api-version-in-path": (
        "payments-prod", "checkout-route",
        {"spec": {"rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/pay"}}]}]}},
    ),
    "spread-over-zones": (*_LIVE, _pod(topologySpreadConstraints=None)),
    "rolling-update-keeps-serving": (*_LIVE, {"spec": {"strategy": {"type": "Recreate"}}}),
    "rbac-no-wildcards": (*_CALLERS, {"rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["create"]}]}),
    "rbac-no-secrets": (*_CALLERS, {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]}),
    "rbac-no-cluster-admin": ("platform-prod", "fraud-auth-delegator", {"roleRef": {"name": "cluster-admin"}}),
    "two-replicas": ("payments-prod", "checkout-autoscaler", {"spec": {"minReplicas": 1}}),
    "disruption-budget": ("payments-prod", "checkout-disruption-budget", None),
    "network-policy": ("payments-prod", "checkout-network-policy", None),
    "network-policy-not-open": (
        "payments-prod", "checkout-network-policy", {"spec": {"ingress": [{"ports": [{"port": 8080}]}]}},
    ),
}  # fmt: skip
