"""For each standard about what serves, who reaches it and what it may do, a change to acme that it catches."""

from typing import Any

_LIVE = ("payments-prod", "checkout-deployment")
_CONTAINER = {"name": "checkout", "image": "registry.acme.test/payments/checkout:2.7.1"}
_RESOURCES = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


def _pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def _container(**fields: Any) -> dict[str, Any]:
    return _pod(containers=[{**_CONTAINER, **fields}])


MUTATIONS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "images-from-registries": (*_LIVE, _container(image="docker.io/library/nginx:1.29")),
    "images-tagged": (*_LIVE, _container(image="registry.acme.test/payments/checkout:latest")),
    "containers-request-resources": (*_LIVE, _container(resources={"limits": {"memory": "1Gi"}})),
    "containers-limit-memory": (*_LIVE, _container(resources={"requests": {"cpu": "1", "memory": "1Gi"}})),
    "readiness-probe": (*_LIVE, _container(ports=[{"containerPort": 8080}])),
    "no-literal-secrets": (*_LIVE, _container(env=[{"name": "DB_PASSWORD", "value": "hunter2"}])),
    "no-credentials-in-urls": (*_LIVE, _container(env=[{"name": "DB", "value": "postgres://a:b@db/x"}])),
    "own-service-account": (*_LIVE, _pod(serviceAccountName="default")),
    "no-service-account-token": (*_LIVE, _pod(automountServiceAccountToken=None)),
    "read-only-root-filesystem": (*_LIVE, _container(resources=_RESOURCES)),
    "owner-labels": (*_LIVE, {"metadata": {"labels": {"handrail.dev/cost-centre": None}}}),
    "no-node-ports-or-load-balancers": ("payments-prod", "checkout-service", {"spec": {"type": "LoadBalancer"}}),
    "api-version-in-path": (
        "payments-prod", "checkout-route",
        {"spec": {"rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/pay"}}]}]}},
    ),
    "spread-over-zones": (*_LIVE, _pod(topologySpreadConstraints=None)),
    "rolling-update-keeps-serving": (*_LIVE, {"spec": {"strategy": {"type": "Recreate"}}}),
    "rbac-no-wildcards": (
        "fraud-prod", "fraud-scorer-callers-role",
        {"rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]}]},
    ),
    "two-replicas": ("payments-prod", "checkout-autoscaler", {"spec": {"minReplicas": 1}}),
    "disruption-budget": ("payments-prod", "checkout-disruption-budget", None),
    "network-policy": ("payments-prod", "checkout-network-policy", None),
}  # fmt: skip
