"""The components: `from handrail.components import ScalableService`.

A component's module (Spec, plan, outputs) imports no Pulumi; its Pulumi class is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.components._args import *  # noqa: F403
    from handrail.components._resources import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name[:1].isupper():  # a class; a module of this package is found by the import system
        from importlib import import_module

        for module in ("_resources", "_args"):
            if name in (found := import_module(f"handrail.components.{module}")).__all__:
                return getattr(found, name)
    raise AttributeError(f"module 'handrail.components' has no attribute {name!r}")
