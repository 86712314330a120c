"""oasdiff: how it is found and kept, and what is said when it cannot be had."""

from pathlib import Path

import pytest

from handrail.core.errors import EngineError
from handrail.engine import _build, _cache, _versions, doctor, install, tools


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache and an empty PATH."""
    monkeypatch.setenv("HANDRAIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("HANDRAIL_ENGINE", raising=False)
    (tmp_path / "bin").mkdir()


def script(file: Path, prints: str, code: int = 0) -> Path:
    """A command that prints a text."""
    file.write_text(f"#!/bin/sh\necho '{prints}'\nexit {code}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were built into; a build takes no time."""
    made: list[Path] = []

    def build(folder: Path, _: object) -> None:
        made.append(folder)
        script(folder / "oasdiff", f"oasdiff version {_versions.OASDIFF}")

    monkeypatch.setattr(_build, "oasdiff", build)
    return made


def test_the_one_on_path_is_taken(tmp_path: Path, builds: list[Path]) -> None:
    """Where it is as new as the one that would be built."""
    for version in (_versions.OASDIFF, "1.37.0", "v2.0.0"):
        found = script(tmp_path / "bin" / "oasdiff", f"oasdiff version {version}")
        assert tools.oasdiff() == found
    assert builds == []


@pytest.mark.parametrize(
    ("prints", "code", "said"),
    [
        ("oasdiff version 1.10.0", 0, "is 1.10.0"),
        ("oasdiff version main", 0, "is broken: it tells no version"),
        ("oasdiff version 1.11.7", 1, "is broken: it tells no version"),
    ],
)
def test_an_old_or_broken_one_on_path(prints: str, code: int, said: str, tmp_path: Path, builds: list[Path]) -> None:
    """Is refused with what to do: its verdicts would be others."""
    script(tmp_path / "bin" / "oasdiff", prints, code)
    with pytest.raises(EngineError) as caught:
        tools.oasdiff()
    assert f"the oasdiff on PATH {said}" in str(caught.value)
    assert f"allowed: {_versions.OASDIFF} or newer" in str(caught.value)
    assert "handrail engine install --oasdiff" in str(caught.value)
    assert builds == []


def test_it_is_built_once_and_kept(builds: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The doctor shows it; one that was changed is made again."""
    path = tools.oasdiff()
    assert path == tools.oasdiff() == _cache.entry("oasdiff") / "oasdiff"
    assert len(builds) == 1
    assert next(check for check in doctor().checks if check.what == "own oasdiff").state == "ok"
    path.write_text("broken")
    assert next(check for check in doctor().checks if check.what == "own oasdiff").state == "broken"
    assert "oasdiff version" in tools.oasdiff().read_text()
    assert len(builds) == 2
    assert capsys.readouterr().out == ""


def test_one_way_only_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builds: list[Path]) -> None:
    """HANDRAIL_ENGINE=build passes over PATH; HANDRAIL_ENGINE=path never builds."""
    found = script(tmp_path / "bin" / "oasdiff", f"oasdiff version {_versions.OASDIFF}")
    monkeypatch.setenv("HANDRAIL_ENGINE", "build")
    assert tools.oasdiff() == _cache.entry("oasdiff") / "oasdiff"
    found.unlink()
    monkeypatch.setenv("HANDRAIL_ENGINE", "path")
    with pytest.raises(EngineError, match=r"there is no oasdiff on PATH\n.*HANDRAIL_ENGINE"):
        tools.oasdiff()
    assert len(builds) == 1


def test_it_is_installed_with_the_engine_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, builds: list[Path]
) -> None:
    """`handrail engine install --oasdiff`."""

    def engine(folder: Path, *_: object) -> None:
        (folder / "bin").mkdir()
        script(folder / "bin" / "pulumi", f"v{_versions.PULUMI}")

    monkeypatch.setenv("HANDRAIL_ENGINE", "build")
    monkeypatch.setattr(_build, "pulumi", engine)
    monkeypatch.setattr(_build, "kubernetes", lambda folder, _: script(folder / _build._PROVIDER, ""))
    said: list[str] = []
    install(said.append)
    assert builds == []
    install(said.append, oasdiff=True)
    assert len(builds) == 1
