"""What only the resources of a workload together tell: how many serve, where, what a drain leaves, who may call."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from handrail.core.resources import Path, Token
from handrail.standards._fields import ABSENT, read_one
from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach

_REPLICAS: Final = ("spec", "replicas")
# each autoscaler's field, and what the API server or KEDA takes where it is absent
_SMALLEST: Final = {"HorizontalPodAutoscaler": ("minReplicas", 1), "ScaledObject": ("minReplicaCount", 0)}
_TRACK: Final = "handrail.dev/track"
_CANARYS: Final = 2
_LATER: Final = "decided at up, when it is known"


def replicas(evidence: Evidence, about: Sequence[Subject], params: Mapping[str, Any]) -> Iterator[Breach]:
    """Deployments with fewer replicas than they must have, counted as their autoscaler has it where they have one.

    Those that answer behind one Service are counted together. Of a canary, which answers a part, two are enough.
    """
    for subject in about:
        count = _smallest(evidence, subject)
        asked = min(params["replicas"], _CANARYS) if subject.labels.get(_TRACK) == "canary" else params["replicas"]
        if count is None:
            yield _uncounted(subject)
        elif count < asked and count + _beside(evidence, subject) < params["replicas"]:
            said = f"{_name(subject)} has {_replicas(count)}, at least {asked} are asked"
            yield Breach(subject, _REPLICAS, said, given=str(count))


def disruption(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Deployments with replicas to lose and no budget that says how many may go, or with one that lets none go."""
    for subject in about:
        count = _smallest(evidence, subject)
        budgets = evidence.of("PodDisruptionBudget")
        held = [each for each in budgets if _selects(each, ("spec", "selector"), subject)]
        if count is None:
            yield _uncounted(subject)
        elif shut := next((each for each in held if _shut(each, count)), None):
            said = f"{_limit(shut)} of PodDisruptionBudget {_name(shut)} lets none of {_replicas(count)} go"
            yield Breach(subject, _REPLICAS, said, given=_replicas(count))
        elif any(path[:1] == ("spec",) for each in budgets for path in each.unknown) or (
            budgets and _unlabelled(subject)
        ):
            said = f"whether a PodDisruptionBudget lets pods of {_name(subject)} go is {_LATER}"
            yield Breach(subject, _REPLICAS, said, Verdict.UNKNOWN)
        elif count > 1 and not held:
            said = f"no PodDisruptionBudget selects the pods of {_name(subject)}"
            yield Breach(subject, _REPLICAS, said, given=_replicas(count))


def spread(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Deployments with several replicas that may all stand on one node."""
    for subject in about:
        count = _smallest(evidence, subject)
        pod = subject.pod_path or ()
        path = (*pod, "topologySpreadConstraints")
        rules = [read_one(subject.resource.inputs, each)[1] for each in (path, (*pod, "affinity", "podAntiAffinity"))]
        if count in (0, 1) or any(not isinstance(each, Token) and each is not ABSENT and each for each in rules):
            continue
        if count is None:
            yield _uncounted(subject, path)
        elif any(isinstance(each, Token) for each in rules):
            said = f"whether something spreads the {count} replicas of {_name(subject)} is {_LATER}"
            yield Breach(subject, path, said, Verdict.UNKNOWN)
        else:
            yield Breach(subject, path, f"nothing spreads the {count} replicas of {_name(subject)}")


def network(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Workloads whose pods no network policy selects in both directions."""
    path: Path = ("metadata", "labels")
    policies = evidence.of("NetworkPolicy")
    for subject in about:
        selecting = [each for each in policies if _selects(each, ("spec", "podSelector"), subject)]
        ways = {str(way) for each in selecting for way in _ways(each)}
        missing = [way for way in ("Ingress", "Egress") if way not in ways]
        said = f"no NetworkPolicy for {' and '.join(missing)} selects the pods of {_name(subject)}"
        if missing and any(_undecided(each) or _unlabelled(subject) for each in policies):
            yield Breach(subject, path, f"whether {said} is {_LATER}", Verdict.UNKNOWN)
        elif missing:
            yield Breach(subject, path, said)


def _smallest(evidence: Evidence, subject: Subject) -> int | None:
    """How many replicas a Deployment has when it has fewest; None where only the engine knows."""
    _, name = read_one(subject.resource.inputs, ("metadata", "name"))
    for scaler in evidence.of(*_SMALLEST):
        _, target = read_one(scaler.resource.inputs, ("spec", "scaleTargetRef", "name"))
        if isinstance(name, Token) or isinstance(target, Token):
            return None
        if target == name:
            field, otherwise = _SMALLEST[scaler.resource.kind]
            return _count(scaler, ("spec", field), otherwise)
    return _count(subject, _REPLICAS, 1)


def _beside(evidence: Evidence, subject: Subject) -> int:
    """How many replicas of other Deployments answer behind the Services that lead to this one's."""
    services = [each for each in evidence.of("Service") if _leads(each, subject)]
    others = [each for each in evidence.of("Deployment") if each is not subject]
    return sum(_smallest(evidence, each) or 0 for each in others if any(_leads(service, each) for service in services))


def _leads(service: Subject, subject: Subject) -> bool:
    """Whether a Service selects a subject's pods; one without a selector selects none."""
    _, found = read_one(service.plain, ("spec", "selector"))
    _, labels = read_one(subject.plain, _labels(subject))
    return (
        isinstance(found, Mapping) and isinstance(labels, Mapping) and bool(found) and found.items() <= labels.items()
    )


def _count(subject: Subject, where: tuple[str, ...], otherwise: int) -> int | None:
    _, found = read_one(subject.resource.inputs, where)
    if isinstance(found, Token):
        return None
    # the API server refuses what is no number
    return found if isinstance(found, int) else otherwise


def _uncounted(subject: Subject, path: Path = _REPLICAS) -> Breach:
    return Breach(subject, path, f"how many replicas {_name(subject)} has is {_LATER}", Verdict.UNKNOWN)


def _selects(selector: Subject, where: tuple[str, ...], subject: Subject) -> bool:
    """Whether a label selector selects a subject's pods; an empty one selects all, an absent one none."""
    _, found = read_one(selector.plain, where)
    _, labels = read_one(subject.plain, _labels(subject))
    if not isinstance(found, Mapping):
        return False
    labels = labels if isinstance(labels, Mapping) else {}
    wanted, asked = found.get("matchLabels") or {}, found.get("matchExpressions") or []
    if not isinstance(wanted, Mapping) or not isinstance(asked, list | tuple):
        return False
    equal = all(labels.get(key) == value for key, value in wanted.items())
    return equal and all(isinstance(each, Mapping) and _holds(each, labels) for each in asked)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, found = str(expression.get("key")), expression.get("values")
    values = found if isinstance(found, list | tuple) else ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def _labels(subject: Subject) -> tuple[str, ...]:
    return (*(subject.pod_path or ("",))[:-1], "metadata", "labels")


def _unlabelled(subject: Subject) -> bool:
    """Whether a label of a subject's pods is one that only the engine knows."""
    where = _labels(subject)
    return any(path[: len(where)] == where[: len(path)] for path in subject.unknown)


def _undecided(policy: Subject) -> bool:
    """Whether the engine alone knows whom a network policy selects, or in which direction."""
    asked = (("spec", "podSelector"), ("spec", "policyTypes"))
    return any(path[:2] in asked or path == ("spec",) for path in policy.unknown)


def _ways(policy: Subject) -> Sequence[str]:
    """The directions that a network policy is about, as the API server defaults them."""
    _, types = read_one(policy.plain, ("spec", "policyTypes"))
    if isinstance(types, list | tuple) and types:
        return types
    _, rules = read_one(policy.plain, ("spec", "egress"))
    return ("Ingress", "Egress") if isinstance(rules, list | tuple) and rules else ("Ingress",)


def _shut(budget: Subject, count: int) -> bool:
    """Whether a budget lets no pod go while there are `count`, as Kubernetes rounds percentages: up."""
    _, most = read_one(budget.plain, ("spec", "maxUnavailable"))
    _, least = read_one(budget.plain, ("spec", "minAvailable"))
    return (most is not ABSENT and _of(most, 100) == 0) or (least is not ABSENT and _of(least, count) >= count > 0)


def _of(value: Any, count: int) -> int:
    """A number, or a percentage of `count`; what is neither lets pods go."""
    text = str(value)
    share = text.removesuffix("%")
    if not share.isdecimal():
        return -1
    return math.ceil(int(share) * count / 100) if share != text else int(share)


def _limit(budget: Subject) -> str:
    fields = ((field, read_one(budget.plain, ("spec", field))[1]) for field in ("maxUnavailable", "minAvailable"))
    return next(f"{field} {value}" for field, value in fields if value is not ABSENT)


def _name(subject: Subject) -> str:
    _, found = read_one(subject.plain, ("metadata", "name"))
    return found if isinstance(found, str) and found else subject.resource.name


def _replicas(count: int) -> str:
    return f"{count} replica{'s' * (count != 1)}"
