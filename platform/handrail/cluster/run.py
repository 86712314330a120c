"""A run of a job: a Job started from its CronJob, so that Pulumi never owns an object that finishes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.cluster._connect import connect
from handrail.components._definition import Prepared
from handrail.core.clock import now
from handrail.core.errors import DocumentError, HandrailError, Problem
from handrail.organisation import Context

_LONGEST = 63


def cron_job_of(prepared: Prepared) -> Mapping[str, Any]:
    """The planned CronJob of a workload.

    Raises:
        DocumentError: the workload is no job.
    """
    for resource in prepared.plan.resources:
        if resource.kind == "CronJob":
            return {"apiVersion": "batch/v1", "kind": "CronJob", **resource.inputs}
    raise DocumentError(
        Problem(f"{prepared.name} is a {prepared.definition.name}, which is always there", remedy="only a job is run")
    )


def job_from(cron_job: Mapping[str, Any]) -> dict[str, Any]:
    """A Job of a CronJob, as `kubectl create job --from` makes it.

    Args:
        cron_job: the CronJob; with a uid, where it is one of a cluster, it becomes the Job's owner.
    """
    metadata, template = cron_job["metadata"], cron_job["spec"]["jobTemplate"]
    stamp = f"{now():%Y%m%d%H%M%S}"
    made: dict[str, Any] = {
        "name": f"{metadata['name'][: _LONGEST - len(stamp) - 1]}-{stamp}",
        "namespace": metadata["namespace"],
        "labels": dict(template.get("metadata", {}).get("labels", {})),
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
    }
    if uid := metadata.get("uid"):
        made["ownerReferences"] = [
            {"apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"], "uid": uid, "controller": True}
        ]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": template["spec"]}


def start(prepared: Prepared, context: Context) -> str:
    """Start a run in the cluster of `context`, from the CronJob that is deployed there.

    Returns:
        the Job's name.

    Raises:
        HandrailError: the workload is no job, is not deployed, or the cluster refuses.
    """
    name = cron_job_of(prepared)["metadata"]["name"]
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        api: Any = client.BatchV1Api(connect(context.cluster.context or ""))
        live = api.read_namespaced_cron_job(name, context.namespace, _preload_content=False).json()
        made = api.create_namespaced_job(context.namespace, job_from(live), _preload_content=False).json()
    except ApiException as error:
        raise HandrailError(_refusal(error, prepared.name, context)) from None
    except HTTPError as error:
        raise HandrailError(f"cluster {context.settings.cluster} does not answer: {error}") from None
    return str(made["metadata"]["name"])


def _refusal(error: Any, name: str, context: Context) -> Problem:
    if error.status == 404:
        return Problem(f"{name} is not deployed to {context.stack}", remedy=f"run `handrail up {context.stack}`")
    if error.status == 403:
        team = context.team
        remedy = f"only members of {team} start its jobs: teams.{team}.members in organisation.yaml"
        return Problem(f"the cluster does not let you start {name}", remedy=remedy)
    return Problem(f"the cluster refuses to start {name}: {error.status} {error.reason}")
