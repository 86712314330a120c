"""Pulumi's commands on one stack: their arguments, their environment, their answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project
from handrail.core.selection import BACKEND_VARIABLE, Target
from handrail.engine import locks
from handrail.engine._find import Engine
from handrail.engine.diagnostics import passing
from handrail.engine.remedies import remedy_of

_REFRESHED = frozenset({"up", "preview"})
"""What looks first at what is there, so that a change by hand is seen and taken back."""
_ATTEMPTS = 3


def command(engine: Engine, project: Project, target: Target, arguments: Sequence[str]) -> list[str]:
    """A command on a stack; in Pulumi Cloud its name is led by the organization that owns it."""
    name = f"{target.organization}/{target.stack}" if target.organization else target.stack
    refresh = ["--refresh"] if target.live and arguments[0] in _REFRESHED else []
    return [*_bare(engine, project, arguments), *refresh, "--stack", name]


def _bare(engine: Engine, project: Project, arguments: Sequence[str]) -> list[str]:
    """A command that is about no stack."""
    return [str(engine.pulumi), "--cwd", str(project.root), *arguments]


def environment(engine: Engine, project: Project, target: Target) -> Mapping[str, str]:
    """What a command on a stack runs with; everything that it starts inherits its mark."""
    backend = {BACKEND_VARIABLE: target.backend} if target.backend else {}
    # the built provider has no input for it yet: what was changed by hand is set back, and no conflict
    force = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"} if target.live else {}
    return {**force, **engine.environment(), **backend, locks.MARK: locks.mark(project, target.stack)}


def deploy(
    engine: Engine,
    project: Project,
    target: Target,
    attempt: Callable[[], tuple[int, str]],
    say: Callable[[str], None],
    *,
    new: bool,
) -> tuple[int, str]:
    """Attempt something with a stack, made known to its backend first where it is `new`, with no dead lock in the way.

    Args:
        attempt: runs the engine; gives its exit code and what it said.
        say: told of each lock that was removed, and of each attempt that is made again.

    Raises:
        EngineError: another process holds the stack, or its backend refuses it.
    """

    def whole() -> tuple[int, str]:
        nonlocal new
        if new:
            made = _ask(engine, project, target, command(engine, project, target, ["stack", "init", "--no-select"]))
            if locks.refused(made.stderr):
                return made.returncode, made.stderr
            _answer(made, f"stack {target.stack} cannot be created")
            new = False
        return _attempts(attempt, target.stack, say)

    def unlock() -> None:
        removed = _ask(engine, project, target, command(engine, project, target, ["cancel", "--yes"]))
        _answer(removed, f"the lock of stack {target.stack} cannot be removed")

    return locks.unlocked(whole, unlock, target.stack, say)


def _attempts(attempt: Callable[[], tuple[int, str]], stack: str, say: Callable[[str], None]) -> tuple[int, str]:
    """Again, where all that failed met another change at the same moment, for which the provider has no retry."""
    code, said = attempt()
    for _ in range(_ATTEMPTS - 1):
        if not (code and passing(said)):
            break
        say(f"{stack}: the API server changed something at the same moment; what is left is deployed now")
        code, said = attempt()
    return code, said


def known(engine: Engine, project: Project, target: Target) -> set[str]:
    """The project's stacks in the backend of a target, by their short names; raises EngineError."""
    owner = ["--organization", target.organization] if target.organization else []
    line = _bare(engine, project, ["stack", "ls", "--json", *owner])
    listed = _answer(_ask(engine, project, target, line), "the state backend does not answer")
    return {stack["name"].rpartition("/")[2] for stack in json.loads(listed)}


def answer(engine: Engine, project: Project, target: Target, arguments: Sequence[str], fault: str) -> str:
    """What a stack's own command says; raises EngineError, which `fault` begins."""
    return _answer(_ask(engine, project, target, command(engine, project, target, arguments)), fault)


def logged_in(engine: Engine, project: Project, target: Target) -> str:
    """The address of the state backend that the engine itself would use; raises EngineError."""
    line = _bare(engine, project, ["whoami", "--output", "json"])
    told = _answer(_ask(engine, project, target, line), "the state backend does not answer")
    return str(json.loads(told)["url"])


def _ask(engine: Engine, project: Project, target: Target, line: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [*line, "--non-interactive"],
        env=dict(environment(engine, project, target)), capture_output=True, text=True, check=False,
    )  # fmt: skip


def _answer(done: subprocess.CompletedProcess[str], fault: str) -> str:
    if done.returncode:
        said = done.stderr.strip().removeprefix("error: ") or done.stdout.strip()
        raise EngineError(Problem(f"{fault}: {said}", remedy=remedy_of(said)))
    return done.stdout
