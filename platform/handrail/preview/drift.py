"""What the state of a stack has otherwise than the base revision: `handrail preview --base REF --engine`.

The engine previews the working tree against what is deployed. What it would change, and what this change does not
touch, is not as the base revision has it: it was changed by hand, or what was merged was not deployed yet.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handrail.core.errors import EngineError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target, select
from handrail.engine import Engine, find
from handrail.engine.commands import command, environment, known
from handrail.engine.run import say
from handrail.organisation.targets import with_organisation
from handrail.preview.report import MOST_ITEMS, Change, Report, ResourceChange, StackChange, cut

_CHANGES: Mapping[str, Change] = {
    "create": Change.CREATE, "update": Change.UPDATE, "delete": Change.DELETE, "replace": Change.REPLACE,
    "create-replacement": Change.REPLACE, "delete-replaced": Change.REPLACE,
}  # fmt: skip
_MOST_PATHS = 5


def with_drift(project: Project, report: Report) -> Report:
    """The report with what the engine knows of the stacks that change; where it fails, that was not seen.

    Raises:
        HandrailError: there is no engine, or an organisation is wrong.
    """
    names = [stack.stack for stack in report.stacks if not stack.error and stack.status == "changed"]
    if not names:
        return report
    engine = find()
    targets = {each.stack: each for each in with_organisation(project, select(project, names), say)}
    stacks, unseen = [], list(report.unseen)
    for stack in report.stacks:
        target = targets.get(stack.stack)
        try:
            rows = tuple(_rows(engine, project, target, stack))[:MOST_ITEMS] if target else ()
            stacks.append(stack.model_copy(update={"drift": rows}))
        except EngineError as error:
            stacks.append(stack)
            unseen.append(cut(f"{stack.stack}: what is deployed: {error}"))
    more = max(0, len(unseen) - MOST_ITEMS)
    return report.model_copy(
        update={
            "stacks": tuple(stacks), "unseen": tuple(unseen[:MOST_ITEMS]), "more_unseen": report.more_unseen + more,
            "complete": report.complete and len(unseen) == len(report.unseen),
        }
    )  # fmt: skip


def _rows(engine: Engine, project: Project, target: Target, stack: StackChange) -> Iterator[ResourceChange]:
    if target.stack not in known(engine, project, target):
        raise EngineError(Problem("the stack was never deployed"))
    yield from drifted(_previewed(engine, project, target)["steps"], stack)


def _previewed(engine: Engine, project: Project, target: Target) -> Any:
    line = command(engine, project, target, ["preview", "--json", "--non-interactive"])
    done = subprocess.run(  # noqa: S603
        line, env=dict(environment(engine, project, target)), capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = {}
    if done.returncode or "steps" not in found:
        said = (done.stderr.strip() or done.stdout.strip())[-500:]
        raise EngineError(Problem(f"pulumi preview ended with {done.returncode}: {said}"))
    return found


def drifted(steps: Iterable[Mapping[str, Any]], stack: StackChange) -> Iterator[ResourceChange]:
    """What the engine would do beyond what differs between the two revisions.

    Args:
        steps: as `pulumi preview --json` prints them.
    """
    expected = {(each.type, each.name) for workload in stack.workloads for each in workload.resources}
    seen = set()
    for step in steps:
        state = step.get("newState") or step.get("oldState") or {}
        key = (str(state.get("type", "")), str(step.get("urn", "")).rpartition("::")[2])
        change = _CHANGES.get(str(step.get("op")))
        if change is None or not state.get("custom") or key[0].startswith("pulumi:") or key in expected or key in seen:
            continue
        seen.add(key)
        paths = list(step.get("detailedDiff") or {})
        told = ", ".join([*paths[:_MOST_PATHS], *(["…"] if len(paths) > _MOST_PATHS else [])])
        yield ResourceChange(
            type=cut(key[0], 300), name=cut(key[1], 300), change=change,
            reason=cut(f"what is deployed is not as the base revision has it{f': {told}' if told else ''}"),
        )  # fmt: skip
