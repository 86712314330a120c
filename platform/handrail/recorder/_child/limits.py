"""Bounds on what the program may do: memory, network, and living longer than its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

try:
    import resource
except ImportError:  # a system without resource limits
    resource = None  # type: ignore[assignment]

_PR_SET_PDEATHSIG = 1
_UNIX = 1  # AF_UNIX
_INTERNET = frozenset({2, 10, 30})  # AF_INET, and AF_INET6 on Linux and macOS


def die_with_parent(parent: int) -> None:
    """Be killed when the parent ends, where the system can do that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def bound_memory(size: int) -> None:
    """Let allocations beyond `size` bytes fail; a soft limit, so that the failure itself can still be reported."""
    if resource is None:
        return
    # On Linux RLIMIT_DATA counts what can be written, not the address space that allocators merely reserve.
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (size, resource.getrlimit(kind)[1]))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def lift_memory() -> None:
    """Take the bound off again, to report that it was reached."""
    if resource is not None:
        kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
        with contextlib.suppress(ValueError, OSError):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (hard, hard))


def refuse_network(report: Callable[[str], None]) -> None:
    """Refuse every connection and name look-up that Python code tries, and report it even if the program goes on.

    A socket file is refused too, as of an agent that signs or of a container engine; the program's own are not.
    """
    own = (os.environ["HOME"] + os.sep, "\0listener-")  # where temporary files are; as multiprocessing names them

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            host, port = args[0], args[1]
            # Binding needs no look-up: no host, or a numeric one.
            if host in (None, "", b"") or _numeric(host):
                return
            target = _shown(host, port)
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            family = getattr(args[0], "family", None)
            if family in _INTERNET and isinstance(args[1], tuple):
                target = _shown(args[1][0], args[1][1])
            elif family == _UNIX and isinstance(args[1], str | bytes):
                if (target := os.fsdecode(args[1])).startswith(own):
                    return
                target = target.replace("\0", "@")
            else:
                return
        elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
            target = _shown(args[0], None)
        else:
            return
        report(target)
        raise PermissionError(f"the recorder has no network: a connection to {target} was refused")

    sys.addaudithook(hook)


def _numeric(host: Any) -> bool:
    text = host.decode("latin-1") if isinstance(host, bytes) else str(host)
    return ":" in text or text.replace(".", "").isdigit()


def _shown(host: Any, port: Any) -> str:
    text = host.decode("latin-1") if isinstance(host, bytes) else str(host)
    return f"{text}:{port}" if port not in (None, "", 0) else text
