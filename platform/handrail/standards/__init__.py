"""What a plan must satisfy before it is registered: strict schemas, and standards with their verdicts.

schemas      every planned resource against the schema of its kind
clause       a standard as its owner writes it
catalogue    the standards of an organisation
contract     what holds in one environment, waivers included
judge        every planned resource against the contract
"""

from handrail.standards._kinds import KUBERNETES as KUBERNETES_VERSION
from handrail.standards.catalogue import VERSION as CONTRACT_VERSION
from handrail.standards.contract import Contract, contract_of
from handrail.standards.findings import Finding, Severity, Verdict
from handrail.standards.judge import judge, refuse, verdicts
from handrail.standards.schemas import problems, validate

__all__ = [
    "CONTRACT_VERSION",
    "KUBERNETES_VERSION",
    "Contract",
    "Finding",
    "Severity",
    "Verdict",
    "contract_of",
    "judge",
    "problems",
    "refuse",
    "validate",
    "verdicts",
]
