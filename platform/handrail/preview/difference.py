"""What differs between two resources, field by field: an item of a list is known by its name, not by its place.

General libraries were looked at first: deepdiff pairs items by its own measure of likeness, and takes a quarter of a
second to import; what is needed is a name for each leaf, after which two mappings are compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from handrail.core.resources import Ref, Resource, Token
from handrail.preview.report import AT_UP, FieldChange, cut

_ABSENT: Final = object()
_KEYS: Final = ("name", "mountPath", "key", "topologyKey", "alert", "record", "type")
"""By which an item of a list is known, the first that all items have and that tells them apart."""
_NOISE: Final = frozenset({"metadata.labels.handrail.dev/contract"})
"""What changes on every resource at once, and does nothing to what runs."""
_LONG: Final = 160  # characters of a text that is still shown whole


@dataclass(frozen=True, slots=True)
class Difference:
    """The fields that differ, and whether something did that is not worth a line."""

    fields: tuple[FieldChange, ...] = ()
    noise: int = 0


def difference(before: Resource, after: Resource) -> Difference:
    """What differs between a resource as it was and as it is."""
    secret = _is_secret(after)
    found = list(_differ(before.inputs, after.inputs, ""))
    told = [_change(path, old, new, secret) for path, old, new in found if path not in _NOISE]
    return Difference(tuple(told), len(found) - len(told))


def _is_secret(resource: Resource) -> Callable[[str], bool]:
    """Which paths hold what nobody may read."""
    return lambda path: resource.type == "kubernetes:core/v1:Secret" and path.startswith(("data", "stringData"))


def _change(path: str, old: Any, new: Any, secret: Callable[[str], bool]) -> FieldChange:
    if secret(path):
        old, new = (value if value is _ABSENT else "(secret)" for value in (old, new))
    elif isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > _LONG:
        old, new = _first_difference(old, new)
    return FieldChange(path=cut(path, 300), before=_shown(old), after=_shown(new))


def _first_difference(old: str, new: str) -> tuple[str, str]:
    """The first line, or the first part, at which two long texts differ."""
    pairs = zip_longest(old.splitlines(), new.splitlines(), fillvalue="")
    before, after = next(((a, b) for a, b in pairs if a != b), (old, new))
    start = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    if max(len(before), len(after)) <= _LONG:
        return before, after
    begin = max(0, start - 20)
    return tuple(f"{'…' if begin else ''}{cut(text[begin:], _LONG)}" for text in (before, after))  # type: ignore[return-value]


def _differ(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Path, what was and what is there, of each leaf that differs; what is known only at up differs from nothing."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            yield from _differ(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        yield from _lists(before, after, path)
    elif not _same(before, after):
        yield from _leaves(before, after, path)


def _leaves(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """What is there on one side alone, leaf by leaf; of two kinds of things, both whole."""
    value = after if before is _ABSENT else before
    alone = before is _ABSENT or after is _ABSENT
    if alone and value and isinstance(value, Mapping):
        for key, item in value.items():
            old, new = (_ABSENT, item) if before is _ABSENT else (item, _ABSENT)
            yield from _leaves(old, new, f"{path}.{key}" if path else str(key))
    elif alone and isinstance(value, list | tuple) and _holds_mappings(value):
        yield from _lists(() if before is _ABSENT else value, value if before is _ABSENT else (), path)
    else:
        yield path, before, after


def _lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    if not _holds_mappings(before, after):  # as a command, whose order counts
        if list(before) != list(after):
            yield path, list(before), list(after)
        return
    key = _key_of(before, after)
    if key is None:
        yield from _by_content(before, after, path)
        return
    olds, news = ({str(item[key]): item for item in items} for items in (before, after))
    for name in {**olds, **news}:
        old, new = olds.get(name, _ABSENT), news.get(name, _ABSENT)
        if old is _ABSENT or new is _ABSENT:  # its path says the name already
            old, new = (_without(item, key) for item in (old, new))
        yield from _differ(old, new, f"{path}[{name}]")
    if list(olds) != list(news) and olds.keys() == news.keys():
        yield f"{path} (their order)", ", ".join(olds), ", ".join(news)


def _without(item: Any, key: str) -> Any:
    return item if item is _ABSENT or len(item) == 1 else {word: value for word, value in item.items() if word != key}


def _holds_mappings(*lists: Sequence[Any]) -> bool:
    return any(isinstance(item, (Mapping, list, tuple, Token)) for items in lists for item in items)


def _key_of(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """The field by which the items of two lists are known."""
    for key in _KEYS:
        names = [[item.get(key) for item in items if isinstance(item, Mapping)] for items in (before, after)]
        if all(
            len(found) == len(items) and all(isinstance(each, str | int) for each in found)
            and len(set(map(str, found))) == len(found)
            for found, items in zip(names, (before, after), strict=True)
        ):  # fmt: skip
            return key
    return None


def _by_content(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Items that have no name: the same ones cancel out; of as many on both sides each is compared with its like."""
    gone, come = [(_text(item), item) for item in before], []
    for index, item in enumerate(after):
        same = next((place for place, (text, _) in enumerate(gone) if text == _text(item)), None)
        if same is None:
            come.append((index, item))
        else:
            del gone[same]
    if not gone and not come:
        if any(_text(old) != _text(new) for old, new in zip(before, after, strict=True)):
            yield f"{path} (their order)", f"{len(before)} items", "the same in another order"
    elif len(gone) == len(come):
        for (_, old), (index, new) in zip(gone, come, strict=True):
            yield from _differ(old, new, f"{path}[{index}]")
    else:
        yield from ((f"{path}[]", item, _ABSENT) for _, item in gone)
        yield from ((f"{path}[]", _ABSENT, item) for _, item in come)


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, Token) or isinstance(after, Token):
        if isinstance(before, Ref) and isinstance(after, Ref):
            return _text(before) == _text(after)
        return isinstance(before, Token) and isinstance(after, Token)
    return before is after or (type(before) is type(after) and before == after)


def _text(value: Any) -> str:
    return json.dumps(value, default=_named, sort_keys=True)


def _named(token: Any) -> str:
    if isinstance(token, Ref):
        return f"{token.resource}.{token.property}"
    if isinstance(token, Token):
        return AT_UP
    raise TypeError(f"{type(token).__name__} is no plain data")


def _shown(value: Any) -> str | None:
    """A value as text, within its bound; None: there is none."""
    if value is _ABSENT:
        return None
    if isinstance(value, Ref):
        return cut(f"{AT_UP}: {_named(value)}", 300)
    if isinstance(value, Token):
        return AT_UP
    return cut(value if isinstance(value, str) else json.dumps(value, default=_named, ensure_ascii=False), 300)
