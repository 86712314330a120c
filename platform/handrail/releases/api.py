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
from dataclasses import dataclass
from pathlib import Path

from handrail.core.documents import shown
from handrail.core.errors import DocumentError, EngineError, HandrailError, Position, Problem
from handrail.engine.tools import oasdiff
from handrail.releases._openapi import read_openapi

SECONDS = 60
"""How long oasdiff may take."""

NAMES = ("the earlier document", "the new document")
_NOT_READ, _NOT_COMPARED = 102, 104  # oasdiff's exit codes
_OURS = "use the version that `handrail engine install --oasdiff` builds"
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
            texts.append(json.dumps(read_openapi(raw, name)))
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
    data = read_openapi(document, "the OpenAPI document")
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
        raise EngineError(Problem("oasdiff's answer is not understood", given=shown(text), remedy=_OURS)) from None
    return tuple(sorted(found, key=lambda b: (b.level, b.path, b.operation, b.section, b.id, b.text)))


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
        raise _refused(done.returncode, done.stderr.decode(errors="replace").strip(), names)
    return done.stdout.decode(errors="replace")


def _refused(code: int, said: str, names: tuple[str, str]) -> HandrailError:
    """oasdiff's reason, at the document that it names; it tells no line."""
    remedy = "check it with a validator of OpenAPI 3.0; of 3.1, oasdiff reads what is written as in 3.0"
    if code == _NOT_COMPARED:
        message = f"{names[1]} cannot be compared with {names[0]}"
        return DocumentError(Problem(message, given=shown(said.removeprefix("Error: "), 400), remedy=remedy))
    for file, name in (("old.json", names[0]), ("new.json", names[1])):
        _, named, reason = said.partition(f'"{file}": ')
        if code == _NOT_READ and named:
            given = shown(reason.partition(", yaml error")[0], 400)
            message = "is no OpenAPI 3 document that oasdiff can read"
            return DocumentError(Problem(message, where=Position(name, 1), given=given, remedy=remedy))
    return EngineError(
        Problem(f"oasdiff failed with exit code {code}", given=shown(said or "it said nothing", 400), remedy=_OURS)
    )
