"""The base class of components, in real programs under the recorder."""

from pathlib import Path

import pytest

from handrail.core.errors import RecorderError
from handrail.recorder import UNKNOWN, Record, record

ROOT = Path(__file__).parents[2]
CONFIG = {
    "handrail:organisation": str(ROOT / "stacks" / "acme" / "platform" / "acme_platform"),
    "handrail:team": "payments",
    "handrail:environment": "dev",
}
OWN = """
import pulumi
from handrail.components._component import Component
from handrail.components._definition import Definition, Plan, Spec
from handrail.core.resources import Ref, Resource


class OwnSpec(Spec):
    '''A component of a team's own.'''


def plan(workload):
    a = Resource("own-a", "kubernetes:core/v1:ConfigMap", {"metadata": {"generateName": "a-"}, "data": {"k": "v"}})
    reference = {"metadata": {"name": "b"}, "data": {"a": Ref("own-a", "data.k"), "id": Ref("own-a", "id")}}
    b = Resource("own-b", "kubernetes:core/v1:ConfigMap", reference, ("own-a",))
    return Plan((a, b), {"a": Ref("own-a", "id")}, ("something was left out",))


class Own(Component):
    a: pulumi.Output[str]

    def __init__(self, name, args, opts=None):
        super().__init__(Definition("Own", OwnSpec, plan, {"a": "The first."}), name, args, opts)


own = Own("own", {})
pulumi.export("a", own.a)
"""
SERVICE = "from handrail.components import ScalableService\nimport pulumi\n"
ARGS = '{"image": "registry.acme.test/x:1", "port": 8080, "scale": {"min": 1}}'


def recorded(tmp_path: Path, program: str) -> Record:
    """What a program registers as payments-dev."""
    (tmp_path / "__main__.py").write_text(program)
    return record(tmp_path, project="team", stack="dev", config=CONFIG)


def test_a_reference_becomes_an_output_of_the_other_resource(tmp_path: Path) -> None:
    """Known where the preview knows it, unknown otherwise, and waited for."""
    found = recorded(tmp_path, OWN)
    a, b = (r for r in found.registrations if r.type == "kubernetes:core/v1:ConfigMap")
    assert b.inputs["data"] == {"a": "v", "id": UNKNOWN}
    assert a.urn in b.dependencies
    assert found.outputs.values == {"a": UNKNOWN}
    later = "own-b: No secret is kept in a ConfigMap: decided at up, when data.a, data.id is known"
    assert [message.message.partition(" (")[0] for message in found.messages] == ["something was left out", later]


def test_every_child_has_the_parent_and_one_provider(tmp_path: Path) -> None:
    """Registered once for all components of a program."""
    found = recorded(tmp_path, SERVICE + f'ScalableService("a", {ARGS})\nScalableService("b", {ARGS})\n')
    children = [r for r in found.registrations if r.type.startswith("kubernetes:")]
    assert len(children) == 14
    assert {r.provider.partition("::dev::")[0] for r in children} == {
        "urn:pulumi:dev::team::pulumi:providers:kubernetes"
    }
    assert len([r for r in found.registrations if r.type.startswith("pulumi:providers:")]) == 1
    assert {r.parent.rpartition("::")[2] for r in children} == {"a", "b"}


def test_urns_are_part_of_the_contract(tmp_path: Path) -> None:
    """A change here would replace what runs, unless it carries an alias."""
    found = recorded(tmp_path, SERVICE + f'ScalableService("a", {ARGS})\n')
    component = "urn:pulumi:dev::team::handrail:index:ScalableService"
    assert [r.urn for r in found.registrations if r.type.startswith(("kubernetes:", "handrail:"))] == [
        f"{component}::a",
        f"{component}$kubernetes:apps/v1:Deployment::a-deployment",
        f"{component}$kubernetes:core/v1:ConfigMap::a-dashboard",
        f"{component}$kubernetes:core/v1:Service::a-service",
        f"{component}$kubernetes:core/v1:ServiceAccount::a-service-account",
        f"{component}$kubernetes:monitoring.coreos.com/v1:PrometheusRule::a-alerts",
        f"{component}$kubernetes:monitoring.coreos.com/v1:ServiceMonitor::a-service-monitor",
        f"{component}$kubernetes:networking.k8s.io/v1:NetworkPolicy::a-network-policy",
    ]


def test_a_callers_own_provider_is_used(tmp_path: Path) -> None:
    """As any component would."""
    provider = 'p = pulumi.ProviderResource("kubernetes", "mine", {"context": "x"})\n'
    found = recorded(
        tmp_path, SERVICE + provider + f'ScalableService("a", {ARGS}, pulumi.ResourceOptions(providers=[p]))\n'
    )
    assert {"::mine::" in r.provider for r in found.registrations if r.type.startswith("kubernetes:")} == {True}
    assert [r.name for r in found.registrations if r.type.startswith("pulumi:providers:")] == ["mine"]


def test_two_of_one_name_fail_as_in_the_engine(tmp_path: Path) -> None:
    """The engine's own wording."""
    with pytest.raises(RecorderError, match=r"Duplicate resource URN"):
        recorded(tmp_path, SERVICE + f'ScalableService("a", {ARGS})\nScalableService("a", {ARGS})\n')


def test_an_output_where_a_number_must_be_known(tmp_path: Path) -> None:
    """Said with its field, before anything is registered."""
    with pytest.raises(RecorderError, match=r"a\.port: must be known when the program runs"):
        recorded(tmp_path, SERVICE + 'ScalableService("a", {"image": "x", "port": pulumi.Output.from_input(80)})\n')
