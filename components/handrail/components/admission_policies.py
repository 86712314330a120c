"""AdmissionPolicies: what the API server refuses in one environment's namespaces, however it comes there."""

from __future__ import annotations

from collections.abc import Iterator

from handrail.components._definition import Definition, Found, Plan, Spec, Workload
from handrail.components._labels import PREFIX
from handrail.core.errors import Problem
from handrail.core.resources import Resource
from handrail.organisation import Context
from handrail.organisation.model import AdmissionPolicy
from handrail.standards import contract_of
from handrail.standards.admission import Policy, policies

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
    """A policy and its binding: for each that the organisation wrote, and for each standard that can be said so."""
    own = (_own(workload, name, policy) for name, policy in _policies(workload).items())
    wanted = [*own, *(policies(contract_of(workload.context)) if holds(workload.context) else ())]
    return Plan(tuple(each for policy in wanted for each in _resources(workload, policy)))


def holds(context: Context) -> bool:
    """Whether the standards hold at admission: where the organisation has some, unless it says otherwise."""
    return context.organisation.standards is not None and context.organisation.standards.admission


def _policies(workload: Workload[AdmissionPoliciesSpec]) -> dict[str, AdmissionPolicy]:
    tier = workload.context.settings.tier
    return {name: each for name, each in workload.context.organisation.admission.items() if tier in each.tiers}


def _own(workload: Workload[AdmissionPoliciesSpec], name: str, policy: AdmissionPolicy) -> Policy:
    # one of each environment's own: a changed policy is tried in the first of them before it holds in the next
    environment = workload.context.environment
    binding = {
        "policyName": f"{name}-{environment}",
        "validationActions": [str(action) for action in policy.actions],
        "matchResources": {"namespaceSelector": {"matchLabels": {f"{PREFIX}/environment": environment}}},
    }
    return Policy(f"{name}-{environment}", policy.spec, binding)


def _resources(workload: Workload[AdmissionPoliciesSpec], policy: Policy) -> Iterator[Resource]:
    role = f"{workload.name}-{policy.name.removesuffix(f'-{workload.context.environment}')}"
    metadata = {"name": policy.name}
    yield Resource(role, f"{_GROUP}:ValidatingAdmissionPolicy", {"metadata": metadata, "spec": policy.spec})
    yield Resource(
        f"{role}-binding",
        f"{_GROUP}:ValidatingAdmissionPolicyBinding",
        {"metadata": metadata, "spec": policy.binding},
        (role,),
    )


COMPONENT = Definition(name="AdmissionPolicies", spec=AdmissionPoliciesSpec, plan=plan, outputs={}, check=check)
