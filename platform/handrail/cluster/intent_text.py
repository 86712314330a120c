"""What is wanted of a workload, in the words of each reader: its release, what it promises, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from handrail.cluster._model import Row
from handrail.cluster._when import when
from handrail.personas._stack import PLATFORM

Words = Iterator[str]


def facts(row: Row, reader: str, now: datetime) -> Words:
    """What this reader asks of a release, beside its row."""
    for each in _OF_READER.get(reader, _OF_JOBS):
        yield from each(row, now)


def pending(row: Row) -> str:
    """What is to be deployed still; empty where that is nothing."""
    if not row.pending:
        return ""
    how = "is pinned" if row.intent.pins else "stands in the team's file"
    return f"{row.pending} {how}, deployed with the next up: handrail up {row.place.stack}"


def sentences(row: Row) -> Words:
    """What a product manager reads after a workload's sentence: what its version is still missing."""
    up = f"with the next `handrail up {row.place.stack}`"
    if row.pending and row.intent.pins:
        yield f"{row.pending} is released for {row.place.environment}, and comes {up}."
    elif (step := row.intent.step) and row.well and not row.next_version:
        approvals = f", {step.approvals} approval{'' if step.approvals == 1 else 's'}" if step.approvals else ""
        yield f"To be in {step.environment} it needs: a promotion (`{step.command}`){approvals}."


# One kind of fact


def _image(row: Row, _: datetime) -> Words:
    if row.image:
        name = row.image.partition("@")[0]
        start, slash, last = name.rpartition("/")
        yield f"image {start}{slash}{last.partition(':')[0]}"


def _api(row: Row, _: datetime) -> Words:
    if row.intent.api:
        yield f"API {', '.join(row.intent.api)}"


def _alias(row: Row, _: datetime) -> Words:
    named = row.intent.named or ""
    if "model" in row.intent.pins and "@" in named:
        yield f"promoted by alias {named.partition('@')[2]}"


def _latency(row: Row, _: datetime) -> Words:
    if row.intent.latency:
        yield f"objective {', '.join(row.intent.latency)}"


def _next_run(row: Row, now: datetime) -> Words:
    if row.next_run:
        yield f"next run {when(row.next_run, now, short=True)}"


def _freshness(row: Row, now: datetime) -> Words:
    if row.fresh_until:
        word = "fresh until" if row.fresh_until >= now else "stale since"
        yield f"{word} {when(row.fresh_until, now, short=True)}"


def _record(row: Row, now: datetime) -> Words:
    """Who released it, when, from where, of which commit."""
    intent = row.intent
    told = (
        (intent.named, f"as {intent.named}"),
        (intent.source, f"from {intent.source}"),
        (intent.by, f"by {intent.by}"),
        (intent.at, f"on {when(intent.at, now)}"),
        (intent.commit, f"commit {(intent.commit or '')[:8]}"),
        (intent.incident, f"for {intent.incident}"),
        (intent.pull_request, str(intent.pull_request)),
    )
    if intent.pins:
        yield " ".join(["released", *(words for value, words in told if value)])


_OF_JOBS = (_next_run, _freshness)
_OF_READER: Mapping[str, tuple[Callable[[Row, datetime], Words], ...]] = {
    "app-developer": (_image, _api, *_OF_JOBS),
    "ml-engineer": (_alias, _latency, *_OF_JOBS),
    "data-scientist": (*_OF_JOBS, _alias),
    PLATFORM: (_record, *_OF_JOBS),
}
