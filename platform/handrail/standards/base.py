"""The organisation as it was in a base revision: a pull request is judged by what it did not write itself."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from handrail.core.documents import display
from handrail.core.errors import DocumentError, Problem
from handrail.core.revisions import checked_revision, is_versioned, unpack
from handrail.organisation import Organisation, load_organisation
from handrail.organisation.load import FILE as ORGANISATION
from handrail.standards.catalogue import OWN
from handrail.standards.waivers import FILE as WAIVERS


@dataclass(frozen=True, slots=True)
class Change:
    """A file of the organisation's that differs from the base revision.

    Args:
        file: as errors show it.
        diff: unified.
    """

    file: str
    diff: str


@dataclass(frozen=True, slots=True)
class Base:
    """An organisation as it was in a revision.

    Args:
        directory: where it stands for now.
        changes: what differs now, and counts for nothing until it is merged.
    """

    revision: str
    directory: Path
    changes: tuple[Change, ...]

    @property
    def organisation(self) -> Organisation:
        """What its organisation.yaml said; raises DocumentError."""
        return load_organisation(self.directory)


Bases: TypeAlias = Callable[[Path], Base | None]
"""The base of an organisation's directory; None: no repository has it, as an installed package: it is what counts."""


@contextmanager
def bases(revision: str | None, start: Path) -> Iterator[Bases]:
    """The organisations of a revision, for as long as they are needed; None: of no revision, what stands here counts.

    Raises:
        DocumentError: it is no revision, or an organisation was not there in it yet.
    """
    if revision:
        checked_revision(revision, start)
    found: dict[Path, Base | None] = {}
    with TemporaryDirectory(prefix="handrail-base-") as folder:

        def base(directory: Path) -> Base | None:
            if revision is None:
                return None
            if directory not in found:
                found[directory] = _base(revision, directory, Path(folder) / str(len(found)))
            return found[directory]

        yield base


def _base(revision: str, directory: Path, to: Path) -> Base | None:
    there = unpack(revision, directory, to)
    if not there and not is_versioned(directory):
        return None
    if not (to / ORGANISATION).is_file():
        raise DocumentError(
            Problem(
                f"has no organisation in {revision}", display(directory), given=revision,
                remedy="name a revision that has it; the first one is reviewed without --base",
            )
        )  # fmt: skip
    return Base(revision, to, tuple(changes(revision, to, directory)))


def changes(revision: str, before: Path, after: Path) -> Iterator[Change]:
    """What differs between an organisation's directory as it was and as it is."""
    names = {file.relative_to(folder) for folder in (before, after) for file in _files(folder)}
    for name in sorted(names):
        shown = display(after / name)
        old, new = _lines(before / name), _lines(after / name)
        diff = "".join(difflib.unified_diff(old, new, f"{revision}:{shown}", shown, n=2))
        if diff:
            yield Change(shown, diff)


def _files(folder: Path) -> Iterator[Path]:
    """What counts of an organisation's directory."""
    yield from (file for name in (ORGANISATION, WAIVERS) if (file := folder / name).is_file())
    yield from sorted((folder / OWN).glob("*.yaml"))


def _lines(file: Path) -> list[str]:
    try:
        return [f"{line}\n" for line in file.read_text("utf-8", "replace").splitlines()]
    except FileNotFoundError:
        return []
