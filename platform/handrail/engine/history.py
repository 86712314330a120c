"""A stack's update history, as its state backend keeps it: newest first, read as far as somebody looks.

Pulumi Cloud answers by the engine's own commands. Of a folder or a bucket, those export the latest state alone: there
the files are read that the engine leaves of every update, `.pulumi/history/<project>/<stack>/<stack>-<time>.*`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine import find
from handrail.engine._history_files import open_files
from handrail.engine.backend import address, folder
from handrail.engine.commands import answer, logged_in

SECRET = "[secret]"  # noqa: S105
"""What stands for every secret in an update's outputs."""
_SIGNATURE = "4dabf18193072939515e22adb298388d"  # the engine's mark of what is no plain value
_PAGE = 50


@dataclass(frozen=True, slots=True)
class Update:
    """One update of a stack.

    Args:
        version: its number, from 1.
        kind: update, destroy, refresh, import or rename.
        result: succeeded or failed.
        outputs: the stack's outputs in the state that it left, secrets replaced; none after a destroy.
        environment: what the engine noted about who and where, as `git.author` and `git.head`.
    """

    version: int
    kind: str
    result: str
    started: datetime
    ended: datetime
    outputs: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether it left some of what it was to do."""
        return self.result != "succeeded"


def updates(project: Project, target: Target, until: datetime) -> Iterator[Update]:
    """The updates of a stack that ended by `until`, newest first; each is read when it is asked for.

    Raises:
        EngineError: there is no engine to ask for the backend, or the backend or what it gave cannot be read.
    """
    url = address(project, target) or logged_in(find(), project, target)
    try:
        found = _of_cloud(project, target, until) if url.startswith("http") else _of_files(project, target, url, until)
        yield from found
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        fault = f"the history of stack {target.stack} cannot be read: {type(error).__name__}: {error}"
        remedy = "a file of it is broken, or a later engine wrote it: look at `pulumi stack history`"
        raise EngineError(Problem(fault, given=url, remedy=remedy)) from None


# A folder or a bucket


def _of_files(project: Project, target: Target, url: str, until: datetime) -> Iterator[Update]:
    """The names alone tell when each ended: those after `until` are never read."""
    here = folder(project, target, url)
    files = open_files(here.as_uri() if here else url, target.stack)
    # the second is where an older engine kept it, before a backend knew of projects
    folders = (f".pulumi/history/{project.name}/{target.stack}", f".pulumi/history/{target.stack}")
    kept = next((found for each in folders if (found := files.kept(each))), [])
    for version, each in reversed([*enumerate(kept, start=1)]):
        if each.ended <= until:
            info, state = files.read(each.history), files.read(each.checkpoint)
            times = (datetime.fromtimestamp(info["startTime"], UTC), each.ended)
            yield _update(version, info, times, (state.get("checkpoint") or {}).get("latest"))


# Pulumi Cloud


def _of_cloud(project: Project, target: Target, until: datetime) -> Iterator[Update]:
    engine, fault = find(), f"the history of stack {target.stack} cannot be read"
    page = 0
    while True:
        page += 1
        asked = ["stack", "history", "--output", "json", "--page-size", str(_PAGE), "--page", str(page)]
        listed = json.loads(answer(engine, project, target, asked, fault) or "null") or []
        for info in listed:
            if "endTime" not in info:  # it has not ended yet
                continue
            times = (datetime.fromisoformat(info["startTime"]), datetime.fromisoformat(info["endTime"]))
            if times[1] <= until:
                version = info["version"]
                told = answer(engine, project, target, ["stack", "export", "--version", str(version)], fault)
                yield _update(version, info, times, json.loads(told).get("deployment"))
        if len(listed) < _PAGE:
            return


def _update(version: int, info: Mapping[str, Any], times: tuple[datetime, datetime], state: Any) -> Update:
    return Update(
        version, info["kind"], info["result"], *times, _outputs(state or {}), dict(info.get("environment") or {})
    )


def _outputs(state: Mapping[str, Any]) -> dict[str, Any]:
    """The stack's outputs in a deployment's state."""
    stacks = (each for each in state.get("resources") or () if each["type"] == "pulumi:pulumi:Stack")
    return {name: _plain(value) for stack in stacks for name, value in (stack.get("outputs") or {}).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return SECRET if _SIGNATURE in value else {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
