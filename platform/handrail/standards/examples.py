"""The examples of a standard as resources, and whether each has the verdict that it claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handrail.core.documents import undotted
from handrail.core.resources import Given, Path, Resource
from handrail.organisation.model import Tier
from handrail.standards.clause import PODS, Example
from handrail.standards.contract import Contract
from handrail.standards.evidence import ENVIRONMENT, LABELS, POD_SPECS
from handrail.standards.findings import Finding, Verdict
from handrail.standards.judge import verdicts
from handrail.standards.samples import NAME, sample
from handrail.standards.standard import Standard

_PERSONAS = {"ScalableService": "app-developer", "GpuInferenceEndpoint": "ml-engineer", "BatchJob": "ml-engineer",
             "NotebookEnv": "data-scientist"}  # fmt: skip
_DEPLOYMENT = "kubernetes:apps/v1:Deployment"


@dataclass(frozen=True)
class Case:
    """One example of a standard, ready to be judged.

    Args:
        standard: as it holds for the example: its tier, its parameters.
        resources: the one that it is about, then those beside it.
    """

    standard: Standard
    example: Example
    resources: tuple[Resource, ...]

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return self.example.name or str(self.example.verdict)

    @property
    def contract(self) -> Contract:
        """An environment in which nothing but the standard holds."""
        tier = self.example.tier or self.standard.clause.tiers[-1]
        holding = (self.standard,) if tier in self.standard.tiers else ()
        return Contract(_environment(tier), tier, holding)

    @property
    def findings(self) -> list[Finding]:
        """What the standard says of it."""
        name = self.resources[0].name
        return [each for each in verdicts(self.resources, self.contract, self.example.breaks) if each.resource == name]

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings."""
        found = {finding.verdict for finding in self.findings}
        order = (Verdict.VIOLATION, Verdict.UNKNOWN, Verdict.COMPLIANT)
        return next((each for each in order if each in found), Verdict.NOT_APPLICABLE)


def cases(standard: Standard) -> Iterator[Case]:
    """Every example of a standard."""
    for example in standard.clause.examples:
        own = replace(standard, params={**standard.params, **example.params})
        beside = tuple(_beside(each, own, example, index) for index, each in enumerate(example.beside))
        yield Case(own, example, (_resource(own, example), *beside))


def _resource(standard: Standard, example: Example) -> Resource:
    token = example.resource or _first(standard)
    inputs = merged(sample(token), example.object)
    pod = POD_SPECS.get(token)
    if pod and (example.pod or example.container):
        _patch(inputs, pod, example)
    inputs = _labelled(token, inputs, standard, example)
    for text in example.unknown:
        inputs = _replaced(inputs, undotted(text), Given(None))
    return Resource(NAME, token, inputs)


def _first(standard: Standard) -> str:
    first = standard.clause.resources[0]
    return _DEPLOYMENT if first == PODS else first


def _patch(inputs: dict[str, Any], where: Path, example: Example) -> None:
    at: Any = inputs
    for part in where[:-1]:
        at = at[part]
    pod = at[where[-1]]
    if example.container:
        first, *rest = pod["containers"]
        pod = {**pod, "containers": [merged(first, example.container), *rest]}
    at[where[-1]] = merged(pod, example.pod)


def _labelled(token: str, inputs: dict[str, Any], standard: Standard, example: Example) -> dict[str, Any]:
    if not token.startswith("kubernetes:"):
        return inputs
    component = example.component or next(iter(standard.clause.components), "ScalableService")
    tier = example.tier or standard.clause.tiers[-1]
    words = {"name": NAME, "component": component, "team": "payments", "persona": _PERSONAS.get(component, "")}
    labels = {LABELS[word]: value for word, value in words.items()} | {ENVIRONMENT: _environment(tier)}
    written = inputs.get("metadata", {}).get("labels", {})
    return merged(inputs, {"metadata": {"labels": {**labels, **written}}}) if written is not None else inputs


def _beside(manifest: Mapping[str, Any], standard: Standard, example: Example, index: int) -> Resource:
    if "token" in manifest:
        inputs = {key: value for key, value in manifest.items() if key != "token"}
        return Resource(f"{NAME}-beside-{index}", manifest["token"], inputs)
    group = str(manifest.get("apiVersion", "v1"))
    token = f"kubernetes:{group if '/' in group else f'core/{group}'}:{manifest.get('kind', '')}"
    inputs = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    whole = merged(sample(token), inputs)
    return Resource(f"{NAME}-beside-{index}", token, _labelled(token, whole, standard, example))


def merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386) applied."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _replaced(value: Any, path: Path, leaf: Any) -> Any:
    if not path:
        return leaf
    head, *rest = path
    if isinstance(value, list):
        assert isinstance(head, int)
        return [_replaced(item, tuple(rest), leaf) if index == head else item for index, item in enumerate(value)]
    inside = value.get(head) if isinstance(value, Mapping) else None
    return {**(value or {}), head: _replaced(inside, tuple(rest), leaf)}


def _environment(tier: Tier) -> str:
    return {Tier.DEVELOPMENT: "dev", Tier.STAGING: "staging", Tier.PRODUCTION: "prod"}[tier]


def wrong(standard: Standard) -> Iterator[str]:
    """What each example claims and the standard denies, as sentences."""
    for case in cases(standard):
        if case.verdict is not case.example.verdict:
            said = "; ".join(finding.message for finding in case.findings) or "nothing"
            yield f"{standard.id}: {case.name}: claims {case.example.verdict}, is {case.verdict} ({said})"
