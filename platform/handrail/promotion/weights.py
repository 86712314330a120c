"""The share of requests that a canary gets next, as the metrics of its objective allow.

The steps are 0, 5, 25, 50, 100 per cent. Flagger begins at 5 and holds at 50 before it gives the rest; 25 is between
the two. A step is made where the canary, over ten minutes, had enough requests to tell, kept the objective, and was not
worse than what it stands beside; it is set to 0 where it breaks the objective while the other keeps it, or its
Deployment is not available. Anything else leaves it where it is, with the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from handrail.core.clock import now
from handrail.releases import Canary

STEPS: Final = (0, 5, 25, 50, 100)
"""Per cent of the requests."""
WINDOW: Final = "10m"
STANDING: Final = timedelta(minutes=10)
"""So long a weight stands before the next: what is measured is of this weight."""
ENOUGH: Final = 100
"""So many requests in the window tell something."""
FEW: Final = 3
"""So few bad ones may be chance: Argo's failureLimit is 3."""
TOLERANCE: Final = 1.5
"""Up to so many times the other's share of bad requests is no difference."""
_BUDGET_SHARE: Final = 0.1
"""A share of bad requests below a tenth of the budget is never worse than the other's."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One objective over the window.

    Args:
        sentence: what it promises.
        budget: the share of requests that may be bad, between 0 and 1.
        canary, stable: the share that was bad; None: nothing was measured.
    """

    sentence: str
    budget: float
    canary: float | None
    stable: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What Prometheus knows of a canary.

    Args:
        requests: that it had in the window; None: it has no series.
        objectives: each of the workload's.
        available: whether its Deployment is; None: nothing tells.
        blind: why its requests cannot be told from the others; None: they can.
    """

    requests: float | None = None
    objectives: tuple[Measured, ...] = ()
    available: bool | None = None
    blind: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows: the weight, 0 to 100, and why, a sentence each."""

    weight: int
    reasons: tuple[str, ...]


def decide_weight(
    canary: Canary, evidence: Evidence, *, steps: tuple[int, ...] = STEPS, was: int | None = None
) -> Decision:
    """The weight that a canary gets next.

    Args:
        steps: the shares that it can have, from 0 to 100.
        was: a larger share that it once had: then a person decides whether it is tried again.
    """
    if evidence.available is False:
        return Decision(0, ("its Deployment is not available",))
    if canary.weight == 0:
        return _from_dark(evidence, steps, was)
    if evidence.blind:
        return Decision(canary.weight, (evidence.blind,))
    failing = tuple(said for each in evidence.objectives if (said := _fails(each, evidence.requests)))
    if failing:
        return Decision(0, failing)
    held = tuple(_held(canary, evidence))
    if held:
        return Decision(canary.weight, held)
    told = f"{evidence.requests:.0f} requests in {WINDOW}, within the objective and no worse than the release beside it"
    return Decision(_next(canary.weight, steps), (told,))


def _from_dark(evidence: Evidence, steps: tuple[int, ...], was: int | None) -> Decision:
    if was:
        return Decision(
            0, (f"it had {was}% once and was set to 0: try it again with --weight {steps[1]}, or set it aside",)
        )
    if evidence.available is None:
        return Decision(0, (f"nothing tells whether it is available: kube-state-metrics does, or --weight {steps[1]}",))
    return Decision(steps[1], ("its Deployment is available",))


def _next(weight: int, steps: tuple[int, ...]) -> int:
    return next(step for step in steps if step > weight)


def _fails(each: Measured, requests: float | None) -> str | None:
    """Why an objective is broken by the canary, and by it alone."""
    if each.canary is None or requests is None or each.canary <= each.budget or each.canary * requests < FEW:
        return None
    if not _worse(each):
        return None  # the release beside it does no better: it is not the canary
    return f"it breaks its objective ({each.sentence}): {_share(each.canary)} are bad, {_share(each.budget)} may be"


def _worse(each: Measured) -> bool:
    if each.canary is None:
        return False
    return each.canary > max(TOLERANCE * (each.stable or 0.0), _BUDGET_SHARE * each.budget)


def _held(canary: Canary, evidence: Evidence) -> list[str]:
    """Why it stays where it is."""
    found = []
    if canary.at is not None and (left := canary.at + STANDING - now()) > timedelta(0):
        minutes = math.ceil(left.total_seconds() / 60)
        found.append(f"it has its {canary.weight}% since {canary.at:%H:%M} UTC: {minutes} more minutes")
    if evidence.requests is None or evidence.requests < ENOUGH:
        count = "no metric of its requests" if evidence.requests is None else f"{evidence.requests:.0f} requests"
        found.append(f"{count} in {WINDOW}: {ENOUGH} tell something")
        return found
    for each in evidence.objectives:
        if each.canary is None:
            found.append(f"nothing measures whether {each.sentence}")
        elif each.canary > each.budget:
            found.append(f"{_share(each.canary)} are bad ({each.sentence}), which may be chance or not the canary's")
        elif _worse(each):
            found.append(f"{_share(each.canary)} are bad ({each.sentence}), {_share(each.stable or 0)} beside it")
    return found


def _share(ratio: float) -> str:
    return f"{ratio * 100:.3g}%"
