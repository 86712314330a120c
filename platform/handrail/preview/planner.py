"""The process that plans one revision: `python -P -m handrail.preview.planner`.

It reads a Request as JSON from its standard input and writes a line of JSON for each stack to its standard output,
after one that tells its protocol. It has no credential, no network, and bounded memory; stacks of workloads.yaml are
planned without Pulumi, all other programs through the recorder.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from handrail.components._definition import Prepared, setting
from handrail.core.errors import HandrailError
from handrail.core.models import Model
from handrail.core.project import Project
from handrail.core.resources import Given, Resource, Token, replace_leaves
from handrail.organisation import read_context
from handrail.personas._stack import is_plain, plan_stack
from handrail.preview.model import Item, Preview, from_record
from handrail.preview.planned import PROTOCOL, Planned, Request, Workload, written
from handrail.preview.read import record_stack
from handrail.recorder import SECRET, UNKNOWN
from handrail.recorder._child import limits, private

_HIDDEN = frozenset({SECRET, UNKNOWN})


def main() -> None:
    """Plan what the request asks for, and end."""
    request = Request(**json.loads(sys.stdin.buffer.read()))
    limits.die_with_parent(request.parent)
    with _answers() as answers:
        print(json.dumps({"protocol": PROTOCOL}), file=answers, flush=True)
        private.shut(map(Path, request.homes), map(Path, request.places), [Path(request.root)])
        limits.refuse_network(lambda _: None)
        limits.bound_memory(request.memory)
        _plan(request, answers)
        print(json.dumps({"end": True}), file=answers, flush=True)


def _answers() -> IO[str]:
    """Standard output, which nothing else writes to from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _plan(request: Request, answers: IO[str]) -> None:
    try:
        project = Project.read(Path(request.root) / "Pulumi.yaml")
    except HandrailError as error:
        for stack in request.stacks:
            print(Planned(stack, error=str(error)).dumps(), file=answers)
        return
    if not (project.python and project.python.is_file()):
        project = replace(project, python=Path(request.python))
    plain = is_plain(project.program)
    with ThreadPoolExecutor(1 if plain else request.at_once) as pool:
        for found in pool.map(lambda stack: planned(project, stack, plain=plain), request.stacks):
            print(found.dumps(), file=answers, flush=True)


def planned(project: Project, stack: str, *, plain: bool) -> Planned:
    """What a stack registers; what is wrong with it is its error."""
    try:
        return (_planned if plain else _recorded)(project, stack)
    except HandrailError as error:
        return Planned(stack, error=str(error))


def _planned(project: Project, stack: str) -> Planned:
    plan = plan_stack(project.stack(stack).config, root=project.root, stack=stack, refuses=False)
    context = plan.context
    return Planned(
        stack, team=context.team, environment=context.environment, tier=str(context.settings.tier),
        persona=plan.persona, organisation=str(context.directory) if context.directory else None,
        workloads=tuple(
            Workload(each.name, each.definition.name, _settings(each), written(list(each.plan.resources)))
            for each in plan.prepared
        ),
    )  # fmt: skip


def _settings(prepared: Prepared) -> dict[str, Any]:
    """Every setting by its dotted path, those that were reckoned as well."""
    derived = {path: plain(found.value) for path, found in prepared.plan.derived.items()}
    return {path: plain(setting(prepared.workload.spec, path)) for path in prepared.sources} | derived


def plain(value: Any) -> Any:
    """A setting as plain data, in the units that people write."""
    if isinstance(value, Token):
        return str(UNKNOWN)
    if isinstance(value, Model):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value if value is None or type(value) in (bool, int, float, str) else str(value)


def _recorded(project: Project, stack: str) -> Planned:
    config = project.stack(stack).config
    found = Planned(stack)
    if "handrail:organisation" in config:
        context = read_context(config, root=project.root, stack=stack)
        found = replace(
            found, team=context.team, environment=context.environment, tier=str(context.settings.tier),
            persona=context.owner.persona, organisation=str(context.directory) if context.directory else None,
        )  # fmt: skip
    preview = from_record(record_stack(project, stack))
    return replace(found, workloads=tuple(_groups(preview)), unseen=preview.unseen)


def _groups(preview: Preview) -> list[Workload]:
    return [
        Workload(group.name, group.component, {}, written([_resource(item) for item in group.items]))
        for group in preview.groups
    ]


def _resource(item: Item) -> Resource:
    return Resource(item.name, item.type, replace_leaves(item.inputs, _known), aliases=item.aliases)


def _known(leaf: Any) -> Any:
    return Given(None) if isinstance(leaf, str) and leaf in _HIDDEN else leaf


if __name__ == "__main__":
    main()
