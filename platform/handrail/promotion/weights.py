"""The share of requests that a canary gets next, as the metrics of its objective allow.

The steps are 0, 5, 25, 50, 100 per cent. Flagger begins at 5 and holds at 50 before it gives the rest; 25 is between
the two. A step is made where the canary, over ten minutes, had enough requests to tell, kept the objective, and was not
worse than what it stands beside; it is set to 0 where it breaks the objective while the other keeps it, or its
Deployment is not available. Anything else leaves it where it is, with the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from handrail.components._api import is_routed
from handrail.components._definition import Workload
from handrail.components._servers import SERVERS
from handrail.components._telemetry.indicators import Indicator, of_organisation, of_workload
from handrail.components._telemetry.objectives import ObjectiveSpec, objectives
from handrail.components._tracks import replicas_beside
from handrail.components.scalable_service import ScalableServiceSpec
from handrail.core.clock import now
from handrail.core.documents import shown
from handrail.core.errors import HandrailError, Problem
from handrail.organisation import RequestMetrics
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
_SECONDS: Final = 10.0


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


def steps_of(workload: Workload[Any]) -> tuple[int, ...]:
    """The shares that a workload's canary can have: those above, or, where replicas make them, the nearest of these."""
    if isinstance(workload.spec, ScalableServiceSpec) and is_routed(workload):
        return STEPS
    stable = workload.spec.scale.min
    found = {each for each in range(1, 100) if replicas_beside(stable, each) is not None}
    within = (min((each for each in found if each >= step), default=None) for step in STEPS[1:-1])
    return (0, *dict.fromkeys(each for each in within if each is not None), 100)


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


class Prometheus:
    """The query API of a Prometheus.

    Args:
        address: as http://prometheus.monitoring.svc:9090.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def value(self, expression: str) -> float | None:
        """The one value of an expression now; None: it has none, or it is no number.

        Raises:
            HandrailError: Prometheus does not answer, or not as it should.
        """
        import urllib3

        try:
            answer = urllib3.request(
                "GET", f"{self.address}/api/v1/query", fields={"query": expression},
                timeout=_SECONDS, retries=urllib3.Retry(2, backoff_factor=0.2, redirect=0),
            )  # fmt: skip
            data: Any = json.loads(answer.data)
            found = data["data"]["result"] if answer.status == 200 else None
            values = [float(each["value"][1]) for each in found] if found is not None else None
        except urllib3.exceptions.HTTPError as error:
            raise HandrailError(self._unreached(str(error))) from None
        except (ValueError, KeyError, TypeError, IndexError):
            raise HandrailError(self._unreached("its answer is none of a Prometheus")) from None
        if values is None:
            raise HandrailError(self._unreached(f"{answer.status} {data.get('error', '')}"))
        return values[0] if values and math.isfinite(values[0]) else None

    def _unreached(self, why: str) -> Problem:
        return Problem(
            "Prometheus cannot be asked", "--prometheus", given=f"{self.address} ({shown(why, 200)})",
            remedy="name an address that is reached from here: kubectl port-forward, then --prometheus http://localhost:9090",
        )  # fmt: skip


def measure(workload: Workload[Any], prometheus: Prometheus) -> Evidence:
    """What Prometheus knows of a workload's canary.

    Raises:
        HandrailError: it cannot be asked.
    """
    available = _available(workload, prometheus)
    pair = tracks(workload)
    if isinstance(pair, str):
        return Evidence(available=available, blind=pair)
    stable, canary = pair
    requests = prometheus.value(f"({canary.request_rate(WINDOW)}) * {_seconds(WINDOW)}")
    spec = workload.spec.objective or ObjectiveSpec()
    found = tuple(
        Measured(
            mine.sentence,
            float(1 - mine.target),
            prometheus.value(mine.bad(WINDOW)),
            prometheus.value(theirs.bad(WINDOW)),
        )
        for mine, theirs in zip(objectives(spec, canary), objectives(spec, stable), strict=True)
    )
    return Evidence(requests, found, available)


def _available(workload: Workload[Any], prometheus: Prometheus) -> bool | None:
    """Whether the canary's Deployment is available, as kube-state-metrics tells."""
    matchers = (
        f'namespace="{workload.namespace}",deployment="{workload.name}-canary",condition="Available",status="true"'
    )
    found = prometheus.value(f"max(kube_deployment_status_condition{{{matchers}}})")
    return None if found is None else found == 1


def _seconds(window: str) -> int:
    return int(window.removesuffix("m")) * 60


def tracks(workload: Workload[Any]) -> tuple[Indicator, Indicator] | str:
    """How the requests of the stable release and of the canary are counted; or why they cannot be told apart."""
    server = getattr(workload.spec, "server", None)
    own = SERVERS[server].indicator if server else None
    if own:  # each pod is scraped
        pods = f"{workload.name}-canary-.*"
        mine = of_workload(own, workload)
        return _with(mine, f'pod!~"{pods}"'), _with(mine, f'pod=~"{pods}"')
    requests = workload.context.organisation.telemetry.requests
    found = of_organisation(workload, routed=True)
    told = _BLIND.get(requests)
    if found is None or told:
        return told or "nothing counts its requests"
    if requests is RequestMetrics.ISTIO:
        names = (workload.name, f"{workload.name}-canary")
        stable, canary = (_with(found, f'destination_workload="{name}"') for name in names)
        return stable, canary
    job = f'job="{workload.namespace}/{workload.name}'
    return found, replace(found, selector=found.selector.replace(f'{job}"', f'{job}-canary"'))


_BLIND: Mapping[RequestMetrics, str] = {
    RequestMetrics.ENVOY_GATEWAY: "the gateway counts the requests of a route, not of each of its backends: "
    "move the weight by hand (--weight), or have telemetry.requests count by OpenTelemetry or the mesh",
}


def _with(indicator: Indicator, matcher: str) -> Indicator:
    return replace(indicator, selector=f"{indicator.selector},{matcher}")
