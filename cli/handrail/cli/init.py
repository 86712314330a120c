"""`handrail init`: a team's own repository."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from handrail.cli._options import Yes


class ForgeName(StrEnum):
    """Where pull requests are."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


def init(
    persona: Annotated[str, typer.Argument(help="app-developer, ml-engineer or data-scientist.", metavar="PERSONA")],
    name: Annotated[str, typer.Argument(help="The repository: a folder of this name.", metavar="NAME")],
    organisation: Annotated[
        str,
        typer.Option("--organisation", "-o", help="The organisation: an installed package, or a path seen from NAME."),
    ],
    team: Annotated[str | None, typer.Option("--team", "-t", help="The team; default: NAME.")] = None,
    forge: Annotated[
        ForgeName, typer.Option("--forge", "-f", help="Where its pull requests are: whose pipeline is written.")
    ] = ForgeName.GITHUB,
    lock: Annotated[bool, typer.Option(help="Pin what it requires in uv.lock, which asks the package index.")] = True,
    yes: Yes = False,
) -> None:
    """Make a team repository that previews clean; in one that is there, show what is newer and keep what was edited."""
    from handrail.personas import _requirement
    from handrail.personas._pipeline import Forge
    from handrail.personas._scaffold import changes, repository, write

    folder = Path(name)
    files = repository(persona, folder.name, team or folder.name, organisation, folder, Forge(forge))
    found = changes(files, folder)
    outdated = [change for change in found if change.state == "outdated"]
    for change in found:
        if change.state != "unchanged":
            print(f"{_SAID[change.state]:<9}{change.path}")
        if change.state in ("outdated", "edited"):
            print(change.diff, end="")
    if outdated and not yes:
        typer.confirm(f"update {', '.join(change.path for change in outdated)}?", abort=True)
    write(found, folder)
    required = any(change.path == "pyproject.toml" and change.state in ("new", "outdated") for change in found)
    if lock and (required or not (folder / "uv.lock").exists()):
        failed = _requirement.lock(folder)
        print(f"not locked: {failed}" if failed else "locked   uv.lock")
    if all(change.state == "unchanged" for change in found):
        print("nothing is newer")
    elif any(change.state == "new" and change.path == "workloads.yaml" for change in found):
        print(f"\nnext:    cd {name}; uv sync; uv run handrail preview")


_SAID = {"new": "new", "outdated": "newer", "edited": "yours", "removed": "removed"}
