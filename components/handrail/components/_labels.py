"""The labels that everything carries, and the two that select pods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handrail.core.resources import Resource
from handrail.standards import CONTRACT_VERSION

if TYPE_CHECKING:
    from handrail.components._definition import Workload

PREFIX = "handrail.dev"


TRACK = f"{PREFIX}/track"
"""On what stands beside the stable Deployment: canary, or an older API version as v2."""


def selector(workload: Workload[Any]) -> dict[str, str]:
    """The labels that select the pods of one Deployment: they never change, because a selector is immutable."""
    return {"app.kubernetes.io/name": workload.deployed, **every_track(workload.name)}


def every_track(name: str) -> dict[str, str]:
    """The label that selects all pods of a workload, those of a canary or an older API version as well."""
    return {"app.kubernetes.io/instance": name}


def pod_labels(workload: Workload[Any], component: str) -> dict[str, str]:
    """What a pod and everything around it carries; a change here restarts pods."""
    context, data = workload.context, getattr(workload.spec, "data_classification", None)
    return {
        **selector(workload),
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


def tracked(resource: Resource, workload: Workload[Any]) -> Resource:
    """`resource` with the labels that tell it, and its pods, from those of the stable release."""
    labels = {**selector(workload), TRACK: workload.track}
    return replace(resource, inputs=_with_labels(_with_templates(resource.inputs, labels), labels))


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
