"""Whose standards a stack is judged by: what the pipeline says, else what the stack's own config says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.core.resources import Resource
from handrail.organisation import Organisation, load_organisation, locate
from handrail.standards.catalogue import catalogue_of
from handrail.standards.contract import Contract, contract_for
from handrail.standards.evidence import ENVIRONMENT, Subject
from handrail.standards.standard import Standard

ORGANISATION_VARIABLE = "HANDRAIL_ORGANISATION"
ENVIRONMENT_VARIABLE = "HANDRAIL_ENVIRONMENT"
NOT_NAMED = (
    "no organisation was named: judged by the catalogue as it comes, as in production; "
    f"set handrail:organisation in the stack's config, or {ORGANISATION_VARIABLE}"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose standards hold.

    Args:
        organisation, directory: None: the catalogue as it comes.
        environment: empty: what each resource's label says.
    """

    organisation: Organisation | None = None
    directory: Path | None = None
    environment: str = ""

    def standards(self) -> Mapping[str, Standard]:
        """All of them, whatever the tier. Raises DocumentError."""
        return catalogue_of(self.organisation, self.directory)

    def contract(self, resource: Resource) -> Contract:
        """What holds for a resource.

        Raises:
            DocumentError: the organisation's standards are wrong, or it has no such environment.
        """
        if self.organisation is None:
            return contract_for(None, None, "")
        return contract_for(self.organisation, self.directory, self.environment or self._labelled(resource))

    def _labelled(self, resource: Resource) -> str:
        """The environment of its label, else the last one, the strictest."""
        known = self.organisation.environments if self.organisation else {}
        label = str(Subject(resource).labels.get(ENVIRONMENT) or "")
        return label if label in known else list(known)[-1]


def choose(config: Mapping[str, str], variables: Mapping[str, str], root: Path) -> Chosen:
    """Whose standards hold: what the pipeline's variables say is not for the stack's config to change.

    Args:
        config: the stack's, `namespace:key` → text.
        root: where relative paths start, the directory of Pulumi.yaml.

    Raises:
        DocumentError: there is no such organisation, it is wrong, or it has no such environment.
    """
    reference = variables.get(ORGANISATION_VARIABLE) or config.get("handrail:organisation")
    if not reference:
        return Chosen()
    directory = locate(reference, root)
    organisation = load_organisation(directory)
    environment = variables.get(ENVIRONMENT_VARIABLE) or config.get("handrail:environment") or ""
    if environment:
        contract_for(organisation, directory, environment)  # so that a wrong name is told at once
    return Chosen(organisation, directory, environment)
