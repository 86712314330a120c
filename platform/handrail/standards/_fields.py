"""Reading a field of a planned resource by its path, where a token may stand anywhere on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from handrail.core.resources import Path, Token

EACH: Final = "*"
"""In a pattern: every entry of the list."""


class Absent:
    """Nothing stands there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()

Read: TypeAlias = tuple[Path, Any]
"""A concrete path and what stands there: a value, a Token, or ABSENT."""


def read(value: Any, pattern: tuple[str, ...], path: Path = ()) -> Iterator[Read]:
    """What stands at `pattern` below `value`: one answer, or one for each list entry at a `*`.

    A token on the way answers for everything below it. Null counts as absent, as it does for the API server.
    """
    if EACH not in pattern:
        yield read_one(value, pattern, path)
        return
    at = pattern.index(EACH)
    where, entries = read_one(value, pattern[:at], path)
    if entries is ABSENT and at:
        yield (*path, *pattern), ABSENT
    elif isinstance(entries, Token):
        yield where, entries
    elif isinstance(entries, (list, tuple)):
        for index, item in enumerate(entries):
            yield from read(item, pattern[at + 1 :], (*where, index))


def read_one(value: Any, pattern: tuple[str, ...], path: Path = ()) -> Read:
    """What stands at a pattern without a `*`."""
    for depth, part in enumerate(pattern):
        if isinstance(value, Token):
            return (*path, *pattern[:depth]), value
        value = value.get(part) if isinstance(value, (dict, Mapping)) else None
        if value is None:
            break
    return (*path, *pattern), ABSENT if value is None else value
