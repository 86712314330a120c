"""What is wanted of a workload beyond what runs: its release, what it offers and promises, its next step. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from handrail.cluster._model import Intent, Live, Row, State, Step, Wanted, version_of
from handrail.cluster._objects import moment, name_of, text
from handrail.cluster._shared import template_of, version_in
from handrail.components._definition import Prepared
from handrail.components._fact import deployed
from handrail.components._released import has_artifact
from handrail.components._telemetry.objectives import PERCENTILES
from handrail.components.batch_job import ON_DEMAND
from handrail.core.resources import Token
from handrail.organisation import Context, Requirement
from handrail.releases import Pin, Release

_RECORD = ("named", "source", "by", "at", "commit", "pull_request", "incident")


# From a plan and the releases


def intent_of(prepared: Prepared) -> Intent:
    """What is wanted of a planned workload, its next step aside."""
    spec, release = prepared.workload.spec, prepared.workload.release
    freshness = getattr(spec, "freshness", None)
    objective = getattr(spec, "objective", None)
    latencies = {word: getattr(objective, word, None) for word in PERCENTILES}
    return Intent(
        pins=release.pins,
        **{word: getattr(release, word) for word in _RECORD},
        api=tuple(deployed(prepared).get("api", ())),
        latency=tuple(f"{word.removeprefix('latency_')} {bound}" for word, bound in latencies.items() if bound),
        freshness_seconds=freshness.seconds if freshness else None,
    )


def step_of(prepared: Prepared, environment: str, context: Context, following: Mapping[str, Release]) -> Step | None:
    """What it takes for the version here to be in the next environment; None where it is, or has no artifact.

    Args:
        environment: the next one.
        following: the releases there.
    """
    settings = context.organisation.environments[environment]
    here, pin = prepared.workload.release, following.get(prepared.name) or Release()
    if not has_artifact(prepared.definition) or _same(here, pin, prepared):
        return None
    if not (here.pins or pin.pins) and settings.releases is not Requirement.REQUIRED:
        return None  # both run what the team's file says
    return Step(environment, settings.approvals, f"handrail promote {prepared.name} --to {environment}")


def _same(here: Release, pin: Pin, prepared: Prepared) -> bool:
    """Whether a pin is of what is here: by the artifact, or by the name in the team's file that it was promoted by."""
    if here.pins:
        return pin.pins == here.pins
    written = [getattr(prepared.workload.spec, word, None) for word in pin.pins]
    return any(not isinstance(value, Token) and value == pin.named for value in written)


# With what is live


def with_intent(row: Row, wanted: Wanted) -> Row:
    """A row with what is wanted of it, and its version as people say it where a release decided it."""
    intent = wanted.intent
    coming = row.next_version and row.next_version == version_of(intent.pins.get("image", ""))
    return replace(
        row,
        intent=intent,
        version=_named(row.image, intent) or row.version,
        next_version=(_named(wanted.image, intent) if coming else "") or row.next_version,
    )


def told(row: Row, wanted: Wanted, live: Live, now: datetime) -> Row:
    """A row of what is live with what is wanted of it, and where the two differ."""
    row = replace(with_intent(row, wanted), pending=_pending(row, wanted, live))
    makers = [each for each in live.get(wanted.kind, ()) if name_of(each) == wanted.name]
    return _timed(row, makers[0], now) if wanted.kind == "CronJob" and makers else row


def _pending(row: Row, wanted: Wanted, live: Live) -> str:
    """The version that is planned and not deployed; empty where it is, or where that is not known."""
    if row.state is State.UNKNOWN or not wanted.planned:
        return ""
    planned = _named(wanted.image, wanted.intent) or version_of(wanted.image)
    maker = next((each for each in live.get(wanted.kind, ()) if name_of(each) == wanted.name), None)
    if maker is None:
        return planned if wanted.intent.pins else ""
    asked = version_in(template_of(maker), row)
    if wanted.model and asked.model != wanted.model:
        return wanted.model
    return planned if wanted.image and asked.image != wanted.image else ""


def _named(image: str, intent: Intent) -> str:
    """The version of a pinned image as people say it: that of the name that it was promoted by."""
    named = intent.named or ""
    return version_of(named) if image and image == intent.pins.get("image") and not named.startswith("models:/") else ""


def _timed(row: Row, cron_job: Any, now: datetime) -> Row:
    """With when a job runs next, and until when what it wrote is as fresh as promised."""
    seconds = row.intent.freshness_seconds
    # a job that never succeeded is as old as its CronJob, as for its alert
    base = row.since or moment(cron_job, "metadata", "creationTimestamp")
    fresh_until = base + timedelta(seconds=seconds) if seconds and base else None
    runs = row.state not in (State.SUSPENDED, State.ON_DEMAND) and row.schedule != ON_DEMAND
    zone = text(cron_job, "spec", "timeZone") or "Etc/UTC"
    return replace(row, fresh_until=fresh_until, next_run=next_run(row.schedule, zone, now) if runs else None)


def next_run(schedule: str, zone: str, now: datetime) -> datetime | None:
    """When a cron schedule comes next, in UTC; None where it never does, or is none."""
    from zoneinfo import ZoneInfo

    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(schedule, now.astimezone(ZoneInfo(zone)))).astimezone(now.tzinfo)
    except (CronSimError, StopIteration, LookupError, ValueError, OSError):
        return None
