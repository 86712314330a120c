"""The child process: started in a group of its own, listened to, and ended with everything that it started."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAST_PRINTED = 64 * 1024
_CHUNK = 1 << 18
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Args:
        code: its exit code, negative for a signal.
        timed_out: it was ended because its time was over.
        printed: the last of its standard output and error.
    """

    code: int
    timed_out: bool
    printed: str


def listen(
    command: Callable[[int], Sequence[str]],
    on_line: Callable[[bytes], bool],
    *,
    directory: Path,
    environment: Mapping[str, str],
    timeout_seconds: float,
) -> Ended:
    """Run a child and hand over each line that it sends.

    Args:
        command: the command, given the descriptor that the child is to write to.
        on_line: called with each line; False ends the listening.
        directory: the child's working directory.
        environment: the child's whole environment.
        timeout_seconds: after this, the child is killed.

    Raises:
        OSError: it could not be started.
    """
    reading, writing = os.pipe()
    deadline = time.monotonic() + timeout_seconds
    with os.fdopen(reading, "rb", buffering=0) as messages:
        try:
            child = subprocess.Popen(  # noqa: S603  the program is the caller's own
                command(writing),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=dict(environment),
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
        printed = bytearray()
        try:
            assert child.stdout is not None
            finished = _pump(messages.fileno(), child.stdout.fileno(), on_line, printed, deadline)
            wait_unreaped(child, min(deadline, time.monotonic() + _GRACE_SECONDS) if finished else deadline)
        finally:
            alive = not _has_ended(child)
            # Before the child is reaped its number cannot name another group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
            _drain(child.stdout, printed)
    return Ended(code, alive and not finished, printed.decode("utf-8", "replace"))


def _pump(messages: int, output: int, on_line: Callable[[bytes], bool], printed: bytearray, deadline: float) -> bool:
    """Read both pipes until the child has said all or is gone; False when the time is over."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(messages, selectors.EVENT_READ)
        selector.register(output, selectors.EVENT_READ)
        while messages in selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == output:
                    _keep(printed, chunk)
                else:
                    *lines, rest = (rest + chunk).split(b"\n")
                    if not all(on_line(line) for line in lines):
                        return True
    return True


def _keep(printed: bytearray, chunk: bytes) -> None:
    printed += chunk
    del printed[:-_LAST_PRINTED]


def _drain(stream: object, printed: bytearray) -> None:
    """What is left in the pipe; nobody holds its other end any more."""
    if stream is None:
        return
    with stream:  # type: ignore[attr-defined]
        descriptor = stream.fileno()  # type: ignore[attr-defined]
        os.set_blocking(descriptor, False)
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(descriptor, _CHUNK):
                _keep(printed, chunk)


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    # Left unreaped where the system can tell without reaping; macOS cannot before Python 3.13.
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return child.poll() is not None


def wait_unreaped(child: subprocess.Popen[bytes], until: float) -> None:
    """Wait for a child's end, at most until a moment of the monotonic clock, without taking note of it."""
    pause = 0.001
    while not _has_ended(child) and time.monotonic() < until:
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
