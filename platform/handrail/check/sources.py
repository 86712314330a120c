"""What is judged: manifests and saved previews by the environment that their labels name, stacks by their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from handrail.check.model import Checked, Report, combined
from handrail.check.origins import Origin, origins, resource_of
from handrail.check.strays import strays
from handrail.core.ahead import Ahead
from handrail.core.documents import display
from handrail.core.errors import DocumentError, HandrailError, Position, Problem
from handrail.core.files import STDIN, texts
from handrail.core.project import Project
from handrail.core.resources import Resource
from handrail.core.selection import select
from handrail.organisation import Organisation, find_organisation, load_organisation, read_context
from handrail.standards import Contract, Finding, judge
from handrail.standards._fields import read_one
from handrail.standards.base import Base, Bases, bases
from handrail.standards.contract import contract_for, contract_of
from handrail.standards.evidence import ENVIRONMENT

if TYPE_CHECKING:
    from handrail.recorder import Registration

ORGANISATION = "handrail:organisation"
"""The key of a stack's config that names the organisation."""
Judge: TypeAlias = Callable[[Iterable[Resource], Contract], Iterable[Finding]]


def check_files(
    names: Iterable[str],
    *,
    organisation: Path | None,
    environment: str | None,
    stdin: bytes = b"",
    base: Base | None = None,
    ahead: Ahead | None = None,
) -> Report:
    """What the standards say of files: Kubernetes YAML, or what `pulumi preview --json` printed.

    Args:
        names: files, folders, globs, or `-` for `stdin`.
        organisation: the directory of organisation.yaml; None: the catalogue as it comes, for production.
        environment: whose standards; default: what each resource's label says, else the last one, the strictest.
        base: the organisation by which it is judged in place of its own state now.
        ahead: the same files, being parsed.

    Raises:
        HandrailError: every file that cannot be read.
    """
    found: list[Origin] = []
    problems: list[Problem] = []
    for name in names:
        try:
            for file, text in texts(name, stdin):
                found += origins(text, file, ahead.data(text) if ahead and name != STDIN else None)
        except HandrailError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    whole = load_organisation(organisation) if organisation else None
    judges, directory = (base.organisation, base.directory) if base else (whole, organisation)
    groups: dict[str, list[Origin]] = {}
    for origin in found:
        groups.setdefault(_environment(origin, judges, environment), []).append(origin)
    checked: list[Checked] = []
    faults: dict[Problem, None] = {}
    for name, group in groups.items():
        checked += list(judged(group, contract_for(judges, directory, name)))
        if whole and name in whole.environments:
            faults |= dict.fromkeys(contract_for(whole, organisation, name).waivers.faults)
    by = _by(whole, base) if whole else "by the catalogue as it comes: no organisation was named"
    about = f"{by}, as {', '.join(sorted(groups))}" if groups else by
    return Report(tuple(checked), len(found), (), tuple(faults), about, base.changes if base else ())


def _by(organisation: Organisation, base: Base | None) -> str:
    return f"by {organisation.name}'s standards" + (f" as they were in {base.revision}" if base else "")


def check_stacks(project: Project, stacks: Iterable[str], base_of: Bases = lambda _: None) -> Iterator[Report]:
    """What the standards say of each stack of a project.

    Args:
        base_of: the organisation by which a stack is judged in place of its own's state now.

    Raises:
        HandrailError: every problem of its files, plans or program.
    """
    from handrail.personas._stack import is_plain  # components and personas: of files none is needed

    for stack in stacks:
        config = project.stack(stack).config
        plain = is_plain(project.program)
        if not plain and ORGANISATION not in config:
            yield Report(*_recorded(project, stack, contract_for(None, None, "")))
            continue
        context = read_context(config, root=project.root, stack=stack)
        base = base_of(context.directory) if context.directory else None
        own = contract_of(context)
        contract = contract_for(base.organisation, base.directory, context.environment) if base else own
        found = (_planned if plain else _recorded)(project, stack, contract)
        faults = (*own.waivers.faults, *strays(project, stack, context.directory))
        yield Report(*found, faults, _by(context.organisation, base), base.changes if base else ())


def _planned(project: Project, stack: str, contract: Contract) -> tuple[tuple[Checked, ...], int, tuple[str, ...]]:
    """Findings, how many resources, and what could not be seen, of a stack of workloads.yaml."""
    from handrail.personas._stack import plan_stack

    config = project.stack(stack).config
    plan = plan_stack(config, root=project.root, stack=stack, refuses=False, contract=contract)
    checked = tuple(
        Checked(finding, stack, prepared.where) for prepared in plan.prepared for finding in prepared.findings
    )
    return checked, sum(len(prepared.plan.resources) for prepared in plan.prepared), ()


def _recorded(project: Project, stack: str, contract: Contract) -> tuple[tuple[Checked, ...], int, tuple[str, ...]]:
    """The same of any other program."""
    found, unseen = registered(project, stack)
    return tuple(judged(found, contract)), len(found), unseen


def registered(project: Project, stack: str) -> tuple[list[Origin], tuple[str, ...]]:
    """What the program of a stack registers, and what of it could not be seen; raises HandrailError."""
    from handrail.preview.read import record_stack
    from handrail.recorder import SECRET, UNKNOWN

    record = record_stack(project, stack, refuses=False)
    found = [
        Origin(resource_of(each.type, each.name, each.inputs, (UNKNOWN, SECRET)), stack, line=_line(each, project.root))
        for each in record.registrations
        if each.custom and not each.type.startswith("pulumi:")
    ]
    unseen = tuple(f"{stack}: {each.kind} {each.what} {each.where}".rstrip() for each in record.unseen)
    return found, unseen


def _line(registration: Registration, root: Path) -> Position | None:
    """Where the program makes it."""
    file, _, line = registration.source_position.rpartition(":")
    return Position(display(root / file), int(line)) if file else None


def judged(found: Iterable[Origin], contract: Contract, by: Judge = judge) -> Iterator[Checked]:
    """Each finding with its place; of one name in two files, each has its own."""
    by_resource = {id(origin.resource): origin for origin in found}
    for finding in by((origin.resource for origin in by_resource.values()), contract):
        origin = by_resource[id(finding.about)]
        yield Checked(finding, origin.source, origin.where(finding))


def _environment(origin: Origin, organisation: Organisation | None, chosen: str | None) -> str:
    if organisation is None:
        return chosen or ""
    if chosen:
        return chosen
    _, label = read_one(origin.resource.inputs, ("metadata", "labels", ENVIRONMENT))
    return (
        label if isinstance(label, str) and label in organisation.environments else list(organisation.environments)[-1]
    )


def check_all(
    what: Iterable[str],
    *,
    organisation: str | None = None,
    environment: str | None = None,
    stdin: bytes = b"",
    start: Path | None = None,
    base: str | None = None,
    ahead: Ahead | None = None,
) -> Report:
    """What the standards say of stacks and files together.

    Args:
        what: names or globs of stacks, files, folders, globs of files, or `-`; none: every stack of the project.
        organisation: the directory of organisation.yaml; default: what the project's stacks name.
        environment: whose standards hold for files; of stacks: only those of it.
        start: where a project is looked for; default: here.
        base: a revision of git, as `origin/main`: its organisation, standards and waivers judge what stands here.
        ahead: the files among `what`, being parsed.

    Raises:
        HandrailError: something that was named is not there, or cannot be read.
    """
    names = list(what)
    try:
        project = Project.find(start)
    except HandrailError:
        if not names:
            raise
        project = None
    root = start or Path.cwd()
    stacks = [name for name in names if project and _is_stack(name, project, root)]
    files = [str(root / name) if name != STDIN else name for name in names if name not in stacks]
    reports = []
    with bases(base, root) as base_of:
        if project and (stacks or not names):
            chosen = select(project, stacks, environment=environment)
            reports += list(check_stacks(project, [target.stack for target in chosen], base_of))
        if files:
            found = find_organisation(project, organisation, root)
            judges = base_of(found) if found else None
            reports.append(
                check_files(files, organisation=found, environment=environment, stdin=stdin, base=judges, ahead=ahead)
            )
    return combined(reports)


def _is_stack(name: str, project: Project, root: Path) -> bool:
    return not (root / name).exists() and any(fnmatchcase(stack, name) for stack in project.stacks())
