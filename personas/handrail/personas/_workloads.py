"""workloads.yaml, in its persona's words, as prepared components; every problem of the file at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from handrail.components._catalogue import definitions
from handrail.components._definition import Prepared, Source, prepare, prepare_all
from handrail.components._released import taken_names, unreleased
from handrail.core.documents import Document, dotted, load
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.models import nearest, unknown_word
from handrail.core.resources import Path as FieldPath
from handrail.core.resources import leaves
from handrail.organisation import Context
from handrail.personas._persona import Persona, Section, personas
from handrail.releases import Release, releases_file

_HEAD = ("persona", "team")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One workload as it stands in the file."""

    path: FieldPath
    section: Section
    given: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.path[-1])


def read_workloads(
    file: Path, context: Context, releases: Mapping[str, Release], *, refuses: bool = True, released: bool = True
) -> tuple[Persona, tuple[Prepared, ...]]:
    """The persona of a file, and its workloads prepared for `context`, in the file's order.

    Args:
        refuses: whether a standard ends it here; otherwise its findings are the workloads'.
        released: whether a workload without a release that the environment requires ends it here.

    Raises:
        HandrailError: every problem of the file and of the plans that it leads to.
    """
    document = load(file)
    persona = _persona(document, context)
    shared, problems = _shared(document, persona)
    entries, more = _entries(document, persona)
    problems += more
    problems += _released_nowhere(releases, entries, context)
    problems += taken_names(releases, [entry.name for entry in entries], context)
    for entry in entries if released else ():
        problems += unreleased(definitions()[entry.section.component], entry.name, context, releases)
    calls = (
        partial(_prepare, entry, entries, shared, persona, document, context, releases, refuses=refuses)
        for entry in entries
    )
    return persona, prepare_all(calls, problems)


def _released_nowhere(releases: Mapping[str, Release], entries: list[_Entry], context: Context) -> Iterator[Problem]:
    """Pins of workloads that the file has not: nobody would miss them."""
    names = [entry.name for entry in entries]
    file = releases_file(context.environment, context.team)
    for name in releases:
        if name not in names:
            near = nearest(name, names)
            yield Problem(
                f"releases {name}, which is no workload of team {context.team}'s file", name, Position(file, 1),
                allowed=", ".join(names),
                remedy=f"did you mean {near}?" if near else "take it out of the file with the workload",
            )  # fmt: skip


def _persona(document: Document, context: Context) -> Persona:
    """The file's persona; its team must be the stack's."""
    data = document.data if isinstance(document.data, dict) else {}
    problems = []
    for word, allowed in (("persona", sorted(personas())), ("team", [context.team])):
        value = data.get(word)
        if value is None:
            problems.append(Problem("is required", word, document.where(()), allowed=", ".join(allowed)))
        elif value not in allowed:
            path = (word,)
            noun = word if word == "persona" else f"team that stack {context.stack} deploys"
            problems.append(unknown_word(str(value), allowed, dotted(path), document.where(path), noun=noun))
    if problems:
        raise DocumentError(problems)
    return personas()[data["persona"]]


def _shared(document: Document, persona: Persona) -> tuple[dict[str, str], list[Problem]]:
    """The field that each word of the file itself is the default of → its value; and what is no text."""
    found: dict[str, str] = {}
    problems = []
    for word, field in persona.shared.items():
        value = document.data.get(word)
        if isinstance(value, str):
            found[field] = value
        elif value is not None:
            problems.append(Problem("must be text", word, document.where((word,)), given=str(value)))
    return found, problems


def _entries(document: Document, persona: Persona) -> tuple[list[_Entry], list[Problem]]:
    entries: list[_Entry] = []
    problems: list[Problem] = []
    for word, content in document.data.items():
        if word in _HEAD or word in persona.shared:
            continue
        section = persona.sections.get(word)
        if section is None:
            problems.append(_unknown_section(word, persona, document))
        elif not isinstance(content, dict):
            where = document.where((word,))
            problems.append(
                Problem("must hold workloads by name", word, where, remedy="write a name: and its settings below it")
            )
        else:
            for name, given in content.items():
                path: FieldPath = (word, name)
                problems += _unknown_words(given, section, persona, path, document)
                entries.append(_Entry(path, section, given if isinstance(given, dict) else {}))
    problems += [problem for entry in entries for problem in _calls(entry, entries, document)]
    names = [entry.name for entry in entries]
    problems += [
        Problem("is the name of two workloads", dotted(entry.path), document.where(entry.path, key=True))
        for index, entry in enumerate(entries)
        if entry.name in names[:index]
    ]
    return entries, problems


def _unknown_section(word: str, persona: Persona, document: Document) -> Problem:
    owners = [other.name for other in personas().values() if word in other.sections or word in other.shared]
    allowed = [*_HEAD, *persona.shared, *persona.sections]
    problem = unknown_word(word, allowed, word, document.where((word,), key=True))
    if not owners:
        return problem
    return Problem(
        f"is a word of {owners[0]}, not of {persona.name}", word, problem.where, allowed=problem.allowed,
        remedy=f"put it into a file with persona: {owners[0]}",
    )  # fmt: skip


def _unknown_words(
    given: Any, section: Section, persona: Persona, path: FieldPath, document: Document
) -> Iterator[Problem]:
    if given is not None and not isinstance(given, dict):
        yield Problem("must hold settings by name", dotted(path), document.where(path))
        return
    for word in given or {}:
        if word not in section.words:
            where = document.where((*path, word), key=True)
            problem = unknown_word(word, section.words, dotted((*path, word)), where, noun=f"word of {persona.name}")
            owned = _whose(word, section, persona)
            yield replace(problem, message=owned, remedy=None) if owned else problem


def _whose(word: str, section: Section, persona: Persona) -> str | None:
    """A sentence that says whose word it is: other personas' for the same thing, else for other things."""
    for same in (True, False):
        owners = {
            other.name: names
            for other in personas().values()
            if (
                names := [
                    name
                    for name, theirs in other.sections.items()
                    if word in theirs.words and (theirs.component == section.component) is same
                ]
            )
        }
        if owners:
            said = " and ".join(f"{name} (for {', '.join(names)})" for name, names in owners.items())
            return f"is a word of {said}, not of {persona.name} for {section.noun}s"
    return None


def _prepare(
    entry: _Entry,
    entries: list[_Entry],
    shared: Mapping[str, str],
    persona: Persona,
    document: Document,
    context: Context,
    releases: Mapping[str, Release],
    *,
    refuses: bool,
) -> Prepared:
    definition = definitions()[entry.section.component]
    sources = {path: Source(f"persona {persona.name}") for path in _dotted_leaves(entry.section.defaults)}
    sources |= {
        path: Source("file", document.where((*entry.path, *at))) for path, at in _dotted_leaves(entry.given).items()
    }
    for word, field in persona.shared.items():
        if field in shared:
            sources.setdefault(field, Source("file", document.where((word,))))
    args = {
        **entry.section.defaults,
        **{field: value for field, value in shared.items() if field in entry.section.words},
        **{word: value for word, value in entry.given.items() if word in entry.section.words},
    }
    if "callers" in entry.section.words and (callers := _callers(entry, entries)):
        args["callers"] = [*args.get("callers", []), *callers]
        sources["callers"] = Source("derived from calls")
    return prepare(
        definition,
        entry.name,
        args,
        context,
        release=releases.get(entry.name),
        sources=sources,
        prefix=entry.path,
        locate=document.where,
        refuses=refuses,
    )


def _calls(entry: _Entry, entries: list[_Entry], document: Document) -> Iterator[Problem]:
    """A misspelt call to a workload of the same file, one to itself, or one that stands there twice."""
    calls = entry.given.get("calls")
    names = [other.name for other in entries]
    for index, callee in enumerate(calls if isinstance(calls, list) else ()):
        if not isinstance(callee, str):
            continue
        path: FieldPath = (*entry.path, "calls", index)
        place = (dotted(path), document.where(path))
        if callee == entry.name:
            yield Problem("is the workload itself", *place, given=callee)
        elif callee in calls[:index]:  # type: ignore[index]
            yield Problem("stands here twice", *place, given=callee)
        elif "/" not in callee and callee not in names and nearest(callee, names):
            yield unknown_word(callee, names, *place, noun="workload of this file")


def _callers(callee: _Entry, entries: list[_Entry]) -> list[str]:
    """The workloads of the same file that call `callee` and that it does not name itself."""
    named = callee.given.get("callers", [])
    if not isinstance(named, list):
        return []  # the Spec says what is wrong with it
    return [
        entry.name
        for entry in entries
        if isinstance(calls := entry.given.get("calls"), list) and callee.name in calls and entry.name not in named
    ]


def _dotted_leaves(values: Mapping[str, Any]) -> dict[str, FieldPath]:
    """Dotted setting path → field path of each value, and of each mapping and list on the way to it."""
    found: dict[str, FieldPath] = {}
    for path, _ in leaves(values):
        for end in range(1, len(path) + 1):
            found.setdefault(dotted(path[:end]), path[:end])
    return found
