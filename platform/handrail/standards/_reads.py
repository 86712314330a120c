"""Which fields an expression's value follows from, found in its syntax tree.

A field that only the engine knows makes a verdict unknown where the rule reads it, and nowhere else. The tree is CEL's
own (cel.expr.CheckedExpr); its few messages are declared here, since no package brings them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeAlias

from handrail.core.resources import Path

ANY: Final = "*"
"""In a path: any entry of a list or a mapping."""

# message → field number → name, and the message it holds; `text`, `number` and `flag` are plain; [] repeats
_MESSAGES: Mapping[str, Mapping[int, tuple[str, str]]] = {
    "Checked": {4: ("expr", "Expr")},
    "Expr": {
        3: ("constant", "Constant"), 4: ("ident", "Ident"), 5: ("select", "Select"), 6: ("call", "Call"),
        7: ("list", "List"), 8: ("struct", "Struct"), 9: ("loop", "Loop"),
    },
    "Constant": {3: ("number", "number"), 6: ("text", "text")},
    "Ident": {1: ("name", "text")},
    "Select": {1: ("operand", "Expr"), 2: ("field", "text"), 3: ("test_only", "flag")},
    "Call": {1: ("target", "Expr"), 2: ("function", "text"), 3: ("args", "Expr[]")},
    "List": {1: ("elements", "Expr[]")},
    "Struct": {2: ("entries", "Entry[]")},
    "Entry": {3: ("key", "Expr"), 4: ("value", "Expr")},
    "Loop": {
        1: ("iter_var", "text"), 2: ("iter_range", "Expr"), 3: ("accu_var", "text"), 4: ("accu_init", "Expr"),
        5: ("condition", "Expr"), 6: ("step", "Expr"), 7: ("result", "Expr"),
    },
}  # fmt: skip

Alias: TypeAlias = tuple[Path, int]
"""Where a value stands, and in how many lists made by the expression itself it was put."""


@dataclass(slots=True)
class Reads:
    """The fields of an expression: paths whose first part is a name that it may use.

    Args:
        values: fields whose value it needs, with all that is below them.
        shapes: fields of which it needs to know only whether, or how often, they are there.
        nesting: how many loops stand in one another.
    """

    values: set[Path] = field(default_factory=set)
    shapes: set[Path] = field(default_factory=set)
    nesting: int = 0

    def needs(self, leaf: Path) -> bool:
        """Whether the expression's value follows from what stands at `leaf`."""
        return any(_fits(leaf, path) for path in self.values) or any(
            len(leaf) <= len(path) and _fits(leaf, path) for path in self.shapes
        )


def _fits(leaf: Path, path: Path) -> bool:
    """Whether one of two paths leads through the other; an index fits any word, for either may be of a list."""
    return all(one == other or other == ANY or isinstance(one, int) for one, other in zip(leaf, path, strict=False))


def reads_of(serialized: bytes) -> Reads:
    """The reads of a compiled expression, given as cel.expr.CheckedExpr in an Any."""
    from google.protobuf.any_pb2 import Any as Wrapped

    tree = _messages()["Checked"].FromString(Wrapped.FromString(serialized).value)
    walk = _Walk(Reads())
    walk.use(walk.paths(tree.expr, {}, 0))
    return walk.reads


@dataclass(slots=True)
class _Walk:
    """One walk over a tree: each value by where it stands; what takes part in a result is read."""

    reads: Reads

    def use(self, found: Iterable[Alias]) -> None:
        self.reads.values |= {path for path, _ in found}

    def paths(self, node: Any, scope: Mapping[str, set[Alias]], depth: int) -> set[Alias]:
        kind = node.WhichOneof("kind") or ""
        return getattr(self, f"_{kind}")(getattr(node, kind), scope, depth) if kind else set()

    def _constant(self, _: Any, __: Any, ___: int) -> set[Alias]:
        return set()

    def _ident(self, node: Any, scope: Mapping[str, set[Alias]], _: int) -> set[Alias]:
        return scope.get(node.name, {((node.name,), 0)})

    def _select(self, node: Any, scope: Mapping[str, set[Alias]], depth: int) -> set[Alias]:
        if node.operand.WhichOneof("kind") == "ident" and node.operand.ident.name == "variables":
            return {((f"variables.{node.field}",), 0)}
        found = self._below(self.paths(node.operand, scope, depth), node.field)
        if node.test_only:
            self.reads.shapes |= {path for path, _ in found}
            return set()
        return found

    def _below(self, found: set[Alias], part: str) -> set[Alias]:
        self.use(alias for alias in found if alias[1])
        return {((*path, part), 0) for path, wraps in found if not wraps}

    def _call(self, node: Any, scope: Mapping[str, set[Alias]], depth: int) -> set[Alias]:
        parts = [*([node.target] if node.HasField("target") else []), *node.args]
        found = [self.paths(part, scope, depth) for part in parts]
        match node.function:
            case "_?._" | "_[_]" | "_[?_]":
                self.use(found[1])
                word = parts[1].constant.text if parts[1].WhichOneof("kind") == "constant" else ""
                return (
                    self._below(found[0], word or ANY) if not any(wraps for _, wraps in found[0]) else _inside(found[0])
                )
            case "_?_:_":
                self.use(found[0])
                return found[1] | found[2]
            case "_+_" | "orValue" | "or":
                return set().union(*found)
            case "size":
                self.reads.shapes |= {path for path, wraps in found[0] if not wraps}
                return set()
            case "@in" if parts[0].WhichOneof("kind") == "constant":
                self.use(self._below(found[1], parts[0].constant.text or ANY))
                return set()
        for each in found:
            self.use(each)
        return set()

    def _list(self, node: Any, scope: Mapping[str, set[Alias]], depth: int) -> set[Alias]:
        found: set[Alias] = set().union(*(self.paths(each, scope, depth) for each in node.elements))
        return {(path, wraps + 1) for path, wraps in found}

    def _struct(self, node: Any, scope: Mapping[str, set[Alias]], depth: int) -> set[Alias]:
        for entry in node.entries:
            self.use(self.paths(entry.key, scope, depth) | self.paths(entry.value, scope, depth))
        return set()

    def _loop(self, node: Any, scope: Mapping[str, set[Alias]], depth: int) -> set[Alias]:
        self.reads.nesting = max(self.reads.nesting, depth + 1)
        over = self.paths(node.iter_range, scope, depth)
        self.reads.shapes |= {path for path, wraps in over if not wraps}
        inside = {**scope, node.iter_var: _inside(over)}
        result = self.paths(node.accu_init, scope, depth)
        for _ in range(2):  # what a step adds may be read by the next
            inside[node.accu_var] = result
            self.use(self.paths(node.condition, inside, depth + 1))
            result = result | self.paths(node.step, inside, depth + 1)
        return self.paths(node.result, {**inside, node.accu_var: result}, depth)


def _inside(found: set[Alias]) -> set[Alias]:
    """The entries of lists."""
    return {(path, wraps - 1) if wraps else ((*path, ANY), 0) for path, wraps in found}


@cache
def _messages() -> Mapping[str, Any]:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    plain = {"text": F.TYPE_STRING, "number": F.TYPE_INT64, "flag": F.TYPE_BOOL}
    file = FileDescriptorProto(name="handrail/cel.proto", package="handrail.cel", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name == "Expr":
            message.oneof_decl.add(name="kind")
        for number, (label, of) in fields.items():
            many, of = of.endswith("[]"), of.removesuffix("[]")
            made = message.field.add(
                name=label, number=number, label=F.LABEL_REPEATED if many else F.LABEL_OPTIONAL,
                type=plain.get(of, F.TYPE_MESSAGE), type_name=None if of in plain else f".handrail.cel.{of}",
            )  # fmt: skip
            if name == "Expr":
                made.oneof_index = 0
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"handrail.cel.{name}")) for name in _MESSAGES}
