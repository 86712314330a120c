"""What every generated part of the pages shares: a field as a row, rows as a table, the commands there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from handrail.core.models import described

_DEFAULT = re.compile(r"[;.] [Dd]efault:? (?P<text>.+?)(?:\. (?=[A-Z])|\.?$)")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Rows as Markdown."""
    top, *lines = [f"| {' | '.join(line)} |" for line in [head, *rows]]
    return "\n".join([top, "|---" * len(head) + "|", *lines])


def plain(text: str) -> str:
    """One line of a table, in which what looks like a tag outside code is none."""
    parts = " ".join(text.replace("|", "\\|").split()).split("`")
    return "`".join(part.replace("<", "&lt;") if index % 2 == 0 else part for index, part in enumerate(parts))


def told(field: FieldInfo) -> tuple[str, str]:
    """What a field means, and its default: what its description says of that gets a column of its own."""
    text = plain(field.description or "")
    found = _DEFAULT.search(text)
    meaning = f"{text[: found.start()]}. {text[found.end() :]}".strip() if found else text
    if field.is_required():
        return meaning, "required"
    return meaning, found["text"] if found else shown(field.get_default(call_default_factory=True))


def shown(value: Any) -> str:
    """A default that the description does not name."""
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value or value == 0 else "none"


def own_first(model: type[BaseModel]) -> list[str]:
    """The fields of a model: what is required, then its own, then those that it inherits."""
    own = vars(model).get("__annotations__", {})
    fields = described(model).model_fields
    return sorted(fields, key=lambda name: (not fields[name].is_required(), name not in own))


def commands(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command below `found`, as `engine install` after `path`, with what Typer makes of it."""
    inner = getattr(found, "commands", None)
    if inner is None:
        yield " ".join(path), found
        return
    for name, each in inner.items():
        yield from commands(each, (*path, name))
