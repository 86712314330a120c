"""For a team's own tests: its stacks planned and checked, without an engine, a cluster or a credential.

@pytest.mark.parametrize("stack", stacks(ROOT))
def test_every_stack_plans_clean(stack):
    assert plan(ROOT, stack).prepared
"""

from __future__ import annotations

from pathlib import Path

from handrail.core.project import Project
from handrail.personas._stack import StackPlan, plan_stack

__all__ = ["StackPlan", "plan", "stacks"]


def stacks(root: Path) -> list[str]:
    """The names of a project's stacks."""
    return Project.find(root).stacks()


def plan(root: Path, stack: str) -> StackPlan:
    """A stack of the project in `root`: every workload validated, planned and judged.

    Raises:
        HandrailError: every problem of its files and plans; its text says where and what to do.
    """
    project = Project.find(root)
    return plan_stack(project.stack(stack).config, root=project.root, stack=stack)
