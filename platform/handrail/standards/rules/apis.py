"""Rules about the API of a workload, compared with the one that is served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach

_NAME = ("metadata", "name")


def api_compatible(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """What a promotion breaks of the API that the target environment serves."""
    if evidence.breaks is None:
        for subject in about:
            yield Breach(subject, _NAME, "is compared when it is promoted", Verdict.NOT_APPLICABLE)
        return
    for broken in evidence.breaks:
        yield Breach(about[0], _NAME, broken)
