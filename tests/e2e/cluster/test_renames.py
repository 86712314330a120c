"""A new version of a component that calls itself, and what it makes, otherwise: the same objects go on."""

from collections.abc import Callable

import pytest
from spine import ORGANISATION, Checkout

from handrail.engine.control_plane import ControlPlane

pytestmark = pytest.mark.engine
PROGRAM = '''
from handrail.components._component import Component
from handrail.components._definition import Definition, Plan, Spec
from handrail.core.resources import Resource


class SettingsSpec(Spec):
    """Settings of a workload."""


def plan(workload):
    inputs = {"metadata": {"name": workload.name, "namespace": workload.namespace}, "data": {"level": "info"}}
    return Plan((Resource(f"{workload.name}-ROLE", "kubernetes:core/v1:ConfigMap", inputs, aliases=ROLES),))


Component(Definition("COMPONENT", SettingsSpec, plan, {}, aliases=COMPONENTS), "renamed", {})
'''


def program(component: str, role: str, components: tuple[str, ...] = (), roles: tuple[str, ...] = ()) -> str:
    """The program, in one of its versions."""
    text = PROGRAM.replace("COMPONENTS", repr(components)).replace("COMPONENT", component)
    return text.replace("ROLES", repr(roles)).replace("ROLE", role)


@pytest.fixture
def own(live: Checkout, cluster: ControlPlane, project: Callable[..., Checkout]) -> Checkout:
    """A team's own program, which deploys into the team's namespace."""
    organisation = (live.root / ORGANISATION).read_text()
    config = (
        "config:\n  handrail:organisation: ./organisation\n  handrail:team: payments\n  handrail:environment: dev\n"
    )
    runtime = "runtime: {name: python, options: {virtualenv: .venv}}\n"
    files = {
        "Pulumi.yaml": f"name: own\n{runtime}backend: {{url: 'file://.'}}\n",
        "Pulumi.dev.yaml": config,
        "organisation/organisation.yaml": organisation,
        "__main__.py": program("Settings", "config"),
    }
    made = project(files, "own")
    return Checkout(made.root, {**made.environment, "KUBECONFIG": str(cluster.kubeconfig)})


def test_a_rename_carries_its_alias_and_replaces_nothing(own: Checkout, cluster: ControlPlane) -> None:
    """The type of the component and the name of its part are others; the object in the cluster is the same."""
    own.handrail("up", "--yes", "dev")
    path = "/api/v1/namespaces/payments-dev/configmaps/renamed"
    before = cluster.api.request("GET", path)[1]["metadata"]
    urns = {each["urn"] for each in own.state("dev")}
    try:
        (own.root / "__main__.py").write_text(program("Options", "options", ("Settings",), ("renamed-config",)))
        said = own.handrail("up", "--yes", "dev").stdout
        assert "~ 1 updated" in said  # its label `component`
        assert "3 unchanged" in said
        after = cluster.api.request("GET", path)[1]["metadata"]
        assert after["uid"] == before["uid"]
        assert after["labels"]["app.kubernetes.io/component"] == "Options"
        now = {each["urn"].rpartition("::")[2]: each["urn"] for each in own.state("dev")}
        assert "handrail:index:Options$kubernetes:core/v1:ConfigMap" in now["renamed-options"]
        assert now["renamed-options"] not in urns
    finally:
        own.handrail("destroy", "--yes", "dev")
    assert cluster.api.request("GET", path)[0] == 404
