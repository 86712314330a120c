"""reference/standards.md: every standard of the catalogue, out of its file."""

from __future__ import annotations

import json

from _words import plain, table

from handrail.check.contract_text import doors, written
from handrail.standards import Verdict
from handrail.standards.catalogue import VERSION, bundled
from handrail.standards.examples import cases
from handrail.standards.standard import Standard
from handrail.standards.waivers import LONGEST

INTRODUCTION = f"""\
Version {VERSION} of the catalogue: {{count}} standards, {{examples}} examples, tested at every door that can say them.
[What a standard is](../standards.md), how an organisation sets it, and how to write one."""


def standards() -> str:
    """The page: a table of standards and doors, then a section for each."""
    found = [
        Standard(
            name, clause, clause.severity, clause.tiers, {key: each.default for key, each in clause.params.items()}
        )
        for name, clause in bundled().items()
    ]
    examples = sum(len(each.clause.examples) for each in found)
    rows = [(f"[{each.id}](#{each.id})", str(each.severity), _tiers(each), *_marks(each)) for each in found]
    head = ("standard", "severity", "tiers", "components", "policy pack", "check", "admission")
    parts = [
        "# Standards", "<!-- written by `uv run python docs/_generate.py`: edit the catalogue instead -->",
        INTRODUCTION.format(count=len(found), examples=examples), table(head, rows), *map(_section, found),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _marks(standard: Standard) -> tuple[str, ...]:
    return tuple("" if text.startswith("no") else "✓" for text in doors(standard).values())


def _tiers(standard: Standard) -> str:
    return "all" if len(standard.tiers) == 3 else ", ".join(standard.tiers)


def _section(standard: Standard) -> str:
    clause = standard.clause
    by = ", ".join(clause.waived_by)
    days = LONGEST[standard.severity]
    waiver = f"a member of {by}, for at most {days} days, in waivers.yaml" if by and days else "nobody"
    remedy = {"default": clause.remedy} if isinstance(clause.remedy, str) else clause.remedy
    rows = [
        ("severity", f"{standard.severity}, in {_tiers(standard)} tiers; at least {clause.floor}"),
        ("about", ", ".join(f"`{each}`" for each in (*clause.components, *clause.resources))),
        *(("do" if who == "default" else f"do, as {who}", plain(text)) for who, text in remedy.items()),
        *(
            (f"`params.{key}`", plain(f"{each.description}; default {_default(each)}"))
            for key, each in clause.params.items()
        ),
        ("decides", clause.owner),
        ("waived by", waiver),
        ("at admission", doors(standard)["admission"]),
        ("more", f"<{clause.docs}>"),
    ]
    blocks = [f"## {standard.id}", f"**{clause.title}.** {clause.why}", table(("", ""), rows)]
    if clause.rule:
        names = "".join(f"{name} = {text}\n" for name, text in clause.variables.items())
        blocks.append(f"```text\n{names}{clause.rule.strip()}\n```")
    for verdict, word in ((Verdict.VIOLATION, "Fails"), (Verdict.COMPLIANT, "Passes")):
        case = next(each for each in cases(standard) if each.example.verdict is verdict)
        named = f": {case.example.name}" if case.example.name else ""
        blocks.append(f"{word}{named}\n\n```text\n{written(case).strip()}\n```")
    return "\n\n".join(blocks)


def _default(param: object) -> str:
    organisation, value = getattr(param, "organisation", None), getattr(param, "default", None)
    return f"organisation.yaml's `{organisation}`" if organisation else f"default `{json.dumps(value)}`"
