"""Who and what there is: environments, clusters, teams, accelerators, prices; and the Context of a stack."""

from handrail.organisation.context import Context, namespace_of, read_context
from handrail.organisation.load import RESERVED_TEAM, find_organisation, load_organisation, locate
from handrail.organisation.model import (
    Accelerator,
    Capability,
    NotebookProfile,
    Organisation,
    RequestMetrics,
    Requirement,
    Team,
    Tier,
)

__all__ = [
    "RESERVED_TEAM",
    "Accelerator",
    "Capability",
    "Context",
    "NotebookProfile",
    "Organisation",
    "RequestMetrics",
    "Requirement",
    "Team",
    "Tier",
    "find_organisation",
    "load_organisation",
    "locate",
    "namespace_of",
    "read_context",
]
