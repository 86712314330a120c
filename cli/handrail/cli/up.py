"""`handrail up`: deploy stacks with the Pulumi engine."""

from __future__ import annotations

from handrail.cli._options import Cwd, Environment, Matrix, Parallel, SkipPreview, Stacks, Team, Yes
from handrail.cli._stacks import deploy


def up(
    stacks: Stacks = None,
    environment: Environment = None,
    team: Team = None,
    yes: Yes = False,
    skip_preview: SkipPreview = False,
    matrix: Matrix = False,
    parallel: Parallel = None,
    cwd: Cwd = None,
) -> None:
    """Deploy stacks with the Pulumi engine, several at once; for one, `pulumi up -s STACK` does the same."""
    deploy(
        "up", stacks, environment, team,
        yes=yes, skip_preview=skip_preview, matrix=matrix, parallel=parallel, cwd=cwd,
    )  # fmt: skip
