"""Every error Handrail raises, in one tree and without Pulumi.

HandrailError               something a person can mend; its text is complete
├── DocumentError           a file, a stack's config or a component's arguments are wrong
├── PlanError               a planned resource is one that Kubernetes would refuse or cut short
├── RefusedError            a standard refuses what was planned
├── ResolveError            a registry does not say what a name means now
├── EngineError             the Pulumi engine is missing, too old, or failed
└── RecorderError           a program could not be recorded

The Pulumi border (the component base class, the stack program) turns these into `pulumi.RunError`; the command line
prints them and ends with exit code 1. Neither ever shows a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where something stands in a file: line and column count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with all a person needs to mend it.

    Args:
        message: what is wrong, as a sentence without a full stop.
        path: the field, as `services.checkout.port`; empty for a whole file.
        where: the position in a file, when there is one.
        given: what was written, as written.
        allowed: what may stand there.
        remedy: what to do.
    """

    message: str
    path: str = ""
    where: Position | None = None
    given: str | None = None
    allowed: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        head = ": ".join(part for part in (str(self.where) if self.where else "", self.path, self.message) if part)
        lines = [head]
        for label, text in (("given", self.given), ("allowed", self.allowed), ("do", self.remedy)):
            if text is not None:
                lines.append(f"    {label + ':':<9}{text}")
        return "\n".join(lines)


class HandrailError(Exception):
    """The root. `str()` of it is all a user needs to see: every problem, at once.

    Args:
        problems: one sentence, one Problem, or all the problems found.
    """

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DocumentError(HandrailError):
    """A file, a stack's config or a component's arguments are wrong: every problem in it, at once."""


class PlanError(HandrailError):
    """A planned resource is not valid for the pinned Kubernetes version."""


class RefusedError(HandrailError):
    """A standard refuses what was planned; nothing was registered."""


class ResolveError(HandrailError):
    """A registry of images or models does not have a name, refuses to tell, or does not answer."""


class EngineError(HandrailError):
    """The Pulumi engine is missing, too old, or failed."""


class RecorderError(HandrailError):
    """A program could not be recorded: it raised, ran too long, or needed too much memory."""
