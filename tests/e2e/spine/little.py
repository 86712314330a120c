"""The sample company with one workload in two of its teams: a fault is the same on little, and shown sooner."""

from collections.abc import Callable

import pytest
from spine import Checkout

PAYMENTS = """\
persona: app-developer
team: payments
services:
  refunds: {image: registry.acme.test/payments/refunds:0.9.3, port: 8080}
"""
CHURN = """\
persona: data-scientist
team: churn
environment_image: registry.acme.test/churn/science:2.1.0
jobs:
  train: {notebook: notebooks/train.ipynb, schedule: "0 2 * * *"}
"""


@pytest.fixture(scope="module")
def acme_copy(acme_copy: Callable[[], Checkout]) -> Callable[[], Checkout]:
    """Makes a fresh copy."""

    def make() -> Checkout:
        copy = acme_copy()
        for team, text in (("payments", PAYMENTS), ("churn", CHURN)):
            (copy.root / f"stacks/acme/{team}/workloads.yaml").write_text(text)
        return copy

    return make


@pytest.fixture(scope="module")
def deployed(acme_copy: Callable[[], Checkout]) -> Checkout:
    """A copy of which three stacks are up."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "platform-dev", "payments-dev", "churn-dev")
    return copy
