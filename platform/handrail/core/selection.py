"""Which stacks of a project a command is about: by name or glob, by environment, by team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from handrail.core.errors import DocumentError, Problem
from handrail.core.models import nearest
from handrail.core.project import Project

PLATFORM = "platform"
BACKEND_VARIABLE = "PULUMI_BACKEND_URL"


@dataclass(frozen=True, slots=True)
class Target:
    """A stack that was selected, and what its config and its organisation say of it.

    Args:
        backend: the address of the state backend that its environment has; empty where it names none.
        organization: in Pulumi Cloud, who owns the stack.
        live: whether it is deployed to a cluster, where somebody may have changed it by hand.
    """

    stack: str
    team: str
    environment: str
    backend: str = ""
    organization: str = ""
    live: bool = False

    @property
    def wave(self) -> int:
        """When it is deployed: the platform team's stacks first, for the others stand on them."""
        return 0 if self.team == PLATFORM else 1


def select(
    project: Project, patterns: Iterable[str] = (), *, environment: str | None = None, team: str | None = None
) -> tuple[Target, ...]:
    """The selected stacks, in the order of their waves.

    Args:
        patterns: names, or globs as `*-dev`; none: every stack that has a config file.
        environment, team: only stacks of it.

    Raises:
        DocumentError: something was asked for that selects no stack.
    """
    known = project.stacks()
    names: dict[str, None] = {}
    problems = []
    for pattern in patterns:
        pattern = pattern.rpartition("/")[2]
        found = [name for name in known if fnmatchcase(name, pattern)]
        if not found:
            near = nearest(pattern, known)
            problems.append(
                Problem(
                    f"no stack {pattern}",
                    allowed=", ".join(known) or None,
                    remedy=f"did you mean {near}?"
                    if near
                    else "a stack has a config file, as Pulumi.payments-dev.yaml",
                )
            )
        names |= dict.fromkeys(found)
    if problems:
        raise DocumentError(problems)
    targets = [_target(project, name) for name in names or known]
    chosen = [target for target in targets if environment in (None, target.environment) and team in (None, target.team)]
    if not chosen:
        raise DocumentError(_nothing(targets, environment, team))
    return tuple(sorted(chosen, key=lambda target: target.wave))


def _target(project: Project, name: str) -> Target:
    config = project.stack(name).config
    return Target(name, config.get("handrail:team", ""), config.get("handrail:environment", ""))


def _nothing(targets: list[Target], environment: str | None, team: str | None) -> list[Problem]:
    asked = (
        ("is in environment", environment, {target.environment for target in targets}),
        ("is of team", team, {target.team for target in targets}),
    )
    problems = [
        Problem(f"no stack {which} {value}", allowed=", ".join(sorted(filter(None, there))))
        for which, value, there in asked
        if value is not None and value not in there
    ]
    return problems or [Problem(f"no stack of team {team} is in {environment}")]
