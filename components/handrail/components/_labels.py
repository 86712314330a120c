"""The labels that everything carries, and the two that select pods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handrail.core.resources import Resource
from handrail.standards import CONTRACT_VERSION

if TYPE_CHECKING:
    from handrail.components._definition import Workload

PREFIX = "handrail.dev"


def selector(name: str) -> dict[str, str]:
    """The labels that select a workload's pods: they never change, because a selector is immutable."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name}


def pod_labels(workload: Workload[Any], component: str) -> dict[str, str]:
    """What a pod and everything around it carries; a change here restarts pods."""
    context, data = workload.context, getattr(workload.spec, "data_classification", None)
    return {
        **selector(workload.name),
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": context.team,
        "app.kubernetes.io/managed-by": "handrail",
        f"{PREFIX}/team": context.team,
        f"{PREFIX}/persona": context.owner.persona,
        f"{PREFIX}/environment": context.environment,
        f"{PREFIX}/cost-centre": context.owner.cost_centre,
        # what the platform runs of its own works on nobody's data
        **({f"{PREFIX}/data-classification": str(data)} if data else {}),
    }


def labelled(resource: Resource, workload: Workload[Any], component: str) -> Resource:
    """`resource` with its labels. The contract's version stays off pods: raising it must not restart them."""
    labels = pod_labels(workload, component)
    inputs = _with_templates(resource.inputs, labels)
    return replace(resource, inputs=_with_labels(inputs, {**labels, f"{PREFIX}/contract": CONTRACT_VERSION}))


def _with_templates(manifest: Any, labels: dict[str, str]) -> dict[str, Any]:
    """`manifest` with labels on the pods, and on the jobs, that it makes."""
    spec = manifest.get("spec", {})
    made = {
        key: _with_labels(_with_templates(spec[key], labels), labels)
        for key in ("template", "jobTemplate")
        if isinstance(spec.get(key), dict)
    }
    return {**manifest, "spec": {**spec, **made}} if made else dict(manifest)


def _with_labels(manifest: Any, labels: dict[str, str]) -> dict[str, Any]:
    metadata = manifest.get("metadata", {})
    return {**manifest, "metadata": {**metadata, "labels": {**labels, **metadata.get("labels", {})}}}
