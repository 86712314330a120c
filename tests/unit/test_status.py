"""`handrail status`: rows from API objects as servers and kubelets write them."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_objects import (
    IMAGE,
    LATER,
    NOW,
    ROOT,
    Objects,
    beside,
    deployed,
    end_sidecar,
    ended,
    event,
    pod,
    rolling,
    row,
    rows_of,
    run_of,
    said,
    short,
    status,
    unplaced,
    unready,
    wait,
)

from handrail.cluster import status_text
from handrail.cluster._failures import Cause, Failure, Subject, refused, worst
from handrail.cluster._model import Place, State, version_of
from handrail.cluster.status import rows, unknown, wanted_of
from handrail.core.project import Project
from handrail.personas._find import find_workload

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
    for words, cause in (
        ('MountVolume.SetUp failed: secret "x" not found', Cause.SETTINGS),
        ("timed out", Cause.VOLUME),
    ):
        found, first = short("checkout")
        unready(first)
        found["Event"] = [event("Pod", "checkout-0", "FailedMount", words)]
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


# Whatever a server leaves out


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested mappings and lists."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*prefix, key)
        yield from paths(item, (*prefix, key))


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
