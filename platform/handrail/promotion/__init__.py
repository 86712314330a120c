"""Promotion and rollback: an immutable artifact, pinned in an environment once its gates and approvals allow."""

from handrail.promotion.artifact import Asked
from handrail.promotion.promote import Outcome, Record, promote, promote_by_metrics
from handrail.promotion.resolvers import Resolvers
from handrail.promotion.rollback import rollback

__all__ = ["Asked", "Outcome", "Record", "Resolvers", "promote", "promote_by_metrics", "rollback"]
