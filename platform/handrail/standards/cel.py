"""CEL as every door evaluates it: compiled once, with the names that a standard may use, and the fields that it reads.

Only what Kubernetes' admission knows as well may be written: the macros has, all, exists, exists_one, map, filter;
optional fields (`object.?spec`, `labels[?'x'].orValue('')`); the string functions. So one text decides at each door.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

from handrail.standards._reads import Reads, reads_of

ROOTS: Final = ("object", "variables.workload", "variables.environment", "variables.pod", "variables.containers")
"""`object` is the manifest; `workload` who it belongs to (name, component, team, persona, from its labels);
`environment` where it goes (name, tier); `pod` the pod's spec, wherever the kind keeps it; `containers` its
containers, initial ones included. A standard's own variables and its params are written out where they are named."""
FUNCTIONS: Final = (
    "has", "all", "exists", "exists_one", "map", "filter", "size", "contains", "startsWith", "endsWith", "matches",
    "charAt", "indexOf", "lastIndexOf", "join", "split", "replace", "substring", "trim", "lowerAscii", "upperAscii",
    "int", "uint", "double", "string", "bool", "type", "duration", "timestamp", "orValue", "or", "hasValue", "value",
)  # fmt: skip
"""What a rule may call, by name."""
MAX_LENGTH: Final = 4096
MAX_NESTING: Final = 3  # loops in loops: the cost is a power of the manifest's size, so its exponent is bounded

# text in quotes, or the name of a parameter or of a standard's own expression
_PARTS = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|\bvariables\.((?:params\.)?[A-Za-z_]\w*)""")
_WHERE = re.compile(r"<input>:(\d+):(\d+): (.*)")


class CelError(ValueError):
    """An expression that cannot be compiled: `str()` says why, `line` and `column` where, counted from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


@dataclass(frozen=True)
class Program:
    """A compiled expression.

    Args:
        text: what was compiled, the standard's own names written out.
    """

    text: str
    _compiled: Any

    @property
    def type(self) -> str:
        """What it gives, as CEL's words have it: BOOL, STRING, INT; DYN where that follows from the manifest."""
        return str(self._compiled.return_type())

    @cached_property
    def reads(self) -> Reads:
        """The fields that its value follows from; found when something is unknown, and when a standard is loaded."""
        return reads_of(self._compiled.serialize())

    def bounded(self) -> None:
        """Raises CelError where loops stand too deep in one another."""
        if self.reads.nesting > MAX_NESTING:
            raise CelError(f"nests {self.reads.nesting} loops in one another; at most {MAX_NESTING}")

    def value(self, bound: Any) -> Any:
        """Its value as plain data.

        Args:
            bound: what `bind` gave.

        Raises:
            CelError: it could not be evaluated, as where a field that it reads is missing.
        """
        found = self._compiled.eval(bound)
        if found.type().name() == "ERROR":
            raise CelError(str(found.value()))
        return found.plain_value()


def bind(values: Mapping[str, Any]) -> Any:
    """Values for the ROOTS, converted once for many programs."""
    return _environment().Activation(dict(values))


def inlined(text: str, names: Mapping[str, str]) -> str:
    """An expression with the standard's own names written out, so that each is evaluated where it is needed.

    Args:
        names: expressions by what follows `variables.`: `offending`, or `params.registries`.

    Raises:
        CelError: the names go in a circle, or make it too long.
    """

    def expand(part: str, inside: tuple[str, ...]) -> str:
        def replaced(found: re.Match[str]) -> str:
            quoted, name = found.groups()
            if quoted or name not in names:
                return found[0]
            if name in inside:
                raise CelError(f"variables.{name} is made of itself")
            return f"({expand(names[name], (*inside, name))})"

        whole = _PARTS.sub(replaced, part)
        if len(whole) > MAX_LENGTH:
            raise CelError(f"is longer than {MAX_LENGTH:,} characters with its names written out")
        return whole

    return expand(text, ())


def literal(value: object) -> str:
    """A parameter's value as CEL writes it: JSON's spelling is CEL's."""
    return json.dumps(value, ensure_ascii=False)


@cache
def compiled(text: str) -> Program:
    """The program of an expression, its own variables written out.

    Raises:
        CelError: it is no CEL, or names something undeclared.
    """
    try:
        expression = _environment().compile(text)
    except RuntimeError as error:
        found = _WHERE.search(str(error))
        if not found:
            raise CelError(str(error).splitlines()[0]) from None
        line, column, message = found.groups()
        # after `expecting` stands every word of the grammar
        said = message.partition(" (in container")[0].partition(" expecting {")[0]
        raise CelError(said, int(line), int(column)) from None
    return Program(text, expression)


@cache
def _environment() -> Any:
    # a compiled module: not before a rule is evaluated
    from cel_expr_python import cel  # type: ignore[import-untyped]
    from cel_expr_python.ext import ext_optional, ext_strings  # type: ignore[import-untyped]

    return cel.NewEnv(
        variables=dict.fromkeys(ROOTS, cel.Type.DYN), extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()]
    )
