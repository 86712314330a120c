"""Objectives: which are refused and in what words, what is left out and said, OpenTelemetry's variables."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import having, parts, without
from telemetry import groups_of, rules_of

from handrail.components._definition import Definition, Prepared, Workload, prepare
from handrail.components._servers import SERVERS, ModelServer
from handrail.components._telemetry.indicators import of_organisation, of_workload
from handrail.components.batch_job import COMPONENT as JOB
from handrail.components.gpu_inference_endpoint import COMPONENT as ENDPOINT
from handrail.components.notebook_env import COMPONENT as NOTEBOOK
from handrail.components.scalable_service import COMPONENT as SERVICE
from handrail.core.errors import DocumentError
from handrail.core.units import Duration
from handrail.organisation import Capability, Context
from handrail.organisation.model import Organisation, PlatformServices, Telemetry

IMAGE = "registry.acme.test/payments/checkout:1"
INSIDE: dict[str, Any] = {"image": IMAGE, "port": 8080}
ROUTED: dict[str, Any] = {**INSIDE, "api": {"version": "v1"}}
MODEL: dict[str, Any] = {"image": IMAGE, "accelerator": "l4", "model": "s3://m/m"}
OBSERVED = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}


@pytest.fixture
def fraud(context: Context) -> Context:
    """The context of a team with accelerators."""
    return replace(context, team="fraud")


def measured(context: Context, **telemetry: Any) -> Context:
    """`context` where the organisation measures in another way."""
    return having(context, telemetry=Telemetry.model_validate(telemetry))


def planned(args: dict[str, Any], context: Context, definition: Definition[Any] = SERVICE) -> Prepared:
    """The workload `checkout`."""
    return prepare(definition, "checkout", args, context)


def refusal(args: dict[str, Any], context: Context, definition: Definition[Any] = SERVICE) -> str:
    """What `checkout` is refused with."""
    with pytest.raises(DocumentError) as caught:
        planned(args, context, definition)
    return str(caught.value)


def kinds(found: Prepared) -> set[str]:
    """The kinds of resource that are planned."""
    return {resource.kind for resource in found.plan.resources}


@pytest.mark.parametrize(
    ("availability", "sentence"),
    [
        (
            "100%",
            "leaves no error budget, so one failure would page someone\n    allowed: below 100%, as 99.9%",
        ),
        ("0%", "promises nothing\n    allowed: at least 1%, as 99.9%"),
        ("0.5%", "promises nothing\n    allowed: at least 1%, as 99.9%"),
    ],
)
@pytest.mark.parametrize("definition", [SERVICE, ENDPOINT], ids=lambda found: found.name)
def test_an_availability_that_is_no_promise_is_refused(
    definition: Definition[Any], availability: str, sentence: str, fraud: Context
) -> None:
    """Nothing may ever fail, or everything may."""
    args = ROUTED if definition is SERVICE else MODEL
    found = refusal({**args, "objective": {"availability": availability}}, fraud, definition)
    assert f"checkout.objective: availability of {availability} {sentence}" in found


@pytest.mark.parametrize("availability", ["1%", "50%", "99.5%", "99.9999%"])
def test_every_other_availability_is_recorded_as_it_was_written(availability: str, context: Context) -> None:
    """From 1% to as many nines as a percentage has."""
    found = planned({**ROUTED, "objective": {"availability": availability}}, context)
    (expression,) = {rule["expr"] for rule in rules_of(found) if rule.get("record") == "slo:objective:ratio"}
    assert float(expression.removeprefix("vector(").rstrip(")")) == pytest.approx(float(availability[:-1]) / 100, 1e-12)


def test_the_default_objective_is_an_availability(context: Context) -> None:
    """99.5%, and no latency."""
    found = rules_of(planned(ROUTED, context))
    assert {rule["labels"]["sloth_slo"] for rule in found} == {"availability"}
    assert [rule["expr"] for rule in found if rule.get("record") == "slo:objective:ratio"] == ["vector(0.995)"]


def test_both_latencies_and_the_availability_are_objectives(context: Context) -> None:
    """Each with three groups of its own."""
    objective = {"availability": "99.9%", "latency_p95": "250ms", "latency_p99": "1s"}
    found = groups_of(planned({**ROUTED, "objective": objective}, context))
    assert [group["name"] for group in found] == [
        f"checkout-{objective}-{part}"
        for objective in ("availability", "latency-p95", "latency-p99")
        for part in ("indicator", "budget", "alerts")
    ]


OWN_BUCKETS = {"latency_buckets": ["20ms", "200ms", "1m"]}
ENVOY, ISTIO = {"requests": "envoy-gateway"}, {"requests": "istio"}


@pytest.mark.parametrize(
    ("telemetry", "bound", "near"),
    [
        ({}, "300ms", "250ms or 500ms"),
        ({}, "1ms", "5ms"),
        ({}, "11s", "10s"),
        ({}, "2s", "1s or 2500ms"),
        (OWN_BUCKETS, "250ms", "200ms or 1m"),
        (OWN_BUCKETS, "10ms", "20ms"),
        (OWN_BUCKETS, "2m", "1m"),
        ({**OWN_BUCKETS, **ENVOY}, "100ms", "20ms or 200ms"),
        (ENVOY, "75ms", "50ms or 100ms"),
        (ISTIO, "75ms", "50ms or 100ms"),
    ],
)
@pytest.mark.parametrize("word", ["latency_p95", "latency_p99"])
def test_a_latency_that_is_no_bucket_is_refused(
    word: str, telemetry: dict[str, Any], bound: str, near: str, context: Context
) -> None:
    """With the nearest buckets of the organisation's source, or of its own list, and what to do."""
    found = refusal({**ROUTED, "objective": {word: bound}}, measured(context, **telemetry))
    assert f"checkout.objective.{word}: is no bucket of the latency histogram, so it cannot be measured\n" in found
    assert f"given:   {bound}\n" in found
    assert f"write {near}, or have latency_buckets extended in organisation.yaml" in found


@pytest.mark.parametrize("server", ["mlserver", "vllm"])
def test_a_servers_own_buckets_cannot_be_extended(server: str, fraud: Context) -> None:
    """The nearest of its buckets, and no advice that would change nothing."""
    args = {**MODEL, "server": server, "objective": {"latency_p99": "8s"}}
    found = refusal(args, fraud, ENDPOINT)
    assert f"write {'5s or 10s' if server == 'vllm' else '7500ms or 10s'}" in found
    assert "latency_buckets" not in found
    assert refusal(args, measured(fraud, latency_buckets=["8s"]), ENDPOINT) == found


def test_vllms_buckets_are_accepted(fraud: Context) -> None:
    """Its histogram of whole requests, whatever buckets the organisation's has."""
    args = {**MODEL, "server": "vllm", "objective": {"latency_p95": "10s", "latency_p99": "60s"}}
    assert groups_of(planned(args, measured(fraud, **OWN_BUCKETS), ENDPOINT)) == groups_of(
        planned(args, fraud, ENDPOINT)
    )


def test_triton_tells_no_latency(fraud: Context) -> None:
    """An objective of latency is refused, and it says what to do; availability alone is measured."""
    args = {**MODEL, "server": "triton"}
    found = refusal({**args, "objective": {"latency_p99": "250ms"}}, fraud, ENDPOINT)
    assert (
        "checkout.objective.latency_p99: cannot be measured: triton counts requests and tells no latency: "
        "promise availability alone, or choose another server\n" in found
    )
    assert "PrometheusRule" in kinds(planned({**args, "objective": {"availability": "99.9%"}}, fraud, ENDPOINT))


@pytest.mark.parametrize("objective", [{}, {"availability": "99%"}, {"latency_p99": "250ms"}])
def test_the_gateway_does_not_see_a_service_without_a_route(objective: dict[str, str], context: Context) -> None:
    """What was promised is refused."""
    found = refusal({**INSIDE, "objective": objective}, measured(context, **ENVOY))
    assert (
        "checkout.objective: cannot be measured: the organisation counts requests at its gateway, and this service has "
        "no route there: give it an api, or leave the objective out" in found
    )


def test_what_nobody_promised_is_left_out_and_said(context: Context) -> None:
    """No objective under the gateway's metrics without a route: no rules, and a dashboard without requests."""
    found = planned(INSIDE, measured(context, **ENVOY))
    assert found.plan.advisories == ("no objective: no source of request metrics sees checkout",)
    assert "PrometheusRule" not in kinds(found)
    assert {"ServiceMonitor", "ConfigMap"} <= kinds(found)
    assert planned(ROUTED, measured(context, **ENVOY)).plan.advisories == ()


@pytest.mark.parametrize("telemetry", [{}, ISTIO], ids=["opentelemetry", "istio"])
def test_other_sources_see_a_service_without_a_route(telemetry: dict[str, Any], context: Context) -> None:
    """They count where the request is answered."""
    found = planned({**INSIDE, "objective": {"latency_p99": "250ms"}}, measured(context, **telemetry))
    assert found.plan.advisories == ()
    assert "PrometheusRule" in kinds(found)


def test_the_gateway_does_not_see_an_endpoint(fraud: Context) -> None:
    """mlflow counts nothing itself: what it promises is refused, by default it is left out."""
    args, where = {**MODEL, "server": "mlflow"}, measured(fraud, **ENVOY)
    found = refusal({**args, "objective": {"availability": "99%"}}, where, ENDPOINT)
    assert (
        "checkout.objective: cannot be measured: the organisation counts requests at its gateway, "
        "which endpoints do not pass: leave the objective out" in found
    )
    plan = planned(args, where, ENDPOINT).plan
    assert "no objective: no source of request metrics sees checkout" in plan.advisories
    assert "PrometheusRule" not in {resource.kind for resource in plan.resources}


@pytest.mark.parametrize(
    ("definition", "args"),
    [
        (SERVICE, {**ROUTED, "objective": {"availability": "99%", "latency_p99": "250ms"}}),
        (ENDPOINT, {**MODEL, "server": "vllm"}),
        (JOB, {"image": IMAGE, "command": ["run"], "freshness": "2d"}),
        (NOTEBOOK, {"image": IMAGE}),
    ],
    ids=lambda found: found.name if isinstance(found, Definition) else "",
)
def test_a_cluster_without_the_operator_gets_no_monitoring(
    definition: Definition[Any], args: dict[str, Any], fraud: Context
) -> None:
    """One advisory says so, whatever else would have been said of the objective."""
    found = planned(args, without(fraud, Capability.PROMETHEUS_OPERATOR), definition)
    said = [advisory for advisory in found.plan.advisories if "prometheus" in advisory or "objective" in advisory]
    assert said == ["no metrics, alerts and dashboard: cluster dev lacks prometheus-operator"]
    assert OBSERVED & kinds(found) == set()
    assert [resource.name for resource in found.plan.resources if resource.name.endswith("-dashboard")] == []
    assert [r.name for r in planned(args, fraud, definition).plan.resources if r.name.endswith("-dashboard")] != []


SMALL_BUCKETS = tuple(Duration.parse(f"{number}ms") for number in (1, 20, 250, 1500, 60_000))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 120_000) | st.sampled_from([bucket.amount for bucket in SMALL_BUCKETS]), st.booleans())
def test_a_latency_is_a_bucket_or_its_neighbours_are_named(milliseconds: int, own: bool) -> None:
    """Whatever somebody writes, what they are told to write instead is accepted."""
    context = _context(list(map(str, SMALL_BUCKETS)) if own else None)
    indicator = of_organisation(Workload("checkout", SERVICE.spec.model_validate(ROUTED), context), routed=True)
    assert indicator
    buckets = list(indicator.buckets)
    bound = Duration.parse(f"{milliseconds}ms")
    problems = _problems(bound, context)
    if bound in buckets:
        assert problems == []
        return
    below = [bucket for bucket in buckets if bucket < bound][-1:]
    above = [bucket for bucket in buckets if bucket > bound][:1]
    (problem,) = problems
    assert problem.given == str(bound)
    assert problem.allowed == ", ".join(map(str, buckets))
    assert problem.remedy
    named = problem.remedy.removeprefix("write ").partition(", or have")[0].split(" or ")
    assert named == [str(bucket) for bucket in (*below, *above)]
    assert all(not _problems(Duration.parse(each), context) for each in named)


def _context(buckets: list[str] | None) -> Context:
    """An organisation with its own buckets, or those of its source."""
    organisation = Organisation.model_validate(
        {
            "name": "o",
            "environments": {"dev": {"tier": "development", "cluster": "c"}},
            "clusters": {
                "c": {
                    "render": "r",
                    "capabilities": ["gateway-api", "prometheus-operator"],
                    "gateway": {"name": "g", "namespace": "g", "domain": "o.test"},
                }
            },
            "telemetry": {"latency_buckets": buckets},
            "registries": ["r"],
            "prices": {"cpu_hour": 1, "memory_gib_hour": 1},
            "platform": {"cost_centre": "c"},
            "teams": {"t": {"persona": "p", "cost_centre": "c", "quota": {"cpu": 1, "memory": "1GiB"}}},
        }
    )
    return Context(organisation, "dev", "t", Path(), "t-dev")


def _problems(bound: Duration, context: Context) -> list[Any]:
    """What a service with this latency is told."""
    spec = SERVICE.spec.model_validate({**ROUTED, "objective": {"latency_p99": str(bound)}})
    return [problem for _, problem in SERVICE.check(Workload("checkout", spec, context))]


@pytest.mark.parametrize("server", [name for name, server in SERVERS.items() if server.indicator])
def test_a_servers_metrics_are_those_of_its_own_pod_monitor(server: ModelServer, fraud: Context) -> None:
    """Prometheus' operator gives a PodMonitor's series the job <namespace>/<name>: that is what is asked for."""
    found = planned({**MODEL, "server": server.value}, fraud, ENDPOINT)
    monitor = parts(found)["pod-monitor"]["metadata"]
    indicator = SERVERS[server].indicator
    assert indicator
    assert of_workload(indicator, found.workload).selector == f'job="{monitor["namespace"]}/{monitor["name"]}"'


def environment(args: dict[str, Any], context: Context) -> dict[str, Any]:
    """The environment variables of the service's container: a value, or where it comes from."""
    (container,) = parts(planned(args, context))["deployment"]["spec"]["template"]["spec"]["containers"]
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names))
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container["env"]}


def test_opentelemetrys_variables_say_who_and_where(context: Context) -> None:
    """The job that objectives ask for is service.namespace/service.name; the collector is the organisation's."""
    found = environment(INSIDE, context)
    assert found == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://telemetry.telemetry.svc:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=payments-dev,deployment.environment.name=dev,"
        "k8s.namespace.name=payments-dev,team=payments",
        "OTEL_SERVICE_NAME": "checkout",
    }
    attributes = dict(pair.split("=") for pair in found["OTEL_RESOURCE_ATTRIBUTES"].split(","))
    expressions = [rule["expr"] for rule in rules_of(planned(INSIDE, context)) if "job=" in rule["expr"]]
    assert expressions
    job = f'job="{attributes["service.namespace"]}/{found["OTEL_SERVICE_NAME"]}"'
    assert [expression for expression in expressions if job not in expression] == []


@pytest.mark.parametrize(
    ("collector", "url"),
    [
        ({"namespace": "observability", "port": 4317}, "http://observability.observability.svc:4317"),
        ({"namespace": "obs", "port": 14317, "service": "gate"}, "http://gate.obs.svc:14317"),
    ],
)
def test_the_collector_is_the_organisations(collector: dict[str, Any], url: str, context: Context) -> None:
    """Its Service, namespace and port."""
    services = PlatformServices.model_validate({"telemetry": collector})
    assert environment(INSIDE, having(context, services=services))["OTEL_EXPORTER_OTLP_ENDPOINT"] == url


def test_without_a_collector_an_sdk_keeps_its_own_default(context: Context) -> None:
    """Nobody's address is made up."""
    found = environment(INSIDE, having(context, services=PlatformServices()))
    assert set(found) == {"OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME"}


def test_a_teams_own_variables_win(context: Context) -> None:
    """In its env or among its secrets, and there is only one of each name."""
    env = {"OTEL_SERVICE_NAME": "shop", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    secrets = {"OTEL_EXPORTER_OTLP_ENDPOINT": "payments/collector"}
    found = environment({**INSIDE, "env": env, "secrets": secrets}, context)
    assert {name: found[name] for name in env} == env
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == {
        "secretKeyRef": {"name": "checkout", "key": "OTEL_EXPORTER_OTLP_ENDPOINT"}
    }
    assert len(found) == 4
