"""A baseline: the violations that a team started with, so that only new ones are refused."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handrail.check.model import Checked, Report, State
from handrail.core.documents import display
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.revisions import text_in

VERSION = 1
_FIELDS = ("standard", "workload", "resource")


@dataclass(frozen=True, slots=True)
class Baseline:
    """Violations by standard, workload and resource."""

    keys: frozenset[tuple[str, str, str]] = frozenset()

    def applied(self, report: Report) -> Report:
        """The report, in which what is in the baseline is known."""
        return replace(report, checked=tuple(replace(each, known=each.key in self.keys) for each in report.checked))

    @classmethod
    def of(cls, checked: Iterable[Checked]) -> Baseline:
        """The baseline of what would be refused now."""
        return cls(frozenset(each.key for each in checked if each.state in (State.REFUSED, State.BASELINE)))

    def dumps(self) -> str:
        """As JSON, sorted, an entry a line, so that merges are easy."""
        entries = [json.dumps(dict(zip(_FIELDS, key, strict=True))) for key in sorted(self.keys)]
        return f'{{"version": {VERSION}, "findings": [\n' + ",\n".join(f"  {each}" for each in entries) + "\n]}\n"


def read_baseline(file: Path, revision: str | None = None) -> Baseline:
    """A baseline as it is in a file, or as it was in a revision: a pull request cannot excuse itself.

    Args:
        revision: of git, as `origin/main`; None: the file as it is.

    Raises:
        DocumentError: it cannot be read, or is none.
    """
    # one that was not there yet excuses nothing
    text = (text_in(revision, file) or Baseline().dumps()) if revision else _of_file(file)
    where = Position(f"{revision}:{display(file)}" if revision else display(file), 1)
    try:
        found: Any = json.loads(text)
        if found["version"] != VERSION:
            raise DocumentError(Problem("is of another version", where=where, given=str(found["version"]), allowed="1"))
        return Baseline(frozenset((each["standard"], each["workload"], each["resource"]) for each in found["findings"]))
    except (ValueError, KeyError, TypeError) as error:
        remedy = "write it anew with --write-baseline"
        raise DocumentError(Problem(f"is no baseline ({error})", where=where, remedy=remedy)) from None


def _of_file(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise DocumentError(Problem(f"cannot be read: {error}", where=Position(display(file), 1))) from None
