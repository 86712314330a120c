"""What went wrong in a program, as one sentence and the place in the program, not as a traceback."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

_LONGEST = 4000
_LIBRARIES = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


def describe(error: BaseException, program: Path) -> dict[str, Any]:
    """The parts of a Problem: message, file, line, column and remedy, as far as known.

    Args:
        error: what the program raised.
        program: the program's file or directory.
    """
    directory = program if program.is_dir() else program.parent
    if isinstance(error, SyntaxError) and error.filename:
        where = {"file": error.filename, "line": error.lineno or 1, "column": error.offset or 1}
        return {"message": f"{type(error).__name__}: {error.msg}", **where}
    where = _where(error, directory)
    if isinstance(error, ModuleNotFoundError) and error.name:
        remedy = f"install what provides {error.name} in the program's environment ({sys.executable})"
        return {"message": f"the module {error.name} is missing", "remedy": remedy, **where}
    text = str(error)
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return {"message": _cut(message), **where}


def _where(error: BaseException, directory: Path) -> dict[str, Any]:
    """The innermost frame of the program, of the error or of what caused it."""
    root = os.path.realpath(directory) + os.sep
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        for frame in reversed(traceback.extract_tb(current.__traceback__)):
            if own(frame.filename, root):
                column = (getattr(frame, "colno", None) or 0) + 1
                return {"file": frame.filename, "line": frame.lineno or 1, "column": column}
        current = current.__cause__ or current.__context__
    return {}


def own(file: str, root: str) -> bool:
    """Whether a file belongs to the program: below its directory, and in no environment there."""
    path = os.path.realpath(file)
    return path.startswith(root) and not path.startswith(_LIBRARIES) and f"{os.sep}site-packages{os.sep}" not in path


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
