"""Live objects of acme's workloads as servers, kubelets and controllers write them, and the rows that follow."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from handrail.cluster import status_text
from handrail.cluster._model import Place, Row, Status
from handrail.cluster.status import rows, wanted_of
from handrail.components._definition import Prepared
from handrail.core.project import Project
from handrail.personas._find import find_workload
from handrail.personas._stack import StackPlan

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 3, 3, 12, 30, tzinfo=UTC)
EARLIER, LATER = "2026-03-03T10:00:00Z", "2026-03-03T12:29:00Z"
HASH, OLD = "5f5fcd56c8", "d7f4d7767"
IMAGE = "registry.acme.test/payments/checkout"
STACKS = {"checkout": "payments-dev", "refunds": "payments-dev", "fraud-scorer": "fraud-staging", "explore": "churn-dev",
          "train": "churn-dev", "backfill-scores": "fraud-dev"}  # fmt: skip

Objects = dict[str, list[dict[str, Any]]]


# Objects as an API server gives them, made from what is planned


@cache
def planned(name: str) -> tuple[StackPlan, Prepared]:
    """One of acme's workloads."""
    return find_workload(Project.find(ROOT), name, STACKS[name])


def deployed(name: str) -> Objects:
    """The live objects of one of acme's workloads that is well."""
    _, prepared = planned(name)
    found: Objects = {"Event": []}
    for resource in prepared.plan.resources:
        found.setdefault(resource.kind, []).append(deepcopy(dict(resource.inputs)))
    if "CronJob" in found:
        return found
    kind = "Deployment" if "Deployment" in found else "StatefulSet"
    maker = found[kind][0]
    count = maker["spec"].setdefault("replicas", 2 if kind == "Deployment" else 1)
    maker["metadata"] |= {"generation": 2, "creationTimestamp": EARLIER}
    maker["status"] = {"observedGeneration": 2, "replicas": count, "updatedReplicas": count, "readyReplicas": count}
    if kind == "Deployment":
        maker["status"]["conditions"] = [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastUpdateTime": EARLIER,
             "lastTransitionTime": EARLIER},
            {"type": "Available", "status": "True", "lastTransitionTime": LATER},
        ]  # fmt: skip
        found["ReplicaSet"] = [replica_set(maker, HASH, 2, count)]
    found["Pod"] = [pod(maker, f"{name}-{number}") for number in range(count)]
    return found


def replica_set(deployment: dict[str, Any], name: str, revision: int, ready: int, image: str = "") -> dict[str, Any]:
    """One of a Deployment's."""
    template = deepcopy(deployment["spec"]["template"])
    if image:
        template["spec"]["containers"][0]["image"] = image
    owner = deployment["metadata"]["name"]
    return {
        "metadata": {
            "name": f"{owner}-{name}", "creationTimestamp": EARLIER, "labels": {"pod-template-hash": name},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [{"kind": "Deployment", "name": owner}],
        },
        "spec": {"replicas": 2, "template": template},
        "status": {"replicas": max(ready, 1), "readyReplicas": ready},
    }  # fmt: skip


def pod(maker: dict[str, Any], name: str, owner: tuple[str, str] | None = None) -> dict[str, Any]:
    """A pod that runs."""
    template = maker["spec"]["template"]
    containers = template["spec"]["containers"]
    return {
        "metadata": {
            "name": name, "creationTimestamp": EARLIER,
            "labels": {**template["metadata"].get("labels", {}), "pod-template-hash": HASH},
            "ownerReferences": [{"kind": owner[0], "name": owner[1]}] if owner else [],
        },
        "spec": deepcopy(template["spec"]),
        "status": {
            "phase": "Running",
            "startTime": EARLIER,
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": EARLIER},
                {"type": "Ready", "status": "True", "lastTransitionTime": EARLIER},
            ],
            "containerStatuses": [
                {"name": each["name"], "image": each["image"], "ready": True, "restartCount": 0,
                 "state": {"running": {"startedAt": EARLIER}}, "lastState": {}}
                for each in containers
            ],
        },
    }  # fmt: skip


def wait(found: dict[str, Any], reason: str, message: str = "", **more: Any) -> None:
    """Have the first container of a pod wait, so that the pod is not ready."""
    unready(found)
    state = {"waiting": {"reason": reason, "message": message}}
    found["status"]["containerStatuses"][0] |= {"ready": False, "state": state, **more}


def end_sidecar(found: dict[str, Any]) -> None:
    """Have the second container of a pod have ended."""
    unready(found)
    found["status"]["containerStatuses"][1]["lastState"] = ended("Error", 2)


def unready(found: dict[str, Any], phase: str = "Pending", since: str = LATER) -> None:
    """Have a pod not be ready."""
    found["status"]["phase"] = phase
    found["status"]["conditions"][1] |= {"status": "False", "reason": "ContainersNotReady", "lastTransitionTime": since}


def ended(reason: str = "Error", code: int = 1) -> dict[str, Any]:
    """How a container ended."""
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": LATER}}


def unplaced(found: dict[str, Any], message: str, reason: str = "Unschedulable") -> None:
    """Have a pod be on no node."""
    unready(found)
    found["status"]["conditions"][0] |= {"status": "False", "reason": reason, "message": message}
    found["status"]["containerStatuses"] = []


def event(kind: str, name: str, reason: str, message: str) -> dict[str, Any]:
    """A warning."""
    return {"involvedObject": {"kind": kind, "name": name}, "reason": reason, "message": message, "type": "Warning",
            "lastTimestamp": LATER}  # fmt: skip


def row(name: str, found: Mapping[str, Any]) -> Row:
    """The row of one of acme's workloads, given what is live."""
    (only,) = rows_of(name, found)
    return only


def rows_of(name: str, found: Mapping[str, Any]) -> tuple[Row, ...]:
    """Its row, then those of what only the cluster has."""
    plan, prepared = planned(name)
    wanted = wanted_of(prepared)
    assert wanted
    context = plan.context
    place = Place(context.stack, context.team, context.environment, context.namespace)
    return rows([wanted], found, place, NOW)


def beside(found: Objects, name: str = "checkout", ready: int = 2, weight: int = 10, track: str = "canary") -> Objects:
    """With a track of 2.8.0 that has two replicas, and its part of the route where there is one."""
    labels = {"app.kubernetes.io/name": f"{name}-{track}", "handrail.dev/track": track}
    maker = deepcopy(found["Deployment"][0])
    maker["metadata"] |= {"name": f"{name}-{track}", "annotations": {"handrail.dev/weight": str(weight)}}
    maker["metadata"]["labels"] |= labels
    template = maker["spec"]["template"]
    template["metadata"]["labels"] |= labels
    template["spec"]["containers"][0]["image"] = f"registry.acme.test/payments/{name}:2.8.0"
    maker["spec"]["replicas"] = 2
    maker["status"] |= {"replicas": 2, "updatedReplicas": 2, "readyReplicas": ready}
    pods = [pod(maker, f"{name}-{track}-{number}") for number in range(2)]
    for each in pods[ready:]:
        unready(each)
    made = {"Deployment": maker, "ReplicaSet": replica_set(maker, f"{track}-{HASH}", 2, ready)}
    found = {**found, **{kind: [*found[kind], each] for kind, each in made.items()}, "Pod": [*found["Pod"], *pods]}
    for route in deepcopy(found.get("HTTPRoute", [])):
        refs = [{"name": name, "weight": 100 - weight}, {"name": f"{name}-{track}", "weight": weight}]
        if track == "canary" and weight:
            route["spec"]["rules"][0]["backendRefs"] = refs
        found["HTTPRoute"] = [route]
    return found


def short(name: str, ready: int = 0) -> tuple[Objects, dict[str, Any]]:
    """What is live where all but `ready` replicas are missing, and the first pod."""
    found = deployed(name)
    maker = (found.get("Deployment") or found["StatefulSet"])[0]
    maker["status"]["readyReplicas"] = ready
    for each in found.get("ReplicaSet", []):
        each["status"]["readyReplicas"] = ready
    return found, found["Pod"][0]


def rolling() -> Objects:
    """Version 2.8.0 is brought in, and 2.7.1 serves."""
    found = deployed("checkout")
    deployment = found["Deployment"][0]
    deployment["status"] |= {"updatedReplicas": 1, "replicas": 3}
    deployment["status"]["conditions"][0]["reason"] = "ReplicaSetUpdated"
    old = replica_set(deployment, OLD, 1, 2)
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = f"{IMAGE}:2.8.0"
    found["ReplicaSet"] = [old, replica_set(deployment, HASH, 2, 0)]
    for each in found["Pod"]:
        each["metadata"]["labels"]["pod-template-hash"] = OLD
    found["Pod"].append(pod(deployment, "checkout-new"))
    unready(found["Pod"][-1])
    return found


def run_of(name: str, conditions: list[dict[str, Any]] | None = None, **status: Any) -> Objects:
    """A job and its last run."""
    found = deployed(name)
    cron_job = found["CronJob"][0]
    job = {
        "metadata": {
            "name": f"{name}-1", "creationTimestamp": EARLIER,
            "ownerReferences": [{"kind": "CronJob", "name": name}],
        },
        "spec": {**deepcopy(cron_job["spec"]["jobTemplate"]["spec"]), "suspend": False},
        "status": {"startTime": EARLIER, "active": 1, "ready": 1, "conditions": conditions or [], **status},
    }  # fmt: skip
    found["Job"] = [job]
    found["Pod"] = [pod(job, f"{name}-1-x", ("Job", f"{name}-1"))]
    return found


def status(*shown: Row, **more: Any) -> Status:
    """Rows as a stack's status."""
    place = shown[0].place if shown else Place("payments-dev", "payments", "dev", "payments-dev")
    return Status(place, "dev", "app-developer", NOW, shown, **more)


def said(found: Status, reader: str | None = None) -> str:
    """What is printed."""
    console = Console(file=StringIO(), width=200)
    status_text.show([found], console, reader)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def broken() -> Row:
    """A service that a new version does not come to."""
    found = rolling()
    wait(found["Pod"][-1], "ImagePullBackOff", "not found")
    return row("checkout", found)
