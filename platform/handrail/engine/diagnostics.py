"""The engine's diagnostics as text, read for what each error says."""

from __future__ import annotations

import re

_ERROR = re.compile(r"^\s*error: ", re.MULTILINE)
_SUMMARIES = ("update failed", "preview failed")
# an API server's own bookkeeping (a ResourceQuota's, of two objects made at once) went on between its read and write
_PASSES = "the object has been modified; please apply your changes to the latest version"


def reasons(said: str) -> list[str]:
    """Each error with the lines that follow it, without the engine's summary of them all."""
    return [each for each in _ERROR.split(said)[1:] if not each.startswith(_SUMMARIES)]


def passing(said: str) -> bool:
    """Whether all that failed met a change by somebody else at the same moment: asked again, it goes through."""
    errors = reasons(said)
    return bool(errors) and all(_PASSES in each for each in errors)
