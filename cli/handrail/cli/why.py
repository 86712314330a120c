"""`handrail why`: where each setting of a workload came from, or why a standard says what it says of it."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli._options import As, Cwd, Json, Stack

What = Annotated[
    str,
    typer.Argument(
        help="A workload, as checkout, or team/workload; or a finding, as finding/two-replicas/checkout.",
        metavar="NAME",
    ),
]


def why(name: What, stack: Stack = None, persona: As = None, json: Json = False, cwd: Cwd = None) -> None:
    """Say why a workload is as it is: each setting, its value, and the line, the default or the reason behind it. Of a
    finding: what the standard asks and why, what each environment has instead, what to do, who may waive it."""
    from handrail.core.project import Project

    if name.startswith("finding/"):
        from handrail.check import why_finding

        answer = why_finding.why_finding(Project.find(cwd), name, stack, persona)
        if json:
            print(why_finding.dumps(answer))
            return
        from rich.console import Console

        why_finding.show(answer, Console())
        return
    from handrail.personas._find import find_workload
    from handrail.preview import provenance

    plan, prepared = find_workload(Project.find(cwd), name, stack)
    if json:
        print(provenance.dumps(plan, prepared))
        return
    from rich.console import Console

    provenance.show(plan, prepared, Console(), persona)
