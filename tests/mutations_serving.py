"""Changes."""

from typing import Any

MUTATIONS: dict[str, tuple[str, str, dict[str, Any] | None]] = {}
