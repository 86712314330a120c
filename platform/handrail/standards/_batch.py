"""The rules in CEL about one type of resource, evaluated together: what several of them read is converted once.

Where one of them fails, or the engine alone knows a value, each is asked alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from handrail.standards import cel
from handrail.standards.evidence import CONTAINERS, POD_SPECS, Subject
from handrail.standards.standard import Standard


@dataclass(frozen=True)
class Batch:
    """Standards with rules in CEL, all about resources of one type."""

    token: str
    standards: tuple[Standard, ...]

    @cached_property
    def _program(self) -> cel.Program | None:
        """The list of all rules' values; None where they are too long for one program, or one cannot be compiled."""
        try:
            # pods and containers are parts of the object: they need not be converted again; a rule may end in a comment
            rules = [f"({cel.inlined(each.text, self._parts)}\n)" for each in self.standards]
            return cel.compiled(f"[{', '.join(rules)}]")
        except cel.CelError:
            return None

    @cached_property
    def _parts(self) -> Mapping[str, str]:
        """What `variables.pod` and `variables.containers` are in `object`."""
        if self.token not in POD_SPECS:
            return {}
        pod = ".".join(("object", *POD_SPECS[self.token]))
        return {"pod": pod, "containers": " + ".join(f"{pod}.?{kind}.orValue([])" for kind in CONTAINERS)}

    def values(self, subject: Subject, bound: Any) -> Sequence[Any]:
        """The value of each standard's rule; None where it is to be asked alone.

        Args:
            bound: the subject's bindings, as `cel.bind` gave them.
        """
        if self._program and not subject.unknown and self._is_regular(subject):
            try:
                values: list[Any] = self._program.value(bound)
                return values
            except cel.CelError:  # one rule's error is all rules' here
                pass
        return [None] * len(self.standards)

    def _is_regular(self, subject: Subject) -> bool:
        """Whether `variables.pod` and `variables.containers` are what they are written out as."""
        pod = subject.pod
        return not self._parts or (
            isinstance(pod, Mapping) and all(isinstance(pod.get(kind, []), list) for kind in CONTAINERS)
        )
