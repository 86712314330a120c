"""Where in the program a resource is made: found by walking frames, which costs a tenth of reading whole tracebacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .failures import own


class Positions:
    """Finds the line of the program that is running.

    The SDK's own answer counts constructors, and so names the wrong line for a resource that has no class of its own.

    Args:
        program: the program's directory; its lines are preferred.
        root: the project's root; a line of a library beside the program is the second choice.
    """

    def __init__(self, program: Path, root: Path) -> None:
        self._roots = (f"{program.resolve()}/", f"{root.resolve()}/")
        # File → 0 for the program's, 1 for the project's, 2 for anything else's.
        self._ranks: dict[str, int] = {}

    def find(self) -> tuple[str, int] | None:
        """The file and line of the innermost frame that belongs to the program, else to the project."""
        frame: Any = sys._getframe(1)
        second = None
        while frame is not None:
            file = frame.f_code.co_filename
            rank = self._ranks.get(file)
            if rank is None:
                rank = self._ranks[file] = next((i for i, root in enumerate(self._roots) if own(file, root)), 2)
            if rank == 0:
                return file, frame.f_lineno
            if rank == 1 and second is None:
                second = file, frame.f_lineno
            frame = frame.f_back
        return second

    def install(self) -> None:
        """Have the SDK send these positions with its requests."""
        from pulumi.runtime import resource
        from pulumi.runtime.proto import source_pb2

        # Younger SDKs send a stack trace, older ones a position alone.
        if hasattr(resource, "_get_stack_trace"):

            def stack_trace() -> Any:
                found = self.find()
                if found is None:
                    return source_pb2.StackTrace()
                position = source_pb2.SourcePosition(uri=Path(found[0]).absolute().as_uri(), line=found[1])
                return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])

            resource._get_stack_trace = stack_trace
