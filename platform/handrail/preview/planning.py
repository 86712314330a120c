"""Both revisions of a project's stacks, planned at once, each in a process of its own."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from handrail.core.errors import HandrailError, Problem
from handrail.preview import environments
from handrail.preview.children import Command, Said, run
from handrail.preview.environments import Interpreters
from handrail.preview.planned import PROTOCOL, Planned, Request
from handrail.recorder.environment import child_environment, homes, places

_TIMEOUT_SECONDS = 900.0
_MEMORY_BYTES = 4 * 1024**3
_MOST_BYTES = 512 * 1024**2  # of what one revision may say
_END = b'{"end": true}'


@dataclass(frozen=True, slots=True)
class Side:
    """One revision of a project.

    Args:
        label: as errors call it: base or head.
        root: the directory of its Pulumi.yaml.
        directory: where it is planned, so that errors show its files as the user sees them.
        stacks: the names of those to plan.
        interpreters: what it is planned with.
        imports: where it has what is imported from the repository itself.
    """

    label: str
    root: Path
    directory: Path
    stacks: tuple[str, ...]
    interpreters: Interpreters
    imports: tuple[str, ...] = ()


@dataclass(slots=True)
class Plans:
    """The stacks of a revision by name, and what was not as in it."""

    stacks: dict[str, Planned] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def plan(sides: Sequence[Side]) -> list[Plans]:
    """The plans of some revisions.

    A revision whose own Handrail cannot be asked, as one from before this was there, is planned with the present one.
    """
    with _commands(sides) as commands:
        said = run(commands, _TIMEOUT_SECONDS, _MOST_BYTES)
    found = [_read(side, each) for side, each in zip(sides, said, strict=True)]
    again = [index for index, plans in enumerate(found) if plans is None]
    if again and all(_is_present(sides[index]) for index in again):
        raise HandrailError(_failure(sides[again[0]], said[again[0]]))
    for index in again:
        (found[index],) = plan([_by_present(sides[index], said[index])])
    return [plans for plans in found if plans is not None]


@contextmanager
def _commands(sides: Sequence[Side]) -> Iterator[list[Command]]:
    with tempfile.TemporaryDirectory(prefix="handrail-home-") as home:
        yield [_command(side, Path(home), at_once=max(1, (os.cpu_count() or 1) // len(sides))) for side in sides]


def _command(side: Side, home: Path, *, at_once: int) -> Command:
    paths = [*side.imports, *filter(None, [os.environ.get("PYTHONPATH")])]
    imports = {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
    request = Request(
        str(side.root), side.stacks, str(side.interpreters.program), os.getpid(), tuple(sorted(map(str, homes()))),
        tuple(sorted(map(str, places()))), _MEMORY_BYTES, at_once,
    )  # fmt: skip
    line = [str(side.interpreters.planner), "-P", "-m", "handrail.preview.planner"]
    return Command(line, request.dumps(), side.directory, child_environment(home, {}, (), imports))


def _read(side: Side, said: Said) -> Plans | None:
    """What a process has planned, in which each stack that it did not come to has that as its error.

    None: it does not speak this protocol.
    """
    head, *lines = bytes(said.output).split(b"\n")[:-1] or [b""]  # the last is no line, or not a whole one
    try:
        if json.loads(head or b"null") != {"protocol": PROTOCOL}:
            return None
        ended = lines[-1:] == [_END]
        found = [Planned.loads(line) for line in lines if line != _END]
    except (ValueError, TypeError, KeyError):
        return None
    plans = Plans({each.stack: each for each in found}, (side.interpreters.remark,) if side.interpreters.remark else ())
    if not ended:
        fault = str(_failure(side, said))
        plans.stacks |= {name: Planned(name, error=fault) for name in side.stacks if name not in plans.stacks}
    return plans


def _failure(side: Side, said: Said) -> Problem:
    if said.timed_out:
        why = f"it took longer than {_TIMEOUT_SECONDS:.0f} s"
    elif b"MemoryError" in said.errors:
        why = f"it needed more than {_MEMORY_BYTES // 1024**3} GiB of memory"
    else:
        last = (said.errors.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
        why = f"it ended with {said.code}: {last[:300]}"
    return Problem(f"the process that plans the {side.label} revision did not come to its end: {why}")


def _is_present(side: Side) -> bool:
    now = environments.present(None)
    return not side.imports and side.interpreters.planner == now.planner


def _by_present(side: Side, said: Said) -> Side:
    remark = (
        f"the {side.label} revision's own Handrail made no plans ({_failure(side, said).message}): the present one did"
    )
    now = environments.present(side.interpreters.program)
    return replace(side, imports=(), interpreters=replace(now, remark=remark))
