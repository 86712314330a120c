"""Rules about a team's namespace and what has to stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from handrail.core.resources import Token
from handrail.standards._fields import read_one
from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach

_NAME = ("metadata", "name")
_BOUNDS = {
    "cpu": ("requests.cpu", "cpu"),
    "memory": ("requests.memory", "memory"),
    "storage": ("requests.storage",),
}
_DNS = (53, "dns", "dns-tcp")


def workspace_quota(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Namespaces without a bound on cpu, memory or storage, over all their quotas."""

    def missing(quotas: Sequence[Subject]) -> str:
        bounded: set[str] = set()
        for quota in quotas:
            spec = _spec(quota)
            if not spec.get("scopes") and not spec.get("scopeSelector"):  # such a quota counts some pods alone
                bounded |= set(_mapping(spec.get("hard")))
        return ", ".join(what for what, keys in _BOUNDS.items() if not bounded.intersection(keys))

    yield from _in_each(evidence, about, "ResourceQuota", missing, "no ResourceQuota of {name} bounds {what}")


def workspace_limit_range(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Namespaces in which a container that says nothing has no limit."""

    def missing(ranges: Sequence[Subject]) -> str:
        given: set[str] = set()
        for each in ranges:
            for limit in _spec(each).get("limits") or ():
                if _mapping(limit).get("type") == "Container":  # without a default the API server takes the most
                    given |= {*_mapping(limit.get("default")), *_mapping(limit.get("max"))}
        return ", ".join(what for what in ("cpu", "memory") if what not in given)

    said = "no LimitRange of {name} gives a container that says nothing a limit of {what}"
    yield from _in_each(evidence, about, "LimitRange", missing, said)


def workspace_default_deny(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Namespaces that no policy shuts in both directions."""

    def missing(policies: Sequence[Subject]) -> str:
        faults = [(policy, _open(_spec(policy))) for policy in policies if _selects_all(_spec(policy))]
        if any(not fault for _, fault in faults):
            return ""
        named = (f"{read_one(policy.plain, _NAME)[1]} {fault}" for policy, fault in faults)
        return "; ".join(named) or "there is none over all pods"

    said = "no NetworkPolicy shuts {name}: {what}"
    yield from _in_each(evidence, about, "NetworkPolicy", missing, said)


def _in_each(
    evidence: Evidence,
    about: Sequence[Subject],
    kind: str,
    missing: Callable[[Sequence[Subject]], str],
    said: str,
) -> Iterator[Breach]:
    """What the resources of a kind lack in each namespace; undecided where one of them may be in it, or may have it."""
    for namespace in about:
        _, name = read_one(namespace.resource.inputs, _NAME)
        found = [each for each in evidence.of(kind) if _place(each) in (name, None)]
        what = missing([each for each in found if _place(each) == name])
        unclear = isinstance(name, Token) or any(each.unknown for each in found)
        if what and unclear:
            asked = said.format(name="the namespace" if isinstance(name, Token) else name, what=what)
            yield Breach(namespace, _NAME, f"whether {asked} is decided at up, when it is known", Verdict.UNKNOWN)
        elif what:
            yield Breach(namespace, _NAME, said.format(name=name, what=what))


def _place(subject: Subject) -> object:
    """The namespace that a resource is in; None where only the engine knows."""
    _, found = read_one(subject.resource.inputs, ("metadata", "namespace"))
    return None if isinstance(found, Token) else found


def _selects_all(spec: Mapping[str, Any]) -> bool:
    selector = _mapping(spec.get("podSelector"))
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def _open(spec: Mapping[str, Any]) -> str:
    """What a policy over all pods leaves open, in a few words; nothing but name resolution may be."""
    # where no types are written, a policy is about egress only if it has rules for it
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for way in ("Ingress", "Egress"):
        if way not in types:
            return f"says nothing of {way}"
    if spec.get("ingress"):
        return "lets connections in"
    if not all(_resolves_names(rule) for rule in spec.get("egress") or ()):
        return "lets connections out"
    return ""


def _resolves_names(rule: Any) -> bool:
    ports = _mapping(rule).get("ports") or ()
    return bool(ports) and all(_mapping(port).get("port") in _DNS for port in ports)


def _spec(subject: Subject) -> Mapping[str, Any]:
    return _mapping(subject.plain.get("spec"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
