"""A rollback: what git's history says was pinned before, pinned again; no registry is asked."""

from __future__ import annotations

from collections.abc import Iterable

from handrail.core.errors import DocumentError, HandrailError, Problem
from handrail.core.project import Project
from handrail.promotion import apis, records
from handrail.promotion.effect import changes
from handrail.promotion.gates import Broken, broken_by, judged, over_quota
from handrail.promotion.outcome import Outcome, Record, approvals_of, recorded, write
from handrail.promotion.pins import artifact_of, same, told, without_canary
from handrail.promotion.places import Place, place_in, places_of, present
from handrail.promotion.resolvers import Resolvers
from handrail.releases import Pin, Release


def rollback(
    project: Project,
    name: str,
    environment: str,
    *,
    to_commit: str | None = None,
    record: Record = Record(),  # noqa: B008  frozen
    resolvers: Resolvers = Resolvers(),  # noqa: B008
) -> Outcome:
    """Pin again what a workload ran before; a canary is set aside instead, where there is one.

    Args:
        to_commit: the commit whose release is to be; default: the release before the present one.
        record: with an incident, a required standard that the old release violates does not keep it.

    Raises:
        HandrailError: there is nothing to go back to, or a gate is shut; nothing is written.
    """
    place = place_in(places_of(project, name), environment, "--in")
    current = place.releases().get(place.workload)
    if current is None or not current.pins:
        remedy = f"handrail promote {place.workload} --to {environment}"
        raise DocumentError(Problem(f"has no release in {environment} to go back from", place.address, remedy=remedy))
    if current.canary and to_commit is None:
        return _set_aside(place, current, record, resolvers)
    entry = records.at_commit(place, to_commit) if to_commit else _before(place, current)
    if same(entry.release, current) and current.canary is None:
        return Outcome(
            place, f"{place.address} runs {told(current)} in {environment} already: nothing changes", current, current
        )
    return _back(place, current, entry, record, resolvers)


def _set_aside(place: Place, current: Release, record: Record, resolvers: Resolvers) -> Outcome:
    """The release alone, without a canary: nothing new is to be judged."""
    assert current.canary
    releases = place.releases()
    release = without_canary(current)
    if record.incident:
        release = release.model_copy(update={"incident": record.incident})
    before = present(place, releases)
    after, prepared = place.planned({**releases, place.workload: release})
    file = write(place, current, release, [], resolvers)
    aside = f"the canary {told(current.canary)} is set aside; {told(release)} gets all requests"
    return Outcome(
        place, f"{place.address} in {place.environment}: {aside}", current, release, file,
        judged(prepared), approvals_of(place, record), changes(before, after),
    )  # fmt: skip


def _before(place: Place, current: Release) -> records.Entry:
    """The newest release in git's history that is another one."""
    found = next((entry for entry in records.history(place) if not same(entry.release, current)), None)
    if found is None:
        remedy = "name the commit that has it, with --to-commit; a shallow clone has no history (git fetch --unshallow)"
        raise DocumentError(
            Problem(f"git knows no release before {told(current)} in {place.environment}", place.address, remedy=remedy)
        )
    return found


def _back(place: Place, current: Release, entry: records.Entry, record: Record, resolvers: Resolvers) -> Outcome:
    documents = list(records.documents_at(place, entry.commit))
    pin, document, notes = _pin_of(place, entry, record, documents, resolvers)
    release = Release(**{word: getattr(pin, word) for word in Pin.model_fields}, previous=entry.release.previous)
    releases = place.releases()
    before = present(place, releases)
    after, prepared = place.planned({**releases, place.workload: release})
    broken, not_compared = _broken(place, current, pin, document, resolvers)
    verdict = judged(prepared, broken, over_quota(before, after))
    if record.incident:
        verdict = verdict.despite(record.incident)
        refusing = sorted({each.standard for each in prepared.findings if each.refuses})
        notes += [f"`up` refuses it until a waiver stands in waivers.yaml: {', '.join(refusing)}"] if refusing else []
    verdict.refuse()
    release = release.model_copy(update={"gates": verdict.gates})
    file = write(place, current, release, documents, resolvers)
    return Outcome(
        place, f"{place.address} in {place.environment} goes back to {told(release)}, from {told(current)}",
        current, release, file, verdict, approvals_of(place, record), changes(before, after),
        (*notes, *not_compared),
    )  # fmt: skip


def _pin_of(
    place: Place, entry: records.Entry, record: Record, documents: Iterable[bytes], resolvers: Resolvers
) -> tuple[Pin, bytes | None, list[str]]:
    """What was pinned, recorded as of now; the document of its API; what is to be told of it."""
    old, notes = entry.release, [f"as it was in {entry.commit[:12]}"]
    document = apis.among(documents, old.api.openapi, resolvers.digest) if old.api and old.api.openapi else None
    pin = recorded(place, Pin(**artifact_of(old)), record)
    if old.api and old.api.openapi and document is None:
        pin = pin.model_copy(update={"api": old.api.model_copy(update={"openapi": None})})
        notes.append("its OpenAPI document is not in that commit: the next promotion has none to compare with")
    return pin, document, notes


def _broken(
    place: Place, current: Release, pin: Pin, document: bytes | None, resolvers: Resolvers
) -> tuple[Broken | None, tuple[str, ...]]:
    """What going back breaks of the API; where it cannot be compared that is told, and keeps nobody from going back."""
    try:
        present = apis.copy_of(place, current, resolvers.digest)
        return broken_by(place, current, pin.api, present, document, resolvers), ()
    except HandrailError as error:
        return None, (f"its API was not compared: {error.problems[0].message}",)
