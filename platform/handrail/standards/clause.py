"""A standard as its owner writes it: one YAML file, whose name is its id, with the examples that prove it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from handrail.core.models import Model
from handrail.organisation.model import Name, Severity, Tier
from handrail.standards.findings import Verdict

PODS = "pods"
"""In `resources`: every kind that makes pods."""
Sentence = Annotated[str, StringConstraints(min_length=10, max_length=400)]
Cel = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class Param(Model):
    """A parameter of the rule, `variables.params.<name>`, that an organisation may set within bounds."""

    description: str
    """What it is, in a sentence, with its unit."""
    default: Any = None
    """The value where the organisation sets none."""
    organisation: str | None = None
    """The field of organisation.yaml that it is taken from instead, as `registries`."""
    min: float | None = None
    """The smallest number that an organisation may set."""
    max: float | None = None
    """The largest number that an organisation may set."""
    any_of: tuple[str, ...] | None = None
    """The only words that may stand in it."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.default is None) == (self.organisation is None):
            raise ValueError("needs exactly one of default and organisation")
        return self

    def fault(self, value: object) -> str | None:
        """Why a value may not stand here, as what is allowed; None where it may."""
        if self.organisation is not None:
            return f"the value of organisation.yaml's {self.organisation}"
        if type(value) is not type(self.default):
            return f"a value like {self.default!r}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = self.min, self.max
            if (low is not None and value < low) or (high is not None and value > high):
                return (
                    " and ".join(
                        text
                        for text in (f"at least {low:g}" * (low is not None), f"at most {high:g}" * (high is not None))
                        if text
                    )
                    if low is not None or high is not None
                    else None
                )
        if self.any_of is not None:
            words = value if isinstance(value, list) else [value]
            if any(word not in self.any_of for word in words):
                return ", ".join(self.any_of)
        return None


class Example(Model):
    """A manifest and its verdict: the standard's documentation, and its test at every door.

    What it says is laid over a small sound manifest of its kind, as a JSON merge patch: null takes a field away.
    """

    verdict: Verdict
    """violation, compliant, not-applicable or unknown."""
    name: str = ""
    """What it shows, in a few words; default: the verdict."""
    resource: str | None = None
    """The type token of its manifest; default: the first of the standard's `resources`."""
    object: dict[str, Any] = {}
    """What the manifest has otherwise."""
    pod: dict[str, Any] = {}
    """What the spec of its pods has otherwise."""
    container: dict[str, Any] = {}
    """What its first container has otherwise."""
    beside: tuple[dict[str, Any], ...] = ()
    """Whole manifests beside it, for a rule about more than one: with apiVersion and kind, or a type's `token`."""
    breaks: tuple[str, ...] | None = None
    """What a promotion found that it breaks of the API that is served, as `GET /orders: it is gone`."""
    component: str | None = None
    """The component it is a part of; default: the first that the standard applies to."""
    tier: Tier | None = None
    """The tier of its environment; default: the last that the standard holds in."""
    params: dict[str, Any] = {}
    """Parameters that are set for it."""
    unknown: tuple[str, ...] = ()
    """Dotted paths of the manifest whose value only the engine knows, as `spec.template.spec.containers[0].image`."""


class Clause(Model):
    """A whole standard; its id is the name of its file."""

    title: Sentence
    """What holds, in one sentence without a full stop."""
    why: Sentence
    """Why, in at most two sentences that a newcomer understands."""
    owner: Name
    """The team that decides about it."""
    waived_by: tuple[Name, ...] = ()
    """The teams whose members may approve a waiver; default: nobody."""
    severity: Severity
    """advisory, required or non-negotiable."""
    lowest: Severity | None = None
    """The lowest severity that an organisation may give it; default: advisory, of a non-negotiable one its own."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)] = tuple(Tier)
    """The tiers it holds in; default: all."""
    components: tuple[str, ...] = ()
    """The components that it is about; default: any resource, of a component or not."""
    resources: Annotated[tuple[str, ...], Field(min_length=1)]
    """Pulumi type tokens, as kubernetes:apps/v1:Deployment; `pods` is every kind that makes pods."""
    params: dict[Word, Param] = {}
    """What an organisation may set."""
    variables: dict[Word, Cel] = {}
    """Expressions that the rule and the message name as variables.<name>."""
    rule: Cel | None = None
    """CEL over `object`, variables.workload, .environment, .params, .pod, .containers: true where it is satisfied."""
    python: Word | None = None
    """Instead of `rule`: the function of Handrail's own that decides, where more than one resource is read."""
    message: Cel | None = None
    """CEL that gives the sentence about a violation, with the offending value in it; a python rule has its own."""
    field: str
    """The field it is about, as spec.replicas; for `pods` below the pod's spec."""
    remedy: Sentence | dict[Name, Sentence]
    """What to do; by persona where their words differ, `default` for the others."""
    docs: Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
    """Where to read more."""
    examples: Annotated[tuple[Example, ...], Field(min_length=2)]
    """At least one that fails and one that passes."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.rule is None) == (self.python is None):
            raise ValueError("needs exactly one of rule and python")
        if self.rule is not None and self.message is None:
            raise ValueError("has a rule and no message")
        if isinstance(self.remedy, dict) and "default" not in self.remedy:
            raise ValueError("remedy has no default, for personas that it does not name")
        if Severity.NON_NEGOTIABLE is self.severity and self.waived_by:
            raise ValueError("is non-negotiable, so nobody waives it")
        missing = {Verdict.VIOLATION, Verdict.COMPLIANT} - {each.verdict for each in self.examples}
        if missing:
            raise ValueError(f"has no example whose verdict is {sorted(missing)[0]}")
        return self

    @property
    def floor(self) -> Severity:
        """The lowest severity that an organisation may give it."""
        if self.lowest is not None:
            return self.lowest
        return self.severity if self.severity is Severity.NON_NEGOTIABLE else Severity.ADVISORY

    def remedy_for(self, persona: str | None) -> str:
        """What to do, in a persona's words."""
        if isinstance(self.remedy, str):
            return self.remedy
        return self.remedy.get(persona or "default", self.remedy["default"])
