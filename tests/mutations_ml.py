"""For each standard about models, notebooks, jobs and workspaces, a change to acme that breaks it and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from spine import ROOT

from handrail.core.project import Project
from handrail.personas._stack import plan_stack

Mutation = tuple[str, str, dict[str, Any] | None]


@cache
def _pods(stack: str, resource: str) -> dict[str, Any]:
    """The pods' spec of a resource as acme has it: a merge patch gives lists whole."""
    planned = plan_stack(Project.find(ROOT).stack(stack).config, root=ROOT, stack=stack, refuses=False).prepared
    found = next(each for one in planned for each in one.plan.resources if each.name == resource)
    spec: dict[str, Any] = found.inputs["spec"]["template"]["spec"]
    return spec


def _entries(
    stack: str, resource: str, field: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """A patch of a list in the pods' spec, each entry changed."""
    return {"spec": {"template": {"spec": {field: [change(each) for each in _pods(stack, resource)[field]]}}}}


def _model(value: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(container: dict[str, Any]) -> dict[str, Any]:
        env = [{**each, "value": value} if each["name"] == "MODEL_URI" else each for each in container.get("env", [])]
        return {**container, "env": env} if env else container

    return change


def _idle(container: dict[str, Any]) -> dict[str, Any]:
    command = container.get("command")
    return {**container, "command": [*command[:2], "172800", *command[3:]]} if command else container


def _lost(volume: dict[str, Any]) -> dict[str, Any]:
    return {"name": "home", "emptyDir": {}} if volume["name"] == "home" else volume


def _annotated(name: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {f"handrail.dev/{name}": None}}}


def _run(**words: Any) -> dict[str, Any]:
    return {"spec": {"jobTemplate": {"spec": words}}}


_SCORER = ("fraud-prod", "fraud-scorer-deployment")
_RETRAIN = ("fraud-prod", "retrain-cron-job")
_EXPLORE = ("churn-prod", "explore-stateful-set")
_REINDEX = ("storefront-prod", "reindex-cron-job")
_GPU = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}

MUTATIONS: dict[str, Mutation] = {
    "model-pinned": (*_SCORER, _entries(*_SCORER, "containers", _model("models:/fraud-scorer@champion"))),
    "model-card": (*_SCORER, _annotated("model-card")),
    "evaluation-recorded": (*_SCORER, _annotated("evaluation")),
    "training-run-recorded": (*_SCORER, _annotated("training-run")),
    "endpoint-authenticated": (
        "fraud-prod",
        "fraud-scorer-service",
        {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]}},
    ),
    "gpu-queued": (
        *_RETRAIN,
        {"spec": {"jobTemplate": {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": None}}}}},
    ),
    "gpu-required-node": (*_RETRAIN, _run(template={"spec": {"affinity": None}})),
    "gpu-nodes-kept-for-gpu-work": (
        "payments-prod",
        "ledger-deployment",
        {"spec": {"template": {"spec": {"tolerations": [_GPU]}}}},
    ),
    "gpu-job-time-capped": (*_RETRAIN, _run(activeDeadlineSeconds=172_800)),
    "notebook-stops-when-idle": (*_EXPLORE, _entries(*_EXPLORE, "containers", _idle)),
    "notebook-signed-in": (
        "churn-prod",
        "explore-service",
        {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8888, "protocol": "TCP"}]}},
    ),
    "notebook-no-restricted-data": (
        *_EXPLORE,
        {"metadata": {"labels": {"handrail.dev/data-classification": "confidential"}}},
    ),
    "notebook-home-kept": (*_EXPLORE, _entries(*_EXPLORE, "volumes", _lost)),
    "job-retries": (*_REINDEX, _run(backoffLimit=20)),
    "job-deadline": (*_REINDEX, _run(activeDeadlineSeconds=None)),
    "job-cleans-up": (*_REINDEX, _run(ttlSecondsAfterFinished=None)),
    "cron-job-does-not-overlap": (*_REINDEX, {"spec": {"concurrencyPolicy": "Allow"}}),
    "cron-job-late-start": (*_REINDEX, {"spec": {"startingDeadlineSeconds": None}}),
    "cron-job-time-zone": (*_REINDEX, {"spec": {"timeZone": None}}),
    "job-freshness-alert": ("storefront-prod", "reindex-alerts", None),
    "objectives": ("storefront-prod", "web-alerts", None),
    "data-classification": (
        "storefront-prod",
        "web-deployment",
        {"metadata": {"labels": {"handrail.dev/data-classification": None}}},
    ),
    "workspace-quota": ("platform-prod", "payments-quota", {"spec": {"hard": {"requests.storage": None}}}),
    "workspace-limit-range": ("platform-prod", "payments-limits", None),
    "workspace-default-deny": ("platform-prod", "payments-default-deny", None),
    "workspace-pod-security": (
        "platform-prod",
        "payments-namespace",
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}},
    ),
    "workspace-budget": ("platform-prod", "payments-namespace", _annotated("monthly-budget")),
}
