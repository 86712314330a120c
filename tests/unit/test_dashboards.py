"""Dashboards as Grafana reads them: its own schema, a grid that fits, the panels that each kind's people ask for."""

import json
import re
import warnings
from collections import Counter
from typing import Any

import pytest
from telemetry import acme, config_map_of, dashboard_of, full_name

from handrail.components._definition import Prepared, prepare
from handrail.components._telemetry.dashboards import _uid
from handrail.components.batch_job import COMPONENT as JOB
from handrail.organisation import Context

WORKLOADS = pytest.mark.parametrize("prepared", acme(), ids=full_name)
RESOURCES = {"Running pods", "Cpu", "Memory", "Restarts"}
REQUESTS = {"Requests", "Errors", "Latency", "Error budget left of 30 days"}
GPU = {"GPU use", "GPU memory"}
RUNS = {"Since the last success", "The last run took", "Duration of runs", "Runs"}


def titles(prepared: Prepared) -> set[str]:
    """The titles of a workload's panels."""
    return {panel["title"] for panel in dashboard_of(prepared)["panels"]}


def cells(place: dict[str, int]) -> set[tuple[int, int]]:
    """The cells of Grafana's grid that a panel covers."""
    columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    return {(column, row) for column in columns for row in rows}


@WORKLOADS
def test_grafanas_own_types_read_it_back(prepared: Prepared) -> None:
    """Read by the SDK's models and encoded again, it is the same: no field is misspelt or of another type."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the schema that Grafana before 12 reads
        from grafana_foundation_sdk.cog import plugins
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
        from grafana_foundation_sdk.models.dashboard import Dashboard
    plugins.register_default_plugins()
    board = dashboard_of(prepared)
    assert json.loads(JSONEncoder().encode(Dashboard.from_json(board))) == board


@WORKLOADS
def test_panels_do_not_overlap_and_fit_the_grid(prepared: Prepared) -> None:
    """Each panel has its own number and its own place within Grafana's 24 columns, with no row left empty."""
    panels = dashboard_of(prepared)["panels"]
    assert sorted(panel["id"] for panel in panels) == list(range(1, len(panels) + 1))
    covered = Counter(cell for panel in panels for cell in cells(panel["gridPos"]))
    assert set(covered.values()) == {1}
    assert {column for column, _ in covered} == set(range(24))
    assert sorted({row for _, row in covered}) == list(range(max(row for _, row in covered) + 1))


@WORKLOADS
def test_every_panel_says_what_it_shows(prepared: Prepared) -> None:
    """A title of its own, a unit, the chosen data source; each series has an expression and a legend of its own."""
    board = dashboard_of(prepared)
    assert len(board["panels"]) == len(titles(prepared))
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        for reading in (panel, *panel["targets"]):
            assert reading["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["expr"] for target in panel["targets"])
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert len(legends) == len(set(legends)) >= 1
        assert all(legends)


@WORKLOADS
def test_variables_are_the_workloads(prepared: Prepared) -> None:
    """Its namespace and name fill the expressions, the data source is chosen, and no other variable is used."""
    board = dashboard_of(prepared)
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert set(variables) == {"datasource", "namespace", "name"}
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["namespace"]["query"] == prepared.workload.namespace
    assert variables["name"]["query"] == prepared.name
    used = re.findall(r"\$\{?(\w+)", json.dumps([panel["targets"] for panel in board["panels"]]))
    assert set(used) <= {"datasource", "namespace", "name", "__rate_interval"}
    assert board["title"] == f"{prepared.workload.namespace} / {prepared.name}"
    context = prepared.workload.context
    assert board["tags"] == ["handrail", context.team, context.environment]


@WORKLOADS
def test_the_config_map_is_one_that_grafana_loads(prepared: Prepared) -> None:
    """Its sidecar finds it by a label; the file's name is unique among all that it collects."""
    found = config_map_of(prepared)
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert list(found["data"]) == [f"{prepared.workload.namespace}-{prepared.name}.json"]


def test_addresses_are_unique_and_short_enough() -> None:
    """Over all stacks of acme, which one Grafana may show; at most 40 characters of those that Grafana allows."""
    addresses = [dashboard_of(prepared)["uid"] for prepared in acme()]
    assert len(addresses) == len(set(addresses)) > 0
    assert [uid for uid in addresses if not re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid)] == []


def test_long_names_get_addresses_of_their_own(context: Context) -> None:
    """Names that differ only behind the 40th character, and the longest of names."""
    name = "a-rather-long-name-of-a-job-that-begins"
    boards = [
        dashboard_of(prepare(JOB, f"{name}-{end}", {"image": "registry.acme.test/x:1", "command": ["run"]}, context))
        for end in ("one", "two")
    ]
    assert len({board["uid"] for board in boards}) == 2
    assert [len(board["uid"]) for board in boards] == [40, 40]
    assert _uid("x" * 40) == "x" * 40
    assert len(_uid("x" * 41)) == 40


PANELS: dict[str, set[str]] = {
    "ScalableService": REQUESTS | RESOURCES,
    "NotebookEnv": {"Running", "Volume in use"} | RESOURCES,
    "BatchJob": RUNS | RESOURCES,
    "assist/assistant": {"Tokens", "Time to first token", "Requests in the server"} | REQUESTS | GPU | RESOURCES,
    "fraud/fraud-scorer": {"Predictions"} | REQUESTS | GPU | RESOURCES,
    "fraud/transaction-embedder": {"Predictions", "Waiting requests", *(REQUESTS - {"Latency"})} | GPU | RESOURCES,
    "churn/churn-scorer": REQUESTS | GPU | RESOURCES,  # mlflow counts nothing itself
    "churn/deep-dive": {"Running", "Volume in use"} | GPU | RESOURCES,  # a notebook with an accelerator
    "churn/train": RUNS | GPU | RESOURCES,  # jobs with an accelerator
    "fraud/retrain": RUNS | GPU | RESOURCES,
}
"""Kind, or team and workload where it differs from its kind → the panels that its people ask for."""


@WORKLOADS
def test_each_kind_has_the_panels_that_its_people_ask_for(prepared: Prepared) -> None:
    """Requests, errors and latency; predictions or tokens and what waits; runs; whether a notebook is up."""
    own = PANELS.get(f"{prepared.workload.context.team}/{prepared.name}")
    assert titles(prepared) == (own or PANELS[prepared.definition.name])


def test_every_kind_of_workload_was_looked_at() -> None:
    """acme has them all."""
    kinds = {"ScalableService", "GpuInferenceEndpoint", "BatchJob", "NotebookEnv"}
    assert {prepared.definition.name for prepared in acme()} == kinds
    servers = {getattr(prepared.workload.spec, "server", None) for prepared in acme()} - {None}
    assert servers == {"mlflow", "mlserver", "triton", "vllm"}


@WORKLOADS
def test_an_objective_shows_what_is_left_of_its_budget(prepared: Prepared) -> None:
    """One number for each objective, under the name that its recording rule has."""
    found: list[dict[str, Any]] = [p for p in dashboard_of(prepared)["panels"] if p["title"].startswith("Error budget")]
    recorded = {
        rule["labels"]["sloth_slo"]
        for resource in prepared.plan.resources
        if resource.kind == "PrometheusRule"
        for group in resource.inputs["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("record") == "slo:period_error_budget_remaining:ratio"
    }
    shown = re.findall(r'sloth_slo="([a-z0-9-]+)"', json.dumps([p["targets"] for p in found]).replace('\\"', '"'))
    assert sorted(shown) == sorted(recorded)
