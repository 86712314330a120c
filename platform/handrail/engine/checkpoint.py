"""The state of a stack after a killed engine, and its file in a folder: whole, with room for the next one.

The engine takes a file that holds anything else for an empty state, and cuts its state short where the disk is full.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from handrail.core.documents import display
from handrail.core.errors import EngineError, Problem

ROOM = 16 * 1024**2
"""Bytes that must be free, beside those of the state and its copies."""
_COPIES = 8  # the next state, the one before, the history and the backup, and what it grows by


def check(folder: Path, project: str, stack: str) -> None:
    """Raises EngineError where the engine would lose a state: it is broken, or there is no room for the next one.

    Args:
        folder: the state backend.
        project: the project's name.
    """
    state = _file(folder, project, stack)
    if _size(state) is not None and not _whole(state):
        raise EngineError(_broken(folder, project, stack))
    _room(folder, state, stack)


def tidy(folder: Path, project: str, stack: str, say: Callable[[str], None]) -> None:
    """Take away the attributes beside a file that the engine was killed in the writing of: it reads no such file.

    It does without them; written over in place, they are the one thing of its folder that can be there in part.
    """
    state = _file(folder, project, stack)
    for attributes in (folder / ".pulumi" / "meta.yaml.attrs", *state.parent.glob(f"{state.name}*.attrs")):
        if _size(attributes) is not None and _json(attributes) is None:
            with suppress(OSError):  # the engine says what is wrong with the folder
                attributes.unlink(missing_ok=True)
                say(f"{stack}: removed {attributes.name}, which an engine had begun to write")


def resume(folder: Path, project: str, stack: str, say: Callable[[str], None]) -> None:
    """Have the next deployment do again what the engine was killed in; raises EngineError."""
    state = _file(folder, project, stack)
    data = _json(state)
    held = data.get("checkpoint") if isinstance(data, dict) else None
    latest = held.get("latest") if isinstance(held, dict) else None  # none in a state of another version's shape
    if not latest or not (begun := _unfinished(latest)):
        return
    _room(folder, state, stack)
    try:
        _replace(state, json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode())
    except OSError:  # the engine says what is wrong with the folder
        return
    say(f"{stack}: what a dead engine had begun is done again: {', '.join(begun)}")


def _unfinished(deployment: dict[str, Any]) -> list[str]:
    """The names of what a killed engine had begun in a deployment's state, which is changed so that it is done again.

    The engine itself goes by the state of before: it would hold what was deleted for there, what was changed for
    unchanged, and warn of what was created for ever. What it may not do twice, as in a cloud, is left to it.
    """
    operations = deployment.get("pending_operations") or []
    again = [each for each in operations if each["type"] in _AGAIN and _repeatable(each["resource"])]
    if not again:
        return []
    deployment["pending_operations"] = [each for each in operations if each not in again]
    urns = {each["resource"]["urn"] for each in again}
    for resource in deployment["resources"]:
        if resource["urn"] in urns and not resource.get("delete"):
            _mark(resource)
    return sorted({urn.rpartition("::")[2] for urn in urns})


_AGAIN = frozenset({"creating", "updating", "deleting"})
_MARK = "handrail.dev/unfinished"


def _repeatable(resource: dict[str, Any]) -> bool:
    """Whether doing it twice is as doing it once: a component, a provider, an object that is applied."""
    return not resource.get("custom") or str(resource["type"]).startswith(("kubernetes:", "pulumi:providers:"))


def _mark(resource: dict[str, Any]) -> None:
    """An annotation that no program asks for: the engine sees a change, and never a replacement."""
    outputs = resource.get("outputs") or {}
    for place in (resource.get("inputs"), outputs, outputs.get("__inputs")):
        metadata = place.get("metadata") if isinstance(place, dict) else None
        if isinstance(metadata, dict) and "name" in metadata:
            metadata.setdefault("annotations", {})[_MARK] = "true"


def restore(folder: Path, project: str, stack: str, say: Callable[[str], None]) -> None:
    """Take the newest whole checkpoint where the engine was killed in the writing of one; raises EngineError."""
    state = _file(folder, project, stack)
    before = _newest(folder, project, stack)
    if before is None or _size(state) is None or _whole(state):
        return
    _room(folder, state, stack)
    try:
        shutil.copyfile(state, state.with_name(f"{state.name}.broken"))
        _replace(state, before.read_bytes())
    except OSError:  # the lock beside it cannot be removed either, which says so
        return
    say(f"{stack}: the last checkpoint was written in part; the one before it is taken, the broken one kept beside it")


def _replace(state: Path, content: bytes) -> None:
    partial = state.with_name(f"{state.name}.partial")
    partial.write_bytes(content)
    partial.replace(state)


def _room(folder: Path, state: Path, stack: str) -> None:
    there = next((parent for parent in (folder, *folder.parents) if _size(parent) is not None), folder)
    needed = ROOM + _COPIES * (_size(state) or 0)
    try:
        disk = shutil.disk_usage(there)
    except OSError:  # the engine says what is wrong with the folder
        return
    if disk.total and disk.free < needed:
        problem = Problem(
            f"there is no room for the state of stack {stack}: a full disk would cut it short", given=str(folder),
            allowed=f"at least {_mebibytes(needed)} free; there is {_mebibytes(disk.free)}",
            remedy="make room on the disk, then run it again: nothing was begun",
        )  # fmt: skip
        raise EngineError(problem)


def _broken(folder: Path, project: str, stack: str) -> Problem:
    state, copy = _file(folder, project, stack), _newest(folder, project, stack)
    first, second = (shlex.quote(display(file)) for file in (copy or state, state))
    return Problem(
        f"the state file of stack {stack} is broken", given=str(state),
        remedy=f"restore it from .pulumi/backups or its .bak beside it, as the newest whole one: cp {first} {second}"
        if copy
        else f"restore it from a copy of your own: none in .pulumi/backups or beside it is whole. Where there is none, "
        f"rm {second}: what is deployed stays, and the next up takes it over",
    )  # fmt: skip


def _newest(folder: Path, project: str, stack: str) -> Path | None:
    """The newest whole copy: the .bak of every step, or the backup that ends each deployment."""
    state = _file(folder, project, stack)
    copies = [state.with_name(f"{state.name}.bak"), *(folder / ".pulumi" / "backups" / project / stack).glob("*.json")]
    newest = sorted(
        (copy for copy in copies if _size(copy) is not None), key=lambda copy: copy.stat().st_mtime_ns, reverse=True
    )
    return next(filter(_whole, newest), None)


def _file(folder: Path, project: str, stack: str) -> Path:
    return folder / ".pulumi" / "stacks" / project / f"{stack}.json"


def _whole(file: Path) -> bool:
    data = _json(file)
    return isinstance(data, dict) and any(isinstance(data.get(key), dict | str) for key in ("checkpoint", "stack"))


def _json(file: Path) -> object:
    """What it holds; None where it is not JSON."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _size(path: Path) -> int | None:
    """How large it is; None where it is not there, or not to be seen."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def _mebibytes(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"
