"""The row of a job: its schedule, its last run, and what went wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from handrail.cluster import _failures
from handrail.cluster._failures import Cause, Failure, Subject, worst
from handrail.cluster._model import Live, Row, Run, State
from handrail.cluster._objects import Object, at, condition, label, latest, moment, name_of, number, owned_by, text
from handrail.cluster._pod_failures import pod_failures
from handrail.cluster._shared import INSTANCE, pods_of, schedule_of, template_of, version_in
from handrail.components.batch_job import ON_DEMAND


def job_row(row: Row, cron_job: Object, live: Live, subject: Subject, now: datetime) -> Row:
    runs = [
        each
        for each in live.get("Job", ())
        if owned_by(each, "CronJob", row.workload) or label(each, INSTANCE) == row.workload
    ]
    last = max(runs, key=lambda each: text(each, "metadata", "creationTimestamp"), default=None)
    run = _run(last) if last else None
    failure = worst(_run_failures(row, last, live, subject, now)) if last else None
    if run and run.state == "succeeded" and failure:
        failure = replace(failure, current=False)
    asked = version_in(template_of(cron_job), row)
    schedule = schedule_of(cron_job)
    on_demand = schedule == ON_DEMAND
    suspended = at(cron_job, "spec", "suspend") is True
    if suspended and not on_demand and failure is None:
        failure = Failure(
            Cause.STOPPED, "somebody suspended it: it does not run on its schedule", "have it resumed", "Suspended"
        )
    return replace(
        row,
        state=_job_state(run, failure, on_demand=on_demand, suspended=suspended),
        version=asked.version,
        image=asked.image,
        schedule=schedule or row.schedule,
        since=latest(
            moment(cron_job, "status", "lastSuccessfulTime"),
            *(moment(each, "status", "completionTime") for each in runs),
        ),
        run=run,
        failure=failure,
    )


def _job_state(run: Run | None, failure: Failure | None, *, on_demand: bool, suspended: bool) -> State:
    if failure and failure.current and not failure.waits and failure.cause is not Cause.STOPPED:
        return State.FAILING
    if run and run.state == "running":
        return State.RUNNING
    if run and run.state == "waiting":
        return State.STARTING
    if on_demand:
        return State.ON_DEMAND
    return State.SUSPENDED if suspended else State.SCHEDULED


def _run(job: Object) -> Run:
    began = moment(job, "status", "startTime") or moment(job, "metadata", "creationTimestamp")
    failed, complete = condition(job, "Failed"), condition(job, "Complete")
    if text(complete, "status") == "True":
        ended = moment(job, "status", "completionTime") or moment(complete, "lastTransitionTime")
        return Run(name_of(job), "succeeded", began, ended)
    if text(failed, "status") == "True":
        return Run(name_of(job), "failed", began, moment(failed, "lastTransitionTime"))
    waits = at(job, "spec", "suspend") is True or not number(job, "status", "ready")
    return Run(name_of(job), "waiting" if waits else "running", began)


def _run_failures(row: Row, job: Object, live: Live, subject: Subject, now: datetime) -> Iterator[Failure]:
    events = live.get("Event", ())
    pods = [each for each in pods_of(live, row) if owned_by(each, "Job", name_of(job))]
    for pod in sorted(pods, key=lambda each: text(each, "metadata", "creationTimestamp"), reverse=True):
        if text(pod, "status", "phase") != "Succeeded":
            yield from pod_failures(pod, subject, events, now, timedelta(days=1))
    yield from _failures.maker_failures(job, "Job", subject, events)
    yield from _failures.run_failure(job, subject)
