"""Rules that need more than CEL over one resource; a standard names one as `python`."""

from collections.abc import Mapping

from handrail.standards.rules import alerts, apis, aws, ml, pod_security, serving, workspaces
from handrail.standards.rules._breach import Breach, Rule

RULES: Mapping[str, Rule] = {
    "api_compatible": apis.api_compatible,
    "aws_public_policies": aws.public_policies,
    "disruption": serving.disruption,
    "endpoint_authenticated": ml.endpoint_authenticated,
    "iam_wildcards": aws.wildcards,
    "job_freshness_alert": alerts.job_freshness_alert,
    "network": serving.network,
    "notebook_signed_in": ml.notebook_signed_in,
    "objectives": alerts.objectives,
    "pod_security": pod_security.restricted,
    "replicas": serving.replicas,
    "s3_block_beside": aws.s3_block_beside,
    "s3_encrypted": aws.s3_encrypted,
    "spread": serving.spread,
    "workspace_default_deny": workspaces.workspace_default_deny,
    "workspace_limit_range": workspaces.workspace_limit_range,
    "workspace_quota": workspaces.workspace_quota,
}
"""By the word that a standard names."""
ALONE = frozenset({"aws_public_policies", "iam_wildcards", "pod_security"})
"""Those that look at one resource at a time, so that a door which sees one at a time can ask them."""
COMPARING = frozenset({"api_compatible"})
"""Those that compare with what is released, so that a promotion alone can ask them."""

__all__ = ["ALONE", "COMPARING", "RULES", "Breach", "Rule"]
