"""The engine's own log of what happens, as Pulumi's Automation API reads it: what goes to a terminal stays as it is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLES = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Without it the engine has no such flag."""


@contextmanager
def event_log() -> Iterator[Path]:
    """A file for one command's `--event-log`, nobody else's to read, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="handrail-events-") as folder:
        yield Path(folder) / "events"


def errors(log: Path) -> Iterator[str]:
    """What the engine said of errors; nothing where it came to no log."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line).get("diagnosticEvent") or {}
        except (ValueError, AttributeError):  # cut short, where the engine was killed
            continue
        if event.get("severity") == "error":
            yield str(event.get("message", ""))
