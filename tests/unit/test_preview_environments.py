"""The environment of a base revision: its own where its uv.lock is another one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from handrail.preview import environments
from handrail.preview.environments import Interpreters, nearest_lock, of_base

PROJECT = '[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{needs}]\n'
NOW = Interpreters(Path(sys.executable), Path(sys.executable))
COMMIT = "0123456789" * 4


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A base and a working tree, each with a lock; nothing is asked of a network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_PYTHON", sys.executable)
    found = tmp_path / "base", tmp_path / "head"
    for folder in found:
        folder.mkdir()
        (folder / "pyproject.toml").write_text(PROJECT.format(name="team", needs=""))
        subprocess.run(["uv", "lock", "-q"], cwd=folder, check=True)
    return found


def test_one_lock_is_one_environment(trees: tuple[Path, Path]) -> None:
    """Also where the project lies below the lock; without a lock there is nothing to make."""
    base, head = trees
    assert of_base(base, base, head, NOW, COMMIT) == NOW
    for folder in (base, head):
        (folder / "team").mkdir()
    assert nearest_lock(base / "team", base) == base / "uv.lock"
    assert of_base(base / "team", base, head / "team", NOW, COMMIT) == NOW
    (base / "uv.lock").unlink()
    assert of_base(base, base, head, NOW, COMMIT) == NOW
    assert not user_cache_path("handrail").exists()


def test_another_lock_is_another_environment(trees: tuple[Path, Path]) -> None:
    """Made once; one without a Handrail that can be asked runs the base's programs, and the rest is said."""
    base, head = trees
    (head / "uv.lock").write_text((head / "uv.lock").read_text() + "# changed\n")
    found = of_base(base, base, head, NOW, COMMIT)
    assert found.planner == NOW.planner
    assert found.program.is_relative_to(user_cache_path("handrail") / "previews")
    assert found.program.is_file()
    assert "the present one made them" in found.remark
    mark = found.program.parent / "mark"
    mark.touch()
    assert of_base(base, base, head, NOW, COMMIT) == found
    assert mark.exists()
    assert of_base(base, base, head, NOW, COMMIT[::-1]).program != found.program


def test_old_environments_are_forgotten(trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the cache does not grow with each base."""
    base, head = trees
    (head / "uv.lock").unlink()
    monkeypatch.setattr(environments, "_KEPT", 1)
    first, second = (of_base(base, base, head, NOW, commit) for commit in (COMMIT, COMMIT[::-1]))
    assert (first.program.exists(), second.program.exists()) == (False, True)


def test_one_that_cannot_be_made(trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """As without a network, or without uv: the present one is used, and that is said with the reason."""
    base, head = trees
    (base / "pyproject.toml").write_text(PROJECT.format(name="team", needs='"not-there-at-all"'))
    (head / "uv.lock").write_text("")
    found = of_base(base, base, head, NOW, COMMIT)
    assert (found.planner, found.program) == (NOW.planner, NOW.program)
    assert found.remark.startswith("uv.lock differs, and the base's locked environment could not be made (uv sync: ")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "uv, which makes the base's locked environment, is not on PATH" in of_base(base, base, head, NOW, "a").remark
