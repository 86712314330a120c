"""BatchJob: work that runs to its end, on a schedule or on demand.

Always a CronJob: without a schedule it is suspended and on a date that never comes. A run is a Job started from it, so
Pulumi never owns an object that finishes, and no change of image, clean-up or refresh starts or repeats a run.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from handrail.components._accelerators import (
    accelerator_labels,
    accelerator_of,
    check_accelerator,
    limits,
    placement,
    queue_labels,
)
from handrail.components._data import data_environment
from handrail.components._definition import Definition, Derived, Found, Plan, Text, Workload
from handrail.components._labels import PREFIX
from handrail.components._network import egress
from handrail.components._parts import external_secret, network_policy, resource, service_account
from handrail.components._pod_spec import DatasetUri, EnvName, EnvText, PodSpec, check_pod
from handrail.components._pods import container, pod
from handrail.components._telemetry.dashboards import gpu_panels, job_panels, resource_panels
from handrail.components._telemetry.job_rules import job_groups
from handrail.components._telemetry.observe import observe
from handrail.components.workload_priorities import Priority
from handrail.core.resources import Resource
from handrail.core.units import Cpu, Duration, Memory
from handrail.organisation import Capability

NEVER = "0 0 31 2 *"
"""The schedule of a job on demand: no February has a 31st day."""
ON_DEMAND = "on demand"
_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTH, _DAY = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC", "SUN|MON|TUE|WED|THU|FRI|SAT"


def _field(values: str) -> str:
    """A field of a schedule as Kubernetes' own parser (robfig/cron) reads it: no last, no nearest, no nth day."""
    item = rf"(\*|({values})(-({values}))?)(/\d+)?"
    return rf"{item}(,{item})*"


_NUMBER = r"\d{1,2}"
_KUBERNETES = re.compile(
    " +".join(map(_field, (_NUMBER, _NUMBER, _NUMBER, rf"{_NUMBER}|{_MONTH}", rf"[0-6]|{_DAY}"))),
    re.IGNORECASE | re.ASCII,
)


def _schedule(text: str) -> str:
    from cronsim import CronSim, CronSimError

    if text in _WORDS:
        return text
    try:
        from datetime import UTC, datetime

        text = " ".join(text.split())
        next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        reason = str(error) or "it never comes"
    else:
        if _KUBERNETES.fullmatch(text):
            return text
        reason = "Kubernetes knows no seconds, no L, W or #, and counts weekdays from 0, Sunday, to 6"
    raise ValueError(
        f'is no cron schedule ({reason}): minute hour day month weekday, as "0 2 * * *", or {", ".join(_WORDS)}'
    )


def _time_zone(text: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone: a name of the IANA list, as Europe/Berlin or Etc/UTC") from None
    return text


Schedule = Annotated[str, AfterValidator(_schedule)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]


class BatchJobSpec(PodSpec):
    """Work that runs to its end, on a schedule or on demand: a notebook or a command."""

    image: Text
    """The container image with the code and its dependencies; a notebook needs papermill in it."""
    notebook: Annotated[str, StringConstraints(pattern=r"^\S+\.ipynb$")] | None = None
    """The notebook to run, by its path in the image or its URI, as notebooks/train.ipynb; either this or `command`."""
    command: list[str] = []
    """The command to run, a word at a time, as [python, train.py]; either this or `notebook`."""
    parameters: dict[EnvName, EnvText] = {}
    """A notebook's parameters (papermill)."""
    output: Annotated[str, StringConstraints(pattern=r"^\S+$")] | None = None
    """Where the notebook that ran is kept, as s3://acme-lake/runs/train.ipynb; default: only its log is."""
    schedule: Schedule | None = None
    """When it runs: a cron schedule, as "0 2 * * *"; default: on demand, by `handrail run`."""
    time_zone: TimeZone = "Etc/UTC"
    """The time zone of `schedule`; default Etc/UTC."""
    accelerator: str | None = None
    """The kind of accelerator, one of the organisation's catalogue; default none."""
    accelerators: Annotated[int, Field(ge=1)] = 1
    """How many of them each pod has, where it has any; default 1."""
    parallel: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many pods share the work, each with its own number in JOB_COMPLETION_INDEX; default 1."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a failed pod is tried again; default 2. Evictions do not count, a missing command is not retried."""
    deadline: Duration = Duration.parse("24h")
    """How long a run may take, retries included, before it is ended; default 24h."""
    keep: Duration = Duration.parse("7d")
    """How long a finished run and its logs are kept; default 7d."""
    freshness: Duration | None = None
    """How old the last success may become before an alert tells; default: nobody is told."""
    reads: list[DatasetUri] = []
    """The datasets that it reads, by URI, as s3://acme-lake/customers."""
    writes: list[DatasetUri] = []
    """The datasets that it writes, by URI."""
    trains: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][-._A-Za-z0-9]*$")] | None = None
    """The registered model that it trains (MLflow), as churn."""
    cpu: Cpu = Cpu.parse("1")
    """Requested cpu of a pod; default 1 core (KServe's default)."""
    memory: Memory = Memory.parse("2GiB")
    """Requested memory of a pod; default 2GiB (KServe's default)."""

    @model_validator(mode="after")
    def _runs_one_thing(self) -> Self:
        if bool(self.notebook) == bool(self.command):
            raise ValueError("needs exactly one of notebook and command")
        if not self.notebook and (self.parameters or self.output is not None):
            raise ValueError("parameters and output belong to a notebook; a command takes its arguments itself")
        for word in ("deadline", "keep", "freshness"):
            amount: Duration | None = getattr(self, word)
            if amount is not None and amount.seconds < 1:
                raise ValueError(f"{word} is less than 1s")
        return self


def check(workload: Workload[BatchJobSpec]) -> Found:
    """What needs the organisation to tell."""
    spec = workload.spec
    yield from check_pod(workload)
    yield from check_accelerator(workload, spec.accelerator, spec.accelerators * spec.parallel, "accelerator")


def plan(workload: Workload[BatchJobSpec]) -> Plan:
    """The job's resources."""
    spec = workload.spec
    resources = [
        service_account(workload),
        network_policy(workload, [], egress(workload.context, spec.calls, spec.egress)),
        *external_secret(workload),
    ]
    resources.append(_cron_job(workload, after=tuple(found.name for found in resources)))
    panels = [*job_panels(), *(gpu_panels() if spec.accelerator else []), *resource_panels()]
    observed, left_out = observe(workload, [], job_groups(workload), panels)
    derived = (
        {} if spec.schedule else {"schedule": Derived(ON_DEMAND, "no schedule is written; `handrail run` starts it")}
    )
    outputs = {
        "schedule": spec.schedule or ON_DEMAND,
        "namespace": workload.namespace,
        "service_account": workload.name,
    }
    return Plan((*resources, *observed), outputs, tuple(left_out), derived)


COMPONENT = Definition(
    name="BatchJob",
    spec=BatchJobSpec,
    plan=plan,
    outputs={
        "schedule": "When it runs: its cron schedule, or `on demand`.",
        "namespace": "The Kubernetes namespace it runs in, <team>-<environment>.",
        "service_account": "The name of its Kubernetes ServiceAccount.",
    },
    check=check,
)


def _cron_job(workload: Workload[BatchJobSpec], after: tuple[str, ...]) -> Resource:
    spec = workload.spec
    body = {
        "schedule": spec.schedule or NEVER,
        "suspend": spec.schedule is None,
        "timeZone": spec.time_zone,
        "concurrencyPolicy": "Forbid",
        # a run that could not start for so long, as in an outage, is left out and not made up for
        "startingDeadlineSeconds": 600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"metadata": {"labels": _queue(workload)}, "spec": _job(workload)},
    }
    about = {"reads": " ".join(spec.reads), "writes": " ".join(spec.writes), "trains": spec.trains or ""}
    notes = {f"{PREFIX}/{key}": text for key, text in about.items() if text}
    metadata = {"annotations": notes} if notes else {}
    return resource(workload, "cron-job", "batch/v1:CronJob", after, metadata=metadata, spec=body)


def _queue(workload: Workload[BatchJobSpec]) -> dict[str, str]:
    labels = queue_labels(workload, Priority.BATCH)
    # Kueue counts only the time that the job is admitted; the Job's own deadline starts anew with each admission
    return {**labels, "kueue.x-k8s.io/max-exec-time-seconds": str(workload.spec.deadline.seconds)} if labels else {}


def _job(workload: Workload[BatchJobSpec]) -> dict[str, Any]:
    spec = workload.spec
    # each of several pods has retries of its own, so that one bad part does not use up the others'
    tries = {"backoffLimitPerIndex": spec.retries} if spec.parallel > 1 else {"backoffLimit": spec.retries}
    return {
        "parallelism": spec.parallel,
        "completions": spec.parallel,
        "completionMode": "Indexed",
        **tries,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                # evicted, preempted or drained is not the job's failure
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                # 126, 127: the command cannot be run or is not there; another try finds the same
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": workload.name, "operator": "In", "values": [126, 127]},
                },
            ]
        },
        # Kueue lets it go; without Kueue at work it waits, and takes no accelerator past the queue
        **({"suspend": True} if workload.context.cluster.has(Capability.KUEUE) else {}),
        "activeDeadlineSeconds": spec.deadline.seconds,
        "ttlSecondsAfterFinished": spec.keep.seconds,
        "template": {"metadata": {"labels": accelerator_labels(spec.accelerator)}, "spec": _pod(workload)},
    }


def _pod(workload: Workload[BatchJobSpec]) -> dict[str, Any]:
    spec = workload.spec
    accelerator = accelerator_of(workload, spec.accelerator)
    variables = data_environment(workload, spec.reads, spec.writes)
    if spec.trains:
        variables["MLFLOW_REGISTERED_MODEL_NAME"] = spec.trains
    if spec.notebook:
        variables["HOME"] = "/tmp"  # noqa: S108  a kernel writes its settings there, and the image is read-only
    resources = limits(spec.resources, accelerator, spec.accelerators)
    main = container(workload, spec.image, resources, variables, command=list(_command(spec)))
    return pod(workload, [main], restartPolicy="Never", **placement(accelerator))


def _command(spec: BatchJobSpec) -> Iterator[Any]:
    if not spec.notebook:
        yield from spec.command
        return
    name = spec.notebook.rpartition("/")[2]
    yield from ("papermill", spec.notebook, spec.output or f"/tmp/{name}", "--log-output", "--no-progress-bar")  # noqa: S108
    for key, value in spec.parameters.items():
        yield from ("-p", key, value)
