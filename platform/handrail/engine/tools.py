"""Programs beside the engine, had the same way: found on PATH, else built from the Go module proxy and kept.

oasdiff tells what a change of an OpenAPI document breaks. Nothing is imitated here either.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from handrail.core.errors import EngineError, Problem
from handrail.engine import _build, _cache, _versions
from handrail.engine._find import only_way

Say = Callable[[str], None]


def oasdiff(say: Say | None = None) -> Path:
    """The oasdiff on PATH, else the one that was built, else one that is built now (seconds, and once on a machine).

    Args:
        say: told about a build, a line at a time; default: standard error.

    Raises:
        EngineError: the one on PATH is too old or does not run, or there is none and it cannot be built.
    """
    wanted = only_way()
    if wanted in ("", "path") and (found := shutil.which("oasdiff")):
        return _new_enough(Path(found))
    if wanted == "path":
        remedy = (
            f"put oasdiff {_versions.OASDIFF} or newer on PATH, or unset HANDRAIL_ENGINE, which allows no other way"
        )
        raise EngineError(Problem("there is no oasdiff on PATH", remedy=remedy))
    folder = _cache.entry("oasdiff")
    if not _cache.complete(folder):
        say = say or (lambda text: print(f"oasdiff: {text}", file=sys.stderr, flush=True))
        _cache.fill(folder, lambda empty: _build.oasdiff(empty, say), say)
    return folder / "oasdiff"


def _new_enough(path: Path) -> Path:
    """The oasdiff of PATH: an older one would judge by other rules, so it is told and not passed over.

    Raises:
        EngineError: it is older than the one that is built here, or tells no version.
    """
    version = _version_of(path)
    if _versions.parts(version) < _versions.parts(_versions.OASDIFF):
        raise EngineError(
            Problem(
                f"the oasdiff on PATH is {version or 'broken: it tells no version'}",
                given=str(path),
                allowed=f"{_versions.OASDIFF} or newer",
                remedy="upgrade it, or take it off PATH and run `handrail engine install --oasdiff`",
            )
        )
    return path


def _version_of(path: Path) -> str:
    """As `1.11.7`; empty where it does not run or tells none."""
    try:
        done = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", done.stdout)
    return match[1] if match and done.returncode == 0 else ""
