"""The sample company through the real engine."""

from collections.abc import Callable

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from planned import context_of
from spine import ROOT, STACKS, Checkout, planned, stable

from handrail.core.resources import Resource
from handrail.standards import KUBERNETES_VERSION, contract_of, judge, problems

pytestmark = pytest.mark.engine
DEV = [stack for stack in STACKS if stack.endswith("-dev")]


@pytest.mark.parametrize("stack", DEV)
def test_up_creates_every_planned_resource(deployed: Checkout, stack: str) -> None:
    """The state holds each planned resource with its inputs, and one file for each."""
    state = {(r["type"], r["urn"].rpartition("::")[2]): r for r in deployed.state(stack)}
    plan = planned(deployed.root, stack)
    assert {(r.type, r.name) for r in plan} == {key for key in state if key[0].startswith("kubernetes:")}
    for resource in plan:
        inputs = state[resource.type, resource.name]["inputs"]
        assert {key: value for key, value in inputs.items() if key not in ("apiVersion", "kind")} == dict(
            resource.inputs
        )
    assert len(deployed.manifests(stack)) == len(plan)


def test_no_resource_uses_a_default_provider(deployed: Checkout) -> None:
    """An empty provider would deploy with whatever the machine happens to be signed in to."""
    for stack in DEV:
        providers = {r.get("provider", "") for r in deployed.state(stack) if r["type"].startswith("kubernetes:")}
        assert len(providers) == 1
        assert "pulumi:providers:kubernetes::dev::" in providers.pop()


@pytest.mark.parametrize("stack", DEV)
def test_a_second_up_changes_nothing(deployed: Checkout, stack: str) -> None:
    """The engine itself says so."""
    deployed.pulumi("up", "--yes", "--stack", stack, "--expect-no-changes")


@pytest.mark.parametrize("stack", DEV)
def test_rendered_manifests_are_valid_and_restricted(deployed: Checkout, stack: str) -> None:
    """Each built-in kind passes kubernetes-validate, strictly, and all pass the restricted pod-security rules."""
    manifests = [yaml.safe_load(text) for text in deployed.manifests(stack).values()]
    assert manifests
    for manifest in manifests:
        group = manifest["apiVersion"].partition("/")[0]
        if "." not in group or (group.endswith(".k8s.io") and not group.startswith(("gateway.", "kueue."))):
            kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
    resources = [
        Resource(
            m["metadata"]["name"],
            f"kubernetes:{m['apiVersion'] if '/' in m['apiVersion'] else 'core/v1'}:{m['kind']}",
            m,
        )
        for m in manifests
    ]
    assert problems(resources) == []
    assert judge(resources, contract_of(context_of("payments"))) == []


def test_no_path_of_this_machine_in_state_or_manifests(deployed: Checkout) -> None:
    """A checkout can be moved."""
    for stack in DEV:
        assert str(deployed.root) not in str(deployed.state(stack))
        assert str(deployed.root) not in str(deployed.manifests(stack))


def test_pulumi_up_and_handrail_up_leave_the_same_state(deployed: Checkout, acme_copy: Callable[[], Checkout]) -> None:
    """`handrail` is thin: plain Pulumi on the same files does the same."""
    copy = acme_copy()
    copy.pulumi("stack", "init", "payments-dev", "--no-select")
    copy.pulumi("up", "--yes", "--stack", "payments-dev")
    assert stable(copy.state("payments-dev")) == stable(deployed.state("payments-dev"))
    assert copy.manifests("payments-dev") == deployed.manifests("payments-dev")


def test_the_file_is_left_alone(deployed: Checkout) -> None:
    """Deploying changes no file under version control."""
    for file in (ROOT / "stacks").rglob("*.yaml"):
        assert (deployed.root / file.relative_to(ROOT)).read_text() == file.read_text()


def test_a_changed_port_is_one_line(acme_copy: Callable[[], Checkout]) -> None:
    """One file, one line: preview shows it, up does it, and only what listens there changes."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "payments-dev")
    before = copy.manifests("payments-dev")
    file = copy.root / "stacks" / "acme" / "payments" / "workloads.yaml"
    file.write_text(file.read_text().replace("port: 9000", "port: 9100"))
    assert "9100" in copy.handrail("preview", "payments-dev").stdout
    engine = copy.handrail("preview", "--engine", "payments-dev").stdout
    assert "ledger-deployment update" in engine
    copy.handrail("up", "--yes", "payments-dev")
    after = copy.manifests("payments-dev")
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "1-manifest/apps_v1-deployment-payments-dev-ledger.yaml",
        "1-manifest/networking.k8s.io_v1-networkpolicy-payments-dev-ledger.yaml",
    }


def test_destroy_removes_everything(acme_copy: Callable[[], Checkout]) -> None:
    """What was rendered is gone, and so is the state."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "platform-dev")
    copy.handrail("destroy", "--yes", "platform-dev")
    assert copy.manifests("platform-dev") == {}
    assert [r for r in copy.state("platform-dev") if r["type"].startswith("kubernetes:")] == []
