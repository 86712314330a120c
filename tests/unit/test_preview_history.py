"""A recorded history of a repository: what the comment of each commit's pull request says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from history import HISTORY, Commit, commit, git
from spine import copy_acme

from handrail.core.project import Project
from handrail.preview.compare import compare
from handrail.preview.markdown import render
from handrail.preview.report import Report


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample company, with its whole history."""
    root = copy_acme(tmp_path_factory.mktemp("history"))
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root, "the beginning")
    for each in HISTORY:
        each.edit(root)
        commit(root, each.name)
    yield root


@pytest.fixture
def report(repository: Path, request: pytest.FixtureRequest) -> Report:
    """What a commit changes."""
    each: Commit = request.param
    git(repository, "checkout", "--quiet", "--detach", f"main~{len(HISTORY) - 1 - HISTORY.index(each)}")
    return compare(Project.find(repository), "HEAD~1")


@pytest.mark.parametrize(
    ("report", "each"), [(each, each) for each in HISTORY], indirect=["report"], ids=lambda x: getattr(x, "name", "")
)
def test_a_comment_says_what_its_commit_does(report: Report, each: Commit) -> None:
    """The workloads, how risky, which findings, what it costs, what the contract becomes; and nothing else."""
    facts, comment = each.facts, render(report)
    changed = {
        stack.stack: tuple(sorted(w.name for w in stack.workloads)) for stack in report.stacks if not stack.error
    }
    assert changed == {stack: tuple(sorted(names)) for stack, names in facts.changes.items()}
    assert report.risk == facts.risk
    said = " ".join(w.sentence for stack in report.stacks for w in stack.workloads)
    text = " ".join(
        f"{f.path} {f.before} {f.after}"
        for s in report.stacks
        for w in s.workloads
        for r in w.resources
        for f in r.fields
    )
    for word in facts.words:
        assert word in f"{said} {text}"
    for name, standards in (("findings_appear", facts.appear), ("findings_disappear", facts.disappear)):
        found = {f.standard for stack in report.stacks for w in stack.workloads for f in getattr(w, name)}
        assert found == set(standards)
        assert all(standard in comment for standard in standards)
    assert {row.resource for stack in report.stacks for row in stack.quota if row.over} == set(facts.over)
    assert {stack.stack for stack in report.stacks if stack.error} == set(facts.failed)
    assert {Path(change.file).name for change in report.contract_changes} == set(facts.contract)
    before = sum(stack.cost.before for stack in report.stacks if stack.cost)
    after = sum(stack.cost.after for stack in report.stacks if stack.cost)
    if not facts.failed:
        assert (after > before) - (after < before) == facts.cost
    assert report.complete == (not facts.failed)
    assert len(comment) < 65_536
    assert all(name in comment for names in facts.changes.values() for name in names)
