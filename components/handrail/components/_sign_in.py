"""Sign-in before a notebook: a proxy that asks the organisation's identity provider, for the team's members alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from handrail.components._definition import Workload
from handrail.components._parts import resource, secret, service
from handrail.components._pods import container_security
from handrail.core.resources import Resource
from handrail.organisation import Capability

PORT, METRICS_PORT = 4180, 44180
_PEOPLE = "/etc/sign-in"
_SECRETS = {"CLIENT_ID": "client-id", "CLIENT_SECRET": "client-secret", "COOKIE_SECRET": "cookie-secret"}


def signs_in(workload: Workload[Any]) -> bool:
    """Whether people sign in at the gateway; else they come by `kubectl port-forward`, which Kubernetes signs in."""
    cluster = workload.context.cluster
    needed = (Capability.GATEWAY_API, Capability.EXTERNAL_SECRETS)
    return workload.context.organisation.sign_in is not None and all(cluster.has(each) for each in needed)


def host(workload: Workload[Any]) -> str:
    """The notebook's host at the gateway."""
    gateway = workload.context.cluster.gateway
    return f"{workload.name}-{workload.namespace}.{gateway.domain if gateway else ''}"


def sign_in_resources(workload: Workload[Any]) -> Iterator[Resource]:
    """The people who may come in, the proxy's secrets, its Service and its route."""
    context = workload.context
    sign_in, store, gateway = context.organisation.sign_in, context.cluster.secret_store, context.cluster.gateway
    assert sign_in and store and gateway, "planned only where all three are"
    people = "".join(f"{member}\n" for member in context.owner.members)
    name = f"{workload.name}-sign-in"
    yield resource(workload, "people", "core/v1:ConfigMap", name=name, data={"people": people})
    data = [
        {"secretKey": variable, "remoteRef": {"key": sign_in.secret, "property": part}}
        for variable, part in _SECRETS.items()
    ]
    yield secret(workload, "sign-in-secret", name, store.name, data)
    yield service(workload, "http")
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": workload.name, "port": 80}],
    }
    yield resource(
        workload,
        "route",
        "gateway.networking.k8s.io/v1:HTTPRoute",
        (f"{workload.name}-service",),
        spec={
            "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
            "hostnames": [host(workload)],
            "rules": [rule],
        },
    )


def sign_in_proxy(workload: Workload[Any], upstream: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The proxy's container, and the volume of the people who may come in."""
    organisation = workload.context.organisation
    assert organisation.sign_in, "planned only with a provider"
    name = f"{workload.name}-sign-in"
    container = {
        "name": "sign-in",
        "image": organisation.images.sign_in_proxy,
        "args": [
            "--provider=oidc",
            f"--oidc-issuer-url={organisation.sign_in.issuer}",
            f"--redirect-url=https://{host(workload)}/oauth2/callback",
            f"--authenticated-emails-file={_PEOPLE}/people",
            f"--http-address=0.0.0.0:{PORT}",
            f"--metrics-address=0.0.0.0:{METRICS_PORT}",
            f"--upstream=http://127.0.0.1:{upstream}",
            "--reverse-proxy=true",
            "--skip-provider-button=true",
        ],
        "env": [
            {"name": f"OAUTH2_PROXY_{variable}", "valueFrom": {"secretKeyRef": {"name": name, "key": variable}}}
            for variable in _SECRETS
        ],
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        "securityContext": container_security(),
        "volumeMounts": [{"name": "people", "mountPath": _PEOPLE, "readOnly": True}],
    }
    return container, {"name": "people", "configMap": {"name": name}}
