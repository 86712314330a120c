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
        noun: what the persona calls one of them, as `service`.
        words: the fields of the component's Spec that the persona has a word for; the others keep their defaults.
        defaults: the persona's own defaults, over the Spec's.
    """

    component: str
    noun: str
    words: frozenset[str]
    defaults: Mapping[str, Any] = field(default_factory=dict)


def words(text: str) -> frozenset[str]:
    """The words of a text, for a table that reads as one."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Persona:
    """One trade.

    Args:
        name: as `app-developer`; what `persona:` says in workloads.yaml.
        sections: the words of its file that hold workloads, as `services`.
        shared: words of the file itself → the field that each is the default of, in every section that has that word.
        parts: the role of a resource → what the persona calls it; a role that is not named is the platform's business.
    """

    name: str
    sections: Mapping[str, Section]
    shared: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


@cache
def personas() -> dict[str, Persona]:
    """Persona name → persona: every module of this package that is not private holds one, as PERSONA."""
    here = Path(__file__).parent
    modules = (module.name for module in pkgutil.iter_modules([str(here)]) if not module.name.startswith("_"))
    found = (import_module(f"handrail.personas.{name}").PERSONA for name in modules)
    return {persona.name: persona for persona in sorted(found, key=lambda p: str(p.name))}


def nouns() -> dict[str, dict[str, str]]:
    """Persona → component → what the persona calls it; what it has no word for is called as its own people do."""
    every = {
        section.component: section.noun for persona in personas().values() for section in persona.sections.values()
    }
    return {
        persona.name: {**every, **{section.component: section.noun for section in persona.sections.values()}}
        for persona in personas().values()
    }
