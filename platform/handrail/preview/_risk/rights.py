"""Who may do what: roles and their bindings, accounts, what the API server admits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final

from handrail.core.resources import Resource
from handrail.preview._risk.model import Fact, Facts
from handrail.preview._risk.reading import at, entries, fields, name_of, text

_ESCALATING: Final = frozenset({"*", "bind", "escalate", "impersonate"})
_SENSITIVE: Final = frozenset({"*", "secrets", "pods/exec", "serviceaccounts/token", "nodes/proxy"})
_POWERFUL: Final = frozenset({"cluster-admin", "admin", "edit"})
_EVERYBODY: Final = frozenset({"system:anonymous", "system:unauthenticated", "system:authenticated"})
_MOST: Final = 512  # rights that one rule is taken apart into


def role(resource: Resource) -> Iterator[Fact]:
    """Each right that a Role or ClusterRole holds."""
    for index, rule in enumerate(entries(resource.inputs, "rules")):
        verbs, path = _texts(rule, "verbs"), f"rules[{index}]"
        names = _texts(rule, "resourceNames") or ["*"]
        parts = product(_texts(rule, "apiGroups"), _texts(rule, "resources"), names, verbs)
        for count, (group, kind, name, verb) in enumerate(parts):
            if count == _MOST:
                break
            what = "everything" if kind == "*" else kind + (f" {name}" if name != "*" else "")
            said = f"whoever is bound to {name_of(resource)} may {'do anything with' if verb == '*' else verb} {what}"
            risky = verb in _ESCALATING or (kind in _SENSITIVE and verb not in ("list", "watch"))
            yield Fact(("may", group, kind, name, verb), said, path, anew=risky)
        for url, verb in product(_texts(rule, "nonResourceURLs"), verbs):
            said = f"whoever is bound to {name_of(resource)} may {verb} {url}"
            yield Fact(("url", url, verb), said, path, anew=url == "*")
    if (aggregated := at(resource.inputs, "aggregationRule")) is not None:
        said = "the rights of other roles that carry its labels are its own as well"
        yield Fact(("aggregates", text(aggregated)), said, "aggregationRule", anew=True)


def binding(resource: Resource) -> Iterator[Fact]:
    """Each subject that a binding gives a role to."""
    reference = at(resource.inputs, "roleRef")
    kind, given = text(at(reference, "kind")), text(at(reference, "name"))
    wide = resource.kind == "ClusterRoleBinding"
    for subject in entries(resource.inputs, "subjects"):
        who = text(at(subject, "name"))
        space = text(at(subject, "namespace"))
        where = " in every namespace" if wide else ""
        said = f"{text(at(subject, 'kind'))} {who} gets the rights of {kind} {given}{where}"
        key = ("gets", kind, given, text(at(subject, "kind")), space, who)
        yield Fact(key, said, "subjects", anew=wide or given in _POWERFUL or who in _EVERYBODY)


def account(resource: Resource) -> Iterator[Fact]:
    """What a ServiceAccount gives to the pods that run as it."""
    if at(resource.inputs, "automountServiceAccountToken") is not False:
        said = "its pods hold a token for the API server: automountServiceAccountToken is not false"
        yield Fact(("token",), said, "automountServiceAccountToken")
    for key, value in fields(resource.inputs, "metadata", "annotations").items():
        if key in _CLOUD_ROLES:
            said = f"its pods act as {text(value)} in the cloud"
            yield Fact(("cloud", str(key), text(value)), said, "metadata.annotations", anew=True)


_CLOUD_ROLES: Final = (
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
)


def policy(resource: Resource) -> Iterator[Fact]:
    """Everything that decides what an admission policy refuses: any of it that is otherwise may loosen it."""
    name, spec = name_of(resource), fields(resource.inputs, "spec")
    yield Fact(("judges",), f"the API server no longer asks {resource.kind} {name}", "")
    if text(at(spec, "failurePolicy"), "Fail") == "Fail":
        said = f"{name} lets through what it cannot judge: failurePolicy is not Fail"
        yield Fact(("fails",), said, "spec.failurePolicy")
    for index, each in enumerate(entries(spec, "validations")):
        said = f"{name} no longer holds: {text(at(each, 'message')) or text(at(each, 'expression'))}"
        yield Fact(("validation", text(at(each, "expression"))), said, f"spec.validations[{index}]")
    for part in ("matchConstraints", "variables", "paramKind"):
        said = f"{name} judges otherwise: {part} changes"
        yield Fact((part, text(at(spec, part))), said, f"spec.{part}")


def exempt(resource: Resource) -> Iterator[Fact]:
    """What an admission policy lets through unseen."""
    for index, each in enumerate(entries(resource.inputs, "spec", "matchConditions")):
        said = f"{name_of(resource)} looks only at what meets {text(at(each, 'expression'))}"
        yield Fact(("only", text(at(each, "expression"))), said, f"spec.matchConditions[{index}]")


def policy_binding(resource: Resource) -> Iterator[Fact]:
    """Where an admission policy holds, and what follows."""
    name, spec = name_of(resource), fields(resource.inputs, "spec")
    yield Fact(("judges",), f"the policy {text(at(spec, 'policyName'))} holds no longer where {name} bound it", "")
    for action in _texts(spec, "validationActions"):
        yield Fact(("action", action), f"{name} no longer answers with {action}", "spec.validationActions")
    for part in ("policyName", "matchResources", "paramRef"):
        yield Fact((part, text(at(spec, part))), f"{name} holds elsewhere: {part} changes", f"spec.{part}")


def webhook(resource: Resource) -> Iterator[Fact]:
    """Each webhook of a configuration, as a whole."""
    said = f"the API server no longer asks the webhooks of {name_of(resource)}"
    yield Fact(("judges",), said, "webhooks")
    for each in entries(resource.inputs, "webhooks"):
        said = f"the webhook {text(at(each, 'name'))} is asked no longer, or otherwise"
        yield Fact(("webhook", text(each)), said, "webhooks")


_LEVELS: Final = {"restricted": 2, "baseline": 1}
_ENFORCE: Final = "pod-security.kubernetes.io/enforce"


def pod_security(resource: Resource) -> Iterator[Fact]:
    """The levels of pod security that a namespace enforces: restricted includes baseline."""
    level = text(fields(resource.inputs, "metadata", "labels").get(_ENFORCE))
    for name, rank in _LEVELS.items():
        if _LEVELS.get(level, 0) >= rank:
            said = f"pods in {name_of(resource)} need not meet the {name} Pod Security Standard any more"
            yield Fact(("enforces", name), said, f"metadata.labels.{_ENFORCE}")


def bounded(resource: Resource) -> Iterator[Fact]:
    """That a quota or a limit bounds what a namespace takes."""
    yield Fact(("bounds",), f"{resource.kind} {name_of(resource)} bounds no longer what its namespace takes", "")


def _texts(value: Any, *path: str) -> list[str]:
    return [text(each) for each in entries(value, *path)]


_GROUP: Final = "kubernetes:rbac.authorization.k8s.io/v1"
_ADMISSION: Final = "kubernetes:admissionregistration.k8s.io/v1"

OPENS: Final[Mapping[str, Facts]] = {
    f"{_GROUP}:Role": role,
    f"{_GROUP}:ClusterRole": role,
    f"{_GROUP}:RoleBinding": binding,
    f"{_GROUP}:ClusterRoleBinding": binding,
    "kubernetes:core/v1:ServiceAccount": account,
    f"{_ADMISSION}:ValidatingAdmissionPolicy": exempt,
}
SHUTS: Final[Mapping[str, Facts]] = {
    f"{_ADMISSION}:ValidatingAdmissionPolicy": policy,
    f"{_ADMISSION}:ValidatingAdmissionPolicyBinding": policy_binding,
    f"{_ADMISSION}:ValidatingWebhookConfiguration": webhook,
    f"{_ADMISSION}:MutatingWebhookConfiguration": webhook,
    "kubernetes:core/v1:Namespace": pod_security,
    "kubernetes:core/v1:ResourceQuota": bounded,
    "kubernetes:core/v1:LimitRange": bounded,
}
