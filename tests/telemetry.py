"""Telemetry taken apart: what acme's stacks measure and show, and what Prometheus says when it evaluates their rules.

(alerts,) = evaluate(groups, {'up{job="a/b"}': counter((60, 90))}, ['ALERTS{alertstate="firing"}'], at="90m")
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from promtool import run_tests

from handrail.components._definition import Prepared
from handrail.core.project import Project
from handrail.personas._stack import plan_stack

ROOT = Path(__file__).parents[1]

_ANSWER = re.compile(r'    expr: "(?:[^"\\]|\\.)*", time: .*\n +exp: .*\n +got: (.*)')
_SAMPLE = re.compile(r'\{((?:\w+="(?:[^"\\]|\\.)*"(?:, )?)*)\} (\S+?)(?:, (?=\{)|$)')
_LABEL = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


@cache
def acme() -> tuple[Prepared, ...]:
    """Every workload of every stack of acme, in every environment."""
    project = Project.find(ROOT)
    plans = [plan_stack(project.stack(name).config, root=project.root, stack=name) for name in project.stacks()]
    return tuple(prepared for plan in plans if plan.file for prepared in plan.prepared)


def full_name(prepared: Prepared) -> str:
    """Namespace and name of a workload."""
    return f"{prepared.workload.namespace}/{prepared.name}"


def groups_of(prepared: Prepared) -> list[dict[str, Any]]:
    """The rule groups of a workload."""
    rules = [r.inputs["spec"]["groups"] for r in prepared.plan.resources if r.kind == "PrometheusRule"]
    return [group for groups in rules for group in groups]


def rules_of(prepared: Prepared) -> list[dict[str, Any]]:
    """The rules of a workload, of all its groups."""
    return [rule for group in groups_of(prepared) for rule in group["rules"]]


def config_map_of(prepared: Prepared) -> dict[str, Any]:
    """The ConfigMap that holds a workload's dashboard."""
    (found,) = (r.inputs for r in prepared.plan.resources if r.name == f"{prepared.name}-dashboard")
    return dict(found)


def dashboard_of(prepared: Prepared) -> dict[str, Any]:
    """A workload's dashboard, as Grafana reads it."""
    (text,) = config_map_of(prepared)["data"].values()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def targets_of(prepared: Prepared) -> list[str]:
    """The expressions of a workload's dashboard, with Grafana's own variable filled in."""
    panels = dashboard_of(prepared)["panels"]
    return [target["expr"].replace("$__rate_interval", "5m") for panel in panels for target in panel["targets"]]


def queries_of(prepared: Prepared) -> list[str]:
    """The expressions that KEDA scales a workload by."""
    scalers = [r.inputs["spec"]["triggers"] for r in prepared.plan.resources if r.kind == "ScaledObject"]
    return [trigger["metadata"]["query"] for triggers in scalers for trigger in triggers]


def counter(*phases: tuple[int, int]) -> str:
    """A counter in promtool's notation: for each phase, how much it grows a step and for how many steps."""
    total, parts = 0, ["0"]
    for growth, steps in phases:
        if steps > 0:
            parts.append(f"{total + growth}+{growth}x{steps - 1}")
            total += growth * steps
    return " ".join(parts)


def one_group(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All rules in one group, evaluated in their order: promtool takes groups in any order."""
    return [{"name": "all", "rules": [rule for group in groups for rule in group["rules"]]}]


def evaluate(
    groups: Sequence[Mapping[str, Any]],
    series: Mapping[str, str],
    expressions: Sequence[str],
    at: str,
    interval: str | None = None,
    step: str = "1m",
) -> list[list[Sample]]:
    """What each expression gives at a time.

    Args:
        series: series → its values, one each `step`, in promtool's notation.
        interval: how often the rules are evaluated until then; default: at the beginning and at that time alone.

    Raises:
        AssertionError: promtool refuses the rules, the series or an expression.
    """
    # promtool tells what an expression gives only where that is not expected
    never = [{"labels": "never", "value": 0}]
    test = {
        "interval": step,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": expr, "eval_time": at, "exp_samples": never} for expr in expressions],
    }
    run = run_tests(one_group(groups), [test], interval or at)
    answers = _ANSWER.findall(run.stdout + run.stderr)
    assert len(answers) == len(expressions), run.stdout + run.stderr
    return [list(_samples(answer)) for answer in answers]


def _samples(answer: str) -> Iterator[Sample]:
    found = list(_SAMPLE.finditer(answer))
    assert answer == "nil" or sum(len(match[0]) for match in found) == len(answer), answer
    for match in found:
        yield Sample({key: json.loads(value) for key, value in _LABEL.findall(match[1])}, float(match[2]))


def firing(
    groups: Sequence[Mapping[str, Any]],
    series: Mapping[str, str],
    at: str,
    interval: str | None = None,
    step: str = "1m",
) -> list[tuple[str, str, str]]:
    """The alerts that fire at a time: name, severity, objective; sorted."""
    (alerts,) = evaluate(groups, series, ['ALERTS{alertstate="firing"}'], at, interval, step)
    return sorted((a.labels["alertname"], a.labels["severity"], a.labels.get("sloth_slo", "")) for a in alerts)
