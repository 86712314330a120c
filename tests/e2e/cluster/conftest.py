"""The sample company on a real control plane: one cluster for its three environments."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from spine import ORGANISATION, Checkout
from stored import Stored

from handrail.engine.control_plane import CONTEXT
from handrail.testing.cluster import ControlPlane, cluster

__all__ = ["cluster"]


@pytest.fixture(scope="session")
def live(acme_copy: Callable[[], Checkout], cluster: ControlPlane) -> Checkout:
    """A copy of acme that is deployed to the control plane; every environment of it is up."""
    copy = acme_copy()
    copy = Checkout(copy.root, {**copy.environment, "KUBECONFIG": str(cluster.kubeconfig)})
    deploy_to(CONTEXT, copy.root / ORGANISATION)
    said = copy.handrail("up", "--yes", "*").stderr
    assert "up: 18 of 18" in said
    return copy


def deploy_to(context: str, organisation: Path) -> None:
    """Have every environment on one cluster, which a kubeconfig context names."""
    text = re.sub(r"    render: rendered.*", f"    context: {context}", organisation.read_text())
    organisation.write_text(re.sub(r"cluster: (staging|prod)\b", "cluster: dev", text))


@pytest.fixture(scope="session")
def stored(cluster: ControlPlane) -> Stored:
    """The administrator's view of what the API server stores."""
    return Stored(cluster.api)
