"""The personas, and `deploy()`, which a stack's program calls: `from handrail.personas import deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.personas._program import deploy

__all__ = ["deploy"]


def __getattr__(name: str) -> Any:
    if name == "deploy":  # imported when asked for: everything else here runs without Pulumi
        from handrail.personas._program import deploy

        return deploy
    raise AttributeError(f"module 'handrail.personas' has no attribute {name!r}")
