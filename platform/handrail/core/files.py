"""The files that a word of a command line stands for: a file, a folder of YAML, a glob, or what comes on stdin."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob
from pathlib import Path

from handrail.core.documents import display
from handrail.core.errors import DocumentError, Position, Problem

STDIN = "-"
_YAML = ("*.yaml", "*.yml")


def files_of(name: str) -> list[Path]:
    """The files that a name stands for, in their order; none where there is none."""
    path = Path(name)
    if path.is_dir():
        return sorted(file for pattern in _YAML for file in path.rglob(pattern))
    return [path] if path.exists() else sorted(Path(each) for each in glob(name, recursive=True))  # noqa: PTH207  a pattern may be absolute


def texts(name: str, stdin: bytes) -> Iterator[tuple[str, bytes]]:
    """The name and the text of each file that a name stands for; raises DocumentError."""
    if name == STDIN:
        yield "stdin", stdin
        return
    files = files_of(name)
    if not files:
        raise DocumentError(
            Problem("is no file, folder or glob that finds one", given=name, remedy="name YAML files, or - for stdin")
        )
    for file in files:
        try:
            yield display(file), file.read_bytes()
        except OSError as error:
            raise DocumentError(
                Problem(f"cannot be read: {error.strerror}", where=Position(display(file), 1))
            ) from None
