"""What a workload promises its callers, in words and in PromQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from pydantic import model_validator

from handrail.components._definition import Found, Spec, Workload
from handrail.components._telemetry.indicators import Indicator
from handrail.core.errors import Problem
from handrail.core.units import Duration, Percent

PERCENTILES = {"latency_p95": "0.95", "latency_p99": "0.99"}


class ObjectiveSpec(Spec):
    """The service level objective, over 30 days; alerts tell when it is in danger."""

    availability: Percent = Percent.parse("99.5%")
    """The share of requests that do not fail, below 100%; default 99.5%: 3.6 hours of failure in 30 days."""
    latency_p95: Duration | None = None
    """95% of requests take at most so long, as 250ms; one of the buckets of the organisation's latency histogram."""
    latency_p99: Duration | None = None
    """99% of requests take at most so long, as 500ms; one of the buckets of the organisation's latency histogram."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.availability == Percent.parse("100%"):
            raise ValueError(
                "availability of 100% leaves no error budget, so one failure would page someone: below 100%, as 99.9%"
            )
        if self.availability.whole < 1:
            raise ValueError(f"availability of {self.availability} promises nothing: at least 1%, as 99.9%")
        return self


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective.

    Args:
        name: as `availability` or `latency-p99`.
        target: the share of requests that must be good, between 0 and 1.
        sentence: what it promises.
        bad: window → PromQL of the share of requests that were bad.
    """

    name: str
    target: Decimal
    sentence: str
    bad: Callable[[str], str]


def objectives(spec: ObjectiveSpec, indicator: Indicator) -> Iterator[Objective]:
    """The objectives of a workload, measured by `indicator`."""
    share = Decimal(spec.availability.amount) / 1_000_000
    yield Objective("availability", share, f"{spec.availability} of requests do not fail", indicator.error_ratio)
    for word, percentile in PERCENTILES.items():
        bound: Duration | None = getattr(spec, word)
        if bound is not None:
            share = Decimal(percentile)

            def slow(window: str, bound: Duration = bound) -> str:
                return indicator.slow_ratio(bound, window)

            yield Objective(
                word.replace("_", "-"), share, f"{int(share * 100)}% of requests take at most {bound}", slow
            )


def check_objective(workload: Workload[Any], indicator: Indicator | None, unseen: str) -> Found:
    """An objective that cannot be measured: no source sees the workload, or a bound is no bucket.

    Args:
        unseen: why there is no indicator, or no latency in it; and what to do.
    """
    spec: ObjectiveSpec | None = workload.spec.objective
    if spec is None:
        return
    if indicator is None:
        yield ("objective",), Problem(f"cannot be measured: {unseen}")
        return
    for word in PERCENTILES:
        bound: Duration | None = getattr(spec, word)
        if bound is None or bound in indicator.buckets:
            continue
        if indicator.latency is None:
            yield ("objective", word), Problem(f"cannot be measured: {unseen}", given=str(bound))
            continue
        below = max((bucket for bucket in indicator.buckets if bucket < bound), default=None)
        above = min((bucket for bucket in indicator.buckets if bucket > bound), default=None)
        near = " or ".join(str(bucket) for bucket in (below, above) if bucket)
        other = ", or have latency_buckets extended in organisation.yaml" if indicator.configurable else ""
        yield (
            ("objective", word),
            Problem(
                "is no bucket of the latency histogram, so it cannot be measured",
                given=str(bound),
                allowed=", ".join(map(str, indicator.buckets)),
                remedy=f"write {near}{other}",
            ),
        )
