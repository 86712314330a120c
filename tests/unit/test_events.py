"""What the engine's own log tells of errors."""

import json
from pathlib import Path

from handrail.engine.events import errors, event_log


def test_errors_alone(tmp_path: Path) -> None:
    """In their order; other events, other severities, and a line that a kill cut short are passed over."""
    events = [
        {"sequence": 1, "preludeEvent": {"config": {}}},
        {"sequence": 2, "diagnosticEvent": {"severity": "warning", "message": "beware"}},
        {"sequence": 3, "diagnosticEvent": {"severity": "error", "message": "first", "urn": "urn:pulumi:x"}},
        {"sequence": 4, "diagnosticEvent": {"severity": "error", "message": "second"}},
    ]
    log = tmp_path / "events"
    log.write_text("\n".join([*map(json.dumps, events), "[]", '{"sequence": 5, "diagnosticEv']))
    assert list(errors(log)) == ["first", "second"]


def test_an_engine_that_wrote_none() -> None:
    """Says nothing; and the folder is gone afterwards."""
    with event_log() as log:
        assert list(errors(log)) == []
    assert not log.parent.exists()
