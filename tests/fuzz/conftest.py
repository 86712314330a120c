"""One seed for a whole run, printed before it begins: HANDRAIL_SEED repeats a run."""

import os
import secrets

from e2e.conftest import acme_copy, engine, engine_environment, project, pulumi_home
from e2e.spine.conftest import deployed

__all__ = ["acme_copy", "deployed", "engine", "engine_environment", "project", "pulumi_home"]

SEED = int(os.environ.setdefault("HANDRAIL_SEED", str(secrets.randbelow(2**32))))
KILLS = int(os.environ.get("HANDRAIL_KILLS", "50"))
EXAMPLES = int(os.environ.get("HANDRAIL_EXAMPLES", "20000"))


def pytest_report_header() -> str:
    """What to set to run the same again."""
    return f"fuzz: HANDRAIL_SEED={SEED} HANDRAIL_KILLS={KILLS} HANDRAIL_EXAMPLES={EXAMPLES}"
