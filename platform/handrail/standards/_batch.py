"""The rules in CEL about one type of resource, evaluated together: much of an evaluation's cost is its start, and what
several rules read is converted once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from handrail.standards import cel
from handrail.standards.evidence import Subject
from handrail.standards.standard import Standard


@dataclass(frozen=True)
class Batch:
    """Standards with rules in CEL, all about the same resources."""

    standards: tuple[Standard, ...]

    @cached_property
    def _program(self) -> cel.Program | None:
        """The list of all rules' values; None where they are too long for one program, or one cannot be compiled."""
        try:
            rules = [f"({each.rule.text}\n)" for each in self.standards if each.rule]  # one may end in a comment
            return cel.compiled(f"[{', '.join(rules)}]")
        except cel.CelError:
            return None

    def satisfied(self, subject: Subject, bound: Any) -> Iterator[tuple[Standard, bool]]:
        """Each standard, and whether it is satisfied for sure; else it is to decide by itself, and says why.

        Args:
            bound: the subject's bindings, as `cel.bind` gave them.
        """
        values = None
        if self._program and not subject.unknown:
            try:
                values = self._program.value(bound)
            except cel.CelError:  # one rule's error is all rules' here
                values = None
        for index, standard in enumerate(self.standards):
            yield standard, values is not None and values[index] is True
