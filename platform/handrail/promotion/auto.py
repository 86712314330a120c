"""`--weight auto`: a canary's share, moved as Prometheus allows."""

from __future__ import annotations

from handrail.core.errors import DocumentError, Problem
from handrail.core.project import Project
from handrail.promotion import apis, records
from handrail.promotion.artifact import Artifact
from handrail.promotion.metrics import Prometheus, measure, steps_of
from handrail.promotion.outcome import Outcome, Record
from handrail.promotion.pins import of_canary, same, told
from handrail.promotion.places import Place, place_in, places_of
from handrail.promotion.promote import apply
from handrail.promotion.resolvers import Resolvers
from handrail.promotion.weights import decide_weight
from handrail.releases import Canary


def promote_by_metrics(
    project: Project,
    name: str,
    to: str,
    *,
    prometheus: str | None = None,
    record: Record = Record(),  # noqa: B008  frozen
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
    workload = target.planned(releases)[1].workload
    evidence = measure(workload, Prometheus(address))
    decision = decide_weight(canary, evidence, steps=steps_of(workload), was=_once(target, canary))
    if decision.weight == canary.weight:
        sentence = f"{target.address} in {to}: the canary {told(canary)} stays at {canary.weight}%"
        return Outcome(target, sentence, current, current, notes=decision.reasons)
    document = apis.copy_of(target, canary, resolvers.digest) if decision.weight else None
    artifact = Artifact(of_canary(canary), document, decision.reasons)
    return apply(target, releases, artifact, decision.weight, record, resolvers, reader=reader)


def _once(target: Place, canary: Canary) -> int | None:
    """The larger share that the same canary had in git's history; None: it had none."""
    weights = (
        each.release.canary.weight
        for each in records.history(target)
        if each.release.canary and same(each.release.canary, canary)
    )
    return next((weight for weight in weights if weight > canary.weight), None)
