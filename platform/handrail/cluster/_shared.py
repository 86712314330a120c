"""What rows of every kind read of live objects: pods, templates, versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handrail.cluster._model import Live, Row, version_of
from handrail.cluster._objects import Object, at, label, listed, text, texts
from handrail.components._labels import TRACK
from handrail.components.batch_job import NEVER, ON_DEMAND

INSTANCE = "app.kubernetes.io/instance"


def pods_of(live: Live, row: Row, track: str = "") -> list[Object]:
    """The pods of a workload's stable release, or of a track of it, that are not on their way out."""
    mine = [each for each in live.get("Pod", ()) if label(each, INSTANCE) == row.workload]
    found = [each for each in mine if label(each, TRACK) == track]
    return [each for each in found if not at(each, "metadata", "deletionTimestamp")]


def template_of(maker: Object) -> Any:
    inner = at(maker, "spec", "jobTemplate") or maker
    return at(inner, "spec", "template")


def main_container(template: Any, name: str) -> Object:
    """The container with the workload's own image; the others are the platform's."""
    containers = listed(template, "spec", "containers")
    return next((each for each in containers if text(each, "name") == name), containers[0] if containers else {})


def model_of(container: Object, otherwise: str = "") -> str:
    """The model that an endpoint's container serves."""
    variables = {text(each, "name"): text(each, "value") for each in listed(container, "env")}
    return variables.get("MODEL_URI", otherwise)


def schedule_of(cron_job: Object) -> str:
    """When a job runs: its cron schedule, or `on demand`."""
    schedule = text(cron_job, "spec", "schedule")
    return ON_DEMAND if schedule == NEVER else schedule


@dataclass(frozen=True, slots=True)
class Version:
    version: str
    image: str
    model: str


def version_in(template: Any, row: Row) -> Version:
    main = main_container(template, row.workload)
    image = text(main, "image") or row.image
    return Version(version_of(image, texts(template, "metadata", "labels")), image, model_of(main, row.model))
