"""The engine in use: the one on PATH, else the one in the cache; and the provider that goes with it."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from handrail.core.errors import EngineError, Problem
from handrail.engine import _cache, _versions

_PLUGIN = "resource-kubernetes-v"
_PROVIDER = "pulumi-resource-kubernetes"
_INSTALL = "run `handrail engine install`"
PROVIDER_VARIABLE = "HANDRAIL_KUBERNETES_PROVIDER"


@dataclass(frozen=True, slots=True)
class Provider:
    """The Kubernetes provider: its version, its binary, and whether it was built here."""

    version: str
    path: Path
    built: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """A Pulumi engine.

    Args:
        pulumi: the command.
        version: as `3.259.0`.
        source: `PATH`, `downloaded` or `built`.
        provider: the Kubernetes provider that it would use; None where there is none yet.
    """

    pulumi: Path
    version: str
    source: str
    provider: Provider | None = None

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """`base` with this engine, and the language hosts that go with it, first on PATH."""
        folders = [self.pulumi.parent, *(folder for folder in (_cache.entry("yaml") / "bin",) if folder.is_dir())]
        path = os.pathsep.join([*map(str, folders), base.get("PATH", "")])
        return {**base, "PATH": path, "PULUMI_SKIP_UPDATE_CHECK": "true"}


def find() -> Engine:
    """The engine on PATH, else the one that was downloaded or built.

    Raises:
        EngineError: there is none, it is broken, or the one on PATH is too old.
    """
    engine = usable()
    if engine is None:
        made = [folder for folder in (downloaded_root(), _cache.entry("pulumi")) if folder.exists()]
        problem = (
            Problem("the installed Pulumi engine is broken", given=str(made[0]), remedy=f"{_INSTALL}: it is made again")
            if made
            else Problem("there is no Pulumi engine on PATH, and none was installed", remedy=_INSTALL)
        )
        raise EngineError(problem)
    return engine


def usable() -> Engine | None:
    """The engine that a deployment would use: PATH's where that way is allowed, else the cached one.

    Raises:
        EngineError: the one on PATH is too old, or does not run.
    """
    return (on_path() if only_way() in ("", "path") else None) or cached()


def only_way() -> str:
    """The one way to get an engine that HANDRAIL_ENGINE allows; empty: all."""
    return os.environ.get("HANDRAIL_ENGINE", "")


def on_path() -> Engine | None:
    """The engine on PATH, with a Python language host; None where there is none.

    Raises:
        EngineError: it is older than what is supported, or does not run.
    """
    found = shutil.which("pulumi")
    if found is None:
        return None
    path = Path(found)
    version = version_of(path)
    if _versions.parts(version) < _versions.parts(_versions.PULUMI):
        raise EngineError(
            Problem(
                f"the Pulumi engine on PATH is {version or 'broken: it tells no version'}",
                given=found,
                allowed=f"{_versions.PULUMI} or newer",
                remedy="upgrade it, or take it off PATH and run `handrail engine install`",
            )
        )
    engine = Engine(path, version, "PATH", provider())
    # without its language host it runs no Python program, and installing again would not help
    return engine if shutil.which("pulumi-language-python", path=engine.environment()["PATH"]) else None


def cached() -> Engine | None:
    """The engine that was downloaded, else the one that was built."""
    downloaded = downloaded_root() / "bin" / "pulumi"
    if downloaded.exists() and (version := version_of(downloaded)):
        return Engine(downloaded, version, "downloaded", provider())
    folder = _cache.entry("pulumi")
    if _cache.complete(folder):
        return Engine(folder / "bin" / "pulumi", _versions.PULUMI, "built", provider())
    return None


def downloaded_root() -> Path:
    """Where the vendor's download goes."""
    return _cache.root() / "pulumi"


def version_of(pulumi: Path) -> str:
    """The version that a command tells; empty where it does not run or tells none."""
    try:
        return _version_of(pulumi, pulumi.stat().st_mtime_ns)
    except OSError:
        return ""


@cache
def _version_of(pulumi: Path, _: int) -> str:
    """Asked once per process and file: the engine takes 0.3 s to tell."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run([str(pulumi), "version"], capture_output=True, text=True, timeout=60, env=environment)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    version = done.stdout.strip().removeprefix("v")
    return version if done.returncode == 0 and _versions.parts(version) else ""


def plugins(home: Path | None = None) -> Path:
    """Where Pulumi keeps its plugins: $PULUMI_HOME/plugins, else ~/.pulumi/plugins."""
    home = home or Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return home / "plugins"


def provider(home: Path | None = None) -> Provider | None:
    """The newest Kubernetes provider among Pulumi's plugins, else the one that was built."""
    found = [
        Provider(folder.name.removeprefix(_PLUGIN), folder / _PROVIDER)
        for folder in plugins(home).glob(f"{_PLUGIN}*")
        if (folder / _PROVIDER).is_file()
    ]
    if found:
        # a release is newer than its own pre-releases
        return max(found, key=lambda p: (_versions.parts(p.version), "-" not in p.version, p.version))
    built = _cache.entry("kubernetes") / _PROVIDER
    return Provider(_versions.KUBERNETES, built, built=True) if built.is_file() else None


def provider_version(name: str = "kubernetes") -> str | None:
    """The version of the installed provider, for components to ask for; None leaves the choice to the engine.

    A recorded program sees no home directory: HANDRAIL_KUBERNETES_PROVIDER tells it.
    """
    if name != "kubernetes":
        return None
    if told := os.environ.get(PROVIDER_VARIABLE):
        return told
    found = provider()
    return found.version if found else None


def link_provider(home: Path | None = None) -> None:
    """Put the built provider among Pulumi's plugins, where plain `pulumi up` finds it too, without a warning."""
    built = _cache.entry("kubernetes") / _PROVIDER
    target = plugins(home) / f"{_PLUGIN}{_versions.KUBERNETES}" / _PROVIDER
    if not built.is_file() or (target.is_file() and _same(target, built)):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        os.link(built, partial)
    except OSError:  # another file system
        shutil.copy2(built, partial)
    partial.replace(target)


def _same(one: Path, other: Path) -> bool:
    return one.samefile(other) or filecmp.cmp(one, other, shallow=False)


def starts(binary: Path) -> bool:
    """Whether a binary can be executed at all: one that was cut or overwritten is refused, or ends by a signal."""
    try:
        return subprocess.run([str(binary), "--help"], capture_output=True, timeout=60).returncode >= 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
