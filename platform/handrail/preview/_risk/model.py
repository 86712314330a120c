"""The classes of risk, and what an assessment says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from handrail.core.resources import Resource


class Risk(StrEnum):
    """What a change of a resource may do, the worst first: what cannot be undone, then what nobody notices."""

    DATA_LOSS = "data loss"
    SECURITY = "security"
    TRAFFIC = "traffic"
    REPLACEMENT = "replacement"
    ROLLING_RESTART = "rolling restart"
    NONE = "none"

    @property
    def severity(self) -> int:
        """0 for none, higher is worse."""
        return len(_ORDER) - 1 - _ORDER.index(self)


_ORDER = list(Risk)


@dataclass(frozen=True, slots=True)
class Assessment:
    """One thing that a change does: its class, why in a sentence without a full stop, the field that decides it."""

    risk: Risk
    reason: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """What one resource keeps, serves, opens or shuts.

    Args:
        key: what it is, for comparison between two revisions; a part `*` stands for any.
        reason: what is said where it is gone, or new.
        path: the field it stands in.
        anew: whether it is worth a word in a resource that is new as a whole.
        outlives: whether what it keeps stays when its resource goes.
    """

    key: tuple[str, ...]
    reason: str
    path: str
    anew: bool = False
    outlives: bool = False

    def covers(self, other: Fact) -> bool:
        """Whether it is `other`, or more than that."""
        return len(self.key) == len(other.key) and all(
            mine in ("*", its) for mine, its in zip(self.key, other.key, strict=True)
        )


Facts: TypeAlias = Callable[[Resource], Iterator[Fact]]


def beyond(mine: list[Fact], others: list[Fact], covers: Callable[[Fact, Fact], bool] = Fact.covers) -> Iterator[Fact]:
    """Those of `mine` that none of `others` covers."""
    for fact in mine:
        if not any(covers(other, fact) for other in others):
            yield fact
