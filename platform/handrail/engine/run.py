"""Pulumi's own commands on a project's stacks, with the engine that `find()` gives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine import Engine, find, fleet, locks
from handrail.engine.remedies import remedy_of

_CREATES = frozenset({"up", "preview"})


def run(
    project: Project,
    targets: Sequence[Target],
    command: str,
    arguments: Sequence[str] = (),
    *,
    at_once: int | None = None,
) -> None:
    """Run `pulumi COMMAND` on the selected stacks: one in this terminal, several at once under one display.

    A stack that the state backend does not know yet is created first, where the command deploys.

    Args:
        at_once: how many of several stacks at once; default: as many as there are cores, and as memory holds.

    Raises:
        EngineError: there is no engine, somebody else holds a stack, or the engine failed.
    """
    engine = find()
    _clear(project, targets)
    known = _known(engine, project)
    for target in targets:
        if target.stack not in known and command in _CREATES:
            _init(engine, project, target.stack)
    if len(targets) == 1:
        _one(engine, project, targets[0].stack, [command, *arguments])
    else:
        from handrail.engine.display import Display

        with Display(command, [target.stack for target in targets]) as display:
            found = fleet.Fleet(engine, project, [command, *arguments], display.report, at_once)
            outcomes = found.run(targets, reverse=command == "destroy")
        display.summary(outcomes)
        fleet.failures(outcomes)


def _clear(project: Project, targets: Sequence[Target]) -> None:
    """Mend what dead engines left before anything reads the backend; one of several that is held fails in its turn."""
    for target in targets:
        try:
            locks.clear(project, target.stack, lambda text: print(text, file=sys.stderr, flush=True))
        except EngineError:
            if len(targets) == 1:
                raise


def _one(engine: Engine, project: Project, stack: str, arguments: list[str]) -> None:
    command = [str(engine.pulumi), "--cwd", str(project.root), *arguments, "--stack", stack]
    process = subprocess.Popen(command, env=dict(fleet.environment(engine, project, stack)))  # noqa: S603
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()  # the engine got the interrupt as well and ends in good order
        raise
    if code:
        said = "was killed" if code < 0 else f"ended with exit code {code}; its reason stands above"
        remedy = f"run it again: what was begun goes on (handrail {arguments[0]} {stack})" if code < 0 else None
        raise EngineError(Problem(f"pulumi {arguments[0]} of stack {stack} {said}", remedy=remedy))


def _init(engine: Engine, project: Project, stack: str) -> None:
    done = _pulumi(engine, project, "stack", "init", stack, "--no-select")
    if done.returncode:
        raise EngineError(Problem(f"stack {stack} cannot be created: {_reason(done)}", remedy=remedy_of(_reason(done))))


def _known(engine: Engine, project: Project) -> set[str]:
    """The project's stacks that the state backend has."""
    listed = _pulumi(engine, project, "stack", "ls", "--json")
    if listed.returncode:
        reason = _reason(listed)
        raise EngineError(Problem(f"the state backend does not answer: {reason}", remedy=remedy_of(reason)))
    return {stack["name"].rpartition("/")[2] for stack in json.loads(listed.stdout)}


def _pulumi(engine: Engine, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(engine.pulumi), "--cwd", str(project.root), *arguments, "--non-interactive"]
    environment: Mapping[str, str] = engine.environment()
    return subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)  # noqa: S603


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().removeprefix("error: ") or done.stdout.strip()
