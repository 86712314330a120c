"""A persona is a table: the sections of its file, the component behind each, the words it shows, their defaults."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a persona's workloads.yaml.

    Args:
        component: the name of the component behind each entry.
        words: the fields of the component's Spec that the persona has a word for; the others keep their defaults.
        defaults: the persona's own defaults, over the Spec's.
    """

    component: str
    words: frozenset[str]
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Persona:
    """One trade.

    Args:
        name: as `app-developer`; what `persona:` says in workloads.yaml.
        sections: the words of its file that hold workloads, as `services`.
    """

    name: str
    sections: Mapping[str, Section]


@cache
def personas() -> dict[str, Persona]:
    """Persona name → persona: every module of this package that is not private holds one, as PERSONA."""
    here = Path(__file__).parent
    modules = (module.name for module in pkgutil.iter_modules([str(here)]) if not module.name.startswith("_"))
    found = (import_module(f"handrail.personas.{name}").PERSONA for name in modules)
    return {persona.name: persona for persona in sorted(found, key=lambda p: str(p.name))}
