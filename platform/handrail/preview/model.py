"""A preview as data: a stack's workloads, their settings with the source of each, and the resources behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handrail.components._definition import Prepared, setting
from handrail.core.documents import display
from handrail.core.resources import Token
from handrail.personas._stack import PLATFORM, StackPlan

if TYPE_CHECKING:
    from handrail.recorder import Record, Registration


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a workload: its dotted path, its value as text, where it came from, and whether someone chose it.

    `line` is its line in the stack's own file, where it stands there.
    """

    path: str
    value: str
    source: str
    chosen: bool
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One resource: its kind, its Pulumi name, its inputs, the Pulumi names that it had before."""

    kind: str
    name: str
    type: str
    inputs: Any
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A component and what it registers; `component` is empty for what stands under no component."""

    name: str
    component: str
    settings: tuple[Setting, ...] = ()
    items: tuple[Item, ...] = ()
    outputs: dict[str, Any] = field(default_factory=dict)
    advisories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a stack would register.

    Args:
        stack: its name.
        origin: `plan`, or `recorded` for a program that had to be run.
        about: what it is deployed into, as label → text.
        groups: in the order of the file or the program.
        unseen: what could not be seen; the preview is complete when there is none.
        warnings: what a recorded program warned of.
        persona: whose words the stack's file is in.
    """

    stack: str
    origin: str
    about: dict[str, str]
    groups: tuple[Group, ...]
    unseen: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    persona: str = PLATFORM

    @property
    def resources(self) -> int:
        """How many resources, components not counted."""
        return sum(len(group.items) for group in self.groups)


def from_plan(plan: StackPlan) -> Preview:
    """The preview of a planned stack."""
    context = plan.context
    cluster = context.cluster
    target = (
        f"rendered below {cluster.render}/{context.stack}"
        if cluster.render
        else f"kubeconfig context {cluster.context}"
    )
    about = {
        "team": context.team,
        "environment": f"{context.environment} ({context.settings.tier})",
        "cluster": f"{context.settings.cluster}, {target}",
        **({"file": display(plan.file)} if plan.file else {}),
    }
    groups = tuple(_group(prepared) for prepared in plan.prepared)
    return Preview(context.stack, "plan", about, groups, persona=plan.persona)


def _group(prepared: Prepared) -> Group:
    plan = prepared.plan
    items = tuple(Item(resource.kind, resource.name, resource.type, resource.inputs) for resource in plan.resources)
    found = tuple(settings(prepared))
    advisories = (*plan.advisories, *(finding.remark for finding in prepared.findings))
    return Group(prepared.name, prepared.definition.name, found, items, dict(plan.outputs), advisories)


def settings(prepared: Prepared) -> Iterator[Setting]:
    """Every setting of a component, with its value and where it came from; those that were reckoned last."""
    derived = prepared.plan.derived
    for path, source in prepared.sources.items():
        if path not in derived:
            line = source.where.line if source.where else None
            yield Setting(path, _text(setting(prepared.workload.spec, path)), str(source), source.chosen, line)
    for path, found in derived.items():
        yield Setting(path, found.value, f"follows: {found.reason}", chosen=False)


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, Token):
        return "known at up"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value) or "none"
    return str(value)


def from_record(record: Record) -> Preview:
    """The preview of a recorded program, grouped by its outermost components."""
    by_urn = {registration.urn: registration for registration in record.registrations}

    def top(registration: Registration) -> str | None:
        """The URN of the outermost component that `registration` stands under, itself included."""
        found = None if registration.custom else registration.urn
        while (parent := by_urn.get(registration.parent)) is not None:
            if not parent.custom and parent.type != "pulumi:pulumi:Stack":
                found = parent.urn
            registration = parent
        return found

    members: dict[str | None, list[Registration]] = {}
    for registration in record.registrations:
        if registration.type != "pulumi:pulumi:Stack":
            members.setdefault(top(registration), []).append(registration)
    groups = tuple(_recorded_group(by_urn.get(urn or ""), found) for urn, found in members.items())
    about = {"project": record.project}
    unseen = tuple(" ".join(part for part in (found.kind, found.what, found.where) if part) for found in record.unseen)
    warnings = tuple(message.message for message in record.messages if message.level != "info")
    return Preview(record.stack, "recorded", about, groups, unseen, warnings)


def _recorded_group(component: Registration | None, members: Iterable[Registration]) -> Group:
    items = tuple(
        Item(m.type.rpartition(":")[2], m.name, m.type, m.inputs, tuple(_names(m.aliases))) for m in members if m.custom
    )
    if component is None:
        return Group("outside any component", "", items=items)
    return Group(component.name, component.type.rpartition(":")[2], items=items)


def _names(aliases: Iterable[str | Mapping[str, Any]]) -> Iterator[str]:
    for alias in aliases:
        name = alias.rpartition("::")[2] if isinstance(alias, str) else alias.get("name")
        if name:
            yield str(name)
