"""Rules as Prometheus evaluates them: each alert firing and silent, budgets that add up, every expression parsed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import promql_parser
import pytest
from planned import having
from promtool import check_rules, run_tests
from telemetry import (
    acme,
    counter,
    dashboard_of,
    evaluate,
    firing,
    full_name,
    groups_of,
    one_group,
    queries_of,
    rules_of,
    targets_of,
)

from handrail.components._definition import Definition, Prepared, prepare
from handrail.components._telemetry.rules import BURNS, WINDOWS
from handrail.components.batch_job import COMPONENT as JOB
from handrail.components.gpu_inference_endpoint import COMPONENT as ENDPOINT
from handrail.components.scalable_service import COMPONENT as SERVICE
from handrail.organisation import Context
from handrail.organisation.model import Telemetry

IMAGE = "registry.acme.test/payments/checkout:1"


@pytest.mark.parametrize("prepared", acme(), ids=full_name)
def test_every_expression_is_promql(prepared: Prepared) -> None:
    """Of rules, dashboards and scaling, by a parser that is not Prometheus' own."""
    expressions = [*(rule["expr"] for rule in rules_of(prepared)), *targets_of(prepared), *queries_of(prepared)]
    assert len(expressions) > 0
    for expression in expressions:
        promql_parser.parse(expression)


def test_prometheus_accepts_every_rule() -> None:
    """All stacks at once, as one Prometheus that watches all environments would load them."""
    groups = [
        {**group, "name": f"{full_name(prepared)} {group['name']}"}
        for prepared in acme()
        for group in groups_of(prepared)
    ]
    assert len({group["name"] for group in groups}) == len(groups) > 0
    check_rules(groups)


def test_prometheus_accepts_every_expression_outside_rules() -> None:
    """What dashboards and KEDA ask for, as if it were recorded."""
    asked = sorted({each for prepared in acme() for each in (*targets_of(prepared), *queries_of(prepared))})
    rules = [{"record": f"asked:{number}", "expr": expression} for number, expression in enumerate(asked)]
    check_rules([{"name": "asked", "rules": rules}])


def test_something_scales_on_a_query() -> None:
    """Where there is KEDA: not in dev."""
    found = {prepared.workload.context.environment for prepared in acme() if queries_of(prepared)}
    assert found == {"staging", "prod"}


def test_no_two_workloads_record_the_same_series() -> None:
    """A series that two rules record is refused by Prometheus when it is stored."""
    recorded = [
        (rule["record"], *sorted(rule["labels"].items()))
        for prepared in acme()
        for rule in rules_of(prepared)
        if "record" in rule
    ]
    assert len(recorded) == len(set(recorded)) > 0


@pytest.mark.parametrize("prepared", acme(), ids=full_name)
def test_an_alert_finds_its_team(prepared: Prepared) -> None:
    """It carries team, environment and tier, how urgent it is, and says what happened."""
    context = prepared.workload.context
    for rule in rules_of(prepared):
        labels = rule["labels"]
        assert labels["team"] == context.team
        assert labels["environment"] == context.environment
        assert labels["tier"] == context.settings.tier
        assert (labels["namespace"], labels["workload"]) == (prepared.workload.namespace, prepared.name)
        if "alert" in rule:
            assert labels["severity"] in {"page", "ticket"}
            assert rule["annotations"].keys() == {"summary", "description"}


# -- objectives -------------------------------------------------------------------------------------------------------

RATE = 6000  # requests a minute
HOUR, DAY = 60, 24 * 60
Phases = tuple[tuple[int, int], ...]
"""For so many minutes, so many of ten thousand requests are bad."""


@dataclass(frozen=True)
class Source:
    """How one source counts requests, and which of its series are not the workload's.

    Args:
        good, bad: the series that count requests that went well, and those that failed.
        within, all: the histogram's bucket of the bound, and its count; "" where `good` and `bad` are the count.
        decoys: series of others, or of what is no failure: all of them grow by as many as there are requests.
    """

    definition: Definition[Any]
    args: dict[str, Any]
    telemetry: dict[str, str]
    good: str
    bad: str
    within: str = ""
    all: str = ""
    decoys: Sequence[str] = ()

    def prepared(self, context: Context, **args: Any) -> Prepared:
        """The workload `checkout`, measured by this source."""
        where = having(context, telemetry=Telemetry.model_validate(self.telemetry))
        return prepare(self.definition, "checkout", {**self.args, **args}, where)

    def series(self, errors: Phases = (), slow: Phases = ()) -> dict[str, str]:
        """What Prometheus scraped in the last three days; without errors, there is no series of errors."""
        found = {self.good: _counted(errors, good=True)}
        if errors:
            found[self.bad] = _counted(errors)
        if self.within:
            found[self.within] = _counted(slow, good=True)
        if self.all:
            found[self.all] = counter((RATE, 3 * DAY))
        return {**found, **dict.fromkeys(self.decoys, counter((RATE, 3 * DAY)))}


def _counted(phases: Phases, *, good: bool = False) -> str:
    """Three days that end with these phases, before which nothing was bad."""
    quiet = 3 * DAY - sum(minutes for _, minutes in phases)
    bad = [(share * RATE // 10_000, minutes) for share, minutes in ((0, quiet), *phases)]
    return counter(*((RATE - count if good else count, minutes) for count, minutes in bad))


SERVED = {"image": IMAGE, "port": 8080, "api": {"version": "v1"}}
MODEL = {"image": IMAGE, "accelerator": "l4", "model": "s3://m/m"}
OTEL, ENVOY, ISTIO = "http_server_request_duration_seconds", "envoy_cluster_upstream_rq", "istio_request"


def _istio(name: str, reporter: str = "destination", namespace: str = "payments-dev") -> str:
    return (
        f'reporter="{reporter}",destination_service_namespace="{namespace}",destination_service_name="{name}"'
        f',source_workload="web"'
    )


SOURCES = {
    "opentelemetry": Source(
        SERVICE, SERVED, {"requests": "opentelemetry"},
        good=f'{OTEL}_count{{job="payments-dev/checkout",http_response_status_code="200"}}',
        bad=f'{OTEL}_count{{job="payments-dev/checkout",http_response_status_code="503"}}',
        within=f'{OTEL}_bucket{{job="payments-dev/checkout",http_response_status_code="200",le="0.25"}}',
        decoys=(
            f'{OTEL}_count{{job="payments-dev/checkout-canary",http_response_status_code="500"}}',
            f'{OTEL}_count{{job="payments-prod/checkout",http_response_status_code="500"}}',
            f'{OTEL}_count{{job="other/payments-dev/checkout",http_response_status_code="500"}}',
        ),
    ),
    "envoy-gateway": Source(
        SERVICE, SERVED, {"requests": "envoy-gateway"},
        good=f'{ENVOY}_xx{{envoy_cluster_name="httproute/payments-dev/checkout/rule/0",envoy_response_code_class="2"}}',
        bad=f'{ENVOY}_xx{{envoy_cluster_name="httproute/payments-dev/checkout/rule/0",envoy_response_code_class="5"}}',
        within=f'{ENVOY}_time_bucket{{envoy_cluster_name="httproute/payments-dev/checkout/rule/0",le="250"}}',
        all=f'{ENVOY}_time_count{{envoy_cluster_name="httproute/payments-dev/checkout/rule/0"}}',
        decoys=(
            f'{ENVOY}_xx{{envoy_cluster_name="httproute/payments-dev/checkout-canary/rule/0",envoy_response_code_class="5"}}',
            f'{ENVOY}_xx{{envoy_cluster_name="httproute/payments-prod/checkout/rule/0",envoy_response_code_class="5"}}',
            f'{ENVOY}_time_count{{envoy_cluster_name="httproute/payments-dev/checkout-canary/rule/0"}}',
        ),
    ),
    "istio": Source(
        SERVICE, SERVED, {"requests": "istio"},
        good=f'{ISTIO}s_total{{{_istio("checkout")},response_code="200"}}',
        bad=f'{ISTIO}s_total{{{_istio("checkout")},response_code="503"}}',
        within=f'{ISTIO}_duration_milliseconds_bucket{{{_istio("checkout")},response_code="200",le="250"}}',
        all=f'{ISTIO}_duration_milliseconds_count{{{_istio("checkout")},response_code="200"}}',
        decoys=(
            f'{ISTIO}s_total{{{_istio("checkout-canary")},response_code="503"}}',
            f'{ISTIO}s_total{{{_istio("checkout", "source")},response_code="503"}}',
            f'{ISTIO}s_total{{{_istio("checkout", namespace="payments-prod")},response_code="503"}}',
            f'{ISTIO}_duration_milliseconds_count{{{_istio("checkout", "source")},response_code="503"}}',
        ),
    ),
    "mlflow": Source(
        ENDPOINT, {**MODEL, "server": "mlflow"}, {"requests": "opentelemetry"},
        good=f'{OTEL}_count{{job="fraud-dev/checkout",http_response_status_code="200"}}',
        bad=f'{OTEL}_count{{job="fraud-dev/checkout",http_response_status_code="500"}}',
        within=f'{OTEL}_bucket{{job="fraud-dev/checkout",http_response_status_code="200",le="0.25"}}',
    ),
    "mlserver": Source(
        ENDPOINT, {**MODEL, "server": "mlserver"}, {"requests": "opentelemetry"},
        good='rest_server_requests_total{job="fraud-dev/checkout",pod="a",method="POST",path="/v2",status_code="200"}',
        bad='rest_server_requests_total{job="fraud-dev/checkout",pod="b",method="POST",path="/v2",status_code="500"}',
        within='rest_server_request_duration_seconds_bucket{job="fraud-dev/checkout",pod="a",path="/v2",le="0.25"}',
        all='rest_server_request_duration_seconds_count{job="fraud-dev/checkout",pod="a",path="/v2"}',
        decoys=('rest_server_requests_total{job="fraud-dev/checkout-next",pod="b",status_code="500"}',),
    ),
    "triton": Source(
        ENDPOINT, {**MODEL, "server": "triton"}, {"requests": "opentelemetry"},
        good='nv_inference_request_success{job="fraud-dev/checkout",pod="a",model="m",version="1"}',
        bad='nv_inference_request_failure{job="fraud-dev/checkout",pod="a",model="m",version="1",reason="BACKEND"}',
        decoys=('nv_inference_request_failure{job="fraud-dev/checkout-next",model="m",version="1"}',),
    ),
    "vllm": Source(
        ENDPOINT, {**MODEL, "server": "vllm"}, {"requests": "opentelemetry"},
        good='http_requests_total{job="fraud-dev/checkout",handler="/v1/chat/completions",method="POST",status="2xx"}',
        bad='http_requests_total{job="fraud-dev/checkout",handler="/v1/chat/completions",method="POST",status="5xx"}',
        within='vllm:e2e_request_latency_seconds_bucket{job="fraud-dev/checkout",model_name="checkout",le="10.0"}',
        all='vllm:e2e_request_latency_seconds_count{job="fraud-dev/checkout",model_name="checkout"}',
        decoys=('http_requests_total{job="fraud-dev/checkout-next",handler="/v1/chat/completions",status="5xx"}',),
    ),
}  # fmt: skip

# a budget of one in a hundred, for requests that fail and for those that are slow alike
PROMISED: dict[str, str] = {"availability": "99%", "latency_p99": "250ms"}
BURNING: dict[str, tuple[Phases, list[bool], list[str]]] = {
    # what was bad in the last three days → which of the four pairs of windows burn → the severities that fire
    "nothing": ((), [False, False, False, False], []),
    "20 % in the last hour": (((2000, HOUR),), [True, False, False, False], ["page"]),
    "all in the last quarter of an hour": (((10_000, 15),), [True, False, False, False], ["page"]),
    "all in the last six minutes": (((10_000, 6),), [False, False, False, False], []),
    "20 % in an hour that ended": (((2000, HOUR), (0, 6)), [False, False, False, False], []),
    "8 % in the last six hours": (((800, 6 * HOUR),), [False, True, False, False], ["page"]),
    "8 % in six hours that ended": (((800, 6 * HOUR), (0, 31)), [False, False, False, False], []),
    "5 % in the last six hours": (((500, 6 * HOUR),), [False, False, False, False], []),
    "4 % in the last day": (((400, DAY),), [False, False, True, True], ["ticket"]),
    "4 % in a day that ended two hours ago": (((400, DAY), (0, 121)), [False, False, False, True], ["ticket"]),
    "2 % in three days": (((200, 3 * DAY),), [False, False, False, True], ["ticket"]),
    "2 % in three days that ended": (((200, 3 * DAY - 361), (0, 361)), [False, False, False, False], []),
    "8 % in the last day": (((800, DAY),), [False, True, True, True], ["page", "ticket"]),
    "20 % in three days": (((2000, 3 * DAY),), [True, True, True, True], ["page", "ticket"]),
    "as much as was promised": (((95, 3 * DAY),), [False, False, False, False], []),
}


def _context(source: Source, context: Context) -> Context:
    return replace(context, team="fraud") if source.definition is ENDPOINT else context


def _pairs(prepared: Prepared, objective: str) -> list[str]:
    """The four pairs of windows of an objective's alerts, from the most urgent to the least."""
    burns = [r for r in rules_of(prepared) if r.get("alert") == "ErrorBudgetBurn"]
    return [pair for r in burns if r["labels"]["sloth_slo"] == objective for pair in r["expr"].split(" or ")]


def _burning(prepared: Prepared, objective: str, series: dict[str, str]) -> tuple[list[bool], list[tuple[str, str]]]:
    """Which pairs of windows burn, and severity and objective of the alerts that fire."""
    pairs = _pairs(prepared, objective)
    *burn, alerts = evaluate(groups_of(prepared), series, [*pairs, 'ALERTS{alertstate="firing"}'], "3d")
    return [bool(pair) for pair in burn], sorted((a.labels["severity"], a.labels["sloth_slo"]) for a in alerts)


@pytest.mark.parametrize("phases", BURNING)
@pytest.mark.parametrize("objective", ["availability", "latency-p99"])
def test_each_pair_of_windows_alerts_at_its_own_speed(objective: str, phases: str, context: Context) -> None:
    """And not before, and no longer than it burns; the other objective is silent meanwhile."""
    bad, pairs, severities = BURNING[phases]
    source = SOURCES["opentelemetry"]
    prepared = source.prepared(context, objective=PROMISED)
    series = source.series(errors=bad) if objective == "availability" else source.series(slow=bad)
    assert _burning(prepared, objective, series) == (pairs, [(severity, objective) for severity in severities])


@pytest.mark.parametrize(
    "phases", ["nothing", "20 % in the last hour", "8 % in the last six hours", "2 % in three days"]
)
@pytest.mark.parametrize(
    ("name", "objective"),
    [
        (name, objective)
        for name, source in SOURCES.items()
        for objective in ("availability", *(["latency-p99"] if source.within else []))
    ],
)
def test_each_source_is_read(name: str, objective: str, phases: str, context: Context) -> None:
    """Under its own labels and in its own unit; other workloads, however they fail, are not counted."""
    source = SOURCES[name]
    bad, pairs, severities = BURNING[phases]
    bound = {"vllm": {"latency_p99": "10s"}, "triton": {}}.get(name, {"latency_p99": "250ms"})
    prepared = source.prepared(_context(source, context), objective={"availability": "99%", **bound})
    series = source.series(errors=bad) if objective == "availability" else source.series(slow=bad)
    assert _burning(prepared, objective, series) == (pairs, [(severity, objective) for severity in severities])


def _recorded(prepared: Prepared, series: dict[str, str], *expressions: str, at: str = "3d") -> list[list[float]]:
    found = evaluate(groups_of(prepared), series, expressions, at)
    return [[sample.value for sample in samples] for samples in found]


@pytest.mark.parametrize("name", SOURCES)
def test_without_any_error_the_share_of_errors_is_nought(name: str, context: Context) -> None:
    """A counter of errors comes into being with the first error: before that, nothing would be no measurement."""
    source = SOURCES[name]
    prepared = source.prepared(_context(source, context))
    windows = [f"slo:sli_error:ratio_rate{window}" for window in WINDOWS]
    assert _recorded(prepared, source.series(), *windows) == [[0.0]] * len(WINDOWS)


@pytest.mark.parametrize("name", SOURCES)
def test_without_any_success_the_share_of_errors_is_one(name: str, context: Context) -> None:
    """Nor is there a counter of successes when nothing ever succeeded."""
    source = SOURCES[name]
    prepared = source.prepared(_context(source, context))
    series = {**dict.fromkeys(source.decoys, counter((RATE, DAY))), source.bad: counter((RATE, DAY))}
    assert _recorded(prepared, series, "slo:sli_error:ratio_rate5m", at="1d") == [[1.0]]


def _asked(prepared: Prepared) -> dict[str, str]:
    """The first expression of each panel by its title, with the dashboard's variables filled in."""
    names = {"$__rate_interval": "5m", "$namespace": prepared.workload.namespace, "$name": prepared.name}
    asked = {}
    for panel in dashboard_of(prepared)["panels"]:
        expression = panel["targets"][0]["expr"]
        for variable, value in names.items():
            expression = expression.replace(variable, value)
        asked[panel["title"]] = expression
    return asked


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_dashboards_show_what_was_scraped(source: Source, context: Context) -> None:
    """Requests and errors of the workload alone, latency in seconds."""
    prepared = source.prepared(_context(source, context))
    asked = _asked(prepared)
    series = source.series(errors=((2500, HOUR),))
    requests, errors = _recorded(prepared, series, asked["Requests"], asked["Errors"], at="3d")
    assert requests == [pytest.approx(RATE / 60)]
    assert errors == [pytest.approx(0.25)]
    if source.within:
        bound = 10.0 if "vllm" in source.within else 0.25
        series |= {re.sub(r'le="[^"]*"', 'le="+Inf"', source.within): counter((RATE, 3 * DAY))}
        ((half,),) = _recorded(prepared, series, asked["Latency"], at="3d")
        assert half == pytest.approx(bound / 2)


def test_burn_rates_and_the_budget_are_recorded_right(context: Context) -> None:
    """Three tenths of a per cent fail for ten of thirty days, at a budget of half a per cent."""
    prepared = SOURCES["opentelemetry"].prepared(context, objective={"availability": "99.5%"})
    bad, per_step = 30 * RATE * 3 // 1000, 30 * RATE
    days = 48  # steps of half an hour
    series = {
        SOURCES["opentelemetry"].good: counter((per_step, 20 * days), (per_step - bad, 10 * days)),
        SOURCES["opentelemetry"].bad: counter((0, 20 * days), (bad, 10 * days)),
    }
    # rates over five minutes need samples that lie closer: what is recorded there is written as it would be
    groups, mine = one_group(groups_of(prepared)), rules_of(prepared)[0]
    labels = ",".join(f'{key}="{value}"' for key, value in mine["labels"].items())
    groups[0]["rules"] = [rule for rule in groups[0]["rules"] if rule is not mine]
    series[f"{mine['record']}{{{labels}}}"] = f"0x{20 * days} 0.003x{10 * days - 1}"
    expected = {
        "slo:sli_error:ratio_rate3d": 0.003,
        "slo:sli_error:ratio_rate30d": 0.001,
        "slo:objective:ratio": 0.995,
        "slo:error_budget:ratio": 0.005,
        "slo:time_period:days": 30.0,
        "slo:current_burn_rate:ratio": 0.6,
        "slo:period_burn_rate:ratio": 0.2,
        "slo:period_error_budget_remaining:ratio": 0.8,
    }
    found = evaluate(groups, series, list(expected), "30d", "30m", step="30m")
    values = [sample.value for samples in found for sample in samples]
    assert values == pytest.approx(list(expected.values()), rel=2e-3)
    for samples in found:
        for sample in samples:
            assert sample.labels["sloth_id"] == "payments-dev-checkout-availability"
            assert sample.labels["sloth_service"] == sample.labels["workload"] == "checkout"
            assert sample.labels["sloth_slo"] == "availability"
            assert sample.labels["namespace"] == "payments-dev"


def test_an_hour_without_requests_does_not_hide_the_budget(context: Context) -> None:
    """0 of 0 is no number: one such window must not make the 30 days around it none."""
    source = SOURCES["opentelemetry"]
    prepared = source.prepared(context, objective={"availability": "99%", "latency_p99": "250ms"})
    for expression in ("slo:sli_error:ratio_rate30d", "slo:period_error_budget_remaining:ratio"):
        quiet = counter((RATE, 2 * HOUR), (0, HOUR), (RATE, 2 * HOUR))
        series = {source.good: quiet, source.within: quiet}
        (found,) = evaluate(groups_of(prepared), series, [expression], "5h", "5m")
        value = 0.0 if "30d" in expression else 1.0
        assert {sample.labels["sloth_slo"]: sample.value for sample in found} == {
            "availability": value,
            "latency-p99": value,
        }


def test_latency_is_read_from_whole_bounds_however_they_are_written(context: Context) -> None:
    """1 and 1.0 are the same bucket, as exporters differ; 10 is another."""
    source = SOURCES["opentelemetry"]
    prepared = source.prepared(context, objective={"latency_p99": "1s"})
    for bound, share in (("1", 0.1), ("1.0", 0.1)):
        within = source.within.replace('le="0.25"', f'le="{bound}"')
        series = source.series() | {
            within: counter((RATE * 9 // 10, 3 * DAY)),
            source.within.replace('le="0.25"', 'le="10"'): counter((RATE, 3 * DAY)),
            source.within.replace('le="0.25"', 'le="1.5"'): counter((RATE, 3 * DAY)),
        }
        (found,) = _recorded(prepared, series, 'slo:sli_error:ratio_rate1h{sloth_slo="latency-p99"}')
        assert found == [pytest.approx(share)]


UNMEASURED = [("ObjectiveNotMeasured", "ticket", "availability"), ("ObjectiveNotMeasured", "ticket", "latency-p99")]


@pytest.mark.parametrize(
    ("until", "at", "fired"),
    [
        (0, "5h30m", []),
        (0, "6h30m", UNMEASURED),
        (2 * HOUR, "8h30m", []),  # the hour before is in the rate still
        (2 * HOUR, "9h30m", UNMEASURED),
        (12 * HOUR, "12h", []),
    ],
)
def test_an_objective_that_nothing_measures_is_told(
    until: int, at: str, fired: list[tuple[str, str, str]], context: Context
) -> None:
    """Metrics that never came, or that stopped to come, for six hours; others' do not count."""
    source = SOURCES["opentelemetry"]
    prepared = source.prepared(context, objective=PROMISED)
    series = dict.fromkeys(source.decoys, counter((RATE, 12 * HOUR)))
    if until:
        series |= dict.fromkeys((source.good, source.within), counter((RATE, until)))
    assert firing(groups_of(prepared), series, at, "10m") == fired


def test_alerts_say_what_is_wrong(context: Context) -> None:
    """Labels and words as the person reads them who is paged."""
    source = SOURCES["opentelemetry"]
    prepared = source.prepared(context, objective=PROMISED)
    (rule,) = (
        rule
        for rule in rules_of(prepared)
        if rule.get("alert") == "ErrorBudgetBurn"
        and (rule["labels"]["severity"], rule["labels"]["sloth_slo"]) == ("page", "availability")
    )
    labels = {
        "namespace": "payments-dev", "workload": "checkout", "team": "payments", "environment": "dev",
        "tier": "development", "severity": "page", "sloth_id": "payments-dev-checkout-availability",
        "sloth_service": "checkout", "sloth_slo": "availability",
    }  # fmt: skip
    words = {
        "summary": "checkout in payments-dev misses its objective: 99% of requests do not fail",
        "description": "Its error budget of 30 days burns too fast. What it is measured by: "
        'slo:sli_error:ratio_rate5m{sloth_id="payments-dev-checkout-availability"}; its dashboard: payments-dev/checkout.',
    }
    assert rule["labels"] == labels
    groups = one_group(groups_of(prepared))
    groups[0]["rules"] = [each for each in groups[0]["rules"] if "record" in each or each is rule]
    series = source.series(errors=((2000, HOUR),))
    _told(groups, series, "3d", "ErrorBudgetBurn", labels, words)


def _told(
    groups: list[dict[str, Any]],
    series: dict[str, str],
    at: str,
    alert: str,
    labels: dict[str, str],
    words: dict[str, str],
) -> None:
    """Exactly this alert fires, with these labels and annotations."""
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": at, "alertname": alert, "exp_alerts": [{"exp_labels": labels, "exp_annotations": words}]}
        ],
    }
    run = run_tests(groups, [test], at)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("availability", "left_out", "kept"),
    [
        ("95%", [], 4),
        ("93.1%", [], 4),
        ("93%", ["no page alert over 1h and 5m for availability: a budget of 7% cannot burn 14.4 times too fast"], 3),
        (
            "83%",
            [
                "no page alert over 1h and 5m for availability: a budget of 17% cannot burn 14.4 times too fast",
                "no page alert over 6h and 30m for availability: a budget of 17% cannot burn 6 times too fast",
            ],
            2,
        ),
        (
            "50%",
            [
                "no page alert over 1h and 5m for availability: a budget of 50% cannot burn 14.4 times too fast",
                "no page alert over 6h and 30m for availability: a budget of 50% cannot burn 6 times too fast",
                "no ticket alert over 1d and 2h for availability: a budget of 50% cannot burn 3 times too fast",
            ],
            1,
        ),
    ],
)
def test_a_pair_that_could_never_alert_is_left_out_and_said(
    availability: str, left_out: list[str], kept: int, context: Context
) -> None:
    """What remains fires when all is bad; an alert without a pair is not there at all."""
    source = SOURCES["opentelemetry"]
    prepared = source.prepared(context, objective={"availability": availability})
    assert list(prepared.plan.advisories) == [f"{sentence} even if all is bad" for sentence in left_out]
    series = {source.bad: counter((RATE, 3 * DAY))}
    burns = [burn for burn in BURNS if f"{burn.long} and {burn.short}" not in " ".join(left_out)]
    assert len(burns) == kept
    pairs, alerts = _burning(prepared, "availability", series)
    assert pairs == [True] * kept
    assert alerts == sorted({(burn.severity, "availability") for burn in burns})


# -- jobs -------------------------------------------------------------------------------------------------------------

NS = 'namespace="churn-dev"'
KSM = 'instance="10.0.0.1:8080",job="kube-state-metrics"'
NOW = 10 * DAY * 60  # seconds: when the tests look
LASTING = f"x{10 * 24}"  # one sample an hour


def run_of(name: str, owner: str, created: int, *, failed: bool, scraper: str = KSM) -> dict[str, str]:
    """A Job, as kube-state-metrics shows it."""
    one = f'{NS},job_name="{name}",{scraper}'
    return {
        f'kube_job_owner{{{one},owner_kind="CronJob",owner_name="{owner}",owner_is_controller="true"}}': f"1{LASTING}",
        f'kube_job_failed{{{one},condition="true"}}': f"{int(failed)}{LASTING}",
        f'kube_job_failed{{{one},condition="false"}}': f"0{LASTING}",
        f"kube_job_created{{{one}}}": f"{created}{LASTING}",
    }


def cron_job(name: str, created: int, succeeded: int | None, scraper: str = KSM) -> dict[str, str]:
    """A CronJob, as kube-state-metrics shows it."""
    one = f'{NS},cronjob="{name}",{scraper}'
    last = {f"kube_cronjob_status_last_successful_time{{{one}}}": f"{succeeded}{LASTING}"}
    return {f"kube_cronjob_created{{{one}}}": f"{created}{LASTING}", **(last if succeeded else {})}


def job(context: Context, **args: Any) -> Prepared:
    """The job `train`."""
    return prepare(JOB, "train", {"image": IMAGE, "command": ["run"], **args}, replace(context, team="churn"))


@pytest.mark.parametrize(
    ("series", "fired"),
    [
        pytest.param(run_of("train-1", "train", 100, failed=True), ["train-1"], id="failed"),
        pytest.param(run_of("train-1", "train", 100, failed=False), [], id="succeeded"),
        pytest.param(run_of("train-hand", "train", 100, failed=True), ["train-hand"], id="started by hand"),
        pytest.param(run_of("train-big-1", "train-big", 100, failed=True), [], id="of another that begins the same"),
        pytest.param(
            run_of("train-1", "train", 100, failed=True) | cron_job("train", 0, 50), ["train-1"], id="success before"
        ),
        pytest.param(run_of("train-1", "train", 100, failed=True) | cron_job("train", 0, 200), [], id="success since"),
        pytest.param(
            run_of("train-1", "train", 100, failed=True) | cron_job("train-big", 0, 200),
            ["train-1"],
            id="success of another",
        ),
        pytest.param(
            run_of("train-1", "train", 100, failed=True)
            | run_of("train-2", "train", 300, failed=True)
            | cron_job("train", 0, 200),
            ["train-2"],
            id="failed again after a success",
        ),
        pytest.param(
            run_of("train-1", "train", 100, failed=True)
            | run_of("train-big-1", "train-big", 500, failed=True)
            | cron_job("train", 0, 200),
            [],
            id="success since, another failed later",
        ),
    ],
)
def test_a_run_that_failed_alerts(series: dict[str, str], fired: list[str], context: Context) -> None:
    """Until a later run succeeds; of the runs that its own CronJob owns, and no other's."""
    expression = 'sort(ALERTS{alertname="JobFailed",alertstate="firing"})'
    (alerts,) = evaluate(groups_of(job(context)), series, [expression], "10d", step="1h")
    assert sorted(alert.labels["job_name"] for alert in alerts) == fired
    assert {alert.labels["severity"] for alert in alerts} <= {"ticket"}


def test_a_failed_run_is_told_once_while_kube_state_metrics_is_replaced(context: Context) -> None:
    """Two of it are scraped for a while: the join must not fail, and nobody is told twice."""
    series = run_of("train-1", "train", 100, failed=True) | run_of(
        "train-1", "train", 100, failed=True, scraper=KSM.replace("10.0.0.1", "10.0.0.2")
    )
    (alerts,) = evaluate(groups_of(job(context)), series, ['ALERTS{alertstate="firing"}'], "10d", step="1h")
    assert [alert.labels["job_name"] for alert in alerts] == ["train-1"]


def test_a_dashboard_of_a_job_shows_its_own_runs(context: Context) -> None:
    """How long they took and since when there was none that succeeded, also while two kube-state-metrics are scraped."""
    series: dict[str, str] = {}
    for scraper in (KSM, KSM.replace("10.0.0.1", "10.0.0.2")):
        for name, owner, began in (
            ("train-1", "train", 100),
            ("train-2", "train", 5000),
            ("train-big-1", "train-big", 9000),
        ):
            series |= run_of(name, owner, began, failed=False, scraper=scraper)
            one = f'{NS},job_name="{name}",{scraper}'
            series[f"kube_job_status_start_time{{{one}}}"] = f"{began}{LASTING}"
            series[f"kube_job_status_completion_time{{{one}}}"] = f"{began + 60 * int(name[-1])}{LASTING}"
            series[f"kube_job_status_active{{{one}}}"] = f"{int(name == 'train-2')}{LASTING}"
        series |= cron_job("train", 0, NOW - 3600, scraper) | cron_job("train-big", 0, NOW - 60, scraper)
    prepared = job(context)
    asked = _asked(prepared)
    titles = ("Since the last success", "The last run took", "Duration of runs", "Runs")
    since, last, took, active = evaluate(
        groups_of(prepared), series, [asked[title] for title in titles], "10d", step="1h"
    )
    assert [sample.value for sample in since] == [3600]
    assert [(sample.labels["job_name"], sample.value) for sample in last] == [("train-2", 120)]
    assert {sample.labels["job_name"]: sample.value for sample in took} == {"train-1": 60, "train-2": 120}
    assert [sample.value for sample in active] == [1]


@pytest.mark.parametrize(
    ("series", "fired"),
    [
        pytest.param(cron_job("train", 0, NOW - 3600), False, id="fresh"),
        pytest.param(cron_job("train", 0, NOW - 2 * 86_400), False, id="just fresh"),
        pytest.param(cron_job("train", 0, NOW - 2 * 86_400 - 60), True, id="stale"),
        pytest.param(cron_job("train", 0, None), True, id="never succeeded"),
        pytest.param(cron_job("train", NOW - 3600, None), False, id="new, never succeeded yet"),
        pytest.param(
            cron_job("train", 0, NOW - 3 * 86_400) | cron_job("train-big", 0, NOW - 60),
            True,
            id="stale, another fresh",
        ),
        pytest.param({}, False, id="no metrics at all"),
    ],
)
def test_a_success_that_is_too_old_alerts(series: dict[str, str], fired: bool, context: Context) -> None:
    """As old as `freshness` says, counted from its creation where it never succeeded."""
    found = firing(groups_of(job(context, freshness="2d")), series, "10d", step="1h")
    assert found == ([("JobNotFresh", "ticket", "")] if fired else [])


def test_a_job_that_promises_no_freshness_is_never_stale(context: Context) -> None:
    """Nobody asked to be told."""
    assert firing(groups_of(job(context)), cron_job("train", 0, 60), "10d", step="1h") == []
    assert [rule["alert"] for rule in rules_of(job(context))] == ["JobFailed"]


def test_alerts_of_a_job_say_what_is_wrong(context: Context) -> None:
    """Which run, where its log is, how old the last success is."""
    labels = {
        "namespace": "churn-dev", "workload": "train", "team": "churn", "environment": "dev", "tier": "development",
        "severity": "ticket",
    }  # fmt: skip
    groups = groups_of(job(context, freshness="2d"))
    words = {
        "summary": "train in churn-dev has not succeeded for more than 2d",
        "description": "What it writes is older than it promises. It last succeeded 3d 0h 0m 0s ago, or never since it "
        "is there.",
    }
    stale = {
        name: values.replace(LASTING, f"x{10 * DAY}") for name, values in cron_job("train", 0, NOW - 259_200).items()
    }
    _told(groups, stale, "10d", "JobNotFresh", labels, words)
    words = {
        "summary": "a run of train in churn-dev failed: train-1",
        "description": "It used up its retries or its deadline, and no run succeeded since. "
        "Its log: kubectl logs --namespace churn-dev job/train-1.",
    }
    failed = {
        name: f"{values.partition('x')[0]}x60" for name, values in run_of("train-1", "train", 9, failed=True).items()
    }
    _told(groups, failed, "1h", "JobFailed", {**labels, "job_name": "train-1"}, words)
