"""Revisions of git: a whole one in a folder of its own, and nothing else touched."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handrail.core.errors import DocumentError
from handrail.core.revisions import merge_base, present, top_of, worktree


def git(folder: Path, *words: str) -> str:
    """Git in a folder."""
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.test", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A branch that left main one commit ago, with a hook that would leave a trace."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for text, branch in (("first", None), ("of the branch", "branch"), ("second", "main")):
        if branch:
            git(folder, "checkout", "-q", *(["-b"] if branch == "branch" else []), branch)
        (folder / "file").write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", text)
    git(folder, "checkout", "-q", "branch")
    hook = folder / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/trace\n")
    hook.chmod(0o755)
    return folder


def test_a_branch_is_compared_with_where_it_began(repository: Path) -> None:
    """Whatever came to main since then."""
    base = merge_base("main", repository)
    assert base == git(repository, "rev-parse", "main~1")
    with worktree(base, repository) as place:
        assert (place / "file").read_text() == "first"


@pytest.mark.parametrize("hook", [False, True])
def test_nothing_is_touched_or_left(repository: Path, monkeypatch: pytest.MonkeyPatch, hook: bool) -> None:
    """Neither files, nor the index, nor a worktree, also when what needs it fails, also in a hook; no hook is run."""
    (repository / "new").write_text("not added")
    (repository / "file").write_text("changed")
    git(repository, "add", "file")
    before = git(repository, "status", "--porcelain"), (repository / ".git" / "index").read_bytes()
    if hook:
        monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
        monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git" / "index"))
        monkeypatch.setenv("GIT_WORK_TREE", str(repository))
    with pytest.raises(ZeroDivisionError), worktree("HEAD", repository) as place:
        assert (place / "file").read_text() == "of the branch"
        raise ZeroDivisionError
    monkeypatch.undo()
    assert not place.exists()
    assert (git(repository, "status", "--porcelain"), (repository / ".git" / "index").read_bytes()) == before
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert not (repository.parent / "trace").exists()


def test_a_worktree_is_gone_after_an_interrupt(repository: Path) -> None:
    """As by Ctrl-C while it is in use."""
    program = (
        "import sys, time; from pathlib import Path; from handrail.core.revisions import worktree\n"
        "with worktree('HEAD', Path(sys.argv[1])) as place:\n print(place, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(repository)], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as process:  # fmt: skip
        assert process.stdout
        place = Path(process.stdout.readline().strip())
        assert place.is_dir()
        process.send_signal(signal.SIGINT)
        assert process.wait(20)
    assert not place.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_worktree_of_a_killed_process_is_forgotten(repository: Path, tmp_path: Path) -> None:
    """By the next one, once its folder is gone."""
    lost = tmp_path / "lost"
    git(repository, "worktree", "add", "--detach", str(lost), "HEAD")
    subprocess.run(["rm", "-r", str(lost)], check=True)
    with worktree("HEAD", repository):
        assert len(git(repository, "worktree", "list").splitlines()) == 2


def test_the_present_commit(repository: Path) -> None:
    """Is one only while there are no changes, a file that git does not know included."""
    assert present(repository) == git(repository, "rev-parse", "HEAD")
    (repository / "new").write_text("not added")
    started = time.time()
    assert present(repository) is None
    assert (repository / ".git" / "index").stat().st_mtime <= started


def test_what_cannot_be_compared(repository: Path, tmp_path: Path) -> None:
    """Is told with what to do."""
    git(repository, "checkout", "-q", "--orphan", "other")
    git(repository, "commit", "-qm", "unrelated")
    with pytest.raises(DocumentError, match=r"shares no commit(.|\n)*--unshallow"):
        merge_base("main", repository)
    with pytest.raises(DocumentError, match="is no revision"):
        merge_base("--help", repository)
    with pytest.raises(DocumentError, match="is in no git repository"):
        top_of(tmp_path)
    assert top_of(repository) == repository
