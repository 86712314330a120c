"""OpenAPI documents as plain data: YAML or JSON, of version 3, and whole: without a reference to anything outside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from handrail.core.documents import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, Document, dotted, parse, shown
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.resources import Path as FieldPath

_MAPPINGS = {"info": "title and version", "paths": "paths"}


def read_openapi(raw: bytes, name: str) -> Mapping[str, Any]:
    """A document's data, once it is sure to be OpenAPI 3 and complete in itself.

    Raises:
        DocumentError: every problem, with its position.
    """
    document = _json(raw, name) or parse(raw, name)
    if problems := list(islice(_problems(document), MAX_PROBLEMS)):
        raise DocumentError(problems)
    data: Mapping[str, Any] = document.data
    return data


def _json(raw: bytes, name: str) -> Document | None:
    """JSON is read as such: that is much faster, and it may hold what YAML may not (halves of characters).

    None where it is none, or where something is wrong whose position YAML knows.
    """
    if len(raw) > MAX_BYTES:
        return None
    try:
        document = Document(json.loads(raw, object_pairs_hook=_unique), Position(name, 1))
    except (ValueError, RecursionError):
        return None
    if any(_problems(document)):
        with suppress(DocumentError):
            return parse(raw, name)
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError
    return found


def _problems(document: Document) -> Iterator[Problem]:
    """Why a document cannot be compared."""
    data = document.data
    if not isinstance(data, Mapping):
        yield Problem("is no OpenAPI document: it holds no mapping", where=document.where(()))
        return
    field = "openapi" if "openapi" in data or "swagger" not in data else "swagger"
    version = data.get(field, "nothing")
    if field == "swagger" or not isinstance(version, str) or not version.startswith("3."):
        yield Problem(
            "is no OpenAPI 3 document",
            field,
            document.where((field,)),
            given=shown(version),
            allowed='a version as text: openapi: "3.0.3"',
            remedy="convert it to OpenAPI 3" if field == "swagger" else None,
        )
        return
    yield from (
        Problem(f"must hold {what}", field, document.where((field,)), given=shown(data.get(field, "nothing")))
        for field, what in _MAPPINGS.items()
        if not isinstance(data.get(field), Mapping)
    )
    yield from _paths(document)
    yield from _outside(document)


def _paths(document: Document) -> Iterator[Problem]:
    paths = document.data.get("paths")
    for path, methods in paths.items() if isinstance(paths, Mapping) else ():
        where = document.where(("paths", path), key=True)
        if path.startswith("x-"):
            continue
        if not path.startswith("/"):
            yield Problem("is no path", dotted(("paths", path)), where, given=shown(path), allowed="/orders/{id}")
        if not isinstance(methods, Mapping):
            allowed = "methods, as get: {responses: …}"
            yield Problem("must hold methods", dotted(("paths", path)), where, given=shown(methods), allowed=allowed)


def _outside(document: Document) -> Iterator[Problem]:
    """Every `$ref` to another file or address, in any case of letters, as Go reads keys; and nesting without end."""
    waiting: list[tuple[FieldPath, Any]] = [((), document.data)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > MAX_DEPTH:
            yield Problem("is nested too deeply", where=document.where(path), allowed=f"{MAX_DEPTH} levels")
            return
        items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            if isinstance(inner, str):
                if isinstance(key, str) and key.casefold() == "$ref" and not inner.startswith("#"):
                    yield Problem(
                        "refers to something outside the document",
                        dotted((*path, key)),
                        document.where((*path, key)),
                        given=shown(inner),
                        allowed="#/…, within the document",
                        remedy="bundle the document into one file",
                    )
            elif isinstance(inner, Mapping | list):
                waiting.append(((*path, key), inner))
