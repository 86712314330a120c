"""Pulumi.yaml and stack config, read without Pulumi."""

from pathlib import Path

import pytest

from handrail.core.errors import DocumentError
from handrail.core.project import Project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two stacks."""
    (tmp_path / "Pulumi.yaml").write_text(
        "name: shop\nruntime: {name: python, options: {virtualenv: venv}}\nmain: src\nstackConfigDir: config\n"
        "config:\n  size: {value: 3}\n  handrail:team: payments\n  region: {type: string, default: eu}\n"
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "Pulumi.dev.yaml").write_text(
        "config:\n  shop:list: [a, 1]\n  flag: true\n  token: {secure: abc}\n  deep: {a: {secure: x}, b: 1}\n  size: 5\n"
    )
    (tmp_path / "config" / "Pulumi.prod.yaml").write_text("")
    return tmp_path


def test_a_project_is_found_from_below(root: Path) -> None:
    """Its program, its stacks and its interpreter follow from Pulumi.yaml."""
    (root / "src" / "deep").mkdir(parents=True)
    project = Project.find(root / "src" / "deep")
    assert (project.name, project.program, project.stacks()) == ("shop", root / "src", ["dev", "prod"])
    assert project.python == root / "venv" / "bin" / "python"


def test_config_is_what_the_engine_would_hand_to_the_program(root: Path) -> None:
    """Keys are qualified, objects are JSON, the stack's values win over the project's."""
    stack = Project.find(root).stack("dev")
    assert dict(stack.config) == {
        "shop:size": "5",
        "handrail:team": "payments",
        "shop:list": '["a",1]',
        "shop:flag": "true",
        "shop:token": '{"secure":"abc"}',
        "shop:deep": '{"a":{"secure":"x"},"b":1}',
    }
    assert stack.encrypted == {"shop:token", "shop:deep"}
    assert stack.positions["shop:flag"].line == 3


def test_a_stack_without_config_is_named_with_the_nearest(root: Path) -> None:
    """And with all that exist."""
    with pytest.raises(DocumentError) as caught:
        Project.find(root).stack("prd")
    assert "no stack prd" in str(caught.value)
    assert "allowed: dev, prod\n    do:      did you mean prod?" in str(caught.value)


def test_no_project(tmp_path: Path) -> None:
    """The directory is said."""
    with pytest.raises(DocumentError, match=f"no Pulumi.yaml in {tmp_path} or above it"):
        Project.find(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "runtime: python", "name: 7", "name: x\nconfig: []"])
def test_a_wrong_project_file_is_a_document_error(tmp_path: Path, text: str) -> None:
    """Never a traceback."""
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(DocumentError, match=r"Pulumi\.yaml:"):
        Project.find(tmp_path)
