"""What was deployed on a day, as people read it: a table in a persona's words, a sentence, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from handrail.cluster._model import version_of
from handrail.cluster._when import moment_text, when
from handrail.cluster.past import LOOKED, Fact, Past, Served, Share
from handrail.cluster.status_text import PRODUCT_MANAGER, model_words
from handrail.core.clock import now
from handrail.engine.history import Update
from handrail.personas._persona import nouns
from handrail.personas._stack import PLATFORM

_INDENT, _WIDE = (0, 0, 0, 2), 200
_SENTENCES = {"BatchJob": "was the job in {where}", "NotebookEnv": "was there for use inside the company in {where}"}
_AUTHOR = ("git.author", "git.committer")


def show(found: Sequence[Past], console: Console, reader: str | None = None) -> None:
    """Print what was deployed in the words of `reader`, by default of each stack's team."""
    if not console.is_terminal:
        console.width = max(console.width, _WIDE)
    if reader == PRODUCT_MANAGER:
        for past in found:
            for line in sentences(past):
                console.print(Text(line), soft_wrap=True)
        return
    console.print(Group(*(_block(past, reader or past.persona) for past in found)))


def dumps(found: Sequence[Past]) -> str:
    """The same as JSON, every time in UTC."""
    return json.dumps([_facts(past) for past in found], indent=2, default=moment_text)


# A table


def _block(past: Past, reader: str) -> RenderableType:
    head = Text(past.stack, style="bold")
    head.append(f"  {past.environment}, as deployed by {when(past.at, now())}", style="dim")
    parts: list[RenderableType] = [head]
    if past.note:
        parts.append(Padding(Text(past.note, style="dim"), _INDENT, expand=False))
    if past.update and past.update.failed:
        parts.append(Padding(Text(_failed(past.update), style="yellow"), _INDENT, expand=False))
    if past.served:
        table = Table.grid(padding=(0, 2))
        for _ in range(5):
            table.add_column(overflow="fold")
        for served in past.served:
            table.add_row("", *_cells(served, reader))
        parts.append(table)
        for served in past.served:
            line = f"{served.workload}: {'; '.join(_record(served.fact, reader))}"
            parts.append(Padding(Text(line, style="dim"), _INDENT, expand=False))
    for problem in past.problems:
        parts += [Padding(Text(line, style="red"), _INDENT, expand=False) for line in str(problem).splitlines()]
    return Group(*parts)


def _failed(update: Update) -> str:
    return (
        f"the {update.kind} of {when(update.ended, now())} failed: "
        "what it was to bring may be there in part, and what was there before may have served on"
    )


def _cells(served: Served, reader: str) -> list[Text]:
    """A row: name, what it is, what served at which share, since when and by which update."""
    fact = served.fact
    what = nouns().get(reader, {}).get(fact.component, fact.component)
    return [
        Text(served.workload, style="bold"),
        Text(what, style="cyan"),
        Text(_tracks(fact, reader) + (f" (before: {_tracks(served.before, reader)})" if served.before else "")),
        Text(_since(served), style="dim"),
    ]


def _tracks(fact: Fact, reader: str) -> str:
    if len(fact.shares) < 2:
        return _artifact(fact, fact.named, reader)
    return ", ".join(f"{share.share:g}% {_artifact(share, share.named, reader)}" for share in fact.shares)


def _artifact(of: Fact | Share, named: str | None, reader: str) -> str:
    image, model = of.image or "", of.model or ""
    version = image if reader == PLATFORM else _version(image, named)
    return f"{model} on {version}" if model and reader != "app-developer" else version


def _version(image: str, named: str | None) -> str:
    """As people say it: a pin's image has a digest alone, and the name that it was promoted by has the version."""
    return version_of(named if named and "@" in image and not named.startswith("models:/") else image)


def _since(served: Served) -> str:
    since = served.since
    if since is None:
        return f"since before the last {LOOKED} updates"
    return f"since {when(since.ended, now(), short=True)}, update {since.version}{_by(since)}"


def _by(update: Update) -> str:
    """Whose commit was deployed, as the engine noted it."""
    author = next((update.environment[word] for word in _AUTHOR if update.environment.get(word)), "")
    head = update.environment.get("git.head", "")[:8]
    return f" of commit {head} by {author}" if author and head else ""


def _record(fact: Fact, reader: str) -> Iterator[str]:
    """What the pin's record says to this reader."""
    if fact.api and reader in ("app-developer", PLATFORM):
        yield f"API {', '.join(fact.api)}"
    if not fact.released:
        yield "no release: what the team's file said"
        return
    if fact.named and (reader == PLATFORM or fact.model):
        yield f"as {fact.named}"
    if fact.source:
        yield f"from {fact.source}"
    if fact.by:
        yield f"promoted by {fact.by}"
    if fact.commit and reader == PLATFORM:
        yield f"commit {fact.commit[:8]}"
    if fact.incident:
        yield f"for {fact.incident}"
    if fact.pull_request:
        yield fact.pull_request


# Sentences


def sentences(past: Past) -> Iterator[str]:
    """What a product manager reads of a stack."""
    team, where, on = past.team or past.stack, past.environment or past.stack, when(past.at, now())
    if past.problems:
        yield f"Nothing is known of what {team} had in {where} on {on}. Whoever works on it can find out why."
        return
    if not past.served:
        yield f"{team} had nothing in {where} on {on}: {past.note}."
        return
    for served in past.served:
        yield _sentence(served, where, on)
    if past.update and past.update.failed:
        yield f"The last change before that failed: some of it may not have reached {where}."


def _sentence(served: Served, where: str, on: str) -> str:
    fact = served.fact
    how = _SENTENCES.get(fact.component, "served in {where}").format(where=where)
    tracks = [f"{_said(share, share.named or fact.named)}" for share in fact.shares] or [_said(fact, fact.named)]
    what = (
        tracks[0]
        if len(tracks) == 1
        else " and ".join(
            f"{name} for {share.share:g}% of requests" for name, share in zip(tracks, fact.shares, strict=True)
        )
    )
    if served.since and served.since.failed:
        before = f"from {_said(served.before, served.before.named)} " if served.before else ""
        failed = when(served.since.ended, now())
        return f"On {on}, {served.workload} in {where} was to change {before}to {what}, and that failed on {failed}."
    since = f", since {when(served.since.ended, now())}" if served.since else ""
    incident = f", for incident {fact.incident}" if fact.incident else ""
    return f"On {on}, {served.workload} {how}: {what}{since}{incident}."


def _said(of: Fact | Share, named: str | None) -> str:
    version = f"version {_version(of.image or '', named)}"
    return f"{model_words(of.model)}, {version}" if of.model else version


# JSON


def _facts(past: Past) -> Mapping[str, Any]:
    return {
        "stack": past.stack,
        "team": past.team,
        "environment": past.environment,
        "persona": past.persona,
        "at": past.at,
        "update": _update(past.update),
        "note": past.note,
        "problems": [str(problem) for problem in past.problems],
        "workloads": [
            {
                "workload": served.workload,
                **served.fact.model_dump(mode="json"),
                "since": _update(served.since),
                "before": served.before and served.before.model_dump(mode="json"),
            }
            for served in past.served
        ],
    }


def _update(update: Update | None) -> Mapping[str, Any] | None:
    if update is None:
        return None
    facts = {word: getattr(update, word) for word in ("version", "kind", "result", "started", "ended")}
    git = {word: update.environment.get(f"git.{word}") for word in ("head", "author")}
    return {**facts, "commit": git["head"], "author": git["author"]}
