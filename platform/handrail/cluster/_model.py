"""What is known of a workload: as it was planned, as it runs, and of a stack of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from handrail.cluster._failures import Failure
from handrail.cluster._objects import Object
from handrail.core.errors import Problem

Live = Mapping[str, Sequence[Object]]
"""Kind → the objects of it in one namespace; `Event` holds warnings alone."""

MAKERS = {"Deployment": "deployment", "StatefulSet": "stateful-set", "CronJob": "cron-job"}
"""The kinds that a workload is at its core → their role in a plan."""
_VERSION = "app.kubernetes.io/version"


class State(StrEnum):
    """How a workload is."""

    LIVE = "live"
    STARTING = "starting"
    DEGRADED = "degraded"
    FAILING = "failing"
    STOPPED = "stopped"
    RUNNING = "running"
    SCHEDULED = "scheduled"
    ON_DEMAND = "on demand"
    SUSPENDED = "suspended"
    NOT_DEPLOYED = "not deployed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A workload as it was planned, or, where no plan has it, as it stands in the cluster.

    Args:
        component: the component's name, as ScalableService.
        kind: of the object that it is at its core, as Deployment.
        replicas: how many there are at least; 0 where that is no question.
        address: where it is reached.
        schedule: when a job runs: its cron schedule, or `on demand`.
        services: the names by which a route may name it.
        route: whether a route of its own is planned.
        scaler: whether a scaler on its queue is planned.
        planned: whether it stands in the stack's file.
    """

    name: str
    component: str
    kind: str
    image: str = ""
    model: str = ""
    replicas: int = 0
    address: str = ""
    schedule: str = ""
    services: frozenset[str] = frozenset()
    route: bool = False
    scaler: bool = False
    planned: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack's workloads run."""

    stack: str
    team: str
    environment: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Backend:
    """What a route sends its requests to, and the share that it gets, in per cent."""

    name: str
    weight: int
    share: float


@dataclass(frozen=True, slots=True)
class Track:
    """What runs beside a stable release.

    Args:
        name: canary, or an older API version as v2.
        share: of the workload's requests, in per cent; None for an older version, which has callers of its own.
    """

    name: str
    version: str
    model: str
    image: str
    ready: int
    wanted: int
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a job; `state` is running, succeeded, failed or waiting."""

    name: str
    state: str
    began: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One workload in one environment.

    Args:
        ready, wanted: replicas that serve, and that there should be; None where that is no question.
        version: what serves, else what was asked for: the image's tag or the start of its digest.
        next_version: what is being brought in while `version` serves; empty where that is the same.
        model: what an endpoint serves.
        traffic: the share of its route's requests that it gets, in per cent; None without a route.
        since: when this version became available; of a job, when it last succeeded; of what stopped, when it did.
        run: the last run of a job.
        failure: what is wrong, or went wrong last.
        tracks: what runs beside the stable release.
        planned: whether it stands in the stack's file; what does not is removed by the next `up`.
    """

    workload: str
    component: str
    kind: str
    place: Place
    state: State
    ready: int | None = None
    wanted: int | None = None
    version: str = ""
    next_version: str = ""
    image: str = ""
    model: str = ""
    backends: tuple[Backend, ...] = ()
    traffic: float | None = None
    address: str = ""
    schedule: str = ""
    since: datetime | None = None
    run: Run | None = None
    failure: Failure | None = None
    planned: bool = True
    tracks: tuple[Track, ...] = ()

    @property
    def share(self) -> float | None:
        """What a canary leaves the stable release of the workload's requests, in per cent; None without a canary."""
        shares = [track.share for track in self.tracks if track.share is not None]
        return 100 - sum(shares) if shares else None

    @property
    def well(self) -> bool:
        """Whether nothing needs to be done: it is live, ready to run, or stopped by itself."""
        stopped = self.state is State.STOPPED and self.component == "NotebookEnv"
        return stopped or self.state in (State.LIVE, State.RUNNING, State.SCHEDULED, State.ON_DEMAND)

    @property
    def serves(self) -> bool:
        """Whether some replica of it answers."""
        return bool(self.ready)


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a stack.

    Args:
        cluster: the organisation's name of it; empty where the stack could not be read.
        persona: whose words its file is in.
        at: when it was asked.
        rows: its workloads.
        note: what a reader must know first, as that nothing is known live.
        problems: why something is not known.
    """

    place: Place
    cluster: str
    persona: str
    at: datetime
    rows: tuple[Row, ...] = ()
    note: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.problems and all(row.well for row in self.rows)


def version_of(image: str, labels: Mapping[str, str] | None = None) -> str:
    """A version as people say it: the label, the image's tag, or the start of its digest."""
    if labels and labels.get(_VERSION):
        return labels[_VERSION]
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest[: len("sha256:") + 12] or ("latest" if image else "")
