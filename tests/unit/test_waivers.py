"""Waivers: what holds, what is none and why, and that each ends on its day."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import acme

from handrail.core.clock import at
from handrail.core.errors import HandrailError
from handrail.core.resources import Given, Resource
from handrail.organisation import Tier
from handrail.organisation.model import Standards
from handrail.standards import Contract, Finding, judge
from handrail.standards.catalogue import catalogue_of
from handrail.standards.evidence import Subject, grouped
from handrail.standards.waivers import Waivers, read_waivers

TODAY = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "id": "checkout-digest",
    "standard": "images-by-digest",
    "workload": "payments/checkout",
    "environment": "prod",
    "reason": "the registry that keeps digests is being moved",
    "owner": "mei@acme.test",
    "approver": "ada@acme.test",
    "granted": "2026-11-01",
    "expires": "2027-01-15",
    "compensating_control": "tags are immutable in the registry",
}


def waivers(folder: Path, *entries: Any, limit: int | None = None) -> Waivers:
    """What the file of an organisation says, on the day of these tests."""
    (folder / "waivers.yaml").write_text(yaml.safe_dump({"waivers": list(entries)}))
    organisation = acme()
    if limit is not None:
        organisation = organisation.model_copy(update={"standards": Standards(version="1", waivers=limit)})
    with at(TODAY):
        return read_waivers(folder, organisation, catalogue_of(acme(), None))


def test_one_that_holds(tmp_path: Path) -> None:
    """For its standard, workload and environment alone."""
    found = waivers(tmp_path, GOOD)
    assert found.faults == ()
    with at(TODAY):
        assert list(found.of("prod")) == [("images-by-digest", "payments/checkout")]
        assert found.of("dev") == {}
        assert found.held[0].days_left == 51


def test_it_ends_on_its_day(tmp_path: Path) -> None:
    """At midnight, UTC, also in a process that read it before."""
    found = waivers(tmp_path, GOOD)
    for moment, holds in (
        (datetime(2027, 1, 14, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 15, tzinfo=UTC), False),
    ):
        with at(moment):
            assert bool(found.of("prod")) is holds


DATABASE = "aws:rds/instance:Instance"
PUBLIC = {"publiclyAccessible": True}


@pytest.mark.parametrize(
    ("tags", "address", "owner"),
    [
        ({"owner": "payments"}, "payments/ledger", "mei@acme.test"),
        ({"handrail.dev/team": "fraud", "owner": "payments"}, "fraud/ledger", "noor@acme.test"),
        ({"owner": "Mei of Payments"}, "ledger", "grace@acme.test"),
        ({"owner": Given(None)}, "ledger", "grace@acme.test"),
        (None, "ledger", "grace@acme.test"),
    ],
)
def test_one_for_a_clouds_resource(tags: Any, address: str, owner: str, tmp_path: Path) -> None:
    """Names the team of its tags, if they say one, and its name; the finding says so."""
    resource = Resource("ledger", DATABASE, PUBLIC | ({"tags": tags} if tags else {}))
    standards = catalogue_of(acme(), None)

    def finding(held: Waivers) -> Finding:
        (found,) = judge([resource], Contract("prod", Tier.PRODUCTION, (standards["rds-not-public"],), held))
        return found

    refused = finding(Waivers())
    assert (refused.workload, refused.refuses) == (address, True)
    assert str(refused.remedy).endswith(f"; in a waiver its workload is {address}")
    found = waivers(tmp_path, {**GOOD, "standard": "rds-not-public", "workload": address, "owner": owner})
    assert found.faults == ()
    with at(TODAY):
        assert finding(found).waiver == "checkout-digest until 2027-01-15"
        other = replace(resource, inputs={**PUBLIC, "tags": {"owner": "churn"}})
        assert judge([other], Contract("prod", Tier.PRODUCTION, (standards["rds-not-public"],), found))[0].refuses


def test_a_clouds_resource_is_no_part_of_a_cluster_s_workload() -> None:
    """A Service of ECS is not the Service of a workload of its name."""
    labels = {"handrail.dev/team": "payments", "app.kubernetes.io/instance": "ledger"}
    inside = Resource("a", "kubernetes:core/v1:Service", {"metadata": {"name": "ledger", "labels": labels}})
    cloud = Resource("ledger", "aws:ecs/service:Service", {"tags": {"owner": "payments"}})
    assert {Subject(each).address for each in (inside, cloud)} == {"payments/ledger"}
    assert len(grouped([Subject(inside), Subject(cloud)])) == 2


@pytest.mark.parametrize("field", GOOD)
def test_one_that_lacks_something_is_none(field: str, tmp_path: Path) -> None:
    """It lets nothing pass, and says what is missing, and where."""
    found = waivers(tmp_path, {key: value for key, value in GOOD.items() if key != field})
    assert found.held == ()
    (fault,) = found.faults
    assert (fault.path, fault.message) == (f"waivers[0].{field}", "is required")
    assert str(fault.where).endswith("waivers.yaml:2:3")


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"expires": "2026-11-24"}, "expires", "has expired"),
        ({"standard": "no-literal-secrets"}, "standard", "which is non-negotiable: nobody may"),
        ({"standard": "images-by-digst"}, "standard", "is no standard that may stand here"),
        ({"workload": "payments"}, "workload", "names a team and no workload"),
        ({"workload": "ledger"}, "owner", "has an owner who is not of the workload's team"),
        ({"expires": "2027-06-01"}, "expires", "holds for too long"),
        ({"expires": "2026-10-01"}, "expires", "ends before it begins"),
        ({"expires": "2027-02-30"}, "expires", "no calendar has"),
        ({"expires": "soon"}, "expires", "not written as it must be"),
        ({"granted": "2026-12-01"}, "granted", "on a day that is to come"),
        ({"approver": "mei@acme.test"}, "approver", "may not waive images-by-digest"),
        ({"owner": "ada@acme.test"}, "owner", "not of the workload's team"),
        ({"standard": "image-by-digest"}, "standard", "is no standard"),
        ({"environment": "live"}, "environment", "is no environment"),
        ({"workload": "Payments/checkout"}, "workload", "not written as it must be"),
        ({"workload": "payments/check out"}, "workload", "not written as it must be"),
        ({"reason": "later"}, "reason", "at least 10 characters"),
        ({"reviewer": "ada@acme.test"}, "reviewer", "is no word"),
    ],
)
def test_one_that_is_wrong_is_none(change: dict[str, str], field: str, message: str, tmp_path: Path) -> None:
    """With the reason, at the line of its file."""
    found = waivers(tmp_path, {**GOOD, **change})
    assert found.held == ()
    said = {fault.path: fault.message for fault in found.faults}
    assert message in said[f"waivers[0].{field}"]


def test_the_nearest_of_many_is_told_alone(tmp_path: Path) -> None:
    """And not among all standards that there are."""
    (fault,) = waivers(tmp_path, {**GOOD, "standard": "images-by-digst"}).faults
    assert (fault.remedy, fault.allowed) == ("did you mean images-by-digest?", None)
    (fault,) = waivers(tmp_path, {**GOOD, "environment": "prd"}).faults
    assert (fault.remedy, fault.allowed) == ("did you mean prod?", "dev, prod, staging")


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Of every waiver; those that are right hold."""
    other = {**GOOD, "id": "other", "workload": "payments/ledger"}
    found = waivers(tmp_path, {**GOOD, "owner": "x", "approver": "y"}, other, {**GOOD, "id": "other"})
    assert [each.workload for each in found.held] == ["payments/ledger"]
    assert [fault.path for fault in found.faults] == ["waivers[0].owner", "waivers[0].approver", "waivers[2].id"]


def test_more_than_the_organisation_allows_itself(tmp_path: Path) -> None:
    """They hold, and the budget is told."""
    found = waivers(tmp_path, GOOD, {**GOOD, "id": "b", "workload": "payments/ledger"}, limit=1)
    assert len(found.held) == 2
    (fault,) = found.faults
    assert (fault.given, fault.path) == ("2", "waivers")


@given(text=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No waiver comes of it, and no traceback."""
    folder = tmp_path_factory.mktemp("waivers")
    (folder / "waivers.yaml").write_text(text, errors="replace")
    try:
        assert read_waivers(folder, acme(), {}).held == ()
    except HandrailError as error:
        assert str(error)
