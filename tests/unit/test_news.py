"""What is wrong while a stack is deployed: told once, when it lasts, and only what a deployment waits for."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from handrail.cluster import news as module
from handrail.cluster._failures import Cause, Failure
from handrail.cluster._model import Place, Row, State, Status
from handrail.core.clock import at
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine import watch
from handrail.engine.watch import Trouble, Watch, queued, settled, waiting, watching

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TARGET = Target("fraud-dev", "fraud", "dev", live=True)
PLACE = Place("fraud-dev", "fraud", "dev", "fraud-dev")
NO_NODE = Failure(
    Cause.ACCELERATOR, "the cluster has no node with an l4", "choose another accelerator", "Unschedulable"
)


def told(failure: Failure | None, monkeypatch: pytest.MonkeyPatch, ready: int = 0) -> list[str]:
    """The news where one workload has this failure."""
    row = Row("scorer", "GpuInferenceEndpoint", "Deployment", PLACE, State.FAILING, ready=ready, failure=failure)
    found = (Status(PLACE, "dev", "ml-engineer", NOW, (row,)),)
    monkeypatch.setattr(module, "ask", lambda project, targets: ())
    monkeypatch.setattr(module, "read", lambda asked: found)
    with at(NOW):
        return [each.text for each in module.news_of(Project(Path(), "p", Path(), Path()))(TARGET)]


def test_a_failure_is_told_in_the_words_of_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do, and whether anybody still gets an answer."""
    long = replace(NO_NODE, at=NOW - timedelta(seconds=20))
    said = "fraud-dev: scorer: the cluster has no node with an l4"
    assert told(long, monkeypatch) == [f"{said}\n    do:      choose another accelerator"]
    assert told(long, monkeypatch, ready=1)[0].startswith(f"{said}; the version before goes on serving\n")


@pytest.mark.parametrize(
    "failure",
    [
        None,
        replace(NO_NODE, current=False),
        replace(NO_NODE, at=NOW - timedelta(seconds=5)),
        replace(NO_NODE, cause=Cause.ROUTE),
        replace(NO_NODE, cause=Cause.RUN),
    ],
    ids=["none", "over", "just now", "route", "run"],
)
def test_what_is_over_or_new_or_comes_later_is_no_news(
    failure: Failure | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is alarmed for nothing."""
    assert told(failure, monkeypatch) == []


def test_each_thing_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is seen; when the deployment is over, nothing more is."""
    monkeypatch.setattr(watch, "_SECONDS", 0.01)
    asked, said = iter([["a"], ["a", "b"], ["b"], ["c"]] + [["c"]] * 1000), list[str]()
    with Watch(lambda: next(asked), said.append):
        deadline = time.monotonic() + 10
        while "c" not in said and time.monotonic() < deadline:
            time.sleep(0.01)
    assert said == ["a", "b", "c"]


def test_only_a_stack_in_a_cluster_is_watched() -> None:
    """Where files are rendered, nobody can know."""
    ask: Callable[[Target], list[Trouble]] = lambda target: []  # noqa: E731
    assert isinstance(watching(ask, TARGET, print), Watch)
    for nothing in (watching(None, TARGET, print), watching(ask, replace(TARGET, live=False), print)):
        assert isinstance(nothing, nullcontext)


def test_a_question_that_is_under_way_ends_before_the_watch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that still asks while the interpreter ends brought it down, after a deployment that went well."""
    monkeypatch.setattr(watch, "_SECONDS", 0.01)
    begun, ended = Event(), Event()

    def ask() -> list[str]:
        begun.set()
        time.sleep(0.2)
        ended.set()
        return ["too late"]

    said: list[str] = []
    with Watch(ask, said.append):
        assert begun.wait(10)
    assert ended.is_set()
    assert said == []


LATE = (
    'error: 3 errors occurred:\n\t* resource "urn:pulumi:fraud-dev::acme::x$kubernetes:apps/v1:Deployment::{0}-deployment" was '
    "successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live: "
    "'{0}' timed out waiting to be Ready\n\t* [MinimumReplicasUnavailable] Deployment does not have minimum availability.\n"
)
"""What the provider said, of a real deployment whose pods were gated for ten minutes."""
FAILED = "  pulumi:pulumi:Stack (acme-fraud-dev):\n    error: update failed\n"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (FAILED + LATE.format("scorer"), ["scorer"]),
        (FAILED + LATE.format("scorer") + "\n    " + LATE.format("embedder"), ["embedder", "scorer"]),
        (FAILED + LATE.format("scorer") + LATE.format("crashing"), []),
        (FAILED + LATE.format("scorer") + "error: exceeded quota: quota\n", []),
        (FAILED, []),
        ("", []),
    ],
    ids=["one", "two", "one of them crashes", "something else failed", "no reason", "nothing"],
)
def test_what_only_waits_for_its_turn_is_no_failure(said: str, found: list[str]) -> None:
    """Unless anything else went wrong: then the deployment failed, and the engine's words stand."""
    troubles = [Trouble("scorer", "", waits=True), Trouble("embedder", "", waits=True), Trouble("crashing", "")]
    assert queued(lambda target: troubles, TARGET, said) == found
    assert queued(None, TARGET, said) == []


def test_a_deployment_that_only_waits_ends_well_and_says_so() -> None:
    """Any other keeps its exit code, and nothing is said."""
    troubles = [Trouble("scorer", "", waits=True)]
    told: list[str] = []
    assert settled(lambda target: troubles, TARGET, 255, FAILED + LATE.format("scorer"), told.append) == 0
    assert told == [waiting(TARGET, ["scorer"])]
    for code, said in ((0, ""), (255, FAILED), (-9, "")):
        assert settled(lambda target: troubles, TARGET, code, said, told.append) == code
    assert len(told) == 1


def test_waiting_is_said_with_where_to_look() -> None:
    """The stack's name in the command."""
    assert waiting(TARGET, ["embedder", "scorer"]) == (
        "fraud-dev: deployed; embedder, scorer wait for quota, which is no failure\n"
        "    do:      wait; `handrail status fraud-dev` says when the turn has come"
    )
