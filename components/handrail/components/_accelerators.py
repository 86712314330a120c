"""A place on the right nodes: the accelerator's limit, required affinity, toleration; and the queue before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.components._definition import Found, Workload
from handrail.components._labels import PREFIX
from handrail.components.workload_priorities import Priority
from handrail.core.errors import Problem
from handrail.core.models import unknown_word
from handrail.organisation import Accelerator, Capability

QUEUE = "default"
"""The team's LocalQueue, which its workspace holds."""


def accelerator_of(workload: Workload[Any], name: str | None) -> Accelerator | None:
    """The catalogue's entry of an accelerator; None where none is asked for."""
    return workload.context.organisation.accelerators[name] if name else None


def quota_of(workload: Workload[Any], name: str) -> int:
    """How many of an accelerator the team may hold in one environment."""
    quota = getattr(workload.context.owner, "quota", None)
    return quota.accelerators.get(name, 0) if quota else 0


def check_accelerator(workload: Workload[Any], name: str | None, count: int, *path: str) -> Found:
    """An accelerator that the organisation lacks, or more of them than the team's quota has."""
    catalogue = workload.context.organisation.accelerators
    if name is None:
        return
    if name not in catalogue:
        yield path, unknown_word(name, catalogue, "", None, noun="accelerator of the organisation")
        return
    context = workload.context
    team, own = context.team, quota_of(workload, name)
    # in Kueue's cohort a team may borrow what others leave idle, of a kind that it has; a ResourceQuota lends nothing
    shared = sum(each.quota.accelerators.get(name, 0) for each in context.organisation.teams.values())
    most = shared if own and context.cluster.has(Capability.KUEUE) else own
    if count > most:
        yield (
            path,
            Problem(
                f"asks for more {name} than the quota of team {team} has",
                given=f"{count} {name}",
                allowed=f"at most {most}" if most else "none",
                remedy=f"ask for fewer, or have teams.{team}.quota.accelerators.{name} raised in organisation.yaml",
            ),
        )


def limits(resources: Mapping[str, Mapping[str, str]], accelerator: Accelerator | None, count: int) -> dict[str, Any]:
    """A container's resources with its accelerators: an extended resource's request equals its limit."""
    devices = {accelerator.resource: str(count)} if accelerator else {}
    return {side: {**amounts, **devices} for side, amounts in resources.items()}


def placement(accelerator: Accelerator | None) -> dict[str, Any]:
    """Required node affinity and tolerations: never merely preferred, or a GPU job ends on a CPU node."""
    if accelerator is None:
        return {}
    terms = [
        {"key": key, "operator": "In", "values": [value]} for key, value in sorted(accelerator.node_labels.items())
    ]
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": terms}]}}
    # ExtendedResourceToleration would add one in some clusters only (kubernetes#55839), so it is written here
    tolerations = [
        {
            "key": taint.key,
            "operator": "Equal" if taint.value else "Exists",
            **({"value": taint.value} if taint.value else {}),
            "effect": taint.effect,
        }
        for taint in accelerator.taints
    ]
    return {"affinity": {"nodeAffinity": affinity}, **({"tolerations": tolerations} if tolerations else {})}


def accelerator_labels(name: str | None) -> dict[str, str]:
    """What joins DCGM's metrics, beside the pod's team and workload labels, to what was asked for."""
    return {f"{PREFIX}/accelerator": name} if name else {}


def queue_labels(workload: Workload[Any], priority: Priority) -> dict[str, str]:
    """What Kueue admits by, where the cluster has it; on the object that Kueue manages, not on its pods."""
    if not workload.context.cluster.has(Capability.KUEUE):
        return {}
    return {"kueue.x-k8s.io/queue-name": QUEUE, "kueue.x-k8s.io/priority-class": str(priority)}
