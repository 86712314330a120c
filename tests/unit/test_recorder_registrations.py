"""What the recorder says a program registers: URNs, parents, dependencies, inputs, options, providers, outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from handrail.core.errors import RecorderError
from handrail.recorder import SECRET, UNKNOWN, Outputs, Record, Registration, record

PROGRAMS = Path(__file__).parent / "programs"
STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
CLUSTER = "urn:pulumi:dev::shop::pulumi:providers:kubernetes::cluster"
CLUSTER_REFERENCE = f"{CLUSTER}::04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def run(directory: Path, source: str) -> Record:
    (directory / "__main__.py").write_text(dedent(source))
    return record(directory, project="shop", stack="dev")


def by_name(made: Record) -> dict[str, Registration]:
    return {item.name: item for item in made.registrations}


@pytest.fixture(scope="module")
def everything() -> Record:
    return record(PROGRAMS / "everything", project="shop", stack="dev")


def test_urns_hold_the_whole_chain_of_parent_types_without_the_stack(everything: Record) -> None:
    """As the engine: `A$B$C`, and the stack left out."""
    found = by_name(everything)
    assert found["shop-dev"].urn == STACK
    assert found["first"].urn == "urn:pulumi:dev::shop::shop:index:Shop::first"
    assert found["first-inner-service"].urn == (
        "urn:pulumi:dev::shop::shop:index:Shop$shop:index:Inner$kubernetes:core/v1:Service::first-inner-service"
    )


def test_every_resource_has_its_parent(everything: Record) -> None:
    """The stack alone has none."""
    found = by_name(everything)
    assert (found["shop-dev"].parent, found["first"].parent) == ("", STACK)
    assert found["first-inner-service"].parent == found["first-inner"].urn


def test_parents_come_before_children_and_siblings_by_urn(everything: Record) -> None:
    """The order does not depend on which request came first."""
    order = [item.urn for item in everything.registrations]
    for item in everything.registrations:
        assert not item.parent or order.index(item.parent) < order.index(item.urn)
    siblings = [item.urn for item in everything.registrations if item.parent == STACK]
    assert siblings == sorted(siblings)


def test_an_id_is_unknown_and_its_path_is_listed(everything: Record) -> None:
    """A first preview knows no id."""
    deployment = by_name(everything)["first-deployment"]
    path = ("spec", "template", "metadata", "annotations", "config")
    assert deployment.unknown == (path,)
    assert deployment.inputs["spec"]["template"]["metadata"]["annotations"] == {"config": UNKNOWN}


def test_secret_inputs_are_markers_and_their_values_are_nowhere(everything: Record) -> None:
    """Neither in an input, an output, a message nor what was printed."""
    config = by_name(everything)["first-config"]
    assert config.secret == (("data", "password"), ("data", "url"))
    assert config.inputs["data"] == {"password": SECRET, "url": SECRET}
    assert everything.outputs.secret == (("secret",),)
    assert "horse" not in everything.to_json() + everything.printed


def test_a_secret_with_something_unknown_in_it_is_both(tmp_path: Path) -> None:
    """The path is listed twice; nothing of the inside is."""
    made = run(
        tmp_path,
        """
        import pulumi
        one = pulumi.CustomResource("a:b:C", "one", {})
        pulumi.CustomResource("a:b:C", "two", {"x": pulumi.Output.secret({"id": one.id})})
        """,
    )
    two = by_name(made)["two"]
    assert (two.inputs, two.unknown, two.secret) == ({"x": SECRET}, (("x",),), (("x",),))


def test_dependencies_by_property_and_by_option(everything: Record) -> None:
    """`depends_on` is what no property explains."""
    found = by_name(everything)
    deployment, config = found["first-deployment"], found["first-config"]
    assert deployment.dependencies == (config.urn,)
    assert deployment.property_dependencies == {"metadata": (), "spec": (config.urn,)}
    assert "depends_on" not in deployment.options
    assert found["first-config"].urn in found["second"].options["depends_on"]
    assert deployment.urn not in found["second"].options["depends_on"]


def test_children_inherit_the_provider(everything: Record) -> None:
    """parent=self is enough, however the component was given its provider."""
    found = by_name(everything)
    assert found["cluster"].type == "pulumi:providers:kubernetes"
    assert {found[name].provider for name in ("first-config", "second-inner-service", "options")} == {CLUSTER_REFERENCE}
    assert found["first"].provider == ""
    assert found["first"].options["providers"] == {"kubernetes": CLUSTER_REFERENCE}


def test_options_in_the_words_of_resource_options(everything: Record) -> None:
    """Every option that was set, and none that was not."""
    found = by_name(everything)
    item = found["options"]
    assert {key: value for key, value in item.options.items() if key != "depends_on"} == {
        "delete_before_replace": True,
        "ignore_changes": ["data.a", "metadata"],
        "replace_on_changes": ["data"],
        "retain_on_delete": True,
        "additional_secret_outputs": ["data"],
        "custom_timeouts": {"create": "5m", "delete": "30s"},
        "deleted_with": found["first-deployment"].urn,
        "protect": False,
    }
    assert item.aliases == (
        "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::former",
        {"name": "older"},
        {"type": "kubernetes:core/v1:Secret", "noParent": True},
        {"parentUrn": found["first"].urn},
    )
    assert found["first-config"].options == {"protect": True}


def test_assets_and_references_are_readable(everything: Record) -> None:
    """Pulumi's signatures are gone; a referenced resource's id is unknown."""
    found = by_name(everything)
    inputs = found["assets"].inputs
    assert inputs["text"] == {"asset": {"text": "text"}}
    assert inputs["archive"] == {"archive": {"assets": {"a": {"asset": {"text": "b"}}}}}
    assert inputs["reference"]["urn"] == found["first-config"].urn
    assert ("reference", "id") in found["assets"].unknown


def test_outputs_of_components_and_of_the_stack(everything: Record) -> None:
    """With unknowns and secrets as in inputs."""
    found = by_name(everything)
    assert everything.component_outputs[found["first"].urn] == Outputs(
        {"id": UNKNOWN, "password": SECRET, "names": ["first", None]}, (("id",),), (("password",),)
    )
    assert everything.component_outputs[found["first-inner"].urn] == Outputs()
    assert everything.outputs.values["list"] == [1, "two", {"three": found["first"].urn}]
    assert everything.outputs.unknown == (("id",),)


def test_numbers_keep_their_kind(everything: Record) -> None:
    """Whole numbers are integers, as in JSON."""
    spec = by_name(everything)["first-deployment"].inputs["spec"]
    assert (repr(spec["replicas"]), repr(spec["ratio"])) == ("2", "0.25")


def test_messages_carry_level_and_resource(everything: Record) -> None:
    """What the program logged."""
    found = {(item.level, item.message, item.urn) for item in everything.messages}
    assert found == {("warning", "careful", ""), ("info", "about shop", by_name(everything)["options"].urn)}


def test_a_position_is_a_line_of_the_program(tmp_path: Path) -> None:
    """Also for a child: the line that makes it, not the line that makes its component."""
    made = run(
        tmp_path,
        """
        import pulumi
        class C(pulumi.ComponentResource):
            def __init__(self):
                super().__init__("a:b:C", "c")
                pulumi.CustomResource("a:b:D", "d", {}, pulumi.ResourceOptions(parent=self))
        C()
        """,
    )
    found = by_name(made)
    assert (found["c"].source_position, found["d"].source_position) == ("__main__.py:5", "__main__.py:6")


def test_recording_twice_gives_the_same_json(tmp_path: Path) -> None:
    """Although tasks and threads finish in another order each time, and sets are iterated."""
    source = """
        import asyncio, random, pulumi
        async def late(index):
            await asyncio.sleep(random.random() / 50)
            return await asyncio.to_thread(lambda: str(index))
        for index in range(20):
            pulumi.CustomResource("a:b:C", f"c{index}", {"x": pulumi.Output.from_input(late(index))})
        pulumi.export("set", [item for item in {"a", "b", "c", "d", "e"}])
        """
    first, second = run(tmp_path, source), run(tmp_path, source)
    assert len(first.registrations) == 21
    assert first.to_json() == second.to_json()


def test_a_record_survives_json(everything: Record) -> None:
    """from_json gives back what to_json wrote."""
    assert Record.from_json(everything.to_json()) == everything
    assert everything.complete


def test_the_typed_sdk_and_generic_registration_are_equal(tmp_path: Path) -> None:
    """Save for the version, which only the typed SDK asks for."""
    source = """
        import pulumi, pulumi_kubernetes as k8s
        labels = {"app": "x"}
        probe = {"httpGet": {"port": 80}}
        container = {"name": "x", "image": "i", "ports": [{"containerPort": 80}], "readinessProbe": probe}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        metadata = {"name": "x", "namespace": "n"}
        if pulumi.Config().get_bool("typed"):
            k8s.apps.v1.Deployment("x", metadata=metadata, spec=spec)
            k8s.core.v1.Secret("s", metadata={"name": "s"}, string_data={"a": "b"})
        else:
            manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
            pulumi.CustomResource("kubernetes:apps/v1:Deployment", "x", manifest)
            data = pulumi.Output.secret({"a": "b"})
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": data}
            opts = pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
            pulumi.CustomResource("kubernetes:core/v1:Secret", "s", secret, opts)
        """
    (tmp_path / "__main__.py").write_text(dedent(source))
    typed, generic = (
        record(tmp_path, project="shop", stack="dev", config={"shop:typed": typed}) for typed in ("true", "false")
    )
    assert by_name(typed)["x"].version
    alike = [
        [replace(item, version="", source_position="", aliases=()) for item in r.registrations]
        for r in (typed, generic)
    ]
    assert alike[0] == alike[1]


def test_a_duplicate_urn_fails_in_the_words_of_the_engine(tmp_path: Path) -> None:
    """Even if the program swallows the error."""
    with pytest.raises(RecorderError) as raised:
        run(
            tmp_path,
            """
            import pulumi
            pulumi.CustomResource("a:b:C", "c", {})
            pulumi.CustomResource("a:b:C", "c", {})
            """,
        )
    assert (
        "__main__.py:4:1: Duplicate resource URN 'urn:pulumi:dev::shop::a:b:C::c'; try giving it a unique name"
        in str(raised.value)
    )


def test_the_same_name_under_another_parent_is_no_duplicate(tmp_path: Path) -> None:
    """Parent types are part of a URN."""
    made = run(
        tmp_path,
        """
        import pulumi
        pulumi.CustomResource("a:b:C", "c", {})
        pulumi.CustomResource("a:b:C", "c", {}, pulumi.ResourceOptions(parent=pulumi.ComponentResource("a:b:P", "p")))
        """,
    )
    assert len(made.registrations) == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('pulumi.CustomResource("nonsense", "c", {})', "Type 'nonsense' is not a valid type token"),
        (
            'pulumi.CustomResource("a:b:C", "c", {}, pulumi.ResourceOptions(env_var_mappings={"A": "B"}))',
            "envVarMappings can only be used with provider resources",
        ),
    ],
)
def test_the_engines_rules_hold(tmp_path: Path, line: str, message: str) -> None:
    """What the engine refuses, the recorder refuses."""
    with pytest.raises(RecorderError) as raised:
        run(tmp_path, f"import pulumi\n{line}\n")
    assert message in str(raised.value)


def test_disabled_default_providers_are_refused(tmp_path: Path) -> None:
    """As the engine does, from the stack's config."""
    (tmp_path / "__main__.py").write_text('import pulumi\npulumi.CustomResource("a:b:C", "c", {})\n')
    config = {"pulumi:disable-default-providers": '["*"]'}
    with pytest.raises(RecorderError) as raised:
        record(tmp_path, project="shop", stack="dev", config=config)
    assert "Default provider for 'a' disabled. 'a:b:C' must use an explicit provider." in str(raised.value)


def test_a_name_that_kubernetes_would_make_up_is_unknown(tmp_path: Path) -> None:
    """The provider names it at preview; here it is not known, rather than missing."""
    made = run(
        tmp_path,
        """
        import pulumi
        one = pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "one", {"metadata": {"namespace": "n"}})
        pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "two",
                              {"data": {"one": one.metadata["name"], "in": one.metadata["namespace"]}})
        """,
    )
    assert by_name(made)["two"].inputs == {"data": {"one": UNKNOWN, "in": "n"}}


def test_programs_see_project_stack_and_organization(tmp_path: Path) -> None:
    """And run in their own directory, under their own name, with the directory's modules at hand."""
    (tmp_path / "values.py").write_text("ONE = 1")
    made = run(
        tmp_path,
        """
        import os, sys, pulumi, values
        pulumi.export("told", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), values.ONE])
        pulumi.export("here", [os.getcwd() == os.path.dirname(__file__), __name__, sys.argv == [os.getcwd()]])
        pulumi.export("preview", pulumi.runtime.is_dry_run())
        """,
    )
    assert made.outputs.values == {
        "told": ["shop", "dev", "organization", 1],
        "here": [True, "__main__", True],
        "preview": True,
    }


def test_an_asynchronous_program_is_run(tmp_path: Path) -> None:
    """pulumi.run, whose results are outputs."""
    made = run(
        tmp_path,
        """
        import asyncio, pulumi
        async def main():
            await asyncio.sleep(0.01)
            return {"urn": pulumi.CustomResource("a:b:C", "c", {}).urn}
        pulumi.run(main)
        """,
    )
    assert made.outputs.values == {"urn": "urn:pulumi:dev::shop::a:b:C::c"}


def test_the_caller_imports_no_pulumi() -> None:
    """Only the child does."""
    import subprocess
    import sys

    code = "import sys, handrail.recorder; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
