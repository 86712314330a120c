"""What each workload among planned resources requests: of one pod, how many there are, for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from handrail.core.resources import Resource, Token
from handrail.organisation.model import Organisation
from handrail.preview._pod_requests import Usage, requests_of
from handrail.preview._quantities import quantity
from handrail.preview._risk.reading import at, entries, equals, name_of, pod_path, text
from handrail.preview._schedules import HOURS, runs_per_month
from handrail.standards.evidence import LABELS

__all__ = ["Demand", "Usage", "demands"]

_GIB: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Demand:
    """One workload's, or one volume's.

    Args:
        one: what one pod requests, or the volume holds.
        fewest: how many there are at the fewest.
        most: how many there may be at once.
        running: of a job, for how many hours a month each of its pods may run; None: always.
        unpriced: what of it has no price, or is not known yet.
    """

    one: Usage
    fewest: int = 1
    most: int = 1
    running: float | None = None
    unpriced: tuple[str, ...] = ()

    @property
    def hours(self) -> float:
        """For how many hours of a month it is paid at the most, over all its pods."""
        return self.most * (HOURS if self.running is None else self.running)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How many pods: at the fewest, at the most, and what is not known of that."""

    fewest: int
    most: int
    unclear: str = ""


def demands(resources: Sequence[Resource], organisation: Organisation) -> Iterator[Demand]:
    """What every one of them requests; those that request nothing are left out."""
    scaled = dict(_autoscaled(resources))
    for resource in resources:
        if rule := _COUNTS.get(resource.type):
            yield from rule(resource, organisation, scaled)
        elif resource.type == _CLAIM:
            size = at(resource.inputs, "spec", "resources", "requests", "storage")
            yield _storage(size, 1, 1, f"the claim {name_of(resource)}")
        elif unpriced := _unpriced(resource):
            yield Demand(Usage(), unpriced=(unpriced,))


_Target = tuple[str, str, str]


def _target(resource: Resource) -> _Target:
    return resource.kind, text(at(resource.inputs, "metadata", "namespace")), name_of(resource)


def _autoscaled(resources: Sequence[Resource]) -> Iterator[tuple[_Target, _Scale]]:
    """What each autoscaler may make, by what it scales."""
    for resource in resources:
        if resource.type in _AUTOSCALERS:
            fields, (few, many), of = _AUTOSCALERS[resource.type]
            spec = at(resource.inputs, "spec")
            given = [at(spec, name) for name in fields]
            least, most = (_count(each, default) for each, default in zip(given, (few, many), strict=True))
            unclear = f"between how many pods {name_of(resource)} scales" if _unclear(*given) else ""
            target = at(spec, "scaleTargetRef")
            namespace = text(at(resource.inputs, "metadata", "namespace"))
            key = text(at(target, "kind"), of), namespace, text(at(target, "name"))
            yield key, _Scale(least, max(least, most), unclear)


_AUTOSCALERS: Final = {
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": (("minReplicas", "maxReplicas"), (1, 1), "Deployment"),
    "kubernetes:autoscaling/v1:HorizontalPodAutoscaler": (("minReplicas", "maxReplicas"), (1, 1), "Deployment"),
    "kubernetes:keda.sh/v1alpha1:ScaledObject": (("minReplicaCount", "maxReplicaCount"), (0, 100), "Deployment"),
}
"""Its two fields, what stands for each where it is left out, and the kind that it scales by default."""


def _unclear(*values: Any) -> bool:
    return any(isinstance(value, Token) for value in values)


def _count(value: Any, default: int) -> int:
    """A number of pods; a whole number in another type counts, what is none is the default."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > _MANY:
        return default
    return max(0, int(value))


_MANY: Final = 1_000_000


def _replicated(resource: Resource, organisation: Organisation, scaled: Mapping[_Target, _Scale]) -> Iterator[Demand]:
    """A Deployment or a StatefulSet; a notebook's StatefulSet stops itself, so it may be none."""
    spec = at(resource.inputs, "spec")
    given = at(spec, "replicas")
    scale = scaled.get(_target(resource))
    if scale is None:
        count = _count(given, 1)
        labels = at(resource.inputs, "metadata", "labels")
        stops = given is None and equals(at(labels, LABELS["component"]), "NotebookEnv")
        unclear = f"how many pods {name_of(resource)} has" if _unclear(given) else ""
        scale = _Scale(0 if stops else count, count, unclear)
    yield _pods(resource, organisation, scale)
    for claim in entries(spec, "volumeClaimTemplates"):
        size = at(claim, "spec", "resources", "requests", "storage")
        whose = f"a claim {text(at(claim, 'metadata', 'name'))} of {name_of(resource)}"
        yield _storage(size, scale.fewest, scale.most, whose)


def _everywhere(resource: Resource, *_: object) -> Iterator[Demand]:
    yield Demand(
        Usage(), unpriced=(f"{name_of(resource)} runs on every node, and how many there are is not known here",)
    )


def _single(resource: Resource, organisation: Organisation, _: Mapping[_Target, _Scale]) -> Iterator[Demand]:
    yield _pods(resource, organisation, _Scale(1, 1))


def _job(resource: Resource, organisation: Organisation, _: Mapping[_Target, _Scale]) -> Iterator[Demand]:
    """A Job runs once: what it costs is that one run, until its deadline."""
    yield _run(resource, organisation, at(resource.inputs, "spec"), 1.0)


def _cron_job(resource: Resource, organisation: Organisation, _: Mapping[_Target, _Scale]) -> Iterator[Demand]:
    """Each date until the job's deadline; on demand, which is suspended, there is none."""
    spec = at(resource.inputs, "spec")
    runs = 0.0 if at(spec, "suspend") is True else runs_per_month(at(spec, "schedule"))
    overlap = text(at(spec, "concurrencyPolicy"), "Allow") == "Allow"
    yield _run(resource, organisation, at(spec, "jobTemplate", "spec"), runs, overlap=overlap)


def _run(
    resource: Resource, organisation: Organisation, job: Any, runs: float | None, *, overlap: bool = False
) -> Demand:
    """The pods of a job: at the fewest none; at the most, all at once, at every date, until the deadline."""
    parallel = _count(at(job, "parallelism"), 1)
    deadline = quantity(at(job, "activeDeadlineSeconds"))
    unclear = []
    if runs is None:
        unclear.append(f"when {name_of(resource)} runs")
    if runs and deadline is None:
        unclear.append(f"how long a run of {name_of(resource)} may take: it has no deadline")
    hours = (runs or 0.0) * (deadline / 3600 if deadline is not None else HOURS)
    base = _pods(resource, organisation, _Scale(0, parallel))
    running = hours if overlap and deadline is not None else min(hours, float(HOURS))
    return Demand(base.one, 0, parallel, running, (*base.unpriced, *(f"{each} is not known" for each in unclear)))


def _pods(resource: Resource, organisation: Organisation, scale: _Scale) -> Demand:
    path = pod_path(resource) or ()
    one, unclear = requests_of(
        at(resource.inputs, *path), at(resource.inputs, *path[:-1], "metadata", "labels"), organisation
    )
    said = [f"{each} of {name_of(resource)}" for each in unclear]
    said += [scale.unclear] if scale.unclear else []
    return Demand(one, scale.fewest, scale.most, None, tuple(f"{each} is not known" for each in said))


def _storage(size: Any, fewest: int, most: int, whose: str) -> Demand:
    found = quantity(size)
    if found is None:
        return Demand(Usage(), fewest, most, None, (f"the size of {whose} is not known",))
    said = () if found == 0 else ("storage is counted and not priced: organisation.yaml has no price for it",)
    return Demand(Usage(storage_gib=found / _GIB), fewest, most, None, said)


_CLAIM: Final = "kubernetes:core/v1:PersistentVolumeClaim"
_COUNTS: Final[Mapping[str, Callable[[Resource, Organisation, Mapping[_Target, _Scale]], Iterator[Demand]]]] = {
    "kubernetes:apps/v1:Deployment": _replicated,
    "kubernetes:apps/v1:StatefulSet": _replicated,
    "kubernetes:apps/v1:ReplicaSet": _replicated,
    "kubernetes:core/v1:ReplicationController": _replicated,
    "kubernetes:apps/v1:DaemonSet": _everywhere,
    "kubernetes:core/v1:Pod": _single,
    "kubernetes:batch/v1:Job": _job,
    "kubernetes:batch/v1:CronJob": _cron_job,
}

_COSTS: Final = {
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": "its pods are KServe's to make",
    "kubernetes:core/v1:PersistentVolume": "organisation.yaml has no price for it",
}


def _unpriced(resource: Resource) -> str:
    """What costs something that cannot be reckoned here; empty where nothing does."""
    called = f"{resource.kind} {name_of(resource)}"
    if resource.type in _COSTS:
        return f"{called}: {_COSTS[resource.type]}"
    if resource.type == "kubernetes:core/v1:Service" and equals(at(resource.inputs, "spec", "type"), "LoadBalancer"):
        return f"{called}: organisation.yaml has no price for a load balancer"
    if resource.type.startswith(_CLOUDS) and not resource.type.startswith(_FREE):
        return f"{called}: organisation.yaml has no price for {resource.type.partition('/')[0]}"
    return ""


_FREE: Final = ("aws:iam/", "aws:ec2/securityGroup", "aws:vpc/securityGroup", "aws:s3/bucketP", "aws:s3/account")
"""Types of a cloud that begin so cost nothing of themselves: rights, firewalls, settings of buckets."""
_CLOUDS: Final = ("aws:", "aws-native:", "gcp:", "azure:", "azure-native:")
