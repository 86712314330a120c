"""Alerts of a job: a run that failed, and a last success that is too old."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from handrail.components._telemetry.rules import labels_of

if TYPE_CHECKING:
    from handrail.components._definition import Workload


def job_groups(workload: Workload[Any]) -> list[dict[str, Any]]:
    """The rule group of a job."""
    return [{"name": f"{workload.name}-runs", "rules": [*_failed(workload), *_stale(workload)]}]


def _failed(workload: Workload[Any]) -> Iterator[dict[str, Any]]:
    mine = f'namespace="{workload.namespace}"'
    owner = f'kube_job_owner{{{mine},owner_kind="CronJob",owner_name="{workload.name}"}}'
    # no join and no label of who scraped it: two kube-state-metrics are seen while one takes over from the other
    every = f'max by (namespace, job_name) (kube_job_failed{{{mine},condition="true"}} > 0)'
    failed = f"{every} and on (namespace, job_name) {owner}"
    succeeded = f'kube_cronjob_status_last_successful_time{{{mine},cronjob="{workload.name}"}}'
    created = f"max by (namespace, job_name) (kube_job_created{{{mine}}})"
    overcome = f"{created} < on (namespace) group_left () max by (namespace) ({succeeded})"
    yield {
        "alert": "JobFailed",
        # a failed Job stays for days: a later success ends its alert
        "expr": f"({failed}) unless on (namespace, job_name) ({overcome})",
        "labels": {**labels_of(workload), "severity": "ticket"},
        "annotations": {
            "summary": f"a run of {workload.name} in {workload.namespace} failed: {{{{ $labels.job_name }}}}",
            "description": "It used up its retries or its deadline, and no run succeeded since. Its log: kubectl logs "
            f"--namespace {workload.namespace} job/{{{{ $labels.job_name }}}}.",
        },
    }


def _stale(workload: Workload[Any]) -> Iterator[dict[str, Any]]:
    freshness = workload.spec.freshness
    if freshness is None:
        return
    mine = f'{{namespace="{workload.namespace}",cronjob="{workload.name}"}}'
    # a job that never succeeded is as old as its CronJob
    since = f"max(kube_cronjob_status_last_successful_time{mine}) or max(kube_cronjob_created{mine})"
    yield {
        "alert": "JobNotFresh",
        "expr": f"time() - ({since}) > {freshness.seconds}",
        "labels": {**labels_of(workload), "severity": "ticket"},
        "annotations": {
            "summary": f"{workload.name} in {workload.namespace} has not succeeded for more than {freshness}",
            "description": "What it writes is older than it promises. It last succeeded "
            "{{ $value | humanizeDuration }} ago, or never since it is there.",
        },
    }
