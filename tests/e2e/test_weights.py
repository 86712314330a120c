"""`--weight auto` asks a real Prometheus: Debian's, which holds the last hour of a canary's requests."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from debian_tools import unpacked
from promoting import Company
from promtool import PACKAGE, promtool

from handrail.components._definition import Workload
from handrail.core.clock import now
from handrail.core.project import Project
from handrail.personas._stack import plan_stack
from handrail.promotion import promote_by_metrics
from handrail.promotion.metrics import Prometheus, measure
from handrail.promotion.text import text

STEP, HOUR = 15, 3600
JOB = 'job="payments-prod/checkout"'
STABLE = f'{JOB},instance="5d0c9a71-f3be"'
CANARY = f'{JOB},instance="checkout-canary-6c9d8f7b5d-x2x7k"'
BUCKETS = (0.05, 0.25, 1.0)


@dataclass(frozen=True)
class Traffic:
    """What a release answers, steadily.

    Args:
        rate: requests a second.
        errors: the share that fails.
        slow: the share that takes longer than 250 ms.
    """

    rate: float
    errors: float = 0.0
    slow: float = 0.0


def series(labels: str, traffic: Traffic, second: int) -> Iterator[tuple[str, str, float]]:
    """The counters of OpenTelemetry's HTTP server after so many seconds: family, series, value."""
    name = "http_server_request_duration_seconds"
    for code, part in (("200", 1 - traffic.errors), ("503", traffic.errors)):
        count = traffic.rate * second * part
        own = f'{labels},http_response_status_code="{code}"'
        for bound in BUCKETS:
            yield name, f'{name}_bucket{{{own},le="{bound}"}}', count * (1 - traffic.slow if bound < 1 else 1)
        yield name, f'{name}_bucket{{{own},le="+Inf"}}', count
        yield name, f"{name}_count{{{own}}}", count


def openmetrics(stable: Traffic, canary: Traffic | None, available: int | None) -> str:
    """An hour until now, as `promtool tsdb create-blocks-from openmetrics` reads it."""
    end = int(time.time())
    found: dict[str, list[str]] = {}
    for at in range(end - HOUR, end + 1, STEP):
        second = at - end + HOUR
        samples = [*series(STABLE, stable, second), *(series(CANARY, canary, second) if canary else ())]
        if available is not None:
            where = 'namespace="payments-prod",deployment="checkout-canary",condition="Available"'
            for status, value in (("true", available), ("false", 1 - available)):
                family = "kube_deployment_status_condition"
                samples.append((family, f'{family}{{{where},status="{status}"}}', value))
        for _, name, value in samples:
            found.setdefault(name, []).append(f"{name} {value} {at}")
    return "\n".join(line for lines in found.values() for line in lines) + "\n# EOF\n"


@contextmanager
def prometheus(folder: Path, content: str) -> Iterator[str]:
    """A Prometheus with these metrics; where it is."""
    (folder / "metrics.om").write_text(content)
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\n")
    made = [str(promtool()), "tsdb", "create-blocks-from", "openmetrics", "metrics.om", "data"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True, timeout=120)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(unpacked(PACKAGE, "prometheus")),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 60
            while not ready(address):
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def ready(address: str) -> bool:
    """Whether it answers."""
    try:
        return urllib3.request("GET", f"{address}/-/ready", retries=False, timeout=2.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A canary of checkout in production, at 5%, for half an hour."""
    company = Company.at(tmp_path_factory.mktemp("acme"))
    company.through("checkout", "dev", "staging", "prod")
    company.workloads("payments", "checkout:2.7.1", "checkout:2.8.0")
    company.through("checkout", "dev", "staging")
    company.promote("checkout", "prod", weight=5)
    aged(company)
    company.commit("a canary")
    return company


@pytest.fixture
def company(repository: Company) -> Iterator[Company]:
    """The same, as it was committed."""
    yield repository
    repository.git("checkout", "-q", "--", ".")


def aged(company: Company) -> None:
    """Have the canary's weight stand for half an hour."""
    file = company.root / "releases/prod/payments.yaml"
    head, _, rest = file.read_text().partition("  canary:\n")
    stamp = f"    at: {now() - timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
    lines = [stamp if line.startswith("    at:") else line for line in rest.splitlines()]
    file.write_text("\n".join([f"{head}  canary:", *lines, ""]))


def workload(company: Company) -> Workload[Any]:
    """checkout in production."""
    config = Project.find(company.root).stack("payments-prod").config
    plan = plan_stack(config, root=company.root, stack="payments-prod")
    return next(each.workload for each in plan.prepared if each.name == "checkout")


def test_what_is_measured_is_what_happened(company: Company, tmp_path: Path) -> None:
    """Requests, failures and latencies of the canary and of the release beside it, each its own."""
    with prometheus(tmp_path, openmetrics(Traffic(20, 0.0005, 0.002), Traffic(2, 0.01, 0.05), 1)) as address:
        found = measure(workload(company), Prometheus(address))
    assert found.available is True
    assert found.requests == pytest.approx(1200, rel=0.05)
    measured = {each.sentence: (each.budget, each.canary, each.stable) for each in found.objectives}
    assert measured["99.9% of requests do not fail"] == pytest.approx((0.001, 0.01, 0.0005), rel=0.05)
    assert measured["99% of requests take at most 250ms"] == pytest.approx((0.01, 0.05, 0.002), rel=0.05)


@pytest.mark.parametrize(
    ("canary", "available", "weight", "words"),
    [
        (Traffic(2), 1, 25, "1200 requests in 10m, within the objective"),
        (Traffic(2), None, 25, "within the objective"),
        (Traffic(0.05), 1, 5, "30 requests in 10m: 100 tell something"),
        (None, 1, 5, "no metric of its requests in 10m"),
        (Traffic(2, errors=0.05), 1, 0, "5% are bad, 0.1% may be"),
        (Traffic(2, slow=0.2), 1, 0, "it breaks its objective (99% of requests take at most 250ms)"),
        (Traffic(2, slow=0.008), 1, 5, "0.8% are bad (99% of requests take at most 250ms), 0.2% beside it"),
        (Traffic(2), 0, 0, "its Deployment is not available"),
    ],
    ids=["well", "no kube-state-metrics", "few", "none", "failing", "slow", "slower", "not available"],
)
def test_the_weight_that_follows(
    company: Company, tmp_path: Path, canary: Traffic | None, available: int | None, weight: int, words: str
) -> None:
    """Further, held with the reason, or set to 0."""
    with prometheus(tmp_path, openmetrics(Traffic(20, 0.0, 0.002), canary, available)) as address:
        outcome = promote_by_metrics(
            Project.find(company.root), "checkout", "prod", prometheus=address, resolvers=company.resolvers
        )
    beside = company.released("prod", "payments", "checkout").canary
    assert beside is not None
    assert (beside.weight, outcome.file is not None) == (weight, weight != 5)
    assert words in text(outcome)


def test_a_failing_stable_release_is_not_the_canarys_fault(company: Company, tmp_path: Path) -> None:
    """As where both call something that is down."""
    with prometheus(tmp_path, openmetrics(Traffic(20, 0.05), Traffic(2, 0.05), 1)) as address:
        outcome = promote_by_metrics(
            Project.find(company.root), "checkout", "prod", prometheus=address, resolvers=company.resolvers
        )
    assert "or not the canary's" in text(outcome)
    assert outcome.file is None
