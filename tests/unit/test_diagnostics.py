"""What is read in the engine's diagnostics, and what is attempted again for it."""

import pytest

from handrail.engine import commands
from handrail.engine.diagnostics import passing
from handrail.engine.remedies import remedy_of

FAILED = "  pulumi:pulumi:Stack (acme-churn-staging):\n    error: update failed\n\n"
PASSES = (
    "  kubernetes:core/v1:ConfigMap (explore-dashboard):\n"
    '    error: resource "urn:pulumi:churn-staging::acme::x$kubernetes:core/v1:ConfigMap::explore-dashboard" was not '
    "successfully created by the Kubernetes API server: Server-Side Apply field conflict detected. See https://x for "
    "troubleshooting help.\n"
    '    The resource managed by field manager "pulumi-kubernetes-e55aadcc" had an apply conflict: Operation cannot be '
    'fulfilled on resourcequotas "quota": the object has been modified; please apply your changes to the latest '
    "version and try again\n"
)
"""What the provider said, of a real API server that made many objects of a namespace at once."""
CONFLICT = '    error: resource "x": conflict with "kubectl-edit" using apps/v1: .spec.replicas\n'


@pytest.mark.parametrize(
    ("said", "passes"),
    [(FAILED + PASSES, True), (FAILED + PASSES * 2, True), (FAILED + PASSES + CONFLICT, False), (FAILED, False)],
    ids=["one", "two", "another reason as well", "no reason"],
)
def test_what_passes_by_itself(said: str, passes: bool) -> None:
    """Only where nothing else went wrong."""
    assert passing(said) is passes


@pytest.mark.parametrize(
    ("ends", "attempts", "code"),
    [
        ([(255, FAILED + PASSES), (0, "")], 2, 0),
        ([(255, FAILED + PASSES)] * 5, 3, 255),
        ([(255, FAILED + PASSES), (255, FAILED + CONFLICT)], 2, 255),
        ([(255, FAILED + CONFLICT)], 1, 255),
        ([(0, PASSES)], 1, 0),
    ],
    ids=["goes through", "never does", "then another reason", "another reason", "went well"],
)
def test_it_is_attempted_again(ends: list[tuple[int, str]], attempts: int, code: int) -> None:
    """Three times at most, said each time."""
    made = iter(ends)
    told: list[str] = []
    assert commands._attempts(lambda: next(made), "churn-staging", told.append)[0] == code
    assert len(ends) - len(list(made)) == attempts
    assert len(told) == attempts - 1
    assert all(text.startswith("churn-staging: the API server changed something") for text in told)


def test_what_never_passes_has_a_remedy() -> None:
    """Whoever reads it need not know what a ResourceQuota is."""
    assert (remedy_of(PASSES) or "").startswith("run it again")
