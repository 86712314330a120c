"""The contract for people: what holds, why, by what example, who waives it, and what is let pass at the moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from handrail.core.clock import now
from handrail.core.documents import undotted
from handrail.organisation import Tier
from handrail.standards import Verdict
from handrail.standards._fields import ABSENT, read_one
from handrail.standards.admission import why_not
from handrail.standards.evidence import Subject
from handrail.standards.examples import Case, cases
from handrail.standards.rules import COMPARING, RULES
from handrail.standards.standard import Standard
from handrail.standards.waivers import SOON, Waiver, Waivers, waivable_days


def doors(standard: Standard) -> dict[str, str]:
    """Where a standard holds: each door, and what there is to say of it."""
    if standard.clause.python in COMPARING:
        promote = {"handrail promote": "compares with what the environment serves, before the pin is written"}
        return {**promote, "handrail check": "no: it compares nothing with what is released"}
    kubernetes = any(token.startswith("kubernetes:") for token in standard.types)
    reason = why_not(standard)
    return {
        "components": "before anything is registered" if kubernetes else "no component makes such resources",
        "policy pack": "pulumi preview, pulumi up" if standard.clause.rule else "at the end of a preview or an update",
        "handrail check": "yes",
        "admission": f"no: {reason}" if reason else "ValidatingAdmissionPolicy",
    }


def listed(standards: Iterable[Standard]) -> Table:
    """A line for each standard."""
    table = Table("standard", "severity", "tiers", "what holds", box=None, pad_edge=False)
    for each in standards:
        tiers = "all" if set(each.tiers) == set(Tier) else ", ".join(each.tiers) or "none"
        table.add_row(each.id, str(each.severity), tiers, each.clause.title)
    return table


def shown(standard: Standard) -> RenderableType:
    """All that a person needs to know of a standard."""
    clause = standard.clause
    title = Text(f"{standard.id}: {clause.title}", style="bold")
    parts: list[RenderableType] = [title, Text(clause.why), Text(""), _facts(standard)]
    if clause.rule:
        names = "".join(f"{name}: {text}\n" for name, text in clause.variables.items())
        parts += [Text("\nrule", style="bold"), Syntax(f"{names}{clause.rule}", "javascript", word_wrap=True)]
    else:
        parts += [Text("\nrule", style="bold"), Text(finds(standard))]
    for verdict in (Verdict.VIOLATION, Verdict.COMPLIANT):
        case = next(each for each in cases(standard) if each.example.verdict is verdict)
        word = "fails" if verdict is Verdict.VIOLATION else "passes"
        parts += [Text(f"\n{word}: {case.name}", style="bold"), Syntax(written(case), "yaml", word_wrap=True)]
    return Group(*parts)


def finds(standard: Standard) -> str:
    """What the function of a standard without an expression finds."""
    said = " ".join((RULES[standard.clause.python or ""].__doc__ or "").partition("\n\n")[0].split())
    return f"a function finds {said[0].lower()}{said[1:]}"


def written(case: Case) -> str:
    """What an example says, as YAML; one that says nothing is a small sound manifest, of which the part that counts."""
    import yaml

    example = case.example
    said = {word: value for word in ("object", "pod", "container", "beside") if (value := getattr(example, word))}
    plain: Any = {word: list(value) if isinstance(value, tuple) else value for word, value in said.items()}
    return str(yaml.safe_dump(plain or _part(case), sort_keys=False))


def _part(case: Case) -> dict[str, Any]:
    """What stands where the standard looks; the whole manifest where that is not in it."""
    resource = case.resources[0]
    path = tuple(part for part in undotted(case.standard.path_in(Subject(resource))) if isinstance(part, str))
    _, value = read_one(resource.inputs, path)
    if not path or value is ABSENT:
        return dict(resource.inputs)
    for part in reversed(path):
        value = {part: value}
    return dict(value)


def request(standard: str, workload: str = "<team>/<workload>", environment: str = "prod") -> str:
    """The entry that asks for a waiver, to be filled in."""
    return f"""\
waivers:
  - id: <a name of its own>
    standard: {standard}
    workload: {workload}
    environment: {environment}
    reason: <why it cannot be mended yet>
    owner: <who mends it, of the workload's team>
    approver: <who lets it pass>
    granted: <today, as 2026-03-01>
    expires: <the first day on which it holds no more>
    compensating_control: <what holds the risk down until then>
"""


def _facts(standard: Standard) -> Table:
    clause = standard.clause
    table = Table.grid(padding=(0, 2))
    by = ", ".join(clause.waived_by)
    days = waivable_days(standard)
    params = {name: f"{value} ({clause.params[name].description})" for name, value in standard.params.items()}
    how = f"an entry in waivers.yaml beside organisation.yaml, at most {days} days" if days else ""
    rows: dict[str, str] = {
        "severity": str(standard.severity),
        "holds in": ", ".join(standard.tiers) or "no tier",
        "about": ", ".join(clause.components) or "any workload",
        "resources": ", ".join(clause.resources),
        "do": clause.remedy_for(None),
        "decides": clause.owner,
        "waived by": f"a member of {by}: {how}" if how else "nobody",
        **{f"parameter {name}": said for name, said in params.items()},
        **{f"at {door}" if door != "handrail check" else door: text for door, text in doors(standard).items()},
        "read": clause.docs,
    }
    for label, text in rows.items():
        table.add_row(Text(label, style="dim"), Text(text))
    return table


def plain(standard: Standard) -> dict[str, Any]:
    """A standard for programs."""
    clause = standard.clause
    return {
        "id": standard.id, "title": clause.title, "why": clause.why, "owner": clause.owner,
        "waived_by": list(clause.waived_by), "severity": str(standard.severity),
        "tiers": list(map(str, standard.tiers)),
        "components": list(clause.components), "resources": list(clause.resources), "params": dict(standard.params),
        "rule": clause.rule, "remedy": clause.remedy_for(None), "docs": clause.docs, "own": standard.own,
        "doors": doors(standard),
    }  # fmt: skip


def debt(waivers: Waivers, budget: int | None) -> RenderableType:
    """What is let pass: how much, how old, what ends soon, whose."""
    held = sorted(waivers.held, key=lambda each: each.expires)
    soon = sum(each.days_left < SOON for each in held)
    allowed = f" of {budget} allowed" if budget is not None else ""
    oldest = f", the oldest of {max(map(_age, held))} days" if held else ""
    count = "1 waiver" if len(held) == 1 else f"{len(held)} waivers"
    lines = [Text(f"{count}{allowed}{oldest}; {soon} to end within {SOON} days", style="bold")]
    for each in held:
        head = f"{each.id}: {each.standard}, {each.workload} in {each.environment}"
        until = f"until {each.expires} (in {each.days_left} days), granted {each.granted} by {each.approver}"
        lines += [Text(f"\n{head}\n  {until}; {each.owner} mends it\n  {each.reason}\n  {each.compensating_control}")]
    by = "; ".join(f"{who}: {number}" for who, number in _counts(held).items())
    return Group(
        *lines, *([Text(f"\n{by}")] if by else []), *(Text(f"\n{each}", style="red") for each in waivers.faults)
    )


def debt_plain(waivers: Waivers, budget: int | None) -> dict[str, Any]:
    """The same for programs."""
    return {
        "count": len(waivers.held),
        "budget": budget,
        "waivers": [
            {**each.model_dump(), "age_days": _age(each), "days_left": each.days_left} for each in waivers.held
        ],
        "by": _counts(waivers.held),
        "faults": [str(fault) for fault in waivers.faults],
    }


def _counts(held: Iterable[Waiver]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in held:
        for who in (f"team {each.workload.partition('/')[0]}", each.owner):
            found[who] = found.get(who, 0) + 1
    return dict(sorted(found.items()))


def _age(waiver: Waiver) -> int:
    return (now().date() - date.fromisoformat(waiver.granted)).days


def scores(found: Mapping[tuple[str, str, str], Mapping[str, int]]) -> Iterator[tuple[str, str, str, str, str]]:
    """Team, workload, stack, how many verdicts are kept, and what is not."""
    for (team, workload, stack), counts in sorted(found.items()):
        kept, total = counts.get("kept", 0), sum(counts.values())
        rest = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()) if word != "kept")
        yield team, workload, stack, f"{kept} of {total}", rest
