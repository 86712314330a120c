"""Why a workload is as it is: each setting, its value, and where it came from."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from handrail.components._definition import Prepared
from handrail.core.documents import display
from handrail.personas._persona import nouns
from handrail.personas._stack import StackPlan
from handrail.preview.model import settings


def show(plan: StackPlan, prepared: Prepared, console: Console, persona: str | None = None) -> None:
    """Print every setting of a workload, those that somebody wrote first."""
    context, component = plan.context, prepared.definition.name
    noun = nouns().get(persona or plan.persona, {}).get(component, component)
    console.print(Text.assemble((prepared.name, "bold"), f", {noun} of {context.team} in {context.environment}"))
    if plan.file:
        console.print(Text(f"file {display(plan.file)}", style="dim"))
    table = Table(box=None, pad_edge=False)
    for head in ("setting", "value", "where from"):
        table.add_column(head, header_style="dim", overflow="fold")
    for found in sorted(settings(prepared), key=lambda each: not each.chosen):
        style = "green" if found.chosen else ""
        where = f"line {found.line}" if found.line else found.source.removesuffix(f" of {component}")
        table.add_row(Text(found.path), Text(found.value, style=style), Text(where, style="dim"))
    console.print(table)
    for advisory in prepared.plan.advisories:
        console.print(Text(f"advisory  {advisory}", style="yellow"))
    for name, value in prepared.plan.outputs.items():
        console.print(Text(f"output    {name}: {value!s}", style="dim"))


def dumps(plan: StackPlan, prepared: Prepared) -> str:
    """The same as JSON."""
    found = {
        "workload": prepared.name,
        "component": prepared.definition.name,
        "stack": plan.context.stack,
        "settings": [asdict(each) for each in settings(prepared)],
        "advisories": list(prepared.plan.advisories),
        "outputs": dict(prepared.plan.outputs),
    }
    return json.dumps(found, indent=2)
