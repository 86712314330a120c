"""A report in a terminal: by workload, worst first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from handrail.preview import telling
from handrail.preview.report import Reached, Report, ResourceChange
from handrail.preview.risk import Risk
from handrail.preview.telling import Line, Told, Weight

_STYLES = {
    Risk.NONE: "dim", Risk.ROLLING_RESTART: "cyan", Risk.REPLACEMENT: "yellow", Risk.TRAFFIC: "yellow",
    Risk.DATA_LOSS: "bold red", Risk.SECURITY: "bold red",
}  # fmt: skip
_MOST_FIELDS = 4  # of one resource


def show(report: Report, console: Console) -> None:
    """Print what differs."""
    console.print(_text(f"Preview of {telling.revisions(report)}: {telling.title(report)}", "bold"))
    console.print(_text(telling.summary(report), "dim"))
    for part in _parts(report):
        console.print(part)
    console.print(_text(telling.completeness(report), "dim" if report.complete else "yellow"))


def _parts(report: Report) -> Iterator[RenderableType]:
    for stack in report.stacks:
        if stack.error:
            yield _text(f"\n{stack.stack}: could not be planned", "bold red")
            yield Padding(_text(stack.error), (0, 0, 0, 2))
    for each in telling.told(report):
        yield from _workload(each)
    yield from _money(report)
    if rows := [_drifted(stack, each) for stack, each in telling.drift(report)]:
        yield _text("\nWhat is deployed, and this does not touch", "bold")
        yield _grid(rows)
    if report.reach:
        yield _text(f"\nReaches {telling.counted(len(report.reach), 'stack')}, worst first", "bold")
        yield _grid([_reached(each) for each in report.reach])
    if report.contract_changes:
        yield _text("\nWhat this changes in the contract, which counts when it is merged", "bold")
        yield from (Syntax(_clean(each.diff), "diff", word_wrap=True) for each in report.contract_changes)
    for text in report.unseen:
        yield _text(f"not seen  {text}", "yellow")


def _drifted(stack: str, each: ResourceChange) -> list[Text]:
    name = _text(f"{telling.kind(each)} {each.name}")
    return [_text(stack), _text(str(each.change), "yellow"), name, _text(each.reason, "dim")]


def _reached(each: Reached) -> list[Text]:
    workloads = telling.counted(each.workloads, "workload")
    return [_text(each.stack), _text(str(each.risk), _STYLES[each.risk]), _text(workloads, "dim")]


def _workload(each: Told) -> Iterator[RenderableType]:
    workload = each.workload
    yield Text.assemble("\n", (_clean(workload.name), "bold"), ("  " + _clean(each.head), "cyan"))
    lines: list[RenderableType] = [_text(workload.sentence)]
    risky, others = telling.telling(workload)
    if risky:
        lines.append(_grid(row for resource in risky for row in _resource(resource)))
    if others:
        lines.append(_text(f"{telling.counted(others, 'more resource')} without a risk", "dim"))
    lines += [_text(f"+ finding  {telling.finding(found)}", "red") for found in workload.findings_appear]
    lines += [_text(f"           do: {found.remedy}", "dim") for found in workload.findings_appear[:1] if found.remedy]
    lines += [_text(f"- finding  {telling.finding(found)}", "green") for found in workload.findings_disappear]
    lines += [_text(text, "yellow") for text in telling.waivers(workload)]
    yield from (Padding(line, (0, 0, 0, 2)) for line in lines)


def _resource(resource: ResourceChange) -> Iterator[list[Text]]:
    name = _text(f"{telling.kind(resource)} {resource.name}")
    yield [_text(str(resource.risk), _STYLES[resource.risk]), name, _text(resource.reason, "dim")]
    for field in resource.fields[:_MOST_FIELDS]:
        yield [Text(), _text(f"  {field.path}", "dim"), _text(f"{_value(field.before)} → {_value(field.after)}", "dim")]
    more = len(resource.fields) - _MOST_FIELDS + resource.more_fields
    if more > 0:
        yield [Text(), _text(f"  {telling.counted(more, 'more field')}", "dim"), Text()]


def _value(text: str | None) -> str:
    return "nothing" if text is None else text


def _money(report: Report) -> Iterator[RenderableType]:
    rows = [row for names, lines in telling.costs(report) for row in _priced(names, lines)]
    if rows:
        yield _text("\nCost and quota", "bold")
        yield _grid(rows)


def _priced(names: str, lines: tuple[Line, ...]) -> Iterator[list[Text]]:
    styles = {Weight.OVER: "bold red", Weight.MAY: "yellow", Weight.PLAIN: ""}
    for index, line in enumerate(lines):
        yield [_text("" if index else names), _text(line.text, styles[line.weight])]


def _grid(rows: Iterator[list[Text]] | list[list[Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def _text(text: str, style: str = "") -> Text:
    return Text(_clean(text), style=style)


def _clean(text: str) -> str:
    """Without what would steer a terminal."""
    return "".join(each if each.isprintable() or each in "\n" else " " for each in text)
