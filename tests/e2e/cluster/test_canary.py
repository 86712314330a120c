"""Canaries and API versions on a real API server: what the route, the endpoints and the stable release are, all along.

Nodes run nothing: a canary that does not come is one whose image's tag is replayed (handrail/engine/replays.py), one
that fails later has its pods' status written in the kubelet's own shape. All else is real: engine, provider, rollouts,
endpoints, autoscalers.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from e2e.spine.faults import until
from spine import Checkout

from handrail.engine.control_plane import ControlPlane

pytestmark = pytest.mark.engine
STACK = "payments-dev"
WORKLOADS = "stacks/acme/payments/workloads.yaml"
IMAGE = "registry.acme.test/payments/checkout"


def image(tag: str) -> str:
    """An image of checkout, by digest."""
    return f"{IMAGE}:{tag}@sha256:{tag.encode().hex():0<64}"


def release(copy: Checkout, text: str, stack: str = STACK) -> None:
    """Write a team's releases."""
    team, environment = stack.split("-")
    file = copy.root / "releases" / environment / f"{team}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def up(copy: Checkout, text: str, stack: str = STACK) -> str:
    """Deploy these releases."""
    release(copy, text, stack)
    _standing.pop(stack, None)
    done = copy.handrail("up", "--yes", stack)
    _standing[stack] = text
    return done.stdout + done.stderr


_standing: dict[str, str] = {}


def given(copy: Checkout, text: str) -> None:
    """Have these releases deployed, if they are not."""
    if _standing.get(STACK) != text:
        up(copy, text)


def canary(tag: str, weight: int) -> str:
    """The releases with a canary of checkout."""
    return f"checkout: {{image: '{image('2.7.1')}', canary: {{image: '{image(tag)}', weight: {weight}}}}}\n"


@pytest.fixture(scope="module", autouse=True)
def restored(live: Checkout) -> Iterator[None]:
    """As the files say it, without releases, when the last of these tests has ended."""
    text = (live.root / WORKLOADS).read_text()
    yield
    (live.root / WORKLOADS).write_text(text)
    for file in live.root.glob("releases/dev/*.yaml"):
        file.unlink()
    live.handrail("up", "--yes", STACK, "fraud-dev")
    assert live.handrail("status", STACK, "fraud-dev").returncode == 0


PROGRAM = """
import pulumi
from handrail.personas import deploy

def hasty(args):
    if args.type_ in ("kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Service"):
        timeouts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="30s", update="30s"))
        return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, timeouts))

pulumi.runtime.register_resource_transform(hasty)
deploy()
"""


@pytest.fixture
def hasty(live: Checkout) -> Iterator[None]:
    """The engine waits half a minute for a Deployment or a Service, not ten."""
    program = live.root / "stacks/__main__.py"
    text = program.read_text()
    program.write_text(PROGRAM)
    yield
    program.write_text(text)


# Looking at it all along


@dataclass(frozen=True)
class Look:
    """A workload at one moment.

    Args:
        paths: the route's paths → the weight of each backend.
        endpoints: Service → how many ready endpoints it has.
        ready: Deployment → how many replicas are ready.
        images: Deployment → the image of its pods; of two while it is rolled out.
    """

    paths: dict[str, dict[str, int]]
    endpoints: dict[str, int]
    ready: dict[str, int]
    images: dict[str, set[str]]


class Workload:
    """checkout, or another one, as the API server has it."""

    def __init__(self, cluster: ControlPlane, name: str, namespace: str) -> None:
        self.api, self.name, self.namespace = cluster.api, name, namespace

    def get(self, group: str, rest: str) -> Any:
        """An object or a list of the namespace; None where there is none."""
        code, found = self.api.request("GET", f"{group}/namespaces/{self.namespace}/{rest}")
        assert code in (200, 404), found
        return found if code == 200 else None

    def deployment(self, track: str = "") -> Any:
        """One of its Deployments."""
        return self.get("/apis/apps/v1", f"deployments/{self.name}{track}")

    def pods(self, track: str = "") -> list[Any]:
        """The pods of one of its Deployments."""
        labels = f"app.kubernetes.io/name={self.name}{track},app.kubernetes.io/instance={self.name}"
        found: list[Any] = self.get("/api/v1", f"pods?labelSelector={labels}")["items"]
        return found

    def look(self) -> Look:
        """How it is now; the route first, so that what it leads to is looked at after it."""
        route = self.get("/apis/gateway.networking.k8s.io/v1", f"httproutes/{self.name}")
        rules = route["spec"]["rules"] if route else []
        paths = {
            rule["matches"][0]["path"]["value"]: {ref["name"]: ref["weight"] for ref in rule["backendRefs"]}
            for rule in rules
        }
        endpoints: dict[str, int] = {}
        for found in self.get("/apis/discovery.k8s.io/v1", "endpointslices")["items"]:
            service = found["metadata"]["labels"]["kubernetes.io/service-name"]
            ready = sum(each["conditions"]["ready"] for each in found["endpoints"] or ())
            endpoints[service] = endpoints.get(service, 0) + ready
        made = f"labelSelector=app.kubernetes.io/instance={self.name}"
        deployments = self.get("/apis/apps/v1", f"deployments?{made}")["items"]
        sets = self.get("/apis/apps/v1", f"replicasets?{made}")["items"]
        return Look(
            paths,
            endpoints,
            {each["metadata"]["name"]: each["status"].get("readyReplicas", 0) for each in deployments},
            {
                each["metadata"]["name"]: {
                    set_["spec"]["template"]["spec"]["containers"][0]["image"]
                    for set_ in sets
                    if set_["metadata"]["ownerReferences"][0]["name"] == each["metadata"]["name"]
                    and set_["status"]["replicas"]
                }
                for each in deployments
            },
        )


@pytest.fixture
def checkout(live: Checkout, cluster: ControlPlane) -> Workload:
    """acme's checkout."""
    return Workload(cluster, "checkout", STACK)


@contextmanager
def watched(workload: Workload) -> Iterator[list[Look]]:
    """Looks, again and again until the block ends; then what must hold at every moment is asked of each."""
    looks, over = [workload.look()], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            looks.append(workload.look())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join()
    assert len(looks) > 20
    for each in looks:
        for backends in each.paths.values():
            for service, weight in backends.items():
                assert not weight or each.endpoints.get(service), (service, weight, each)
        assert each.ready[workload.name] >= looks[0].ready[workload.name], each


def weights(look: Look, path: str = "/v2") -> dict[str, int]:
    """What a path's backends get."""
    return look.paths[path]


# A service


def test_a_canary_from_dark_to_release(live: Checkout, checkout: Workload) -> None:
    """No weight is on what is not ready, and the stable release never has fewer replicas, all the way."""
    up(live, f"checkout: {{image: '{image('2.7.1')}'}}\n")
    with watched(checkout) as looks:
        up(live, canary("2.8.0", 0))
    assert all(weights(each) == {"checkout": 100} for each in looks)
    with watched(checkout) as looks:
        up(live, canary("2.8.0", 10))
        said = live.handrail("status", STACK).stdout
        up(live, canary("2.8.0", 50))
    steps = [looks[0].paths, *(b.paths for a, b in pairwise(looks) if a.paths != b.paths)]
    assert [each["/v2"] for each in steps] == [
        {"checkout": 100}, {"checkout": 90, "checkout-canary": 10}, {"checkout": 50, "checkout-canary": 50},
    ]  # fmt: skip
    assert "90% 2.7.1, 10% 2.8.0 (canary)" in said
    with watched(checkout) as looks:
        up(live, f"checkout: {{image: '{image('2.8.0')}'}}\n")
    alone = next(each for each in looks if weights(each) == {"checkout": 100})
    assert alone.images["checkout"] == {image("2.8.0")}
    assert alone.ready["checkout-canary"]
    assert checkout.deployment("-canary") is None


def test_each_autoscaler_counts_its_own_pods(live: Checkout, checkout: Workload) -> None:
    """The real controller scales both, and says of neither that another one has the same pods."""
    given(live, canary("2.8.0", 10))

    def conditions(track: str) -> dict[str, str]:
        found = checkout.get("/apis/autoscaling/v2", f"horizontalpodautoscalers/checkout{track}")
        return {each["type"]: each["reason"] for each in found["status"].get("conditions") or ()}

    for track in ("", "-canary"):
        until(lambda track=track: "ScalingActive" in conditions(track))  # type: ignore[misc]
        assert "AmbiguousSelector" not in conditions(track).values()
        assert len(checkout.pods(track)) == 2


@pytest.mark.usefixtures("hasty")
def test_a_canary_that_never_comes_gets_no_weight(live: Checkout, checkout: Workload) -> None:
    """`up` ends when its patience does, with why; the weight before stays, the stable release goes on."""
    given(live, canary("2.8.0", 10))
    release(live, canary("not-ready", 50))
    with watched(checkout) as looks:
        begun = time.monotonic()
        done = live.handrail("up", "--yes", STACK, ok=False)
        assert time.monotonic() - begun < 120
    _standing.clear()
    assert done.returncode == 1
    assert all(weights(each) == {"checkout": 90, "checkout-canary": 10} for each in looks)
    said = done.stdout + done.stderr
    assert "payments-dev: checkout: canary not-ready: nothing listens on port 8080; the version before goes on" in said
    assert "handrail promote checkout --to dev --weight 0" in said
    told = live.handrail("status", STACK, ok=False)
    assert told.returncode == 1
    assert "checkout: canary not-ready: nothing listens on port 8080" in told.stdout
    with watched(checkout) as looks:
        up(live, canary("not-ready", 0))
    assert weights(looks[-1]) == {"checkout": 100}


@pytest.mark.usefixtures("hasty")
def test_a_canary_that_fails_later_gets_no_more(live: Checkout, checkout: Workload) -> None:
    """Whatever the weight is raised to; taken down to 0, it holds up nothing."""
    given(live, canary("2.8.0", 10))
    for pod in checkout.pods("-canary"):
        path = f"/api/v1/namespaces/{STACK}/pods/{pod['metadata']['name']}/status"
        unready = {"status": "False", "reason": "ContainersNotReady"}
        status = {
            "conditions": [{"type": each, **unready} for each in ("Ready", "ContainersReady")],
            "containerStatuses": [{**each, "ready": False} for each in pod["status"]["containerStatuses"]],
        }
        change = "application/strategic-merge-patch+json"
        assert checkout.api.request("PATCH", path, {"status": status}, change)[0] == 200
    until(lambda: checkout.look().endpoints["checkout-canary"] == 0)
    release(live, canary("2.8.0", 11))
    assert live.handrail("up", "--yes", STACK, ok=False).returncode == 1
    assert checkout.deployment("-canary")["metadata"]["annotations"]["handrail.dev/weight"] == "11"
    assert weights(checkout.look()) == {"checkout": 90, "checkout-canary": 10}
    assert "90% 2.7.1, 10% 2.8.0 (canary)" in live.handrail("status", STACK, ok=False).stdout
    up(live, canary("2.8.0", 0))
    assert weights(checkout.look()) == {"checkout": 100}
    up(live, f"checkout: {{image: '{image('2.7.1')}'}}\n")
    assert checkout.deployment("-canary") is None


def test_two_api_versions_side_by_side(live: Checkout, checkout: Workload) -> None:
    """Callers of the older one are on its own Deployment before the release that offered it goes; then it ends."""
    given(live, f"checkout: {{image: '{image('2.7.1')}'}}\n")
    file = live.root / WORKLOADS
    text = file.read_text()
    old, new = image("2.7.1"), image("3.0.0")
    releases = f"checkout: {{image: '{new}', previous: {{v2: {{image: '{old}'}}}}}}\n"
    file.write_text(text.replace("api: {version: v2}", "api: {version: v3, previous: {v2: 2126-01-31}}"))
    with watched(checkout) as looks:
        up(live, releases)
    for each in looks:
        (backend,) = weights(each)
        assert each.images[backend] == {old}, each
    assert looks[-1].paths == {"/v3": {"checkout": 100}, "/v2": {"checkout-v2": 100}}
    assert checkout.look().images["checkout"] == {new}
    file.write_text(text.replace("api: {version: v2}", "api: {version: v3, previous: {v2: 2026-01-31}}"))
    with watched(checkout):
        said = up(live, releases)
    assert "v2 of checkout is no longer served: its end was 2026-01-31" in said
    assert checkout.look().paths == {"/v3": {"checkout": 100}}
    assert checkout.deployment("-v2") is None
    file.write_text(text)


# An endpoint


def test_an_endpoints_canary_shares_by_replicas(live: Checkout, cluster: ControlPlane) -> None:
    """One beside two behind the one Service, whose callers notice nothing; then it stands alone."""
    scorer = Workload(cluster, "fraud-scorer", "fraud-dev")
    pins = "fraud-scorer: {{canary: {{model: 'models:/fraud-scorer/13', weight: {}}}}}\n"
    with watched(scorer) as looks:
        up(live, pins.format(33), "fraud-dev")
        until(lambda: scorer.look().endpoints["fraud-scorer"] == 3)
        said = live.handrail("status", "fraud-dev").stdout
        up(live, pins.format(0), "fraud-dev")
        until(lambda: scorer.look().endpoints["fraud-scorer"] == 2)
    assert all(each.endpoints["fraud-scorer"] >= 2 for each in looks)
    assert "66.7% models:/fraud-scorer/12 on 3.4.0, 33.3% models:/fraud-scorer/13 on 3.4.0 (canary)" in said
    assert scorer.look().endpoints["fraud-scorer-canary"] == 1
