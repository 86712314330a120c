"""Shuts what is not the program's: hidden files in the caller's home, keys elsewhere, and what other processes hold.

Linux does it (Landlock, since 5.13), so it binds native code and what the program starts as well. Elsewhere nothing is
shut.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls, the same on every architecture
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION, _CAP_SYS_ADMIN, _CAP_PERFMON = 0x20080522, 21, 38
_READ_FILE = 1 << 2
_RULE_PATH_BENEATH = 1
_SECRETS = (Path("/run/secrets"), Path("/var/run/secrets"), Path("/run/user"))  # of containers, pods and sessions
_CACHES = ".cache"  # packages may be linked from there


def shut(homes: Iterable[Path], places: Iterable[Path], program: Iterable[Path]) -> bool:
    """Let this process, and all that it starts, read nothing that is private; whether the system can do that.

    A process that is bound may also not look into one that is not, as its parent's environment in /proc.

    Args:
        homes: the caller's homes; what is hidden in them is private.
        places: other files and directories that are private.
        program: the program's directories: what of a home they lie in stays open, even if it is hidden.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    handled = struct.pack("=Q", _READ_FILE)
    ruleset = libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return False
    try:
        real = {home.resolve() for home in homes}
        closed = {place.resolve() for place in (*places, *_SECRETS)}
        for path in {*_open(Path("/"), real, closed), *_needed(real, program)}:
            with contextlib.suppress(OSError):
                _allow(libc, ruleset, path)
        _drop(libc)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", _READ_FILE, descriptor), 0)
    finally:
        os.close(descriptor)


def _drop(libc: ctypes.CDLL) -> None:
    """Give up what root may look into any process with."""
    header, held = struct.pack("=Ii", _CAPABILITY_VERSION, 0), ctypes.create_string_buffer(24)
    if libc.capget(header, held) == 0:
        words = list(struct.unpack("=6I", held.raw))  # effective, permitted, inheritable; for 32 capabilities each
        for number in (_CAP_SYS_ADMIN, _CAP_PERFMON):
            for kind in range(3):
                words[number // 32 * 3 + kind] &= ~(1 << number % 32)
        libc.capset(header, struct.pack("=6I", *words))


def _open(folder: Path, homes: Collection[Path], closed: Collection[Path]) -> Iterator[Path]:
    """All below `folder` that is not private, in as few paths as that takes."""
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            hidden = folder in homes and entry.name.startswith(".") and entry.name != _CACHES
            if entry in closed or hidden:
                continue
            if any(path.is_relative_to(entry) for path in (*homes, *closed)):
                yield from _open(entry, homes, closed)
            else:
                yield entry


def _needed(homes: Collection[Path], program: Iterable[Path]) -> Iterator[Path]:
    """Python, its packages, the commands on PATH and the program, where they lie hidden in a home."""
    tools = (sys.prefix, sys.base_prefix, os.environ["HOME"], *sys.path, *os.get_exec_path())
    for path in (*map(Path, filter(None, tools)), *program):
        found = path.resolve()
        if not any(home.is_relative_to(found) for home in homes):
            yield found
    for directory in program:
        for home in homes:
            if (found := directory.resolve()) != home and found.is_relative_to(home):
                yield home / found.relative_to(home).parts[0]
