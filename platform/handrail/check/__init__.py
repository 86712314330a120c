"""The judge on anything: manifests, saved previews, stacks; and what it found in the formats of CI systems."""

from handrail.check.baseline import Baseline, read_baseline
from handrail.check.model import Checked, Report
from handrail.check.sources import check_all

__all__ = ["Baseline", "Checked", "Report", "check_all", "read_baseline"]
