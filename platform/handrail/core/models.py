"""pydantic's findings as Problems: position, field, what was given, what is allowed, the nearest valid word."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from textwrap import dedent
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from handrail.core.documents import MAX_PROBLEMS, Document, dotted, shown
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.resources import Path, Token

M = TypeVar("M", bound=BaseModel)


class Model(BaseModel):
    """A frozen model that refuses unknown words; every schema of Handrail's files is one."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What each field means: the docstrings below the fields, read from the source where somebody asks.

    pydantic's own `use_attribute_docstrings` reads them at every start, which took a tenth of it.
    """
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, Model) and each is not Model:
            found |= _docstrings(each)
    return found


@cache
def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    (tree,) = ast.parse(dedent(inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }  # fmt: skip


def described(model: type[M]) -> type[M]:
    """The model once its fields, and those of the models in it, have their descriptions: for a schema, or a page."""
    _describe(model)
    return model


@cache
def _describe(model: type[BaseModel]) -> None:
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            _describe(inner)
    found = descriptions(model)
    for name, field in model.model_fields.items():
        field.description = field.description or found.get(name)
    model.model_rebuild(force=True)


def read(document: Document, model: type[M], path: Path = ()) -> M:
    """The part of `document` at `path` as a `model`.

    Raises:
        DocumentError: every problem, each with its position.
    """
    value = _at(document.data, path)
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        raise DocumentError(problems_of(error, model, value, path, document.where)) from None


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


Locate = Callable[..., Position | None]


def problems_of(
    error: ValidationError, model: type[BaseModel], value: Any, prefix: Path = (), locate: Locate | None = None
) -> list[Problem]:
    """Every finding of `error`, raised for `value` by `model`.

    Args:
        prefix: the field path of `value` itself.
        locate: field path → position, as `Document.where`; None where there is no file.
    """
    details = error.errors(include_url=False)
    # what may be text or a Pulumi output fails as both: only the first is worth telling
    told = [detail for detail in details if detail.get("ctx", {}).get("class_name") != "Given" and not _follows(detail)]
    found = [_problem(detail, model, value, prefix, locate) for detail in (told or details)[:MAX_PROBLEMS]]
    more = len(told or details) - len(found)
    return [*found, Problem(f"and {more:,} more problems after these", dotted(prefix))] if more else found


def _follows(detail: ErrorDetails) -> bool:
    """Whether it only follows from another: too few entries, since what is wrong with one is told."""
    return detail["type"] == "too_short" and bool(len(detail["input"]) >= detail.get("ctx", {})["min_length"])


def _problem(detail: ErrorDetails, model: type[BaseModel], value: Any, prefix: Path, locate: Locate | None) -> Problem:
    kind, context = detail["type"], detail.get("ctx", {})
    location = _known_part(detail["loc"], value, missing=kind == "missing")
    path = (*prefix, *location)
    where = locate(path, key=kind in ("extra_forbidden", "missing")) if locate else None
    if kind == "missing":
        return Problem("is required", dotted(path), where, remedy=_description(model, location))
    if kind == "extra_forbidden":
        return unknown_word(str(location[-1]), fields_at(model, location[:-1]), dotted(path), where)
    if isinstance(detail["input"], Token):
        return Problem("must be known when the program runs: a Pulumi output cannot stand here", dotted(path), where)
    given = None if isinstance(detail["input"], Mapping) else shown(detail["input"])
    if kind in ("model_type", "dict_type"):
        return Problem("must hold settings by name", dotted(path), where, given=given)
    if kind == "string_pattern_mismatch":
        text = _description(model, location)
        return Problem("is not written as it must be", dotted(path), where, given=given, remedy=text)
    if "error" in context:
        message, _, allowed = str(context["error"]).partition(": ")
        return Problem(message, dotted(path), where, given=given, allowed=allowed or None)
    if kind in ("too_short", "too_long"):
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        message = f"has too {'few' if kind == 'too_short' else 'many'} entries"
        return Problem(message, dotted(path), where, given=f"{len(detail['input'])}", allowed=bound)
    if kind in ("enum", "literal_error"):
        words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return unknown_word(str(detail["input"]), words, dotted(path), where, noun="value")
    message = detail["msg"].replace("Input should be", "must be")
    return Problem(message[0].lower() + message[1:], dotted(path), where, given=given)


_MANY = 40
"""More words than these hide the nearest one, which is then said alone."""


def unknown_word(word: str, allowed: Iterable[str], path: str, where: Position | None, noun: str = "word") -> Problem:
    """The Problem for a word that is none of `allowed`, with the nearest one that is."""
    allowed = sorted(allowed)
    near = nearest(word, allowed)
    return Problem(
        f"is no {noun} that may stand here",
        path,
        where,
        given=shown(word),
        allowed=", ".join(allowed) or "nothing" if near is None or len(allowed) <= _MANY else None,
        remedy=f"did you mean {near}?" if near else None,
    )


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word most like `word`, if one is like it at all."""
    return next(iter(get_close_matches(word, list(allowed), n=1, cutoff=0.6)), None)


def _known_part(location: tuple[int | str, ...], value: Any, *, missing: bool) -> Path:
    """`location` without the names that pydantic adds for unions and validators, which no file has."""
    path: list[int | str] = []
    for index, part in enumerate(location):
        found = _entry(value, part)
        if found is not _NOTHING:
            value = found
        elif not (missing and index == len(location) - 1):
            continue
        path.append(part)
    return tuple(path)


_NOTHING = object()


def _entry(value: Any, part: int | str) -> Any:
    """The entry of a mapping or a list; _NOTHING where there is none."""
    if isinstance(value, Mapping):
        return value.get(part, _NOTHING)
    if isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
        return value[part]
    return _NOTHING


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type annotation holds, through unions, Annotated and containers."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        arguments = arguments[:1]
    return [model for argument in arguments for model in models_in(argument)]


def _holds_items(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType, Annotated):
        return any(_holds_items(argument) for argument in get_args(annotation))
    return isinstance(origin, type) and issubclass(origin, Mapping | list | tuple)


def fields_at(model: type[BaseModel], path: Path) -> list[str]:
    """The words that may stand at `path` below `model`."""
    candidates: list[type[BaseModel]] = [model]
    item = False
    for part in path:
        if item:  # a key or an index of a container: the models stay
            item = False
            continue
        annotations = [c.model_fields[part].annotation for c in candidates if part in c.model_fields]
        candidates = [found for annotation in annotations for found in models_in(annotation)]
        item = any(_holds_items(annotation) for annotation in annotations)
    return sorted({name for candidate in candidates for name in candidate.model_fields})


def _description(model: type[BaseModel], path: Path) -> str | None:
    parents, name = path[:-1], path[-1]
    current: type[BaseModel] | None = model
    for part in parents:
        field = current.model_fields.get(str(part)) if current else None
        current = next(iter(models_in(field.annotation)), None) if field else current
    text = descriptions(current).get(str(name)) if current else None
    return f"write {name}: {text.splitlines()[0].rstrip('.')}" if text else None
