"""What a resource serves, or lets through: where one of these facts is gone, requests may fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from handrail.core.resources import Resource
from handrail.preview._risk.model import Assessment, Fact, Facts, Risk
from handrail.preview._risk.reading import LATER, at, containers, entries, fields, name_of, text


def _service(resource: Resource) -> Iterator[Fact]:
    name, spec = name_of(resource), fields(resource.inputs, "spec")
    yield Fact(("service", name), f"nobody reaches {name} by this name any more", "metadata.name")
    yield Fact(
        ("type", text(at(spec, "type"), "ClusterIP")), "its type is another: so is how it is reached", "spec.type"
    )
    selector = text(at(spec, "selector"), "nothing")
    yield Fact(("selector", selector), "requests go to other pods", "spec.selector")
    for field in ("externalName", "externalTrafficPolicy", "internalTrafficPolicy"):
        if (found := at(spec, field)) is not None:
            yield Fact((field, text(found)), f"{field} is no longer {text(found)}", f"spec.{field}")
    for port in entries(spec, "ports"):
        number, protocol = text(at(port, "port")), text(at(port, "protocol"), "TCP")
        target = text(at(port, "targetPort"), number)
        said = f"port {number}/{protocol} no longer leads to {target} of its pods"
        yield Fact(("port", number, protocol, target), said, "spec.ports")
        if label := text(at(port, "name")):
            yield Fact(
                ("port name", label, number), f"the name {label} no longer stands for port {number}", "spec.ports"
            )


def _route(resource: Resource) -> Iterator[Fact]:
    """What of a route decides which requests it takes, and what becomes of them; who answers is told by `moved`."""
    spec = fields(resource.inputs, "spec")
    hosts = [text(host) for host in entries(spec, "hostnames")] or ["every host"]
    yield Fact(("route",), f"requests to {', '.join(hosts)} no longer come here", "spec")
    for host in hosts:
        yield Fact(
            ("host", "*" if host == "every host" else host), f"requests to {host} no longer come here", "spec.hostnames"
        )
    for parent in entries(spec, "parentRefs"):
        said = f"requests no longer come through {text(at(parent, 'name'))}"
        yield Fact(("parent", text(parent)), said, "spec.parentRefs")
    for where, rule in _rules(resource).items():
        yield Fact(("rule", where), f"requests for {_shown(rule)} no longer come here", "spec.rules")
        for part, value in fields(rule).items():
            if part not in ("matches", "backendRefs", "name"):
                said = f"requests for {_shown(rule)} are treated otherwise: {part} changes"
                yield Fact(("part", where, str(part), text(value)), said, f"spec.rules.{part}")


def moved(before: Resource, after: Resource) -> Iterator[Assessment]:
    """Which share of a rule's requests goes where, where that changes."""
    old = _rules(before)
    for where, rule in _rules(after).items():
        if where not in old:
            continue
        shares = [_shares(each) for each in (old[where], rule)]
        if shares[0] != shares[1]:
            names = dict.fromkeys((*shares[0], *shares[1]))
            moves = [f"{name} {_percent(shares[0], name)} → {_percent(shares[1], name)}" for name in names]
            said = f"requests for {_shown(rule)} go elsewhere: {', '.join(moves)}"
            yield Assessment(Risk.TRAFFIC, said, "spec.rules.backendRefs")


def _rules(resource: Resource) -> dict[str, Any]:
    """The rules of a route by what they match."""
    return {text(at(rule, "matches")): rule for rule in entries(resource.inputs, "spec", "rules")}


def _shown(rule: Any) -> str:
    found = [text(at(match, "path", "value")) or text(match) for match in entries(rule, "matches")]
    return ", ".join(found) or "everything"


def _shares(rule: Any) -> dict[str, float | None]:
    """The share of each backend, 0 to 1, by name and port; None where a weight is known at up."""
    weights: dict[str, Any] = {}
    for each in entries(rule, "backendRefs"):
        weight = at(each, "weight")
        port = text(at(each, "port"))
        weights[f"{text(at(each, 'name'))}{f':{port}' if port else ''}"] = 1 if weight is None else weight
    known = all(isinstance(weight, int | float) and 0 <= weight < 1e9 for weight in weights.values())
    whole = sum(weights.values()) if known else 0
    return {name: (weight / whole if whole else 0.0) if known else None for name, weight in weights.items()}


def _percent(shares: Mapping[str, float | None], name: str) -> str:
    share = shares.get(name, 0.0)
    return f"share {LATER}" if share is None else f"{share:.4%}".rstrip("%").rstrip("0").rstrip(".") + "%"


def _ingress(resource: Resource) -> Iterator[Fact]:
    spec = fields(resource.inputs, "spec")
    yield from _exists(resource)
    yield Fact(("class", text(at(spec, "ingressClassName"))), "another controller serves it", "spec.ingressClassName")
    if (default := at(spec, "defaultBackend")) is not None:
        yield Fact(("default", text(default)), "requests that match no rule go elsewhere", "spec.defaultBackend")
    for rule in entries(spec, "rules"):
        host = text(at(rule, "host"), "any host")
        for path in entries(rule, "http", "paths"):
            where = f"{host}{text(at(path, 'path'), '/')}"
            said = f"requests for {where} go elsewhere than to {text(at(path, 'backend', 'service', 'name'))}"
            yield Fact(("path", host, text(path)), said, "spec.rules")


def _gateway(resource: Resource) -> Iterator[Fact]:
    yield from _exists(resource)
    for listener in entries(resource.inputs, "spec", "listeners"):
        name = text(at(listener, "name"))
        yield Fact(("listener", text(listener)), f"the listener {name} is no longer as it was", "spec.listeners")


def _workload(resource: Resource) -> Iterator[Fact]:
    """That it runs, and that its pods get no requests before they are ready."""
    yield from _exists(resource)
    for path, name, container in containers(resource):
        if at(container, "readinessProbe") is not None:
            said = f"a pod gets requests before {name} is ready: it has no readiness probe any more"
            yield Fact(("ready", name), said, f"{path}.readinessProbe")


def _exists(resource: Resource) -> Iterator[Fact]:
    yield Fact(("exists",), f"{resource.kind} {name_of(resource)} serves no longer", "")


def _needed(resource: Resource) -> Iterator[Fact]:
    said = f"a pod that uses {resource.kind} {name_of(resource)} does not start any more"
    yield Fact(("needed", name_of(resource)), said, "metadata.name")


def _values(resource: Resource) -> Iterator[Fact]:
    """The keys that pods may read; another value is no fault. What Grafana reads, no pod waits for."""
    if is_dashboard(resource):
        return
    yield from _needed(resource)
    for part in ("data", "stringData", "binaryData"):
        for key in fields(resource.inputs, part):
            said = f"a pod that reads {key} of {resource.kind} {name_of(resource)} does not start any more"
            yield Fact(("key", str(key)), said, part)


def is_dashboard(resource: Resource | None) -> bool:
    """Whether it is read by Grafana alone."""
    return resource is not None and _DASHBOARD in fields(resource.inputs, "metadata", "labels")


_DASHBOARD: Final = "grafana_dashboard"
_ROUTES: Final = [
    f"kubernetes:gateway.networking.k8s.io/{version}:{kind}"
    for version in ("v1", "v1beta1", "v1alpha2")
    for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
]

SERVES: Final[Mapping[str, Facts]] = {
    "kubernetes:core/v1:Service": _service,
    "kubernetes:networking.k8s.io/v1:Ingress": _ingress,
    **dict.fromkeys(_ROUTES, _route),
    "kubernetes:gateway.networking.k8s.io/v1:Gateway": _gateway,
    "kubernetes:apps/v1:Deployment": _workload,
    "kubernetes:apps/v1:StatefulSet": _workload,
    "kubernetes:apps/v1:DaemonSet": _workload,
    "kubernetes:apps/v1:ReplicaSet": _workload,
    "kubernetes:core/v1:Pod": _workload,
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": _exists,
    "kubernetes:core/v1:Namespace": _exists,
}
"""What answers requests: while it is replaced, nobody does."""
NEEDED: Final[Mapping[str, Facts]] = {
    "kubernetes:core/v1:ConfigMap": _values,
    "kubernetes:core/v1:Secret": _values,
    "kubernetes:core/v1:ServiceAccount": _needed,
    "kubernetes:external-secrets.io/v1:ExternalSecret": _needed,
    "kubernetes:cert-manager.io/v1:Certificate": _needed,
}
"""What pods need to start: those that run do not notice."""
