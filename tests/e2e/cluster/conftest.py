"""The sample company on a real control plane: one cluster for its three environments."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.spine.faults import started
from registry import running_registry
from spine import ORGANISATION, Checkout
from stored import Stored

from handrail.engine.control_plane import CONTEXT
from handrail.testing.cluster import ControlPlane, cluster

__all__ = ["cluster"]


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """The host of a registry of images, beside the company's own, which is nowhere."""
    with running_registry() as host:
        yield host


@pytest.fixture(scope="session")
def live(acme_copy: Callable[[], Checkout], cluster: ControlPlane, registry: str) -> Checkout:
    """A copy of acme that is deployed to the control plane; every environment of it is up."""
    copy = acme_copy()
    copy = Checkout(copy.root, {**copy.environment, "KUBECONFIG": str(cluster.kubeconfig)})
    deploy_to(CONTEXT, copy.root / ORGANISATION)
    organisation = copy.root / ORGANISATION
    known = "registries: [registry.acme.test"
    organisation.write_text(organisation.read_text().replace(known, f"{known}, '{registry}'"))
    said = copy.handrail("up", "--yes", "*").stderr
    assert "up: 18 of 18" in said
    return copy


@pytest.fixture(scope="session", autouse=True)
def without_workspace(
    live: Checkout, acme_copy: Callable[[], Checkout], cluster: ControlPlane
) -> Iterator[subprocess.Popen[str]]:
    """An `up` to an environment without a platform stack, beside the other tests: the provider waits a minute for it."""
    copy = Checkout(acme_copy().root, live.environment)
    config = copy.root / "stacks/config"
    organisation = (live.root / ORGANISATION).read_text()
    lab = "  lab: {tier: development, cluster: dev}\n"
    (copy.root / ORGANISATION).write_text(organisation.replace("  prod: {tier", f"{lab}  prod: {{tier", 1))
    text = (config / "Pulumi.assist-dev.yaml").read_text().replace("environment: dev", "environment: lab")
    (config / "Pulumi.assist-lab.yaml").write_text(text)
    with started(copy, "up", "--yes", "--skip-preview", "assist-lab") as process:
        yield process


def deploy_to(context: str, organisation: Path) -> None:
    """Have every environment on one cluster, which a kubeconfig context names."""
    text = re.sub(r"    render: rendered.*", f"    context: {context}", organisation.read_text())
    organisation.write_text(re.sub(r"cluster: (staging|prod)\b", "cluster: dev", text))


@pytest.fixture(scope="session")
def stored(cluster: ControlPlane) -> Stored:
    """The administrator's view of what the API server stores."""
    return Stored(cluster.api)
