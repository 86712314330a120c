"""Why a standard says what it says of one workload, in each environment, and what can be done about it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from handrail.check.contract_text import finds, request
from handrail.check.model import Checked
from handrail.check.origins import Origin
from handrail.check.sources import ORGANISATION, judged, registered
from handrail.core.errors import DocumentError, Problem
from handrail.core.models import nearest, unknown_word
from handrail.core.project import Project
from handrail.organisation import read_context
from handrail.personas._find import find_workloads
from handrail.personas._stack import PLATFORM, is_plain
from handrail.standards import Contract, Verdict
from handrail.standards.catalogue import catalogue_of
from handrail.standards.contract import contract_for, contract_of
from handrail.standards.evidence import Subject
from handrail.standards.judge import verdicts
from handrail.standards.standard import Standard
from handrail.standards.waivers import Waiver, waivable_days

PREFIX = "finding/"


@dataclass(frozen=True, slots=True)
class Place:
    """What a standard says of a workload in one environment.

    Args:
        holds: whether the standard holds in the environment's tier.
        verdicts: on each resource that it is about, compliance included.
        waiver: what lets a violation pass now.
    """

    stack: str
    environment: str
    tier: str
    holds: bool
    verdicts: tuple[Checked, ...]
    waiver: Waiver | None

    @property
    def state(self) -> str:
        """The worst of its verdicts, in one word or two."""
        if not self.holds:
            return f"not asked in {self.tier}"
        states = {each.finding.verdict: str(each.state) for each in reversed(self.verdicts)}
        kept = "kept" if self.verdicts else "about nothing of it"
        return states.get(Verdict.VIOLATION) or states.get(Verdict.UNKNOWN) or kept


@dataclass(frozen=True, slots=True)
class Answer:
    """A standard, a workload, and what the one says of the other, environment by environment."""

    standard: Standard
    workload: str
    persona: str
    places: tuple[Place, ...]


def why_finding(project: Project, name: str, stack: str | None = None, persona: str | None = None) -> Answer:
    """What `finding/STANDARD/WORKLOAD` stands for.

    Args:
        name: with or without its prefix; the workload may be led by its team.
        stack: the stack to look in; default: every one that has the workload.
        persona: in whose words it says what to do; default: the workload's own.

    Raises:
        HandrailError: there is no such standard or workload, or its stacks cannot be planned.
    """
    id_, _, workload = name.removeprefix(PREFIX).partition("/")
    if not workload:
        remedy = f"write {PREFIX}STANDARD/WORKLOAD, as {PREFIX}two-replicas/checkout"
        raise DocumentError(Problem("names no workload", given=name, remedy=remedy))
    if is_plain(project.program):
        return _planned(project, id_, workload, stack, persona)
    return _registered(project, id_, workload, stack, persona)


def _planned(project: Project, id_: str, workload: str, stack: str | None, persona: str | None) -> Answer:
    """Of a workload of workloads.yaml."""
    found = find_workloads(project, workload, stack, refuses=False)
    context = found[0][0].context
    standards = catalogue_of(context.organisation, context.directory)
    if id_ not in standards:
        raise DocumentError(unknown_word(id_, standards, "", None, noun="standard"))
    places = []
    for plan, prepared in found:
        contract = contract_of(plan.context)
        judged = verdicts(prepared.plan.resources, contract)
        checked = tuple(Checked(each, plan.context.stack, prepared.where) for each in judged if each.standard == id_)
        places.append(_place(plan.context.stack, id_, contract, checked))
    return Answer(standards[id_], f"{context.team}/{found[0][1].name}", persona or found[0][0].persona, tuple(places))


def _place(stack: str, id_: str, contract: Contract, checked: tuple[Checked, ...]) -> Place:
    holds = any(each.id == id_ for each in contract.standards)
    waivers = (contract.waiver_of(id_, each.finding.workload) for each in checked)
    return Place(stack, contract.environment, str(contract.tier), holds, checked, next(filter(None, waivers), None))


def _registered(project: Project, id_: str, workload: str, stack: str | None, persona: str | None) -> Answer:
    """Of what a program of the project's own registers, by the address that its finding has."""
    standards: Mapping[str, Standard] = {}
    stacks: list[tuple[str, Contract, list[Origin]]] = []
    personas: dict[str, str] = {}
    for candidate in [stack] if stack else project.stacks():
        standards, contract = _asked(project, candidate)
        if id_ not in standards:
            raise DocumentError(unknown_word(id_, standards, "", None, noun="standard"))
        origins, _ = registered(project, candidate)
        stacks.append((candidate, contract, origins))
        subjects = (Subject(origin.resource) for origin in origins)
        personas |= {each.address: each.workload["persona"] for each in subjects}
    address = _address(workload, personas, f"{PREFIX}{id_}")
    places = []
    for candidate, contract, origins in stacks:
        found = (each for each in judged(origins, contract, verdicts) if each.finding.workload == address)
        ours = tuple(each for each in found if each.finding.standard == id_)
        if any(Subject(origin.resource).address == address for origin in origins):
            places.append(_place(candidate, id_, contract, ours))
    return Answer(standards[id_], address, persona or personas[address] or PLATFORM, tuple(places))


def _address(name: str, known: Collection[str], prefix: str) -> str:
    """The address that a name stands for, which need not say the team where only one has it."""
    if name in known:
        return name
    by_name: dict[str, list[str]] = {}
    for each in sorted(known):
        by_name.setdefault(each.rpartition("/")[2], []).append(each)
    found = by_name.get(name, ())
    if len(found) == 1:
        return found[0]
    if found:
        remedy = "write " + " or ".join(f"{prefix}/{each}" for each in found)
        raise DocumentError(Problem(f"several teams have a workload {name}", allowed=", ".join(found), remedy=remedy))
    near = nearest(name, [*known, *by_name])
    raise DocumentError(
        Problem(
            f"no stack of this project registers anything of a workload {name}",
            allowed=", ".join(sorted(known)) or None,
            remedy=f"did you mean {near}?" if near else None,
        )
    )


def _asked(project: Project, stack: str) -> tuple[dict[str, Standard], Contract]:
    """Every standard, and what holds, for a stack of a program; of no organisation, the catalogue's."""
    config = project.stack(stack).config
    if ORGANISATION not in config:
        return catalogue_of(None, None), contract_for(None, None, "")
    context = read_context(config, root=project.root, stack=stack)
    return catalogue_of(context.organisation, context.directory), contract_of(context)


def show(answer: Answer, console: Console) -> None:
    """Print it: what, why, where, what to do, who decides."""
    standard, clause = answer.standard, answer.standard.clause
    console.print(f"[bold]{escape(clause.title)}[/]  ({standard.id}, {standard.severity})")
    console.print(Text(clause.why))
    console.print()
    ours = (clause.remedy,) if isinstance(clause.remedy, str) else tuple(clause.remedy.values())
    for place in answer.places:
        console.print(f"[bold]{place.stack}[/]  {place.state}", highlight=False)
        for line in _lines(place, ours):
            console.print(Text(f"  {line}"))
    console.print()
    for label, text in _facts(answer):
        console.print(Text.assemble((f"{label:<11}", "dim"), text))
    if entry := _entry(answer):
        console.print(Text(f"\nTo ask for a waiver, in waivers.yaml beside organisation.yaml:\n\n{entry}"))


def _lines(place: Place, ours: tuple[str, ...]) -> Iterator[str]:
    """What is not kept, and what mends it where that is more than the standard's own words."""
    for each in place.verdicts:
        finding = each.finding
        if finding.verdict is not Verdict.COMPLIANT:
            field = f" {finding.path}:" if finding.path else ""
            yield f"{each.where or place.stack}: {finding.resource}:{field} {finding.message}"
            if finding.remedy and finding.remedy not in ours:
                yield f"  do: {finding.remedy}"
    if place.waiver:
        yield f"waived by {place.waiver.approver} until {place.waiver.expires}: {place.waiver.reason}"
        yield f"  until then: {place.waiver.compensating_control}; {place.waiver.owner} mends it"


def _facts(answer: Answer) -> Iterator[tuple[str, str]]:
    clause = answer.standard.clause
    yield "rule", " ".join((clause.rule or finds(answer.standard)).split())
    for name, text in clause.variables.items():
        yield name, " ".join(text.split())
    for name, value in answer.standard.params.items():
        yield name, f"{json.dumps(value)} ({clause.params[name].description})"
    yield "do", clause.remedy_for(answer.persona)
    yield "decides", clause.owner
    days = waivable_days(answer.standard)
    may = f"a member of {', '.join(clause.waived_by)}, for {days} days at most" if days else "nobody"
    yield "waived by", may
    yield "read", clause.docs


def _entry(answer: Answer) -> str:
    """The waiver to fill in, where something stands that one could let pass."""
    refused = [place for place in answer.places if place.state == "refused"]
    if not refused or not waivable_days(answer.standard):
        return ""
    last = refused[-1]
    address = next(each.finding.workload for each in last.verdicts if each.finding.refuses)
    return request(answer.standard.id, address, last.environment)


def dumps(answer: Answer) -> str:
    """The same as JSON."""
    clause = answer.standard.clause
    found = {
        "standard": answer.standard.id, "title": clause.title, "why": clause.why,
        "severity": str(answer.standard.severity), "workload": answer.workload, "rule": clause.rule,
        "variables": dict(clause.variables), "params": dict(answer.standard.params),
        "remedy": clause.remedy_for(answer.persona), "owner": clause.owner, "waived_by": list(clause.waived_by),
        "stacks": [
            {
                "stack": place.stack, "environment": place.environment, "state": place.state,
                "waiver": place.waiver.model_dump() if place.waiver else None,
                "verdicts": [
                    {"resource": each.finding.resource, "verdict": str(each.finding.verdict),
                     "path": each.finding.path, "given": each.finding.given, "message": each.finding.message,
                     "where": str(each.where) if each.where else None, "remedy": each.finding.remedy}
                    for each in place.verdicts
                ],
            }
            for place in answer.places
        ],
    }  # fmt: skip
    return json.dumps(found, indent=2)
