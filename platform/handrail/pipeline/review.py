"""A pull request's own job: what it would change, and what the standards say of it, into files and a summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from handrail.check.formats import FORMATS
from handrail.check.sources import check_all
from handrail.core.project import Project
from handrail.preview.compare import compare
from handrail.preview.rendering import FORMATS as COMPARISONS

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a review is written to.

    Args:
        report: the comparison, as JSON; the one thing that another job reads.
        summary: the same as Markdown, added to what is there.
        junit: the findings, for a forge that shows test reports; None: nowhere.
    """

    report: Path
    summary: Path
    junit: Path | None = None


def review(project: Project, base: str, outputs: Outputs, form: str, say: Say) -> bool:
    """Compare with `base`, judge by its contract, and write both down.

    Args:
        base: the revision that it would be merged into.
        form: the format of what is said of the findings, as `github`.

    Returns:
        whether nothing is refused.

    Raises:
        HandrailError: the revision is none, or nothing can be compared.
    """
    report = compare(project, base)
    outputs.report.write_text(COMPARISONS["json"](report), "utf-8")
    with outputs.summary.open("a", encoding="utf-8") as summary:
        summary.write(COMPARISONS["markdown"](report) + "\n")
    checked = check_all((), start=project.root, base=base)
    say(FORMATS[form](checked))
    if outputs.junit:
        outputs.junit.write_text(FORMATS["junit"](checked), "utf-8")
    return not checked.refuses()
