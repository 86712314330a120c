"""A report in the formats that people, CI systems and code hosts read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from handrail.check.model import Checked, Report, State
from handrail.core.errors import Position

_LEVELS: Mapping[State, str] = {
    State.REFUSED: "error", State.ADVISORY: "warning", State.WAIVED: "note", State.BASELINE: "note",
    State.UNDECIDED: "note",
}  # fmt: skip
_COMMANDS: Mapping[State, str] = {State.REFUSED: "error", State.ADVISORY: "warning"}
"""GitHub's annotations; everything else is a notice."""


def text(report: Report) -> str:
    """For a terminal: what is refused whole, everything else a line each."""
    blocks = [_block(each) for each in report.of(State.REFUSED)]
    blocks += [str(fault) for fault in report.faults]
    lines = [
        f"{each.state}  {_place(each)}: {each.finding.remark}"
        for state in (State.ADVISORY, State.WAIVED, State.BASELINE, State.UNDECIDED)
        for each in report.of(state)
    ]
    lines += [f"not seen  {each}" for each in report.unseen]
    if report.changes:
        lines += ["", "What this changes in the contract, which counts when it is merged:"]
        lines += [each.diff for each in report.changes]
    return _clean("\n".join([*blocks, *lines, summary(report), *_more(report)]))


def summary(report: Report) -> str:
    """How many resources, and how many findings of each state."""
    counts = {state: len(report.of(state)) for state in State}
    found = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nothing found"
    number = len(report.faults)
    faults = f"; {number} fault{'s' * (number > 1)} in waivers and standards" if number else ""
    return f"{report.resources} resources {report.about}: {found}{faults}"


def _more(report: Report) -> Iterator[str]:
    """The command that says more of the first finding in a team's own file or program."""
    for each in report.of(*State):
        if each.where and each.where.file != each.source:
            yield f"handrail why finding/{each.finding.standard}/{each.finding.workload} says why, and who may waive it"
            return


def _block(each: Checked) -> str:
    return f"{_place(each)}: {each.finding}"


def _place(each: Checked) -> str:
    return str(each.where) if each.where else each.source


def as_json(report: Report) -> str:
    """For programs."""
    return json.dumps(
        {
            "resources": report.resources,
            "about": report.about,
            "findings": [_plain(each) for each in report.checked],
            "waivers": [str(fault) for fault in report.faults],
            "unseen": list(report.unseen),
            "contract_changes": [{"file": each.file, "diff": each.diff} for each in report.changes],
        },
        indent=2,
    )


def _plain(each: Checked) -> dict[str, Any]:
    finding = each.finding
    return {
        "state": str(each.state),
        "standard": finding.standard,
        "severity": str(finding.severity),
        "verdict": str(finding.verdict),
        "workload": finding.workload,
        "resource": finding.resource,
        "path": finding.path,
        "message": finding.message,
        "given": finding.given,
        "remedy": finding.remedy,
        "waiver": finding.waiver,
        "source": each.source,
        **({"file": each.where.file, "line": each.where.line, "column": each.where.column} if each.where else {}),
    }


def sarif(report: Report) -> str:
    """SARIF 2.1.0, for code scanning."""
    rules = {each.finding.standard: each.finding for each in report.checked}
    run = {
        "tool": {"driver": {"name": "handrail", "rules": [{"id": name} for name in sorted(rules)]}},
        "results": [_result(each) for each in report.checked],
    }
    return json.dumps(
        {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}, indent=2
    )


def _result(each: Checked) -> dict[str, Any]:
    finding = each.finding
    said = f"{finding.resource}: {finding.path}: {finding.message}" + (f"; {finding.remedy}" if finding.remedy else "")
    file = each.where.file if each.where else each.source
    place: dict[str, Any] = {"artifactLocation": {"uri": file}}
    if each.where:
        place["region"] = {"startLine": each.where.line, "startColumn": each.where.column}
    suppressed = {State.WAIVED: finding.waiver, State.BASELINE: "it is in the baseline"}.get(each.state)
    return {
        "ruleId": finding.standard,
        "level": _LEVELS[each.state],
        "message": {"text": said},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"handrail/v1": "/".join(each.key)},
        **({"suppressions": [{"kind": "external", "justification": suppressed}]} if suppressed else {}),
    }


def junit(report: Report) -> str:
    """JUnit's XML: a test case for each finding; what is refused is a failure, all else is skipped with its reason."""
    from xml.etree import ElementTree  # of one format alone

    suite = ElementTree.Element("testsuite", name="handrail check", tests=str(len(report.checked) or 1))
    suite.set("failures", str(len(report.of(State.REFUSED))))
    for each in report.checked:
        finding = each.finding
        case = ElementTree.SubElement(
            suite, "testcase", classname=finding.standard, name=_clean(f"{_place(each)} {finding.resource}")
        )
        if each.state is State.REFUSED:
            ElementTree.SubElement(case, "failure", message=_clean(finding.message)).text = _clean(_block(each))
        else:
            ElementTree.SubElement(case, "skipped", message=_clean(f"{each.state}: {finding.message}"))
    if not report.checked:
        ElementTree.SubElement(suite, "testcase", classname="handrail", name=_clean(summary(report)))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


def _clean(value: str) -> str:
    """Without what XML cannot hold, and what would steer a terminal."""
    return "\n".join(line if line.isprintable() else "".join(filter(_kept, line)) for line in value.split("\n"))


def _kept(character: str) -> bool:
    return character.isprintable() or character == "\t"


def github(report: Report) -> str:
    """GitHub's workflow commands: an annotation at each line."""
    changed = (
        f"::notice file={_property(each.file)}::{_data('this changes the contract, and counts when it is merged')}"
        for each in report.changes
    )
    return "\n".join([*_annotations(report), *changed, summary(report).replace("::", ": :")])


def _annotations(report: Report) -> Iterator[str]:
    for each in report.checked:
        finding = each.finding
        command = _COMMANDS.get(each.state, "notice")
        where = each.where or Position(each.source, 1)
        place = f"file={_property(where.file)},line={where.line},col={where.column}" if each.where else ""
        title = _property(f"{finding.standard} ({each.state})")
        said = f"{finding.resource}: {finding.message}" + (f"\n{finding.remedy}" if finding.remedy else "")
        yield f"::{command} {place}{',' if place else ''}title={title}::{_data(said)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "text": text, "json": as_json, "sarif": sarif, "junit": junit, "github": github,
}  # fmt: skip
"""By the word that `--format` takes."""
