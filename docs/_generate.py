"""Writes docs/reference/*.md out of the Specs and the command line: `uv run python docs/_generate.py [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer.main
from _standards import pages, standards
from _words import commands, own_first, plain, table, told
from pydantic.fields import FieldInfo

from handrail.cli.app import app
from handrail.components._catalogue import definitions
from handrail.components._codegen import _type as python_type
from handrail.components._definition import Definition, Spec
from handrail.core.models import models_in
from handrail.core.resources import Given
from handrail.core.units import Quantity
from handrail.personas._persona import Section, personas

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- written by `uv run python docs/_generate.py`: edit the code instead -->"


# Components


_PLAIN = {str: "text", date: "a day", int: "a whole number", float: "a number", bool: "true or false"}


INTRODUCTION = """\
Every component, and every setting that it has.

A setting has one name: it is the word in workloads.yaml and the argument in Python. From other languages it is written
in camelCase, as Pulumi does: `latency_p99` becomes `latencyP99`. Which words a team sees depends on its persona; the
rest keep their defaults. Where the Python type is `pulumi.Input[str]`, an output of another resource may stand."""


def components() -> str:
    """reference/components.md."""
    parts = [
        "# Components",
        NOTE,
        INTRODUCTION,
        *(component(definition) for definition in definitions().values()),
    ]
    return "\n\n".join(parts) + "\n"


def component(definition: Definition[Any]) -> str:
    """One component: who has it, its settings, its outputs."""
    name, spec = definition.name, definition.spec
    parts = [
        f"## {name}",
        " ".join((spec.__doc__ or "").split()),
        f"Pulumi's type token: `{definition.token}`. "
        f"Source: `components/handrail/components/{definition.plan.__module__.rpartition('.')[2]}.py`.",
        written_by(name),
    ]
    if spec.model_fields:
        head = ("setting", "in YAML; in Python", "default", "meaning")
        parts += [f"### Settings of {name}", table(head, settings(spec))]
    if definition.outputs:
        rows = ((f"`{output}`", plain(text)) for output, text in definition.outputs.items())
        parts += [f"### Outputs of {name}", table(("output", "meaning"), rows)]
    return "\n\n".join(parts)


def written_by(name: str) -> str:
    """Which personas have the component, under which section, and with which words."""
    found: list[tuple[str, str, Section]] = [
        (persona.name, word, section)
        for persona in personas().values()
        for word, section in persona.sections.items()
        if section.component == name
    ]
    if not found:
        return "No persona has it: the platform team's stack makes it."
    lines = [f"- {persona}, in `{word}`: {_words(section.words)}" for persona, word, section in found]
    seen = frozenset[str]().union(*(section.words for _, _, section in found))
    left = [field for field in definitions()[name].spec.model_fields if field not in seen]
    lines += [f"- In Python alone: {_words(left)}"] if left else []
    return "\n".join(["Who writes it, and with which words:", "", *lines])


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in sorted(words))


def settings(spec: type[Spec], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """A row for each setting: the required, its own, the inherited; nested ones follow the one that holds them."""
    for name in own_first(spec):
        field = spec.model_fields[name]
        yield row(f"{prefix}{name}", field)
        for inner in models_in(field.annotation):
            yield from settings(inner, f"{prefix}{name}.")  # type: ignore[arg-type]


def row(path: str, field: FieldInfo) -> tuple[str, ...]:
    """One setting: what its description says of the default gets a column of its own."""
    meaning, default = told(field)
    kind = plain(written(field.annotation, field.metadata))
    python = python_type(field.annotation)
    return f"`{path}`", f"{kind}<br>`{python}`", default, meaning


def written(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What a person writes for a setting, with its range."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return written(arguments[0], [*arguments[1:], *metadata])
    if origin in (Union, UnionType):
        first = str if Given in arguments else next(each for each in arguments if each is not type(None))
        return written(first, metadata)
    if origin in (list, tuple):
        return f"a list of {written(arguments[0]).partition(',')[0]}"
    if origin is dict:
        return f"{written(arguments[1])}, by name"
    if issubclass(annotation, Spec):
        return "settings, as below"
    if issubclass(annotation, Quantity):
        return str(annotation.hint)
    if issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    return _PLAIN[annotation] + limits(metadata)


def limits(metadata: Iterable[Any]) -> str:
    """The range of a number, the pattern of a text."""
    every = [part for each in metadata for part in (each.metadata if isinstance(each, FieldInfo) else [each])]
    bounds = {word: getattr(part, word) for part in every for word in ("ge", "le", "pattern") if hasattr(part, word)}
    least, most, pattern = (bounds.get(word) for word in ("ge", "le", "pattern"))
    if least is not None and most is not None:
        return f", {least} to {most}"
    if least is not None:
        return f", from {least}"
    return f", like `{pattern}`" if pattern else ""


# The command line


ENDING = """\
`--help` after any of them says the same. A command ends with 0 when it did what it was asked; with 1 when something
has to be mended: what, where, and what to do are on stderr; with 2 when it was called wrongly; with 130 when it was
interrupted."""


def command_line() -> str:
    """reference/cli.md."""
    every = list(commands(typer.main.get_command(app), ("handrail",)))
    rows = ((f"[`{name}`](#{name.replace(' ', '-')})", plain(found.help or "")) for name, found in every)
    parts = [
        "# Command line",
        NOTE,
        table(("command", "what it does"), rows),
        ENDING,
        *(command(name, found) for name, found in every),
    ]
    return "\n\n".join(parts) + "\n"


def command(name: str, found: Any) -> str:
    """One command: how it is called, and each argument and option."""
    arguments = [each for each in found.params if each.param_type_name == "argument"]
    options = [each for each in found.params if each.param_type_name == "option"]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *(each.metavar for each in arguments)])
    context = found.make_context(found.name, [], resilient_parsing=True)
    rows = [(f"`{each.metavar}`", plain(each.help), default(each)) for each in arguments]
    rows += [(option(each.get_help_record(context)[0]), plain(each.help), default(each)) for each in options]
    head = ("argument or option", "meaning", "default")
    width = 3 if any(said for *_, said in rows) else 2  # a column in which nothing stands is none
    parts = [f"## {name}", plain(found.help or ""), f"```text\n{usage}\n```"]
    return "\n\n".join([*parts, table(head[:width], (row[:width] for row in rows))] if rows else parts)


def option(said: str) -> str:
    """An option's names, and what stands after them."""
    names, _, kind = said.partition(" <")
    kind = {"str": "TEXT", "int range": "NUMBER"}.get(kind.rstrip(">"), kind.rstrip(">"))
    return f"`{names}`" + (f" {plain(kind.replace('|', ' | ')) if '|' in kind else f'`{kind}`'}" if kind else "")


def default(parameter: Any) -> str:
    """What holds where a parameter is not given; its help says what follows from none."""
    if parameter.required:
        return "required"
    return "" if parameter.default in (None, False) else f"`{parameter.default}`"


PAGES: dict[str, Callable[[], str]] = {"components.md": components, "cli.md": command_line, "standards.md": standards}


def stale() -> dict[str, str]:
    """The pages that are not what the code says today → what they must be; empty: they must not be."""
    made = {**{name: make() for name, make in PAGES.items()}, **pages()}
    kept = {str(file.relative_to(REFERENCE)): file.read_text() for file in REFERENCE.rglob("*.md")}
    left = dict.fromkeys(kept.keys() - made.keys(), "")
    return {**{name: text for name, text in made.items() if kept.get(name) != text}, **left}


def main(arguments: list[str]) -> int:
    """Write the pages that are stale, or with --check say which are."""
    found = stale()
    if "--check" in arguments:
        for name in found:
            print(f"docs/reference/{name} is stale: run `uv run python docs/_generate.py`", file=sys.stderr)
        return 1 if found else 0
    for name, text in found.items():
        (REFERENCE / name).parent.mkdir(exist_ok=True)
        if text:
            (REFERENCE / name).write_text(text)
        else:
            (REFERENCE / name).unlink()
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
