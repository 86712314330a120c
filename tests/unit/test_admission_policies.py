"""AdmissionPolicies as data: what a list in organisation.yaml becomes in each environment."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.components import admission_policies
from handrail.components._definition import Prepared, prepare
from handrail.core.errors import DocumentError, PlanError
from handrail.organisation import Context
from handrail.organisation.model import AdmissionAction, AdmissionPolicy, Tier

SPEC: dict[str, Any] = {
    "matchConstraints": {
        "resourceRules": [
            {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
        ]
    },
    "validations": [{"expression": "has(object.spec.activeDeadlineSeconds)"}],
}


def policies(context: Context, **found: AdmissionPolicy) -> Prepared:
    """What acme's platform stack would make of these, without the standards."""
    acme = context.organisation.model_copy(update={"admission": found, "standards": None})
    context = replace(context, team="platform", stack="platform-dev", organisation=acme)
    return prepare(admission_policies.COMPONENT, "admission", {}, context)


def test_manifests(context: Context, manifests: Any) -> None:
    """acme's own, with their bindings, as a golden file."""
    found = policies(context, **context.organisation.admission)
    assert [dict(resource.inputs) for resource in found.plan.resources] == manifests


def test_each_environment_has_its_own(context: Context) -> None:
    """So that a change holds in development first; each is bound to the namespaces of its own environment."""
    for environment in ("dev", "prod"):
        ours = policies(replace(context, environment=environment), ended=AdmissionPolicy(spec=SPEC))
        policy, binding = (resource.inputs for resource in ours.plan.resources)
        assert policy["metadata"]["name"] == binding["spec"]["policyName"] == f"ended-{environment}"
        assert binding["spec"]["matchResources"] == {
            "namespaceSelector": {"matchLabels": {"handrail.dev/environment": environment}}
        }
        assert binding["spec"]["validationActions"] == ["Deny"]


def test_only_in_its_tiers(context: Context) -> None:
    """A policy of production says nothing in development."""
    strict = AdmissionPolicy(spec=SPEC, tiers=(Tier.PRODUCTION,), actions=(AdmissionAction.WARN, AdmissionAction.AUDIT))
    assert policies(context, strict=strict).plan.resources == ()
    _, binding = policies(replace(context, environment="prod"), strict=strict).plan.resources
    assert binding.inputs["spec"]["validationActions"] == ["Warn", "Audit"]


def test_a_word_that_kubernetes_lacks(context: Context) -> None:
    """Is refused before anything is registered: the provider would drop it, and the policy would let all through."""
    rules = [{**SPEC["matchConstraints"]["resourceRules"][0], "operation": ["CREATE"]}]
    with pytest.raises(PlanError) as error:
        policies(context, ended=AdmissionPolicy(spec={**SPEC, "matchConstraints": {"resourceRules": rules}}))
    assert "resourceRules[0].operation: is not a field" in str(error.value)


def test_parameters_are_refused(context: Context) -> None:
    """Nobody binds them: the policy would decide nothing."""
    with pytest.raises(DocumentError) as error:
        policies(context, ended=AdmissionPolicy(spec={**SPEC, "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}))
    assert "admission.ended.spec takes parameters" in str(error.value)
    assert "as variables" in str(error.value)


@pytest.mark.parametrize("actions", [("Deny", "Warn"), ("Audit", "Audit"), ()])
def test_actions_that_exclude_each_other(actions: tuple[str, ...]) -> None:
    """As Kubernetes has it."""
    with pytest.raises(ValueError, match=r"both Deny and Warn|twice|at least 1"):
        AdmissionPolicy.model_validate({"spec": SPEC, "actions": actions})
