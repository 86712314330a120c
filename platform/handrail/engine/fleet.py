"""Many stacks at once: the engine on each, within a memory bound; one display, one summary, no reason lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import groupby
from threading import Event, Lock

from handrail.core.errors import EngineError, HandrailError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine import locks
from handrail.engine._find import Engine
from handrail.engine.commands import command, deploy, environment
from handrail.engine.remedies import remedy_of
from handrail.engine.watch import News, settled, watching

STACK_BYTES = 700 * 1024**2
"""What one deployment may need: engine, provider and program, for some hundred resources."""
_PER_CORE = 3  # bench/cluster.py: on two cores 6 at once took 44 s where 2 took 79 s
_PATIENCE = 60  # seconds that an interrupted engine has to end in good order
_DIAGNOSTICS = re.compile(r"^Diagnostics:\n(.*?)(?=^(?:Outputs|Resources):|\Z)", re.MULTILINE | re.DOTALL)
_CHANGES = re.compile(r"^\s+([-+~]+ \d+ \w+|\d+ unchanged)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one stack; `code` is the engine's exit code, None where it was not begun."""

    stack: str
    code: int | None
    seconds: float = 0
    output: str = ""

    @property
    def changes(self) -> str:
        """The engine's own count of what it did, as `+ 12 created, 3 unchanged`."""
        return ", ".join(match.strip() for match in _CHANGES.findall(self.output))

    @property
    def reason(self) -> str:
        """The engine's own diagnostics; all that it said, where it came to none."""
        found = _DIAGNOSTICS.search(self.output)
        return (found[1] if found else self.output).rstrip()


class Notice(str):
    """What was mended before a stack's engine ran: a line that stays to be read."""

    __slots__ = ()


Report = Callable[[str, str | Outcome], None]
"""Told of each stack: a Notice, a line of its engine's output, and at the end its Outcome."""


def workers(targets: Sequence[Target]) -> int:
    """How many stacks at once: no more than memory holds, nor than cores; more where they mostly wait for a cluster."""
    import psutil

    cores = (os.cpu_count() or 1) * (_PER_CORE if any(target.live for target in targets) else 1)
    return max(1, min(len(targets), cores, psutil.virtual_memory().available // STACK_BYTES))


@dataclass(slots=True)
class Fleet:
    """A command of the engine on many stacks.

    Args:
        arguments: as ["up", "--yes", "--skip-preview"].
        report: told how far each stack is.
        at_once: how many stacks at once; default: what `workers` says.
        known: the stacks that a target's backend has, where others are to be created; raises EngineError.
        news: asked every few seconds what is wrong with a stack that is deployed to a cluster.
    """

    engine: Engine
    project: Project
    arguments: Sequence[str]
    report: Report
    at_once: int | None = None
    known: Callable[[Target], Container[str]] | None = None
    news: News | None = None
    _running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    _stopped: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def run(self, targets: Sequence[Target], *, reverse: bool = False) -> list[Outcome]:
        """Wave after wave; a stack that fails stops no other.

        Args:
            reverse: the last wave first, as a removal needs it.

        Raises:
            KeyboardInterrupt: after every engine has ended in good order.
        """
        outcomes: list[Outcome] = []
        ordered = sorted(targets, key=lambda target: target.wave, reverse=reverse)
        for _, wave in groupby(ordered, key=lambda target: target.wave):
            outcomes += self._wave(list(wave))
        return outcomes

    def _wave(self, targets: list[Target]) -> list[Outcome]:
        with ThreadPoolExecutor(self.at_once or workers(targets)) as pool:
            futures = [pool.submit(self._stack, target) for target in targets]
            try:
                return [future.result() for future in as_completed(futures)]
            except BaseException:
                self._stop()
                raise

    def _stack(self, target: Target) -> Outcome:
        start = time.monotonic()
        try:
            outcome = self._deploy(target, start)
        except HandrailError as error:
            outcome = Outcome(target.stack, 1, time.monotonic() - start, str(error))
        self.report(target.stack, outcome)
        return outcome

    def _deploy(self, target: Target, start: float) -> Outcome:
        if self._stopped.is_set():
            return Outcome(target.stack, None)
        said: list[str] = []

        def say(text: str) -> None:
            said.append(text)
            self.report(target.stack, Notice(text))

        locks.clear(self.project, target, say)
        new = self.known is not None and target.stack not in self.known(target)
        code, output = deploy(self.engine, self.project, target, lambda: self._attempt(target), say, new=new)
        code = settled(self.news, target, code, output, say)
        return Outcome(target.stack, code, time.monotonic() - start, "\n".join([*said, output]))

    def _attempt(self, target: Target) -> tuple[int, str]:
        lines: list[str] = []
        # a session of its own: an interrupt reaches it once, from here, and not from the terminal as well
        process = subprocess.Popen(  # noqa: S603
            [*command(self.engine, self.project, target, self.arguments), "--non-interactive", "--color", "never"],
            env=environment(self.engine, self.project, target), text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with self._lock:
            self._running[target.stack] = process
        with watching(self.news, target, lambda text: self.report(target.stack, Notice(text))):
            for line in process.stdout or ():
                lines.append(line.rstrip("\n"))
                self.report(target.stack, lines[-1])
            code = process.wait()
        with self._lock:
            del self._running[target.stack]
        return code, "\n".join(lines)

    def _stop(self) -> None:
        """Ask every engine once to end; what does not is killed."""
        self._stopped.set()
        with self._lock:
            running = list(self._running.values())
        for process in running:
            process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _PATIENCE
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def failures(outcomes: Sequence[Outcome]) -> None:
    """Raises EngineError with the whole reason of each stack that failed, and what was not begun."""
    failed = [outcome for outcome in outcomes if outcome.code]
    left = [outcome.stack for outcome in outcomes if outcome.code is None]
    if failed or left:
        reasons: dict[tuple[int | None, str], list[str]] = {}
        for outcome in failed:
            reasons.setdefault((outcome.code, outcome.reason), []).append(outcome.stack)
        problems = [
            Problem(
                f"stack{'s' * (len(stacks) > 1)} {', '.join(stacks)} failed, exit code {code}:\n{said}",
                remedy=remedy_of(said),
            )
            for (code, said), stacks in reasons.items()
        ]
        raise EngineError([*problems, *([Problem(f"not begun: {', '.join(left)}")] if left else [])])
