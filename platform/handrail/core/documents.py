"""YAML with positions: each value knows its file, line and column, and hostile text ends in a clear error.

Scalars follow YAML 1.2's core schema (`no` and `on` are text). Anchors, aliases and merge keys work, within a bound on
what they expand to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.resources import Path as FieldPath

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 200_000
MAX_TEXT = 4 * MAX_BYTES
MAX_KEY = 1024
MAX_PROBLEMS = 100

_INDICATORS = "[{-:?"  # whatever nests, or is one more value, needs one of them
_HARMLESS = 1000  # so many levels and values are composed without danger, and bounded as they are built

_TAG = "tag:yaml.org,2002:"
_TEXT = _TAG + "str"
_MERGE = _TAG + "merge"

_KNOWN: dict[str, str] = {}
"""The tags of plain scalars that were met: most of a manifest's words are the last one's as well."""
_SHORT, _MANY = 40, 10_000


class _Loader(yaml.CSafeLoader):
    """libyaml's parser with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers = {}

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """The tag of a node that has none; PyYAML's own asks for kinds of resolvers that are not used here."""
        if kind is not yaml.ScalarNode:
            return _TAG + ("seq" if kind is yaml.SequenceNode else "map")
        if not implicit[0]:  # it has quotes
            return _TEXT
        return _KNOWN.get(value) or self._resolved(value)

    def _resolved(self, value: str) -> str:
        resolvers = self.yaml_implicit_resolvers.get(value[:1], ())
        found = next((str(tag) for tag, pattern in resolvers if pattern.match(value)), _TEXT)
        if len(value) <= _SHORT and len(_KNOWN) < _MANY:
            _KNOWN[value] = found
        return found


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$", re.ASCII), _first)


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, with the position of every key (or list item) and every value.

    Args:
        data: mappings, lists, strings, numbers, booleans and None.
        start: where the text begins.
        text: what it was read from; empty: nobody knows more positions than the start.
    """

    data: Any
    start: Position
    text: str | bytes = ""

    @cached_property
    def root(self) -> Any:
        """The parser's node of all of it, which has the marks; None where the text is empty.

        It is composed again where somebody asks: most documents are kept for their data alone.
        """
        return _compose(_decoded(self.text))

    @property
    def file(self) -> str:
        """The name that errors show."""
        return self.start.file

    def where(self, path: FieldPath, *, key: bool = False) -> Position:
        """The position of `path`, or of the nearest thing around it that the file has."""
        node, mark = self.root, self.root.start_mark if self.root and not key else None
        for part in path:
            found = _entry(node, part)
            if found is None:
                break
            node, mark = found[1], found[0 if key else 1].start_mark
        return _position(self.start, mark) if mark else self.start

    def tops(self) -> list[tuple[str, Any]]:
        """Each key at the top of the file, in its order, with the parser's mark of where it begins."""
        pairs = self.root.value if isinstance(self.root, yaml.MappingNode) else []
        return [(key.value, key.start_mark) for key, _ in pairs if key.tag != _MERGE]


def load(path: Path, *, shown_as: str | None = None) -> Document:
    """Read a YAML file.

    Raises:
        DocumentError: it cannot be read, is no UTF-8 or no YAML, or is beyond one of the bounds above.
    """
    file = shown_as or display(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(Problem(f"cannot be read: {error.strerror}", where=Position(file, 1))) from None
    return parse(raw, file)


def display(path: Path) -> str:
    """A path as errors show it: relative to the working directory where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def parse(text: str | bytes, file: str, *, line: int = 1) -> Document:
    """Read YAML text; `file` is the name that errors show, `line` the text's first in it. Raises as `load` does."""
    start = Position(file, line)
    if len(text) > MAX_BYTES:
        raise DocumentError(Problem("is too large", where=start, allowed=f"at most {MAX_BYTES // 1024**2} MiB"))
    try:
        decoded = _decoded(text)
    except UnicodeDecodeError as error:
        raise DocumentError(Problem(f"is not UTF-8 text (byte {error.start})", where=start)) from None
    try:
        if sum(map(decoded.count, _INDICATORS)) > _HARMLESS:
            _bound(decoded, start)
        node = _compose(decoded)
    except yaml.MarkedYAMLError as error:
        where = _position(start, error.problem_mark) if error.problem_mark else start
        raise DocumentError(Problem(f"is not YAML: {error.problem or error.context}", where=where)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(Problem(f"is not YAML: {error}", where=start)) from None
    builder = _Builder(start)
    data = builder.build(node) if node is not None else None
    if builder.problems:
        raise DocumentError(builder.problems)
    return Document(data, start, text)


def _decoded(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8-sig")


def _entry(node: Any, part: str | int) -> tuple[Any, Any] | None:
    """The nodes of a key (or of a list's item) and of its value, merged ones included; None: there is none."""
    if isinstance(node, yaml.SequenceNode):
        return (node.value[part],) * 2 if isinstance(part, int) and part < len(node.value) else None
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if key.value == part and key.tag != _MERGE:
            return key, value
    merged = (source for key, value in reversed(node.value) if key.tag == _MERGE for source in _sources(value))
    return next((found for source in merged if (found := _entry(source, part))), None)


def _sources(node: Any) -> list[Any]:
    """What a merge key merges, the first before what it wins over."""
    return node.value if isinstance(node, yaml.SequenceNode) else [node]


def _position(start: Position, mark: Any) -> Position:
    return Position(start.file, start.line + mark.line, mark.column + 1)


def _bound(text: str, start: Position) -> None:
    """Refuse, before anything recurses or is kept, what is nested too deeply or holds too much."""
    depth = values = 0
    loader = _Loader(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.NodeEvent):
                values += 1
                depth += isinstance(event, yaml.CollectionStartEvent)
                if depth > MAX_DEPTH:
                    raise DocumentError(_too_deep(_position(start, event.start_mark)))
                if values > 2 * MAX_VALUES:  # keys as well
                    raise DocumentError(_too_many(_position(start, event.start_mark)))
    finally:
        loader.dispose()


def _too_deep(where: Position) -> Problem:
    return Problem("is nested too deeply", where=where, allowed=f"{MAX_DEPTH} levels")


def _too_many(where: Position) -> Problem:
    return Problem("holds too many values", where=where, allowed=f"at most {MAX_VALUES:,}, aliases expanded")


def _compose(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Builder:
    """Plain data from YAML nodes; gathers every problem on the way."""

    def __init__(self, start: Position) -> None:
        self.start = start
        self.problems: list[Problem] = []
        self._path: list[str | int] = []
        self._open: set[int] = set()
        self._built = 0
        self._text = 0

    def build(self, node: Any) -> Any:
        self._built += 1
        if self._built > MAX_VALUES:
            raise DocumentError(_too_many(self._at(node)))
        if type(node) is yaml.ScalarNode:
            self._text += len(node.value)
            if self._text > MAX_TEXT:
                limit = f"at most {MAX_TEXT // 1024**2} MiB, aliases expanded"
                raise DocumentError(Problem("holds too much text", where=self._at(node), allowed=limit))
            return node.value if node.tag == _TEXT else self._scalar(node)
        if id(node) in self._open:
            raise DocumentError(Problem("contains itself through an alias", dotted(self._path), self._at(node)))
        if len(self._open) >= MAX_DEPTH:  # an alias may stand in an alias
            raise DocumentError(_too_deep(self._at(node)))
        self._open.add(id(node))
        data = self._items(node) if type(node) is yaml.SequenceNode else self._mapping(node)
        self._open.discard(id(node))
        return data

    def _at(self, node: Any) -> Position:
        return _position(self.start, node.start_mark)

    def _add(self, message: str, node: Any, *more: str, **said: str) -> None:
        """One more problem, of a key below where it is where one is given."""
        where = self._at(node)
        self.problems.append(Problem(message, dotted((*self._path, *more)), where, **said))
        if len(self.problems) == MAX_PROBLEMS:
            raise DocumentError([*self.problems, Problem("may have more problems after these", where=where)])

    def _items(self, node: Any) -> list[Any]:
        found = []
        for index, item in enumerate(node.value):
            self._path.append(index)
            found.append(self.build(item))
            self._path.pop()
        return found

    def _mapping(self, node: Any) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged |= self._merge(value_node, key_node)
                continue
            if type(key_node) is not yaml.ScalarNode:
                self._add("a key must be text", key_node)
                continue
            key = key_node.value
            if len(key) > MAX_KEY or not key.isprintable():
                limit = f"at most {MAX_KEY:,} characters that can be seen"
                self._add("is no key", key_node, given=shown(key), allowed=limit)
                continue
            if key in result:
                first = self._at(next(each for each, _ in node.value if each.value == key and each.tag != _MERGE)).line
                self._add(f"is written twice, first on line {first}", key_node, key)
                continue
            if value_node.tag == _TEXT and type(value_node) is yaml.ScalarNode:  # as most: nothing is wrong with it
                result[key] = self.build(value_node)
                continue
            self._path.append(key)
            result[key] = self.build(value_node)
            self._path.pop()
        return merged | result if merged else result

    def _merge(self, node: Any, key: Any) -> dict[str, Any]:
        sources = _sources(node)
        if not all(isinstance(source, yaml.MappingNode) for source in sources):
            self._add("<< merges mappings only", key)
            return {}
        result: dict[str, Any] = {}
        for source in reversed(sources):
            result |= self.build(source)
        return result

    def _scalar(self, node: Any) -> Any:
        kind = node.tag.removeprefix(_TAG)
        convert = _SCALARS.get(kind)
        if convert is None:
            self._add(f"has a tag that means nothing here: {shown(node.tag)}", node)
            return None
        try:
            return convert(node.value)
        except ValueError:
            self._add(f"is not a {kind}", node, given=shown(node.value))
            return None


_DIGITS = 1000  # more than Python writes out again, were they hexadecimal


def _integer(text: str) -> int:
    digits = text.lower()
    if len(digits) > _DIGITS:
        raise ValueError
    return int(digits, 8 if digits.startswith("0o") else 16 if digits.startswith("0x") else 10)


_SCALARS: Mapping[str, Any] = {
    "str": str,
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
    "merge": str,
}


def dotted(path: Iterable[str | int]) -> str:
    """A field path as people read it: `containers[0].image`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def undotted(text: str) -> FieldPath:
    """The field path that `dotted` wrote; a key with a dot in it comes apart."""
    parts: list[str | int] = []
    for part in text.split(".") if text else ():
        name, *indexes = part.split("[")
        parts += [*([name] if name else []), *(int(each.rstrip("]")) for each in indexes if each.rstrip("]").isdigit())]
    return tuple(parts)


def shown(value: object, limit: int = 80) -> str:
    """A value as an error shows it, cut to `limit` characters."""
    text = value if isinstance(value, str) else repr(value)
    text = text[: limit + 1]
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return text if len(text) <= limit else text[: limit - 1] + "…"
