"""The Context, what a component is deployed into: organisation, team, environment; read once from a stack's config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.core.errors import DocumentError, Problem
from handrail.core.models import unknown_word
from handrail.organisation.load import RESERVED_TEAM, load_organisation, locate
from handrail.organisation.model import Cluster, Environment, Organisation, PlatformTeam, Team

KEYS = ("organisation", "team", "environment")
_EXAMPLE = """add to the stack's config:
             handrail:organisation: ./organisation
             handrail:team: payments
             handrail:environment: dev"""


@dataclass(frozen=True, slots=True)
class Context:
    """What a component is deployed into.

    Args:
        organisation: the whole organisation.
        environment: the environment's name, one of `organisation.environments`.
        team: the team's name, one of `organisation.teams`, or `platform`.
        root: the directory of the stack's Pulumi.yaml.
        stack: the Pulumi stack's name.
        directory: the organisation's own, with its standards and waivers; None: it has neither.
    """

    organisation: Organisation
    environment: str
    team: str
    root: Path
    stack: str
    directory: Path | None = None

    @property
    def settings(self) -> Environment:
        """The environment's own settings."""
        return self.organisation.environments[self.environment]

    @property
    def cluster(self) -> Cluster:
        """The cluster that the environment runs on."""
        return self.organisation.clusters[self.settings.cluster]

    @property
    def owner(self) -> Team | PlatformTeam:
        """The team's settings."""
        return self.organisation.platform if self.is_platform else self.organisation.teams[self.team]

    @property
    def is_platform(self) -> bool:
        """Whether this is the platform team's own stack."""
        return self.team == RESERVED_TEAM

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace of the team's workloads, `<team>-<environment>`."""
        return namespace_of(self.team, self.environment)


def namespace_of(team: str, environment: str) -> str:
    """The namespace of a team in an environment, so that peers are named without a look-up."""
    return f"{team}-{environment}"


def read_context(config: Mapping[str, str], *, root: Path, stack: str) -> Context:
    """The Context that a stack's config names.

    Args:
        config: `namespace:key` → text.
        root: the directory of the stack's Pulumi.yaml; relative paths start there.
        stack: the Pulumi stack's name.

    Raises:
        DocumentError: a key is missing or names nothing that the organisation has.
    """
    missing = [f"handrail:{key}" for key in KEYS if not config.get(f"handrail:{key}")]
    if missing:
        raise DocumentError(Problem(f"{', '.join(missing)} missing in the config of stack {stack}", remedy=_EXAMPLE))
    reference, team, environment = (config[f"handrail:{key}"] for key in KEYS)
    directory = locate(reference, root)
    organisation = load_organisation(directory)
    problems = [
        unknown_word(word, allowed, f"handrail:{key}", None, noun=key)
        for key, word, allowed in (
            ("team", team, [*organisation.teams, RESERVED_TEAM]),
            ("environment", environment, list(organisation.environments)),
        )
        if word not in allowed
    ]
    if problems:
        raise DocumentError(problems)
    return Context(organisation, environment, team, root, stack, directory)
