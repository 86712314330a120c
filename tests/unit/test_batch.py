"""Rules evaluated together say what each of them says alone."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import acme

from handrail.core.resources import Given, Resource
from handrail.organisation.model import Tier
from handrail.standards import Contract, Finding, Verdict, cel, judge, verdicts
from handrail.standards.catalogue import catalogue_of
from handrail.standards.evidence import POD_SPECS, Subject
from handrail.standards.examples import cases
from handrail.standards.samples import sample
from handrail.standards.standard import Standard

STANDARDS = tuple(catalogue_of(acme(), None).values())
ALL = Contract("prod", Tier.PRODUCTION, STANDARDS)
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
EXAMPLES = [pytest.param(case, id=f"{each.id}-{case.name}") for each in STANDARDS for case in cases(each)]
OPEN = (Verdict.VIOLATION, Verdict.UNKNOWN)


def one_by_one(resource: Resource, contract: Contract) -> Iterator[Finding]:
    """What each standard in CEL says of a resource, asked alone."""
    subject = Subject(resource)
    bound = cel.bind(subject.bindings(contract.environment, contract.tier))
    for standard in contract.standards:
        if standard.clause.rule and standard.applies(subject):
            yield standard.decide(subject, bound)


def together(resource: Resource, contract: Contract) -> list[Finding]:
    """What the standards in CEL say of it as the judge asks them."""
    in_cel = {each.id for each in contract.standards if each.clause.rule}
    return [each for each in verdicts([resource], contract) if each.standard in in_cel]


@pytest.mark.parametrize("case", EXAMPLES)
def test_every_example_has_the_same_findings_together_and_one_by_one(case: Any) -> None:
    """Of all standards about it, not of the one whose example it is alone; compliance included."""
    for resource in case.resources:
        assert together(resource, ALL) == list(one_by_one(resource, ALL))


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 2**70), st.floats(), st.text(max_size=5), st.just(Given(None))),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "image", "limits", "env", "labels", "a/b.c"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PLACES = [
    ("metadata",), ("metadata", "labels"), ("spec",), ("spec", "replicas"), ("spec", "strategy"),
    *((*POD_SPECS[DEPLOYMENT], *more) for more in (
        (), ("containers",), ("initContainers",), ("containers", 0), ("containers", 0, "image"),
        ("containers", 0, "resources"), ("containers", 0, "ports"), ("containers", 0, "env"), ("tolerations",),
        ("affinity",), ("securityContext",),
    )),
]  # fmt: skip


def put(inputs: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """A copy with a value at a place."""
    first, *rest = place
    new = (
        put(inputs.get(first, {}) if isinstance(inputs, dict) else inputs[first], tuple(rest), value) if rest else value
    )
    if isinstance(inputs, dict):
        return {**inputs, first: new}
    return [new if index == first else each for index, each in enumerate(inputs)]


@given(st.sampled_from(PLACES), VALUES)
@settings(deadline=None)
def test_a_manifest_of_any_shape_has_the_same_findings_together_and_one_by_one(
    place: tuple[str | int, ...], value: Any
) -> None:
    """Where rules fail on it, and where only the engine knows a part of it."""
    resource = Resource("web", DEPLOYMENT, put(sample(DEPLOYMENT), place, value))
    assert together(resource, ALL) == list(one_by_one(resource, ALL))


@given(st.sampled_from(PLACES), VALUES)
@settings(deadline=None)
def test_the_judge_finds_what_is_not_compliant_among_all_verdicts(place: tuple[str | int, ...], value: Any) -> None:
    """Rules in Python included, in the same order."""
    resource = Resource("web", DEPLOYMENT, put(sample(DEPLOYMENT), place, value))
    assert judge([resource], ALL) == [each for each in verdicts([resource], ALL) if each.verdict in OPEN]


def with_rule(rule: str, name: str = "own") -> Standard:
    """A standard with another rule."""
    standard = next(each for each in STANDARDS if each.id == "no-service-account-token")
    clause = standard.clause.model_copy(update={"rule": rule, "variables": {}})
    return replace(standard, id=name, clause=clause, params={})


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("true // a comment ends it", Verdict.COMPLIANT),
        ("1 + 1 == 3", Verdict.VIOLATION),
        ("object.spec.nothing == 1", Verdict.VIOLATION),
        ("object.spec.replicas", Verdict.VIOLATION),
        ("[1, 'a', null] == [1, 'a', null]", Verdict.COMPLIANT),
    ],
)
def test_a_rule_of_an_odd_kind_changes_no_other_rules_verdict(rule: str, verdict: Verdict) -> None:
    """One that fails on a manifest, gives no truth value, or ends in a comment."""
    standards = (with_rule("true", "before"), with_rule(rule), with_rule("1 == 1", "after"))
    contract = Contract("prod", Tier.PRODUCTION, standards)
    found = together(Resource("web", DEPLOYMENT, sample(DEPLOYMENT)), contract)
    assert [each.verdict for each in found] == [Verdict.COMPLIANT, verdict, Verdict.COMPLIANT]


def test_rules_that_are_too_long_for_one_program_are_asked_one_by_one() -> None:
    """An organisation may have as many standards of its own as it wants."""
    long = " && ".join(f"object.metadata.name != '{'x' * 60}{n}'" for n in range(40))
    standards = tuple(with_rule(f"{long} && {n} >= 0", f"own-{n}") for n in range(60))
    with pytest.raises(cel.CelError):
        cel.compiled(f"[{', '.join(each.rule.text for each in standards if each.rule)}]")
    found = together(Resource("web", DEPLOYMENT, sample(DEPLOYMENT)), Contract("prod", Tier.PRODUCTION, standards))
    assert [each.verdict for each in found] == [Verdict.COMPLIANT] * len(standards)


@pytest.mark.parametrize("containers", [5, "main", {"a": 1}, True])
def test_containers_that_are_no_list_are_a_finding(containers: Any) -> None:
    """As at admission, where a rule that fails refuses."""
    resource = Resource("web", DEPLOYMENT, put(sample(DEPLOYMENT), (*POD_SPECS[DEPLOYMENT], "containers"), containers))
    found = {each.standard: each for each in judge([resource], ALL)}
    assert "its rule failed on this" in found["images-tagged"].message
