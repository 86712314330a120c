"""What a dead engine left: its lock, half a checkpoint, its plugins. Nothing that lives."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from filelock import FileLock

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine import _cache, backend, checkpoint

MARK = "HANDRAIL_DEPLOYMENT"
"""The environment variable by which everything that an engine starts is known to be its own."""

Say = Callable[[str], None]
_REFUSAL = "the stack is currently locked by"
_HOLDER = re.compile(r"created by (?P<user>.*?)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")


def mark(project: Project, stack: str) -> str:
    """The value of MARK for a stack of a project."""
    return f"{project.root}#{stack}"


def clear(project: Project, target: Target, say: Say) -> None:
    """Remove what a dead engine of this machine left of an earlier deployment of a stack.

    Only a folder can be looked into: for the locks of other backends there is `unlocked`.

    Args:
        say: told what was removed.

    Raises:
        EngineError: another process holds the stack, its state is broken, or there is no room for it.
    """
    stack, folder = target.stack, backend.folder(project, target)
    if folder:
        _unlock(folder, project.name, stack, say)
    for process in _orphans(mark(project, stack)):
        say(f"{stack}: ended process {process.pid}, which a dead engine had left")
        process.kill()
    if folder:
        checkpoint.tidy(folder, project.name, stack, say)
        checkpoint.check(folder, project.name, stack)
        if not target.live:  # what is in a cluster is looked at anew
            checkpoint.resume(folder, project.name, stack, say)


def _unlock(folder: Path, project: str, stack: str, say: Say) -> None:
    """Remove the dead locks in a folder; raises EngineError for any other."""
    for file in sorted((folder / ".pulumi" / "locks" / "organization" / project / stack).glob("*.json")):
        lock = _read(file, stack)
        if lock is None:
            continue
        if not lock.dead:
            raise EngineError(_held(lock, stack))
        # while the lock stands: killed here, the next one does it again
        checkpoint.restore(folder, project, stack, say)
        _remove(file, stack)
        say(_removed(lock, stack))


def unlocked(
    attempt: Callable[[], tuple[int, str]], cancel: Callable[[], None], stack: str, say: Say
) -> tuple[int, str]:
    """The exit code and words of an attempt to deploy `stack`; where only dead locks were in its way, of one without.

    Args:
        attempt: run the engine; gives its exit code and what it said.
        cancel: remove every lock of the stack.

    Raises:
        EngineError: another process holds the stack.
    """
    code, said = attempt()
    if not (code and _dead(said, stack)):
        return code, said
    turn = _cache.root() / "locks" / f"{stack}.lock"
    turn.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(turn):  # of two that saw the dead lock, the second tries again first: it may find the first one's
        code, said = attempt()
        removed = _dead(said, stack) if code else []
        if removed:
            cancel()
            for text in removed:
                say(text)
            code, said = attempt()
    return code, said


def refused(said: str) -> bool:
    """Whether the engine found a lock."""
    return _REFUSAL in said


def _dead(said: str, stack: str) -> list[str]:
    """What to say of the dead locks of this machine for which the engine refused; raises EngineError for any other."""
    if not refused(said):
        return []
    found = [
        _Lock(int(each["pid"]), each["user"], each["host"], each["since"])
        for each in _HOLDER.finditer(said.partition(_REFUSAL)[2])
    ]
    living = [lock for lock in found if not lock.dead]
    if living:
        raise EngineError([_held(lock, stack) for lock in living])
    return [_removed(lock, stack) for lock in found]


def _remove(file: Path, stack: str) -> None:
    try:
        for each in (file, file.with_name(f"{file.name}.attrs")):
            each.unlink(missing_ok=True)
    except OSError as error:
        reason = f"the dead lock of stack {stack} cannot be removed: {error.strerror}"
        raise EngineError(Problem(reason, given=str(file), remedy="make its folder writable, or remove it")) from None


def _removed(lock: _Lock, stack: str) -> str:
    return f"{stack}: removed the lock of process {lock.pid}, which ran on this machine and is dead"


@dataclass(frozen=True, slots=True)
class _Lock:
    pid: int
    user: str
    host: str
    since: str

    @property
    def dead(self) -> bool:
        """Whether the process that took the lock ran here and runs no more; a later process may have its number."""
        if self.host != socket.gethostname():
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            started = process.create_time()
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
        taken = _seconds(self.since)
        return taken is not None and started > taken + 1


def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


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
