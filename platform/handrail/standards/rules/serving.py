"""What only the resources of a workload together tell: how many serve, where, what a drain leaves, who may call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from handrail.core.resources import Path, Token
from handrail.standards._fields import ABSENT, read_one
from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach

_REPLICAS: Final = ("spec", "replicas")
_SMALLEST: Final = {"HorizontalPodAutoscaler": "minReplicas", "ScaledObject": "minReplicaCount"}


def replicas(evidence: Evidence, about: Sequence[Subject], params: Mapping[str, Any]) -> Iterator[Breach]:
    """Deployments with fewer replicas than they must have, counted as their autoscaler has it where they have one."""
    for subject in about:
        where, count = _smallest(evidence, subject)
        if isinstance(count, Token):
            yield Breach(subject, _REPLICAS, "how many replicas there are is decided at up", Verdict.UNKNOWN)
        elif count < params["replicas"]:
            said = f"{where} has {count} replica{'s' * (count != 1)}, at least {params['replicas']} are asked"
            yield Breach(subject, _REPLICAS, said, given=str(count))


def disruption(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Deployments with replicas to lose and no budget that says how many may go at once."""
    for subject in about:
        where, count = _smallest(evidence, subject)
        if isinstance(count, Token):
            yield Breach(subject, _REPLICAS, "how many replicas there are is decided at up", Verdict.UNKNOWN)
            continue
        budgets = [each for each in evidence.of("PodDisruptionBudget") if _selects(each, ("spec", "selector"), subject)]
        if count < 2:
            continue
        if not budgets:
            yield Breach(
                subject, _REPLICAS, f"no PodDisruptionBudget selects the pods of {where}", given=f"{count} replicas"
            )
        elif all(_shut(each, count) for each in budgets):
            yield Breach(
                subject, _REPLICAS, f"the PodDisruptionBudget of {where} lets no pod go", given=f"{count} replicas"
            )


def spread(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Deployments with several replicas that may all stand on one node."""
    for subject in about:
        where, count = _smallest(evidence, subject)
        pod = subject.pod if isinstance(subject.pod, Mapping) else {}
        path: Path = (*(subject.pod_path or ()), "topologySpreadConstraints")
        if pod.get("topologySpreadConstraints") or (pod.get("affinity") or {}).get("podAntiAffinity"):
            continue
        if isinstance(count, Token):
            yield Breach(subject, path, "how many replicas there are is decided at up", Verdict.UNKNOWN)
        elif count > 1:
            yield Breach(subject, path, f"nothing spreads the {count} replicas of {where}")


def network(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Workloads whose pods no network policy selects in both directions."""
    path: Path = ("metadata", "labels")
    for subject in about:
        policies = [each for each in evidence.of("NetworkPolicy") if _selects(each, ("spec", "podSelector"), subject)]
        types = {word for each in policies for word in each.plain.get("spec", {}).get("policyTypes") or ()}
        missing = [word for word in ("Ingress", "Egress") if word not in types]
        if missing:
            name = subject.plain.get("metadata", {}).get("name", "it")
            yield Breach(subject, path, f"no NetworkPolicy for {' and '.join(missing)} selects the pods of {name}")


def _smallest(evidence: Evidence, subject: Subject) -> tuple[str, Any]:
    """A Deployment's name, and how many replicas it has at its smallest; a Token where only the engine knows."""
    name = str(subject.plain.get("metadata", {}).get("name", subject.resource.name))
    for scaler in evidence.of(*_SMALLEST):
        target = scaler.plain.get("spec", {}).get("scaleTargetRef", {}).get("name")
        if target == name:
            field = _SMALLEST[scaler.resource.kind]
            _, least = read_one(scaler.resource.inputs, ("spec", field))
            # the API server's default of the first is 1, KEDA's of the second 0
            return name, (1 if field == "minReplicas" else 0) if least is ABSENT else least
    _, count = read_one(subject.resource.inputs, _REPLICAS)
    return name, 1 if count is ABSENT else count


def _selects(selector: Subject, where: tuple[str, ...], subject: Subject) -> bool:
    """Whether something selects a subject's pods, by labels alone; an empty selector selects all."""
    _, found = read_one(selector.plain, where)
    wanted = found.get("matchLabels") or {} if isinstance(found, Mapping) else None
    path = subject.pod_path or ()
    _, labels = read_one(subject.plain, (*path[:-1], "metadata", "labels"))
    return isinstance(wanted, Mapping) and isinstance(labels, Mapping) and wanted.items() <= labels.items()


def _shut(budget: Subject, count: int) -> bool:
    """Whether a budget lets no pod go at all."""
    spec = budget.plain.get("spec", {})
    return str(spec.get("maxUnavailable", "")) in ("0", "0%") or str(spec.get("minAvailable", "")) in (
        "100%",
        str(count),
    )
