"""The pipeline that `handrail init` writes: its linter has nothing to say, and its steps run here as they do there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from github_server import HEAD, REPOSITORY, TOKEN, github
from go_tools import built
from history import GIT, commit, git
from spine import ROOT

from handrail.preview.markdown import MARKER
from handrail.preview.report import read_report

WORKFLOW, COMMENT = ".github/workflows/handrail.yml", ".github/workflows/handrail-comment.yml"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A team's repository as `handrail init` makes it, its first commit, and a second one that a pull request brings."""
    root = tmp_path_factory.mktemp("team") / "payments"
    root.mkdir()
    shutil.copytree(ROOT / "stacks/acme/platform/acme_platform", root / "organisation")
    command = [sys.executable, "-m", "handrail.cli", "init", "app-developer", "payments", "-o", "./organisation"]
    subprocess.run(command, cwd=root.parent, check=True, capture_output=True, env={**os.environ, **GIT})
    assert (root / "uv.lock").is_file()
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root, "a new repository")
    text = (root / "workloads.yaml").read_text()
    assert "port: 8080" in text
    (root / "workloads.yaml").write_text(text.replace("port: 8080", "port: 8081"))
    commit(root, "another port")
    return root


def steps(root: Path, workflow: str, job: str) -> list[dict[str, Any]]:
    """The steps of a job that run a script."""
    found = yaml.safe_load((root / workflow).read_text())["jobs"][job]["steps"]
    return [step for step in found if "run" in step]


def run(root: Path, step: dict[str, Any], **environment: str) -> subprocess.CompletedProcess[str]:
    """A step's script as a runner starts it: bash, which ends at the first failure, with the job's environment alone."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR") if name in os.environ}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=root, capture_output=True,
        text=True, timeout=300, env={**kept, **GIT, "CI": "true", **environment}, check=False,
    )  # fmt: skip


def test_the_linter_of_workflows_has_nothing_to_say(repository: Path) -> None:
    """Of those that are written, and of those that can be called."""
    actionlint = built("actionlint", "github.com/rhysd/actionlint/cmd/actionlint")
    files = [*repository.glob(".github/workflows/*.yml"), *ROOT.glob(".github/workflows/*.yml")]
    assert len(files) == 4
    done = subprocess.run([actionlint, "-no-color", *files], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


def test_a_pull_request_is_reviewed_and_commented(repository: Path, tmp_path: Path) -> None:
    """The untrusted job leaves a report and a summary; the trusted one makes the comment of it."""
    sync, review = steps(repository, WORKFLOW, "review")
    assert run(repository, sync).returncode == 0
    summary = tmp_path / "summary.md"
    base = git(repository, "rev-parse", "HEAD~1")
    done = run(repository, review, BASE=base, GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true")
    assert done.returncode == 0, done.stderr
    report = read_report(repository / "handrail-preview.json")
    assert {stack.stack for stack in report.stacks} == {"payments-dev", "payments-staging", "payments-prod"}
    assert report.complete
    assert "8081" in summary.read_text()
    comment = next(step for step in steps(repository, COMMENT, "comment") if step.get("name") == "comment")
    folder = tmp_path / "handrail-preview"
    folder.mkdir()
    (repository / "handrail-preview.json").rename(folder / "handrail-preview.json")
    event = tmp_path / "event.json"
    run_of = {"head_sha": HEAD, "head_branch": "change", "head_repository": {"owner": {"login": "mei"}}}
    event.write_text(json.dumps({"workflow_run": run_of}))
    with github() as forge:
        job = {
            "GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN,
            "GITHUB_EVENT_PATH": str(event), "RUNNER_TEMP": str(tmp_path),
        }  # fmt: skip
        done = run(repository, comment, **job)
        assert done.returncode == 0, done.stderr
        (posted,) = forge.comments
        assert posted["body"].startswith(MARKER)
        assert "8081" in posted["body"]
        approvals = next(step for step in steps(repository, COMMENT, "comment") if step.get("name") == "approvals")
        done = run(repository, approvals, **job)
        assert done.returncode == 0, done.stderr
        assert [each["state"] for each in forge.statuses] == ["success"]


def test_a_refused_pull_request_fails_its_job(repository: Path, tmp_path: Path) -> None:
    """With an annotation at the line, and its report all the same."""
    file = repository / "workloads.yaml"
    text = file.read_text()
    file.write_text(text.replace("port: 8081", "port: 8081\n    env: {API_TOKEN: 8f14e45fceea167a}"))
    (_, review) = steps(repository, WORKFLOW, "review")
    done = run(repository, review, BASE="HEAD", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    file.write_text(text)
    assert done.returncode == 1
    assert "::error file=workloads.yaml,line=" in done.stdout
    assert "no-literal-secrets" in (tmp_path / "summary.md").read_text()
    (repository / "handrail-preview.json").unlink()
