"""The Python environment of a base revision: its own where its uv.lock is another one, else the present one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from handrail.preview.planned import PROTOCOL

LOCK = "uv.lock"
_SPEAKS = "from handrail.preview.planned import PROTOCOL; print(PROTOCOL)"
_MINUTES = 10
_KEPT = 5  # environments in the cache
_DONE = ".synced"


@dataclass(frozen=True, slots=True)
class Interpreters:
    """What a revision is planned with.

    Args:
        planner: the Python that has its Handrail.
        program: the Python that its programs run in.
        remark: what is not as in the revision, a sentence; empty where all is.
    """

    planner: Path
    program: Path
    remark: str = ""


def present(python: Path | None) -> Interpreters:
    """Those of the working tree.

    Args:
        python: the interpreter of the project's own environment, where it names one.
    """
    here = Path(sys.executable)
    return Interpreters(here, python if python and python.is_file() else here)


def of_base(base: Path, top: Path, head: Path, now: Interpreters, commit: str) -> Interpreters:
    """Those of a base revision.

    Args:
        base: the directory of Pulumi.yaml in the base's worktree, `top` the worktree's own.
        head: the same directory in the working tree.
        now: what the working tree has.
        commit: the base revision.
    """
    locked = nearest_lock(base, top)
    if locked is None or _bytes(locked) == _bytes(head / os.path.relpath(locked, base)):
        return now
    try:
        python = _synced(locked.parent, hashlib.sha256(_bytes(locked) + commit.encode()).hexdigest()[:24])
    except _NoEnvironmentError as error:
        return Interpreters(now.planner, now.program, f"{LOCK} differs, and {error}; the present one was used")
    if _protocol(python) == PROTOCOL:
        return Interpreters(python, python)
    remark = f"{LOCK} differs, and the base's Handrail cannot be asked for its plans: the present one made them"
    return Interpreters(now.planner, python, remark)


def nearest_lock(folder: Path, top: Path) -> Path | None:
    """The uv.lock that holds for a folder, not above `top`."""
    for place in (folder, *folder.parents):
        if (found := place / LOCK).is_file():
            return found
        if place == top:
            break
    return None


def mapped(top: Path, place: Path) -> Iterator[str]:
    """Where a worktree has what this process imports from the repository itself, as editable packages are.

    Args:
        top: of the repository.
        place: the worktree.
    """
    own = 0 if sys.flags.safe_path else 1  # the first is where the command itself lies
    for entry in filter(None, sys.path[own:]):
        path = Path(entry).resolve()
        if path.is_relative_to(top) and not path.is_relative_to(Path(sys.prefix).resolve()):
            yield str(place / path.relative_to(top))


class _NoEnvironmentError(Exception):
    """It could not be made, and why."""


def _synced(project: Path, key: str) -> Path:
    """The interpreter of the locked environment of a project, made where it is not there yet."""
    cache = user_cache_path("handrail") / "previews"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / key
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    with FileLock(cache / f"{key}.lock"):
        if not (folder / _DONE).exists():
            _sync(project, folder)
            (folder / _DONE).touch()
    os.utime(folder / _DONE)
    _forget_old(cache)
    return python


def _sync(project: Path, folder: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise _NoEnvironmentError("uv, which makes the base's locked environment, is not on PATH")
    line = [uv, "sync", "--locked", "--no-editable", "--no-default-groups", "--project", str(project)]
    variables = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    try:
        done = subprocess.run(  # noqa: S603
            line, cwd=project, env={**variables, "UV_PROJECT_ENVIRONMENT": str(folder)}, capture_output=True,
            text=True, check=False, timeout=60 * _MINUTES,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _NoEnvironmentError(f"the base's locked environment was not made in {_MINUTES} minutes") from None
    if done.returncode:
        said = " ".join(done.stderr.split())[-400:]
        raise _NoEnvironmentError(f"the base's locked environment could not be made (uv sync: {said})")


def _forget_old(cache: Path) -> None:
    made = sorted(cache.glob(f"*/{_DONE}"), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in made[_KEPT:]:
        shutil.rmtree(old.parent, ignore_errors=True)


def _protocol(python: Path) -> int | None:
    """What the Handrail of an environment speaks; None: it has none, or one before this was there."""
    asked = subprocess.run(  # noqa: S603
        [str(python), "-P", "-c", _SPEAKS], capture_output=True, text=True, check=False
    )
    return int(asked.stdout) if not asked.returncode and asked.stdout.strip().isdigit() else None


def _bytes(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""
