"""Telemetry of acme as Prometheus and Grafana read it: every expression parsed, each alert firing and silent."""

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from promtool import check_rules, run_tests

from handrail.components import batch_job, gpu_inference_endpoint, scalable_service
from handrail.components._definition import Definition, Prepared, prepare
from handrail.core.errors import DocumentError
from handrail.core.project import Project
from handrail.organisation import Capability, Context, RequestMetrics
from handrail.organisation.model import Telemetry
from handrail.personas._stack import plan_stack

ROOT = Path(__file__).parents[2]
SERVICE = {
    "image": "r/x:1", "port": 80, "api": {"version": "v1"},
    "objective": {"availability": "99.9%", "latency_p99": "250ms"},
}  # fmt: skip
ENDPOINT = {"image": "r/x:1", "accelerator": "l4", "model": "s3://m/m", "objective": {"availability": "99.9%"}}
JOB = {"image": "r/x:1", "command": ["run"], "freshness": "2d"}


@cache
def every() -> list[Prepared]:
    """Every workload of every stack of acme."""
    project = Project.find(ROOT)
    plans = [plan_stack(project.stack(name).config, root=project.root, stack=name) for name in project.stacks()]
    return [prepared for plan in plans if plan.file for prepared in plan.prepared]


def groups_of(prepared: Prepared) -> list[dict[str, Any]]:
    """The rule groups of a workload."""
    rules = [r.inputs["spec"]["groups"] for r in prepared.plan.resources if r.kind == "PrometheusRule"]
    return [group for groups in rules for group in groups]


def dashboard_of(prepared: Prepared) -> dict[str, Any]:
    """A workload's dashboard."""
    (found,) = (r.inputs for r in prepared.plan.resources if r.name.endswith("-dashboard"))
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    (text,) = found["data"].values()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def expressions() -> Iterator[str]:
    """Every PromQL expression of acme: rules, dashboards, scaling."""
    for prepared in every():
        yield from (rule["expr"] for group in groups_of(prepared) for rule in group["rules"])
        for panel in dashboard_of(prepared)["panels"]:
            yield from (target["expr"].replace("$__rate_interval", "5m") for target in panel["targets"])
        for resource in prepared.plan.resources:
            if resource.kind == "ScaledObject":
                yield from (trigger["metadata"]["query"] for trigger in resource.inputs["spec"]["triggers"])


def test_every_expression_is_promql() -> None:
    """By a parser of its own, and the rules by Prometheus' checker."""
    found = set(expressions())
    assert len(found) > 700
    for expression in found:
        promql_parser.parse(expression)
    check_rules(
        [
            {**group, "name": f"{prepared.workload.namespace}-{group['name']}"}
            for prepared in every()
            for group in groups_of(prepared)
        ]
    )


def test_dashboards_are_of_grafanas_schema() -> None:
    """Read by Grafana's own types and written again, nothing is lost or changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as where they are built
        from grafana_foundation_sdk.cog import plugins
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
        from grafana_foundation_sdk.models.dashboard import Dashboard
    plugins.register_default_plugins()
    for prepared in every():
        board = dashboard_of(prepared)
        assert json.loads(JSONEncoder().encode(Dashboard.from_json(board))) == board


def test_dashboards_fit_a_screen() -> None:
    """Unique addresses, panels that don't overlap within 24 columns, a unit and a data source everywhere."""
    boards = [(prepared, dashboard_of(prepared)) for prepared in every()]
    assert len({board["uid"] for _, board in boards}) == len(boards)
    for prepared, board in boards:
        assert len(board["uid"]) <= 40
        assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "namespace", "name"}
        taken: set[tuple[int, int]] = set()
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, (prepared.name, panel["title"])
            assert max(x for x, _ in cells) < 24
            taken |= cells
            assert panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert panel["targets"]
            assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])


@pytest.mark.parametrize(
    ("component", "panels"),
    [
        ("ScalableService", {"Requests", "Errors", "Latency", "Error budget left of 30 days"}),
        ("GpuInferenceEndpoint", {"GPU use", "GPU memory", "Errors", "Running pods"}),
        ("BatchJob", {"Since the last success", "The last run took", "Runs"}),
        ("NotebookEnv", {"Running", "Volume in use"}),
    ],
)
def test_each_kind_has_the_panels_its_people_ask_for(component: str, panels: set[str]) -> None:
    """In every one of acme."""
    found = [prepared for prepared in every() if prepared.definition.name == component]
    assert found
    for prepared in found:
        assert panels <= {panel["title"] for panel in dashboard_of(prepared)["panels"]}
    titles = {prepared.name: {p["title"] for p in dashboard_of(prepared)["panels"]} for prepared in found}
    if component == "GpuInferenceEndpoint":
        assert {"Tokens", "Time to first token", "Requests in the server"} <= titles["assistant"]
        assert {"Predictions", "Waiting requests"} <= titles["transaction-embedder"]


def measured(context: Context, requests: RequestMetrics) -> Context:
    """`context` with another source of request metrics."""
    telemetry = Telemetry(requests=requests)
    return replace(context, organisation=context.organisation.model_copy(update={"telemetry": telemetry}))


def firing(
    definition: Definition[Any],
    args: dict[str, Any],
    context: Context,
    series: dict[str, float],
    name: str = "checkout",
) -> set[tuple[str, str, str]]:
    """The alerts (name, severity, objective) that fire after 12 hours in which each counter grew so much a second."""
    prepared = prepare(definition, name, args, context)
    groups = [
        {**group, "rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in group["rules"]]}
        for group in groups_of(prepared)
    ]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    inputs = [{"series": one, "values": f"0+{rate * 300:g}x150"} for one, rate in series.items()]
    fired = set()
    for rule in alerts:
        labels = {
            **rule["labels"],
            **({"sloth_id": rule["labels"]["sloth_id"]} if "sloth_id" in rule["labels"] else {}),
        }
        others = [other for other in alerts if other["alert"] == rule["alert"]]
        # promtool asks for all alerts of a name at once: each is asked for alone, in a file of its own
        alone = [
            {**group, "rules": [each for each in group["rules"] if each is rule or each not in others]}
            for group in groups
        ]
        expected = {"eval_time": "12h", "alertname": rule["alert"], "exp_alerts": [{"exp_labels": labels}]}
        silent = {**expected, "exp_alerts": []}
        for wanted, fires in ((expected, True), (silent, False)):
            test = {"interval": "5m", "input_series": inputs, "alert_rule_test": [wanted]}
            run = run_tests(alone, [test], evaluation_interval="5m")
            if run.returncode == 0:
                if fires:
                    fired.add((rule["alert"], rule["labels"]["severity"], rule["labels"].get("sloth_slo", "")))
                break
        else:
            pytest.fail(f"{rule['alert']} neither fires as expected nor is silent:\n{run.stdout}{run.stderr}")
    return fired


def requests(source: RequestMetrics, errors: float, slow: float) -> dict[str, float]:
    """A request a second, of which `errors` fail and `slow` take longer than 250 ms, as each source counts them."""
    own = {
        RequestMetrics.OPENTELEMETRY: 'job="payments-dev/checkout"',
        RequestMetrics.ENVOY_GATEWAY: 'envoy_cluster_name="httproute/payments-dev/checkout/rule/0"',
        RequestMetrics.ISTIO: 'reporter="destination",destination_service_namespace="payments-dev",'
        'destination_service_name="checkout"',
    }[source]
    counter, ok, failed, latency, bound = {
        RequestMetrics.OPENTELEMETRY: (
            "http_server_request_duration_seconds_count", 'http_response_status_code="200"',
            'http_response_status_code="503"', "http_server_request_duration_seconds", "0.25",
        ),
        RequestMetrics.ENVOY_GATEWAY: (
            "envoy_cluster_upstream_rq_xx", 'envoy_response_code_class="2"', 'envoy_response_code_class="5"',
            "envoy_cluster_upstream_rq_time", "250",
        ),
        RequestMetrics.ISTIO: (
            "istio_requests_total", 'response_code="200"', 'response_code="500"',
            "istio_request_duration_milliseconds", "250",
        ),
    }[source]  # fmt: skip
    found = {f"{counter}{{{own},{ok}}}": 1 - errors}
    if errors:
        found[f"{counter}{{{own},{failed}}}"] = errors
    return (
        found
        | {f'{latency}_bucket{{{own},le="{bound}"}}': 1 - slow}
        | ({} if source is RequestMetrics.OPENTELEMETRY else {f"{latency}_count{{{own}}}": 1})
    )


PAGE, TICKET = ("ErrorBudgetBurn", "page", "availability"), ("ErrorBudgetBurn", "ticket", "availability")
SLOW_PAGE, SLOW_TICKET = ("ErrorBudgetBurn", "page", "latency-p99"), ("ErrorBudgetBurn", "ticket", "latency-p99")


@pytest.mark.parametrize(
    ("errors", "slow", "fired"),
    [
        (0, 0, set()),  # no error series at all: a ratio of 0, not of nothing
        (0.0005, 0.005, set()),
        (0.002, 0.02, {TICKET, SLOW_TICKET}),  # 2 times: only the pair of 3 days and 6 hours
        (0.004, 0.04, {TICKET, SLOW_TICKET}),  # 4 times
        (0.008, 0, {PAGE, TICKET}),  # 8 times: the pair of 6 hours and 30 minutes
        (0.02, 0, {PAGE, TICKET}),  # 20 times: the pair of 1 hour and 5 minutes as well
        (0, 0.2, {SLOW_PAGE, SLOW_TICKET}),
    ],
)
def test_an_error_budget_that_burns_too_fast_alerts(
    errors: float, slow: float, fired: set[tuple[str, str, str]], context: Context
) -> None:
    """Each severity at its own speed, availability and latency apart."""
    series = requests(RequestMetrics.OPENTELEMETRY, errors, slow)
    assert firing(scalable_service.COMPONENT, SERVICE, context, series) == fired


@pytest.mark.parametrize("source", [RequestMetrics.ENVOY_GATEWAY, RequestMetrics.ISTIO])
def test_each_source_of_request_metrics_is_read(source: RequestMetrics, context: Context) -> None:
    """In its own labels and units."""
    where = measured(context, source)
    assert firing(scalable_service.COMPONENT, SERVICE, where, requests(source, 0.02, 0.2)) == {
        PAGE, TICKET, SLOW_PAGE, SLOW_TICKET,
    }  # fmt: skip
    assert firing(scalable_service.COMPONENT, SERVICE, where, requests(source, 0, 0.001)) == set()


@pytest.mark.parametrize(
    ("server", "good", "bad"),
    [
        ("mlserver", 'rest_server_requests_total{JOB,status_code="200"}', 'rest_server_requests_total{JOB,status_code="500"}'),
        ("triton", "nv_inference_request_success{JOB}", 'nv_inference_request_failure{JOB,reason="BACKEND"}'),
        ("vllm", 'http_requests_total{JOB,status="2xx"}', 'http_requests_total{JOB,status="5xx"}'),
    ],
)  # fmt: skip
def test_each_servers_own_metrics_are_read(server: str, good: str, bad: str, context: Context) -> None:
    """Under the job label that the PodMonitor gives them."""
    fraud = replace(context, team="fraud")
    job = 'job="fraud-dev/scorer"'
    good, bad = good.replace("JOB", job), bad.replace("JOB", job)
    component, args = gpu_inference_endpoint.COMPONENT, {**ENDPOINT, "server": server}
    assert firing(component, args, fraud, {good: 0.98, bad: 0.02}, "scorer") == {PAGE, TICKET}
    assert firing(component, args, fraud, {good: 1}, "scorer") == set()


def test_an_objective_that_nothing_measures_is_told(context: Context) -> None:
    """Nobody called, or the metrics do not arrive: silence would look like success."""
    assert firing(scalable_service.COMPONENT, SERVICE, context, {"other": 1}) == {
        ("ObjectiveNotMeasured", "ticket", "availability"), ("ObjectiveNotMeasured", "ticket", "latency-p99"),
    }  # fmt: skip


def jobs_alerts(context: Context, series: dict[str, str], at: str = "3d") -> list[str]:
    """The alerts of the job `train` that fire."""
    groups = groups_of(prepare(batch_job.COMPONENT, "train", JOB, replace(context, team="churn")))
    bare = [{**g, "rules": [{k: v for k, v in r.items() if k != "annotations"} for r in g["rules"]]} for g in groups]
    found = []
    for rule in bare[0]["rules"]:
        silent = {"eval_time": at, "alertname": rule["alert"], "exp_alerts": []}
        inputs = [{"series": one, "values": values} for one, values in series.items()]
        run = run_tests(bare, [{"interval": "1h", "input_series": inputs, "alert_rule_test": [silent]}], "1h")
        if run.returncode:
            assert "got:[" in re.sub(r"\s", "", run.stdout + run.stderr), run.stdout + run.stderr
            found.append(rule["alert"])
    return found


NS = 'namespace="churn-dev"'
OWNED = f'kube_job_owner{{{NS},job_name="train-1",owner_kind="CronJob",owner_name="train"}}'
OTHERS = f'kube_job_owner{{{NS},job_name="train-big-1",owner_kind="CronJob",owner_name="train-big"}}'
SUCCESS = f'kube_cronjob_status_last_successful_time{{{NS},cronjob="train"}}'
CREATED = f'kube_cronjob_created{{{NS},cronjob="train"}}'


@pytest.mark.parametrize(
    ("series", "fired"),
    [
        ({CREATED: "0x80", SUCCESS: "200000x80"}, []),
        ({CREATED: "0x80", SUCCESS: "1000x80"}, ["JobNotFresh"]),
        ({CREATED: "0x80"}, ["JobNotFresh"]),  # it never succeeded
        ({CREATED: "200000x80"}, []),  # it is new
        (
            {SUCCESS: "200000x80", OWNED: "1x80", f'kube_job_failed{{{NS},job_name="train-1",condition="true"}}': "1x80",
             f'kube_job_created{{{NS},job_name="train-1"}}': "210000x80"},
            ["JobFailed"],
        ),
        (  # a later success
            {SUCCESS: "220000x80", OWNED: "1x80", f'kube_job_failed{{{NS},job_name="train-1",condition="true"}}': "1x80",
             f'kube_job_created{{{NS},job_name="train-1"}}': "210000x80"},
            [],
        ),
        (  # another job whose name begins the same
            {SUCCESS: "200000x80", OTHERS: "1x80",
             f'kube_job_failed{{{NS},job_name="train-big-1",condition="true"}}': "1x80",
             f'kube_job_created{{{NS},job_name="train-big-1"}}': "210000x80"},
            [],
        ),
    ],
)  # fmt: skip
def test_jobs_that_fail_or_grow_stale_alert(series: dict[str, str], fired: list[str], context: Context) -> None:
    """And are silent otherwise."""
    assert jobs_alerts(context, series) == fired


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ({"availability": "100%"}, "availability of 100% leaves no error budget"),
        ({"availability": "0%"}, "availability of 0% promises nothing"),
        ({"latency_p99": "300ms"}, "write 250ms or 500ms, or have latency_buckets extended in organisation.yaml"),
        ({"latency_p95": "1ms"}, "write 5ms, or have"),
        ({"latency_p95": "1m"}, "write 10s, or have"),
    ],
)
def test_an_objective_that_cannot_be_kept_or_measured_is_refused(
    objective: dict[str, str], said: str, context: Context
) -> None:
    """With what may stand there."""
    with pytest.raises(DocumentError) as caught:
        prepare(scalable_service.COMPONENT, "checkout", {**SERVICE, "objective": objective}, context)
    assert said in str(caught.value)


def test_what_a_source_does_not_see_is_said(context: Context) -> None:
    """Asked for, it is refused; by default, it is left out with an advisory; without an operator there is nothing."""
    where = measured(context, RequestMetrics.ENVOY_GATEWAY)
    unrouted = {"image": "r/x:1", "port": 80}
    with pytest.raises(DocumentError, match="give it an api, or leave the objective out"):
        prepare(scalable_service.COMPONENT, "checkout", {**unrouted, "objective": {}}, where)
    plan = prepare(scalable_service.COMPONENT, "checkout", unrouted, where).plan
    assert plan.advisories == ("no objective: no source of request metrics sees checkout",)
    assert "PrometheusRule" not in {resource.kind for resource in plan.resources}
    lacking = context.cluster.model_copy(
        update={"capabilities": context.cluster.capabilities - {Capability.PROMETHEUS_OPERATOR}}
    )
    clusters = {**context.organisation.clusters, "dev": lacking}
    bare = replace(context, organisation=context.organisation.model_copy(update={"clusters": clusters}))
    plan = prepare(scalable_service.COMPONENT, "checkout", SERVICE, bare).plan
    assert plan.advisories == ("no metrics, alerts and dashboard: cluster dev lacks prometheus-operator",)
    assert not {"PrometheusRule", "ServiceMonitor", "ConfigMap"} & {resource.kind for resource in plan.resources}


def test_an_alert_that_could_never_fire_is_left_out_and_said(context: Context) -> None:
    """14.4 times a budget of 7 % is more than every request."""
    low = prepare(scalable_service.COMPONENT, "checkout", {**SERVICE, "objective": {"availability": "93%"}}, context)
    assert low.plan.advisories == (
        "no page alert over 1h and 5m for availability: a budget of 7% cannot burn 14.4 times too fast even if all is bad",
    )
    page = next(r for g in groups_of(low) for r in g["rules"] if r.get("labels", {}).get("severity") == "page")
    assert "14.4" not in page["expr"]
    assert "(6 * 0.07)" in page["expr"]
