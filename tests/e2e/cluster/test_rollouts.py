"""A team's day on a real API server: ship, break it, read why in the terminal, go back.

Nodes run nothing: what a kubelet says of an image that is missing or does not listen is replayed by its tag, in the
kubelet's own shape (handrail/engine/replays.py). Admission, scheduling and the rollout itself are real.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from e2e.spine.faults import started
from spine import ORGANISATION, Checkout

from handrail.engine.control_plane import ControlPlane

pytestmark = pytest.mark.engine
PAYMENTS = "stacks/acme/payments/workloads.yaml"
FRAUD = "stacks/acme/fraud/workloads.yaml"


@pytest.fixture(scope="module", autouse=True)
def restored(live: Checkout) -> Iterator[None]:
    """What the files say is deployed again when the last of these tests has ended, and is live."""
    yield
    stacks = ("payments-dev", "fraud-dev", "fraud-prod")
    live.handrail("up", "--yes", *stacks)
    assert live.handrail("status", *stacks).returncode == 0


@contextmanager
def changed(copy: Checkout, file: str, before: str, after: str) -> Iterator[None]:
    """A team's file with one other word, until the block ends."""
    path = copy.root / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    try:
        yield
    finally:
        path.write_text(text)


@contextmanager
def waits(copy: Checkout, stack: str) -> Iterator[subprocess.Popen[str]]:
    """An `up` that has something to wait for, until the block ends: then it is interrupted."""
    with started(copy, "up", "--yes", "--skip-preview", stack) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)


def said_by(process: subprocess.Popen[str], *wanted: str) -> str:
    """What `up` says while it waits, until all of `wanted` was said with the line after it."""
    assert process.stderr
    begun, said = time.monotonic(), ""
    while not all(each in said for each in wanted) or not said.splitlines()[-1].startswith("    do:"):
        line = process.stderr.readline()
        said += line
        assert line, f"it ended: {said}"
        assert time.monotonic() - begun < 60, said
    return said


def endpoints(cluster: ControlPlane, namespace: str, service: str) -> list[str]:
    """The pods that a Service sends requests to."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io/service-name={service}"
    slices: list[dict[str, Any]] = cluster.api.request("GET", path)[1]["items"]
    ready = [each for found in slices for each in found["endpoints"] or () if each["conditions"]["ready"]]
    return sorted(each["targetRef"]["name"] for each in ready)


@pytest.fixture(scope="module")
def eight_accelerators(live: Checkout, acme_copy: Callable[[], Checkout]) -> Iterator[subprocess.Popen[str]]:
    """An `up` of another stack out of another checkout, beside the first of these tests."""
    copy = Checkout(acme_copy().root, live.environment)
    (copy.root / ORGANISATION).write_text((live.root / ORGANISATION).read_text())
    with (
        changed(copy, FRAUD, "    model_size: 6GiB", "    model_size: 6GiB\n    accelerators: 8"),
        waits(copy, "fraud-prod") as process,
    ):
        yield process


IMAGE = "registry.acme.test/payments/{}:{}"
BROKEN = {
    ("checkout", "2.7.1", "not-there"): (
        f"{IMAGE.format('checkout', 'not-there')} is not in the registry", "push it, or name a tag that was pushed",
    ),
    ("ledger", "1.12.0", "crashes"): (
        "it ended with exit code 1, 4 restarts", "read its log; try it on your own machine",
    ),
    ("refunds", "0.9.3", "not-ready"): (
        "nothing listens on port 8080", "check `port` and `health`, and read its log",
    ),
}  # fmt: skip
"""Service, the version that serves, the tag of the next; why it does not come, and what to do."""


def test_a_failed_rollout_leaves_the_old_version_serving_as_a_kubelet_says_it(
    live: Checkout, cluster: ControlPlane, eight_accelerators: subprocess.Popen[str]
) -> None:
    """`up` says why while it waits; what served goes on; the version before is one `up` away."""
    assert eight_accelerators.poll() is None

    def serving() -> dict[str, list[str]]:
        return {service: endpoints(cluster, "payments-dev", service) for service, _, _ in BROKEN}

    before = serving()
    assert all(before.values())
    with ExitStack() as files:
        for service, version, tag in BROKEN:
            files.enter_context(changed(live, PAYMENTS, f"{service}:{version}", f"{service}:{tag}"))
        with waits(live, "payments-dev") as process:
            said = said_by(process, *(f"payments-dev: {service}: " for service, _, _ in BROKEN))
        for (service, _, _), (why, remedy) in BROKEN.items():
            line = f"payments-dev: {service}: {why}; the version before goes on serving\n    do:      {remedy}"
            assert line in said
        assert serving() == before
        done = live.handrail("status", "payments-dev", ok=False)
        assert done.returncode == 1
        for (_, version, tag), (why, _) in BROKEN.items():
            assert f"{version} → {tag}" in done.stdout
            assert why in done.stdout
    live.handrail("up", "--yes", "payments-dev")
    assert live.handrail("status", "payments-dev").returncode == 0
    assert serving() == before


def test_accelerators_that_no_node_has_free(eight_accelerators: subprocess.Popen[str]) -> None:
    """The team may borrow eight of what others leave idle, and no node has eight free: the scheduler's own refusal."""
    said = said_by(eight_accelerators, "fraud-prod: transaction-embedder: no node ")
    assert "transaction-embedder: no node has 8 l4 free\n" in said
    assert "do:      wait until one is given back, ask for fewer, or choose another accelerator" in said


GATE = {
    "matchConstraints": {
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    },
    "matchConditions": [
        {
            "name": "with-accelerator",
            "expression": "has(object.metadata.labels) && 'handrail.dev/accelerator' in object.metadata.labels",
        }
    ],
    "failurePolicy": "Fail",
    "reinvocationPolicy": "Never",
    "mutations": [
        {
            "patchType": "JSONPatch",
            "jsonPatch": {
                "expression": "[JSONPatch{op: 'add', path: '/spec/schedulingGates', "
                "value: [Object.spec.schedulingGates{name: 'kueue.x-k8s.io/admission'}]}]"
            },
        }
    ],
}
"""Gates pods as Kueue does; Kueue's own manager does not run here."""


@contextmanager
def full_queue(cluster: ControlPlane) -> Iterator[None]:
    """Whatever asks for an accelerator now waits in the queue."""
    kinds = {"policies": ("Policy", GATE), "policybindings": ("PolicyBinding", {"policyName": "gate"})}
    path = "/apis/admissionregistration.k8s.io/v1/mutatingadmission"
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "gate"}}
    for plural, (kind, spec) in kinds.items():
        made = {**head, "kind": f"MutatingAdmission{kind}", "spec": spec}
        code, said = cluster.api.request("POST", f"{path}{plural}", made)
        assert code == 201, said
    time.sleep(2)  # a new policy acts after some tenths of a second
    try:
        yield
    finally:
        for plural in reversed(kinds):
            assert cluster.api.request("DELETE", f"{path}{plural}/gate")[0] == 200
        time.sleep(2)


def test_queued_work_waits_for_quota_as_kueue_gates_it(live: Checkout, cluster: ControlPlane) -> None:
    """Said as what it is while `up` waits: nothing failed, and nobody has to act."""
    with full_queue(cluster), changed(live, FRAUD, "fraud/embedder-triton:1.2.0", "fraud/embedder-triton:1.2.1"):
        with waits(live, "fraud-dev") as process:
            said = said_by(process, "fraud-dev: transaction-embedder: ")
        assert "transaction-embedder: waiting for quota: it is in the team's queue" in said
        assert "do:      wait; it starts when accelerators of fraud's quota are given back" in said
        done = live.handrail("status", "fraud-dev", "--as", "product-manager", ok=False)
        assert "it waits for its turn on shared hardware" in done.stdout


def test_what_has_no_place_is_said_within_a_minute(live: Checkout, cluster: ControlPlane) -> None:
    """In the workload's words, while the engine still waits; with a place, the same deployment completes."""
    names = [node["metadata"]["name"] for node in cluster.api.request("GET", "/api/v1/nodes")[1]["items"]]

    def cordon(shut: bool) -> None:
        for name in names:
            change = {"spec": {"unschedulable": shut}}
            merge = "application/merge-patch+json"
            assert cluster.api.request("PATCH", f"/api/v1/nodes/{name}", change, merge)[0] == 200

    cordon(True)
    with (
        changed(live, PAYMENTS, "refunds:0.9.3", "refunds:0.9.4"),
        started(live, "up", "--yes", "payments-dev", "churn-dev") as process,
    ):
        try:
            begun, said = time.monotonic(), ""
            assert process.stderr
            while "payments-dev: refunds:" not in said:
                said += process.stderr.readline()
                assert time.monotonic() - begun < 75, said
            assert "the version before goes on serving" in said
            assert "do:  " in said + process.stderr.readline()
            assert process.poll() is None
        finally:
            cordon(False)
        _, rest = process.communicate(timeout=120)
        assert process.returncode == 0, rest


def test_a_policy_refuses_through_up(live: Checkout, cluster: ControlPlane) -> None:
    """In the policy's own words, with what to do; nothing is changed."""
    path = "/apis/apps/v1/namespaces/payments-dev/deployments/refunds"
    before = cluster.api.request("GET", path)[1]["spec"]
    with changed(live, PAYMENTS, "refunds:0.9.3", "refunds:0.9.3-debug"):
        done = live.handrail("up", "--yes", "payments-dev", ok=False)
        assert done.returncode == 1
        reason = "deploy the release in place of registry.acme.test/payments/refunds:0.9.3-debug"
        assert reason in done.stdout + done.stderr
        assert "it stands under `admission` in the platform team's organisation.yaml" in done.stderr
    assert cluster.api.request("GET", path)[1]["spec"] == before
