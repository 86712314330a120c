"""What is judged: manifests and saved previews by the environment that their labels name, stacks by their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from handrail.check.model import Checked, Report, combined
from handrail.check.origins import STDIN, Origin, origins, resource_of, texts
from handrail.core.errors import DocumentError, HandrailError, Position, Problem
from handrail.core.project import Project
from handrail.core.resources import Resource
from handrail.core.selection import select
from handrail.organisation import Context, Organisation, find_organisation, load_organisation, read_context
from handrail.personas._stack import is_plain, plan_stack
from handrail.standards import Contract, Finding, judge
from handrail.standards.contract import contract_for, contract_of
from handrail.standards.evidence import ENVIRONMENT, Subject


def check_files(
    names: Iterable[str], *, organisation: Path | None, environment: str | None, stdin: bytes = b""
) -> Report:
    """What the standards say of files: Kubernetes YAML, or what `pulumi preview --json` printed.

    Args:
        names: files, folders, globs, or `-` for `stdin`.
        organisation: the directory of organisation.yaml; None: the catalogue as it comes, for production.
        environment: whose standards; default: what each resource's label says, else the last one, the strictest.

    Raises:
        HandrailError: every file that cannot be read.
    """
    found: list[Origin] = []
    problems: list[Problem] = []
    for name in names:
        try:
            found += [origin for file, text in texts(name, stdin) for origin in origins(text, file)]
        except HandrailError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    whole = load_organisation(organisation) if organisation else None
    groups: dict[str, list[Origin]] = {}
    for origin in found:
        groups.setdefault(_environment(origin, whole, environment), []).append(origin)
    checked: list[Checked] = []
    faults: dict[Problem, None] = {}
    for name, group in groups.items():
        contract = contract_for(whole, organisation, name)
        checked += list(_judged(group, contract))
        faults |= dict.fromkeys(contract.waivers.faults)
    by = f"by {whole.name}'s standards" if whole else "by the catalogue as it comes: no organisation was named"
    about = f"{by}, as {', '.join(sorted(groups))}" if groups else by
    return Report(tuple(checked), len(found), (), tuple(faults), about)


def check_stacks(project: Project, stacks: Iterable[str]) -> Iterator[Report]:
    """What the standards say of each stack of a project.

    Raises:
        HandrailError: every problem of its files, plans or program.
    """
    for stack in stacks:
        config = project.stack(stack).config
        if is_plain(project.program):
            plan = plan_stack(config, root=project.root, stack=stack, refuses=False)
            checked = tuple(
                Checked(finding, stack, _setting(prepared.sources))
                for prepared in plan.prepared
                for finding in prepared.findings
            )
            total = sum(len(prepared.plan.resources) for prepared in plan.prepared)
            faults = _own_faults(plan.context)
            yield Report(checked, total, (), faults, f"by {plan.context.organisation.name}'s standards")
        else:
            yield _recorded(project, stack, config)


def _setting(sources: Mapping[str, Any]) -> Position | None:
    """The line of the workload in its file."""
    found = [source.where for source in sources.values() if source.where]
    return min(found) if found else None


def _own_faults(context: Context) -> tuple[Problem, ...]:
    return contract_of(context).waivers.faults


def _recorded(project: Project, stack: str, config: Mapping[str, str]) -> Report:
    from handrail.preview.read import record_stack
    from handrail.recorder import UNKNOWN

    record = record_stack(project, stack)
    context = read_context(config, root=project.root, stack=stack) if "handrail:organisation" in config else None
    contract = contract_of(context) if context else contract_for(None, None, "")
    found = [
        Origin(resource_of(each.type, each.name, each.inputs, str(UNKNOWN)), stack)
        for each in record.registrations
        if each.custom
    ]
    unseen = tuple(f"{stack}: {each.kind} {each.what} {each.where}".rstrip() for each in record.unseen)
    return Report(tuple(_judged(found, contract)), len(found), unseen, contract.waivers.faults)


def _judged(found: Iterable[Origin], contract: Contract) -> Iterator[Checked]:
    """Each finding with its place; of one name in two files, each has its own."""
    by_name: dict[str, Origin] = {}
    resources = []
    for index, origin in enumerate(found):
        key = f"{origin.resource.name}\0{index}"
        by_name[key] = origin
        resources.append(Resource(key, origin.resource.type, origin.resource.inputs))
    for finding in judge(resources, contract):
        origin = by_name[finding.resource]
        own = _renamed(finding, origin.resource.name)
        yield Checked(own, origin.source, origin.where(own))


def _renamed(finding: Finding, name: str) -> Finding:
    return replace(finding, resource=name, workload=finding.workload.partition("\0")[0])


def _environment(origin: Origin, organisation: Organisation | None, chosen: str | None) -> str:
    if organisation is None:
        return chosen or ""
    if chosen:
        return chosen
    label = str(Subject(origin.resource).labels.get(ENVIRONMENT) or "")
    return label if label in organisation.environments else list(organisation.environments)[-1]


def check_all(
    what: Iterable[str],
    *,
    organisation: str | None = None,
    environment: str | None = None,
    stdin: bytes = b"",
    start: Path | None = None,
) -> Report:
    """What the standards say of stacks and files together.

    Args:
        what: names or globs of stacks, files, folders, globs of files, or `-`; none: every stack of the project.
        organisation: the directory of organisation.yaml; default: what the project's stacks name.
        environment: whose standards hold for files; of stacks: only those of it.
        start: where a project is looked for; default: here.

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
    if project and (stacks or not names):
        chosen = select(project, stacks, environment=environment)
        reports += list(check_stacks(project, [target.stack for target in chosen]))
    if files:
        directory = find_organisation(project, organisation, root)
        reports.append(check_files(files, organisation=directory, environment=environment, stdin=stdin))
    return combined(reports)


def _is_stack(name: str, project: Project, root: Path) -> bool:
    return not (root / name).exists() and any(fnmatchcase(stack, name) for stack in project.stacks())
