"""`handrail status`: rows from API objects as servers and kubelets write them, and what each reader is told of them."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes.config import kube_config
from rich.console import Console
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.cli.status import Audience
from handrail.cluster import status_text
from handrail.cluster._connect import connect
from handrail.cluster._failures import Cause, Failure, Subject, refused, worst
from handrail.cluster._model import Place, Row, State, Status, version_of
from handrail.cluster.live import ask, read
from handrail.cluster.status import rows, unknown, wanted_of
from handrail.components._definition import Prepared
from handrail.core.clock import at
from handrail.core.errors import Problem
from handrail.core.project import Project
from handrail.core.selection import select
from handrail.personas._find import find_workload
from handrail.personas._persona import personas
from handrail.personas._stack import StackPlan

ROOT = Path(__file__).parents[2]
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


def short(name: str, ready: int = 0) -> tuple[Objects, dict[str, Any]]:
    """What is live where all but `ready` replicas are missing, and the first pod."""
    found = deployed(name)
    maker = (found.get("Deployment") or found["StatefulSet"])[0]
    maker["status"]["readyReplicas"] = ready
    for each in found.get("ReplicaSet", []):
        each["status"]["readyReplicas"] = ready
    return found, found["Pod"][0]


# States


def test_a_service_that_is_well() -> None:
    """Replicas, version, share, address, and since when this version is there, whatever scaling did since."""
    found = row("checkout", deployed("checkout"))
    assert (found.state, found.well, found.ready, found.wanted) == (State.LIVE, True, 2, 2)
    assert (found.version, found.image, found.next_version) == ("2.7.1", f"{IMAGE}:2.7.1", "")
    assert (found.traffic, [(each.name, each.weight) for each in found.backends]) == (100, [("checkout", 100)])
    assert found.address == "https://checkout-payments-dev.dev.acme.test/v2"
    assert found.since == datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
    assert found.failure is None


def test_what_is_not_deployed_or_not_known() -> None:
    """The plan's own figures, and nothing more."""
    found = row("checkout", {})
    assert (found.state, found.well, found.ready, found.wanted, found.version) == (
        State.NOT_DEPLOYED, False, None, 2, "2.7.1"
    )  # fmt: skip
    _, prepared = find_workload(Project.find(ROOT), "explore")
    wanted = wanted_of(prepared)
    assert wanted
    (found,) = unknown([wanted], Place("churn-dev", "churn", "dev", "churn-dev"))
    assert (found.state, found.well, found.kind, found.version) == (State.UNKNOWN, False, "StatefulSet", "2.1.0")


def test_a_platform_stack_runs_nothing() -> None:
    """A workspace is no workload."""
    assert wanted_of(find_workload(Project.find(ROOT), "payments", "platform-dev")[1]) is None


def test_what_starts() -> None:
    """Nothing is wrong yet: no replica, some, or a new version on its way."""
    found, first = short("checkout")
    unready(first)
    assert row("checkout", found).state is State.STARTING
    found, first = short("checkout", 1)
    unready(first)
    assert row("checkout", found).state is State.STARTING
    found = rolling()
    assert (row("checkout", found).state, row("checkout", found).next_version) == (State.STARTING, "2.8.0")
    found = deployed("checkout")
    found["Deployment"][0]["metadata"]["generation"] = 3
    assert row("checkout", found).state is State.STARTING


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


def test_a_failed_rollout_leaves_the_old_version_serving() -> None:
    """The row says what serves, since when, and what does not come and why."""
    found = rolling()
    wait(found["Pod"][-1], "ImagePullBackOff", f'Back-off pulling image "{IMAGE}:2.8.0": not found')
    shown = row("checkout", found)
    assert (shown.state, shown.ready, shown.version, shown.next_version) == (State.DEGRADED, 2, "2.7.1", "2.8.0")
    assert shown.failure
    assert shown.failure.message == f"{IMAGE}:2.8.0 is not in the registry"
    assert shown.since == datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


def test_a_rollout_that_took_too_long() -> None:
    """Where nothing more telling is known."""
    found = rolling()
    found["Deployment"][0]["status"]["conditions"][0] |= {"status": "False", "reason": "ProgressDeadlineExceeded"}
    shown = row("checkout", found)
    assert shown.failure
    assert (shown.state, shown.failure.cause) == (State.DEGRADED, Cause.STUCK)


def test_scaled_to_nothing() -> None:
    """A notebook stops itself, and is well; a service does not."""
    for name, well in (("explore", True), ("checkout", False)):
        found = deployed(name)
        maker = (found.get("Deployment") or found["StatefulSet"])[0]
        maker["spec"]["replicas"] = 0
        maker["status"] = {"observedGeneration": 2, "replicas": 0}
        maker["metadata"]["managedFields"] = [
            {"subresource": "status", "time": LATER},
            {"time": "2026-03-03T12:30:00Z"},
        ]
        found["Pod"], found["ReplicaSet"] = [], []
        shown = row(name, found)
        assert (shown.state, shown.well, shown.since) == (State.STOPPED, well, datetime(2026, 3, 3, 12, 29, tzinfo=UTC))
        assert (shown.failure is None) == well
        # before its controller ever wrote a status, what was last written is known
        del maker["metadata"]["managedFields"][0]
        assert row(name, found).since == datetime(2026, 3, 3, 12, 30, tzinfo=UTC)


def test_the_last_pod_of_a_stopped_notebook() -> None:
    """Whatever was wrong with it is over."""
    found = deployed("explore")
    unplaced(found["Pod"][0], 'persistentvolumeclaim "explore-home" not found')
    maker = found["StatefulSet"][0]
    maker["spec"]["replicas"], maker["status"] = 0, {"observedGeneration": 2, "replicas": 1}
    assert (row("explore", found).state, row("explore", found).failure) == (State.STOPPED, None)


def test_what_the_cluster_has_and_no_file() -> None:
    """Is a row of its own, as its labels say it; of a team's own program, every row is such a one."""
    found = deployed("checkout")
    place = Place("payments-dev", "payments", "dev", "payments-dev")
    (shown,) = rows([], found, place, NOW)
    assert (shown.workload, shown.component, shown.state, shown.planned) == (
        "checkout",
        "ScalableService",
        State.LIVE,
        False,
    )
    (shown,) = rows([], found, place, NOW, complete=False)
    assert shown.planned
    assert rows([], found, Place("fraud-dev", "fraud", "dev", "fraud-dev"), NOW) == ()


@pytest.mark.parametrize(
    ("image", "labels", "version"),
    [
        ("registry.acme.test:5000/payments/checkout:2.7.1", {}, "2.7.1"),
        ("registry.acme.test:5000/payments/checkout", {}, "latest"),
        ("checkout@sha256:0123456789abcdef0123", {}, "sha256:0123456789ab"),
        ("checkout:2.7.1@sha256:0123456789abcdef0123", {}, "2.7.1"),
        ("checkout:2.7.1", {"app.kubernetes.io/version": "3"}, "3"),
        ("", {}, ""),
    ],
)
def test_a_version_as_people_say_it(image: str, labels: dict[str, str], version: str) -> None:
    """The label, the tag, or the start of the digest."""
    assert version_of(image, labels) == version


def test_an_endpoint_has_a_model() -> None:
    """The one that its replicas serve."""
    assert row("fraud-scorer", deployed("fraud-scorer")).model == "models:/fraud-scorer/12"


# Traffic


def test_shares_are_in_proportion_to_weights() -> None:
    """As a gateway shares them; a route of another workload counts where it leads here."""
    found = deployed("checkout")
    refs = found["HTTPRoute"][0]["spec"]["rules"][0]["backendRefs"]
    refs[0]["weight"] = 90
    refs.append({"name": "refunds", "port": 80, "weight": 30})
    assert row("checkout", found).traffic == 75
    assert row("refunds", {**deployed("refunds"), "HTTPRoute": found["HTTPRoute"]}).traffic == 25
    refs[0]["weight"] = 0
    assert row("checkout", found).traffic == 0
    refs[1]["weight"] = 0
    assert row("checkout", found).traffic == 0


def test_a_route_that_is_refused_or_gone() -> None:
    """The replicas are there, and nobody from outside gets to them."""
    found = deployed("checkout")
    wrong = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners", "message": "no"}
    found["HTTPRoute"][0]["status"] = {"parents": [{"conditions": [wrong]}]}
    for shown in (row("checkout", found), row("checkout", {**found, "HTTPRoute": []})):
        assert shown.failure
        assert (shown.state, shown.ready, shown.failure.cause) == (State.DEGRADED, 2, Cause.ROUTE)


def test_a_scaler_that_fails_is_told() -> None:
    """The replicas that are there go on, so it is live."""
    found = deployed("fraud-scorer")
    found["ScaledObject"][0]["status"] = {
        "conditions": [{"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed"}]
    }
    shown = row("fraud-scorer", found)
    assert shown.failure
    assert (shown.state, shown.failure.cause, shown.failure.current) == (State.LIVE, Cause.SCALING, False)


# Failures, as kubelets, schedulers and controllers say them


FAILURES: list[tuple[str, str, Callable[[dict[str, Any]], Any], Cause, str]] = [
    ("no such tag", "checkout", lambda p: wait(p, "ErrImagePull", "rpc error: code = NotFound desc = manifest unknown"),
     Cause.IMAGE, f"{IMAGE}:2.7.1 is not in the registry"),
    ("no access", "checkout", lambda p: wait(p, "ImagePullBackOff", "pull access denied, authorization failed"),
     Cause.IMAGE, f"the registry does not let the cluster pull {IMAGE}:2.7.1"),
    ("no registry", "checkout", lambda p: wait(p, "ErrImagePull", "dial tcp: lookup registry.acme.test: no such host"),
     Cause.IMAGE, f"{IMAGE}:2.7.1 cannot be pulled"),
    ("no name", "checkout", lambda p: wait(p, "InvalidImageName", "couldn't parse image name"),
     Cause.IMAGE, f"{IMAGE}:2.7.1 is no name of an image"),
    ("no secret", "checkout", lambda p: wait(p, "CreateContainerConfigError", 'secret "checkout" not found'),
     Cause.SETTINGS, "the secret checkout is not there"),
    ("no key", "checkout",
     lambda p: wait(p, "CreateContainerConfigError", "couldn't find key DATABASE_URL in Secret payments-dev/checkout"),
     Cause.SETTINGS, "the secret DATABASE_URL has no value"),
    ("root", "checkout",
     lambda p: wait(p, "CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
     Cause.SETTINGS, "its image runs as root, which is refused"),
    ("no command", "train",
     lambda p: wait(p, "RunContainerError", 'exec: "papermill": executable file not found in $PATH: unknown'),
     Cause.SETTINGS, "its command is not in the image"),
    ("loop", "checkout", lambda p: wait(p, "CrashLoopBackOff", lastState=ended(), restartCount=4),
     Cause.CRASH, "it ended with exit code 1, 4 restarts"),
    ("loop without a past", "checkout", lambda p: wait(p, "CrashLoopBackOff"), Cause.CRASH, "it ends again and again"),
    ("ends well", "checkout", lambda p: wait(p, "CrashLoopBackOff", lastState=ended("Completed", 0)),
     Cause.CRASH, "it ended, and should go on"),
    ("memory", "checkout", lambda p: wait(p, "CrashLoopBackOff", lastState=ended("OOMKilled", 137), restartCount=1),
     Cause.MEMORY, "it took more memory than the 1Gi that it may have, and was ended"),
    ("killed", "checkout", lambda p: wait(p, "CrashLoopBackOff", lastState=ended("Error", 137)), Cause.CRASH, "it was killed"),
    ("sidecar", "fraud-scorer", end_sidecar,
     Cause.CRASH, "its part callers: it ended with exit code 2"),
    ("no such accelerator", "fraud-scorer",
     lambda p: unplaced(p, "0/9 nodes are available: 9 node(s) didn't match Pod's node affinity/selector. preemption: "
                           "0/9 nodes are available: 9 Preemption is not helpful for scheduling."),
     Cause.ACCELERATOR, "the cluster has no node with an l4"),
    ("accelerators taken", "fraud-scorer",
     lambda p: unplaced(p, "0/9 nodes are available: 3 Insufficient nvidia.com/gpu, 6 node(s) didn't match Pod's node "
                           "affinity/selector. preemption: 0/9 nodes are available: 9 Preemption is not helpful."),
     Cause.ACCELERATOR, "no node has 1 l4 free"),
    ("no room", "checkout",
     lambda p: unplaced(p, "0/9 nodes are available: 3 Insufficient cpu, 6 node(s) had untolerated taint(s)."),
     Cause.ROOM, "no node has 200m cpu free"),
    ("no room for a notebook", "explore", lambda p: unplaced(p, "0/3 nodes are available: 3 Insufficient memory."),
     Cause.ROOM, "no node has 8Gi memory free"),
    ("taints", "checkout", lambda p: unplaced(p, "0/9 nodes are available: 9 node(s) had untolerated taint(s)."),
     Cause.ROOM, "no node takes it"),
    ("volume", "explore",
     lambda p: unplaced(p, "0/9 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
     Cause.VOLUME, "its volume is not there yet, so it is on no node"),
    ("silence", "checkout", lambda p: unready(p, "Running", "2026-03-03T11:00:00Z"),
     Cause.HEALTH, "it runs, but does not say that it is ready"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "harm", "cause", "message"), [each[1:] for each in FAILURES], ids=[each[0] for each in FAILURES]
)
def test_a_pod_that_fails_says_why(
    name: str, harm: Callable[[dict[str, Any]], Any], cause: Cause, message: str
) -> None:
    """The plain sentence, with what to do; nothing serves, so it is failing."""
    if name == "train":
        found = run_of(name)
        harm(found["Pod"][0])
    else:
        found, first = short(name)
        harm(first)
    shown = row(name, found)
    assert shown.failure
    assert (shown.state, shown.well) == (State.FAILING, False)
    assert (shown.failure.cause, shown.failure.message) == (cause, message)
    assert shown.failure.remedy
    assert shown.failure.reason


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("checkout", "Readiness probe failed: HTTP probe failed with statuscode: 500", "its health check at /healthz answers 500"),
        ("checkout", 'Readiness probe failed: Get "http://10.244.0.8:8080/healthz": dial tcp 10.244.0.8:8080: connect: '
         "connection refused", "nothing listens on port 8080"),
        ("refunds", "Readiness probe failed: dial tcp 10.244.0.3:8080: connect: connection refused", "nothing listens on port 8080"),
        ("checkout", 'Liveness probe failed: Get "http://10.244.0.8:8080/healthz": context deadline exceeded (Client.Timeout '
         "exceeded while awaiting headers)", "its health check at /healthz does not answer in time"),
        ("checkout", "Readiness probe failed: something else", "its health check at /healthz fails"),
    ],
)  # fmt: skip
def test_probes_that_fail_are_told_by_events(name: str, said: str, message: str) -> None:
    """The kubelet's events of the pod; of a pod that is ready again, they are the last failure."""
    found, first = short(name)
    unready(first, "Running")
    found["Event"] = [
        event("Pod", first["metadata"]["name"], "Unhealthy", said),
        event("Pod", "another", "Unhealthy", "no"),
    ]
    shown = row(name, found)
    assert shown.failure
    assert (shown.state, shown.failure.cause, shown.failure.message) == (State.FAILING, Cause.HEALTH, message)
    well = deployed(name)
    well["Event"] = found["Event"]
    shown = row(name, well)
    assert shown.failure
    assert (shown.state, shown.failure.current) == (State.LIVE, False)


def test_a_volume_that_cannot_be_mounted() -> None:
    """And a secret that a volume is made of."""
    for said, cause in (
        ('MountVolume.SetUp failed: secret "x" not found', Cause.SETTINGS),
        ("timed out", Cause.VOLUME),
    ):
        found, first = short("checkout")
        unready(first)
        found["Event"] = [event("Pod", "checkout-0", "FailedMount", said)]
        shown = row("checkout", found)
        assert shown.failure
        assert shown.failure.cause is cause


def test_waiting_for_quota_is_no_failure() -> None:
    """Kueue holds its pods back until they are admitted."""
    found, first = short("fraud-scorer")
    unplaced(first, "Scheduling is blocked due to non-empty scheduling gates", "SchedulingGated")
    shown = row("fraud-scorer", found)
    assert shown.failure
    assert (shown.state, shown.failure.waits, shown.failure.message) == (
        State.STARTING, True, "waiting for quota: it is in the team's queue"
    )  # fmt: skip


def test_an_eviction_is_over() -> None:
    """Another has taken its place."""
    found = deployed("checkout")
    gone = pod(found["Deployment"][0], "checkout-gone")
    gone["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    found["Pod"].append(gone)
    shown = row("checkout", found)
    assert shown.failure
    assert (shown.state, shown.failure.cause, shown.failure.current) == (State.LIVE, Cause.EVICTED, False)


def test_what_is_on_its_way_out_is_not_looked_at() -> None:
    """A pod of the version before may end as it likes."""
    found = deployed("checkout")
    wait(found["Pod"][0], "CrashLoopBackOff")
    found["Pod"][0]["metadata"]["deletionTimestamp"] = LATER
    assert row("checkout", found).failure is None


def test_a_quota_that_is_used_up() -> None:
    """With the figures of what is over; said by the ReplicaSet, or by a StatefulSet's events."""
    said = (
        'pods "checkout-x" is forbidden: exceeded quota: quota, requested: limits.memory=60Gi,requests.memory=60Gi, '
        "used: limits.memory=35Gi,requests.memory=32512Mi, limited: limits.memory=80Gi,requests.memory=80Gi"
    )
    found, _ = short("checkout")
    found["Pod"] = []
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    found["ReplicaSet"][0]["status"]["conditions"] = [failed]
    shown = row("checkout", found)
    assert shown.failure
    assert (shown.state, shown.failure.cause) == (State.FAILING, Cause.QUOTA)
    assert shown.failure.message == (
        "the quota of team payments is used up: most memory: asks for 60Gi, 35Gi of 80Gi are taken; "
        "memory: asks for 60Gi, 32512Mi of 80Gi are taken"
    )
    assert "teams.payments.quota" in shown.failure.remedy
    found, _ = short("explore")
    found["Pod"] = []
    found["StatefulSet"][0]["status"] |= {"replicas": 0}
    found["Event"] = [event("StatefulSet", "explore", "FailedCreate", f"create Pod explore-0 failed error: {said}")]
    shown = row("explore", found)
    assert shown.failure
    assert (shown.state, shown.failure.cause) == (State.FAILING, Cause.QUOTA)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ('pods "x" is forbidden: violates PodSecurity "restricted:v1.37": allowPrivilegeEscalation != false',
         "the cluster refuses its pods: they break the restricted Pod Security Standard"),
        ('pods "x" is forbidden: maximum memory usage per Container is 4Gi, but limit is 8Gi',
         "it asks for more than one of its pods may have"),
        ('pods "x" is forbidden: error looking up service account payments-dev/x: serviceaccount "x" not found',
         "its identity is not there"),
        ("admission webhook denied the request", "the cluster refuses its pods"),
        ("exceeded quota: quota", "the quota of team payments is used up"),
    ],
)  # fmt: skip
def test_other_refusals(said: str, message: str) -> None:
    """In plain words, the server's own message beside them."""
    found = refused(Subject("x", "ScalableService", "payments"), said, None)
    assert found.message == message
    assert found.detail in said


def test_what_lasts_is_shown_before_what_is_over() -> None:
    """Then the first that is no mere waiting, else the last that was seen."""
    old = Failure(Cause.CRASH, "old", "", "", at=NOW - timedelta(days=1), current=False)
    new = Failure(Cause.CRASH, "new", "", "", at=NOW, current=False)
    queued = Failure(Cause.QUEUED, "queued", "", "", waits=True)
    lasting = Failure(Cause.IMAGE, "lasting", "", "")
    undated = Failure(Cause.CRASH, "undated", "", "", current=False)
    assert worst([old, new, undated]) is new
    assert worst([old, queued]) is queued
    assert worst([queued, old, lasting]) is lasting
    assert worst([undated]) is undated
    assert worst([]) is None


# Jobs


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


def test_jobs_that_wait_for_their_time() -> None:
    """On a schedule, on demand, or suspended by somebody."""
    assert (row("train", deployed("train")).state, row("train", deployed("train")).schedule) == (
        State.SCHEDULED,
        "0 2 * * *",
    )
    shown = row("backfill-scores", deployed("backfill-scores"))
    assert (shown.state, shown.schedule, shown.run, shown.well) == (State.ON_DEMAND, "on demand", None, True)
    found = deployed("train")
    found["CronJob"][0]["spec"]["suspend"] = True
    assert (row("train", found).state, row("train", found).well) == (State.SUSPENDED, False)


def test_runs() -> None:
    """Running, waiting for quota, ended well, failed; the last one counts."""
    shown = row("train", run_of("train"))
    assert shown.run
    assert (shown.state, shown.run.state, shown.well) == (State.RUNNING, "running", True)
    found = run_of("train", active=0, ready=0)
    found["Job"][0]["spec"]["suspend"], found["Pod"] = True, []
    shown = row("train", found)
    assert shown.run
    assert shown.failure
    assert (shown.state, shown.run.state, shown.failure.waits) == (State.STARTING, "waiting", True)
    found = run_of("train", [{"type": "Complete", "status": "True"}], completionTime=LATER, active=0)
    shown = row("train", found)
    assert shown.run
    assert (shown.state, shown.run.state, shown.failure) == (State.SCHEDULED, "succeeded", None)
    assert shown.since == datetime(2026, 3, 3, 12, 29, tzinfo=UTC)
    newer = deepcopy(found["Job"][0])
    newer["metadata"] |= {"name": "train-2", "creationTimestamp": LATER}
    newer["status"] = {
        "conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": LATER}]
    }
    found["Job"].append(newer)
    shown = row("train", found)
    assert shown.run
    assert shown.failure
    assert (shown.state, shown.run.state, shown.failure.cause) == (State.FAILING, "failed", Cause.DEADLINE)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("BackoffLimitExceeded", "the run failed, and so did its retries"),
        ("DeadlineExceeded", "the run took longer than its deadline, and was ended"),
        ("PodFailurePolicy", "the run failed, and was not tried again: its command cannot be run"),
    ],
)
def test_runs_that_failed(reason: str, message: str) -> None:
    """Where its pods are gone, the run's own reason; where one is left, how that ended."""
    found = run_of(
        "train", [{"type": "Failed", "status": "True", "reason": reason, "lastTransitionTime": LATER}], active=0
    )
    (last,), found["Pod"] = found["Pod"], []
    shown = row("train", found)
    assert shown.failure
    assert (shown.state, shown.failure.message) == (State.FAILING, message)
    unready(last, "Failed")
    last["status"]["containerStatuses"][0] |= {"ready": False, "state": ended("OOMKilled", 137)}
    found["Pod"] = [last]
    shown = row("train", found)
    assert shown.failure
    assert (shown.failure.cause, shown.failure.remedy) == (Cause.MEMORY, "raise memory")


# What readers are told


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


def test_a_table_in_the_words_of_each_persona() -> None:
    """Their nouns and parts; Kubernetes' own for the platform engineer."""
    service, notebook = row("checkout", deployed("checkout")), row("explore", deployed("explore"))
    endpoint, job = row("fraud-scorer", deployed("fraud-scorer")), row("train", deployed("train"))
    text = said(status(service))
    assert "payments-dev  dev, cluster dev, 12:30:00 UTC" in text
    assert "checkout  service  live  2 of 2 replicas  2.7.1  100% of traffic  since 3 Mar 10:00" in text
    text = said(status(notebook, endpoint, job), "data-scientist")
    assert re.search(r"explore +notebook +live +1 of 1 JupyterLab +2\.1\.0 +since 3 Mar 10:00", text)
    assert re.search(r"fraud-scorer +endpoint +live +2 of 2 model server +models:/fraud-scorer/12 on 3\.4\.0", text)
    assert re.search(r"train +job +scheduled +0 2 \* \* \*; no run yet +2\.1\.0", text)
    text = said(status(service), "platform-engineer")
    assert f"checkout  Deployment  live  2/2  {IMAGE}:2.7.1  checkout=100  since 3 Mar 10:00" in text


def test_a_failure_stands_below_its_table() -> None:
    """With what to do; the platform engineer reads the cluster's own words; what is over is the last failure."""
    text = said(status(broken()))
    assert "2.7.1 → 2.8.0" in text
    assert (
        f"  checkout: {IMAGE}:2.8.0 is not in the registry\n      do:      push it, or name a tag that was pushed\n"
        in text
    )
    assert "  checkout: ImagePullBackOff: not found\n" in said(status(broken()), "platform-engineer")
    found = deployed("checkout")
    found["Pod"][0]["status"]["containerStatuses"][0] |= {"lastState": ended("OOMKilled", 137), "restartCount": 1}
    text = said(status(row("checkout", found)))
    assert "  checkout: last failure 3 March 12:29 UTC: it took more memory than the 1Gi that it may have" in text
    (extra,) = rows([], found, Place("payments-dev", "payments", "dev", "payments-dev"), NOW)
    assert "checkout: is deployed, and stands in no file: `handrail up` removes it" in said(status(extra))


def test_problems_and_notes_are_told() -> None:
    """With what to do."""
    text = said(status(note="nothing is known", problems=(Problem("no answer", remedy="look"),)))
    assert "  nothing is known\n  no answer\n      do:      look\n" in text
    assert "  no workloads\n" in said(status())


def gated() -> Row:
    """The next version waits in the queue."""
    found = rolling()
    unplaced(found["Pod"][-1], "Scheduling is blocked due to non-empty scheduling gates", "SchedulingGated")
    return row("checkout", found)


def test_a_product_manager_reads_sentences() -> None:
    """Live or not, where, which share, since when."""
    sentences = [
        (row("checkout", deployed("checkout")),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1."),
        (row("fraud-scorer", deployed("fraud-scorer")),
         "fraud-scorer is live in staging since 3 March 10:00 UTC, for use inside the company, version 3.4.0, version 12 of "
         "model fraud-scorer."),
        (broken(),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1; version 2.8.0 is to follow, but "
         "it cannot start: its version cannot be found."),
        (row("checkout", rolling()),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1; version 2.8.0 is to follow, and "
         "it is starting."),
        (gated(),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1; version 2.8.0 is to follow, and "
         "it waits for its turn on shared hardware."),
        (row("checkout", {}), "checkout is not in dev."),
        (row("train", deployed("train")), "train runs by itself in dev, on a schedule; it has not run yet."),
        (row("backfill-scores", deployed("backfill-scores")), "backfill-scores runs on demand in dev; it has not run yet."),
    ]  # fmt: skip
    for found, sentence in sentences:
        assert said(status(found), "product-manager") == f"{sentence}\n"


JARGON = re.compile(
    r"\b(pods?|replicas?|deployments?|containers?|nodes?|namespaces?|clusters?|kubernetes|kube\w*|registry|image|"
    r"statefulsets?|cron\w*|routes?|quota|crash\w*|oom\w*|gpu|accelerator|kubelet|api)\b",
    re.IGNORECASE,
)


def every_row() -> Iterator[Row]:
    """Rows of every state, and with every cause."""
    yield broken()
    yield row("checkout", deployed("checkout"))
    yield row("checkout", rolling())
    yield row("checkout", {})
    yield row("explore", deployed("explore"))
    yield row("train", run_of("train"))
    yield row("train", run_of("train", [{"type": "Failed", "status": "True"}]))
    for name in STACKS:
        base = row(name, deployed(name))
        for state in State:
            for cause in (None, *Cause):
                for ready in (0, 1, base.wanted):
                    failure = None if cause is None else Failure(cause, "m", "r", "R", "d", NOW)
                    yield Row(name, base.component, base.kind, base.place, state, ready, base.wanted, failure=failure)


def test_no_sentence_has_a_word_of_kubernetes() -> None:
    """Of any state, with any cause; and each is one sentence or two."""
    for found in every_row():
        sentence = status_text.sentence(found, NOW)
        assert not JARGON.search(sentence), sentence
        assert sentence.endswith(".")
        assert "  " not in sentence
        assert ": ." not in sentence


def test_every_row_can_be_told_to_everybody() -> None:
    """In any state, with any cause; no two personas in the same words for nothing."""
    found = status(*list(every_row())[::13])  # a thirteenth has every state, cause and kind
    for reader in Audience:
        assert said(found, reader)
    assert set(Audience) >= set(personas())
    assert json.loads(status_text.dumps([found]))


def test_years_and_days() -> None:
    """Another year is named."""
    moment = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    assert status_text.when(moment, NOW) == "31 December 2025 23:59 UTC"
    assert status_text.when(moment, NOW, short=True) == "31 Dec 2025 23:59"
    assert status_text.when(None, NOW) == ""


def test_json_has_it_all() -> None:
    """Times in UTC, causes by name."""
    (found,) = json.loads(status_text.dumps([status(broken())]))
    assert (found["stack"], found["environment"], found["well"], found["at"]) == (
        "payments-dev",
        "dev",
        False,
        "2026-03-03T12:30:00Z",
    )
    (shown,) = found["workloads"]
    assert (shown["state"], shown["version"], shown["next_version"], shown["since"]) == (
        "degraded", "2.7.1", "2.8.0", "2026-03-03T10:00:00Z"
    )  # fmt: skip
    assert (shown["failure"]["cause"], shown["failure"]["reason"]) == ("image", "ImagePullBackOff")


# Whatever a server leaves out


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested mappings and lists."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*prefix, key)
        yield from paths(item, (*prefix, key))


# What stands beside the stable release


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


def test_a_canary_is_told_from_the_stable_release() -> None:
    """Replicas of the stable release alone; the share of each; in everybody's words."""
    shown = row("checkout", beside(deployed("checkout")))
    assert (shown.state, shown.ready, shown.wanted, shown.version, shown.traffic) == (State.LIVE, 2, 2, "2.7.1", 100)
    (canary,) = shown.tracks
    assert (canary.name, canary.version, canary.ready, canary.wanted, canary.share) == ("canary", "2.8.0", 2, 2, 10)
    assert "90% 2.7.1, 10% 2.8.0 (canary)" in said(status(shown), "app-developer")
    assert "version 2.7.1, and version 2.8.0 on trial with 10% of it." in said(status(shown), "product-manager")
    facts = json.loads(status_text.dumps([status(shown)]))[0]["workloads"][0]
    assert (facts["share"], facts["tracks"][0]["share"]) == (90, 10)


def test_without_a_route_a_canarys_share_is_that_of_its_replicas() -> None:
    """Those that answer, beside the stable release's; none while it is dark."""
    half = row("refunds", beside(deployed("refunds")))
    assert [track.share for track in half.tracks] == [66.7]
    assert "33.3% 0.9.3, 66.7% 2.8.0 (canary)" in said(status(half), "app-developer")
    (dark,) = row("refunds", beside(deployed("refunds"), "refunds", weight=0)).tracks
    assert dark.share == 0


def test_a_canary_that_fails_is_reported_with_what_to_do() -> None:
    """Its requests can be taken away by one command; the stable release's own trouble comes first."""
    found = beside(deployed("checkout"), ready=0)
    wait(found["Pod"][-1], "ImagePullBackOff", f'Back-off pulling image "{IMAGE}:2.8.0": not found')
    shown = row("checkout", found)
    assert (shown.state, shown.well, shown.ready) == (State.DEGRADED, False, 2)
    assert shown.failure and shown.failure.track == "canary"
    assert shown.failure.message == f"canary 2.8.0: {IMAGE}:2.8.0 is not in the registry"
    assert shown.failure.remedy.endswith("`handrail promote checkout --to dev --weight 0`")
    text = said(status(shown), "product-manager")
    assert "; but the trial of the next version has trouble: its version cannot be found." in text
    wait(found["Pod"][0], "ImagePullBackOff", f'Back-off pulling image "{IMAGE}:2.7.1": not found')
    found["Deployment"][0]["status"]["readyReplicas"] = 1
    other = row("checkout", found).failure
    assert other and not other.track


def test_a_dark_canary_that_fails_harms_nobody() -> None:
    """It is told, and the workload is as live as before."""
    found = beside(deployed("checkout"), ready=0, weight=0)
    wait(found["Pod"][-1], "ImagePullBackOff", f'Back-off pulling image "{IMAGE}:2.8.0": not found')
    shown = row("checkout", found)
    assert (shown.state, shown.share) == (State.LIVE, 100)
    assert shown.failure and "--weight 0" not in shown.failure.remedy
    assert "canary 2.8.0" in said(status(shown), "app-developer")


def test_an_older_version_stands_beside_with_callers_of_its_own() -> None:
    """It has no share of the current one's requests."""
    shown = row("checkout", beside(deployed("checkout"), track="v1"))
    assert (shown.share, [track.share for track in shown.tracks]) == (None, [None])
    assert "2.7.1, 2.8.0 (v1)" in said(status(shown), "app-developer")
    assert "v1 of its API still served" in said(status(shown), "product-manager")


def whole() -> dict[str, Objects]:
    """A live set of each workload in which much is wrong."""
    found: dict[str, Objects] = {}
    for name in ("checkout", "fraud-scorer", "explore"):
        found[name], first = short(name, 1)
        wait(first, "CrashLoopBackOff", "m", lastState=ended("OOMKilled", 137), restartCount=2)
        found[name]["Event"] = [
            event(
                "Pod",
                first["metadata"]["name"],
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 500",
            ),
            event(
                "StatefulSet", name, "FailedCreate", "exceeded quota: quota, requested: a=1, used: a=1, limited: a=1"
            ),
        ]
        second = pod((found[name].get("Deployment") or found[name]["StatefulSet"])[0], f"{name}-z")
        unplaced(
            second,
            "0/9 nodes are available: 3 Insufficient nvidia.com/gpu, 6 node(s) didn't match Pod's node affinity.",
        )
        found[name]["Pod"].append(second)
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": LATER}]
    found["train"] = run_of("train", failed)
    found["train"]["Pod"][0]["status"]["containerStatuses"][0] |= {"state": ended()}
    return found


WHOLE = whole() | {"refunds": beside(deployed("refunds"), "refunds", 1), "checkout": beside(whole()["checkout"])}
PATHS = [(name, path) for name, found in WHOLE.items() for path in paths(found)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(PATHS), min_size=1, max_size=6),
    st.sampled_from([None, "", "x", 0, -1, True, [], {}, [None], "gone"]),
)
def test_no_missing_field_raises(gone: list[tuple[str, tuple[Any, ...]]], instead: Any) -> None:
    """A field that is not there, or of another shape, makes a row poorer and nothing worse; it is still told."""
    for name in {name for name, _ in gone}:
        found: Any = deepcopy(WHOLE[name])
        for _, path in (each for each in gone if each[0] == name and len(each[1]) > 1):
            inner = found
            try:
                for key in path[:-1]:
                    inner = inner[key]
                if instead == "gone":
                    del inner[path[-1]]
                else:
                    inner[path[-1]] = instead
            except (KeyError, IndexError, TypeError):
                continue
        found = {kind: [each for each in items if isinstance(each, dict)] for kind, items in found.items()}
        shown = rows_of(name, found)
        for reader in ("app-developer", "platform-engineer", "product-manager"):
            said(status(*shown), reader)
        json.loads(status_text.dumps([status(*shown)]))


# The cluster that is asked


class Api(BaseHTTPRequestHandler):
    """An API server that knows one deployment, and what it is told to answer otherwise."""

    code = 200
    items: Objects
    asked: list[str]

    def do_GET(self) -> None:
        """A list, in two pages of pods."""
        type(self).asked.append(self.path)
        kind = {"deployments": "Deployment", "replicasets": "ReplicaSet", "pods": "Pod", "httproutes": "HTTPRoute"}.get(
            self.path.partition("?")[0].rpartition("/")[2], ""
        )
        found = self.items.get(kind, [])
        metadata: dict[str, Any] = {}
        if kind == "Pod":
            first = "continue=" not in self.path
            found, metadata = (found[:1], {"continue": "c"}) if first else (found[1:], {})
        body = b"<html>" if self.code == 0 else json.dumps({"items": found, "metadata": metadata}).encode()
        self.send_response(self.code or 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is logged."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """The API server, on a free port."""
    Api.code, Api.items, Api.asked = 200, deployed("checkout"), []
    running = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def project(tmp_path: Path, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """acme's payments-dev on that server."""
    organisation = (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text()
    workloads = (ROOT / "stacks/acme/payments/workloads.yaml").read_text()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "other",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    for path, text in {
        "Pulumi.yaml": "name: one\nruntime: python\n",
        "__main__.py": "from handrail.personas import deploy\n\ndeploy()\n",
        "o/organisation.yaml": re.sub(r"    render: rendered.*", "    context: dev", organisation, count=1),
        "workloads.yaml": workloads,
        "Pulumi.payments-dev.yaml": "config: {handrail:organisation: ./o, handrail:team: payments, handrail:environment: dev}\n",
        "kubeconfig": yaml.safe_dump(config),
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    connect.cache_clear()
    return Project.find(tmp_path)


def look(project: Project) -> Status:
    """The status of its one stack."""
    (found,) = read(ask(project, select(project)))
    return found


def test_a_cluster_is_asked_once_a_kind(project: Project) -> None:
    """Page by page, warnings alone of the events, and no runs where there are no jobs."""
    with at(NOW):
        found = look(project)
    assert [(each.workload, each.state) for each in found.rows] == [
        ("checkout", State.LIVE), ("ledger", State.NOT_DEPLOYED), ("refunds", State.NOT_DEPLOYED),
    ]  # fmt: skip
    kinds = [each.partition("?")[0].rpartition("/")[2] for each in Api.asked]
    assert kinds == ["deployments", "statefulsets", "cronjobs", "replicasets", "pods", "pods", "events", "httproutes"]
    assert all("limit=500" in each for each in Api.asked)
    assert "fieldSelector=type%3DWarning" in next(each for each in Api.asked if "/events" in each)


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        (401, "cluster dev does not know you: you are not signed in, or no longer", "kubectl get pods --context dev"),
        (
            403,
            "cluster dev does not let you read Deployments in payments-dev",
            "teams.payments.members in organisation.yaml",
        ),
        (500, "cluster dev refuses to list Deployments: 500 Internal Server Error", ""),
        (0, "cluster dev answers no JSON", "a proxy may be in the way"),
    ],
)
def test_what_a_cluster_refuses_is_a_sentence(code: int, message: str, remedy: str, project: Project) -> None:
    """Its workloads are still listed, as not known."""
    Api.code = code
    found = look(project)
    assert {each.state for each in found.rows} == {State.UNKNOWN}
    (problem,) = found.problems
    assert problem.message == message
    assert remedy in (problem.remedy or "")


def test_a_cluster_that_is_not_there(project: Project, server: ThreadingHTTPServer) -> None:
    """No answer, and no context."""
    server.shutdown()
    server.server_close()
    (problem,) = look(project).problems
    assert problem.message == "cluster dev does not answer"
    config = project.root / "kubeconfig"
    for text in (config.read_text().replace("name: dev", "name: prod"), "", "{"):
        config.write_text(text)
        connect.cache_clear()
        (problem,) = look(project).problems
        assert problem.message.startswith("kubeconfig has no context dev that can be used")


def test_a_file_that_is_wrong_hides_nothing(project: Project) -> None:
    """What runs is shown as its labels say it, beside what is wrong."""
    file = project.root / "workloads.yaml"
    file.write_text(file.read_text().replace("port: 9000", "prot: 9000"))
    found = look(project)
    assert [(each.workload, each.state, each.planned) for each in found.rows] == [("checkout", State.LIVE, True)]
    assert "did you mean port?" in str(found.problems[0])
    assert not found.well
    (project.root / "Pulumi.payments-dev.yaml").write_text("config: {handrail:team: payments}\n")
    found = look(project)
    assert (found.rows, found.cluster) == ((), "")
    assert "handrail:organisation" in str(found.problems[0])
    assert said(found, "product-manager").startswith("Nothing is known of what payments has in this environment")


def test_a_program_of_a_teams_own_is_known_by_labels(project: Project) -> None:
    """No file says what it has."""
    (project.root / "__main__.py").write_text("import pulumi\n")
    assert [(each.workload, each.planned) for each in look(project).rows] == [("checkout", True)]


# Watching


def stop_after(rounds: int) -> Callable[[float], None]:
    """A pause that ends the watch."""
    left = [rounds]

    def pause(seconds: float) -> None:
        assert seconds == 2
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return pause


def test_a_watch_prints_each_change() -> None:
    """A line for what is new, changed or gone; nothing while nothing changes."""
    well, wrong = status(row("checkout", deployed("checkout"))), status(broken())
    states = iter([[well], [well], [wrong], [status(problems=(Problem("no answer"),))]])
    console = Console(file=StringIO(), width=200)
    with pytest.raises(KeyboardInterrupt):
        status_text.watch(lambda: next(states), console, None, stop_after(4))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "12:30:00 payments-dev  checkout, service, live, 2 of 2 replicas, 2.7.1, 100% of traffic, since 3 Mar 10:00",
        "12:30:00 payments-dev  checkout, service, degraded, 2 of 2 replicas, 2.7.1 → 2.8.0, 100% of traffic, "
        f"since 3 Mar 10:00, {IMAGE}:2.8.0 is not in the registry",
        "12:30:00 payments-dev  checkout is gone",
        "12:30:00 payments-dev  no answer",
    ]


def test_a_watch_draws_anew_in_a_terminal() -> None:
    """Until it is interrupted."""
    console = Console(file=StringIO(), width=120, force_terminal=True, legacy_windows=False)
    found = status(row("checkout", deployed("checkout")))
    with pytest.raises(KeyboardInterrupt):
        status_text.watch(lambda: [found], console, "product-manager", stop_after(2))
    assert "checkout is live in dev since" in console.file.getvalue()  # type: ignore[attr-defined]


# The command


def invoke(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `handrail status` on this repository."""
    done = CliRunner().invoke(app, ["status", *arguments, "--cwd", str(ROOT)])
    return done.exit_code, done.stdout, done.stderr


def test_a_cluster_that_is_a_folder_is_said_to_be_one() -> None:
    """What is planned, and that nothing is known; not known is not well, so exit code 1."""
    code, text, _ = invoke("payments-dev", "platform-dev")
    assert code == 1
    assert "its cluster has no context, so nothing is known of what runs" in text
    assert re.search(r"checkout +service +unknown +2 replicas +2\.7\.1", text)
    assert re.search(r"^  ledger +service +unknown +2 replicas +1\.12\.0 *$", text, re.MULTILINE)
    assert "the platform team's stack: it has no workloads" in text
    code, text, _ = invoke("payments-dev", "--json")
    (found,) = json.loads(text)
    assert (code, found["well"], [each["state"] for each in found["workloads"]]) == (1, False, ["unknown"] * 3)
    assert invoke("platform-dev")[0] == 0


def test_wrong_words_are_refused() -> None:
    """As everywhere."""
    assert invoke("--watch", "--json")[0] == 2
    assert invoke("--as", "nobody")[0] == 2
    code, _, wrong = invoke("payments-prd")
    assert code == 1
    assert "did you mean payments-prod?" in wrong


def test_help_is_instant() -> None:
    """The command line loads no Kubernetes client until a cluster is asked."""
    program = "import sys, handrail.cli.app\nprint([m for m in ('kubernetes', 'rich.live') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
