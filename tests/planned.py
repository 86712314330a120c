"""What tests of components share: a planned component taken apart, a context with other settings."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from handrail.components._definition import Prepared
from handrail.core.documents import load
from handrail.core.models import read
from handrail.organisation import Capability, Context, Organisation
from handrail.standards import Contract
from handrail.standards.catalogue import catalogue_of

ROOT = Path(__file__).parents[1]


@cache
def acme() -> Organisation:
    """The sample organisation."""
    return read(load(ROOT / "stacks/acme/platform/acme_platform/organisation.yaml"), Organisation)


def context_of(team: str, environment: str = "dev") -> Context:
    """A team of acme in an environment."""
    return Context(acme(), environment, team, ROOT, f"{team}-{environment}")


def only(*standards: str, environment: str = "dev") -> Contract:
    """An environment of acme in which a few standards hold, in their own tiers or not, and no waiver."""
    found = catalogue_of(acme(), None)
    tier = acme().environments[environment].tier
    return Contract(environment, tier, tuple(found[name] for name in standards))


def parts(found: Prepared) -> dict[str, Any]:
    """The inputs of each resource by its role."""
    return {r.name.removeprefix(f"{found.name}-"): r.inputs for r in found.plan.resources}


def having(context: Context, cluster: dict[str, Any] | None = None, **words: Any) -> Context:
    """`context` with other settings of its cluster and of its organisation."""
    name, acme = context.settings.cluster, context.organisation
    clusters = {**acme.clusters, name: context.cluster.model_copy(update=cluster or {})}
    return replace(context, organisation=acme.model_copy(update={"clusters": clusters, **words}))


def without(context: Context, *capabilities: Capability) -> Context:
    """`context` on a cluster that lacks `capabilities`."""
    return having(context, {"capabilities": context.cluster.capabilities - set(capabilities)})
