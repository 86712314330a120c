"""The fact of a deployment: what each workload runs, which every stack exports as `handrail:releases`. No Pulumi."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handrail.components._api import offered_versions
from handrail.components._definition import Prepared
from handrail.components._released import has_artifact
from handrail.releases import Canary, Pin

OUTPUT = "handrail:releases"
"""The stack output: the name of a workload → its fact."""
_MAKERS = ("Deployment", "StatefulSet", "CronJob")
_RECORD = ("source", "named", "commit", "by", "at", "pull_request", "incident")  # of its pin, where there is one


def deployed(prepared: Prepared) -> dict[str, Any]:
    """The fact of one workload; empty for what has no artifact, as a team's workspace.

    It holds no time of its own, so that an unchanged deployment shows no change: the update history has the times.

    Returns:
        component, image, model, what the pin's record says, shares (of each track: image, model, name and share in
        per cent), api (the versions served), released (whether a pin decided it). What is not there is left out; a
        value that is known only to the engine is its `Given`.
    """
    workload = prepared.workload
    if not has_artifact(prepared.definition) or workload.context.is_platform:
        return {}
    release = workload.release
    artifact = _given({"image": _image(prepared), "model": getattr(workload.spec, "model", None)})
    versions = offered_versions(workload)
    return {
        "component": prepared.definition.name,
        **artifact,
        **_record(release),
        "shares": list(_shares(artifact, release.named, release.canary)),
        **({"api": versions} if versions else {}),
        "released": bool(release.pins),
    }


def _image(prepared: Prepared) -> Any:
    """Its image: the one that is given or pinned, else the one that the plan chose, as an endpoint's by its server."""
    if (given := prepared.workload.spec.image) is not None:
        return given
    for resource in prepared.plan.resources:
        if resource.kind in _MAKERS:
            spec = resource.inputs["spec"]
            template = spec["jobTemplate"]["spec"]["template"] if resource.kind == "CronJob" else spec["template"]
            for container in template["spec"]["containers"]:
                if container["name"] == prepared.name:
                    return container["image"]
    return None


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in values.items() if value is not None}


def _record(pin: Pin) -> dict[str, str]:
    values = _given({word: getattr(pin, word) for word in _RECORD})
    return {
        word: value if isinstance(value, str) else value.isoformat().replace("+00:00", "Z")
        for word, value in values.items()
    }


def _shares(stable: Mapping[str, Any], named: str | None, canary: Canary | None) -> Iterator[dict[str, Any]]:
    weight = canary.weight if canary else 0
    yield {"track": "stable", **stable, **_given({"named": named}), "share": 100 - weight}
    if canary:
        yield {"track": "canary", **stable, **canary.pins, **_given({"named": canary.named}), "share": weight}
