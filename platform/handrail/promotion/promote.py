"""A promotion: an artifact, the gates of where it goes, the approvals that it needs, and then the pin."""

from __future__ import annotations

from collections.abc import Mapping

from handrail.components._definition import Prepared
from handrail.core.clock import now
from handrail.core.errors import DocumentError, Problem
from handrail.core.project import Project
from handrail.personas._stack import StackPlan
from handrail.promotion import apis
from handrail.promotion.artifact import Artifact, Asked, artifact_for
from handrail.promotion.effect import changes
from handrail.promotion.gates import Judged, broken_by, judged, over_quota
from handrail.promotion.outcome import Outcome, Record, approvals_of, recorded, write
from handrail.promotion.pins import WHOLE, of_canary, pinned, same, told
from handrail.promotion.places import Place, place_in, places_of, present
from handrail.promotion.resolvers import Resolvers
from handrail.promotion.words import Words
from handrail.releases import Pin, Release
from handrail.releases.writer import Releases

WITH_TRAFFIC = ("ScalableService", "GpuInferenceEndpoint")
"""The components that answer requests, of which a share can go to a canary."""


def promote(
    project: Project,
    name: str,
    to: str,
    *,
    asked: Asked = Asked(),  # noqa: B008  frozen
    weight: int | None = None,
    record: Record = Record(),  # noqa: B008  frozen
    resolvers: Resolvers = Resolvers(),  # noqa: B008
    reader: str | None = None,
) -> Outcome:
    """Pin what a workload is to run in an environment.

    Args:
        name: the workload, or team/workload.
        to: the environment.
        asked: what is promoted beyond what the files say.
        weight: the share of requests in per cent, 0 to 99, that it gets as a canary; None or 100: it replaces the
            release, and a canary becomes it.
        reader: whose words to speak; default: those of the team's file.

    Raises:
        HandrailError: it cannot be promoted, or a gate is shut; nothing is written.
    """
    places = places_of(project, name)
    target = place_in(places, to, "--to")
    releases = target.releases()
    current = releases.get(target.workload)
    artifact = _artifact(places, target, current, asked, weight, resolvers)
    _check_weight(target, current, artifact, weight)
    return apply(target, releases, artifact, weight, record, resolvers, reader=reader)


def _artifact(
    places: Mapping[str, Place], target: Place, current: Release | None, asked: Asked, weight: int | None,
    resolvers: Resolvers,
) -> Artifact:  # fmt: skip
    """What is promoted; with a canary there, a weight is about the canary."""
    canary = current.canary if current else None
    if canary and weight is not None and not asked.anything:
        return Artifact(of_canary(canary), apis.copy_of(target, canary, resolvers.digest))
    artifact = artifact_for(places, target, asked, resolvers)
    if canary is None or same(artifact.pin, canary):
        return artifact
    command = f"handrail promote {target.workload} --to {target.environment} --weight 100"
    raise DocumentError(
        Problem(
            f"{target.environment} has a canary of another artifact", target.address,
            given=told(artifact.pin), allowed=f"{told(canary)}, the canary's",
            remedy=f"finish the canary ({command}) or set it aside (handrail rollback {target.workload} "
            f"--in {target.environment}), then promote this",
        )
    )  # fmt: skip


def _check_weight(target: Place, current: Release | None, artifact: Artifact, weight: int | None) -> None:
    if weight is None or weight == WHOLE:
        return
    definition = target.definition()
    without = f"handrail promote {target.workload} --to {target.environment}, without --weight"
    if definition and definition.name not in WITH_TRAFFIC:
        message = "is run, not called: there are no requests of which a canary could get a share"
        raise DocumentError(Problem(message, target.address, given=f"--weight {weight}", remedy=without))
    if current is None or not current.pins:
        message = f"has no release in {target.environment} for a canary to stand beside"
        raise DocumentError(Problem(message, target.address, given=f"--weight {weight}", remedy=without))
    if current.canary is None and same(artifact.pin, current):
        message = f"is released in {target.environment} already: a canary beside itself tells nothing"
        raise DocumentError(Problem(message, target.address, given=f"--weight {weight}", remedy="leave it as it is"))


def apply(
    target: Place,
    releases: Releases,
    artifact: Artifact,
    weight: int | None,
    record: Record,
    resolvers: Resolvers,
    *,
    reader: str | None = None,
) -> Outcome:
    """Run the gates on an artifact in an environment, and pin it; what takes requests away from a canary, they allow.

    Args:
        releases: the target's, as they are.

    Raises:
        HandrailError: a gate is shut, or somebody else changed the release meanwhile; nothing is written.
    """
    current = releases.get(target.workload)
    words = Words(target, reader)
    if current and _stands(current, artifact.pin, weight):
        return Outcome(target, words.unchanged(current), current, current)
    pin = recorded(target, artifact.pin, record)
    release, after, prepared = _planned(target, releases, pin, weight)
    before = present(target, releases)
    if _takes_away(current, weight):
        verdict = judged(prepared)
    else:
        problems = [*_other_version(target, prepared, pin), *over_quota(before, after)]
        served = apis.copy_of(target, current, resolvers.digest)
        broken = broken_by(target, current, pin.api, served, artifact.document, resolvers)
        verdict = judged(prepared, broken, problems)
        verdict.refuse()
    release = _with_gates(release, pin, verdict)
    file = write(target, current, release, [artifact.document] if artifact.document else [], resolvers)
    return Outcome(
        target, words.promoted(current, release, weight), current, release, file, verdict,
        approvals_of(target, record), changes(before, after), (*artifact.notes, *_ended(current, release)),
    )  # fmt: skip


def _planned(target: Place, releases: Releases, pin: Pin, weight: int | None) -> tuple[Release, StackPlan, Prepared]:
    """The release with the pin in it, and the stack and the workload as they would be with it."""
    current = releases.get(target.workload)
    draft = pinned(current, pin, weight)
    plan, prepared = target.planned({**releases, target.workload: draft})
    # which older API versions are kept is for the team's file to say, and the plan has read it
    release = pinned(current, pin, weight, _kept(prepared))
    if release != draft:
        plan, prepared = target.planned({**releases, target.workload: release})
    return release, plan, prepared


def _takes_away(current: Release | None, weight: int | None) -> bool:
    """Whether nothing changes but that a canary gets fewer requests: no gate keeps them on it."""
    canary = current.canary if current else None
    return canary is not None and weight is not None and weight < canary.weight


def _stands(current: Release, pin: Pin, weight: int | None) -> bool:
    """Whether it is as asked for already."""
    if weight is None or weight == WHOLE:
        return current.canary is None and same(current, pin)
    return current.canary is not None and same(current.canary, pin) and current.canary.weight == weight


def _with_gates(release: Release, pin: Pin, verdict: Judged) -> Release:
    update = {"gates": verdict.gates}
    if release.canary and release.canary.at == pin.at:
        return release.model_copy(update={"canary": release.canary.model_copy(update=update)})
    return release.model_copy(update=update)


def _kept(prepared: Prepared) -> frozenset[str]:
    """The older API versions that the team's file goes on serving today."""
    api = getattr(prepared.workload.spec, "api", None)
    ends = getattr(api, "previous", None) or {}
    return frozenset(version for version, end in ends.items() if now().date() <= end)


def _other_version(target: Place, prepared: Prepared, pin: Pin) -> list[Problem]:
    """An artifact that was released as another version of its API than the file now says."""
    api = getattr(prepared.workload.spec, "api", None)
    if pin.source is None or pin.api is None or (api and api.version == pin.api.version):
        return []
    return [
        Problem(
            "was released as another version of its API than workloads.yaml says now", f"{target.workload}.api.version",
            given=pin.api.version, allowed=api.version if api else "no api",
            remedy=f"handrail promote {target.workload} --to {pin.source}, and on from there",
        )
    ]  # fmt: skip


def _ended(before: Release | None, after: Release) -> tuple[str, ...]:
    """The API versions that are served no more."""
    served = {*after.previous, *([after.api.version] if after.api else [])}
    was = {*before.previous, *([before.api.version] if before.api else [])} if before else set()
    return tuple(
        f"{version} of its API is served no more: api.previous in workloads.yaml keeps a version until a day"
        for version in sorted(was - served)
    )
