"""`handrail status` on a real API server: what is live, what fails and why, for each reader.

Nodes are kwok's, and run nothing: what only a kubelet says is written into a pod's status in the kubelet's own shape,
by tests whose names say so. Scheduling, quota and admission are real.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes.config import kube_config
from spine import Checkout

from handrail.cluster import live as live_module
from handrail.cluster._connect import connect
from handrail.cluster.live import ask, read
from handrail.cluster.status_text import dumps
from handrail.components._catalogue import definitions
from handrail.components._definition import prepare
from handrail.core.project import Project
from handrail.core.selection import select
from handrail.engine.control_plane import ControlPlane
from handrail.personas._stack import plan_stack

pytestmark = pytest.mark.engine
IMAGE = "registry.acme.test/payments/trial"
SERVICE: dict[str, Any] = {"image": f"{IMAGE}:1.4.2", "port": 8080, "scale": {"min": 2}, "health": "/healthz"}
ENDPOINT: dict[str, Any] = {
    "image": "registry.acme.test/fraud/trial:1.4.2", "model": "models:/trial/1", "accelerator": "l4", "memory": "4GiB"
}  # fmt: skip


class Trial:
    """A workload that stands in no file, made of what its component plans, and changed as a test likes.

    acme's own objects are left alone: other tests compare every field of them.
    """

    def __init__(self, copy: Checkout, cluster: ControlPlane, stack: str) -> None:
        self.copy, self.api, self.stack = copy, cluster.api, stack
        self.made: list[str] = []

    def make(self, component: str, args: dict[str, Any], name: str = "trial", *, identity: bool = True) -> None:
        """Apply its account and the object that it is at its core."""
        found = Project.find(self.copy.root).stack(self.stack)
        context = plan_stack(found.config, root=self.copy.root, stack=self.stack).context
        for resource in prepare(definitions()[component], name, args, context).plan.resources:
            version = resource.type.split(":")[1].removeprefix("core/")
            if resource.kind in ("Deployment", "StatefulSet", "CronJob") or (
                identity and resource.kind == "ServiceAccount"
            ):
                folder = "/api" if "/" not in version else "/apis"
                path = f"{folder}/{version}/namespaces/{self.stack}/{resource.kind.lower()}s/{name}"
                code, said = self.api.apply(
                    path, {"apiVersion": version, "kind": resource.kind, **resource.inputs}, "trial"
                )
                assert code == 201, said
                self.made.insert(0, path)

    def patch(self, template: dict[str, Any], name: str = "trial") -> None:
        """Change the pods of its Deployment."""
        path = f"/apis/apps/v1/namespaces/{self.stack}/deployments/{name}"
        body = {"spec": {"template": {"spec": template}}}
        code, said = self.api.request("PATCH", path, body, "application/strategic-merge-patch+json")
        assert code == 200, said

    def pods(self, name: str = "trial") -> list[dict[str, Any]]:
        """Its pods."""
        path = f"/api/v1/namespaces/{self.stack}/pods?labelSelector=app.kubernetes.io/instance={name}"
        items: list[dict[str, Any]] = self.api.request("GET", path)[1]["items"]
        return items

    def say(self, pod: dict[str, Any], status: dict[str, Any]) -> None:
        """Write a pod's status, as its kubelet does."""
        path = f"/api/v1/namespaces/{self.stack}/pods/{pod['metadata']['name']}/status"
        code, said = self.api.request("PATCH", path, {"status": status}, "application/strategic-merge-patch+json")
        assert code == 200, said

    def row(self, name: str = "trial") -> dict[str, Any]:
        """What `handrail status --json` says of it; in this process, for it is asked many times."""
        project = Project.find(self.copy.root)
        (status,) = json.loads(dumps(read(ask(project, select(project, [self.stack])))))
        return next(each for each in status["workloads"] if each["workload"] == name)

    def until(self, *states: str, name: str = "trial", ready: int | None = None) -> dict[str, Any]:
        """Its row, once it is in one of these states, with as many replicas ready where that is asked."""
        deadline = time.monotonic() + 60
        while (row := self.row(name))["state"] not in states or ready not in (None, row["ready"]):
            assert time.monotonic() < deadline, row
            time.sleep(0.2)
        return row

    def remove(self) -> None:
        """Take it away again, with its pods."""
        for path in self.made:
            self.api.request("DELETE", path, {"propagationPolicy": "Background"})
        deadline = time.monotonic() + 30
        while self.pods():
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def trial(live: Checkout, cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Trial]]:
    """Makes trials in a stack; they are gone after the test."""
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig))
    connect.cache_clear()
    made: list[Trial] = []

    def of(stack: str) -> Trial:
        made.append(Trial(live, cluster, stack))
        return made[-1]

    yield of
    for each in made:
        each.remove()
    connect.cache_clear()


CONTAINER = {"name": "trial", "image": f"{IMAGE}:9.9.9", "imageID": "", "ready": False, "restartCount": 0}
PULL = {
    "phase": "Pending",
    "conditions": [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "containers with unready status: [trial]"},
    ],
    "containerStatuses": [
        {
            **CONTAINER,
            "state": {
                "waiting": {
                    "reason": "ImagePullBackOff",
                    "message": f'Back-off pulling image "{IMAGE}:9.9.9": ErrImagePull: rpc error: code = NotFound desc = '
                    f'failed to pull and unpack image "{IMAGE}:9.9.9": {IMAGE}:9.9.9: not found',
                }
            },
        }
    ],
}  # fmt: skip


def test_every_workload_of_dev_is_there(live: Checkout) -> None:
    """Each with its replicas, its version, its share and since when; nothing is wrong, so the exit code is 0."""
    done = live.handrail("status", "--environment", "dev", "--json")
    found = {row["workload"]: row for status in json.loads(done.stdout) for row in status["workloads"]}
    states = {
        name: (row["state"], row["ready"], row["wanted"], row["version"], row["traffic"]) for name, row in found.items()
    }
    assert states == {
        "assistant": ("live", 1, 1, "v0.11.0", None),
        "evaluate": ("scheduled", None, None, "0.8.2", None),
        "explore": ("live", 1, 1, "2.1.0", 100),
        "deep-dive": ("live", 1, 1, "2.1.0", 100),
        "train": ("scheduled", None, None, "2.1.0", None),
        "churn-scorer": ("live", 1, 1, "2.1.0", None),
        "fraud-scorer": ("live", 2, 2, "3.4.0", None),
        "transaction-embedder": ("live", 1, 1, "1.2.0", None),
        "retrain": ("scheduled", None, None, "3.4.0", None),
        "backfill-scores": ("on demand", None, None, "3.4.0", None),
        "checkout": ("live", 2, 2, "2.7.1", 100),
        "ledger": ("live", 2, 2, "1.12.0", None),
        "refunds": ("live", 1, 1, "0.9.3", None),
        "web": ("live", 3, 3, "5.3.0", 100),
        "catalogue": ("live", 2, 2, "3.1.4", 100),
        "search": ("live", 2, 2, "1.0.8", None),
        "reindex": ("scheduled", None, None, "1.0.8", None),
    }
    assert all(row["since"] for row in found.values() if row["state"] == "live")
    assert found["churn-scorer"]["model"] == "models:/churn/4"
    assert found["checkout"]["address"] == "https://checkout-payments-dev.dev.acme.test/v2"


def test_each_reader_has_words(live: Checkout) -> None:
    """The team's own by default, Kubernetes' for the platform engineer, sentences for a product manager."""
    said = live.handrail("status", "payments-dev").stdout
    assert re.search(r"checkout +service +live +2 of 2 replicas +2\.7\.1 +100% of traffic", said)
    said = live.handrail("status", "payments-dev", "--as", "platform-engineer").stdout
    assert re.search(r"checkout +Deployment +live +2/2", said)
    said = live.handrail("status", "payments-prod", "--as", "product-manager").stdout
    assert re.search(
        r"^checkout is live in prod since \d+ \w+ \d\d:\d\d UTC, 100% of traffic, version 2\.7\.1\.$", said, re.M
    )


def test_a_broken_image_as_a_kubelet_says_it(trial: Callable[[str], Trial]) -> None:
    """The version that served goes on; the one that does not come is named, with why and what to do."""
    payments = trial("payments-dev")
    payments.make("ScalableService", SERVICE)
    row = payments.until("live")
    assert (row["version"], row["ready"], row["planned"]) == ("1.4.2", 2, False)
    # nobody's scheduler: on a node of kwok's it would be Running at once
    payments.patch({"schedulerName": "nobody", "containers": [{"name": "trial", "image": f"{IMAGE}:9.9.9"}]})
    deadline = time.monotonic() + 30
    while not (broken := [pod for pod in payments.pods() if pod["spec"]["containers"][0]["image"].endswith("9.9.9")]):
        assert time.monotonic() < deadline
    for pod in broken:
        payments.say(pod, PULL)
    row = payments.until("degraded")
    assert (row["version"], row["next_version"], row["ready"], row["wanted"]) == ("1.4.2", "9.9.9", 2, 2)
    assert row["failure"]["cause"] == "image"
    assert row["failure"]["reason"] == "ImagePullBackOff"
    assert row["failure"]["message"] == f"{IMAGE}:9.9.9 is not in the registry"
    done = payments.copy.handrail("status", "payments-dev", ok=False)
    assert done.returncode == 1
    assert f"trial: {IMAGE}:9.9.9 is not in the registry" in done.stdout
    assert "do:      push it, or name a tag that was pushed" in done.stdout
    assert "1.4.2 → 9.9.9" in done.stdout
    said = payments.copy.handrail("status", "payments-dev", "--as", "product-manager", ok=False).stdout
    assert "version 1.4.2; version 9.9.9 is to follow, but it cannot start: its version cannot be found." in said
    payments.patch({"schedulerName": "default-scheduler", "containers": [{"name": "trial", "image": f"{IMAGE}:1.4.3"}]})
    row = payments.until("live")
    assert (row["version"], row["failure"]) == ("1.4.3", None)


def test_out_of_memory_as_a_kubelet_says_it(trial: Callable[[str], Trial]) -> None:
    """A restart that is over is the last failure of a service that is live; one that lasts degrades it."""
    payments = trial("payments-dev")
    payments.make("ScalableService", SERVICE)
    payments.until("live")
    killed = {
        "exitCode": 137,
        "reason": "OOMKilled",
        "startedAt": "2026-03-01T12:00:00Z",
        "finishedAt": "2026-03-01T12:30:00Z",
    }
    pod = payments.pods()[0]
    status = {**pod["status"]["containerStatuses"][0], "restartCount": 3, "lastState": {"terminated": killed}}
    payments.say(pod, {"containerStatuses": [status]})
    row = payments.row()
    assert (row["state"], row["failure"]["current"], row["failure"]["at"]) == ("live", False, "2026-03-01T12:30:00Z")
    assert row["failure"]["message"] == "it took more memory than the 1Gi that it may have, and was ended, 3 restarts"
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=trial"}}
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    payments.say(pod, {"conditions": [unready], "containerStatuses": [{**status, "ready": False, "state": waiting}]})
    row = payments.until("degraded", ready=1)
    assert (row["failure"]["cause"], row["failure"]["remedy"]) == ("memory", "raise memory_limit")


def test_no_node_has_the_accelerator(trial: Callable[[str], Trial]) -> None:
    """The scheduler's own message, in the words of the workload."""
    fraud = trial("fraud-dev")
    fraud.make("GpuInferenceEndpoint", ENDPOINT)
    fraud.until("live")
    path = "/apis/apps/v1/namespaces/fraud-dev/deployments/trial"
    term = {"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-T4"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    body = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    assert fraud.api.request("PATCH", path, body, "application/merge-patch+json")[0] == 200
    row = fraud.until("degraded")
    assert row["failure"]["message"] == "the cluster has no node with an l4"
    assert row["failure"]["reason"] == "Unschedulable"
    assert (row["ready"], row["failure"]["cause"]) == (1, "accelerator")


def test_all_accelerators_are_taken(trial: Callable[[str], Trial]) -> None:
    """Five times six is more than the three nodes have, whatever else is on them."""
    fraud = trial("fraud-dev")
    fraud.make("GpuInferenceEndpoint", {**ENDPOINT, "accelerators": 6, "scale": {"min": 1}})
    path = "/apis/apps/v1/namespaces/fraud-dev/deployments/trial"
    assert fraud.api.request("PATCH", path, {"spec": {"replicas": 5}}, "application/merge-patch+json")[0] == 200
    deadline = time.monotonic() + 30  # until all that could be placed are, the scheduler has other reasons too
    while (row := fraud.until("degraded", "failing"))["failure"]["message"] != "no node has 6 l4 free":
        assert time.monotonic() < deadline, row
    assert "wait until one is given back" in row["failure"]["remedy"]


def test_a_quota_that_is_used_up(trial: Callable[[str], Trial]) -> None:
    """The API server's own refusal, with the figures."""
    payments = trial("payments-dev")
    payments.make("ScalableService", {**SERVICE, "cpu": "30"})
    row = payments.until("degraded")
    assert row["failure"]["cause"] == "quota"
    assert row["failure"]["message"].startswith("the quota of team payments is used up: most cpu: asks for 30, ")
    assert "teams.payments.quota" in row["failure"]["remedy"]


def test_pods_that_cannot_be_made(trial: Callable[[str], Trial]) -> None:
    """Here for want of the account; nothing serves, so it is failing."""
    payments = trial("payments-dev")
    payments.make("ScalableService", SERVICE, identity=False)
    row = payments.until("failing")
    assert (row["failure"]["cause"], row["failure"]["message"]) == ("refused", "its identity is not there")
    said = payments.copy.handrail("status", "payments-dev", "--as", "product-manager", ok=False).stdout
    assert "trial is not live in dev: the platform refuses it. Team payments has to act.\n" in said


def test_a_notebook_that_stopped_itself(trial: Callable[[str], Trial]) -> None:
    """It asks for no replicas, as its own account does; that is well, so the exit code stays 0."""
    churn = trial("churn-dev")
    notebook = {"image": "registry.acme.test/churn/science:2.1.0", "size": "small"}
    churn.make("NotebookEnv", notebook)
    path = "/apis/apps/v1/namespaces/churn-dev/statefulsets/trial/scale"
    assert churn.api.request("PATCH", path, {"spec": {"replicas": 0}}, "application/merge-patch+json")[0] == 200
    row = churn.until("stopped")
    assert (row["well"], row["wanted"], row["failure"]) == (True, 0, None)
    assert row["since"]
    assert churn.copy.handrail("status", "churn-dev").returncode == 0


def test_a_run_waits_for_quota(live: Checkout, cluster: ControlPlane) -> None:
    """Without Kueue at work a run stays suspended, as one in the queue does: that is no failure."""
    live.handrail("run", "backfill-scores")
    try:
        (status,) = json.loads(live.handrail("status", "fraud-dev", "--json", ok=False).stdout)
        row = next(each for each in status["workloads"] if each["workload"] == "backfill-scores")
        assert (row["state"], row["run"]["state"], row["failure"]["waits"]) == ("starting", "waiting", True)
        assert row["failure"]["message"] == "waiting for quota: it is in the team's queue"
    finally:
        jobs = "/apis/batch/v1/namespaces/fraud-dev/jobs"
        cluster.api.request("DELETE", jobs, {"propagationPolicy": "Background"})


def test_a_member_asks_few_questions(live: Checkout, cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody of the team may read all that is asked, one call a kind; of another team, nothing, and that is said."""
    from kubernetes import client

    configuration: Any = client.Configuration()
    configuration.host, configuration.ssl_ca_cert = cluster.url, str(cluster.folder / "ca.crt")
    connection: Any = client.ApiClient(configuration)
    connection.set_default_header("Authorization", f"Bearer {cluster.token}")
    connection.set_default_header("Impersonate-User", "mei@acme.test")
    asked: list[str] = []
    request = connection.rest_client.request

    def counted(method: str, url: str, *rest: Any, **more: Any) -> Any:
        asked.append(url)
        return request(method, url, *rest, **more)

    monkeypatch.setattr(connection.rest_client, "request", counted)
    monkeypatch.setattr(live_module, "connect", lambda name: connection)
    project = Project.find(live.root)
    (own,) = read(ask(project, select(project, ["payments-dev"])))
    assert [row.state for row in own.rows] == ["live"] * 3
    assert len(asked) == 7  # three kinds of workloads, replica sets, pods, warnings, routes
    (other,) = read(ask(project, select(project, ["fraud-dev"])))
    assert {row.state for row in other.rows} == {"unknown"}
    (problem,) = other.problems
    assert problem.message == "cluster dev does not let you read Deployments in fraud-dev"
    assert "teams.fraud.members in organisation.yaml" in str(problem)
