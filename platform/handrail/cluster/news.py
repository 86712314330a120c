"""What is wrong with a stack's workloads while it is deployed, long before the engine gives up waiting for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

from handrail.cluster._failures import Cause, Failure
from handrail.cluster.live import Asked, ask, read
from handrail.core.clock import now
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine.watch import News, Trouble

_PATIENCE = timedelta(seconds=15)  # what mends itself by then is no news
_LATER = frozenset({Cause.ROUTE, Cause.SCALING, Cause.RUN, Cause.DEADLINE, Cause.STOPPED, Cause.EVICTED})
"""What a deployment does not wait for, or makes itself when the rest is ready."""


def news_of(project: Project) -> News:
    """The news of a project's stacks, in the words of `handrail status`."""

    @lru_cache
    def asked(target: Target) -> tuple[Asked, ...]:
        return ask(project, [target])

    def news(target: Target) -> Iterator[Trouble]:
        for status in read(asked(target)):
            for row in status.rows:
                failure = row.failure
                if failure and failure.current and failure.cause not in _LATER and _lasts(failure):
                    serves = "; the version before goes on serving" if row.serves else ""
                    said = f"{target.stack}: {row.workload}: {failure.message}{serves}"
                    yield Trouble(row.workload, f"{said}\n    do:      {failure.remedy}", failure.waits)

    return news


def _lasts(failure: Failure) -> bool:
    return failure.at is None or now() - failure.at >= _PATIENCE
