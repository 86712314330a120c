"""`handrail destroy`: remove what stacks deployed."""

from __future__ import annotations

from handrail.cli._options import Cwd, Environment, Matrix, Parallel, SkipPreview, Stacks, Team, Yes
from handrail.cli._stacks import deploy


def destroy(
    stacks: Stacks = None,
    environment: Environment = None,
    team: Team = None,
    yes: Yes = False,
    skip_preview: SkipPreview = False,
    matrix: Matrix = False,
    parallel: Parallel = None,
    cwd: Cwd = None,
) -> None:
    """Remove everything that stacks deployed; the stacks and their history stay."""
    deploy(
        "destroy", stacks, environment, team,
        yes=yes, skip_preview=skip_preview, matrix=matrix, parallel=parallel, cwd=cwd,
    )  # fmt: skip
