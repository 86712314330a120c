"""A promotion: an artifact, the gates of where it goes, the approvals that it needs, and then the pin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from handrail.components._definition import Prepared
from handrail.core.clock import now
from handrail.core.errors import DocumentError, Problem
from handrail.core.project import Project
from handrail.personas._persona import nouns
from handrail.promotion import apis, records
from handrail.promotion.approvals import Approvals, Approved, counted
from handrail.promotion.artifact import Artifact, Asked, artifact_for
from handrail.promotion.effect import Changed, changes
from handrail.promotion.gates import Judged, broken_by, judged, over_quota
from handrail.promotion.pins import WHOLE, artifact_of, pinned, same, told
from handrail.promotion.places import Place, place_in, places_of, present
from handrail.promotion.resolvers import Resolvers
from handrail.promotion.weights import Prometheus, decide_weight, measure, steps_of
from handrail.releases import Canary, Pin, Release
from handrail.releases.writer import Edit, Releases, edit_releases
from handrail.standards import CONTRACT_VERSION

WITH_TRAFFIC = ("ScalableService", "GpuInferenceEndpoint")
"""The components that answer requests, of which a share can go to a canary."""


@dataclass(frozen=True, slots=True)
class Record:
    """Who wants what recorded of a promotion.

    Args:
        incident: what it answers.
        pull_request: what brings it.
        approvals: the forge's word on who approved it.
        approved_by: who is said to have.
    """

    incident: str | None = None
    pull_request: str | None = None
    approvals: Approvals | None = None
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a promotion or a rollback did.

    Args:
        place: of which workload, and where.
        sentence: what it did, in the words of its reader.
        before, after: the release as it was and as it is.
        file: where the pin is, below the directory of Pulumi.yaml; None: nothing was written.
        judged: what the gates said; None: nothing changed.
        approved: how it stands with approvals.
        changes: what differs in the target's stack.
        notes: what else is to be known.
    """

    place: Place
    sentence: str
    before: Release | None
    after: Release | None
    file: str | None = None
    judged: Judged | None = None
    approved: Approved | None = None
    changes: tuple[Changed, ...] = ()
    notes: tuple[str, ...] = ()


def promote(
    project: Project,
    name: str,
    to: str,
    *,
    asked: Asked = Asked(),  # noqa: B008  frozen
    weight: int | None = None,
    record: Record = Record(),
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
    current = target.releases().get(target.workload)
    artifact = _artifact(places, target, current, asked, weight, resolvers)
    _check_weight(target, current, artifact, weight)
    return apply(target, artifact, weight, record, resolvers, reader=reader)


def promote_by_metrics(
    project: Project,
    name: str,
    to: str,
    *,
    prometheus: str | None = None,
    record: Record = Record(),
    resolvers: Resolvers = Resolvers(),  # noqa: B008
    reader: str | None = None,
) -> Outcome:
    """Give a canary the share of requests that its objective's metrics allow; or none, where they say that it fails.

    Args:
        prometheus: the address of the query API; default: the organisation's.

    Raises:
        HandrailError: there is no canary, nobody can be asked, or a gate is shut.
    """
    target = place_in(places_of(project, name), to, "--to")
    releases = target.releases()
    current = releases.get(target.workload)
    canary = current.canary if current else None
    if canary is None or current is None:
        remedy = f"handrail promote {target.workload} --to {to} --weight 0 starts one that gets no requests yet"
        message = f"has no canary in {to} whose weight could be moved"
        raise DocumentError(Problem(message, target.address, given="--weight auto", remedy=remedy))
    address = prometheus or target.context.organisation.telemetry.prometheus
    if address is None:
        remedy = "name it with --prometheus, or have telemetry.prometheus written"
        raise DocumentError(Problem("the organisation names no Prometheus", "--prometheus", remedy=remedy))
    before = next((each.release.canary for each in records.history(target) if _was_higher(each.release, canary)), None)
    workload = target.planned(releases)[1].workload
    evidence = measure(workload, Prometheus(address))
    decision = decide_weight(canary, evidence, steps=steps_of(workload), was=before.weight if before else None)
    known = {"pull_request": canary.pull_request, "incident": canary.incident}
    artifact = Artifact(
        Pin(**artifact_of(canary), **known), apis.copy_of(target, canary, resolvers.digest), decision.reasons
    )
    if decision.weight == canary.weight:
        sentence = f"{target.address} in {to}: the canary {told(canary)} stays at {canary.weight}%"
        return Outcome(target, sentence, current, current, notes=decision.reasons)
    return apply(target, artifact, decision.weight, record, resolvers, reader=reader, refuses=decision.weight != 0)


def _was_higher(release: Release, canary: Canary) -> bool:
    """Whether the same canary once had a larger share."""
    return release.canary is not None and same(release.canary, canary) and release.canary.weight > canary.weight


def _artifact(
    places: Mapping[str, Place], target: Place, current: Release | None, asked: Asked, weight: int | None,
    resolvers: Resolvers,
) -> Artifact:  # fmt: skip
    """What is promoted; with a canary there, a weight is about the canary."""
    canary = current.canary if current else None
    if canary and weight is not None and not asked.anything:
        known = {"pull_request": canary.pull_request, "incident": canary.incident}
        return Artifact(Pin(**artifact_of(canary), **known), apis.copy_of(target, canary, resolvers.digest))
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
    artifact: Artifact,
    weight: int | None,
    record: Record,
    resolvers: Resolvers,
    *,
    reader: str | None = None,
    refuses: bool = True,
) -> Outcome:
    """Run the gates on an artifact in an environment, and pin it.

    Args:
        refuses: whether a shut gate ends it; what takes requests away from a canary goes on.

    Raises:
        HandrailError: a gate is shut; nothing is written.
    """
    releases = target.releases()
    current = releases.get(target.workload)
    words = _Words(target, reader)
    if current and _stands(current, artifact.pin, weight):
        return Outcome(target, words.unchanged(current), current, current)
    pin = _recorded(target, artifact.pin, record)
    # the spec is of the file, whatever is pinned: a first look at it tells which API versions it keeps
    draft = pinned(current, pin, weight)
    before_plan = present(target, releases)
    draft_plan, prepared = target.planned({**releases, target.workload: draft})
    release = pinned(current, pin, weight, _kept(prepared))
    after_plan, prepared = (
        (draft_plan, prepared) if release == draft else target.planned({**releases, target.workload: release})
    )
    before_api = apis.copy_of(target, current, resolvers.digest)
    found = broken_by(target, current, pin.api, before_api, artifact.document, resolvers)
    verdict = judged(prepared, found, [*_other_version(target, prepared, pin), *over_quota(before_plan, after_plan)])
    if refuses:
        verdict.refuse()
    release = _with_gates(release, pin, verdict)
    approved = approvals_of(target, record)
    file = write(target, current, release, artifact.document, resolvers)
    return Outcome(
        target, words.promoted(current, release, weight), current, release, file, verdict, approved,
        tuple(changes(before_plan, after_plan)), (*artifact.notes, *_ended(current, release)),
    )  # fmt: skip


def _stands(current: Release, pin: Pin, weight: int | None) -> bool:
    """Whether it is as asked for already."""
    if weight is None or weight == WHOLE:
        return current.canary is None and same(current, pin)
    return current.canary is not None and same(current.canary, pin) and current.canary.weight == weight


def _recorded(target: Place, pin: Pin, record: Record) -> Pin:
    """The pin with who, when and why."""
    forge = record.approvals.pull_request if record.approvals else None
    return pin.model_copy(
        update={
            "by": records.who(target.root),
            "at": now().astimezone(UTC).replace(microsecond=0),
            "pull_request": record.pull_request or forge or pin.pull_request,
            "contract": CONTRACT_VERSION,
            "incident": record.incident or pin.incident,
        }
    )


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


def approvals_of(target: Place, record: Record) -> Approved:
    """How a promotion stands with the approvals that its environment asks for."""
    return counted(
        record.approvals,
        organisation=target.context.organisation,
        team=target.context.team,
        environment=target.environment,
        heads=records.heads(target.root),
        claimed=record.approved_by,
        by=records.who(target.root),
    )


def write(
    target: Place, seen: Release | None, release: Release, document: bytes | None, resolvers: Resolvers,
    more: tuple[bytes, ...] = (),
) -> str:  # fmt: skip
    """Pin a release, unless somebody else changed the workload's since it was judged; where it is.

    Raises:
        DocumentError: somebody did, or the file cannot be written.
    """

    def change(found: Releases) -> Edit:
        if found.get(target.workload) != seen:
            raise DocumentError(
                Problem(
                    f"was released into {target.environment} by somebody else meanwhile", target.address,
                    given=told(found.get(target.workload)), remedy="look at it, and try again",
                )
            )  # fmt: skip
        new, gone = apis.copies(target, release, [each for each in (document, *more) if each], resolvers.digest)
        return Edit({**found, target.workload: release}, new, gone)

    file = edit_releases(target.root, target.environment, target.context.team, change)
    return str(file.relative_to(target.root))


@dataclass(frozen=True, slots=True)
class _Words:
    """What happened, in a sentence of a reader's."""

    place: Place
    reader: str | None

    @property
    def what(self) -> str:
        """As `service checkout`."""
        definition = self.place.definition()
        mine = nouns().get(self.reader or self.place.context.owner.persona, {})
        noun = mine.get(definition.name, definition.name) if definition else "workload"
        return f"{noun} {self.place.workload}"

    def unchanged(self, current: Release) -> str:
        """Nothing was to do."""
        canary = f", with a canary of {told(current.canary)} at {current.canary.weight}%" if current.canary else ""
        return f"{self.what} runs {told(current)} in {self.place.environment} already{canary}: nothing changes"

    def promoted(self, before: Release | None, after: Release, weight: int | None) -> str:
        """It was promoted, as a whole or as a canary."""
        where = self.place.environment
        if after.canary and weight is not None and weight < WHOLE:
            moved = f", {before.canary.weight}% until now" if before and before.canary else ""
            share = f"{weight}% of the requests" if weight else "no requests yet (it runs dark)"
            return (
                f"{self.what} in {where}: the canary {told(after.canary)} gets {share}{moved}; {told(after)} the rest"
            )
        instead = f", in place of {told(before)}" if before and before.pins and not same(before, after) else ""
        source = f" from {after.source}" if after.source else ""
        return f"{self.what} in {where} becomes {told(after)}{source}{instead}"
