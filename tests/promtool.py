"""Alerts and recording rules, held to what promtool says of them: Prometheus' own checker and unit tester of rules.

    check_rules([{"name": "checkout", "rules": [{"alert": "Down", "expr": "up == 0"}]}])
    assert run_tests(groups, tests).returncode == 0

Where the machine has no promtool, Debian's is unpacked into the user's cache: nothing is installed, nothing started.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

PACKAGE = "prometheus"  # Debian's, which contains promtool


def check_rules(groups: Sequence[Mapping[str, Any]]) -> None:
    """Hold rule groups to Prometheus' own syntax.

    Raises:
        AssertionError: promtool refuses them; the message is its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        rules = _write(Path(folder, "rules.json"), {"groups": groups})
        run = _run(promtool(), "check", "rules", rules)
    if run.returncode != 0:
        raise AssertionError(f"promtool refuses the rules:\n{run.stdout}{run.stderr}")


def run_tests(
    groups: Sequence[Mapping[str, Any]], tests: Sequence[Mapping[str, Any]], evaluation_interval: str = "1m"
) -> subprocess.CompletedProcess[str]:
    """Evaluate rule groups over made-up series: 0 where every expectation of `tests` is met.

    Args:
        tests: the entries of `tests` in promtool's own file format.
    """
    with tempfile.TemporaryDirectory() as folder:
        rules = _write(Path(folder, "rules.json"), {"groups": groups})
        content = {"rule_files": [str(rules)], "evaluation_interval": evaluation_interval, "tests": tests}
        return _run(promtool(), "test", "rules", _write(Path(folder, "tests.json"), content))


@cache
def promtool() -> Path:
    """The promtool on PATH, or Debian's, downloaded the first time anyone on this machine asks for it.

    Raises:
        RuntimeError: there is none, and none could be had.
    """
    if installed := shutil.which("promtool"):
        return Path(installed)
    root = os.environ.get("HANDRAIL_CACHE")
    folder = (Path(root) if root else user_cache_path("handrail")) / "tools"
    if cached := _cached(folder):
        return cached
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "promtool.lock"):
        return _cached(folder) or _download(folder)


def _cached(folder: Path) -> Path | None:
    # Whatever version is there: asking apt for the newest would need package lists in every run.
    return max(folder.glob("promtool-*/promtool"), key=lambda binary: binary.stat().st_mtime, default=None)


def _download(folder: Path) -> Path:
    """Unpack beside the binary's place, then rename: nobody ever sees half of it."""
    tried: list[str] = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as name:
        scratch = Path(name)
        package = _package(scratch, tried)
        version = _attempt(tried, "dpkg-deb", "--field", package, "Version") if package else None
        unpacked = scratch / "usr" / "bin" / "promtool"
        if package and version and _attempt(tried, "dpkg-deb", "-x", package, scratch) is not None:
            if unpacked.is_file():
                binary = folder / f"promtool-{version.strip()}" / "promtool"
                binary.parent.mkdir(exist_ok=True)
                return unpacked.replace(binary)
            tried.append(f"{package.name} contains no usr/bin/promtool")
    steps = "\n".join(f"  - {step}" for step in tried)
    raise RuntimeError(
        f"There is no promtool on PATH, and it could not be had from Debian's package {PACKAGE}:\n{steps}\n"
        f"Install Debian's package {PACKAGE}, or put a promtool on PATH."
    )


def _package(scratch: Path, tried: list[str]) -> Path | None:
    """Debian's package, downloaded; package lists are fetched where they are missing or too old for it."""
    download = ("apt-get", "download", PACKAGE)
    if _attempt(tried, *download, cwd=scratch) is None:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        _attempt(tried, *(() if root else ("sudo", "-n")), "apt-get", "update")
        # Also after a failed update: one broken source of many fails it.
        if _attempt(tried, *download, cwd=scratch) is None:
            return None
    return next(scratch.glob("*.deb"), None)


def _attempt(tried: list[str], *command: str | Path, cwd: Path | None = None) -> str | None:
    """What the command printed, or None where it failed; either way `tried` gets a line."""
    said = " ".join(map(str, command))
    try:
        run = _run(*command, cwd=cwd, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        tried.append(f"{said}: {error}")
        return None
    tried.append(f"{said}: exit code {run.returncode} {run.stderr.strip()}".rstrip())
    return run.stdout if run.returncode == 0 else None


def _run(*command: str | Path, cwd: Path | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, timeout=timeout, capture_output=True, text=True, check=False)


def _write(file: Path, content: Mapping[str, Any]) -> Path:
    # JSON is YAML; indented, so that promtool's line numbers mean something.
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return file
