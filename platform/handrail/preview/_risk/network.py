"""Who may connect: network policies, and Services and routes that lead in from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Final

from handrail.core.resources import Resource, Token
from handrail.preview._risk.model import Assessment, Fact, Facts, Risk, beyond
from handrail.preview._risk.reading import LATER, at, entries, equals, fields, name_of, text

_SIDES: Final = {"Ingress": ("ingress", "from", "into"), "Egress": ("egress", "to", "out of")}


def allowed(resource: Resource | None) -> Iterator[Fact]:
    """Each connection that a policy lets through, for `*` every one of that direction; as reason, who it is with."""
    if resource is None:
        return
    spec = fields(resource.inputs, "spec")
    shut = _shut(spec)
    for side, (field, peers, _) in _SIDES.items():
        if side not in shut:
            yield Fact((side, *_EVERYBODY, *_EVERY_PORT), f"{peers} everywhere", "spec.policyTypes")
            continue
        for index, rule in enumerate(entries(spec, field)):
            for peer in _any(rule, peers):
                for port in _any(rule, "ports"):
                    key = (side, *_peer(peer), *_port(port))
                    yield Fact(key, f"{peers} {_whom(peer)}", f"spec.{field}[{index}]")


def of_pods(resource: Resource | None) -> bool:
    """Whether it is a policy of some pods, not of a whole namespace."""
    return resource is not None and resource.type == POLICY and bool(fields(resource.inputs, "spec", "podSelector"))


def narrowed(before: Resource | None, after: Resource | None) -> Iterator[Assessment]:
    """What a policy shuts that it let through, and what it newly lets through.

    Who is let in at another port than before is no wider; pods that are named are somebody's declared callers.
    """
    if after is None or after.type != POLICY:
        return
    if before is None:
        whose = "the pods that it selects" if of_pods(after) else "every pod of its namespace"
        risk = Risk.NONE if of_pods(after) else Risk.TRAFFIC
        yield Assessment(risk, f"shuts what it does not name, for {whose}", "spec.podSelector")
        return
    old, new = list(allowed(before)), list(allowed(after))
    gone = list(beyond(old, new, _covers))
    moved = Counter(fact.key[:4] for fact in gone)
    wider: list[Fact] = []
    calm: list[Fact] = []
    for fact in beyond(new, old, _covers):
        named = fact.key[1] == _PODS and fact.key[3] != "*"
        (calm if named or moved[fact.key[:4]] > 0 else wider).append(fact)
        moved[fact.key[:4]] -= 1
    yield from _said(Risk.SECURITY, "lets through", wider)
    yield from _said(Risk.TRAFFIC, "shuts", gone)
    yield from _said(Risk.NONE, "lets through", calm)


def _covers(wider: Fact, fact: Fact) -> bool:
    """Whether one connection is in another one, addresses by their blocks."""
    if wider.covers(fact):
        return True
    (side, kind, block, but, *ports), (its_side, its_kind, its_block, its_but, *its_ports) = wider.key, fact.key
    if (side, kind) != (its_side, _ADDRESSES) or its_kind != _ADDRESSES or but not in ("", its_but):
        return False
    return all(mine in ("*", its) for mine, its in zip(ports, its_ports, strict=True)) and _inside(its_block, block)


def _inside(block: str, other: str) -> bool:
    try:
        networks = [ip_network(each, strict=False) for each in (block, other)]
    except ValueError:
        return False
    return networks[0].version == networks[1].version and networks[0].subnet_of(networks[1])  # type: ignore[arg-type]


def _said(risk: Risk, does: str, connections: list[Fact]) -> Iterator[Assessment]:
    """One sentence for all connections of one direction and port."""
    together: dict[tuple[str, ...], list[Fact]] = {}
    for fact in connections:
        together.setdefault((fact.key[0], *fact.key[4:]), []).append(fact)
    for (side, _, port), facts in together.items():
        whom = ", ".join(dict.fromkeys(fact.reason for fact in facts))
        where = "every port" if port == "*" else f"port {port}"
        said = f"{does} connections {_SIDES[side][2]} its pods, at {where}: {whom}"
        yield Assessment(risk, said, facts[0].path)


def isolated(resource: Resource) -> Iterator[Fact]:
    """The pods that a policy shuts, in each direction."""
    spec = fields(resource.inputs, "spec")
    pods = text(at(spec, "podSelector"), "{}")
    yield Fact(("shuts", pods), f"{name_of(resource)} shuts its pods no longer, unless another policy does", "spec")
    for side in _shut(spec):
        whose = "its namespace's pods" if pods == "{}" else "its pods"
        said = f"{name_of(resource)} no longer shuts what goes {_SIDES[side][2]} {whose}"
        yield Fact((side, pods), f"{said}, unless another policy does", "spec")


def _shut(spec: Any) -> list[str]:
    """The directions of a policy: as it says, else ingress, and egress where it has rules for that."""
    if types := entries(spec, "policyTypes"):
        return [side for side in _SIDES if any(isinstance(each, str) and each == side for each in types)]
    return ["Ingress", *(["Egress"] if at(spec, "egress") is not None else [])]


def _any(rule: Any, field: str) -> list[Any]:
    """The entries of a rule's list; where there are none, everybody or every port."""
    found = at(rule, field)
    return [found] if isinstance(found, Token) else entries(rule, field) or [None]


_PODS: Final = "pods"
_ADDRESSES: Final = "addresses"
_EVERYBODY: Final = ("*", "*", "*")
_EVERY_PORT: Final = ("*", "*")


def _peer(peer: Any) -> tuple[str, str, str]:
    """Who it is: addresses, or pods by namespace and labels; `*` where all are meant."""
    if peer is None:
        return _EVERYBODY
    if isinstance(peer, Token):
        return _ADDRESSES, LATER, ""
    if (block := at(peer, "ipBlock")) is not None:
        return _ADDRESSES, text(at(block, "cidr")), text(at(block, "except"))
    spaces, pods = (text(at(peer, kind)) for kind in ("namespaceSelector", "podSelector"))
    return _PODS, "*" if spaces == "{}" else spaces, "*" if pods in ("", "{}") else pods


def _port(port: Any) -> tuple[str, str]:
    if port is None:
        return _EVERY_PORT
    number = text(at(port, "port"), "*")
    last = text(at(port, "endPort"))
    return text(at(port, "protocol"), "TCP"), f"{number}-{last}" if last else number


def _whom(peer: Any) -> str:
    if peer is None:
        return "everywhere"
    if isinstance(peer, Token):
        return LATER
    if (block := at(peer, "ipBlock", "cidr")) is not None:
        return f"the addresses {text(block)}"
    spaces, pods = (at(peer, kind) for kind in ("namespaceSelector", "podSelector"))
    where = "" if spaces is None else " in every namespace" if equals(spaces, {}) else f" in {_labelled(spaces)}"
    return f"{'every pod' if pods is None or equals(pods, {}) else _labelled(pods)}{where}"


def _labelled(selector: Any) -> str:
    """A selector as people say it: the values of its labels, each once."""
    labels = fields(selector, "matchLabels")
    return ", ".join(dict.fromkeys(text(value) for value in labels.values())) or text(selector)


def exposed(resource: Resource) -> Iterator[Fact]:
    """What makes a Service be reached from outside of its cluster."""
    spec = fields(resource.inputs, "spec")
    kind, name = text(at(spec, "type"), "ClusterIP"), name_of(resource)
    if kind in ("LoadBalancer", "NodePort"):
        said = f"{name} is reached from outside of the cluster: type is {kind}"
        yield Fact(("outside", kind), said, "spec.type", anew=True)
        if kind == "LoadBalancer":
            for block in entries(spec, "loadBalancerSourceRanges") or ["*"]:
                whom = "everywhere" if block == "*" else text(block)
                said = f"its load balancer lets in {whom}"
                yield Fact(("from", text(block)), said, "spec.loadBalancerSourceRanges")
    for address in entries(spec, "externalIPs"):
        yield Fact(("address", text(address)), f"{name} takes {text(address)}", "spec.externalIPs", anew=True)


def encrypted(resource: Resource) -> Iterator[Fact]:
    """The hosts whose connections an Ingress encrypts."""
    for entry in entries(resource.inputs, "spec", "tls"):
        for host in entries(entry, "hosts") or ["every host"]:
            said = f"connections to {text(host)} are encrypted no longer"
            yield Fact(("tls", text(host)), said, "spec.tls")


def listened(resource: Resource) -> Iterator[Fact]:
    """The listeners of a Gateway that encrypt."""
    for listener in entries(resource.inputs, "spec", "listeners"):
        if text(at(listener, "protocol")) in ("HTTPS", "TLS"):
            name = text(at(listener, "name"))
            yield Fact(("tls", name), f"the listener {name} is encrypted no longer", "spec.listeners")


POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
_GATEWAY: Final = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
_INGRESS: Final = "kubernetes:networking.k8s.io/v1:Ingress"

OPENS: Final[Mapping[str, Facts]] = {"kubernetes:core/v1:Service": exposed}
SHUTS: Final[Mapping[str, Facts]] = {POLICY: isolated, _INGRESS: encrypted, _GATEWAY: listened}
