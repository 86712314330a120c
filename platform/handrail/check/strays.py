"""Waivers and standards that stand where they do not count: in a team's own folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handrail.core.documents import display
from handrail.core.errors import Position, Problem
from handrail.core.project import Project
from handrail.standards.catalogue import OWN
from handrail.standards.waivers import FILE as WAIVERS


def strays(project: Project, stack: str, organisation: Path | None) -> Iterator[Problem]:
    """What looks like a waiver or a standard beside a project or a stack's file, and is none.

    Args:
        organisation: the directory in which they count.
    """
    workloads = project.stack(stack).config.get("handrail:workloads") or "workloads.yaml"
    for folder in dict.fromkeys((project.root.resolve(), (project.root / workloads).resolve().parent)):
        if organisation and folder == organisation.resolve():
            continue
        for file in (folder / WAIVERS, *sorted((folder / OWN).glob("*.yaml"))):
            if file.is_file():
                where = f"in {display(organisation)}" if organisation else "in the organisation's own directory"
                yield Problem(
                    "counts for nothing here", where=Position(display(file), 1),
                    allowed=f"waivers and standards {where} alone",
                    remedy="ask the platform team to take it over there, and take it out here",
                )  # fmt: skip
