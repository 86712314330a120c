"""Several processes at once: what each is told, what each says, and none of them left, however this one ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from handrail.recorder.process import wait_unreaped

_LAST_SAID = 16 * 1024
_CHUNK = 1 << 18
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start.

    Args:
        line: its words.
        told: what it reads from its standard input.
        directory: its working directory.
        environment: its whole environment.
    """

    line: Sequence[str]
    told: bytes
    directory: Path
    environment: Mapping[str, str]


@dataclass(slots=True)
class Said:
    """What a process said.

    Args:
        output: its standard output.
        errors: the last of its standard error.
        code: its exit code, negative for a signal.
        timed_out: it was ended because its time was over.
    """

    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    code: int = 0
    timed_out: bool = False


def run(commands: Sequence[Command], timeout_seconds: float, most_bytes: int) -> list[Said]:
    """Run some processes at once; each is in a group of its own, which is ended with it.

    Args:
        timeout_seconds: after this, those that still run are killed.
        most_bytes: one that says more than this is killed.

    Raises:
        OSError: one of them could not be started.
    """
    deadline = time.monotonic() + timeout_seconds
    children: list[subprocess.Popen[bytes]] = []
    found = [Said() for _ in commands]
    finished = False
    try:
        children.extend(_started(command) for command in commands)
        finished = _listen(children, found, deadline, most_bytes)
    finally:
        for child, said in zip(children, found, strict=False):
            said.code = _ended(child, _GRACE_SECONDS if finished else 0)
    return found


def _started(command: Command) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(  # noqa: S603
        command.line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=command.directory,
        env=dict(command.environment), start_new_session=True,
    )  # fmt: skip
    assert child.stdin
    with contextlib.suppress(BrokenPipeError), child.stdin as stream:
        stream.write(command.told)
    return child


def _listen(children: Sequence[subprocess.Popen[bytes]], found: Sequence[Said], deadline: float, most: int) -> bool:
    """Read what they say until all have said all; False where the time is over."""
    with selectors.DefaultSelector() as selector:
        for child, said in zip(children, found, strict=True):
            selector.register(_open(child.stdout), selectors.EVENT_READ, (child, said, said.output))
            selector.register(_open(child.stderr), selectors.EVENT_READ, (child, said, said.errors))
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                for key in selector.get_map().values():
                    key.data[1].timed_out = True
                return False
            for key, _ in selector.select(left):
                child, said, buffer = key.data
                chunk = os.read(key.fd, _CHUNK)
                buffer += chunk
                if buffer is said.errors:
                    del buffer[:-_LAST_SAID]
                if len(buffer) > most:
                    child.kill()
                if not chunk or len(buffer) > most:
                    selector.unregister(key.fileobj)
    return True


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream
    return stream


def _ended(child: subprocess.Popen[bytes], grace_seconds: float) -> int:
    """End a process, when its grace is over, and all of its group; its exit code."""
    wait_unreaped(child, time.monotonic() + grace_seconds)
    # before the child is reaped its number cannot name another group
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    for stream in (child.stdout, child.stderr):
        _open(stream).close()
    return code
