"""Whether a version of an API keeps the promises of the one before: OpenAPI documents, compared by oasdiff.

    for broken in breaking_changes(earlier, now):
        print(broken.level, broken.operation, broken.path, broken.text)

oasdiff has two levels that matter here. An *error* breaks a client that keeps to the earlier document: a path, a method
or a property of a response that is gone, a parameter that is asked for now. A *warning* may break one, depending on
what it does with the answer: an enumeration of a response that grows, an optional property that is gone. Errors are
breaking changes; warnings are advice. An operation that the earlier document called deprecated, with an `x-sunset`
that is past, may go.

What is compared is what the documents say, not what a service does. oasdiff 1.11 knows OpenAPI 3.0 and reads the parts
of 3.1 that are written alike; a document that it cannot read is an error, never "nothing breaks". Since documents come
from pull requests, they are read in full here first: a reference to another file or address is refused before oasdiff
(which would follow it) sees it, and oasdiff is given the plain data that was checked, in a folder and an environment
of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.core.documents import MAX_BYTES, MAX_DEPTH, Document, dotted, parse, shown
from handrail.core.errors import DocumentError, EngineError, HandrailError, Position, Problem
from handrail.core.resources import Path as FieldPath
from handrail.engine.tools import oasdiff

SECONDS = 60
"""How long oasdiff may take."""

NAMES = ("the earlier document", "the new document")
_LEVELS = {3: "error", 2: "warning"}


@dataclass(frozen=True, slots=True)
class ApiBreak:
    """One change that breaks clients, or may.

    Args:
        id: oasdiff's name of the rule, as `response-required-property-removed`.
        level: `error` (clients break) or `warning` (they may).
        text: what changed, as a sentence without a full stop.
        operation: the method, as `GET`; empty for a change outside the paths.
        path: as `/orders/{id}`; empty for a change outside the paths.
        section: of the document: `paths`, `components`, `security`.
    """

    id: str
    level: str
    text: str
    operation: str
    path: str
    section: str

    @property
    def breaking(self) -> bool:
        """Whether it is an error; a warning is advice."""
        return self.level == "error"

    def __str__(self) -> str:
        return f"{' '.join(part for part in (self.operation, self.path) if part) or self.section}: {self.text}"


def breaking_changes(old: bytes, new: bytes, names: tuple[str, str] = NAMES) -> tuple[ApiBreak, ...]:
    """What a client of `old` may no longer rely on in `new`: errors first, then warnings, each by path and method.

    Args:
        old: the earlier OpenAPI document, as YAML or JSON.
        new: the later one.
        names: what errors call the two, as the names of their files.

    Raises:
        DocumentError: one of them is no OpenAPI 3 document, refers to something outside itself, or cannot be compared.
        EngineError: there is no oasdiff to be had.
    """
    problems: list[Problem] = []
    texts: list[str] = []
    for raw, name in zip((old, new), names, strict=True):
        try:
            texts.append(json.dumps(_openapi(raw, name)))
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return read_changes(_compare(texts[0], texts[1], names))


def api_digest(document: bytes) -> str:
    """`sha256:…` of what an OpenAPI document says: its layout, comments, key order and YAML or JSON do not count.

    Raises:
        DocumentError: it is no OpenAPI 3 document, or refers to something outside itself, which could change unseen.
    """
    data = _openapi(document, "the OpenAPI document")
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_changes(text: str) -> tuple[ApiBreak, ...]:
    """The changes in oasdiff's JSON, in an order that is always the same.

    Raises:
        EngineError: it is not what oasdiff 1.11 and later write.
    """
    try:
        found = {
            ApiBreak(
                each["id"],
                _LEVELS[each["level"]],
                each["text"],
                each.get("operation", ""),
                each.get("path", ""),
                each.get("section", ""),
            )
            for each in json.loads(text) or ()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        remedy = "use the version that `handrail engine install --oasdiff` builds"
        raise EngineError(Problem("oasdiff's answer is not understood", given=shown(text), remedy=remedy)) from None
    return tuple(sorted(found, key=lambda b: (b.level, b.path, b.operation, b.section, b.id, b.text)))


def _openapi(raw: bytes, name: str) -> Mapping[str, Any]:
    """A document's data, once it is sure to be OpenAPI 3 and complete in itself."""
    document = _json(raw, name) or parse(raw, name)
    if problems := list(_problems(document)):
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
        document = Document(json.loads(raw, object_pairs_hook=_unique), Position(name, 1), {}, {})
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
    if not isinstance(data.get("paths", {}), Mapping):
        yield Problem("must hold paths", "paths", document.where(("paths",)), given=shown(data["paths"]))
    yield from _outside(document)


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


def _compare(old: str, new: str, names: tuple[str, str]) -> str:
    """What oasdiff prints of two documents, run without the caller's environment, files and settings."""
    command = [str(oasdiff()), "breaking", "old.json", "new.json", "--format", "json"]
    with tempfile.TemporaryDirectory(prefix="handrail-api-") as folder:
        for file, text in (("old.json", old), ("new.json", new)):
            Path(folder, file).write_text(text, encoding="ascii")
        environment = {"HOME": folder, "PATH": os.defpath, "GOMEMLIMIT": "1GiB"}
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise DocumentError(
                Problem(
                    f"{names[1]} was not compared with {names[0]} within {SECONDS} seconds", remedy="make it smaller"
                )
            ) from None
        except OSError as error:
            raise EngineError(Problem(f"oasdiff does not run: {error.strerror}", given=command[0])) from None
    if done.returncode:
        raise _refused(done.stderr.decode(errors="replace").strip(), names)
    return done.stdout.decode(errors="replace")


def _refused(said: str, names: tuple[str, str]) -> HandrailError:
    """oasdiff's reason, at the document that it names; it tells no line."""
    for file, name in (("old.json", names[0]), ("new.json", names[1])):
        _, named, reason = said.partition(f'"{file}": ')
        if named:
            given = shown(reason.partition(", yaml error")[0], 400)
            remedy = "check it with a validator of OpenAPI 3.0; of 3.1, oasdiff reads what is written as in 3.0"
            message = "is no OpenAPI 3 document that oasdiff can read"
            return DocumentError(Problem(message, where=Position(name, 1), given=given, remedy=remedy))
    remedy = "use the version that `handrail engine install --oasdiff` builds"
    return EngineError(Problem("oasdiff failed", given=shown(said or "it said nothing", 400), remedy=remedy))
