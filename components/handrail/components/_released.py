"""What a release says in place of a workload's settings, and what of it is wrong: told at the releases file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from handrail.core.documents import dotted, load
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.models import problems_of
from handrail.organisation import Context, Requirement
from handrail.releases import Pin, Release, releases_file

if TYPE_CHECKING:
    from handrail.components._definition import Definition, Found, Workload

_LONGEST = 63  # of a Service's name
CANARY = "canary"
"""The track of the next release, beside the stable one."""


def file_of(context: Context) -> str:
    """The releases file of the stack's team and environment."""
    return releases_file(context.environment, context.team)


def tracks(release: Release) -> Iterator[tuple[str, tuple[str, ...], Pin]]:
    """What a release runs beside itself: the track, the path of its pin below the workload's name, the pin."""
    if release.canary:
        yield CANARY, (CANARY,), release.canary
    for version, pin in release.previous.items():
        yield version, ("previous", version), pin


def pins_of(definition: Definition[Any], name: str, context: Context, release: Release | None) -> dict[str, str]:
    """What a release says in place of the arguments.

    Raises:
        DocumentError: it, its canary or a previous version pins what the component does not have, or nothing.
    """
    if release is None:
        return {}
    wrong = [
        _told(context, name, (*path, word), Problem(
            f"is no setting of a {definition.name}", given=pin.pins[word], remedy="take it out"
        ))
        for path, pin in [((), release), *((path, pin) for _, path, pin in tracks(release))]
        for word in pin.pins
        if word not in definition.spec.model_fields
    ]  # fmt: skip
    wrong += [
        _told(context, name, path, Problem("pins nothing", remedy="write its image, or take it out"))
        for _, path, pin in tracks(release)
        if not pin.pins
    ]
    if wrong:
        raise DocumentError(wrong)
    return release.pins


def no_tracks(workload: Workload[Any]) -> Found:
    """A component that runs one release at a time."""
    for _, path, _ in tracks(workload.release):
        yield (
            path,
            Problem(
                "cannot be: a run is of the one release or of the other, never of both",
                remedy=f"handrail promote {workload.name} --to {workload.context.environment}, without --weight",
            ),
        )


def check_release(definition: Definition[Any], workload: Workload[Any], args: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the tracks of a release: in themselves, or as settings of the component.

    Args:
        args: the arguments of the stable release.
    """
    found = list(definition.check_release(workload))
    if not found:
        for track, path, pin in tracks(workload.release):
            found += [
                ((*path, *below), problem) for below, problem in _as_settings(definition, workload, track, pin, args)
            ]
    return [_told(workload.context, workload.name, path, problem) for path, problem in found]


def _as_settings(
    definition: Definition[Any], workload: Workload[Any], track: str, pin: Pin, args: Mapping[str, Any]
) -> Found:
    if len(f"{workload.name}-{track}") > _LONGEST:
        yield (), Problem(f"would be deployed as {workload.name}-{track}, which is longer than {_LONGEST} characters")
    try:
        spec = definition.spec.model_validate({**args, **pin.pins})
    except ValidationError as error:
        for problem in problems_of(error, definition.spec, args):
            yield (problem.path,), problem
        return
    yield from definition.check(replace(workload, spec=spec, track=track))


def _told(context: Context, name: str, path: tuple[str | int, ...], problem: Problem) -> Problem:
    return replace(problem, path=dotted((name, *path)), where=_where(context, (name, *path)))


def _where(context: Context, path: tuple[str | int, ...]) -> Position:
    """The line of the releases file; its first where a caller gave a release that no file has."""
    file, shown = context.root / file_of(context), file_of(context)
    return load(file, shown_as=shown).where(path) if file.is_file() else Position(shown, 1)


def unreleased(
    definition: Definition[Any], name: str, context: Context, releases: Mapping[str, Release]
) -> Iterator[Problem]:
    """A workload without a release where its environment requires one; what has no artifact of its own needs none."""
    if context.settings.releases is not Requirement.REQUIRED or "image" not in definition.spec.model_fields:
        return
    if name not in releases or not releases[name].pins:
        yield Problem(
            f"has no release in {context.environment}, which deploys nothing else", name,
            Position(file_of(context), 1), remedy=f"handrail promote {name} --to {context.environment}",
        )  # fmt: skip


def taken_names(releases: Mapping[str, Release], names: list[str], context: Context) -> Iterator[Problem]:
    """Tracks whose objects would bear the name of another workload of the team."""
    for name, release in releases.items():
        for track, path, _ in tracks(release):
            if f"{name}-{track}" in names:
                yield _told(context, name, path, Problem(
                    f"would be deployed as {name}-{track}, which is a workload of the file",
                    remedy=f"rename the workload {name}-{track}",
                ))  # fmt: skip
