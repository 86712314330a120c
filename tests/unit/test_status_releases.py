"""`handrail status` on releases: what is pinned and what runs, what each reader is told, what the next step needs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_objects import EARLIER, IMAGE, NOW, Objects, deployed, run_of, said, status
from spine import copy_acme

from handrail.cluster import status_text
from handrail.cluster._intent import next_run
from handrail.cluster._model import Intent, Place, Row, State, Step, Wanted
from handrail.cluster.live import ask
from handrail.cluster.status import rows, unknown
from handrail.core.project import Project
from handrail.core.selection import select

PINNED = f"{IMAGE}@sha256:{'1' * 64}"
RECORD = {
    "image": PINNED, "named": f"{IMAGE}:2.8.0", "source": "dev", "by": "ada@acme.test", "at": "2026-03-02T10:00:00Z",
    "commit": "ab" * 20, "incident": "INC-7",
}  # fmt: skip


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A copy of the sample company."""
    return copy_acme(tmp_path)


def release(company: Path, environment: str, team: str, **pins: dict[str, Any]) -> None:
    """Write a team's releases."""
    file = company / "releases" / environment / f"{team}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(pins))


def wanted(company: Path, stack: str, name: str) -> Wanted:
    """One of a stack's workloads, as it is asked for."""
    project = Project.find(company)
    (asked,) = ask(project, select(project, [stack]))
    assert asked.problems == ()
    (found,) = [each for each in asked.wanted if each.name == name]
    return found


def row(company: Path, stack: str, name: str, live: Objects) -> Row:
    """Its row, given what is live."""
    team, environment = stack.split("-")
    (found,) = rows([wanted(company, stack, name)], live, Place(stack, team, environment, stack), NOW)
    return found


def running(image: str) -> Objects:
    """checkout, well, on an image."""
    found = deployed("checkout")
    for kind in ("Deployment", "ReplicaSet"):
        found[kind][0]["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return found


# Pinned and live


def test_a_pinned_version_has_the_name_that_it_was_promoted_by(company: Path) -> None:
    """Not its digest; the platform engineer reads the digest, the commit, by whom."""
    release(company, "staging", "payments", checkout=RECORD)
    found = row(company, "payments-staging", "checkout", running(PINNED))
    assert (found.version, found.image, found.pending) == ("2.8.0", PINNED, "")
    text = said(status(found), "platform-engineer")
    record = (
        f"checkout: released as {IMAGE}:2.8.0 from dev by ada@acme.test on 2 March 10:00 UTC commit abababab for INC-7"
    )
    assert PINNED in text
    assert record in text
    assert "checkout is live in staging since 3 March 10:00 UTC, 100% of traffic, version 2.8.0." in said(
        status(found), "product-manager"
    )


def test_what_is_pinned_and_not_deployed_yet(company: Path) -> None:
    """What serves is shown, and what comes with the next up."""
    release(company, "prod", "payments", checkout=RECORD)
    found = row(company, "payments-prod", "checkout", deployed("checkout"))
    assert (found.version, found.pending, found.state) == ("2.7.1", "2.8.0", State.LIVE)
    assert "checkout: 2.8.0 is pinned, deployed with the next up: handrail up payments-prod" in said(status(found))
    assert said(status(found), "product-manager") == (
        "checkout is live in prod since 3 March 10:00 UTC, 100% of traffic, version 2.7.1. "
        "2.8.0 is released for prod, and comes with the next `handrail up payments-prod`.\n"
    )
    missing = row(company, "payments-prod", "checkout", {})
    assert missing.pending == "2.8.0"
    assert "checkout is not in prod. 2.8.0 is released for prod" in said(status(missing), "product-manager")


def test_what_is_written_and_not_deployed_yet(company: Path) -> None:
    """Without a release, it is the team's file that is ahead; what is not there at all needs no such word."""
    found = row(company, "payments-dev", "checkout", running(f"{IMAGE}:2.7.0"))
    assert found.pending == "2.7.1"
    assert "2.7.1 stands in the team's file, deployed with the next up: handrail up payments-dev" in said(status(found))
    assert row(company, "payments-dev", "checkout", running(f"{IMAGE}:2.7.1")).pending == ""
    assert row(company, "payments-dev", "checkout", {}).pending == ""


def test_a_model_that_is_pinned_and_not_deployed_yet(company: Path) -> None:
    """By its version."""
    pin = {"model": "models:/fraud-scorer/13", "named": "models:/fraud-scorer@champion"}
    release(company, "staging", "fraud", **{"fraud-scorer": pin})
    found = row(company, "fraud-staging", "fraud-scorer", deployed("fraud-scorer"))
    assert (found.model, found.pending) == ("models:/fraud-scorer/12", "models:/fraud-scorer/13")


def test_where_nothing_is_known_of_what_runs_only_what_is_wanted_is_told(company: Path) -> None:
    """A cluster that is a folder, or that does not answer."""
    release(company, "staging", "payments", checkout=RECORD)
    (found,) = unknown([wanted(company, "payments-staging", "checkout")], Place("payments-staging", "", "staging", ""))
    assert (found.version, found.pending, found.intent.by) == ("2.8.0", "", "ada@acme.test")


# What each reader is told


def test_an_app_developer_reads_image_version_and_api_versions(company: Path) -> None:
    """The version served, and the older ones that are served still."""
    file = company / "stacks/acme/payments/workloads.yaml"
    file.write_text(file.read_text().replace("api: {version: v2}", "api: {version: v2, previous: {v1: 2027-01-31}}"))
    release(company, "staging", "payments", checkout={**RECORD, "previous": {"v1": {"image": PINNED}}})
    text = said(status(row(company, "payments-staging", "checkout", running(PINNED))))
    assert "2.8.0  100% of traffic  since 3 Mar 10:00" in text
    assert f"checkout: image {IMAGE}; API v1, v2" in text


def test_an_ml_engineer_reads_alias_and_latency(company: Path) -> None:
    """Beside the model's version."""
    pin = {"model": "models:/fraud-scorer/12", "named": "models:/fraud-scorer@champion"}
    release(company, "staging", "fraud", **{"fraud-scorer": pin})
    text = said(status(row(company, "fraud-staging", "fraud-scorer", deployed("fraud-scorer"))), "ml-engineer")
    assert "models:/fraud-scorer/12 on 3.4.0" in text
    assert "promoted by alias champion; objective p99 250ms" in text


@pytest.mark.parametrize(
    ("succeeded", "words"),
    [
        ("2026-03-03T02:20:00Z", "next run 4 Mar 02:00; fresh until 5 Mar 02:20"),
        ("2026-03-01T12:29:59Z", "next run 4 Mar 02:00; stale since 3 Mar 12:29"),
        (None, "next run 4 Mar 02:00; stale since 3 Mar 10:00"),
    ],
    ids=["fresh", "stale", "never succeeded, and there for two days"],
)
def test_a_data_scientist_reads_last_and_next_run_and_freshness(
    succeeded: str | None, words: str, company: Path
) -> None:
    """Against its last success; a job that never succeeded is as old as its CronJob, as for its alert."""
    live = deployed("train")
    cron_job = live["CronJob"][0]
    cron_job["metadata"]["creationTimestamp"] = "2026-03-01T10:00:00Z"
    cron_job["status"] = {"lastSuccessfulTime": succeeded} if succeeded else {}
    assert words in said(status(row(company, "churn-dev", "train", live)), "data-scientist")


def test_a_job_that_does_not_run_by_itself_has_no_next_run(company: Path) -> None:
    """Suspended, or on demand."""
    live = run_of("train")
    assert row(company, "churn-dev", "train", live).next_run == datetime(2026, 3, 4, 2, tzinfo=UTC)
    live = deployed("train")
    live["CronJob"][0]["spec"]["suspend"] = True
    assert row(company, "churn-dev", "train", live).next_run is None
    assert row(company, "fraud-dev", "backfill-scores", deployed("backfill-scores")).next_run is None


@pytest.mark.parametrize(
    ("schedule", "zone", "moment"),
    [
        ("0 2 * * *", "Europe/Berlin", datetime(2026, 3, 4, 1, tzinfo=UTC)),
        ("30 12 * * *", "Etc/UTC", NOW + timedelta(days=1)),
        ("0 0 31 2 *", "Etc/UTC", None),
        ("tomorrow", "Etc/UTC", None),
        ("0 2 * * *", "Mars/Olympus", None),
    ],
)
def test_the_next_run(schedule: str, zone: str, moment: datetime | None) -> None:
    """In its own time zone; never now, and None where it never comes."""
    assert next_run(schedule, zone, NOW) == moment


@given(st.text(), st.text())
def test_no_schedule_raises(schedule: str, zone: str) -> None:
    """Whatever a cluster says."""
    found = next_run(schedule, zone, NOW)
    assert found is None or found > NOW


# The next step


def test_the_next_step_is_a_promotion_and_approvals(company: Path) -> None:
    """As the organisation asks for in the next environment; none from the last."""
    release(company, "staging", "payments", checkout=RECORD)
    found = row(company, "payments-staging", "checkout", running(PINNED))
    assert found.intent.step == Step("prod", 1, "handrail promote checkout --to prod")
    assert said(status(found), "product-manager").endswith(
        "version 2.8.0. To be in prod it needs: a promotion (`handrail promote checkout --to prod`), 1 approval.\n"
    )
    release(company, "prod", "payments", checkout=RECORD)
    assert wanted(company, "payments-staging", "checkout").intent.step is None
    assert wanted(company, "payments-prod", "checkout").intent.step is None


@pytest.mark.parametrize(
    ("here", "there", "needed"),
    [
        (None, None, False),
        (RECORD, None, True),
        (RECORD, {"image": f"{IMAGE}@sha256:{'2' * 64}"}, True),
        (RECORD, {"image": PINNED, "by": "grace"}, False),
        (RECORD, {"image": f"{IMAGE}@sha256:{'2' * 64}", "canary": {"image": PINNED, "weight": 10}}, True),
        (None, {"image": PINNED, "named": f"{IMAGE}:2.7.1"}, False),
        (None, {"image": PINNED, "named": f"{IMAGE}:2.6.0"}, True),
    ],
)
def test_when_a_promotion_is_needed(
    here: dict[str, Any] | None,
    there: dict[str, Any] | None,
    needed: bool,
    company: Path,
) -> None:
    """By artifact, not by record; where no environment has a release, the team's file speaks for all."""
    for environment, pin in (("dev", here), ("staging", there)):
        if pin:
            release(company, environment, "payments", checkout=pin)
    assert (wanted(company, "payments-dev", "checkout").intent.step is not None) is needed


def test_where_the_next_environment_requires_releases_the_first_promotion_is_needed(company: Path) -> None:
    """Though no environment has one."""
    file = company / "stacks/acme/platform/acme_platform/organisation.yaml"
    file.write_text(file.read_text().replace("approvals: 1}", "approvals: 2, releases: required}"))
    step = wanted(company, "payments-staging", "checkout").intent.step
    assert step == Step("prod", 2, "handrail promote checkout --to prod")


def test_an_environment_that_the_team_has_no_stack_in_is_passed_over(company: Path) -> None:
    """The next one is the next that it has."""
    release(company, "dev", "payments", checkout=RECORD)
    (company / "stacks/config/Pulumi.payments-staging.yaml").unlink()
    step = wanted(company, "payments-dev", "checkout").intent.step
    assert step
    assert step.environment == "prod"


def test_releases_that_cannot_be_read_are_a_problem_that_hides_nothing(company: Path) -> None:
    """Of the next environment: its workloads are shown all the same."""
    release(company, "staging", "payments", checkout={"imag": "x"})
    project = Project.find(company)
    (asked,) = ask(project, select(project, ["payments-dev"]))
    assert [each.name for each in asked.wanted] == ["checkout", "ledger", "refunds"]
    assert "did you mean image?" in str(asked.problems[0])


@pytest.mark.parametrize("state", [State.FAILING, State.STARTING, State.DEGRADED, State.NOT_DEPLOYED])
def test_what_is_not_well_is_not_asked_to_be_promoted(state: State) -> None:
    """Nor what is on its way out."""
    step = Step("prod", 0, "handrail promote checkout --to prod")
    place = Place("payments-staging", "payments", "staging", "payments-staging")
    found = Row("checkout", "ScalableService", "Deployment", place, state, 2, 2, intent=Intent(step=step))
    assert "promot" not in status_text.sentence(found, NOW)


def test_json_has_the_release(company: Path) -> None:
    """And the step, and what is pending."""
    release(company, "staging", "payments", checkout=RECORD)
    found = row(company, "payments-staging", "checkout", deployed("checkout"))
    ((shown,),) = [each["workloads"] for each in json.loads(status_text.dumps([status(found)]))]
    assert (shown["intent"]["by"], shown["intent"]["at"]) == ("ada@acme.test", "2026-03-02T10:00:00Z")
    assert shown["intent"]["pins"] == {"image": PINNED}
    assert shown["intent"]["step"]["approvals"] == 1
    assert shown["pending"] == "2.8.0"
    assert shown["since"] == EARLIER
