"""What is installed is what was locked: by its hash, from a registry, and each for a reason that is written down."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
MODULES = sorted((ROOT / "platform/handrail/engine/go").glob("*/go.mod"))


def packages() -> list[dict[str, Any]]:
    """Every locked package but Handrail itself."""
    return [each for each in LOCK["package"] if each["name"] != "handrail"]


def test_every_file_of_every_package_has_its_hash() -> None:
    """So that `--locked` installs just these bytes, whoever serves them."""
    assert len(packages()) > 50
    for package in packages():
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]), package["name"]


def test_every_package_comes_from_a_registry() -> None:
    """None from a branch, a folder or somebody's page."""
    assert [each["name"] for each in packages() if set(each["source"]) != {"registry"}] == []


def test_every_dependency_says_why_it_is_there() -> None:
    """In one comment, on its line."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    needed = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    assert len(needed) > 20
    for requirement in needed:
        assert re.search(rf'^    "{re.escape(requirement)}",\s+# \S', text, re.MULTILINE), requirement


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.parent.name)
def test_every_go_module_has_its_sum(file: Path) -> None:
    """So that a build of the engine is of just these sources."""
    sums = (file.parent / "go.sum").read_text("utf-8")
    required = re.findall(r"^\s*(?:require )?([\w.-]+\.[\w./~-]+) (v\S+)", file.read_text("utf-8"), re.MULTILINE)
    assert required
    replaced = dict(re.findall(r"(\S+) => (\S+ v\S+)", file.read_text("utf-8")))
    for module, version in required:
        name, _, at = replaced.get(module, f"{module} {version}").partition(" ")
        assert re.search(rf"^{re.escape(name)} {re.escape(at)}(/go\.mod)? h1:", sums, re.MULTILINE), module


def test_there_are_go_modules() -> None:
    """Each part of the engine that is built."""
    assert {file.parent.name for file in MODULES} == {"pulumi", "kubernetes", "yaml", "cluster", "oasdiff"}
