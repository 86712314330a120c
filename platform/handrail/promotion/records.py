"""What git knows: who promotes, from which commit, and what was pinned before."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handrail.core.documents import parse
from handrail.core.errors import DocumentError, HandrailError, Problem
from handrail.promotion.places import Place
from handrail.releases import Release, read_document, releases_file


@dataclass(frozen=True, slots=True)
class Entry:
    """A workload's release as a commit has it.

    Args:
        commit: the commit that brought it.
        release: what it was.
    """

    commit: str
    release: Release


def who(root: Path) -> str:
    """Who promotes: git's user, else the login."""
    return _git(root, "config", "user.email").strip() or getpass.getuser()


def head(root: Path) -> str | None:
    """The commit that is checked out; None: there is none."""
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD").strip() or None


def heads(root: Path) -> tuple[str, ...]:
    """The commits that an approval of what is checked out may name: of a forge's own merge, the merged one."""
    found = _git(root, "rev-list", "--parents", "-n", "1", "HEAD").split()
    return (*found[:1], *(found[2:3] if len(found) == 3 else ()))


def history(place: Place) -> Iterator[Entry]:
    """What git's history says was pinned for a workload, newest first; a revision that nobody can read is passed by."""
    file = releases_file(place.environment, place.context.team)
    for commit in _git(place.root, "log", "--format=%H", "--", file).split():
        release = _at(place, commit)
        if release and release.pins:
            yield Entry(commit, release)


def at_commit(place: Place, commit: str) -> Entry:
    """What a commit has pinned for a workload.

    Raises:
        DocumentError: there is no such commit, or it has nothing pinned.
    """
    full = (
        "" if commit.startswith("-") else _git(place.root, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    )
    if not full:
        remedy = "name a commit that is here: git log -- " + releases_file(place.environment, place.context.team)
        raise DocumentError(Problem("is no commit of this repository", "--to-commit", given=commit, remedy=remedy))
    release = _at(place, full.strip())
    if release is None or not release.pins:
        remedy = (
            "git log -- " + releases_file(place.environment, place.context.team) + " tells the commits that have one"
        )
        message = f"has no release of {place.address} in {place.environment}"
        raise DocumentError(Problem(message, "--to-commit", given=commit, remedy=remedy))
    return Entry(full.strip(), release)


def documents_at(place: Place, commit: str) -> Iterator[bytes]:
    """The OpenAPI documents that were kept beside a team's releases in a commit."""
    folder = releases_file(place.environment, place.context.team).removesuffix(".yaml")
    for name in _git(place.root, "ls-tree", "--name-only", commit, f"{folder}/").splitlines():
        if name.startswith(f"{folder}/{place.workload}-v"):
            yield _bytes(place.root, "show", f"{commit}:./{name}")


def _at(place: Place, commit: str) -> Release | None:
    file = releases_file(place.environment, place.context.team)
    try:
        return read_document(parse(_bytes(place.root, "show", f"{commit}:./{file}"), f"{commit[:12]}:{file}")).get(
            place.workload
        )
    except HandrailError:
        return None


def _git(root: Path, *arguments: str) -> str:
    return _bytes(root, *arguments).decode("utf-8", "replace")


def _bytes(root: Path, *arguments: str) -> bytes:
    """What git prints; nothing where it fails, as outside of a repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)  # noqa: S603, S607
    except OSError:  # no git
        return b""
    return b"" if done.returncode else done.stdout
