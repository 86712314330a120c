"""Records a program: starts the child, gathers what it sends, and turns what went wrong into one error."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from handrail.core.documents import display
from handrail.core.errors import Position, Problem, RecorderError
from handrail.recorder import wire
from handrail.recorder.environment import child_environment, homes, places
from handrail.recorder.model import SECRET, Message, Outputs, Record, Registration, Unseen, in_tree_order, paths
from handrail.recorder.process import Ended, listen

_CHILD = Path(__file__).parent / "_child"
_GIB = 1024**3
# A shorter secret would blank out ordinary words.
_SHORTEST_SECRET = 4


def record(
    program: Path,
    *,
    project: str,
    stack: str,
    config: Mapping[str, str] = {},
    encrypted: Collection[str] = (),
    organization: str = "organization",
    root: Path | None = None,
    python: Path | None = None,
    timeout_seconds: float = 120,
    memory_gib: float = 4,
    environment: Mapping[str, str] = {},
    refuses: bool = True,
) -> Record:
    """Run a Pulumi Python program against a recording monitor.

    Args:
        program: the directory that holds `__main__.py`, or the program's file.
        project: the project's name.
        stack: the stack's name, without organization.
        config: `namespace:key` → the text that the engine would hand to the program.
        encrypted: keys in `config` that cannot be decrypted; the program reads a placeholder for them.
        organization: the organization's name.
        root: the directory of Pulumi.yaml; default: the program's directory.
        python: the interpreter of the program's own environment; default: this one.
        timeout_seconds: the program is ended after this.
        memory_gib: the program may hold this much memory.
        environment: variables that the program needs; it sees nothing else of the caller's but PATH, language and
            Python's own.
        refuses: whether a Handrail component that a standard refuses ends the program, as in a deployment; otherwise
            it registers what it planned, for a caller that judges the record.

    Returns:
        What the program registered, and what only a deployment could show.

    Raises:
        RecorderError: there is no such program or interpreter, it failed, or it went beyond its time or memory.
    """
    program, interpreter = _find(program, python)
    directory = program if program.is_dir() else program.parent
    root = (root or directory).resolve()
    gathered = _Gathered(root, [*(Unseen("encrypted config", key) for key in encrypted)])
    arguments = {
        "parent": os.getpid(),
        "project": project,
        "stack": stack,
        "organization": organization,
        "program": str(program),
        "root": str(root),
        "homes": sorted(map(str, homes())),
        "places": sorted(map(str, places())),
        "memory": int(memory_gib * _GIB),
        "refuses": refuses,
    }
    with tempfile.TemporaryDirectory(prefix="handrail-home-") as home:
        try:
            ended = listen(
                lambda fd: [str(interpreter), "-u", str(_CHILD), json.dumps({**arguments, "fd": fd})],
                gathered.take,
                directory=directory,
                environment=child_environment(Path(home), config, encrypted, environment),
                timeout_seconds=timeout_seconds,
            )
        except OSError as error:
            raise RecorderError(Problem(f"the program could not be started: {error.strerror}")) from None
    problem = gathered.problem(ended, program, timeout_seconds, memory_gib)
    if problem is not None:
        raise RecorderError(problem)
    return gathered.record(project, stack, ended)


def _find(program: Path, python: Path | None) -> tuple[Path, Path]:
    program = program.resolve()
    main = program / "__main__.py" if program.is_dir() else program
    if not main.is_file():
        raise RecorderError(
            Problem(f"there is no program {display(main)}", remedy="name the directory that holds __main__.py")
        )
    # Not resolved: a virtual environment's interpreter is a link, and is known by where the link lies.
    interpreter = (python or Path(sys.executable)).absolute()
    if not interpreter.is_file():
        raise RecorderError(
            Problem(f"there is no interpreter {display(interpreter)}", remedy="create the program's environment")
        )
    return program, interpreter


class _Gathered:
    """What the child has sent so far."""

    def __init__(self, root: Path, unseen: list[Unseen]) -> None:
        self.root = root
        self.registrations: list[Registration] = []
        self.outputs: dict[str, Outputs] = {}
        self.unseen = unseen
        self.messages: list[Message] = []
        self.failure: dict[str, Any] | None = None
        self.hidden: list[str] = []
        self.finished = False

    def take(self, line: bytes) -> bool:
        """Take one message; False after the last."""
        kind, *parts = json.loads(line)
        if kind == "resource":
            urn, request, inputs, unknown, secret = parts
            self.registrations.append(wire.registration(request, urn, inputs, unknown, secret, self.root))
        elif kind == "outputs":
            urn, values, unknown, secret = parts
            self.outputs[urn] = Outputs(values, paths(unknown), paths(secret))
        elif kind == "unseen":
            name, what, where = parts
            self.unseen.append(Unseen(name, what, where if where.startswith("urn:") else _shown(where, self.root)))
        elif kind == "log":
            self.messages.append(Message(*parts))
        elif kind == "failure":
            self.failure = parts[0]
        elif kind == "hidden":
            self.hidden = [text for text in parts[0] if len(text) >= _SHORTEST_SECRET]
        self.finished = kind == "end"
        return not self.finished

    def record(self, project: str, stack: str, ended: Ended) -> Record:
        """The record, when the program has run to its end."""
        registrations = in_tree_order(self.registrations)
        top = next((item.urn for item in registrations if item.type == "pulumi:pulumi:Stack"), "")
        return Record(
            project=project,
            stack=stack,
            registrations=registrations,
            outputs=self.outputs.get(top, Outputs()),
            component_outputs={urn: self.outputs[urn] for urn in sorted(self.outputs) if urn != top},
            unseen=tuple(sorted(set(self.unseen))),
            messages=tuple(Message(item.level, self._clean(item.message), item.urn) for item in self.messages),
            printed=self._clean(ended.printed),
        )

    def problem(self, ended: Ended, program: Path, timeout_seconds: float, memory_gib: float) -> Problem | None:
        """What went wrong, if anything did."""
        if self.failure is not None:
            return self._failure(self.failure, memory_gib)
        if self.finished:
            return None
        name = display(program)
        printed = self._clean(ended.printed).strip().rpartition("\n")[2][:200] or None
        if ended.timed_out:
            remedy = "make the program wait for nothing outside it, or allow it more seconds"
            return Problem(f"{name} did not end within {timeout_seconds:g} seconds", given=printed, remedy=remedy)
        if ended.code < 0:
            cause = signal.Signals(-ended.code).name
            remedy = f"if it ran out of memory, allow it more than {memory_gib:g} GiB"
            return Problem(f"{name} was ended by the signal {cause}", given=printed, remedy=remedy)
        return Problem(f"{name} left before it was done, with exit code {ended.code}", given=printed)

    def _failure(self, failure: Mapping[str, Any], memory_gib: float) -> Problem:
        if failure.get("kind") == "memory":
            return Problem(
                f"the program needed more than {memory_gib:g} GiB of memory",
                remedy="look for what it keeps, split it into stacks, or allow it more",
            )
        where = None
        if failure.get("file"):
            where = Position(display(Path(failure["file"])), failure.get("line") or 1, failure.get("column") or 1)
        remedy = failure.get("remedy")
        unanswered = [item for item in self.unseen if item.kind in ("invoke", "encrypted config", "network")]
        if remedy is None and unanswered:
            # The likely cause: the program used something that is not to be had here.
            first = unanswered[0]
            remedy = f"the recorder could not give the program the {first.kind} {first.what}; allow for its absence"
        return Problem(self._clean(failure["message"]), where=where, remedy=remedy)

    def _clean(self, text: str) -> str:
        for hidden in self.hidden:
            text = text.replace(hidden, SECRET)
        return text


def _shown(where: str, root: Path) -> str:
    return wire.shown(where, root) if where else ""
