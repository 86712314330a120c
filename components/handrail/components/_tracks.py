"""A track: a Deployment of another release beside the stable one, and the share of requests that it gets.

A track is a Workload with another artifact and a name of its own, so the functions that plan the stable Deployment plan
it as well. Its pods bear its name and the workload's instance label: network policies, peers and standards hold for
them, while the stable Deployment, its autoscaler and its budget never count them.

Where a route leads to a workload, the gateway shares requests by weight. Where none does, all pods stand behind one
Service, and a canary's share follows from how many of them are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from handrail.components._definition import Found, Spec, Workload
from handrail.components._labels import PREFIX
from handrail.components._released import CANARY
from handrail.core.errors import Problem
from handrail.releases import Pin

S = TypeVar("S", bound=Spec)
_MOST = 3  # canary's replicas for each of the stable ones: beyond that, it is no trial any more
_NEAR = 1  # per cent that a share may differ from its weight
# the Kubernetes provider's own words for: ready as soon as it is there; unlike skipAwait, its deletion is waited for
_AT_ONCE = {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}


def track_of(workload: Workload[S], track: str, pin: Pin, **settings: Any) -> Workload[S]:
    """The Workload of another release: the same settings but for its artifact, and for `settings`."""
    return replace(workload, track=track, spec=workload.spec.model_copy(update={**pin.pins, **settings}))


def part(count: int, weight: int) -> int:
    """As much of `count` as a share of `weight` per cent needs, rounded up; at least 1."""
    return max(1, -(-count * weight // 100))


def share(own: int, stable: int) -> float:
    """The share in per cent of `own` replicas behind one Service with `stable` others."""
    return 100 * own / (own + stable)


def replicas_beside(stable: int, weight: int) -> int | None:
    """How many replicas beside `stable` ones get a share of `weight` per cent; None where no number comes near."""
    nearest = min(range(1, _MOST * stable + 1), key=lambda own: abs(share(own, stable) - weight))
    return nearest if abs(share(nearest, stable) - weight) <= _NEAR else None


def check_share(workload: Workload[Any], stable: int) -> Found:
    """A weight that no number of replicas beside `stable` ones gives; 0 is always one."""
    canary = workload.release.canary
    if canary and canary.weight and replicas_beside(stable, canary.weight) is None:
        reachable = [f"{round(share(own, stable))} ({own} beside {stable})" for own in range(1, _MOST * stable + 1)]
        yield (
            (CANARY, "weight"),
            Problem(
                "is a share that replicas behind one Service cannot have",
                given=f"{canary.weight}",
                allowed=", ".join(["0 (it runs and gets no requests)", *reachable]),
                remedy="choose one of these, or more replicas for the stable release: their number makes finer shares",
            ),
        )


def canary_notes(workload: Workload[Any]) -> dict[str, dict[str, str]]:
    """Metadata of a canary's Deployment and Service; on its pods it would restart them.

    The weight makes each new one a change of both, so the engine waits until they are ready before it changes the
    route. A dark canary holds up nothing: nobody is sent to it, and what failed may be taken out of the way.
    """
    canary = workload.release.canary
    if workload.track != CANARY or canary is None:
        return {}
    return {"annotations": {f"{PREFIX}/weight": str(canary.weight), **({} if canary.weight else _AT_ONCE)}}


def share_told(workload: Workload[Any], own: int, *, routed: bool, scaled: bool = False) -> Iterator[str]:
    """What one must know of a canary's share, as an advisory.

    Args:
        own: the fewest replicas of the canary.
        scaled: whether the stable release is scaled and the canary is not.
    """
    canary, name = workload.release.canary, f"{workload.name}-{CANARY}"
    if canary is None:
        return
    if not canary.weight:
        yield f"{name} is dark: it runs and gets no requests; it answers at {name}.{workload.namespace}.svc"
    elif routed:
        yield (
            f"{name} gets {canary.weight}% of the gateway's requests; "
            f"who calls {workload.name} inside the cluster stays with the stable release"
        )
    else:
        falls = f"; it is less while {workload.name} is scaled to more" if scaled else ""
        yield f"{name} gets {canary.weight}% of requests by its {own} beside {workload.spec.scale.min} replicas{falls}"
