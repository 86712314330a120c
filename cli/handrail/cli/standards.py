"""`handrail standards`: what the contract is, and how it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handrail.cli._options import Cwd, Environment, Json, Stacks, Team

if TYPE_CHECKING:
    from handrail.organisation import Organisation
    from handrail.standards.standard import Standard

app = typer.Typer(no_args_is_help=True, help="What the contract is, and how it is kept.", rich_markup_mode=None)
Named = Annotated[
    str | None,
    typer.Option("--organisation", help="The organisation's directory; default: the one of the project's stacks."),
]


@app.command("list")
def list_(organisation: Named = None, json: Json = False, cwd: Cwd = None) -> None:
    """Every standard: its severity, the tiers it holds in, what it asks."""
    from handrail.check.contract_text import listed, plain

    standards, _, _ = _contract(organisation, cwd)
    if json:
        from json import dumps

        print(dumps([plain(each) for each in standards.values()], indent=2))
        return
    from rich.console import Console

    Console().print(listed(standards.values()))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The standard's id.", metavar="ID")],
    organisation: Named = None,
    json: Json = False,
    cwd: Cwd = None,
) -> None:
    """One standard: why it is, its rule, what fails and what passes, what to do, who decides, who waives it."""
    from handrail.check.contract_text import plain, shown
    from handrail.core.errors import DocumentError
    from handrail.core.models import unknown_word

    standards, _, _ = _contract(organisation, cwd)
    if name not in standards:
        raise DocumentError(unknown_word(name, standards, "", None, noun="standard"))
    if json:
        from json import dumps

        print(dumps(plain(standards[name]), indent=2))
        return
    from rich.console import Console

    Console().print(shown(standards[name]))


@app.command()
def test(organisation: Named = None, cwd: Cwd = None) -> None:
    """Whether each example of the organisation's own standards has the verdict that it claims."""
    from handrail.core.errors import HandrailError, Problem
    from handrail.standards.examples import cases, wrong

    standards, _, _ = _contract(organisation, cwd)
    own = [each for each in standards.values() if each.own]
    faults = [fault for standard in own for fault in wrong(standard)]
    if faults:
        raise HandrailError([Problem(fault) for fault in faults])
    examples = sum(len(list(cases(each))) for each in own)
    number = "1 standard" if len(own) == 1 else f"{len(own)} standards"
    print(f"{number} of the organisation's own, {examples} examples: all hold")


@app.command()
def debt(organisation: Named = None, json: Json = False, cwd: Cwd = None) -> None:
    """What is waived: how much, how old, what ends within 30 days, whose; against the organisation's budget."""
    from handrail.check.contract_text import debt as told
    from handrail.check.contract_text import debt_plain
    from handrail.core.errors import DocumentError, Problem
    from handrail.standards.waivers import read_waivers

    standards, whole, directory = _contract(organisation, cwd)
    if whole is None:
        raise DocumentError(Problem("there is no organisation here", remedy="name its directory with --organisation"))
    waivers = read_waivers(directory, whole, standards)
    budget = whole.standards.waivers if whole.standards else None
    if json:
        from json import dumps

        print(dumps(debt_plain(waivers, budget), indent=2))
    else:
        from rich.console import Console

        Console().print(told(waivers, budget), soft_wrap=True)  # a position stays whole
    if waivers.faults:
        raise typer.Exit(1)


@app.command()
def scorecard(
    stacks: Stacks = None,
    environment: Environment = None,
    team: Team = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    cwd: Cwd = None,
) -> None:
    """How many standards each workload keeps, and which it does not."""
    from handrail.check import scorecard as scores
    from handrail.core.project import Project
    from handrail.core.selection import select

    project = Project.find(cwd)
    targets = select(project, stacks or (), environment=environment, team=team)
    found = scores.scorecard(project, [target.stack for target in targets])
    if markdown:
        print(scores.markdown(found))
        return
    from rich.console import Console

    Console().print(scores.table(found))


def _contract(named: str | None, cwd: Path | None) -> tuple[dict[str, Standard], Organisation | None, Path | None]:
    """The standards of an organisation, itself, and its directory; without one, the catalogue as it comes."""
    from handrail.core.errors import HandrailError
    from handrail.core.project import Project
    from handrail.organisation import find_organisation, load_organisation
    from handrail.standards.catalogue import catalogue_of

    try:
        project = Project.find(cwd)
    except HandrailError:
        project = None
    directory = find_organisation(project, named, cwd or Path.cwd())
    whole = load_organisation(directory) if directory else None
    return catalogue_of(whole, directory), whole, directory
