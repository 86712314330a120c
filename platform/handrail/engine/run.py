"""Pulumi's own commands on a project's stacks, with the engine that `find()` gives."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project
from handrail.engine import Engine, find

_CREATES = frozenset({"up", "preview"})


def run(project: Project, stacks: Iterable[str], command: str, arguments: Sequence[str] = ()) -> None:
    """Run `pulumi COMMAND` on each stack, one after another, in this terminal.

    A stack that the state backend does not know yet is created first, where the command deploys.

    Raises:
        DocumentError: a stack has no config file.
        EngineError: there is no engine, or it failed; stacks after the failing one were not touched.
    """
    names = [project.stack(name).name for name in stacks]
    engine = find()
    environment = engine.environment()
    known = _known(engine, project, environment)
    for index, name in enumerate(names):
        if name not in known and command in _CREATES:
            _pulumi(engine, project, environment, ["stack", "init", name, "--no-select"], name)
        rest = names[index + 1 :]
        _pulumi(engine, project, environment, [command, "--stack", name, *arguments], name, rest)


def _pulumi(
    engine: Engine,
    project: Project,
    environment: Mapping[str, str],
    arguments: list[str],
    stack: str,
    rest: Sequence[str] = (),
) -> None:
    process = subprocess.Popen([str(engine.pulumi), "--cwd", str(project.root), *arguments], env=dict(environment))  # noqa: S603
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()  # the engine got the interrupt as well and ends in good order
        raise
    if code:
        raise EngineError(
            Problem(
                f"pulumi {arguments[0]} of stack {stack} ended with exit code {code}; its reason stands above",
                remedy=f"not touched: {', '.join(rest)}" if rest else None,
            )
        )


def _known(engine: Engine, project: Project, environment: Mapping[str, str]) -> set[str]:
    """The project's stacks that the state backend has."""
    listed = subprocess.run(  # noqa: S603
        [str(engine.pulumi), "--cwd", str(project.root), "stack", "ls", "--json"],
        env=dict(environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        reason = listed.stderr.strip().removeprefix("error: ")
        raise EngineError(Problem(f"the state backend does not answer: {reason}"))
    return {stack["name"].rpartition("/")[2] for stack in json.loads(listed.stdout)}
