"""`handrail why`: where each setting of a workload came from."""

from __future__ import annotations

from handrail.cli._options import As, Cwd, Json, Name, Stack


def why(name: Name, stack: Stack = None, persona: As = None, json: Json = False, cwd: Cwd = None) -> None:
    """Say why a workload is as it is: each setting, its value, and the line, the default or the reason behind it."""
    from handrail.core.project import Project
    from handrail.personas._find import find_workload
    from handrail.preview import provenance

    plan, prepared = find_workload(Project.find(cwd), name, stack)
    if json:
        print(provenance.dumps(plan, prepared))
        return
    from rich.console import Console

    provenance.show(plan, prepared, Console(), persona)
