"""Where a workload runs: the stacks of its team, one for each environment, in the order that a promotion takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.components._catalogue import definitions
from handrail.components._definition import Definition, Prepared
from handrail.core.documents import load
from handrail.core.errors import DocumentError, HandrailError, Problem
from handrail.core.models import unknown_word
from handrail.core.project import Project
from handrail.organisation import Context, read_context
from handrail.personas._find import check_one_team, missing
from handrail.personas._persona import personas
from handrail.personas._stack import StackPlan, is_plain, plan_stack
from handrail.releases import Release, read_releases


@dataclass(frozen=True, slots=True)
class Place:
    """One workload in one environment.

    Args:
        config: the stack's.
        context: what the stack is deployed into.
        workload: the workload's name.
    """

    config: Mapping[str, str]
    context: Context
    workload: str

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.context.environment

    @property
    def root(self) -> Path:
        """The directory of Pulumi.yaml."""
        return self.context.root

    @property
    def file(self) -> Path:
        """The team's workloads.yaml."""
        return self.root / (self.config.get("handrail:workloads") or "workloads.yaml")

    @property
    def address(self) -> str:
        """As payments/checkout."""
        return f"{self.context.team}/{self.workload}"

    def releases(self) -> dict[str, Release]:
        """What is pinned for the team here now; raises DocumentError."""
        return read_releases(self.root, self.environment, self.context.team)

    def definition(self) -> Definition[Any] | None:
        """The component that the team's file makes it; None where the file does not tell."""
        data = load(self.file).data
        persona = personas().get(str(data.get("persona"))) if isinstance(data, Mapping) else None
        for word, section in persona.sections.items() if persona else ():
            if isinstance(data.get(word), Mapping) and self.workload in data[word]:
                return definitions()[section.component]
        return None

    def planned(self, releases: Mapping[str, Release]) -> tuple[StackPlan, Prepared]:
        """The stack as it would be with these releases, and the workload in it; findings are told, not raised.

        Raises:
            HandrailError: every problem of the team's file, of a release, or of a plan.
        """
        plan = plan_stack(
            self.config, root=self.root, stack=self.context.stack, refuses=False, releases=releases, released=False
        )
        return plan, next(each for each in plan.prepared if each.name == self.workload)


def present(place: Place, releases: Mapping[str, Release]) -> StackPlan | None:
    """The stack as it is planned now; None: it cannot be, which a change of its releases may mend."""
    try:
        return place.planned(releases)[0]
    except HandrailError:
        return None


def places_of(project: Project, name: str) -> dict[str, Place]:
    """The environments that have a workload, in the order of promotion.

    Args:
        name: the workload's, or `team/workload` where two teams have the name.

    Raises:
        HandrailError: no team's file has it, several have it, or the file that may have it cannot be read.
    """
    if not is_plain(project.program):
        raise DocumentError(
            Problem(
                "the project's program is its own, so no file says what each workload is",
                given=str(project.program),
                remedy="write the pin into releases/<environment>/<team>.yaml, and have it reviewed",
            )
        )
    team, _, workload = name.rpartition("/")
    found: list[Place] = []
    known: dict[str, None] = {}
    failed: list[Problem] = []
    for stack in project.stacks():
        config = project.stack(stack).config
        try:
            place = Place(config, read_context(config, root=project.root, stack=stack), workload)
            names = [] if place.context.is_platform else names_in(load(place.file).data)
        except HandrailError as error:
            failed += error.problems
            continue
        known |= dict.fromkeys(names)
        if workload in names and team in ("", place.context.team):
            found.append(place)
    if not found:
        raise DocumentError(failed or missing(name, known))
    check_one_team(workload, (place.context.team for place in found))
    by_environment = {place.environment: place for place in found}
    return {each: by_environment[each] for each in found[0].context.organisation.environments if each in by_environment}


def place_in(places: Mapping[str, Place], environment: str, option: str) -> Place:
    """The place of an environment.

    Args:
        option: what named it, as `--to`.

    Raises:
        DocumentError: the organisation has no such environment, or the team no stack there.
    """
    if environment in places:
        return places[environment]
    any_place = next(iter(places.values()))
    environments = any_place.context.organisation.environments
    if environment not in environments:
        raise DocumentError(unknown_word(environment, environments, option, None, noun="environment"))
    team = any_place.context.team
    raise DocumentError(
        Problem(
            f"team {team} has no stack in {environment}", option, given=environment, allowed=", ".join(places),
            remedy=f"add a stack's config, Pulumi.{team}-{environment}.yaml",
        )
    )  # fmt: skip


def names_in(data: Any) -> list[str]:
    """The names of the workloads in a workloads.yaml, however wrong the rest of it is."""
    sections = data.values() if isinstance(data, Mapping) else ()
    return [name for section in sections if isinstance(section, Mapping) for name in section]
