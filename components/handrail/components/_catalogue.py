"""The components there are: every module of this package that is not private holds one, as COMPONENT."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from handrail.components._definition import Definition


@cache
def definitions() -> dict[str, Definition[Any]]:
    """Component name → its definition, sorted by name."""
    here = Path(__file__).parent
    modules = (module.name for module in pkgutil.iter_modules([str(here)]) if not module.name.startswith("_"))
    found = (import_module(f"handrail.components.{name}").COMPONENT for name in modules)
    return {definition.name: definition for definition in sorted(found, key=lambda d: str(d.name))}
