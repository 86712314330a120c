"""Standards as ValidatingAdmissionPolicies: the same rules, at the API server, for whatever comes there and however.

Parameters and names are written out, so that a policy says all that it decides by. A waiver ends in the cluster on its
own day: admission has no clock, so its policy takes the API server's own Lease as parameter, whose renewTime is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from handrail.organisation.model import Severity
from handrail.standards import cel
from handrail.standards._kinds import api_of
from handrail.standards.contract import Contract
from handrail.standards.evidence import CONTAINERS, ENVIRONMENT, LABELS, POD_SPECS
from handrail.standards.standard import Standard
from handrail.standards.waivers import Waiver

_CLUSTER_WIDE: Final = frozenset({"ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass"})
# made by controllers out of what was judged before, and changed by them ever after: judged when they are made
_MADE_BY_OTHERS: Final = frozenset({"Pod", "ReplicaSet", "Job"})
_LEASE: Final = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
_API_SERVERS: Final = {
    "namespace": "kube-system",
    "selector": {"matchLabels": {"apiserver.kubernetes.io/identity": "kube-apiserver"}},
    "parameterNotFoundAction": "Deny",
}
_CHANGED: Final = {
    "name": "changed",  # what was admitted before the standard held may still be deleted, and have its status written
    "expression": "oldObject == null || !has(object.metadata.deletionTimestamp)",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A ValidatingAdmissionPolicy and its binding.

    Args:
        name: of both.
        spec, binding: their specs.
    """

    name: str
    spec: Mapping[str, Any]
    binding: Mapping[str, Any]


def policies(contract: Contract) -> Iterator[Policy]:
    """What a contract is at admission: one policy for each standard that can be said there, two where it is waived."""
    for standard in contract.standards:
        if why_not(standard) is None:
            waivers = [waiver for waiver in contract.waivers.held if _concerns(waiver, standard, contract)]
            yield _policy(standard, contract, waivers)
            if waivers:
                yield _while_waived(standard, contract, waivers)


def why_not(standard: Standard) -> str | None:
    """Why a standard cannot be said at admission; None where it can."""
    if standard.clause.python:
        return "it needs more than the one object that is admitted, or more than CEL can say"
    if not any(token.startswith("kubernetes:") for token in standard.types):
        return "it is about no Kubernetes object"
    if not _types(standard):
        return "it is about objects of the whole cluster, which no environment's namespaces hold"
    return None


def _types(standard: Standard) -> list[str]:
    return sorted(
        token
        for token in standard.types
        if token.startswith("kubernetes:") and token.rpartition(":")[2] not in _CLUSTER_WIDE
    )


def _concerns(waiver: Waiver, standard: Standard, contract: Contract) -> bool:
    return waiver.standard == standard.id and waiver.environment == contract.environment


def name_of(standard: Standard, contract: Contract) -> str:
    """The name of a standard's policy in an environment."""
    return f"handrail-{standard.id}-{contract.environment}"


def _policy(standard: Standard, contract: Contract, waivers: list[Waiver]) -> Policy:
    assert standard.clause.rule
    rule = cel.inlined(standard.clause.rule, standard.names)
    spared = (
        f"{cel.literal([each.workload for each in waivers])}.exists(w, w == variables.address) || " if waivers else ""
    )
    return _made(
        name_of(standard, contract), standard, contract, f"{spared}({rule})" if spared else rule, bool(waivers)
    )


def _while_waived(standard: Standard, contract: Contract, waivers: list[Waiver]) -> Policy:
    """For waived workloads alone, for without the Lease it refuses all that it is bound to."""
    assert standard.clause.rule
    rule = cel.inlined(standard.clause.rule, standard.names)
    held = " || ".join(
        f"(variables.address == {cel.literal(each.workload)} && "
        f"timestamp({cel.literal(f'{each.expires}T00:00:00Z')}) > timestamp(params.spec.renewTime))"
        for each in waivers
    )
    named = " || ".join(f"variables.address == {cel.literal(each.workload)}" for each in waivers)
    made = _made(f"{name_of(standard, contract)}-waived", standard, contract, f"!({named}) || {held} || ({rule})", True)
    names = sorted({each.workload.rpartition("/")[2] for each in waivers})
    selector = {"matchExpressions": [{"key": LABELS["name"], "operator": "In", "values": names}]}
    resources = {**made.binding["matchResources"], "objectSelector": selector}
    return Policy(
        made.name,
        {**made.spec, "paramKind": _LEASE},
        {**made.binding, "paramRef": _API_SERVERS, "matchResources": resources},
    )


def _made(name: str, standard: Standard, contract: Contract, expression: str, addressed: bool) -> Policy:
    message = cel.inlined(standard.clause.message or cel.literal(standard.clause.title), standard.names)
    remedy = cel.literal(f"; {standard.clause.remedy_for(None)}")
    variables = list(_variables(standard, contract, expression + message, addressed))
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": list(_resource_rules(_types(standard)))},
        "matchConditions": [_CHANGED, *_of_components(standard)],
        **({"variables": variables} if variables else {}),  # the provider drops what is empty
        "validations": [
            {
                "expression": expression,
                "reason": "Forbidden",
                "message": standard.clause.title,
                "messageExpression": f"({message}) + {remedy}",
            }
        ],
    }
    binding = {
        "policyName": name,
        "validationActions": ["Warn" if standard.severity is Severity.ADVISORY else "Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {ENVIRONMENT: contract.environment}}},
    }
    return Policy(name, spec, binding)


def _resource_rules(types: list[str]) -> Iterator[dict[str, Any]]:
    """One rule for each group, version and kind of request, in the plural that the API server has."""
    found: dict[tuple[str, str, bool], list[str]] = {}
    for token in types:
        api_version, kind = api_of(token)
        group, _, version = api_version.rpartition("/")
        found.setdefault((group, version, kind in _MADE_BY_OTHERS), []).append(plural(kind))
    for (group, version, once), resources in sorted(found.items()):
        operations = ["CREATE"] if once else ["CREATE", "UPDATE"]
        yield {"apiGroups": [group], "apiVersions": [version], "operations": operations, "resources": resources}


def plural(kind: str) -> str:
    """The resource that an API server serves a kind by, as `networkpolicies`."""
    word = kind.lower()
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _of_components(standard: Standard) -> Iterator[dict[str, str]]:
    if standard.clause.components:
        label = f"object.metadata.?labels[?{cel.literal(LABELS['component'])}].orValue('')"
        yield {"name": "component", "expression": f"{label} in {cel.literal(list(standard.clause.components))}"}


def _variables(standard: Standard, contract: Contract, text: str, addressed: bool) -> Iterator[dict[str, str]]:
    """The definitions of those names that the rule uses."""
    environment = {"name": contract.environment, "tier": str(contract.tier)}
    if "variables.workload" in text or addressed:
        fields = (
            f"{cel.literal(word)}: object.metadata.?labels[?{cel.literal(label)}].orValue('')"
            for word, label in LABELS.items()
        )
        yield {"name": "workload", "expression": f"{{{', '.join(fields)}}}"}
    if addressed:
        team = "(variables.workload.team == '' ? object.metadata.?namespace.orValue('') : variables.workload.team)"
        name = "(variables.workload.name == '' ? object.metadata.?name.orValue('') : variables.workload.name)"
        yield {"name": "address", "expression": f"{team} + '/' + {name}"}
    if "variables.environment" in text:
        yield {"name": "environment", "expression": cel.literal(environment)}
    if "variables.pod" in text or "variables.containers" in text:
        yield {"name": "pod", "expression": _pod(_types(standard))}
    if "variables.containers" in text:
        of_kind = (f"variables.pod.?{kind}.orValue([])" for kind in CONTAINERS)
        yield {"name": "containers", "expression": " + ".join(of_kind)}


def _pod(types: list[str]) -> str:
    """Where the pod's spec stands, by kind; the most common place last."""
    usual = POD_SPECS["kubernetes:apps/v1:Deployment"]
    others = {api_of(token)[1]: POD_SPECS[token] for token in types if POD_SPECS.get(token, usual) != usual}
    chosen = "".join(
        f"object.kind == {cel.literal(kind)} ? object.{'.'.join(path)} : " for kind, path in others.items()
    )
    return f"{chosen}object.{'.'.join(usual)}"
