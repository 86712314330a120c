"""`--weight auto`: the share that a canary gets next, as its objective's metrics allow; else why not."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from promoting import Company, digest
from spine import ROOT

from handrail.components._definition import Workload
from handrail.core.clock import now
from handrail.core.errors import HandrailError
from handrail.core.project import Project
from handrail.organisation import RequestMetrics
from handrail.personas._stack import plan_stack
from handrail.promotion import promote_by_metrics
from handrail.promotion.metrics import Prometheus, steps_of, tracks
from handrail.promotion.text import text
from handrail.promotion.weights import Evidence, Measured, decide_weight
from handrail.releases import Canary

IMAGE = f"registry.acme.test/payments/checkout@{digest('x')}"
GOOD = Measured("99.9% of requests do not fail", 0.001, 0.0, 0.0)
LATENCY = Measured("99% of requests take at most 250ms", 0.01, 0.001, 0.001)


def canary(weight: int, minutes: int = 30) -> Canary:
    """A canary that has its weight for so long."""
    return Canary(image=IMAGE, weight=weight, at=now() - timedelta(minutes=minutes))


def well(requests: float = 1000, *objectives: Measured, **more: Any) -> Evidence:
    """What Prometheus knows of a canary that is well, but for what is said."""
    return Evidence(requests, objectives or (GOOD, LATENCY), **{"available": True, **more})


@pytest.mark.parametrize(("weight", "then"), [(0, 5), (5, 25), (25, 50), (50, 100), (10, 25), (60, 100)])
def test_a_canary_that_is_well_gets_the_next_step(weight: int, then: int) -> None:
    """From wherever it is."""
    assert decide_weight(canary(weight), well()).weight == then


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (well(99), "99 requests in 10m: 100 tell something"),
        (well(0), "0 requests"),
        (Evidence(None, (GOOD,), True), "no metric of its requests"),
        (well(1000, Measured("s", 0.001, None, 0.0)), "nothing measures whether s"),
        (well(1000, Measured("s", 0.001, 0.002, 0.0)), "may be chance"),
        (well(1000, Measured("s", 0.001, 0.02, 0.02)), "or not the canary's"),
        (well(1000, Measured("s", 0.05, 0.03, 0.01)), "3% are bad (s), 1% beside it"),
        (well(blind="nobody can tell"), "nobody can tell"),
    ],
)
def test_what_holds_it_where_it_is(evidence: Evidence, words: str) -> None:
    """And is said."""
    decision = decide_weight(canary(25), evidence)
    assert decision.weight == 25
    assert words in "; ".join(decision.reasons)


def test_a_weight_stands_for_a_while_before_the_next() -> None:
    """What is measured is of this weight."""
    decision = decide_weight(canary(25, minutes=4), well())
    assert decision.weight == 25
    assert "6 more minutes" in decision.reasons[0]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (well(1000, Measured("s", 0.001, 0.05, 0.0)), "it breaks its objective (s): 5% are bad, 0.1% may be"),
        (well(1000, GOOD, Measured("quick", 0.01, 0.2, 0.001)), "quick"),
        (well(1000, Measured("s", 0.001, 0.05, None)), "5% are bad"),
        (Evidence(None, (), False), "its Deployment is not available"),
        (well(available=False), "its Deployment is not available"),
    ],
)
def test_a_canary_that_fails_gets_no_requests_any_more(evidence: Evidence, words: str) -> None:
    """However short it stands, and whatever else is not known."""
    decision = decide_weight(canary(25, minutes=1), evidence)
    assert decision.weight == 0
    assert words in "; ".join(decision.reasons)


def test_a_dark_canary_is_given_a_share_when_it_is_available() -> None:
    """It has no requests that could tell more; one that was set to 0 is tried again by a person."""
    assert decide_weight(canary(0), Evidence(available=True)).weight == 5
    assert "kube-state-metrics" in decide_weight(canary(0), Evidence()).reasons[0]
    again = decide_weight(canary(0), Evidence(available=True), was=25)
    assert again.weight == 0
    assert "it had 25% once" in again.reasons[0]


# Which series


def workload(stack: str, name: str) -> Workload[Any]:
    """One of acme's."""
    plan = plan_stack(Project.find(ROOT).stack(stack).config, root=ROOT, stack=stack)
    return next(each.workload for each in plan.prepared if each.name == name)


def test_a_service_is_counted_under_the_names_that_its_sdks_send() -> None:
    """OpenTelemetry's job is service.namespace/service.name; a canary's instance is its pod."""
    pair = tracks(workload("payments-prod", "checkout"))
    assert not isinstance(pair, str)
    assert [each.selector for each in pair] == [
        'job="payments-prod/checkout",instance!~"checkout-canary-.*"',
        'job="payments-prod/checkout",instance=~"checkout-canary-.*"',
    ]


def test_an_endpoint_is_counted_by_its_pods() -> None:
    """Each of them is scraped."""
    pair = tracks(workload("fraud-prod", "fraud-scorer"))
    assert not isinstance(pair, str)
    assert pair[0].selector.endswith('pod!~"fraud-scorer-canary-.*"')
    assert pair[1].selector.endswith('pod=~"fraud-scorer-canary-.*"')


def test_what_the_gateway_counts_cannot_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, with what to do; the mesh knows each Deployment."""
    found = workload("payments-prod", "checkout")
    organisation = found.context.organisation

    def counted_by(source: RequestMetrics) -> Any:
        telemetry = organisation.telemetry.model_copy(update={"requests": source})
        context = found.context.__class__(
            organisation.model_copy(update={"telemetry": telemetry}), "prod", "payments", ROOT, "payments-prod"
        )
        return tracks(Workload(found.name, found.spec, context))

    assert "move the weight by hand" in counted_by(RequestMetrics.ENVOY_GATEWAY)
    stable, beside = counted_by(RequestMetrics.ISTIO)
    assert stable.selector.endswith('destination_workload!="checkout-canary"')
    assert beside.selector.endswith('destination_workload="checkout-canary"')


def test_the_steps_are_shares_that_replicas_can_have() -> None:
    """Behind a route any; behind one Service those nearest above."""
    assert steps_of(workload("payments-prod", "checkout")) == (0, 5, 25, 50, 100)
    ledger = steps_of(workload("payments-prod", "ledger"))
    assert (ledger[0], ledger[-1]) == (0, 100)
    assert ledger == tuple(sorted(ledger)) and 32 <= ledger[1] <= 34


# Whom it asks


@contextmanager
def server(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """Something that answers queries; where it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(parse_qs(urlsplit(self.path).query)["query"][0])
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as its base has it
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/"
        finally:
            http.shutdown()
            thread.join()


def vector(*values: str) -> bytes:
    """An answer of Prometheus'."""
    result = [{"metric": {}, "value": [0, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


@pytest.mark.parametrize(("values", "found"), [(("0.5",), 0.5), ((), None), (("NaN",), None), (("+Inf",), None)])
def test_a_value_is_read(values: tuple[str, ...], found: float | None) -> None:
    """0 / 0 is no number, so nothing was measured."""
    with server(lambda _: (200, vector(*values))) as address:
        assert Prometheus(address).value("up") == found


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, b'{"status": "error", "error": "bad query"}', "400 bad query"),
        (200, b"<html>", "none of a Prometheus"),
        (200, b'{"status": "success"}', "none of a Prometheus"),
        (200, b"[]", "none of a Prometheus"),
        (404, b"not here", "none of a Prometheus"),
    ],
)
def test_an_answer_of_something_else_is_an_error(status: int, body: bytes, words: str) -> None:
    """With what it said, and how Prometheus is reached."""
    with server(lambda _: (status, body)) as address, pytest.raises(HandrailError) as raised:
        Prometheus(address).value("up")
    assert words in str(raised.value)
    assert "kubectl port-forward" in str(raised.value)


def test_a_prometheus_that_is_not_there_is_an_error() -> None:
    """Which names its address."""
    with pytest.raises(HandrailError, match=r"127\.0\.0\.1:1 "):
        Prometheus("http://127.0.0.1:1").value("up")


# The whole


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A canary of checkout at 25% in production, for half an hour."""
    company = Company.at(tmp_path)
    company.through("checkout", "dev", "staging", "prod")
    company.workloads("payments", "checkout:2.7.1", "checkout:2.8.0")
    company.through("checkout", "dev", "staging")
    company.promote("checkout", "prod", weight=25)
    file = company.root / "releases/prod/payments.yaml"
    stamp = f"{now() - timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
    head, canary_, rest = file.read_text().partition("  canary:\n")
    lines = [f"    at: {stamp}" if line.startswith("    at:") else line for line in rest.splitlines()]
    file.write_text("\n".join([f"{head}{canary_}{lines[0]}", *lines[1:], ""]))
    company.commit("a canary")
    return company


def moved(company: Company, answer: Callable[[str], str | None]) -> tuple[int | None, str]:
    """The canary's weight after it was asked about, and what was said."""

    def answered(query: str) -> tuple[int, bytes]:
        value = answer(query)
        return 200, vector() if value is None else vector(value)

    with server(answered) as address:
        outcome = promote_by_metrics(
            Project.find(company.root), "checkout", "prod", prometheus=address, resolvers=company.resolvers
        )
    beside = company.released("prod", "payments", "checkout").canary
    return beside.weight if beside else None, text(outcome)


def is_canary(query: str) -> bool:
    """Whether a query is about the canary."""
    return 'instance=~"checkout-canary' in query


def test_a_canary_moves_and_is_finished(company: Company) -> None:
    """Step by step, each with its reason."""

    def answer(query: str) -> str:
        return "1" if "kube_deployment" in query else "5000" if query.endswith("* 600") else "0"

    weight, words = moved(company, answer)
    assert weight == 50
    assert "5000 requests in 10m, within the objective" in words
    assert moved(company, answer)[0] == 50, "it stands for ten minutes first"


def test_a_canary_is_held_with_the_reason(company: Company) -> None:
    """Nothing is written."""
    before = (company.root / "releases/prod/payments.yaml").read_bytes()
    weight, words = moved(company, lambda query: "12" if query.endswith("* 600") else None)
    assert weight == 25
    assert "stays at 25%" in words and "12 requests in 10m" in words
    assert (company.root / "releases/prod/payments.yaml").read_bytes() == before


def test_a_failing_canary_is_set_to_0_whatever_the_gates_say(company: Company) -> None:
    """And not tried again until a person says so."""
    company.workloads("payments", "scale: {min: 2, max: 20, cpu: 70%}", "scale: {min: 1}")

    def answer(query: str) -> str | None:
        if "kube_deployment" in query:
            return "1"
        return "5000" if query.endswith("* 600") else "0.2" if is_canary(query) else "0"

    weight, words = moved(company, answer)
    assert weight == 0
    assert "it breaks its objective (99.9% of requests do not fail): 20% are bad" in words
    assert "gets no requests" in words
    weight, words = moved(company, answer)
    assert weight == 0
    assert "it had 25% once" in words


def test_without_a_canary_there_is_nothing_to_move(tmp_path: Path) -> None:
    """With how one is started; without a Prometheus, how one is named."""
    company = Company.at(tmp_path)
    company.through("checkout", "dev")
    with pytest.raises(HandrailError, match="--weight 0 starts one"):
        promote_by_metrics(Project.find(company.root), "checkout", "dev")
    company.workloads("payments", "checkout:2.7.1", "checkout:2.8.0")
    company.promote("checkout", "dev", weight=5)
    (line,) = [
        each for each in (company.root / "stacks/acme/platform/acme_platform/organisation.yaml").read_text().splitlines()
        if each.startswith("  prometheus: ")
    ]  # fmt: skip
    company.organisation(line, "")
    with pytest.raises(HandrailError, match="names no Prometheus"):
        promote_by_metrics(Project.find(company.root), "checkout", "dev")
