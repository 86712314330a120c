"""How far each workload keeps the contract: of the verdicts on it, how many are kept, waived, advised, refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.table import Table

from handrail.check.contract_text import scores
from handrail.check.model import Checked
from handrail.core.project import Project
from handrail.personas._stack import plan_stack
from handrail.standards import Verdict, contract_of, verdicts

Scores = dict[tuple[str, str, str], Counter[str]]
"""By team, workload and stack: how many standards were kept, and how many not, by what follows."""


def scorecard(project: Project, stacks: Iterable[str]) -> Scores:
    """The scores of every workload of some stacks.

    Raises:
        HandrailError: every problem of their files and plans.
    """
    found: Scores = {}
    for stack in stacks:
        plan = plan_stack(project.stack(stack).config, root=project.root, stack=stack, refuses=False)
        for prepared in plan.prepared:
            context = prepared.workload.context
            states: dict[str, str] = {}
            for finding in verdicts(prepared.plan.resources, contract_of(context)):
                state = "kept" if finding.verdict is Verdict.COMPLIANT else str(Checked(finding, stack).state)
                # of several verdicts of one standard, what is not kept counts
                states[finding.standard] = (
                    state if states.get(finding.standard, "kept") == "kept" else states[finding.standard]
                )
            found[context.team, prepared.name, stack] = Counter(states.values())
    return found


def table(found: Scores) -> Table:
    """For a terminal."""
    made = Table("team", "workload", "stack", "standards kept", "not kept", box=None, pad_edge=False)
    for row in scores(found):
        made.add_row(*row)
    return made


def markdown(found: Scores) -> str:
    """For a page or a pull request."""
    head = ["| team | workload | stack | standards kept | not kept |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in scores(found))])
