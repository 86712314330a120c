"""How long strict validation and the judge take: one process with its start, then milliseconds per resource by kind.

uv run python bench/validation.py [resources]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

STARTED = time.perf_counter()

from handrail.core.resources import Resource  # noqa: E402  the start is part of the measurement
from handrail.organisation import Tier  # noqa: E402
from handrail.standards import Contract, judge, problems  # noqa: E402
from handrail.standards.catalogue import bundled  # noqa: E402
from handrail.standards.standard import Standard  # noqa: E402

IMPORTED = time.perf_counter()

LABELS = {
    "app.kubernetes.io/name": "checkout",
    "app.kubernetes.io/instance": "checkout",
    "app.kubernetes.io/managed-by": "handrail",
    "handrail.dev/team": "payments",
    "handrail.dev/environment": "prod",
}
META = {"name": "checkout", "namespace": "payments-prod", "labels": LABELS}
SELECTOR = {"matchLabels": {"app.kubernetes.io/name": "checkout"}}
PROBE = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10}
CONTAINER = {
    "name": "checkout",
    "image": "registry.acme.test/payments/checkout@sha256:" + "0" * 64,
    "ports": [{"name": "http", "containerPort": 8080}],
    "env": [{"name": f"SETTING_{number}", "value": str(number)} for number in range(12)],
    "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    "livenessProbe": PROBE,
    "readinessProbe": PROBE,
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    },
}
POD = {
    "serviceAccountName": "checkout",
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": SELECTOR}
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ],
}
DNS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
KINDS: dict[str, dict[str, Any]] = {
    "kubernetes:apps/v1:Deployment": {
        "spec": {"replicas": 2, "selector": SELECTOR, "template": {"metadata": {"labels": LABELS}, "spec": POD}}
    },
    "kubernetes:core/v1:Service": {
        "spec": {"selector": SELECTOR["matchLabels"], "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    },
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": {
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
            "minReplicas": 2,
            "maxReplicas": 20,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        }
    },
    "kubernetes:policy/v1:PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": {
        "spec": {
            "podSelector": SELECTOR,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": SELECTOR}], "ports": [{"port": 8080}]}],
            "egress": [{"to": [DNS], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}],
        }
    },
    "kubernetes:core/v1:ServiceAccount": {"automountServiceAccountToken": False},
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": {
        "spec": {
            "parentRefs": [{"name": "public", "namespace": "gateways"}],
            "hostnames": ["checkout.acme.test"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}],
                    "backendRefs": [{"name": "checkout", "port": 80, "weight": 100}],
                }
            ],
        }
    },
    "kubernetes:external-secrets.io/v1:ExternalSecret": {
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "platform"},
            "target": {"name": "checkout"},
            "data": [{"secretKey": "DATABASE_URL", "remoteRef": {"key": "payments/checkout/database-url"}}],
        }
    },
}


def resource(token: str, number: int) -> Resource:
    """One typical resource of a kind, sharing nothing with another."""
    return Resource(f"checkout-{number}", token, deepcopy({"metadata": META, **KINDS[token]}))


def restricted(resources: list[Resource]) -> object:
    """What the judge finds by the restricted pod security standard alone."""
    clause = bundled()["pod-security-restricted"]
    standard = Standard("pod-security-restricted", clause, clause.severity, clause.tiers)
    return judge(resources, Contract("prod", Tier.PRODUCTION, (standard,)))


def timed(action: Callable[[list[Resource]], object], resources: list[Resource]) -> float:
    """Seconds that `action` takes."""
    start = time.perf_counter()
    found = action(resources)
    assert found == [], found
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    each = total // len(KINDS)
    print(f"import                 {1000 * (IMPORTED - STARTED):8.1f} ms")
    mixed = [resource(token, number) for number in range(each) for token in KINDS]
    first = timed(problems, mixed)
    print(f"validate {len(mixed):6} mixed  {1000 * first:8.1f} ms, validators built on the way")
    print(f"judge    {len(mixed):6} mixed  {1000 * timed(restricted, mixed):8.1f} ms")
    for token in KINDS:
        some = [entry for entry in mixed if entry.type == token]
        print(f"    {token:52} {1000 * timed(problems, some) / len(some):7.4f} ms each")


if __name__ == "__main__":
    main()
