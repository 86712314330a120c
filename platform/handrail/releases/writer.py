"""Writing `releases/<environment>/<team>.yaml`: whole or not at all, one writer at a time, people's comments kept.

A workload that does not change stays byte for byte as it stands. A process that is killed at any moment leaves the file
as it was, or as it was to be.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from handrail.core.documents import MAX_BYTES, Document, display, parse
from handrail.core.errors import DocumentError, HandrailError, Position, Problem
from handrail.engine._cache import root as cache
from handrail.releases import read_document, releases_file
from handrail.releases._model import Release

Releases = Mapping[str, Release]
WAIT: Final = 30.0
"""Seconds that a writer waits for another one."""
_ATTEMPTS: Final = 5
_COMMENT = re.compile(r"^ {0,4}#.*$", re.M)


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change makes of a team's releases.

    Args:
        releases: all of them, by workload; one that is not there is taken out.
        copies: OpenAPI documents that pins name by their digest, by the name of their file in the team's folder.
        gone: the names of those that no pin names any more.
    """

    releases: Releases
    copies: Mapping[str, bytes] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


def edit_releases(root: Path, environment: str, team: str, change: Callable[[Releases], Edit]) -> Path:
    """Read, change and write a team's releases in an environment while no other writer does.

    Args:
        root: the directory of Pulumi.yaml.
        change: the releases as they are → as they are to be; called again where a person saved the file meanwhile.

    Raises:
        DocumentError: the file is no releases file, or cannot be written; it is left as it is.
        HandrailError: whatever `change` raises; nothing is written.
    """
    file = root / releases_file(environment, team)
    with _lock(file):
        for _ in range(_ATTEMPTS):
            before = _bytes(file)
            document = parse(before, display(file)) if before else None
            found = read_document(document) if document else {}
            edit = change(found)
            after = _edited(_text(before), document, found, edit.releases, display(file))
            folder = copies_folder(root, environment, team)
            for name, content in edit.copies.items():
                write_whole(folder / _coming(name), content)  # the old pin's copy stays until the new pin stands
            if _bytes(file) == before:  # a person's editor takes no lock
                if after != before:
                    write_whole(file, after)
                for name in edit.copies:
                    (folder / _coming(name)).replace(folder / name)
                for name in edit.gone - edit.copies.keys():
                    (folder / name).unlink(missing_ok=True)
                return file
    remedy = "close it in the editor that saves it, and try again"
    raise DocumentError(Problem("changes all the time", where=Position(display(file), 1), remedy=remedy))


def copies_folder(root: Path, environment: str, team: str) -> Path:
    """Where the OpenAPI documents of a team's releases stand."""
    return (root / releases_file(environment, team)).with_suffix("")


def _coming(name: str) -> str:
    """What a copy is called until its pin stands; whoever looks for a digest finds it under either name."""
    return f"{name.partition('.')[0]}.next.{name.partition('.')[2]}"


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that whoever reads it, after whatever happens, finds the old content or the new.

    Raises:
        DocumentError: it cannot be written.
    """
    try:
        _made(file.parent)
        for left in file.parent.glob(f".{file.name}.*.tmp"):  # a killed writer's
            left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o644)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync(file.parent)
    except OSError as error:
        raise DocumentError(Problem(f"cannot be written: {error.strerror}", where=Position(display(file), 1))) from None


def _made(folder: Path) -> None:
    if not folder.is_dir():
        _made(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Have the disk know the names in a folder; a system that cannot has no such promise to keep."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """One writer of a file at a time; the lock lies in the user's cache, where no `git add` finds it."""
    key = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:24]
    folder = cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"releases-{key}.lock", timeout=WAIT):
            yield
    except Timeout:
        remedy = f"wait for the other handrail to end: it has held it for more than {WAIT:g} seconds"
        raise DocumentError(Problem("is being written", where=Position(display(file), 1), remedy=remedy)) from None


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DocumentError(Problem(f"cannot be read: {error.strerror}", where=Position(display(file), 1))) from None


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig")


def _edited(text: str, document: Document | None, old: Releases, new: Releases, shown: str) -> bytes:
    """The file with other releases in it.

    Raises:
        DocumentError: the text is written in a way that cannot be changed piece by piece.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    head, blocks = _blocks(text, document, shown)
    for name in old.keys() - new.keys():
        del blocks[name]
    for name, release in new.items():
        if release != old.get(name):
            try:
                blocks[name] = _block(name, blocks.get(name, ""), plain(old.get(name)), plain(release), newline)
            except HandrailError:
                raise
            except Exception as error:  # ruamel has no one error for what it cannot do
                raise DocumentError(_unusual(shown, name, str(error).splitlines()[0])) from None
    after = head + "".join(blocks[name] for name in sorted(blocks))
    if read_document(parse(after, shown)) != dict(new):
        raise DocumentError(_unusual(shown, "", "what would be written is not what was to be"))
    return after.encode()


def _unusual(shown: str, name: str, why: str) -> Problem:
    return Problem(
        f"is written in a way that cannot be changed piece by piece ({why})", name, Position(shown, 1),
        remedy="write each workload below the one before it, indented, without anchors that reach into another",
    )  # fmt: skip


def _blocks(text: str, document: Document | None, shown: str) -> tuple[str, dict[str, str]]:
    """What stands above the first workload, and the text of each with the comment right above it."""
    names = list(document.data) if document and document.data else []
    marks = [document.keys[name,] for name in names] if document else []
    if any(mark.column for mark in marks):
        raise DocumentError(_unusual(shown, "", "all in one"))
    starts = [_start(text, mark.index) for mark in marks]
    ends = [*starts, len(text)][1:]
    head = text[: starts[0]] if starts else text
    newline = "\r\n" if "\r\n" in text else "\n"
    if head and not head.endswith("\n"):
        head += newline
    blocks = {name: text[start:end] for name, start, end in zip(names, starts, ends, strict=True)}
    return head, {name: each if each.endswith("\n") else each + newline for name, each in blocks.items()}


def _start(text: str, index: int) -> int:
    """Where the comment begins that stands right above what begins at `index`."""
    while index:
        line = text.rfind("\n", 0, index - 1) + 1
        if not text.startswith("#", line):
            break
        index = line
    return index


def _block(name: str, text: str, old: Mapping[str, Any], new: Mapping[str, Any], newline: str) -> str:
    """The text of one workload, changed where it is another than before."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 2**20  # a digest is one word
    yaml.representer.add_representer(_Moment, _moment)
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = text.replace("\r\n", "\n")
    loaded = yaml.load(text) if text else None
    if loaded and isinstance(loaded.get(name), dict):
        _change(loaded[name], old, new)
    else:
        loaded = {**(loaded or {}), name: _fresh(new)}
    stream = StringIO()
    yaml.dump(loaded, stream)
    written = stream.getvalue()
    # what stood between two settings goes with the first of them, to ruamel
    lost = [line for line in _COMMENT.findall(text) if line.strip() not in written]
    end = text[len(text.rstrip("\n")) :] or "\n"
    return ("".join(f"{line.strip()}\n" for line in lost) + written.rstrip("\n") + end).replace("\n", newline)


def _change(node: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    node.fa.set_block_style()  # a fact a line, so that two changes merge
    for word in old.keys() - new.keys():
        del node[word]
    for index, (word, value) in enumerate(new.items()):
        if isinstance(value, dict) and isinstance(node.get(word), dict):
            if value != old.get(word):
                _change(node[word], old.get(word, {}), value)
        elif word in node:
            if value != old.get(word):
                node[word] = _fresh(value, word)
        else:
            node.insert(min(index, len(node)), word, _fresh(value, word))


def _fresh(value: Any, word: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _fresh(item, key) for key, item in value.items()}
    return _Moment(value) if word == "at" else value


class _Moment(str):
    """A moment, which YAML writes without quotes."""


def _moment(representer: Any, value: _Moment) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:timestamp", str(value))


def plain(release: Release | None) -> dict[str, Any]:
    """A release as its file says it: what is a default is left out."""
    return release.model_dump(mode="json", exclude_defaults=True) if release else {}
