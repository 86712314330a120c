"""The risk that is told of a change, and what the real engine and API server do: one stack of every change, up twice.

Which step the engine takes is in its event log; whether an object and its pods are the same is in their UIDs.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from changes import CASES, CLAIMS, SPACE, Case
from spine import Checkout
from stored import Stored

from handrail.core.resources import Resource
from handrail.engine.control_plane import ControlPlane
from handrail.engine.events import VARIABLES, event_log
from handrail.preview.risk import Risk, Step, assess, step_of
from handrail.standards.evidence import Subject

pytestmark = pytest.mark.engine
PROGRAM = """
import json
from pathlib import Path

import pulumi

made = []
for name, kind, inputs in json.loads(Path("resources.json").read_text()):
    first = pulumi.ResourceOptions(depends_on=list(made) if len(made) >= FIRST else [])
    resource = pulumi.CustomResource(kind, name, inputs, first)
    if len(made) < FIRST:
        made.append(resource)
"""
FIRST = [
    Resource("space", "kubernetes:core/v1:Namespace", {"metadata": {"name": SPACE}}),
    *(
        Resource(
            name,
            "kubernetes:storage.k8s.io/v1:StorageClass",
            {
                "metadata": {"name": name}, "provisioner": "kubernetes.io/host-path", "reclaimPolicy": policy,
                "allowVolumeExpansion": True,
            },
        )
        for name, policy in CLAIMS.items()
    ),
]  # fmt: skip
"""What the others stand in."""
OUTSIDE = (
    "Namespace", "PriorityClass", "StorageClass", "IngressClass", "ValidatingAdmissionPolicy"
)  # fmt: skip
"""Kinds that stand in no namespace."""


@dataclass(frozen=True)
class State:
    """What the API server stores: UID by name, of the objects and of the claims; of each object its pods' UIDs."""

    objects: dict[str, str]
    pods: dict[str, set[str]]
    claims: dict[str, str]


@dataclass(frozen=True)
class Seen:
    """What there was before and after, and what the engine did between.

    Args:
        steps: the engine's operations by resource, in their order.
        errors: what it said of a resource that failed.
        volumes: each claim's volume before.
    """

    before: State
    after: State
    steps: dict[str, list[str]]
    errors: dict[str, str]
    volumes: dict[str, str]


@pytest.fixture(scope="module")
def seen(project: Callable[..., Checkout], cluster: ControlPlane) -> Iterator[Seen]:
    """Both deployments, and everything away again."""
    runtime = "runtime: {name: python, options: {virtualenv: .venv}}\n"
    files = {
        "Pulumi.yaml": f"name: risk\n{runtime}backend: {{url: 'file://.'}}\n",
        "Pulumi.dev.yaml": "config: {}\n",
        "__main__.py": PROGRAM.replace("FIRST", str(len(FIRST))),
    }
    made = project(files, "risk")
    own = Checkout(made.root, {**made.environment, "KUBECONFIG": str(cluster.kubeconfig), **VARIABLES})
    own.pulumi("stack", "init", "dev")
    try:
        up(own, [case.before for case in CASES])
        before = state(cluster, [case.before for case in CASES])
        volumes = {each["metadata"]["name"]: each["spec"]["volumeName"] for each in claims(cluster)}
        steps, errors = up(own, [case.after for case in CASES], ok=False)
        yield Seen(before, state(cluster, [case.after for case in CASES]), steps, errors, volumes)
    finally:
        # the namespace with all that is in it, while other tests go on; what stands outside of it one by one
        stored = Stored(cluster.api)
        for resource in (*FIRST, *(case.after for case in CASES if case.after.kind in OUTSIDE)):
            cluster.api.request("DELETE", stored.path_of(resource))


def up(own: Checkout, resources: list[Resource], ok: bool = True) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Deploy them; each resource's steps and errors, in the engine's own words."""
    plain = [(each.name, each.type, Subject(each).manifest) for each in (*FIRST, *resources)]
    (own.root / "resources.json").write_text(json.dumps(plain))
    with event_log() as log:
        flags = (
            "--yes",
            "--skip-preview",
            "--continue-on-error",
            "--parallel",
            "64",
            "--stack",
            "dev",
            "--event-log",
            str(log),
        )
        done = own.pulumi("up", *flags, ok=ok)
        print(done.stdout[-300:])
        events = [json.loads(line) for line in log.read_text().splitlines()]
    steps: dict[str, list[str]] = {}
    errors: dict[str, str] = {}
    for event in events:
        if metadata := (event.get("resourcePreEvent") or {}).get("metadata"):
            steps.setdefault(metadata["urn"].rpartition("::")[2], []).append(metadata["op"])
        diagnostic = event.get("diagnosticEvent") or {}
        if diagnostic.get("severity") == "error" and diagnostic.get("urn"):
            errors[diagnostic["urn"].rpartition("::")[2]] = diagnostic["message"]
    return steps, errors


def state(cluster: ControlPlane, resources: list[Resource]) -> State:
    """What is there, when no pod comes or goes any more."""
    stored = Stored(cluster.api)
    pods = pods_of(cluster)
    for _ in range(30):
        time.sleep(1)  # controllers act on what the provider does not wait for
        if pods == (pods := pods_of(cluster)):
            break
    objects = {each.name: stored.get(each)["metadata"]["uid"] for each in resources}
    return State(objects, pods, {each["metadata"]["name"]: each["metadata"]["uid"] for each in claims(cluster)})


def pods_of(cluster: ControlPlane) -> dict[str, set[str]]:
    """The UIDs of the pods of each workload, without those that are about to go."""
    found: dict[str, set[str]] = {}
    for pod in cluster.api.request("GET", f"/api/v1/namespaces/{SPACE}/pods")[1]["items"]:
        metadata = pod["metadata"]
        if "deletionTimestamp" not in metadata and "app" in metadata.get("labels", {}):
            found.setdefault(metadata["labels"]["app"], set()).add(metadata["uid"])
    return found


def claims(cluster: ControlPlane) -> list[dict[str, Any]]:
    """Every claim of the namespace."""
    found: list[dict[str, Any]] = cluster.api.request("GET", f"/api/v1/namespaces/{SPACE}/persistentvolumeclaims")[1][
        "items"
    ]
    return found


STEPS = {Step.UPDATE: {"update"}, Step.REPLACE: {"create-replacement"}, Step.REFUSED: {"update"}}
ALL = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@ALL
def test_the_engine_takes_the_step_that_is_told(case: Case, seen: Seen) -> None:
    """Updated, replaced or refused; and the object is another one exactly where it is replaced."""
    told, name = step_of(case.before, case.after), case.before.name
    steps = seen.steps[name]
    assert set(steps) & {"update", "create-replacement"} == STEPS[told.step], steps
    assert (name in seen.errors) is (told.step is Step.REFUSED), seen.errors.get(name)
    assert (seen.before.objects[name] == seen.after.objects[name]) is (told.step is not Step.REPLACE)
    if told.step is Step.REPLACE:
        assert (steps.index("delete-replaced") < steps.index("create-replacement")) is told.in_place


@ALL
def test_pods_restart_where_it_is_told(case: Case, seen: Seen) -> None:
    """All of them, from a partition on, or none; and as many as there were."""
    before, after = (side.pods.get(case.before.name, set()) for side in (seen.before, seen.after))
    assert (len(before), len(after)) == (case.pods or (0, 0))
    told = step_of(case.before, case.after).step is Step.REPLACE or Risk.ROLLING_RESTART in risks(case)
    kept = case.before.inputs.get("spec", {}).get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
    assert len(before & after) == (kept if told else min(len(before), len(after)))


def risks(case: Case) -> tuple[Risk, ...]:
    """The classes that are told."""
    return tuple(dict.fromkeys(each.risk for each in assess(case.before, case.after)))


def test_a_claim_is_another_where_its_data_is_told_to_be_lost(seen: Seen) -> None:
    """And its volume is gone, unless its class retains it; the claims of a set outlive the set."""
    names = {case.before.name for case in CASES if case.before.kind == "PersistentVolumeClaim"}
    lost = {name for name in names if seen.before.claims[name] != seen.after.claims[name]}
    replaced = {case.before.name for case in CASES if {Risk.DATA_LOSS} & set(risks(case))} - set(seen.errors)
    assert lost == replaced == {"volume-class", "volume-mode"}
    assert "data-claims-of-a-set-0" in set(seen.before.claims) - names
    assert all(seen.before.claims[name] == seen.after.claims[name] for name in set(seen.before.claims) - names)


def test_a_volume_goes_with_its_claim_unless_its_class_retains_it(seen: Seen, cluster: ControlPlane) -> None:
    """As the reason says: the class `drop` deletes, the class `keep` retains."""

    def stands(claim: str) -> bool:
        return cluster.api.request("GET", f"/api/v1/persistentvolumes/{seen.volumes[claim]}")[0] == 200

    assert stands("volume-mode")
    deadline = time.monotonic() + 30
    while stands("volume-class"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
