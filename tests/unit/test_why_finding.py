"""`handrail why finding/STANDARD/WORKLOAD`: what a standard says of a workload, environment by environment."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from spine import ORGANISATION, ROOT, copy_acme

from handrail.check.why_finding import Answer, dumps, show, why_finding
from handrail.core.errors import HandrailError
from handrail.core.project import Project
from handrail.standards import Verdict


def said(answer: Answer) -> str:
    """As a wide terminal shows it."""
    stream = StringIO()
    show(answer, Console(file=stream, width=300))
    return stream.getvalue()


@pytest.fixture
def unwaived(tmp_path: Path) -> Project:
    """The sample company, without its waivers."""
    copy_acme(tmp_path)
    (tmp_path / ORGANISATION).with_name("waivers.yaml").unlink()
    return Project.find(tmp_path)


def test_a_waived_one() -> None:
    """Says who let it pass, until when, and what holds the risk down; nothing is to be asked for."""
    answer = why_finding(Project.find(ROOT), "finding/two-replicas/refunds")
    states = {place.stack: place.state for place in answer.places}
    assert list(states) == ["payments-dev", "payments-staging", "payments-prod"]
    assert states["payments-dev"] == "not asked in development"
    assert states["payments-prod"] == "waived"
    text = said(answer)
    for words in (
        "A service in production has a replica to spare  (two-replicas, required)",
        "refunds-deployment: spec.replicas: refunds has 1 replica, at least 2 are asked",
        "in workloads.yaml write `scale:` with a `min:` of 2 at least",
        "waived by grace@acme.test until 2027-01-25",
        "decides    platform",
        "rule       a function finds deployments with fewer replicas than they must have",
        "replicas   2 (how many at least)",
    ):
        assert words in text
    assert text.count("in workloads.yaml write") == 1
    assert "To ask for a waiver" not in text


def test_a_refused_one(unwaived: Project) -> None:
    """Comes with the entry to fill in, also where its stack is refused."""
    answer = why_finding(unwaived, "finding/two-replicas/payments/refunds", "payments-prod")
    assert [place.state for place in answer.places] == ["refused"]
    entry = said(answer).partition("organisation.yaml:\n\n")[2]
    (waiver,) = yaml.safe_load(entry)["waivers"]
    assert (waiver["standard"], waiver["workload"], waiver["environment"]) == (
        "two-replicas", "payments/refunds", "prod",
    )  # fmt: skip


def test_one_that_is_kept() -> None:
    """Says so; and of a standard about other workloads, that too."""
    kept = why_finding(Project.find(ROOT), "finding/images-from-registries/checkout", "payments-prod")
    assert [place.state for place in kept.places] == ["kept"]
    other = why_finding(Project.find(ROOT), "finding/model-pinned/checkout", "payments-prod")
    assert [place.state for place in other.places] == ["about nothing of it"]
    found = json.loads(dumps(kept))
    assert found["stacks"][0]["verdicts"][0]["verdict"] == "compliant"
    assert found["owner"] == "platform"
    assert found["params"] == dict(kept.standard.params)


def test_in_another_persona_s_words() -> None:
    """As `--as` asks; default: those of the workload's file."""
    own, other = (
        why_finding(Project.find(ROOT), "finding/images-by-digest/refunds", "payments-prod", persona)
        for persona in (None, "data-scientist")
    )
    remedy = own.standard.clause.remedy_for
    assert remedy("data-scientist") != remedy("app-developer")
    assert json.loads(dumps(own))["remedy"] == remedy("app-developer")
    assert json.loads(dumps(other))["remedy"] == remedy("data-scientist")


def test_a_violation_for_programs() -> None:
    """Has its line, and what stands there."""
    answer = why_finding(Project.find(ROOT), "finding/two-replicas/refunds", "payments-prod")
    (verdict,) = json.loads(dumps(answer))["stacks"][0]["verdicts"]
    (checked,) = answer.places[0].verdicts
    assert verdict["where"] == str(checked.where)
    assert verdict["where"].rpartition("/")[2].startswith("workloads.yaml:")
    assert verdict["given"] == checked.finding.given


def test_one_that_only_the_engine_can_decide() -> None:
    """Is said to be decided at up, with the value that is missing."""
    answer = why_finding(Project.find(ROOT), "finding/images-from-registries/checkout", "payments-prod")
    (place,) = answer.places
    message = "decided at up, when spec.template.spec.containers[0].image is known"
    finding = replace(place.verdicts[0].finding, verdict=Verdict.UNKNOWN, message=message)
    undecided = replace(place, verdicts=(replace(place.verdicts[0], finding=finding), *place.verdicts[1:]))
    assert undecided.state == "undecided"
    assert message in said(replace(answer, places=(undecided,)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("finding/two-replica/refunds", "did you mean two-replicas?"),
        ("finding/two-replicas/refund", "did you mean refunds?"),
        ("finding/two-replicas", "names no workload"),
    ],
)
def test_names_that_are_none(name: str, words: str) -> None:
    """With the nearest that is."""
    with pytest.raises(HandrailError) as raised:
        why_finding(Project.find(ROOT), name)
    assert words in str(raised.value)
