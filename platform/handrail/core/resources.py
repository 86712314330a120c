"""A plan's entries as plain data: what a component would register, in the spelling of Kubernetes.

A leaf of `Resource.inputs` is a JSON value or one of two tokens: `Given`, a value of the caller's that is known only to
the engine, and `Ref`, another entry's output. Both become Pulumi outputs at registration and nowhere else, so they
raise where plain data would silently go wrong: when formatted, compared or tested for truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

Path = tuple[str | int, ...]

_PLAIN: Final = frozenset({str, int, bool, float, type(None)})


class Token:
    """A leaf that is not known yet."""

    __slots__ = ()

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            f"{self!r} is known only to the engine: pass it on as a whole, do not format, compare or test it"
        )

    __str__ = __bool__ = __eq__ = __ne__ = __lt__ = __len__ = __iter__ = _refuse
    __format__ = _refuse
    __hash__ = object.__hash__


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Given(Token):
    """A value of the caller's that is a Pulumi output; opaque here."""

    output: Any = field(repr=False)

    def __repr__(self) -> str:
        return "Given(…)"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Ref(Token):
    """The output `property` (a dotted path, as `metadata.name`) of the plan's entry `resource`."""

    resource: str
    property: str

    def __repr__(self) -> str:
        return f"Ref({self.resource}.{self.property})"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource that a component would register.

    Args:
        name: its Pulumi name, `<component>-<role>`.
        type: its Pulumi type token, as `kubernetes:apps/v1:Deployment`.
        inputs: what it is registered with; for Kubernetes the whole manifest, camelCase.
        after: names of the plan's entries that must be ready before it.
        aliases: Pulumi names that it had before: under one of them it is the same, and nothing is replaced.
    """

    name: str
    type: str
    inputs: Mapping[str, Any]
    after: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The last part of the type token: `Deployment`."""
        return self.type.rpartition(":")[2]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf of nested mappings and sequences, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def words_in(value: Any) -> set[str] | None:
    """Every key in nested mappings and sequences; None where anything in them is not known yet."""
    words: set[str] = set()
    rest = [value]
    for each in rest:  # which grows on the way
        if isinstance(each, (list, tuple)):
            rest += [item for item in each if type(item) not in _PLAIN]
        elif isinstance(each, (dict, Mapping)):  # nearly always a dict, which is the quicker question
            words.update(each)
            rest += [item for item in each.values() if type(item) not in _PLAIN]
        elif isinstance(each, Token):
            return None
    return words


def replace_leaves(value: Any, replace: Callable[[Any], Any]) -> Any:
    """A copy of nested mappings and sequences with `replace` applied to each leaf."""
    if isinstance(value, Mapping):
        return {key: replace_leaves(item, replace) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_leaves(item, replace) for item in value]
    return replace(value)
