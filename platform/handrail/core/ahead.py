"""YAML parsed in a process of its own while this one gets ready: on two cores neither waits for the other.

What it answers is only ever taken for a text that is just the same, and what it cannot parse is parsed here, where the
error is told: so with it or without, the outcome is one.
"""

from __future__ import annotations

import itertools
import marshal
import os
import signal
import zlib
from bisect import bisect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from handrail.core.documents import parse
from handrail.core.errors import HandrailError
from handrail.core.files import files_of
from handrail.core.streams import parts

SMALL = 200_000  # bytes: fewer are parsed sooner than a process is there
START = 500_000  # bytes are parsed in the time in which this process gets ready
_PIPE = 1024**2  # bytes that an answer may wait in


class Ahead:
    """The answers, in the order of the files.

    Args:
        own: how many of the first files are left to this process, which is done with them when the others are.
    """

    def __init__(self, answers: BinaryIO, own: int = 0) -> None:
        self._answers: BinaryIO | None = answers
        self._own = own

    def data(self, text: bytes) -> list[Any] | None:
        """The data of each part of the next text; None where it has to be parsed here."""
        self._own -= 1
        if self._answers is None or self._own >= 0:
            return None
        try:
            mark, found = marshal.load(self._answers)  # noqa: S302  a process of our own wrote it
        except (EOFError, ValueError, TypeError):  # it has ended
            mark, found = None, None
        if mark != _mark(text):
            self._answers = None
        return found if self._answers else None


@contextmanager
def reading(names: Iterable[str]) -> Iterator[Ahead | None]:
    """Files read ahead for as long as the block takes; None where that would save nothing.

    Args:
        names: as `files_of` takes them.
    """
    files = [file for name in names for file in files_of(name)]
    sizes = [_size(file) for file in files]
    if not hasattr(os, "fork") or (os.cpu_count() or 1) < 2 or sum(sizes) < SMALL:
        yield None
        return
    own = bisect([*itertools.accumulate(sizes)], (sum(sizes) - START) / 2)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        _parse(files[own:], into)
    os.close(into)
    try:
        with os.fdopen(out, "rb") as answers:
            yield Ahead(answers, own)
    finally:
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _parse(files: Iterable[Path], into: int) -> NoReturn:
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, _PIPE)
        with os.fdopen(into, "wb") as answers:
            for file in files:
                text = file.read_bytes()
                marshal.dump((_mark(text), _data(text)), answers)
                answers.flush()
    finally:
        os._exit(0)


def _data(text: bytes) -> list[Any] | None:
    if text.lstrip()[:1] == b"{":  # JSON, perhaps a preview of many megabytes
        return None
    try:
        return [parse(part, "", line=line).data for line, part in parts(text)]
    except HandrailError:
        return None


def _mark(text: bytes) -> tuple[int, int]:
    return len(text), zlib.crc32(text)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
