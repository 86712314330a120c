"""AdmissionPolicies: what the API server refuses in one environment's namespaces, however it comes there."""

from __future__ import annotations

from collections.abc import Iterator

from handrail.components._definition import Definition, Found, Plan, Spec, Workload
from handrail.components._labels import PREFIX
from handrail.core.errors import Problem
from handrail.core.resources import Resource
from handrail.organisation.model import AdmissionPolicy

_GROUP = "kubernetes:admissionregistration.k8s.io/v1"


class AdmissionPoliciesSpec(Spec):
    """The organisation's ValidatingAdmissionPolicies of one environment, each bound to the namespaces of its teams."""


def check(workload: Workload[AdmissionPoliciesSpec]) -> Found:
    """Parameters are objects in the cluster that nobody here makes: a policy that waits for one decides nothing."""
    for name, policy in _policies(workload).items():
        if "paramKind" in policy.spec:
            what = f"organisation.yaml's admission.{name}.spec takes parameters, which are not bound here"
            yield (), Problem(what, remedy="leave paramKind out, and write the values as variables of the policy")


def plan(workload: Workload[AdmissionPoliciesSpec]) -> Plan:
    """A policy and its binding for each one that the environment's tier has."""
    policies = _policies(workload).items()
    return Plan(tuple(each for name, policy in policies for each in _policy(workload, name, policy)))


def _policies(workload: Workload[AdmissionPoliciesSpec]) -> dict[str, AdmissionPolicy]:
    tier = workload.context.settings.tier
    return {name: each for name, each in workload.context.organisation.admission.items() if tier in each.tiers}


def _policy(workload: Workload[AdmissionPoliciesSpec], name: str, policy: AdmissionPolicy) -> Iterator[Resource]:
    # one of each environment's own: a changed policy is tried in the first of them before it holds in the next
    environment = workload.context.environment
    metadata = {"name": f"{name}-{environment}"}
    role = f"{workload.name}-{name}"
    yield Resource(role, f"{_GROUP}:ValidatingAdmissionPolicy", {"metadata": metadata, "spec": policy.spec})
    binding = {
        "policyName": metadata["name"],
        "validationActions": [str(action) for action in policy.actions],
        "matchResources": {"namespaceSelector": {"matchLabels": {f"{PREFIX}/environment": environment}}},
    }
    yield Resource(
        f"{role}-binding",
        f"{_GROUP}:ValidatingAdmissionPolicyBinding",
        {"metadata": metadata, "spec": binding},
        (role,),
    )


COMPONENT = Definition(name="AdmissionPolicies", spec=AdmissionPoliciesSpec, plan=plan, outputs={}, check=check)
