"""Revisions of git: their files, and a whole one in a folder of its own.

Nothing of the working tree or of the index is touched, and no hook is run.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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


def unpack(revision: str, folder: Path, to: Path, only: str | None = None) -> bool:
    """Write a folder as it was in a checked revision to another place; False: it was not there, or in no repository.

    Args:
        only: what of it, as a path below it.
    """
    archive = _git(folder, "archive", "--format=tar", revision, *([only] if only else ()))  # of this folder, from here
    if archive.returncode:
        return False
    import tarfile  # with four compressors, of which a start needs none

    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as found:
        found.extractall(to, filter="data")
    return True


def top_of(folder: Path) -> Path:
    """The top of the repository that a folder is in; raises DocumentError where it is in none."""
    found = _git(folder, "rev-parse", "--show-toplevel")
    if found.returncode:
        remedy = "run it in a git repository that has the revision to compare with"
        raise DocumentError(Problem("is in no git repository", given=str(folder), remedy=remedy))
    return Path(os.fsdecode(found.stdout.rstrip(b"\n"))).resolve()


def merge_base(revision: str, folder: Path) -> str:
    """The commit at which the present one left a revision's history, as a pull request compares.

    Raises:
        DocumentError: as `checked_revision`, or the two have nothing in common.
    """
    checked_revision(revision, folder)
    found = _git(folder, "merge-base", revision, "HEAD")
    if found.returncode:
        remedy = "fetch the whole history (git fetch --unshallow), or name a revision that the present one stems from"
        raise DocumentError(Problem("shares no commit with the present one", "--base", given=revision, remedy=remedy))
    return found.stdout.decode().split()[0]


def present(folder: Path) -> str | None:
    """The commit that a folder's repository is at; None: it has changes that no commit has, new files included."""
    status = _git(folder, "--no-optional-locks", "status", "--porcelain", "--ignore-submodules=dirty")
    commit = _git(folder, "rev-parse", "HEAD")
    return None if status.returncode or status.stdout or commit.returncode else commit.stdout.decode().strip()


@contextmanager
def worktree(commit: str, folder: Path) -> Iterator[Path]:
    """A commit's files, whole, in a temporary git worktree, for as long as they are needed.

    Raises:
        DocumentError: git cannot make it.
    """
    with TemporaryDirectory(prefix="handrail-worktree-") as name:
        place = Path(name).resolve() / "tree"
        try:
            _git(folder, "worktree", "prune")  # of those whose process was killed
            made = _git(folder, *_UNHOOKED, "worktree", "add", "--detach", "--force", str(place), commit)
            if made.returncode:
                said = made.stderr.decode("utf-8", "replace").strip()
                raise DocumentError(Problem(f"git made no worktree of it: {said}", "--base", given=commit))
            yield place
        finally:
            _git(folder, "worktree", "remove", "--force", "--force", str(place))


_OF_A_HOOK = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE"})
"""What git tells the hooks it runs: another worktree must not be taken for theirs."""
_UNHOOKED = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    variables = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    return subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=folder, capture_output=True, check=False, env={**variables, "GIT_LFS_SKIP_SMUDGE": "1"},
        start_new_session=True,  # an interrupt is this process's to handle
    )  # fmt: skip
