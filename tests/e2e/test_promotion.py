"""The same verb promotes a service, an endpoint, a job and a notebook: by a real registry, MLflow and oasdiff."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from mlflow_server import register, running_mlflow, set_alias
from promoting import Company
from registry import push, running_registry
from typer.testing import CliRunner

from handrail.cli.app import app

MODEL = {"MLmodel": b"flavors: {}", "model.pkl": b"weights"}
CARTS = {"get": {"responses": {"200": {"description": "all of them"}}}}


@pytest.fixture(scope="module")
def tracking() -> Iterator[str]:
    """MLflow."""
    with running_mlflow() as url:
        yield url


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracking: str) -> Company:
    """The sample company, whose data scientists' endpoint serves what an alias names."""
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    company = Company.at(tmp_path / "acme")
    company.workloads("churn", "models:/churn/4", "models:/churn@champion")
    return company


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """With a folder in it for the company."""
    (tmp_path / "acme").mkdir()
    return tmp_path


def run(company: Company, *arguments: str, ok: bool = True) -> str:
    """`handrail ARGUMENTS` in the company's repository; what it printed."""
    result = CliRunner().invoke(app, [*arguments, "-C", str(company.root)])
    assert (result.exit_code == 0) is ok, result.output
    return result.output


def moved_to(company: Company, host: str) -> None:
    """Have acme's own images come from a registry that is here."""
    company.organisation("registries: [registry.acme.test]", f"registries: [registry.acme.test, {host}]")
    company.workloads("payments", "registry.acme.test/payments/checkout", f"{host}/payments/checkout")
    company.workloads("churn", "registry.acme.test/churn/science", f"{host}/churn/science")


def document(company: Company, **paths: object) -> None:
    """checkout's OpenAPI document."""
    found = {"openapi": "3.0.3", "info": {"title": "checkout", "version": "1"}, "paths": paths}
    (company.root / "stacks/acme/payments/checkout.openapi.yaml").write_text(yaml.safe_dump(found))


def test_every_kind_of_workload_goes_from_dev_to_prod_and_back(company: Company, tracking: str) -> None:
    """Resolved once, in the first environment; from then on nobody needs the registries, a rollback least of all."""
    first = register(tracking, "churn", MODEL, alias="champion")
    names = ("checkout", "churn-scorer", "train", "explore")
    with running_registry() as host:
        moved_to(company, host)
        company.commit("registry")
        checkout, science = push(host, "payments/checkout", "2.7.1"), push(host, "churn/science", "2.1.0")
        for name in names:
            run(company, "promote", name, "--to", "dev")
        pushed = push(host, "payments/checkout", "2.7.1", revision="pushed over it")
        assert pushed != checkout
        second = register(tracking, "churn", {**MODEL, "model.pkl": b"other"})
        set_alias(tracking, "churn", "champion", second)
    for environment in ("staging", "prod"):
        for name in names:
            run(company, "promote", name, "--to", environment)
    company.commit("all of them in production")
    assert company.released("prod", "payments", "checkout").image == f"{host}/payments/checkout@{checkout}"
    for name in names[1:]:
        assert company.released("prod", "churn", name).image == f"{host}/churn/science@{science}"
    scorer = company.released("prod", "churn", "churn-scorer")
    assert scorer.model == f"models:/churn/{first}" and scorer.digest is not None
    said = run(company, "promote", "checkout", "--to", "dev", ok=False)
    assert host in said and "is not reached" in said
    with running_registry() as other:
        company.workloads("payments", host, other)
        company.organisation(f", {host}]", f", {host}, {other}]")
        push(other, "payments/checkout", "2.7.1", revision="built anew")
        for environment in ("dev", "staging", "prod"):
            run(company, "promote", "checkout", "--to", environment)
        company.commit("another one")
    run(company, "rollback", "checkout", "--in", "prod", "--incident", "INC-1")
    assert company.released("prod", "payments", "checkout").image == f"{host}/payments/checkout@{checkout}"


def test_oasdiff_says_what_a_release_breaks(company: Company) -> None:
    """Named by method and path; a new version may break it, beside the old one."""
    document(company, **{"/v2/orders": CARTS, "/v2/carts": CARTS})
    company.workloads("payments", "api: {version: v2}", "api: {version: v2, openapi: checkout.openapi.yaml}")
    with running_registry() as host:
        moved_to(company, host)
        push(host, "payments/checkout", "2.7.1")
        run(company, "promote", "checkout", "--to", "dev")
        push(host, "payments/checkout", "2.7.1", revision="without carts")
        document(company, **{"/v2/orders": CARTS})
        said = run(company, "promote", "checkout", "--to", "dev", ok=False)
        assert "GET /v2/carts: " in said and "api-compatible, required" in said
        company.workloads("payments", "{version: v2, openapi", "{version: v3, previous: {v2: 2099-12-31}, openapi")
        found = json.loads(run(company, "promote", "checkout", "--to", "dev", "--json"))
    assert found["after"]["api"]["version"] == "v3"
    assert list(found["after"]["previous"]) == ["v2"]
    assert {each["name"] for each in found["changes"]} >= {"checkout", "checkout-v2"}
