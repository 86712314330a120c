"""A report as one comment on a pull request.

Nothing in it is markup but what stands here: whatever a pull request wrote is escaped, so that it formats nothing,
calls nobody, links nowhere and is no command of GitHub's or GitLab's. It always fits into one comment: what is worst
is told first, and what does not fit is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from handrail.preview import telling
from handrail.preview.report import FieldChange, Report, ResourceChange, StackChange
from handrail.preview.risk import Risk
from handrail.preview.telling import Told, Weight, counted

MARKER = "<!-- handrail-preview -->"
"""The first line, by which the comment is found again and updated in place."""
MOST = 65_536
"""The most characters that GitHub takes for a comment, counted as UTF-16, which is never fewer."""
_SPARE = 1_000
_HEAD, _FAILED, _MONEY, _REACH, _CONTRACT = 6_000, 6_000, 6_000, 4_000, 12_000  # characters of the sections
_MEANS = re.compile(r"[!-+/:-@\[-^`{-~]|(?<![^\W_])[_.-]|[_.-](?![^\W_])|(?i:(?<=www)\.)")
"""ASCII's signs, but a comma, and but those within a word as in 2.7.1 or my-service."""
_MOST_FIELDS = 20
_MARKS = {
    Risk.NONE: "⚪", Risk.ROLLING_RESTART: "🔵", Risk.REPLACEMENT: "🟡", Risk.TRAFFIC: "🟠", Risk.DATA_LOSS: "🔴",
    Risk.SECURITY: "🔴",
}  # fmt: skip


def render(report: Report) -> str:
    """The comment, at most MOST characters."""
    head = _fitted(list(_head(report)), _HEAD, "line")
    failed = _fitted([_failed(stack) for stack in report.stacks if stack.error], _FAILED, "stack that failed")
    money = _table("cost and quota", ("", "before and after"), list(_money(report)), _MONEY)
    drift = _table("drift", ("stack", "resource", "at up", "why"), list(_drift(report)), _MONEY)
    reach = _table("reached", ("stack", "risk", "workloads"), list(_reach(report)), _REACH)
    contract = _fitted([_diff(each.file, each.diff) for each in report.contract_changes], _CONTRACT, "file")
    if contract:
        contract = f"\n#### What this changes in the contract, which counts when it is merged\n\n{contract}"
    if reach:
        reach = f"\n#### Reaches {counted(len(report.reach), 'stack')}, worst first\n\n{reach}"
    if drift:
        drift = f"\n#### What is deployed, and this does not touch\n\n{drift}"
    if money:
        money = f"\n#### Cost and quota\n\n{money}"
    left = MOST - _SPARE - sum(map(size, (head, failed, money, drift, reach, contract)))
    return f"{MARKER}\n{head}{failed}{_workloads(telling.told(report), left)}{money}{drift}{reach}{contract}"


def _head(report: Report) -> Iterator[str]:
    yield f"### Preview: {plain(telling.title(report))}\n\n"
    yield f"{plain(telling.revisions(report))}. {plain(telling.summary(report))}\n\n"
    yield f"{'✅' if report.complete else '⚠️'} {plain(telling.completeness(report))}\n\n"
    for text in report.unseen[:20]:
        yield f"- not seen: {plain(text, 300)}\n"
    if (more := len(report.unseen) - 20 + report.more_unseen) > 0:
        yield f"- and {counted(more, 'more')} not seen\n"


def _failed(stack: StackChange) -> str:
    return f"\n#### 🔴 {plain(stack.stack)} could not be planned\n\n{_fence(stack.error or '', '', 3_000)}\n"


def _workloads(found: Sequence[Told], most: int) -> str:
    """Each workload whole while there is room, then in a line, then counted."""
    texts: list[str] = []
    left = most
    lines = [_line(each) for each in found]
    waiting = sum(size(line) for line in lines)
    for index, each in enumerate(found):
        waiting -= size(lines[index])
        whole = _whole(each)
        # room is kept for a line of each that comes after, as far as there is any
        text = whole if size(whole) <= left - min(waiting, left // 2) else lines[index]
        if size(text) > left:
            texts.append(f"\n{counted(len(found) - index, 'more change')} of workloads, of lesser risk.\n")
            break
        texts.append(text)
        left -= size(text)
    return "".join(texts)


def _line(each: Told) -> str:
    workload = each.workload
    appear = f", {counted(len(workload.findings_appear), 'new finding')}" if workload.findings_appear else ""
    head = f"{_MARKS[workload.risk]} **{plain(workload.name, 80)}** {plain(each.head, 160)}"
    return f"\n- {head}: {plain(workload.sentence, 160)} ({workload.risk}{appear})\n"


def _whole(each: Told) -> str:
    workload = each.workload
    parts = [
        f"\n#### {_MARKS[workload.risk]} {plain(workload.name)} ({plain(each.head, 400)})\n\n",
        f"{plain(workload.sentence)}\n\n",
    ]
    risky, others = telling.telling(workload)
    rows = [
        (str(one.risk), f"{plain(telling.kind(one))} {plain(one.name)} ({one.change})", plain(one.reason, 400))
        for one in risky
    ]
    parts.append(_table("resources", ("risk", "resource", "why"), rows, 12_000))
    if others:
        parts.append(f"\n{counted(others, 'more resource')} without a risk.\n")
    parts += [f"\n- 🔴 finding {plain(telling.finding(one))}{_remedy(one.remedy)}" for one in workload.findings_appear]
    parts += [f"\n- ✅ no longer: {plain(telling.finding(one))}" for one in workload.findings_disappear]
    parts += [f"\n- ⚠️ {plain(text)}" for text in telling.waivers(workload)]
    parts.append(_fields(workload.resources))
    return "".join(parts) + "\n"


def _remedy(text: str) -> str:
    return f"; do: {plain(text, 300)}" if text else ""


def _fields(resources: Iterable[ResourceChange]) -> str:
    """What differs, folded."""
    found = [(one, field) for one in resources for field in one.fields]
    if not found:
        return ""
    rows = [_field(one, field) for one, field in found[:_MOST_FIELDS]]
    table = _table("fields", ("resource", "field", "before", "after"), rows, 8_000)
    more = len(found) - len(rows) + sum(one.more_fields for one in resources)
    rest = f"\n{counted(more, 'more field')}.\n" if more else ""
    total = counted(len(found) + more - (len(found) - len(rows)), "field")
    return f"\n\n<details><summary>{total}</summary>\n\n{table}{rest}\n</details>\n"


def _field(resource: ResourceChange, field: FieldChange) -> tuple[str, ...]:
    values = ("nothing" if value is None else plain(value, 200) for value in (field.before, field.after))
    return (plain(telling.kind(resource)), plain(field.path, 200), *values)


def _money(report: Report) -> Iterator[tuple[str, ...]]:
    marks = {Weight.OVER: "🔴 ", Weight.MAY: "⚠️ ", Weight.PLAIN: ""}
    for names, lines in telling.costs(report):
        for index, line in enumerate(lines):
            yield "" if index else plain(names), f"{marks[line.weight]}{plain(line.text)}"


def _reach(report: Report) -> Iterator[tuple[str, ...]]:
    for each in report.reach:
        yield plain(each.stack), f"{_MARKS[each.risk]} {each.risk}", str(each.workloads)


def _drift(report: Report) -> Iterator[tuple[str, ...]]:
    for stack, each in telling.drift(report):
        yield plain(stack), f"{plain(telling.kind(each))} {plain(each.name)}", str(each.change), plain(each.reason, 300)


def _diff(file: str, diff: str) -> str:
    return f"<details open><summary>{plain(file)}</summary>\n\n{_fence(diff, 'diff', 8_000)}\n</details>\n\n"


def _table(what: str, head: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |\n" for row in rows]
    bar = f"| {' | '.join(head)} |\n|{' --- |' * len(head)}\n"
    return bar + _fitted(lines, most, f"more row of {what}", lambda text: f"\n{text}\n")


def _fitted(parts: Sequence[str], most: int, noun: str, last: Callable[[str], str] = "{}\n\n".format) -> str:
    """As many of some parts as fit, and how many do not."""
    kept: list[str] = []
    left = most
    for index, part in enumerate(parts):
        left -= size(part)
        if left < 0:
            kept.append(last(f"And {counted(len(parts) - index, noun)} that did not fit."))
            break
        kept.append(part)
    return "".join(kept)


def size(text: str) -> int:
    """How long GitHub may take a text to be."""
    return len(text.encode("utf-16-le")) // 2


def plain(text: str, most: int = 600) -> str:
    """A foreign text that is nothing but text, in one line.

    Every sign that may mean something in Markdown or HTML becomes a character reference, which Markdown reads as
    text. What is looked for in the text that comes of it, mentions and references to issues, is parted by a space of
    no width.
    """
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return _MEANS.sub(lambda sign: f"&#{ord(sign[0])};" + ("&#8203;" if sign[0] in "@#" else ""), line)


def _fence(text: str, language: str, most: int) -> str:
    """A foreign text of several lines as code, behind a fence that it cannot close."""
    clean = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    clean = clean if len(clean) <= most else clean[:most] + "\n… and more"
    clean = clean.replace("::", ":\u200b:")  # no command of a CI system's, wherever this is printed
    longest = max((len(run) for run in re.findall("`+", clean)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{clean}\n{fence}\n"
