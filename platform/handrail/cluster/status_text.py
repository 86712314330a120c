"""What runs where, as people read it: a table in a persona's words, a sentence for a product manager, or JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from handrail.cluster._failures import Cause, Failure
from handrail.cluster._model import MAKERS, Row, State, Status
from handrail.components._released import CANARY
from handrail.components.batch_job import ON_DEMAND
from handrail.personas._persona import nouns, personas
from handrail.personas._stack import PLATFORM

PRODUCT_MANAGER = "product-manager"
"""Who reads sentences."""
EVERY = 2.0
"""Seconds between two looks of `watch`."""

_SHOWN = ("version", "model", "image")
_COLUMNS, _FIXED = 7, 4  # of a row, and of these the ones that are never folded
_INDENT = (0, 0, 0, 2)
_WIDE = 200
_STYLES = {
    State.LIVE: "green",
    State.RUNNING: "green",
    State.SCHEDULED: "green",
    State.ON_DEMAND: "green",
    State.STARTING: "yellow",
    State.DEGRADED: "yellow",
    State.SUSPENDED: "yellow",
    State.FAILING: "red",
    State.NOT_DEPLOYED: "red",
}


def show(statuses: Sequence[Status], console: Console, reader: str | None = None) -> None:
    """Print the status of each stack in the words of `reader`, by default of the persona that its file is in."""
    if not console.is_terminal:  # a pipe or a CI log has no edge at which lines must be folded
        console.width = max(console.width, _WIDE)
    console.print(_page(statuses, reader), soft_wrap=reader == PRODUCT_MANAGER)


def dumps(statuses: Sequence[Status]) -> str:
    """The same as JSON, every time in UTC."""
    return json.dumps([_facts(status) for status in statuses], indent=2, default=_moment)


def watch(
    look: Callable[[], Sequence[Status]],
    console: Console,
    reader: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Look again and again until interrupted: a picture that is drawn anew, or, where that cannot be, each change."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as picture:
            while True:
                picture.update(_page(look(), reader), refresh=True)
                pause(EVERY)
    before: dict[tuple[str, str], str] = {}
    while True:
        statuses = look()
        said = dict(_lines(statuses, reader))
        for key, line in {**{gone: f"{gone[1]} is gone" for gone in before if gone not in said}, **said}.items():
            if before.get(key) != line and not (key not in said and key not in before):
                at = statuses[0].at if statuses else None
                console.print(Text(f"{at:%H:%M:%S} {key[0]}  {line}" if at else line), soft_wrap=True)
        before = said
        pause(EVERY)


def _page(statuses: Sequence[Status], reader: str | None) -> RenderableType:
    if reader == PRODUCT_MANAGER:
        return Group(*(Text(sentence) for status in statuses for sentence in sentences(status)))
    return Group(*(_block(status, reader or status.persona) for status in statuses))


def _lines(statuses: Sequence[Status], reader: str | None) -> Iterator[tuple[tuple[str, str], str]]:
    """Each workload and each problem in one line, for whoever has no terminal."""
    for status in statuses:
        stack, persona = status.place.stack, reader or status.persona
        for number, problem in enumerate(status.problems):
            yield (stack, f"problem {number}"), " ".join(str(problem).split())
        if reader == PRODUCT_MANAGER:
            yield from (((stack, row.workload), sentence(row, status.at)) for row in status.rows)
            continue
        for row in status.rows:
            cells = [row.workload, *(cell.plain for cell in _cells(row, persona, status.at)[1:] if cell.plain)]
            if row.failure and row.failure.current:
                cells.append(_said(row.failure, persona))
            yield (stack, row.workload), ", ".join(cells)


# A table


def _block(status: Status, reader: str) -> RenderableType:
    place = status.place
    head = Text(place.stack, style="bold")
    if status.cluster:
        head.append(f"  {place.environment}, cluster {status.cluster}, {status.at:%H:%M:%S} UTC", style="dim")
    parts: list[RenderableType] = [head]
    if status.note:
        parts.append(Padding(Text(status.note, style="dim"), _INDENT, expand=False))
    if status.rows:
        table = Table.grid(padding=(0, 2))
        table.add_column()  # the indent: rich folds the widest cell of a padded grid
        for number in range(_COLUMNS):
            table.add_column(overflow="fold", no_wrap=number < _FIXED)
        for row in status.rows:
            table.add_row("", *_cells(row, reader, status.at))
        parts.append(table)
    elif not status.note and not status.problems:
        parts.append(Padding(Text("no workloads", style="dim"), _INDENT, expand=False))
    parts += [Padding(each, _INDENT, expand=False) for row in status.rows for each in _below(row, reader, status)]
    for problem in status.problems:
        parts += [Padding(Text(line, style="red"), _INDENT, expand=False) for line in str(problem).splitlines()]
    return Group(*parts)


def _cells(row: Row, reader: str, now: datetime) -> list[Text]:
    """A row: name, what it is, how it is, replicas, version, traffic, since when."""
    what = row.kind if reader == PLATFORM else nouns().get(reader, {}).get(row.component, row.component)
    since = (
        f"since {when(row.since, now, short=True)}" if row.since and row.run is None and row.kind != "CronJob" else ""
    )
    return [
        Text(row.workload, style="bold"),
        Text(what, style="cyan"),
        Text(row.state, style=_STYLES.get(row.state, "")),
        Text(_last_run(row, now) if row.kind == "CronJob" else _ready(row, reader)),
        Text(_version(row, reader)),
        Text(_traffic(row, reader)),
        Text(since, style="dim"),
    ]


def _ready(row: Row, reader: str) -> str:
    if row.wanted is None or (row.wanted == 0 and reader != PLATFORM):
        return ""
    if reader == PLATFORM:
        return f"{row.ready if row.ready is not None else '?'}/{row.wanted}"
    known = personas().get(reader)
    part = known.parts.get(MAKERS[row.kind], "replicas") if known else "replicas"
    if row.wanted == 1:
        part = part.removesuffix("s")
    return f"{row.ready} of {row.wanted} {part}" if row.ready is not None else f"{row.wanted} {part}"


def _last_run(row: Row, now: datetime) -> str:
    schedule = "" if row.schedule in ("", ON_DEMAND) else f"{row.schedule}; "
    if row.state in (State.NOT_DEPLOYED, State.UNKNOWN):
        return schedule.removesuffix("; ")
    if row.run is None:
        return f"{schedule}last success {when(row.since, now, short=True)}" if row.since else f"{schedule}no run yet"
    word = {"running": "runs since", "waiting": "waits since"}.get(row.run.state, f"{row.run.state}")
    ended = row.run.ended if row.run.state in ("succeeded", "failed") else row.run.began
    return f"{schedule}last run {word} {when(ended, now, short=True)}".rstrip()


def _version(row: Row, reader: str) -> str:
    found = row.image if reader == PLATFORM else row.version
    if row.model and reader != "app-developer":
        found = f"{row.model} on {found}" if found else row.model
    found = f"{found} → {row.next_version}" if row.next_version else found
    return ", ".join([f"{row.share:g}% {found}" if row.share is not None else found, *_beside(row, reader)])


def _beside(row: Row, reader: str) -> Iterator[str]:
    """What runs beside the stable release, as `10% 2.8.0 (canary)`."""
    for track in row.tracks:
        found = _version(
            replace(row, **{key: getattr(track, key) for key in _SHOWN}, next_version="", tracks=()), reader
        )
        yield f"{f'{track.share:g}% ' if track.share is not None else ''}{found} ({track.name})"


def _traffic(row: Row, reader: str) -> str:
    if reader == PLATFORM:
        return ", ".join(f"{each.name}={each.weight}" for each in row.backends)
    # a notebook has a route too, and no share of anything
    return "" if row.traffic is None or row.component == "NotebookEnv" else f"{row.traffic:g}% of traffic"


def _below(row: Row, reader: str, status: Status) -> Iterator[RenderableType]:
    """What stands below the table: failures, and what is too much."""
    if failure := row.failure:
        style = ("yellow" if failure.waits else "red") if failure.current else "dim"
        word = "" if failure.current else f"last failure{_on(failure.at, status.at)}: "
        yield Text(f"{row.workload}: {word}{_said(failure, reader)}", style=style)
        if failure.current:
            yield Text(f"    do:      {failure.remedy}")
    if not row.planned:
        yield Text(f"{row.workload}: is deployed, and stands in no file: `handrail up` removes it", style="yellow")


def _said(failure: Failure, reader: str) -> str:
    if reader != PLATFORM:
        return failure.message
    return f"{failure.reason}: {failure.detail or failure.message}"


def _on(moment: datetime | None, now: datetime) -> str:
    return f" {when(moment, now)}" if moment else ""


def when(moment: datetime | None, now: datetime, *, short: bool = False) -> str:
    """A time as people say it: `3 March 12:30 UTC`, with the year where it is another; short, `3 Mar 12:30`."""
    if moment is None:
        return ""
    year = f" {moment.year}" if moment.year != now.year else ""
    return (
        f"{moment.day} {moment:%b}{year} {moment:%H:%M}"
        if short
        else f"{moment.day} {moment:%B}{year} {moment:%H:%M} UTC"
    )


# Sentences


def sentences(status: Status) -> Iterator[str]:
    """What a product manager reads of a stack."""
    place = status.place
    if status.problems and not any(row.state is not State.UNKNOWN for row in status.rows):
        yield (
            f"Nothing is known of what {place.team or place.stack} has in {place.environment or 'this environment'} "
            "at the moment. Whoever works on it can find out why."
        )
        return
    for row in status.rows:
        yield sentence(row, status.at)


def sentence(row: Row, now: datetime) -> str:
    """A workload in one plain sentence."""
    name, where = row.workload, row.place.environment
    if row.state is State.UNKNOWN:
        return f"Nothing is known of {name} in {where}: what runs there cannot be asked from here."
    if row.state is State.NOT_DEPLOYED:
        return f"{name} is not in {where}."
    if row.kind == "CronJob":
        return f"{name} {_of_job(row, now)}."
    if row.state is State.STOPPED:
        why = "stopped by itself, because nobody used it" if row.component == "NotebookEnv" else "was stopped"
        return f"{name} is not live in {where}: it {why}{_on(row.since, now)}."
    cause = str(row.failure.cause) if row.failure and row.failure.current else ""
    if not row.serves:
        if row.state is State.FAILING:
            return f"{name} is not live in {where}: {cause or Cause.STUCK}. Team {row.place.team} has to act."
        return f"{name} is not live in {where} yet: {cause or 'it is starting'}."
    facts = [f"{name} is live in {where}{f' since {when(row.since, now)}' if row.since else ''}", _share(row)]
    facts += [part for part in (f"version {row.version}" if row.version else "", _model(row.model)) if part]
    facts += _trial(row)
    return f"{', '.join(facts)}{_but(row, cause)}."


def _but(row: Row, cause: str) -> str:
    """What is to follow, or is missing, after the facts."""
    if row.failure and row.failure.current and row.failure.track:
        what = (
            "the trial of the next version"
            if row.failure.track == CANARY
            else f"version {row.failure.track} of its API"
        )
        return f"; but {what} has trouble: {cause}"
    if row.next_version:
        broken = row.state is State.DEGRADED
        more = f"but it cannot start: {cause or Cause.STUCK}" if broken else f"and {cause or 'it is starting'}"
        return f"; version {row.next_version} is to follow, {more}"
    if row.state is not State.DEGRADED or not cause:
        return ""
    few = (row.ready or 0) < (row.wanted or 0)
    return f"; with {row.ready} of {row.wanted} copies: {cause}" if few else f"; but {cause}"


def _trial(row: Row) -> Iterator[str]:
    """What else answers: a canary with its share, older API versions."""
    for track in row.tracks:
        if track.name == CANARY:
            yield f"and version {track.version} on trial with {track.share:g}% of it"
        else:
            yield f"{track.name} of its API still served"


def _share(row: Row) -> str:
    if row.traffic is None or row.component == "NotebookEnv":
        return "for use inside the company"
    return f"{row.traffic:g}% of traffic" if row.traffic else "without any traffic"


def _model(model: str) -> str:
    """`models:/churn/4` as `version 4 of model churn`."""
    if not model:
        return ""
    if not model.startswith("models:/"):
        return f"model {model.rstrip('/').rpartition('/')[2]}"
    name, _, version = model.removeprefix("models:/").partition("/")
    name, _, alias = name.partition("@")
    return f"version {version} of model {name}" if version else f"model {name}{f' ({alias})' if alias else ''}"


def _of_job(row: Row, now: datetime) -> str:
    where = row.place.environment
    how = {
        State.ON_DEMAND: f"runs on demand in {where}",
        State.RUNNING: f"is running in {where}",
        State.STARTING: f"is about to run in {where}",
        State.SUSPENDED: f"does not run in {where}: somebody stopped it",
    }.get(row.state, f"runs by itself in {where}, on a schedule")
    if row.state is State.FAILING and row.failure:
        return f"{how}; {row.failure.cause}. Team {row.place.team} has to act"
    if row.since:
        return f"{how}; it last ended well on {when(row.since, now)}"
    return f"{how}; it has not ended a run yet" if row.run else f"{how}; it has not run yet"


# JSON


def _facts(status: Status) -> Mapping[str, Any]:
    place = status.place
    return {
        **asdict(place),
        "cluster": status.cluster,
        "persona": status.persona,
        "at": status.at,
        "well": status.well,
        "note": status.note,
        "problems": [str(problem) for problem in status.problems],
        "workloads": [_row_facts(row) for row in status.rows],
    }


def _row_facts(row: Row) -> Mapping[str, Any]:
    found = asdict(row)
    del found["place"]
    if failure := found["failure"]:
        failure["cause"] = row.failure.cause.name.lower() if row.failure else ""
    return {**found, "share": row.share, "well": row.well}


def _moment(value: Any) -> str:
    assert isinstance(value, datetime), value
    return value.isoformat().replace("+00:00", "Z")
