"""Times as people say them, and as programs read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def when(moment: datetime | None, now: datetime, *, short: bool = False) -> str:
    """A time as people say it: `3 March 12:30 UTC`, with the year where it is another; short, `3 Mar 12:30`."""
    if moment is None:
        return ""
    year = f" {moment.year}" if moment.year != now.year else ""
    return (
        f"{moment.day} {moment:%b}{year} {moment:%H:%M}"
        if short
        else f"{moment.day} {moment:%B}{year} {moment:%H:%M} UTC"
    )


def moment_text(value: Any) -> str:
    """A time in JSON: in UTC, with a Z."""
    assert isinstance(value, datetime), value
    return value.isoformat().replace("+00:00", "Z")
