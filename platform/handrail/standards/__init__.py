"""What a plan must satisfy before it is registered: strict schemas, and standards with their verdicts.

schemas        every planned resource against the schema of its kind
judge          every planned resource against the standards
pod_security   the restricted Pod Security Standard
"""

from handrail.standards._catalogue import KUBERNETES as KUBERNETES_VERSION
from handrail.standards.findings import Finding, Severity, Verdict
from handrail.standards.judge import judge, refuse
from handrail.standards.schemas import problems, validate

CONTRACT_VERSION = "1"
"""The version of the standards that what is deployed was judged by; it stands in the label handrail.dev/contract."""

__all__ = [
    "CONTRACT_VERSION",
    "KUBERNETES_VERSION",
    "Finding",
    "Severity",
    "Verdict",
    "judge",
    "problems",
    "refuse",
    "validate",
]
