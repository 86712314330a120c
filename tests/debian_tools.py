"""Programs that only tests run, out of Debian's packages: nothing is installed, and nothing started.

A package is unpacked into the user's cache the first time anyone on this machine asks for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path


def unpacked(package: str, name: str) -> Path:
    """The program on PATH, else usr/bin/NAME of a package.

    Raises:
        RuntimeError: there is none, and none could be had.
    """
    if installed := shutil.which(name):
        return Path(installed)
    root = os.environ.get("HANDRAIL_CACHE")
    folder = (Path(root) if root else user_cache_path("handrail")) / "tools"
    if cached := _cached(folder, name):
        return cached
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        return _cached(folder, name) or _download(folder, package, name)


def _cached(folder: Path, name: str) -> Path | None:
    # Whatever version is there: asking apt for the newest would need package lists in every run.
    return max(folder.glob(f"{name}-*/{name}"), key=lambda binary: binary.stat().st_mtime, default=None)


def _download(folder: Path, package: str, name: str) -> Path:
    """Unpack beside the binary's place, then rename: nobody ever sees half of it."""
    tried: list[str] = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as made:
        scratch = Path(made)
        archive = _package(package, scratch, tried)
        version = _attempt(tried, "dpkg-deb", "--field", archive, "Version") if archive else None
        program = scratch / "usr" / "bin" / name
        if archive and version and _attempt(tried, "dpkg-deb", "-x", archive, scratch) is not None:
            if program.is_file():
                binary = folder / f"{name}-{version.strip()}" / name
                binary.parent.mkdir(exist_ok=True)
                return program.replace(binary)
            tried.append(f"{archive.name} contains no usr/bin/{name}")
    steps = "\n".join(f"  - {step}" for step in tried)
    raise RuntimeError(
        f"There is no {name} on PATH, and it could not be had from Debian's package {package}:\n{steps}\n"
        f"Install Debian's package {package}, or put a {name} on PATH."
    )


def _package(package: str, scratch: Path, tried: list[str]) -> Path | None:
    """Debian's package, downloaded; package lists are fetched where they are missing or too old for it."""
    download = ("apt-get", "download", package)
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
        run = subprocess.run(command, cwd=cwd, timeout=300, capture_output=True, text=True, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        tried.append(f"{said}: {error}")
        return None
    tried.append(f"{said}: exit code {run.returncode} {run.stderr.strip()}".rstrip())
    return run.stdout if run.returncode == 0 else None
