"""Rules about what stands before a model server or a notebook: a proxy that asks who comes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from handrail.core.documents import dotted
from handrail.core.resources import Path, Token
from handrail.standards._fields import ABSENT, EACH, read, read_one
from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach

_POD = ("spec", "template", "spec")
_CONTAINERS = (*_POD, "containers")
_LISTENS = re.compile(r"--(?:secure-listen|https?)-address=\S*:(\d+)")
# arguments with which the proxies let requests pass that nobody asked about
_OPEN = re.compile(r"--(insecure-listen-address|ignore-paths|skip-auth-route|skip-auth-regex|trusted-ip)\b")
_ROUTES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "HTTPRoute": (("spec", "rules", EACH, "backendRefs", EACH, "name"),),
    "Ingress": (
        ("spec", "defaultBackend", "service", "name"),
        ("spec", "rules", EACH, "http", "paths", EACH, "backend", "service", "name"),
    ),
}
_OUTSIDE = ("LoadBalancer", "NodePort")
_LATER = "decided at up, when it is known"


def endpoint_authenticated(evidence: Evidence, about: Sequence[Subject], params: Mapping[str, Any]) -> Iterator[Breach]:
    """Endpoints without the proxy, with one that lets requests pass, or with a Service that leads past it."""
    for endpoint in about:
        yield from _fronted(endpoint, list(_services(endpoint, evidence)), params["proxy"])


def notebook_signed_in(evidence: Evidence, about: Sequence[Subject], params: Mapping[str, Any]) -> Iterator[Breach]:
    """Notebooks that a route, a load balancer or a node's port leads to, but not through their sign-in."""
    for notebook in about:
        routed = list(_routed(notebook, evidence))
        services = list(_services(notebook, evidence))
        opened = [each for each in services if _opened(each, routed)]
        if opened:
            yield from _fronted(notebook, opened, params["proxy"])
        elif services and any(isinstance(name, Token) for name in routed):
            for breach in _fronted(notebook, services, params["proxy"]):
                said = f"{breach.message}; whether a route leads there is {_LATER}"
                yield replace(breach, message=said, verdict=Verdict.UNKNOWN)


def _fronted(workload: Subject, services: Sequence[Subject], proxy: str) -> Iterator[Breach]:
    containers = [each for each in _list(workload.plain, _CONTAINERS) if isinstance(each, Mapping)]
    found = [each for each in containers if proxy in str(each.get("image", "")).rpartition("/")[2]]
    unclear = _unknown(workload, _CONTAINERS, ("args", "ports") if found else ("image",))
    if unclear:
        yield Breach(workload, unclear, f"whether {proxy} stands before it is {_LATER}", Verdict.UNKNOWN)
    elif not found:
        yield Breach(workload, _CONTAINERS, f"no container of {_name(workload)} runs {proxy}")
    else:
        for container in found:
            for argument in map(str, container.get("args") or ()):
                if _OPEN.match(argument):
                    said = f"container {container.get('name')} lets requests pass unasked"
                    yield Breach(workload, _CONTAINERS, said, given=argument)
        for service in services:
            yield from _past(workload, service, containers, found)


def _past(
    workload: Subject, service: Subject, containers: Sequence[Mapping[str, Any]], proxies: Sequence[Mapping[str, Any]]
) -> Iterator[Breach]:
    """The ports of a Service that lead to another container than the proxy."""
    numbers = {number for proxy in proxies for number in _ports(proxy).values()}
    told = [_LISTENS.match(str(argument)) for proxy in proxies for argument in proxy.get("args") or ()]
    numbers |= {int(found[1]) for found in told if found}
    named = {name: number for container in containers for name, number in _ports(container).items()}
    if unclear := _unknown(service, ("spec", "ports"), ("port", "targetPort")) or _selector(service):
        said = f"where {_name(service)} leads, by its {dotted(unclear)}, is {_LATER}"
        yield Breach(workload, _CONTAINERS, said, Verdict.UNKNOWN)
        return
    for port in _list(service.plain, ("spec", "ports")):
        target = port.get("targetPort", port.get("port"))
        if named.get(target, target) not in numbers:
            said = f"Service {_name(service)} leads from port {port.get('port')} to {target}, past the proxy"
            yield Breach(workload, _CONTAINERS, said, given=str(target))


def _services(workload: Subject, evidence: Evidence) -> Iterator[Subject]:
    """The Services that select a workload's pods, and those of which only the engine knows what they select."""
    _, labels = read_one(workload.plain, ("spec", "template", "metadata", "labels"))
    labels = labels if isinstance(labels, Mapping) else {}
    for service in evidence.all:
        if service.resource.type == "kubernetes:core/v1:Service" and _namespace(service) == _namespace(workload):
            _, selector = read_one(service.plain, ("spec", "selector"))
            selects = isinstance(selector, Mapping) and selector and selector.items() <= labels.items()
            if selects or _selector(service):
                yield service


def _selector(service: Subject) -> Path:
    """What of a Service's selector only the engine knows; () where it knows nothing more."""
    return next((path for path in service.unknown if path[:2] in (("spec",), ("spec", "selector"))), ())


def _opened(service: Subject, routed: Sequence[Any]) -> bool:
    return _name(service) in routed or read_one(service.plain, ("spec", "type"))[1] in _OUTSIDE


def _routed(workload: Subject, evidence: Evidence) -> Iterator[Any]:
    """The names of the Services of a workload's namespace that a route leads to, a token where one is not known."""
    for route in evidence.all:
        if _namespace(route) == _namespace(workload):
            for pattern in _ROUTES.get(route.resource.kind, ()):
                yield from (name for _, name in read(route.resource.inputs, pattern) if name is not ABSENT)


def _ports(container: Mapping[str, Any]) -> dict[Any, Any]:
    """The ports that a container declares: their names, or their numbers where they have none → their numbers."""
    ports = [each for each in container.get("ports") or () if isinstance(each, Mapping)]
    return {each.get("name", each.get("containerPort")): each.get("containerPort") for each in ports}


def _unknown(subject: Subject, below: Path, words: tuple[str, ...]) -> Path:
    """The first field of these names in the entries of a list that only the engine knows, or the list; () if none."""
    for path in subject.unknown:
        inside = path[: len(below)] == below[: len(path)]
        if inside and (len(path) <= len(below) + 1 or path[len(below) + 1] in words):
            return path
    return ()


def _list(value: Any, pattern: tuple[str, ...]) -> list[Any]:
    found = read_one(value, pattern)[1]
    return found if isinstance(found, list) else []


def _name(subject: Subject) -> str:
    return str(read_one(subject.plain, ("metadata", "name"))[1])


def _namespace(subject: Subject) -> str:
    return str(read_one(subject.plain, ("metadata", "namespace"))[1])
