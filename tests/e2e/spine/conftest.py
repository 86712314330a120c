"""The sample company, deployed into files once for all tests."""

from collections.abc import Callable

import pytest
from spine import STACKS, Checkout


@pytest.fixture(scope="session")
def deployed(acme_copy: Callable[[], Checkout]) -> Checkout:
    """A copy of acme whose dev stacks are up, by `handrail up`."""
    copy = acme_copy()
    copy.handrail("up", "--yes", *(stack for stack in STACKS if stack.endswith("-dev")))
    return copy
