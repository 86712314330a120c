"""A workload by its name, among all stacks of a project."""

from __future__ import annotations

from collections.abc import Iterable

from handrail.components._definition import Prepared
from handrail.core.errors import DocumentError, HandrailError, Problem
from handrail.core.models import nearest
from handrail.core.project import Project
from handrail.personas._stack import StackPlan, is_plain, plan_stack


def find_workload(project: Project, name: str, stack: str | None = None) -> tuple[StackPlan, Prepared]:
    """The stack that a workload is in, planned, and the workload; of several environments, the first.

    Args:
        name: the workload's, or `team/workload` where two teams have the name.
        stack: the stack to look in; default: all.

    Raises:
        HandrailError: no stack has it, several teams have it, or the stack that may have it cannot be planned.
    """
    return find_workloads(project, name, stack)[0]


def find_workloads(
    project: Project, name: str, stack: str | None = None, *, refuses: bool = True, released: bool = True
) -> list[tuple[StackPlan, Prepared]]:
    """Every stack that a workload is in, planned, and the workload, in the order of environments.

    Args:
        name: the workload's, or `team/workload` where two teams have the name.
        stack: the stack to look in; default: all.
        refuses: whether a stack that violates a standard counts as one that cannot be planned.
        released: whether one that lacks a release which its environment requires does.

    Raises:
        HandrailError: no stack has it, several teams have it, or the stack that may have it cannot be planned.
    """
    if not is_plain(project.program):
        raise DocumentError(
            Problem(
                "the project's program is its own, so no file says what each workload is",
                given=str(project.program),
                remedy="`handrail preview STACK` records it and shows what it registers",
            )
        )
    team, _, workload = name.rpartition("/")
    found: list[tuple[StackPlan, Prepared]] = []
    known: set[str] = set()
    failed: list[Problem] = []
    for candidate in [stack] if stack else project.stacks():
        try:
            plan = plan_stack(
                project.stack(candidate).config, root=project.root, stack=candidate,
                refuses=refuses, released=released,
            )  # fmt: skip
        except HandrailError as error:
            failed += error.problems
            continue
        known |= {prepared.name for prepared in plan.prepared if plan.file}
        found += [(plan, each) for each in plan.prepared if each.name == workload and team in ("", plan.context.team)]
    if not found:
        if failed:
            raise HandrailError(failed)
        raise DocumentError(missing(name, known, stack))
    check_one_team(workload, (plan.context.team for plan, _ in found))
    order = list(found[0][0].context.organisation.environments)
    return sorted(found, key=lambda each: order.index(each[0].context.environment))


def missing(name: str, known: Iterable[str], stack: str | None = None) -> Problem:
    """No stack, or not the one that was named, has a workload; `known` are those that there are."""
    near = nearest(name.rpartition("/")[2], known := sorted(known))
    return Problem(
        f"no workload {name} in {stack or 'any stack of this project'}",
        allowed=", ".join(known) or None,
        remedy=f"did you mean {near}?" if near else None,
    )


def check_one_team(workload: str, teams: Iterable[str]) -> None:
    """Raises DocumentError where several teams have a workload of one name."""
    owners = sorted(set(teams))
    if len(owners) > 1:
        remedy = "write " + " or ".join(f"{owner}/{workload}" for owner in owners)
        raise DocumentError(
            Problem(f"several teams have a workload {workload}", allowed=", ".join(owners), remedy=remedy)
        )
