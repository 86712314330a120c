"""What served on a day: asked of the history that plain `pulumi up` leaves, with no cluster and no further word."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from e2e.spine.little import acme_copy
from spine import Checkout

pytestmark = pytest.mark.engine
__all__ = ["acme_copy"]
STACK = "payments-prod"
REFUNDS = "registry.acme.test/payments/refunds"
DIGESTS = {version: f"sha256:{digit * 64}" for version, digit in (("1.0", "1"), ("1.1", "2"), ("1.2", "3"))}


def pin(copy: Checkout, version: str, canary: str = "", **record: str) -> None:
    """Release a version of refunds, and perhaps another beside it."""
    release: dict[str, Any] = {"image": f"{REFUNDS}@{DIGESTS[version]}", "named": f"{REFUNDS}:{version}", **record}
    if canary:
        release["canary"] = {"image": f"{REFUNDS}@{DIGESTS[canary]}", "named": f"{REFUNDS}:{canary}", "weight": 10}
    file = copy.root / "releases/prod/payments.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"refunds": release}))


def up(copy: Checkout, *, ok: bool = True) -> datetime:
    """`pulumi up`, and the time after it."""
    copy.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, ok=ok)
    return datetime.now(UTC)


def asked(copy: Checkout, at: datetime | str) -> dict[str, Any]:
    """What is told of a moment."""
    (found,) = json.loads(copy.handrail("status", STACK, "--json", "--at", str(at)).stdout)
    assert isinstance(found, dict)
    return found


def test_what_served_before_between_and_after(acme_copy: Callable[[], Checkout]) -> None:
    """By plain ups, an unchanged one among them, one that failed, and a destroy; each workload since the update that
    brought it, from the record of that deployment and not from today's files."""
    copy = acme_copy()
    copy.pulumi("stack", "init", STACK, "--no-select")
    before = datetime.now(UTC)
    pin(copy, "1.0", by="ada@acme.test", source="staging", incident="INC-1")
    first = up(copy)
    again = up(copy)
    pin(copy, "1.1", by="grace@acme.test")
    second = up(copy)
    deployment = next((copy.root / "rendered" / STACK).rglob("*deployment*refunds*"))
    deployment.unlink()
    deployment.mkdir()  # so that it cannot be written
    pin(copy, "1.2")
    failed = up(copy, ok=False)
    deployment.rmdir()
    third = up(copy)
    copy.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK)

    def images(at: datetime) -> list[tuple[str, str, int]]:
        return [(each["named"], each["image"], each["since"]["version"]) for each in asked(copy, at)["workloads"]]

    def version(name: str) -> tuple[str, str]:
        return (f"{REFUNDS}:{name}", f"{REFUNDS}@{DIGESTS[name]}")

    nothing = asked(copy, before)
    assert (nothing["workloads"], nothing["note"]) == ([], "no deployment of it had ended by then")
    assert images(first) == images(again) == [(*version("1.0"), 1)]
    (one,) = asked(copy, again)["workloads"]
    assert (one["by"], one["source"], one["incident"]) == ("ada@acme.test", "staging", "INC-1")
    assert images(second) == [(*version("1.1"), 3)]
    broken = asked(copy, failed)
    assert (broken["update"]["version"], broken["update"]["result"]) == (4, "failed")
    (asked_for,) = broken["workloads"]
    assert (asked_for["named"], asked_for["before"]["named"]) == (f"{REFUNDS}:1.2", f"{REFUNDS}:1.1")
    assert images(third) == [(*version("1.2"), 5)]
    after = asked(copy, datetime.now(UTC).date().isoformat())
    assert after["update"]["kind"] == "destroy"
    assert after["note"].startswith("nothing was deployed: it was destroyed on ")
    told = copy.handrail("status", STACK, "--at", str(second), "--as", "product-manager").stdout
    assert "refunds served in prod: version 1.1, since " in told
    assert "service  1.1  since " in copy.handrail("status", STACK, "--at", str(second)).stdout


def test_an_unchanged_up_shows_no_change(acme_copy: Callable[[], Checkout]) -> None:
    """The record has no time of its own."""
    copy = acme_copy()
    copy.pulumi("stack", "init", STACK, "--no-select")
    pin(copy, "1.0", at="2026-03-03T10:00:00+00:00")
    up(copy)
    shown = json.loads(copy.pulumi("preview", "--json", "--stack", STACK, "--expect-no-changes").stdout)
    assert set(shown["changeSummary"]) == {"same"}
    exported = json.loads(copy.pulumi("stack", "output", "--json", "--stack", STACK).stdout)["handrail:releases"]
    assert exported["refunds"]["at"] == "2026-03-03T10:00:00Z"


def test_a_stack_that_is_not_there_and_a_history_that_is_broken(acme_copy: Callable[[], Checkout]) -> None:
    """One is an answer; the other a problem with what to do, and exit code 1, which hides no other stack."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "churn-dev")
    folder = copy.root / ".state/.pulumi/history/acme/churn-dev"
    (checkpoint,) = folder.glob("*.checkpoint.json")
    checkpoint.write_text("{")
    today = datetime.now(UTC).date().isoformat()
    done = copy.handrail("status", "churn-dev", "payments-dev", "--at", today, ok=False)
    assert done.returncode == 1
    assert "the history of stack churn-dev cannot be read" in done.stdout
    assert "no deployment of it had ended by then" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
