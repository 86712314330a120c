"""Promotions, rollbacks, edits by hand and SIGKILLs of one releases file, at length; the unit tests do a few."""

from typing import Any

from fuzz.conftest import EXAMPLES, SEED
from hypothesis import HealthCheck, seed, settings
from unit.test_release_files import Writers

TestWriters: Any = seed(SEED)(Writers.TestCase)
TestWriters.settings = settings(
    max_examples=max(1, EXAMPLES // 200), stateful_step_count=12, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
