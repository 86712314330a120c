"""Standards as ValidatingAdmissionPolicies, as data; tests/e2e/test_admission.py asks a real API server."""

from dataclasses import replace
from typing import Any

import pytest
from planned import acme, context_of, only
from spine import ORGANISATION, ROOT

from handrail.components import admission_policies
from handrail.components._definition import prepare
from handrail.standards import Contract, cel
from handrail.standards.admission import policies, why_not
from handrail.standards.catalogue import catalogue_of
from handrail.standards.waivers import Waiver, Waivers

STANDARDS = catalogue_of(acme(), None)


def waived(contract: Contract) -> Contract:
    """The contract with one waiver."""
    waiver = Waiver(
        id="w", standard=contract.standards[0].id, workload="payments/checkout", environment=contract.environment,
        reason="it is being mended", owner="mei@acme.test", approver="ada@acme.test", granted="2026-11-01",
        expires="2026-12-01", compensating_control="it is looked at daily",
    )  # fmt: skip
    return replace(contract, waivers=Waivers((waiver,)))


def test_manifests(manifests: Any) -> None:
    """A standard and its waiver, as a golden file."""
    found = policies(waived(only("images-by-digest", environment="prod")))
    assert [{"name": each.name, "spec": each.spec, "binding": each.binding} for each in found] == manifests


@pytest.mark.parametrize("name", STANDARDS)
def test_every_standard_is_said_or_has_a_reason(name: str) -> None:
    """All that its policy says is itself complete: no name is left that nothing defines."""
    standard = STANDARDS[name]
    found = list(policies(replace(only(name, environment="prod"), standards=(standard,))))
    if reason := why_not(standard):
        assert found == []
        assert reason
        return
    (policy,) = found
    defined = {f"variables.{each['name']}" for each in policy.spec.get("variables", ())}
    for validation in policy.spec["validations"]:
        for text in (validation["expression"], validation["messageExpression"]):
            reads = cel.compiled(text).reads
            used = {path[0] for path in reads.values | reads.shapes}
            assert used <= {"object", *defined}


def test_the_platform_stack_installs_them() -> None:
    """One policy and one binding for each standard of the environment that can be said so."""
    context = replace(context_of("platform"), stack="platform-dev", directory=(ROOT / ORGANISATION).parent)
    found = prepare(admission_policies.COMPONENT, "admission", {}, context)
    names = {resource.inputs["metadata"]["name"] for resource in found.plan.resources}
    for name, standard in STANDARDS.items():
        wanted = context.settings.tier in standard.tiers and why_not(standard) is None
        assert (f"handrail-{name}-dev" in names) is wanted
    silent = acme().model_copy(update={"standards": acme().standards.model_copy(update={"admission": False})})  # type: ignore[union-attr]
    found = prepare(admission_policies.COMPONENT, "admission", {}, replace(context, organisation=silent))
    assert not any(each.name.startswith("admission-handrail-") for each in found.plan.resources)
