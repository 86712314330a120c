"""Pulumi's own commands on a project's stacks, with the engine that `find()` gives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock, Thread
from typing import IO

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine import Engine, events, find, fleet, locks
from handrail.engine.commands import command, deploy, environment, known
from handrail.engine.remedies import remedy_of
from handrail.engine.watch import News, settled, watching

_CREATES = frozenset({"up", "preview"})
_REST = 5  # seconds for the last words of an engine that has ended; what it started may hold its stream for ever


def run(
    project: Project,
    targets: Sequence[Target],
    name: str,
    arguments: Sequence[str] = (),
    *,
    at_once: int | None = None,
    news: News | None = None,
) -> None:
    """Run `pulumi NAME` on the selected stacks: one in this terminal, several at once under one display.

    A stack that the state backend does not know yet is created first, where the command deploys.

    Args:
        at_once: how many of several stacks at once; default: what `workers` says.
        news: what is wrong with a stack while it is deployed to a cluster; default: nobody asks.

    Raises:
        EngineError: there is no engine, somebody else holds a stack, or the engine failed.
    """
    engine = find()
    _clear(project, targets)
    there = _Backends(engine, project) if name in _CREATES else None
    if len(targets) == 1:
        _one(engine, project, targets[0], [name, *arguments], there, news)
    else:
        from handrail.engine.display import Display

        with Display(name, [target.stack for target in targets]) as display:
            found = fleet.Fleet(engine, project, [name, *arguments], display.report, at_once, there, news)
            outcomes = found.run(targets, reverse=name == "destroy")
        display.summary(outcomes)
        fleet.failures(outcomes)


def say(text: str) -> None:
    """A line for the person, beside the engine's own."""
    print(text, file=sys.stderr, flush=True)


def _clear(project: Project, targets: Sequence[Target]) -> None:
    """Mend what dead engines left before anything reads the backend; one of several that is held fails in its turn."""
    for target in targets:
        try:
            locks.clear(project, target, say)
        except EngineError:
            if len(targets) == 1:
                raise


@dataclass(slots=True)
class _Backends:
    """The stacks of each backend, asked once, by whoever comes first."""

    engine: Engine
    project: Project
    _found: dict[tuple[str, str], set[str] | EngineError] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, target: Target) -> set[str]:
        key = (target.backend, target.organization)
        with self._lock:
            if key not in self._found:
                try:
                    self._found[key] = known(self.engine, self.project, target)
                except EngineError as error:
                    self._found[key] = error
        found = self._found[key]
        if isinstance(found, EngineError):
            raise found
        return found


def _one(
    engine: Engine,
    project: Project,
    target: Target,
    arguments: list[str],
    there: _Backends | None,
    news: News | None,
) -> None:
    line = command(engine, project, target, arguments)
    attempt = partial(_in_this_terminal, line, dict(environment(engine, project, target)))
    new = there is not None and target.stack not in there(target)
    with watching(news, target, say):
        code, said = deploy(engine, project, target, attempt, say, new=new)
    if settled(news, target, code, said, say):
        ended = "was killed" if code < 0 else f"ended with exit code {code}; its reason stands above"
        again = f"run it again: what was begun goes on (handrail {arguments[0]} {target.stack})" if code < 0 else None
        fault = f"pulumi {arguments[0]} of stack {target.stack} {ended}"
        raise EngineError(Problem(fault, remedy=again or remedy_of(said)))


def _in_this_terminal(line: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """Run a command here; its exit code, and what it said of errors, which is shown as it comes."""
    # in a terminal an interrupt reaches both; elsewhere, as in CI, this process alone, which passes it on once
    shared = sys.stdin.isatty()
    said = bytearray()
    with events.event_log() as log:
        process = subprocess.Popen(  # noqa: S603
            [*line, "--event-log", str(log)], env={**variables, **events.VARIABLES}, stderr=subprocess.PIPE,
            start_new_session=not shared,
        )  # fmt: skip
        reader = Thread(target=_show, args=(process.stderr, said), daemon=True)
        reader.start()
        try:
            code = process.wait()
        except KeyboardInterrupt:
            if not shared:
                process.send_signal(signal.SIGINT)
            process.wait()  # it ends in good order
            raise
        reader.join(_REST)
        return code, "\n".join([said.decode("utf-8", "replace"), *(f"error: {each}" for each in events.errors(log))])


def _show(stream: IO[bytes], said: bytearray) -> None:
    """Pass on what comes as it comes: a question has no end of line."""
    while part := os.read(stream.fileno(), 65536):
        said += part
        sys.stderr.buffer.write(part)
        sys.stderr.buffer.flush()
