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
    if isinstance(value, Token):
        yield path, value
    elif not pattern:
        yield path, ABSENT if value is None else value
    elif pattern[0] == EACH:
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from read(item, pattern[1:], (*path, index))
    else:
        inside = value.get(pattern[0]) if isinstance(value, Mapping) else None
        if inside is None:
            yield (*path, *pattern), ABSENT
        else:
            yield from read(inside, pattern[1:], (*path, pattern[0]))


def read_one(value: Any, pattern: tuple[str, ...], path: Path = ()) -> Read:
    """What stands at a pattern without a `*`."""
    return next(read(value, pattern, path))
