"""Authenticated callers: a proxy before the endpoint that asks Kubernetes who calls, and whether they may.

A caller sends the token that lies in its pod for this endpoint. The proxy has it reviewed (TokenReview, for the
endpoint's audience), then asks whether that account may create `gpuinferenceendpoints.handrail.dev/<name>` here
(SubjectAccessReview). The Role and its binding, made from `callers`, say who may.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from handrail.components._api_server import ACCOUNT, account_volume
from handrail.components._definition import Workload
from handrail.components._network import team_and_name
from handrail.components._parts import resource
from handrail.components._pods import audience, container_security, draining
from handrail.components._released import CANARY
from handrail.core.resources import Resource
from handrail.core.units import Duration
from handrail.organisation import Capability, namespace_of

PORT = 8443
_HEALTH_PORT = 8643
_GROUP, _RESOURCE = "handrail.dev", "gpuinferenceendpoints"
_CONFIG, _CERTIFICATE, _TOKEN = "/etc/kube-rbac-proxy", "/etc/tls", "/var/run/secrets/kubernetes.io/serviceaccount"


def callers_access(workload: Workload[Any]) -> Iterator[Resource]:
    """The proxy's config, who may call, and the proxy's certificate."""
    attributes = {
        "apiGroup": _GROUP, "apiVersion": "v1", "resource": _RESOURCE,
        "namespace": workload.namespace, "name": workload.name,
    }  # fmt: skip
    config = json.dumps({"authorization": {"resourceAttributes": attributes}})
    name = f"{workload.name}-callers"
    yield resource(workload, "callers-config", "core/v1:ConfigMap", name=name, data={"config.yaml": config})
    rbac = "rbac.authorization.k8s.io"
    # the proxy makes a verb of the HTTP method: POST is create, GET is get
    what = {"apiGroups": [_GROUP], "resources": [_RESOURCE], "resourceNames": [workload.name]}
    yield resource(workload, "callers-role", f"{rbac}/v1:Role", name=name, rules=[{**what, "verbs": ["create", "get"]}])
    if subjects := [_account(workload, peer) for peer in workload.spec.callers]:
        yield resource(
            workload,
            "callers",
            f"{rbac}/v1:RoleBinding",
            (f"{workload.name}-callers-role",),
            name=name,
            roleRef={"apiGroup": rbac, "kind": "Role", "name": name},
            subjects=subjects,
        )
    issuer = workload.context.cluster.certificate_issuer
    if workload.context.cluster.has(Capability.CERT_MANAGER) and issuer:
        canary = [f"{workload.name}-{CANARY}.{workload.namespace}.svc"] if workload.release.canary else []
        hosts = [_host(workload), *canary]
        spec = {
            "secretName": f"{workload.name}-tls",
            "dnsNames": [f"{host}{end}" for host in hosts for end in ("", ".cluster.local")],
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer},
        }
        yield resource(workload, "certificate", "cert-manager.io/v1:Certificate", spec=spec)


def proxy(workload: Workload[Any], upstream: int, drain: Duration) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The proxy's container, and the volumes it needs."""
    certified = workload.context.cluster.has(Capability.CERT_MANAGER)
    files = [f"--tls-cert-file={_CERTIFICATE}/tls.crt", f"--tls-private-key-file={_CERTIFICATE}/tls.key"]
    container = {
        "name": "callers",
        "image": workload.context.organisation.images.auth_proxy,
        "args": [
            f"--secure-listen-address=0.0.0.0:{PORT}",
            f"--upstream=http://127.0.0.1:{upstream}/",
            f"--auth-token-audiences={audience(workload.context.team, workload.name, workload.context.environment)}",
            f"--config-file={_CONFIG}/config.yaml",
            f"--proxy-endpoints-port={_HEALTH_PORT}",
            *(files if certified else []),
        ],
        "ports": [
            {"name": "https", "containerPort": PORT, "protocol": "TCP"},
            {"name": "callers-health", "containerPort": _HEALTH_PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}},
        "readinessProbe": {
            "httpGet": {"path": "/healthz", "port": "callers-health", "scheme": "HTTPS"},
            "periodSeconds": 5,
        },
        "lifecycle": draining(drain),  # as long as the server behind it
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "callers", "mountPath": _CONFIG, "readOnly": True},
            {"name": "reviews", "mountPath": ACCOUNT, "readOnly": True},
            *([{"name": "certificate", "mountPath": _CERTIFICATE, "readOnly": True}] if certified else []),
        ],
    }
    volumes: list[dict[str, Any]] = [
        {"name": "callers", "configMap": {"name": f"{workload.name}-callers"}},
        account_volume("reviews"),  # in this container alone: the model's code never sees it
        *([{"name": "certificate", "secret": {"secretName": f"{workload.name}-tls"}}] if certified else []),
    ]
    return container, volumes


def url(workload: Workload[Any]) -> str:
    """Where callers reach the endpoint."""
    return f"https://{_host(workload)}"


def _host(workload: Workload[Any]) -> str:
    return f"{workload.name}.{workload.namespace}.svc"


def _account(workload: Workload[Any], peer: str) -> dict[str, str]:
    team, name = team_and_name(peer, workload.context.team)
    namespace = namespace_of(team, workload.context.environment)
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
