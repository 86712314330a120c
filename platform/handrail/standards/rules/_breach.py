"""What a rule in Python finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from handrail.core.resources import Path
from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that a rule finds wrong, or can't decide yet.

    Args:
        message: a sentence without a full stop.
        given: what stands there.
        remedy: what to do; default: what the standard says.
    """

    subject: Subject
    path: Path
    message: str
    verdict: Verdict = Verdict.VIOLATION
    given: str | None = None
    remedy: str | None = None


Rule: TypeAlias = Callable[[Evidence, Sequence[Subject], Mapping[str, Any]], Iterator[Breach]]
"""A pure function: a workload's resources, those of them that the standard is about, its parameters → what it finds."""
