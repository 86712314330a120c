"""What was deployed on a day: from the facts that each deployment left in the state backend's update history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cache

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from handrail.cluster._model import NO_WORKLOADS
from handrail.components._fact import OUTPUT
from handrail.core.clock import now
from handrail.core.errors import DocumentError, HandrailError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine.history import SECRET, Update, updates
from handrail.organisation import read_context
from handrail.organisation.targets import with_organisation
from handrail.personas._stack import PLATFORM

LOOKED = 50
"""How many updates are looked through for the one that brought what was there."""
_AT_ONCE = 8


class _Known(BaseModel):
    """What an earlier or a later Handrail left: a word that is not known here is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Share(_Known):
    """One track of a workload, and its share in per cent."""

    track: str
    share: float
    image: str | None = None
    model: str | None = None
    named: str | None = None


class Fact(_Known):
    """What a deployment says of one workload: see `deployed` in the components."""

    component: str
    image: str | None = None
    model: str | None = None
    source: str | None = None
    named: str | None = None
    commit: str | None = None
    by: str | None = None
    at: datetime | None = None
    pull_request: str | None = None
    incident: str | None = None
    shares: tuple[Share, ...] = ()
    api: tuple[str, ...] = ()
    released: bool = False

    def serves_as(self, other: Fact | None) -> bool:
        """Whether the same artifacts serve at the same shares, whatever the record says."""
        return other is not None and self._artifacts() == other._artifacts()

    def _artifacts(self) -> tuple[object, ...]:
        tracks = tuple((each.track, each.share, each.image, each.model) for each in self.shares)
        return self.image, self.model, tracks


_FACTS = TypeAdapter(dict[str, Fact])
Facts = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Served:
    """A workload as it was deployed.

    Args:
        since: the update that brought it; None where that is further back than was looked.
        before: what there was before an update that failed, which may have served on.
    """

    workload: str
    fact: Fact
    since: Update | None = None
    before: Fact | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a stack at a moment.

    Args:
        persona: whose words its team speaks.
        update: the last one that had ended.
        note: what a reader must know first, as that the stack was not there.
    """

    stack: str
    team: str
    environment: str
    persona: str
    at: datetime
    update: Update | None = None
    served: tuple[Served, ...] = ()
    note: str = ""
    problems: tuple[Problem, ...] = ()


def moment_of(text: str) -> datetime:
    """A date, which means its end, or a date and time, in UTC unless it says its own zone.

    Raises:
        DocumentError: it is neither, or is to come.
    """
    current = now()
    try:
        day = date.fromisoformat(text)
        found = datetime.combine(day, time.max, UTC)
        begins = datetime.combine(day, time.min, UTC)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
            begins = found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            allowed = (
                "a date, as 2026-03-03 (its end, in UTC), or a date and time, as 2026-03-03T12:30 (UTC) or …+01:00"
            )
            raise DocumentError(Problem("is no moment", "--at", given=text, allowed=allowed)) from None
    if begins > current:
        told = f"a moment that is past; it is {current:%Y-%m-%dT%H:%M:%SZ}"
        raise DocumentError(Problem("is to come: nobody knows yet", "--at", given=text, allowed=told))
    return min(found, current)


def read_past(
    project: Project, targets: Sequence[Target], at: datetime, say: Callable[[str], None]
) -> tuple[Past, ...]:
    """What was deployed in each stack; what cannot be known is said in it, and nothing is raised.

    Args:
        say: told of a backend of the organisation's that does not hold.
    """
    once = cache(say)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(lambda target: _past(project, target, at, once), targets))


def _past(project: Project, target: Target, at: datetime, say: Callable[[str], None]) -> Past:
    past = Past(target.stack, target.team, target.environment, PLATFORM, at)
    try:
        context = read_context(project.stack(target.stack).config, root=project.root, stack=target.stack)
        if context.is_platform:
            return replace(past, note=NO_WORKLOADS)
        past = replace(past, persona=context.owner.persona)
        (target,) = with_organisation(project, [target], say)
        return what_served(past, updates(project, target, at))
    except HandrailError as error:
        return replace(past, problems=error.problems)


def what_served(past: Past, history: Iterator[Update]) -> Past:
    """What the newest of the updates left, each workload with the one that brought it.

    Args:
        past: the stack and the moment.
        history: the updates that had ended by then, newest first; of a long one, a part is read.
    """
    newest = next(history, None)
    if newest is None:
        return replace(past, note="no deployment of it had ended by then")
    past = replace(past, update=newest)
    try:
        facts = facts_of(newest)
    except ValueError as error:
        return replace(past, problems=(Problem(f"{OUTPUT} of update {newest.version} of {past.stack}: {error}"),))
    if facts is None:
        return replace(past, note=_nothing(newest))
    return replace(past, served=_origins(newest, facts, history), note="" if facts else "no workloads")


def _origins(newest: Update, facts: Facts, older: Iterator[Update]) -> tuple[Served, ...]:
    """Each workload with the update that brought it: the first of those, without a gap, that left it as it was."""
    found = {name: Served(name, fact, newest) for name, fact in sorted(facts.items())}
    unsure = set(facts)
    for number, update in enumerate(older, start=1):
        before = _facts_or_none(update)
        for name in sorted(unsure):
            served = found[name]
            if not served.fact.serves_as(before.get(name)):
                unsure.remove(name)
                if served.since and served.since.failed:
                    found[name] = replace(served, before=before.get(name))
            elif not update.failed or (served.since and served.since.failed):
                found[name] = replace(served, since=update)
        if not unsure or number == LOOKED:
            found |= {name: replace(found[name], since=None) for name in unsure}
            break
    return tuple(found.values())


def _facts_or_none(update: Update) -> Facts:
    try:
        return facts_of(update) or {}
    except ValueError:
        return {}


def _nothing(update: Update) -> str:
    """Why an update left no fact."""
    on = f"{update.ended:%Y-%m-%d %H:%M} UTC"
    if update.kind == "destroy" and not update.failed:
        return f"nothing was deployed: it was destroyed on {on}"
    if update.failed:
        return f"its {update.kind} of {on} failed before it told what it deployed"
    return (
        f"its deployment of {on} did not tell what it deployed ({OUTPUT}): an older Handrail, or the component plugin"
    )


def facts_of(update: Update) -> Facts | None:
    """The facts of an update; None where it left none. Raises ValueError where they are something else."""
    if OUTPUT not in update.outputs:
        return None
    if update.outputs[OUTPUT] == SECRET:
        raise ValueError("is a secret in its state, as a value in it was: it is not shown")
    try:
        return _FACTS.validate_python(update.outputs[OUTPUT])
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"cannot be read: {path or 'all of it'}: {first['msg']}") from None
