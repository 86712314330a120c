"""What the engine says of a resource as the judge reads it, and what the judge says as the engine shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handrail.core.resources import Given, Ref, Resource
from handrail.policy.chosen import Chosen
from handrail.recorder._child.values import (
    OUTPUT_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWNS,
)
from handrail.standards import Finding, Verdict, judge
from handrail.standards.standard import Standard

HIDDEN = "[secret]"


@dataclass(frozen=True, slots=True)
class Seen:
    """A resource as the engine showed it.

    Args:
        hidden: the texts in it that are secret: judged, and never shown.
    """

    resource: Resource
    urn: str
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Said:
    """One finding, for the engine to show.

    Args:
        mandatory: it ends the deployment.
    """

    standard: str
    urn: str
    text: str
    mandatory: bool


def seen(urn: str, token: str, name: str, properties: Mapping[str, Any]) -> Seen:
    """A resource from its properties on the wire: what is not known as a token, what is secret opened."""
    hidden: set[str] = set()
    inputs = {key: _plain(value, hidden) for key, value in properties.items()}
    if token.startswith("kubernetes:"):  # the token says both
        inputs = {key: value for key, value in inputs.items() if key not in ("apiVersion", "kind")}
    return Seen(Resource(name, token, inputs), urn, frozenset(hidden))


def linked(found: Seen, dependencies: Mapping[str, Iterable[str]]) -> Seen:
    """The same, where a property that is not known says of which resource it is the output.

    Args:
        dependencies: the URNs that each property depends on.
    """

    def link(key: str, value: Any) -> Any:
        urns = list(dependencies.get(key, ()))
        return Ref(urns[0].rpartition("::")[2], "id") if isinstance(value, Given) and len(urns) == 1 else value

    inputs = {key: link(key, value) for key, value in found.resource.inputs.items()}
    return replace(found, resource=replace(found.resource, inputs=inputs))


def _plain(value: Any, hidden: set[str], *, secret: bool = False) -> Any:
    if isinstance(value, str):
        if value in UNKNOWNS:
            return Given(None)
        if secret and value:
            hidden.add(value)
        return value
    if isinstance(value, list):
        return [_plain(each, hidden, secret=secret) for each in value]
    if not isinstance(value, Mapping):
        return value
    signature = value.get(SIGNATURE)
    if signature == SECRET_SIGNATURE:
        return _plain(value.get("value"), hidden, secret=True)
    if signature == OUTPUT_SIGNATURE:
        if "value" not in value:
            return Given(None)
        return _plain(value["value"], hidden, secret=secret or bool(value.get("secret")))
    return {key: _plain(each, hidden, secret=secret) for key, each in value.items() if key != SIGNATURE}


def decide(found: Iterable[Seen], chosen: Chosen, asked: Callable[[Standard], bool]) -> Iterator[Said]:
    """Everything to say of resources.

    Args:
        asked: which of the standards to ask.

    Raises:
        DocumentError: the organisation's standards are wrong.
    """
    groups: dict[str, tuple[Any, list[Seen]]] = {}
    for each in found:
        contract = chosen.contract(each.resource)
        groups.setdefault(contract.environment, (contract, []))[1].append(each)
    for contract, members in groups.values():
        standards = tuple(each for each in contract.standards if asked(each))
        hidden = frozenset().union(*(each.hidden for each in members))
        for finding in judge([each.resource for each in members], replace(contract, standards=standards)):
            urn = next(each.urn for each in members if each.resource is finding.about)
            yield Said(finding.standard, urn, _cleaned(_text(finding), hidden), finding.refuses)


def _text(finding: Finding) -> str:
    if finding.waiver or finding.verdict is Verdict.UNKNOWN:
        return finding.remark
    return str(finding.problem())


def _cleaned(text: str, hidden: Iterable[str]) -> str:
    for each in sorted(hidden, key=len, reverse=True):
        text = text.replace(each, HIDDEN)
    return text
