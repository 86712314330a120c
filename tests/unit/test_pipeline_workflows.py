"""The pipeline that a repository gets: who may do what in it, and that nobody's text becomes a command."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from handrail.personas._pipeline import ACTIONS, Forge, pipeline, shared

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ["dev", "staging", "prod"]
OWN = pipeline(Forge.GITHUB, ENVIRONMENTS)
WORKFLOWS = {f"own {path}": text for path, text in OWN.items()} | {f"shared {path}": t for path, t in shared().items()}
REVIEW, COMMENT = ".github/workflows/handrail.yml", ".github/workflows/handrail-comment.yml"


def jobs(text: str) -> dict[str, Any]:
    """A workflow's jobs by name."""
    found: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return found


def steps(text: str) -> Iterator[dict[str, Any]]:
    """Every step of a workflow."""
    for job in jobs(text).values():
        yield from job["steps"]


def test_the_shared_workflows_are_those_of_the_repository() -> None:
    """What an organisation calls is made of the same text as what `handrail init` writes."""
    for path, text in shared().items():
        assert (ROOT / path).read_text("utf-8") == text


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_text_of_anybodys_becomes_a_command(name: str) -> None:
    """Values reach a script through its environment alone."""
    scripts = [step["run"] for step in steps(WORKFLOWS[name]) if "run" in step]
    assert scripts
    for script in scripts:
        assert "${{" not in script
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_taken_by_commit(name: str) -> None:
    """With the version beside it, for people."""
    for use in re.findall(r"- uses: (.*)", WORKFLOWS[name]):
        assert use in ACTIONS.values()
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", use)


def test_the_action_takes_the_same_ones() -> None:
    """action.yml is of one piece with the workflows, and hands nothing into a script."""
    text = (ROOT / "action.yml").read_text("utf-8")
    assert set(re.findall(r"- uses: (.*)", text)) <= set(ACTIONS.values())
    for step in yaml.safe_load(text)["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_job_that_runs_a_pull_requests_code_can_do_nothing_else() -> None:
    """It may read; it has no secret and no token left behind, and no cache that another job would read."""
    text = OWN[REVIEW]
    review = jobs(text)["review"]
    assert yaml.safe_load(text)["permissions"] == {}
    assert review["permissions"] == {"contents": "read"}
    assert "secrets" not in str(review)
    checkout, uv = review["steps"][:2]
    assert checkout["with"]["persist-credentials"] is False
    assert uv["with"]["enable-cache"] is False
    assert "pull_request_target" not in text


def test_the_job_that_has_a_token_never_checks_a_pull_request_out() -> None:
    """It runs on the default branch, and its checkout names no revision."""
    text = OWN[COMMENT]
    comment = jobs(text)["comment"]
    assert yaml.safe_load(text)[True] == {"workflow_run": {"workflows": ["handrail"], "types": ["completed"]}}
    (checkout,) = [step for step in comment["steps"] if "checkout" in step.get("uses", "")]
    assert set(checkout["with"]) == {"persist-credentials"}
    assert "secrets" not in text
    assert set(comment["permissions"]) == {"contents", "actions", "pull-requests", "statuses"}
    assert "head_branch" not in text


def test_environments_are_deployed_one_after_the_other() -> None:
    """In the organisation's order; a failure ends it."""
    up = jobs(OWN[REVIEW])["up"]
    assert up["strategy"] == {"max-parallel": 1, "fail-fast": True, "matrix": {"environment": ENVIRONMENTS}}
    assert up["if"] == "github.event_name == 'push'"


def test_gitlab_has_the_same_pipeline() -> None:
    """A review without secrets, deployments in their order, a promotion as a merge request."""
    (text,) = pipeline(Forge.GITLAB, ENVIRONMENTS).values()
    found = yaml.safe_load(text)
    assert found["stages"] == ["review", "deploy", "promote"]
    assert [found[f"up {name}"].get("needs") for name in ENVIRONMENTS] == [None, ["up dev"], ["up staging"]]
    assert "handrail.pipeline review --base" in " ".join(found["review"]["script"])
    assert [found[f"up {name}"]["environment"] for name in ENVIRONMENTS] == ENVIRONMENTS
    for job in ("review", "promote"):
        for script in found[job]["script"]:
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_a_forge_may_have_none() -> None:
    """`--forge none`."""
    assert pipeline(Forge.NONE, ENVIRONMENTS) == {}


def test_the_pages_own_workflow_calls_what_is_there() -> None:
    """With inputs that it takes, and permissions for each job that it starts."""
    page = (ROOT / "docs/pipeline.md").read_text("utf-8")
    (text,) = re.findall(r'^```yaml title="\.github/workflows/handrail\.yml"\n(.*?)^```', page, re.M | re.S)
    caller = yaml.safe_load(text)["jobs"]["handrail"]
    called = yaml.safe_load(shared()[REVIEW])
    inputs = called[True]["workflow_call"]["inputs"]
    assert set(caller["with"]) <= set(inputs)
    assert {name for name, each in inputs.items() if each.get("required")} <= set(caller["with"])
    assert caller["uses"].partition("@")[0].endswith(f"/{REVIEW}")
    wanted = {(name, level) for job in called["jobs"].values() for name, level in job["permissions"].items()}
    given = set(caller["permissions"].items())
    assert {name for name, _ in wanted} == set(caller["permissions"])
    assert {(name, level) for name, level in wanted if level == "write"} <= given
