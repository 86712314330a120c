"""The ladder: PATH, the vendor's download, a build; and the provider the same way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from handrail.core.errors import EngineError, Problem
from handrail.engine import _build, _cache, _versions, tools
from handrail.engine._find import Engine, cached, downloaded_root, link_provider, on_path, only_way, provider, starts

_DOWNLOAD_SECONDS = 300
_INSTALLER = """
import sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
"""
WAYS = ("path", "download", "build")
"""What HANDRAIL_ENGINE may name, to allow one way only; default: all, in this order."""

Say = Callable[[str], None]


def install(say: Say | None = None, *, yaml: bool = False, oasdiff: bool = False) -> Engine:
    """An engine, a Python language host and a Kubernetes provider, by whichever way works first.

    Args:
        say: told about progress, a line at a time; default: standard error.
        yaml: the YAML language host as well, unless the engine has one beside it.
        oasdiff: oasdiff as well, unless it is on PATH.

    Raises:
        EngineError: no way worked; each one and its reason are named.
    """
    say = say or (lambda text: print(f"engine: {text}", file=sys.stderr, flush=True))
    engine = _engine(say)
    _take_away_broken(say)
    if provider() is None and not _plugin(engine, say):
        _cache.fill(_cache.entry("kubernetes"), lambda folder: _build.kubernetes(folder, say), say)
    link_provider()
    if yaml and shutil.which("pulumi-language-yaml", path=engine.environment()["PATH"]) is None:
        _cache.fill(_cache.entry("yaml"), lambda folder: _build.yaml(folder, say), say)
    if oasdiff:
        tools.oasdiff(say)
    return Engine(engine.pulumi, engine.version, engine.source, provider())


def _take_away_broken(say: Say) -> None:
    """A provider among Pulumi's plugins that does not start makes room for one that does."""
    found = provider()
    if found and not found.built and not starts(found.path):
        say(f"the Kubernetes provider does not start, it is had anew: {found.path}")
        shutil.rmtree(found.path.parent)


def _engine(say: Say) -> Engine:
    wanted = only_way()
    if wanted and wanted not in WAYS:
        raise EngineError(
            Problem("HANDRAIL_ENGINE names no way to get an engine", given=wanted, allowed=", ".join(WAYS))
        )
    tried: list[Problem] = []
    for way, attempt in (("path", _from_path), ("download", _from_download), ("build", _from_build)):
        if wanted in ("", way):
            try:
                return attempt(say)
            except EngineError as error:
                tried += [Problem(f"{way}: {problem}") for problem in error.problems]
    remedy = "check the network and its proxy, or put pulumi and pulumi-language-python on PATH"
    raise EngineError([Problem("no Pulumi engine could be had; this was tried", remedy=remedy), *tried])


def _from_path(_: Say) -> Engine:
    engine = on_path()
    if engine is None:
        raise EngineError("there is no pulumi with a Python language host on PATH")
    return engine


def _from_download(say: Say) -> Engine:
    """The vendor's own download, through the Automation API; an earlier one, or an earlier build, saves it."""
    if engine := cached():
        return engine
    say("asking the vendor for the Pulumi engine")
    reason = _download()
    engine = cached()
    if engine is None or engine.source != "downloaded":
        raise EngineError(f"the vendor's download failed: {reason or 'it brought no engine'}")
    return engine


def _download() -> str:
    """Run the Automation API's installer in a process group that can be ended; why it failed, or nothing."""
    command = [sys.executable, "-c", _INSTALLER, str(downloaded_root()), _versions.PULUMI]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, said = process.communicate(timeout=_DOWNLOAD_SECONDS)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return "it took too long"
    return (said.strip().splitlines() or [f"exit code {process.returncode}"])[-1] if process.returncode else ""


def _from_build(say: Say) -> Engine:
    _cache.fill(_cache.entry("pulumi"), lambda folder: _build.pulumi(folder, say), say)
    engine = cached()
    if engine is None:
        raise EngineError("the build left no engine")
    return engine


def _plugin(engine: Engine, say: Say) -> bool:
    """Whether the vendor's provider could be downloaded."""
    if only_way() == "build":
        return False
    say(f"asking the vendor for the Kubernetes provider {_versions.KUBERNETES_DOWNLOADED}")
    command = [str(engine.pulumi), "plugin", "install", "resource", "kubernetes", _versions.KUBERNETES_DOWNLOADED]
    try:
        done = subprocess.run(command, env=engine.environment(), capture_output=True, timeout=_DOWNLOAD_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and provider() is not None
