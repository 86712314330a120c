"""Transforms run as the engine runs them: a resource's own, its ancestors', the stack's."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from handrail.core.errors import RecorderError
from handrail.recorder import SECRET, UNKNOWN, Record, record

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def made() -> Record:
    return record(PROGRAMS / "transforms", project="shop", stack="dev")


def test_own_first_then_the_components_then_the_stacks(made: Record) -> None:
    """Each label holds how many were there before it."""
    found = {item.name: item for item in made.registrations}
    assert found["group-config"].inputs["metadata"]["labels"] == {"own": "0", "group": "1", "stack": "2"}
    assert found["group-after"].inputs["metadata"]["labels"] == {"group": "0", "stack": "1"}


def test_a_stack_transform_holds_from_its_registration_on(made: Record) -> None:
    """What came before it is untouched."""
    before = next(item for item in made.registrations if item.name == "before")
    assert before.inputs == {"metadata": {"name": "before"}}


def test_options_and_dependencies_after_transforms(made: Record) -> None:
    """As in the engine's plan of the same program."""
    found = {item.name: item for item in made.registrations}
    config, after = found["group-config"], found["group-after"]
    assert config.options == {"protect": True}
    assert (config.inputs["data"], config.secret) == (SECRET, (("data",),))
    assert after.dependencies == (config.urn,)
    assert after.inputs["data"] == {"id": UNKNOWN, "name": "group"}
    assert made.complete


def test_an_error_in_a_transform_names_its_line(tmp_path: Path) -> None:
    """A transform is part of the program."""
    source = """
        import pulumi
        def transform(args):
            raise ValueError("no")
        pulumi.CustomResource("a:b:C", "c", {}, pulumi.ResourceOptions(transforms=[transform]))
        """
    (tmp_path / "__main__.py").write_text(dedent(source))
    with pytest.raises(RecorderError) as raised:
        record(tmp_path, project="shop", stack="dev")
    assert "__main__.py:4:" in str(raised.value)
    assert "ValueError: no" in str(raised.value)


def test_transformations_of_the_older_kind(tmp_path: Path) -> None:
    """They run inside the SDK."""
    source = """
        import pulumi
        def transformation(args):
            return pulumi.ResourceTransformationResult({**args.props, "x": 1}, args.opts)
        pulumi.runtime.register_stack_transformation(transformation)
        pulumi.CustomResource("a:b:C", "c", {})
        """
    (tmp_path / "__main__.py").write_text(dedent(source))
    made = record(tmp_path, project="shop", stack="dev")
    assert made.registrations[-1].inputs == {"x": 1}
