"""What Prometheus knows of a canary and of the release beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from string import Template
from typing import Any, Final

from handrail.components._api import is_routed
from handrail.components._definition import Workload
from handrail.components._servers import SERVERS
from handrail.components._telemetry.indicators import Indicator, of_organisation, of_workload
from handrail.components._telemetry.objectives import ObjectiveSpec, objectives
from handrail.components._tracks import replicas_beside
from handrail.components.scalable_service import ScalableServiceSpec
from handrail.core.documents import shown
from handrail.core.errors import HandrailError, Problem
from handrail.organisation import RequestMetrics
from handrail.promotion.weights import STEPS, WINDOW, Evidence, Measured

_SECONDS: Final = 10.0


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
    requests = workload.context.organisation.telemetry.requests
    found = of_workload(own, workload) if own else of_organisation(workload, routed=True)
    matchers = _SCRAPED if own else _TRACKS.get(requests)
    if found is None or matchers is None:
        return (
            "the gateway counts the requests of a route, not of each of its backends: move the weight by hand "
            "(--weight), or have telemetry.requests count by OpenTelemetry or the mesh"
        )
    stable, canary = (
        replace(found, selector=f"{found.selector},{Template(matcher).substitute(canary=f'{workload.name}-canary')}")
        for matcher in matchers
    )
    return stable, canary


_SCRAPED = ('pod!~"$canary-.*"', 'pod=~"$canary-.*"')
"""What tells the stable release's pods, and the canary's, where each pod is scraped; $canary is its Deployment."""
_TRACKS: Mapping[RequestMetrics, tuple[str, str]] = {
    RequestMetrics.OPENTELEMETRY: ('instance!~"$canary-.*"', 'instance=~"$canary-.*"'),  # a canary's is its pod
    RequestMetrics.ISTIO: ('destination_workload!="$canary"', 'destination_workload="$canary"'),
}


def steps_of(workload: Workload[Any]) -> tuple[int, ...]:
    """The shares that a workload's canary can have: those above, or, where replicas make them, the nearest of these."""
    if isinstance(workload.spec, ScalableServiceSpec) and is_routed(workload):
        return STEPS
    stable = workload.spec.scale.min
    found = {each for each in range(1, 100) if replicas_beside(stable, each) is not None}
    within = (min((each for each in found if each >= step), default=None) for step in STEPS[1:-1])
    return (0, *dict.fromkeys(each for each in within if each is not None), 100)
