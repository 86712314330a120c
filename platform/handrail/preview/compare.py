"""The comparison of two revisions of a project: `handrail preview --base REF`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from handrail.core.errors import HandrailError
from handrail.core.project import Project, project_file
from handrail.core.revisions import is_versioned, merge_base, present, top_of, worktree
from handrail.core.selection import select
from handrail.organisation.load import FILE as ORGANISATION
from handrail.preview import environments
from handrail.preview.judged import Judge, judge_of
from handrail.preview.planned import Planned
from handrail.preview.planning import Plans, Side, plan
from handrail.preview.report import (
    MOST_DIFF,
    MOST_FILES,
    MOST_ITEMS,
    MOST_STACKS,
    WORKING_TREE,
    BudgetChange,
    ContractChange,
    Reached,
    Report,
    StackChange,
    cut,
)
from handrail.preview.stack_change import Compared, compared
from handrail.preview.totals import budgets
from handrail.standards.base import Change, changes

_MOST_TOLD = 3000  # workloads of all stacks


@dataclass(frozen=True, slots=True)
class Revisions:
    """Both revisions of a project.

    Args:
        now: the project as it stands.
        top: the top of its repository.
        place: the base's worktree.
        commit: the base.
    """

    now: Project
    top: Path
    place: Path
    commit: str

    @property
    def root(self) -> Path:
        """Where the project was."""
        return self.then(self.now.root)

    def before(self) -> Project | None:
        """The project as it was; None where it was not there; raises DocumentError where its Pulumi.yaml was none."""
        file = project_file(self.root) if self.root.is_dir() else None
        return Project.read(file) if file and file.parent == self.root else None

    def then(self, path: Path) -> Path:
        """Where something of the repository was."""
        return self.place / path.resolve().relative_to(self.top)

    def since(self, path: Path) -> Path:
        """Where something of the base's worktree is now; what is not of it is where it is."""
        return self.top / path.relative_to(self.place) if path.is_relative_to(self.place) else path


def compare(
    project: Project,
    base: str,
    patterns: Iterable[str] = (),
    *,
    environment: str | None = None,
    team: str | None = None,
    persona: str | None = None,
) -> Report:
    """What differs between the commit at which a revision and the present one parted, and the working tree.

    Args:
        base: a revision, as `origin/main`.
        patterns: names or globs of stacks; none: all that either of the two has.
        environment, team: only stacks of it.
        persona: in whose words; default: those of each stack's file.

    Raises:
        HandrailError: there is no such revision, or nothing is selected.
    """
    wanted = tuple(patterns)
    top = top_of(project.root)
    commit = merge_base(base, project.root)
    head = present(project.root) or WORKING_TREE
    with worktree(commit, top) as place:
        revisions = Revisions(project, top, place, commit)
        try:
            before, fault = revisions.before(), []
        except HandrailError as error:
            said = str(error).replace(f"{place}/", "")
            before, fault = None, [f"the base revision, so that all looks new: {said}"]
        names = _selected([project, *([before] if before else [])], wanted, environment, team)
        plans = plan(list(_sides(revisions, before, names)))
        olds, news = (each.stacks for each in plans)
        places = _organisations(revisions, olds, news)
        judges = {then: _judge(then) for then, _ in places.values()}
        found = [compared(olds.get(name), news.get(name), judges[places[name][0]], persona) for name in places]
        contract = list(_contract(commit, places.values()))
        budget = () if wanted or environment or team else tuple(budgets(found))
    return _report(commit, head, found, contract, [*fault, *_remarks(plans, judges.values())], budget)


def _selected(
    projects: Sequence[Project], patterns: Sequence[str], environment: str | None, team: str | None
) -> tuple[str, ...]:
    """The stacks that any of the two has and that are asked for; raises DocumentError where there is none."""
    known = {name: each for each in reversed(projects) for name in each.stacks()}  # as it is, before as it was
    short = [pattern.rpartition("/")[2] for pattern in patterns]
    for pattern in short:
        if not any(fnmatchcase(name, pattern) for name in known):
            select(projects[0], [pattern])  # says so
    chosen = (name for name in sorted(known) if not short or any(fnmatchcase(name, pattern) for pattern in short))
    kept = tuple(name for name in chosen if _is_of(known[name], name, environment, team))
    if not kept:
        select(projects[0], patterns, environment=environment, team=team)
    return kept


def _is_of(project: Project, stack: str, environment: str | None, team: str | None) -> bool:
    """Whether a stack is of an environment and a team; one that cannot be read is of any."""
    try:
        config = project.stack(stack).config
    except HandrailError:
        return True
    return all(
        wanted in (None, config.get(f"handrail:{key}"))
        for key, wanted in (("environment", environment), ("team", team))
    )


def _sides(revisions: Revisions, before: Project | None, names: Sequence[str]) -> Iterator[Side]:
    """Both revisions, as they are planned."""
    head, top, place = revisions.now, revisions.top, revisions.place
    present, here = environments.present(head.python), Path.cwd().resolve()
    here = here if here.is_relative_to(top) else top
    there = revisions.then(here)
    own = environments.of_base(revisions.root, place, head.root, present, revisions.commit) if before else present
    yield Side(
        "base", revisions.root, there if there.is_dir() else place,
        tuple(name for name in names if before and name in before.stacks()), own,
        tuple(environments.mapped(top, place)),
    )  # fmt: skip
    yield Side("head", head.root, here, tuple(name for name in names if name in head.stacks()), present)


def _organisations(
    revisions: Revisions, olds: Mapping[str, Planned], news: Mapping[str, Planned]
) -> dict[str, tuple[Path | None, Path | None]]:
    """Each stack's organisation as it was, by which it is judged, and as it is."""
    was, now = (
        {name: Path(each.organisation) for name, each in stacks.items() if each.organisation} for stacks in (olds, news)
    )
    known = {now[name]: was[name] for name in now if name in was}
    found: dict[str, tuple[Path | None, Path | None]] = {}
    for name in {**olds, **news}:
        old, new = was.get(name), now.get(name)
        if old is None and new is not None:
            old = known.get(new) or _then(revisions, new)
        found[name] = (old, new or (revisions.since(old) if old else None))
    return found


def _then(revisions: Revisions, directory: Path) -> Path:
    """Where an organisation that no stack of the base had was; what no repository has, as a package, is where it is."""
    inside = directory.resolve().is_relative_to(revisions.top) and is_versioned(directory)
    return revisions.then(directory) if inside else directory


def _judge(directory: Path | None) -> Judge:
    if directory is not None and not (directory / ORGANISATION).is_file():
        return Judge(fault="the base revision has no organisation there: its first one is reviewed by people")
    return judge_of(directory)


def _contract(commit: str, places: Iterable[tuple[Path | None, Path | None]]) -> Iterator[Change]:
    """What differs in the organisations."""
    for then, now in dict.fromkeys(places):
        if then and now and then != now:
            yield from changes(commit[:12], then, now)


def _remarks(plans: Iterable[Plans], judges: Iterable[Judge]) -> list[str]:
    faults = [f"standards, waivers, cost and quota: {judge.fault}" for judge in judges if judge.fault]
    return [*(remark for each in plans for remark in each.remarks), *faults]


def _report(
    commit: str, head: str, found: Sequence[Compared], contract: Sequence[Change], remarks: Sequence[str],
    budget: Sequence[BudgetChange],
) -> Report:  # fmt: skip
    stacks = _bounded(sorted((each.change for each in found if each.change), key=_badness))
    unseen = list(
        dict.fromkeys([*remarks, *(f"{each.known.stack}: {text}" for each in found for text in each.known.unseen)])
    )
    return Report(
        base=commit, head=head, complete=not unseen and not any(each.error for each in stacks),
        unseen=tuple(cut(text) for text in unseen[:MOST_ITEMS]), more_unseen=max(0, len(unseen) - MOST_ITEMS),
        unknowns=sum(each.unknowns for each in found),
        contract_changes=tuple(
            ContractChange(file=cut(each.file, 300), diff=cut(each.diff, MOST_DIFF)) for each in contract[:MOST_FILES]
        ),
        more_contract_changes=max(0, len(contract) - MOST_FILES),
        stacks=tuple(stacks[:MOST_STACKS]), more_stacks=max(0, len(stacks) - MOST_STACKS),
        unchanged_stacks=len(found) - len(stacks), unchanged=sum(each.unchanged for each in found),
        budgets=tuple(budget)[:MOST_ITEMS], reach=_reach(stacks, contract),
    )  # fmt: skip


def _bounded(stacks: Iterable[StackChange]) -> list[StackChange]:
    """The stacks with so many workloads altogether as a report may hold; the others are counted."""
    left, found = _MOST_TOLD, []
    for stack in stacks:
        kept = stack.workloads[:left]
        left -= len(kept)
        more = stack.more_workloads + len(stack.workloads) - len(kept)
        found.append(stack.model_copy(update={"workloads": kept, "more_workloads": more}))
    return found


def _badness(stack: StackChange) -> tuple[bool, int, int, str]:
    """What cannot be told comes first, then what is worst."""
    appear = sum(len(each.findings_appear) for each in stack.workloads)
    return (not stack.error, -stack.risk.severity, -appear, stack.stack)


def _reach(stacks: Sequence[StackChange], contract: Sequence[Change]) -> tuple[Reached, ...]:
    """Every stack that a change of the platform's reaches: one of the organisation, or one that is no single team's."""
    if not contract and len({each.team for each in stacks}) < 2:
        return ()
    return tuple(
        Reached(stack=each.stack, risk=each.risk, workloads=len(each.workloads) + each.more_workloads)
        for each in stacks[:MOST_STACKS]
    )
