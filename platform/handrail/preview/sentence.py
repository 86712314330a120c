"""What changes of a workload, in one sentence, in the words of its people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from handrail.personas._persona import personas
from handrail.preview.report import Change, FieldChange, ResourceChange, cut

_MOST_PHRASES = 6
_WORDS: Mapping[str, str] = {
    "scale.min": "fewest replicas", "scale.max": "most replicas", "scale.cpu": "scales at CPU use",
    "scale.queue": "scales at a queue of", "api.version": "API version", "cpu": "CPU", "cpu_limit": "CPU limit",
    "health": "health check", "objective.availability": "availability objective",
    "objective.latency_p95": "p95 latency objective", "objective.latency_p99": "p99 latency objective",
}  # fmt: skip
"""Settings that people call otherwise than by their path."""
_FIELDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"(?:initC|c)ontainers\[([^]]+)\]\.image$", "image"),
        (r"^spec\.maxReplicas$", "most replicas"),
        (r"^spec\.minReplicas$", "fewest replicas"),
        (r"^spec\.replicas$", "replicas"),
        (r"^spec\.schedule$", "schedule"),
        (r"\.env\[([^]]+)\]\.value$", "env {}"),
        (r"^spec\.ports\[[^]]+\]\.port$", "port"),
    )
)
"""Fields of resources that people speak of, where there are no settings: in a program of their own."""


def settings_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """The settings that differ, a mapping's entry by entry."""
    old, new = (dict(_flat(each)) for each in (before, after))
    return [
        FieldChange(path=cut(path, 300), before=_text(old.get(path)), after=_text(new.get(path)))
        for path in {**old, **new}
        if old.get(path) != new.get(path)
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for path, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{path}.")
        elif value not in (None, []):
            yield f"{prefix}{path}", value


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return cut("[" + ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value) + "]", 300)
    return None if value is None else cut(str(value), 300)


def sentence(
    name: str, persona: str, settings: Sequence[FieldChange], resources: Sequence[ResourceChange], noise: int = 0
) -> str:
    """What changes of a workload that was there and still is.

    Args:
        name: the workload's.
        persona: whose words.
        settings: those that differ.
        resources: those that differ.
        noise: how many resources differ in nothing but the contract's version.
    """
    phrases = [_phrase(_WORDS.get(each.path, _spoken(each.path)), each) for each in settings]
    phrases = phrases or [*dict.fromkeys(_of_fields(resources))]
    if not phrases or all(each.change is not Change.UPDATE for each in resources):
        phrases += _of_parts(name, persona, resources)
    if noise and not phrases:
        phrases = [f"the version of the contract on {_counted(noise, 'resource')}"]
    return cut(", ".join(_some(phrases)) or "what does not show in a field")


def of_new(settings: Mapping[str, Any], resources: int) -> str:
    """Of a workload that is new."""
    flat = dict(_flat(settings))
    told = [f"{word} {_short(str(flat[word]))}" for word in ("image", "model", "port", "schedule") if word in flat]
    return cut("new: " + ", ".join([*told, _counted(resources, "resource")]))


def of_gone(resources: int) -> str:
    """Of a workload that is removed."""
    return f"removed, with its {_counted(resources, 'resource')}"


def _some(phrases: list[str]) -> list[str]:
    more = len(phrases) - _MOST_PHRASES
    return [*phrases[:_MOST_PHRASES], f"{more} more"] if more > 1 else phrases


def _spoken(path: str) -> str:
    head, _, rest = path.partition(".")
    # the names below env and secrets are people's own
    return f"{head} {rest}" if head in ("env", "secrets", "parameters") else path.replace(".", " ").replace("_", " ")


def _phrase(word: str, change: FieldChange) -> str:
    if change.before is None or change.after is None:
        verb, value = ("adds", change.after) if change.before is None else ("drops", change.before)
        return f"{verb} {word} {_short((value or '').strip('[]'))}"
    if change.before[:1] == change.after[:1] == "[":  # a list: what came and what went
        old, new = (text.strip("[]").split(", ") for text in (change.before, change.after))
        marks = [f"+{_short(each)}" for each in new if each not in old]
        marks += [f"-{_short(each)}" for each in old if each not in new]
        return f"{word} {' '.join(marks) or 'in another order'}"
    return f"{word} {' → '.join(_pair(change.before, change.after))}"


def _pair(before: str, after: str) -> tuple[str, str]:
    """Two values without what both begin with, where they are two versions of one thing."""
    if _repository(before) == _repository(after) and "/" in before:
        rest = len(_repository(before)) + 1
        return _short(before[rest:]), _short(after[rest:])
    return _short(before), _short(after)


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    return name[: name.rfind(":")] if ":" in name.rpartition("/")[2] else name


def _short(text: str) -> str:
    return cut(re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1…", text), 80)


def _of_fields(resources: Iterable[ResourceChange]) -> Iterator[str]:
    for resource in resources:
        for change in resource.fields:
            for pattern, word in _FIELDS:
                if found := pattern.search(change.path):
                    yield _phrase(word.format(*found.groups()), change)


def _of_parts(name: str, persona: str, resources: Iterable[ResourceChange]) -> Iterator[str]:
    """What it is made of and what happens to that: in the persona's words, or kind by kind."""
    known = personas().get(persona)
    verbs = {Change.CREATE: "adds", Change.UPDATE: "changes", Change.REPLACE: "replaces", Change.DELETE: "removes"}
    for change, verb in verbs.items():
        parts = []
        for each in resources:
            if each.change is change:
                role = each.name.removeprefix(f"{name}-")
                parts.append(known.parts.get(role, "") if known else each.type.rpartition(":")[2])
        told, other = list(dict.fromkeys(filter(None, parts))), parts.count("")
        if other:
            told.append(f"{other} more" if told else f"{_counted(other, 'part')} of the platform's")
        if told:
            yield f"{verb} {' and '.join([', '.join(told[:-1]), told[-1]] if told[1:] else told)}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
