"""Rules about the alerts that stand beside a workload: who is told, and of what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handrail.core.resources import Token
from handrail.standards._fields import EACH, read, read_one
from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach

_RULES = ("spec", "groups", EACH, "rules", EACH)
_NAME = ("metadata", "name")
_SUCCESS = "kube_cronjob_status_last_successful_time"
# a range of a selector, or a window in the name of a recorded ratio, as Sloth and Handrail write it
_WINDOW = re.compile(r"(?:\[|rate)(\d+[smhdwy])\b")
_LATER = "decided at up, when it is known"


def job_freshness_alert(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Scheduled jobs whose last success nothing is told of."""
    alerts, unclear = _alerts(evidence)
    for job in about:
        path, suspended = read_one(job.resource.inputs, ("spec", "suspend"))
        name = read_one(job.plain, _NAME)[1]
        if isinstance(suspended, Token):
            yield Breach(job, path, f"whether {name} is suspended is {_LATER}", Verdict.UNKNOWN)
        elif suspended is not True and not any(
            _SUCCESS in alert and "time()" in alert and f'"{name}"' in alert for alert in alerts
        ):
            yield _missing(job, f"no alert tells when {name} has not succeeded for too long", unclear)


def objectives(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Workloads that answer requests and have no alert on the rate at which they use up their error budget."""
    alerts, unclear = _alerts(evidence)
    if not any(len(set(_WINDOW.findall(alert))) > 1 for alert in alerts):
        for each in about:
            name = read_one(each.plain, _NAME)[1]
            yield _missing(each, f"no alert compares two windows of the errors of {name}", unclear)


def _alerts(evidence: Evidence) -> tuple[list[str], bool]:
    """The expressions of a workload's alerts, and whether one of them is not known yet."""
    found, unclear = [], False
    for subject in evidence.of("PrometheusRule"):
        for _, rule in read(subject.resource.inputs, _RULES):
            told = rule.get("expr") if isinstance(rule, Mapping) and rule.get("alert") else rule
            unclear |= isinstance(told, Token)
            found += [told] if isinstance(told, str) else []
    return found, unclear


def _missing(subject: Subject, said: str, unclear: bool) -> Breach:
    if unclear:
        return Breach(subject, _NAME, f"whether {said} is {_LATER}", Verdict.UNKNOWN)
    return Breach(subject, _NAME, said)
