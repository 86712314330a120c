"""reference/standards.md: every standard of the catalogue, out of its file."""

from __future__ import annotations

import json
from collections.abc import Iterator

from _words import plain, table

from handrail.check.contract_text import doors, finds, request, written
from handrail.standards import Verdict
from handrail.standards.catalogue import VERSION, bundled
from handrail.standards.examples import cases
from handrail.standards.standard import Standard
from handrail.standards.waivers import waivable_days

NOTE = "<!-- written by `uv run python docs/_generate.py`: edit the catalogue instead -->"
INTRODUCTION = f"""\
Version {VERSION} of the catalogue: {{count}} standards, {{examples}} examples, tested at every door that can say them.
[What a standard is](../standards.md), how an organisation sets it, and how to write one."""
HEAD = ("standard", "severity", "tiers", "components", "policy pack", "check", "admission")
_FENCE = "```"


def standards() -> str:
    """The page of all: a table of standards and doors."""
    found = _bundled()
    examples = sum(len(each.clause.examples) for each in found)
    rows = [(f"[{each.id}](standards/{each.id}.md)", str(each.severity), _tiers(each), *_marks(each)) for each in found]
    introduction = INTRODUCTION.format(count=len(found), examples=examples)
    return "\n\n".join(["# Standards", NOTE, introduction, table(HEAD, rows)]) + "\n"


def pages() -> dict[str, str]:
    """A page for each standard, by its file's name below reference/."""
    return {f"standards/{each.id}.md": _page(each) for each in _bundled()}


def _bundled() -> list[Standard]:
    return [
        Standard(
            name, clause, clause.severity, clause.tiers, {key: each.default for key, each in clause.params.items()}
        )
        for name, clause in bundled().items()
    ]


def _marks(standard: Standard) -> tuple[str, ...]:
    return tuple("" if text.startswith("no") else "✓" for text in doors(standard).values())


def _tiers(standard: Standard) -> str:
    return "all" if len(standard.tiers) == 3 else ", ".join(standard.tiers)


def _page(standard: Standard) -> str:
    clause = standard.clause
    facts = [
        (
            "severity",
            f"{standard.severity}, in {_tiers(standard)} tiers; an organisation may set it as low as {clause.floor}",
        ),
        ("about", ", ".join(f"`{each}`" for each in (*clause.components, *clause.resources))),
        *(
            (f"`params.{key}`", plain(f"{each.description}; default {_default(each)}"))
            for key, each in clause.params.items()
        ),
        ("decides", clause.owner),
        ("more", f"<{clause.docs}>"),
    ]
    parts = [f"# {standard.id}", NOTE, f"**{clause.title}.**", "## Why", clause.why, table(("", ""), facts)]
    parts += ["## Rule", _rule(standard)]
    for verdict, word in ((Verdict.VIOLATION, "Fails"), (Verdict.COMPLIANT, "Passes")):
        case = next(each for each in cases(standard) if each.example.verdict is verdict)
        parts += [
            f"## {word}",
            *([f"{case.example.name}:"] if case.example.name else []),
            _block(written(case), "yaml"),
        ]
    parts += ["## What to do", *_remedies(standard), "## Waiver", *_waiver(standard)]
    parts += ["## Where it holds", table(("door", ""), [(door, plain(text)) for door, text in doors(standard).items()])]
    return "\n\n".join([*parts, "[All standards](../standards.md)"]) + "\n"


def _rule(standard: Standard) -> str:
    if not standard.clause.rule:
        return f"It needs more than one resource, or more than CEL can say. {_sentence(finds(standard))}"
    names = "".join(f"{name} = {text}\n" for name, text in standard.clause.variables.items())
    return _block(f"{names}{standard.clause.rule}", "text")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _remedies(standard: Standard) -> Iterator[str]:
    remedy = standard.clause.remedy
    if isinstance(remedy, str):
        yield f"{_sentence(remedy)}."
    else:
        yield table(
            ("who", "what"), [("anyone else" if who == "default" else who, plain(text)) for who, text in remedy.items()]
        )


def _waiver(standard: Standard) -> Iterator[str]:
    days = waivable_days(standard)
    if not days:
        yield "Nobody waives it."
        return
    by = ", ".join(standard.clause.waived_by)
    yield (
        f"A member of {by} decides, who is not the owner. Ask with a pull request that adds this to `waivers.yaml` "
        f"beside organisation.yaml; it may hold for {days} days at most. [More on waivers](../../standards.md#waivers)."
    )
    yield _block(request(standard.id), "yaml")


def _block(text: str, language: str) -> str:
    return f"{_FENCE}{language}\n{text.strip()}\n{_FENCE}"


def _default(param: object) -> str:
    organisation, value = getattr(param, "organisation", None), getattr(param, "default", None)
    return f"organisation.yaml's `{organisation}`" if organisation else f"`{json.dumps(value)}`"
