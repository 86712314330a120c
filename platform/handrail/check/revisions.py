"""What files were in a revision of git; nothing of the working tree or of the index is touched."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from handrail.core.errors import DocumentError, Problem


def checked_revision(revision: str, folder: Path) -> None:
    """End here where a revision is none.

    Raises:
        DocumentError: it names no commit of the folder's repository, or there is no repository.
    """
    if revision.startswith("-"):
        raise DocumentError(Problem("is no revision", "--base", given=revision))
    if _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        remedy = "fetch it, or name a commit, branch or tag that is here"
        raise DocumentError(Problem("is no revision of this repository", "--base", given=revision, remedy=remedy))


def text_in(revision: str, file: Path) -> str | None:
    """A file's text in a revision; None: it was not there.

    Raises:
        DocumentError: as `checked_revision`.
    """
    folder = file.resolve().parent
    checked_revision(revision, folder)
    shown = _git(folder, "show", f"{revision}:./{file.name}")
    return None if shown.returncode else shown.stdout.decode("utf-8", "replace")


def is_versioned(folder: Path) -> bool:
    """Whether a repository has files of a folder, as it has none of an installed package."""
    found = _git(folder, "ls-files", "--cached", ".")
    return not found.returncode and bool(found.stdout)


def unpack(revision: str, folder: Path, to: Path) -> bool:
    """Write a folder as it was in a checked revision to another place; False: it was not there, or in no repository."""
    archive = _git(folder, "archive", "--format=tar", revision)  # of this folder, from here
    if archive.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as found:
        found.extractall(to, filter="data")
    return True


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)  # noqa: S603, S607
