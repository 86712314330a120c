"""A preview as a tree in a terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from handrail.preview.model import Group as Workload
from handrail.preview.model import Preview


def show(preview: Preview, console: Console) -> None:
    """Print `preview`."""
    head = Text(preview.stack, style="bold")
    for label, text in preview.about.items():
        head.append(f"\n{label} {text}", style="dim")
    tree = Tree(head)
    for workload in preview.groups:
        tree.add(_workload(workload))
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


def _workload(workload: Workload) -> Tree:
    head = Text(workload.name, style="bold")
    head.append(f"  {workload.component}", style="cyan")
    if url := workload.outputs.get("url"):
        head.append(f"  {url}", style="dim")
    table = Table.grid(padding=(0, 2))
    for setting in workload.settings:
        if setting.chosen:
            source = f"line {setting.line}" if setting.line else setting.source
            table.add_row(Text(setting.path), Text(setting.value, style="green"), Text(source, style="dim"))
    defaults = sum(1 for setting in workload.settings if not setting.chosen)
    if defaults:
        table.add_row(Text(f"{defaults} more", style="dim"), Text("as by default", style="dim"))
    tree = Tree(Group(head, table) if workload.settings else head)
    # a component's own resources are named after it, so that their kinds say enough
    own = [item.kind for item in workload.items if item.name.startswith(f"{workload.name}-")]
    if own:
        tree.add(Text(", ".join(own)))
    for item in workload.items:
        if not item.name.startswith(f"{workload.name}-"):
            tree.add(Text(f"{item.kind} {item.name}"))
    return tree


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
