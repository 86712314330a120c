"""The standards of an organisation: the catalogue's, its own, and what it set otherwise; every file is checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from handrail.core.documents import Document, dotted, load, undotted
from handrail.core.errors import DocumentError, HandrailError, Position, Problem
from handrail.core.models import nearest, read, unknown_word
from handrail.core.resources import Path as FieldPath
from handrail.organisation.load import FILE
from handrail.organisation.model import ClauseSettings, Organisation, Severity, Standards
from handrail.standards import cel
from handrail.standards._kinds import known
from handrail.standards._reads import ANY
from handrail.standards._schema_paths import nearest_field
from handrail.standards.clause import PODS, Clause
from handrail.standards.evidence import OF_MANIFESTS, POD_SPECS
from handrail.standards.rules import RULES
from handrail.standards.standard import Standard

VERSION = "1"
"""The version of the catalogue; it stands in the label handrail.dev/contract of what was judged by it."""
CATALOGUE = Path(__file__).parent / "catalogue"
BUNDLE = Path(__file__).parent / "catalogue.json"
"""The same in one file, written by `make generate`: seventy files of YAML were a tenth of every start."""
OWN = "standards"
"""The folder of an organisation's own standards, beside organisation.yaml."""
PLATFORM_TEAM = "platform"
"""What a standard calls the organisation's platform team."""
_ORDER = tuple(Severity)


def catalogue_of(organisation: Organisation | None, directory: Path | None) -> dict[str, Standard]:
    """Every standard of an organisation by its id, as it holds there.

    Args:
        organisation: None: the catalogue as it comes, without what an organisation alone can say.
        directory: the organisation's own, with its folder of standards.

    Raises:
        DocumentError: every problem of its files and settings.
    """
    clauses = dict(bundled())
    problems: list[Problem] = []
    own = folder_of(directory)
    if own:
        try:
            mine = read_folder(own)
        except HandrailError as error:
            problems += error.problems
            mine = {}
        for name in sorted(mine.keys() & clauses.keys()):
            text = "has the id of one of the catalogue's"
            problems.append(
                Problem(text, where=Position(str(own / f"{name}.yaml"), 1), remedy="give its file another name")
            )
        if organisation:
            teams = {PLATFORM_TEAM, *organisation.teams}
            for name in sorted(mine):
                problems += _team_faults(own / f"{name}.yaml", mine[name], teams)
        clauses = {**mine, **clauses}
    chosen = organisation.standards if organisation else None
    settings = chosen.clauses if chosen else {}
    document = load(directory / FILE) if directory and chosen else None
    problems += _version_faults(chosen, document)
    standards = {}
    for name, clause in sorted(clauses.items()):
        if organisation is None and any(param.organisation for param in clause.params.values()):
            continue
        found = list(_setting_faults(name, clause, settings[name], document)) if name in settings else []
        problems += found
        standards[name] = _standard(name, clause, ClauseSettings() if found else settings.get(name), organisation)
        if own and name not in bundled():
            standards[name] = replace(standards[name], own=True)
    for name in settings.keys() - clauses.keys():
        path = ("standards", "clauses", name)
        where = document.where(path, key=True) if document else None
        problems.append(unknown_word(name, clauses, dotted(path), where, noun="standard"))
    if problems:
        raise DocumentError(problems)
    return standards


def _team_faults(file: Path, clause: Clause, teams: Collection[str]) -> Iterator[Problem]:
    """Teams that decide or waive, and that the organisation has not."""
    named = [(("owner",), clause.owner), *((("waived_by", index), name) for index, name in enumerate(clause.waived_by))]
    for path, name in named:
        if name not in teams:
            yield unknown_word(name, teams, dotted(path), load(file).where(path), noun="team")


def folder_of(directory: Path | None) -> Path | None:
    """The folder of an organisation's own standards; None where it has none."""
    folder = directory / OWN if directory else None
    return folder if folder and folder.is_dir() else None


@lru_cache(1)
def bundled() -> Mapping[str, Clause]:
    """The catalogue that comes with Handrail; the tests check its files, and that the bundle is of them."""
    return TypeAdapter(dict[str, Clause]).validate_json(BUNDLE.read_bytes())


def read_folder(folder: Path) -> dict[str, Clause]:
    """The standards in a folder, each checked as far as its file tells.

    Raises:
        DocumentError: every problem of every file.
    """
    found: dict[str, Clause] = {}
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            document = load(file)
            clause = read(document, Clause)
        except HandrailError as error:
            problems += error.problems
            continue
        problems += faults(clause, document)
        found[file.stem] = clause
    if problems:
        raise DocumentError(problems)
    return found


def faults(clause: Clause, document: Document) -> Iterator[Problem]:
    """What is wrong with a standard: types nobody knows, expressions that do not compile or read what is not there."""
    types = [*known(), PODS]
    for index, token in enumerate(clause.resources):
        if token not in types and (token.startswith("kubernetes:") or token.count(":") != 2):
            path = ("resources", index)
            near = nearest(token, types)
            yield Problem(
                "is no resource type", dotted(path), document.where(path), given=token,
                allowed="a Pulumi type token, as kubernetes:apps/v1:Deployment or aws:s3/bucket:Bucket, or pods",
                remedy=f"did you mean {near}?" if near else None,
            )  # fmt: skip
    if clause.python and clause.python not in RULES:
        yield unknown_word(clause.python, RULES, "python", document.where(("python",)), noun="function")
    sample = Standard("", clause, clause.severity, clause.tiers, _params(clause, {}, None))
    yield from _field_faults(sample, document)
    found = [
        fault for name, text in clause.variables.items() for fault in _cel_faults(text, sample, document, name=name)
    ]
    if found:  # they are written out in the rule and in the message, which would say the same again
        yield from found
        return
    for field, kind in (("rule", "BOOL"), ("message", "STRING")):
        if text := getattr(clause, field):
            yield from _cel_faults(text, sample, document, field, kind=kind)


def _field_faults(sample: Standard, document: Document) -> Iterator[Problem]:
    """A field that no type of resource has."""
    below = tuple(ANY if isinstance(part, int) else part for part in undotted(sample.clause.field))
    in_pods = sample.types & POD_SPECS.keys() and below[:1] not in OF_MANIFESTS
    roots = ("variables.pod", "object") if in_pods else ("object",)
    found = [nearest_field((root, *below), sample.types) for root in roots] if below else [None]
    if all(found) and (fault := found[0]):
        given, near = fault
        yield Problem(
            "is a field that no resource of its types has", "field", document.where(("field",)), given=given,
            remedy=f"did you mean {near}?" if near else None,
        )  # fmt: skip


_GIVES = {"BOOL": "true or false", "STRING": "text"}


def _cel_faults(
    text: str, sample: Standard, document: Document, field: str = "variables", name: str = "", kind: str = "DYN"
) -> Iterator[Problem]:
    """What is wrong with an expression: of the clause's own `name`, else its rule or its message.

    Args:
        kind: what it must give, in CEL's words.
    """
    path = (field, name) if name else (field,)
    where = document.where(path)
    try:
        program = cel.compiled(cel.inlined(text, sample.names))
        program.bounded()
    except cel.CelError as error:
        names = [*cel.ROOTS, *(f"variables.{name}" for name in sample.names)]
        word = str(error).partition("'")[2].rpartition("'")[0] if "undeclared" in str(error) else ""
        if word and f"{word}(" in text:
            names = [*cel.FUNCTIONS]
        near = nearest(word, names) if word else None
        yield Problem(
            f"is no expression that can be evaluated: {error}", dotted(path), where, given=_line(text, error.line),
            allowed=", ".join(names) if word else None, remedy=f"did you mean {near}?" if near else None,
        )  # fmt: skip
        return
    if kind != "DYN" and program.type not in (kind, "DYN"):
        given = f"{program.type.lower()}: {_line(text, 1)}"
        yield Problem(f"must give {_GIVES[kind]}", dotted(path), where, given=given)
    told: list[FieldPath] = []
    for read_path in sorted(program.reads.values | program.reads.shapes, key=lambda each: (len(each), str(each))):
        if any(read_path[: len(each)] == each for each in told):
            continue  # what is below it is not there either
        if fault := nearest_field(read_path, sample.types):
            told.append(read_path)
            field, near = fault
            yield Problem(
                "reads a field that no resource of its types has", dotted(path), where, given=field,
                remedy=f"did you mean {near}?" if near else None,
            )  # fmt: skip


def _line(text: str, line: int) -> str:
    lines = text.splitlines()
    return lines[line - 1].strip() if line <= len(lines) else text


def _standard(
    name: str, clause: Clause, settings: ClauseSettings | None, organisation: Organisation | None
) -> Standard:
    settings = settings or ClauseSettings()
    tiers = clause.tiers if settings.tiers is None else settings.tiers
    return Standard(
        name, clause, settings.severity or clause.severity, tiers, _params(clause, settings.params, organisation)
    )


def _params(clause: Clause, given: Mapping[str, Any], organisation: Organisation | None) -> dict[str, Any]:
    def value(name: str) -> Any:
        param = clause.params[name]
        if param.organisation is None:
            return given.get(name, param.default)
        return list(getattr(organisation, param.organisation)) if organisation else []

    return {name: value(name) for name in clause.params}


def _version_faults(standards: Standards | None, document: Document | None) -> Iterator[Problem]:
    if standards and standards.version != VERSION:
        path = ("standards", "version")
        yield Problem(
            "is another version of the catalogue than the one that is installed", dotted(path),
            document.where(path) if document else None, given=standards.version, allowed=VERSION,
            remedy="read the changelog, then write the new version; or install the Handrail that has the old one",
        )  # fmt: skip


def _setting_faults(
    name: str, clause: Clause, settings: ClauseSettings, document: Document | None
) -> Iterator[Problem]:
    def fault(message: str, *field: str, **more: str) -> Problem:
        path = ("standards", "clauses", name, *field)
        return Problem(message, dotted(path), document.where(path) if document else None, **more)

    if settings.severity and _ORDER.index(settings.severity) < _ORDER.index(clause.floor):
        yield fault(
            "is lower than the standard allows",
            "severity",
            given=settings.severity,
            allowed=f"{clause.floor} or higher",
        )
    missing = set(clause.tiers) - set(clause.tiers if settings.tiers is None else settings.tiers)
    if missing and clause.floor is not Severity.ADVISORY:
        at_least = ", ".join(clause.tiers)
        yield fault(
            "leaves out a tier that the standard must hold in",
            "tiers",
            given=", ".join(settings.tiers or ()),
            allowed=f"at least {at_least}",
        )
    for word, value in settings.params.items():
        param = clause.params.get(word)
        if param is None:
            where = document.where(("standards", "clauses", name, "params", word), key=True) if document else None
            yield unknown_word(word, clause.params, f"standards.clauses.{name}.params.{word}", where, noun="parameter")
        elif allowed := param.fault(value):
            yield fault(
                "is no value that the standard allows", "params", word, given=cel.literal(value), allowed=allowed
            )
