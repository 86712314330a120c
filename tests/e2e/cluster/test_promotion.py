"""One verb for a service, an endpoint and a job: from dev through staging to prod, in one day.

The engine, its provider, the API server, the registry of images and the registry of models are real; the sample
company's three environments are on one cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from history import commit, git
from mlflow_server import register, running_mlflow, set_alias
from registry import push
from spine import Checkout

from handrail.engine.control_plane import ControlPlane

pytestmark = pytest.mark.engine
PAYMENTS, FRAUD = "stacks/acme/payments/workloads.yaml", "stacks/acme/fraud/workloads.yaml"
MODEL = {"MLmodel": b"flavors: {}\n", "model.pkl": b"weights"}
PROMOTED = {"checkout": "payments", "fraud-scorer": "fraud", "retrain": "fraud"}
ENVIRONMENTS = ("dev", "staging", "prod")


@pytest.fixture(scope="module")
def mlflow() -> Iterator[str]:
    """The registry of models."""
    with running_mlflow() as url:
        yield url


@pytest.fixture(scope="module")
def company(live: Checkout, registry: str, mlflow: str) -> Iterator[Checkout]:
    """The live company, whose files name what is in the registries by a tag and by an alias; set back afterwards."""
    live.handrail("up", "--yes", "platform-staging", "payments-staging", "fraud-staging")  # another test took them away
    files = {name: (live.root / name).read_text() for name in (PAYMENTS, FRAUD)}
    for name, text in files.items():
        text = text.replace("registry.acme.test/payments/checkout", f"{registry}/payments/checkout")
        text = text.replace("registry.acme.test/fraud/scoring", f"{registry}/fraud/scoring")
        (live.root / name).write_text(text.replace("models:/fraud-scorer/12", "models:/fraud-scorer@champion"))
    (live.root / ".gitignore").write_text(".venv\n.state\nrendered\n")
    git(live.root, "init", "--quiet", "--initial-branch", "main")
    commit(live.root, "the company")
    yield Checkout(live.root, {**live.environment, "MLFLOW_TRACKING_URI": mlflow})
    for name, text in files.items():
        (live.root / name).write_text(text)
    for file in sorted((live.root / "releases").rglob("*.yaml")):
        file.unlink()
    live.handrail("up", "--yes", *(f"{team}-{each}" for team in ("payments", "fraud") for each in ENVIRONMENTS))


@pytest.fixture(scope="module")
def pushed(registry: str, mlflow: str) -> dict[str, str]:
    """What the names mean in the morning."""
    return {
        "checkout": push(registry, "payments/checkout", "2.7.1", revision="first"),
        "scoring": push(registry, "fraud/scoring", "3.4.0", revision="first"),
        "model": f"models:/fraud-scorer/{register(mlflow, 'fraud-scorer', MODEL, alias='champion')}",
    }


@pytest.fixture(scope="module")
def promoted(company: Checkout, pushed: dict[str, str], registry: str, mlflow: str) -> dict[str, list[str]]:
    """What `promote` said in each environment, everything deployed to it in turn; the names move on the way."""
    said: dict[str, list[str]] = {}
    for environment in ENVIRONMENTS:
        said[environment] = [company.handrail("promote", name, "--to", environment).stdout for name in PROMOTED]
        commit(company.root, f"promote to {environment}")
        company.handrail("up", "--yes", f"payments-{environment}", f"fraud-{environment}")
        # the same names, of something else: what was promoted is what goes on
        push(registry, "payments/checkout", "2.7.1", revision=environment)
        push(registry, "fraud/scoring", "3.4.0", revision=environment)
        register(mlflow, "fraud-scorer", {**MODEL, "model.pkl": environment.encode()}, alias="champion")
    return said


def container(cluster: ControlPlane, kind: str, namespace: str, name: str) -> dict[str, Any]:
    """The first container of what is in the cluster."""
    group = {"deployments": "apps", "cronjobs": "batch"}[kind]
    status, found = cluster.api.request("GET", f"/apis/{group}/v1/namespaces/{namespace}/{kind}/{name}")
    assert status == 200
    spec = found["spec"]
    template = spec["jobTemplate"]["spec"]["template"] if kind == "cronjobs" else spec["template"]
    first: dict[str, Any] = template["spec"]["containers"][0]
    return first


def test_what_was_resolved_once_runs_everywhere(
    promoted: dict[str, list[str]], pushed: dict[str, str], registry: str, cluster: ControlPlane
) -> None:
    """The image and the model of the morning, in all three environments, whatever the names mean by now."""
    assert list(promoted) == list(ENVIRONMENTS)
    for environment in ENVIRONMENTS:
        service = container(cluster, "deployments", f"payments-{environment}", "checkout")
        assert service["image"] == f"{registry}/payments/checkout@{pushed['checkout']}"
        endpoint = container(cluster, "deployments", f"fraud-{environment}", "fraud-scorer")
        job = container(cluster, "cronjobs", f"fraud-{environment}", "retrain")
        assert endpoint["image"] == job["image"] == f"{registry}/fraud/scoring@{pushed['scoring']}"
        assert pushed["model"] in str(endpoint["env"])


def test_each_says_what_it_does_and_what_it_waits_for(promoted: dict[str, list[str]]) -> None:
    """In a sentence; production needs somebody else's approval."""
    for name, text in zip(PROMOTED, promoted["dev"], strict=True):
        assert name in text.splitlines()[0]
        assert "dev" in text.splitlines()[0]
    assert all("approval" in text for text in promoted["prod"])
    assert not any("approval" in text for text in promoted["staging"])


def test_what_was_deployed_is_an_output_of_the_stack(
    company: Checkout, promoted: dict[str, list[str]], pushed: dict[str, str]
) -> None:
    """Also after a plain `pulumi up`, which changes nothing."""
    done = company.pulumi("up", "--yes", "--skip-preview", "--stack", "payments-prod")
    assert "unchanged" in done.stdout
    found = json.loads(company.pulumi("stack", "output", "--json", "--stack", "payments-prod").stdout)
    fact = found["handrail:releases"]["checkout"]
    assert fact["image"].endswith(pushed["checkout"])
    assert fact["source"] == "staging"
    assert fact["by"]


def test_the_status_of_a_product_manager(company: Checkout, promoted: dict[str, list[str]]) -> None:
    """Live, in production, with nothing missing."""
    said = company.handrail("status", "payments-prod", "--as", "product-manager").stdout
    (line,) = [each for each in said.splitlines() if each.startswith("checkout")]
    assert "live" in line


def test_a_rollback_goes_back_to_what_was_pinned_before(
    company: Checkout, promoted: dict[str, list[str]], pushed: dict[str, str], registry: str, mlflow: str
) -> None:
    """To the very digest, by git's history, also when the registry no longer has the name."""
    company.handrail("promote", "checkout", "--to", "dev")
    commit(company.root, "what the tag means now")
    file = company.root / "releases/dev/payments.yaml"
    assert pushed["checkout"] not in file.read_text()
    company.handrail("rollback", "checkout", "--in", "dev", "--incident", "INC-7")
    assert f"payments/checkout@{pushed['checkout']}" in file.read_text()
    assert "INC-7" in file.read_text()
    set_alias(mlflow, "fraud-scorer", "champion", "1")


def test_only_pins_differ(company: Checkout, promoted: dict[str, list[str]]) -> None:
    """A promotion writes below releases/ and nowhere else."""
    first = git(company.root, "rev-list", "--max-parents=0", "HEAD")
    changed = git(company.root, "diff", "--name-only", first, "HEAD").split()
    assert {Path(name).parts[0] for name in changed} == {"releases"}
