"""What a dead engine left: its lock in a file backend, half a checkpoint, its plugins. Nothing that lives."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project

MARK = "HANDRAIL_DEPLOYMENT"
"""The environment variable by which everything that an engine starts is known to be its own."""

Say = Callable[[str], None]


def mark(project: Project, stack: str) -> str:
    """The value of MARK for a stack of a project."""
    return f"{project.root}#{stack}"


def clear(project: Project, stack: str, say: Say) -> None:
    """Remove what a dead engine of this machine left of an earlier deployment of `stack`.

    Args:
        say: told what was removed.

    Raises:
        EngineError: another process holds the stack.
    """
    for file in _locks(project, stack):
        lock = _read(file, stack)
        if lock is None:
            continue
        if lock.host != socket.gethostname() or lock.alive:
            raise EngineError(_held(lock, stack))
        file.unlink(missing_ok=True)
        say(f"{stack}: removed the lock of process {lock.pid}, which ran on this machine and is dead")
        _restore(project, stack, say)
    for process in _orphans(mark(project, stack)):
        say(f"{stack}: ended process {process.pid}, which a dead engine had left")
        process.kill()


def _restore(project: Project, stack: str, say: Say) -> None:
    """Take the checkpoint before, where the engine was killed in the writing of one: it does not write it at once."""
    folder = _folder(project)
    if folder is None:
        return
    state = folder / ".pulumi" / "stacks" / project.name / f"{stack}.json"
    before = state.with_name(f"{state.name}.bak")
    if not state.exists() or _whole(state) or not _whole(before):
        return
    state.replace(state.with_name(f"{state.name}.broken"))
    before.replace(state)
    say(f"{stack}: the last checkpoint was written in part; the one before it is taken, the broken one kept beside it")


def _whole(file: Path) -> bool:
    try:
        json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Lock:
    pid: int
    user: str
    host: str
    since: str

    @property
    def alive(self) -> bool:
        """Whether the process that took the lock still runs; a later process may have its number."""
        try:
            started = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True
        taken = _seconds(self.since)
        return taken is None or started <= taken + 1


def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _locks(project: Project, stack: str) -> list[Path]:
    """The lock files of a stack, where the backend is a folder."""
    folder = _folder(project)
    return (
        sorted((folder / ".pulumi" / "locks" / "organization" / project.name / stack).glob("*.json")) if folder else []
    )


def _folder(project: Project) -> Path | None:
    address = os.environ.get("PULUMI_BACKEND_URL") or project.backend
    if not address.startswith("file://"):
        return None
    path = address.removeprefix("file://").partition("?")[0]
    return (project.root / Path(path).expanduser()).resolve()


def _read(file: Path, stack: str) -> _Lock | None:
    try:
        data = json.loads(file.read_text("utf-8"))
        return _Lock(int(data["pid"]), str(data["username"]), str(data["hostname"]), str(data["timestamp"]))
    except FileNotFoundError:  # given back in this moment
        return None
    except (OSError, ValueError, TypeError, KeyError):
        problem = Problem(
            f"the lock of stack {stack} cannot be read", given=str(file), remedy="see who wrote it; remove it"
        )
        raise EngineError(problem) from None


def _held(lock: _Lock, stack: str) -> Problem:
    here = lock.host == socket.gethostname()
    return Problem(
        f"stack {stack} is being deployed by process {lock.pid} of {lock.user} on {lock.host} since {lock.since}",
        remedy="wait until it has ended"
        if here
        else f"wait until it has ended; if {lock.host} is gone for good: `pulumi cancel --stack {stack}`",
    )


def _orphans(wanted: str) -> Iterator[psutil.Process]:
    """Processes that bear the mark of a deployment whose engine runs no more."""
    marked = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == wanted and process.pid != os.getpid():
                marked.append(process)
        except psutil.Error:  # gone, or somebody else's
            continue
    if not any(_is_engine(process) for process in marked):
        yield from marked


def _is_engine(process: psutil.Process) -> bool:
    try:
        return str(process.name()) == "pulumi" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
