"""Where requests are counted: which series, under which labels, in which buckets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING, Any

from handrail.components._released import tracks
from handrail.core.units import Duration
from handrail.organisation import RequestMetrics

if TYPE_CHECKING:
    from handrail.components._definition import Workload


def durations(text: str, unit: str) -> tuple[Duration, ...]:
    """Histogram bounds out of a list of numbers in one unit."""
    return tuple(Duration.parse(f"{number}{unit}") for number in text.split())


# OpenTelemetry's semantic conventions for http.server.request.duration
_OPENTELEMETRY = durations("5 10 25 50 75 100 250 500 750 1000 2500 5000 7500 10000", "ms")
# the histogram of Envoy, which Istio's proxies are as well
_ENVOY = durations("1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000", "ms")


@dataclass(frozen=True, slots=True)
class Indicator:
    """How a workload's requests are counted, in PromQL.

    Args:
        selector: the label matchers that find the workload's series.
        requests: the counters that together count all requests.
        errors: the counters of those that failed, each with the matcher that tells; "" where the counter itself does.
        latency: the histogram of how long requests took, without `_bucket`; None where there is none.
        per_second: the histogram's unit: 1 for seconds, 1000 for milliseconds.
        buckets: its upper bounds.
        configurable: whether the organisation decides on the buckets.
    """

    selector: str
    requests: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    latency: str | None = None
    per_second: int = 1
    buckets: tuple[Duration, ...] = ()
    configurable: bool = False

    def request_rate(self, window: str) -> str:
        """Requests a second; of several counters, those that there are."""
        rates = [self._rate(((name, ""),), window) for name in self.requests]
        return rates[0] if len(rates) == 1 else " or ".join([" + ".join(rates), *rates])

    def error_rate(self, window: str) -> str:
        """Failed requests a second; 0 where none ever failed, because then there is no series."""
        return f"({self._rate(self.errors, window)} or vector(0))"

    def error_ratio(self, window: str) -> str:
        """The share of requests that failed."""
        return f"{self.error_rate(window)} / ({self.request_rate(window)})"

    def slow_ratio(self, bound: Duration, window: str) -> str:
        """The share of requests that took longer than `bound`, which must be a bucket."""
        fast = f"sum(rate({self.latency}_bucket{{{self.selector},{self._le(bound)}}}[{window}]))"
        return f"1 - {fast} / sum(rate({self.latency}_count{{{self.selector}}}[{window}]))"

    def quantile(self, share: str, window: str) -> str:
        """The latency that `share` of requests stay below, in seconds."""
        buckets = f"sum by (le) (rate({self.latency}_bucket{{{self.selector}}}[{window}]))"
        quantile = f"histogram_quantile({share}, {buckets})"
        return quantile if self.per_second == 1 else f"{quantile} / {self.per_second}"

    def _rate(self, counters: Iterable[tuple[str, str]], window: str) -> str:
        return " + ".join(
            f"sum(rate({name}{{{','.join(part for part in (self.selector, matcher) if part)}}}[{window}]))"
            for name, matcher in counters
        )

    def _le(self, bound: Duration) -> str:
        number = Decimal(bound.amount) / 1000 * self.per_second
        text = f"{number.normalize():f}"
        # a whole bound is written 1 by some exporters and 1.0 by others
        return f'le=~"{text}([.]0)?"' if number == int(number) else f'le="{text}"'


# $namespace and $name are the workload's; $names are those of its Services, a canary's as well
_SOURCES = {
    RequestMetrics.OPENTELEMETRY: Indicator(
        selector='job="$namespace/$name"',  # OpenTelemetry's job: service.namespace/service.name
        requests=("http_server_request_duration_seconds_count",),
        errors=(("http_server_request_duration_seconds_count", 'http_response_status_code=~"5.."'),),
        latency="http_server_request_duration_seconds",
        buckets=_OPENTELEMETRY,
    ),
    RequestMetrics.ENVOY_GATEWAY: Indicator(
        selector='envoy_cluster_name=~"httproute/$namespace/$name/.*"',
        requests=("envoy_cluster_upstream_rq_xx",),
        errors=(("envoy_cluster_upstream_rq_xx", 'envoy_response_code_class="5"'),),
        latency="envoy_cluster_upstream_rq_time",
        per_second=1000,
        buckets=_ENVOY,
    ),
    RequestMetrics.ISTIO: Indicator(
        selector='reporter="destination",destination_service_namespace="$namespace",destination_service_name=~"$names"',
        requests=("istio_requests_total",),
        errors=(("istio_requests_total", 'response_code=~"5.."'),),
        latency="istio_request_duration_milliseconds",
        per_second=1000,
        buckets=_ENVOY,
    ),
}


def of_workload(indicator: Indicator, workload: Workload[Any]) -> Indicator:
    """`indicator` for one workload."""
    names = "|".join([workload.name, *(f"{workload.name}-{track}" for track, *_ in tracks(workload.release))])
    text = Template(indicator.selector).substitute(namespace=workload.namespace, name=workload.name, names=names)
    return replace(indicator, selector=text)


def of_organisation(workload: Workload[Any], *, routed: bool) -> Indicator | None:
    """The organisation's source of request metrics for a workload; None where it does not see the workload."""
    telemetry = workload.context.organisation.telemetry
    if telemetry.requests is RequestMetrics.ENVOY_GATEWAY and not routed:
        return None
    indicator = replace(of_workload(_SOURCES[telemetry.requests], workload), configurable=True)
    return replace(indicator, buckets=telemetry.latency_buckets) if telemetry.latency_buckets else indicator
