"""`handrail preview --base REF --engine`: what differs, and what is deployed otherwise, by the real engine."""

import json
import subprocess
from collections.abc import Callable

import pytest
from spine import Checkout

pytestmark = pytest.mark.engine
FILE = "stacks/acme/payments/workloads.yaml"


def edit(copy: Checkout, old: str, new: str) -> None:
    """Another text in payments' file."""
    file = copy.root / FILE
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def commit(copy: Checkout) -> None:
    """All of it, as a commit."""
    names = ["-c", "user.name=a", "-c", "user.email=a@b.test"]
    for words in (["init", "-q"], ["add", "--", "Pulumi.yaml", "stacks"], ["commit", "-qm", "all"]):
        subprocess.run(["git", "-C", str(copy.root), *names, *words], check=True)


def test_what_was_merged_and_not_deployed(acme_copy: Callable[[], Checkout]) -> None:
    """Is drift, beside the change itself; of a stack that was never deployed that is said."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "payments-dev")
    edit(copy, "port: 9000", "port: 9001")
    commit(copy)
    edit(copy, "checkout:2.7.1", "checkout:2.8.0")
    command = ["preview", "--base", "HEAD", "--engine", "--json", "payments-dev", "payments-prod"]
    report = json.loads(copy.handrail(*command).stdout)
    stacks = {each["stack"]: each for each in report["stacks"]}
    dev = stacks["payments-dev"]
    assert [each["sentence"] for each in dev["workloads"]] == ["image 2.7.1 → 2.8.0"]
    drift = {each["name"]: each for each in dev["drift"]}
    assert {"ledger-deployment", "ledger-service"} & set(drift)
    assert all(name.startswith(("ledger-", "checkout-", "refunds-")) for name in drift)
    assert "checkout-deployment" not in drift
    assert "spec.template.spec.containers" in drift["ledger-deployment"]["reason"]
    assert stacks["payments-prod"]["drift"] == []
    assert not report["complete"]
    assert "payments-prod: what is deployed: the stack was never deployed" in report["unseen"]
