"""A preview as a tree in a terminal, in the words of a persona."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from handrail.personas._persona import nouns, personas
from handrail.preview.model import Group as Workload
from handrail.preview.model import Preview


def show(preview: Preview, console: Console, persona: str | None = None) -> None:
    """Print `preview` in the words of `persona`, by default of the one that the stack's file is in.

    Whoever is no persona, as the platform engineer, reads Kubernetes' own words.
    """
    persona = persona or preview.persona
    head = Text(preview.stack, style="bold")
    for label, text in preview.about.items():
        head.append(f"\n{label} {text}", style="dim")
    tree = Tree(head)
    for workload in preview.groups:
        tree.add(_workload(workload, persona))
    console.print(tree)
    advisories = [f"{workload.name}: {text}" for workload in preview.groups for text in workload.advisories]
    for advisory in (*advisories, *preview.warnings):
        console.print(Text(f"advisory  {advisory}", style="yellow"))
    for unseen in preview.unseen:
        console.print(Text(f"not seen  {unseen}", style="yellow"))
    components = sum(1 for workload in preview.groups if workload.component)
    complete = "complete" if not preview.unseen else f"incomplete: {len(preview.unseen)} not seen"
    console.print(
        f"{components} {_plural('component', components)}, {preview.resources} resources; {complete}", style="dim"
    )


def _workload(workload: Workload, persona: str) -> Tree:
    head = Text(workload.name, style="bold")
    head.append(f"  {nouns().get(persona, {}).get(workload.component, workload.component)}", style="cyan")
    if url := workload.outputs.get("url"):
        head.append(f"  {url}", style="dim")
    table = Table.grid(padding=(0, 2))
    for setting in workload.settings:
        if setting.chosen:
            source = f"line {setting.line}" if setting.line else setting.source
            table.add_row(Text(setting.path), Text(setting.value, style="green"), Text(source, style="dim"))
    others = sum(1 for setting in workload.settings if not setting.chosen)
    if others:
        table.add_row(Text(f"{others} more", style="dim"), Text(f"handrail why {workload.name}", style="dim"))
    tree = Tree(Group(head, table) if workload.settings else head)
    known = personas().get(persona)
    for line in _parts(workload, known.parts if known else None):
        tree.add(Text(line))
    return tree


def _parts(workload: Workload, words: Mapping[str, str] | None) -> list[str]:
    """What the workload is made of: in the persona's words and a number for the rest, or kind by kind."""
    # a component's own resources are named after it, so that their kinds say enough
    prefix = f"{workload.name}-"
    own = [item for item in workload.items if item.name.startswith(prefix)]
    foreign = [f"{item.kind} {item.name}" for item in workload.items if not item.name.startswith(prefix)]
    if words is None:
        return [", ".join(item.kind for item in own), *foreign] if own else foreign
    roles = [item.name.removeprefix(prefix) for item in own]
    named = list(dict.fromkeys(words[role] for role in roles if role in words))
    rest = sum(1 for role in roles if role not in words)
    also = [f"{rest} more that the platform adds"] if rest else []
    return [", ".join([*named, *also]), *foreign] if own else foreign


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
