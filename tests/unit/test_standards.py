"""The catalogue: every standard's examples have the verdicts they claim; what a file may not say is refused."""

from pathlib import Path

import pytest
from planned import acme

from handrail.core.documents import load
from handrail.core.models import read
from handrail.core.resources import Resource
from handrail.organisation.model import Tier
from handrail.standards import schemas
from handrail.standards._bundle import bundle
from handrail.standards.catalogue import BUNDLE, CATALOGUE, bundled, catalogue_of, faults
from handrail.standards.clause import Clause
from handrail.standards.examples import Case, cases, wrong
from handrail.standards.findings import Verdict
from handrail.standards.samples import sample
from handrail.standards.standard import Standard

STANDARDS = {
    name: Standard(name, clause, clause.severity, clause.tiers, catalogue_of(acme(), None)[name].params)
    for name, clause in bundled().items()
}
CASES = [pytest.param(case, id=f"{name}-{case.name}") for name, each in STANDARDS.items() for case in cases(each)]


@pytest.mark.parametrize("case", CASES)
def test_an_example_has_the_verdict_that_it_claims(case: Case) -> None:
    """By the judge, in an environment of its tier."""
    assert (case.verdict, [finding.message for finding in case.findings]) == (
        case.example.verdict,
        [finding.message for finding in case.findings],
    )


@pytest.mark.parametrize("case", CASES)
def test_an_example_is_a_manifest_that_kubernetes_knows(case: Case) -> None:
    """So that its verdict is no accident of a misspelt word."""
    known = [each for each in case.resources if each.type.startswith("kubernetes:")]
    assert schemas.problems([Resource(each.name, each.type, each.inputs) for each in known]) == []


def test_the_bundle_is_the_files_of_the_catalogue() -> None:
    """`make generate` would change nothing, and what is read of it is what the files say."""
    assert BUNDLE.read_text("utf-8") == bundle()
    assert bundled() == {file.stem: read(load(file), Clause) for file in sorted(CATALOGUE.glob("*.yaml"))}


@pytest.mark.parametrize("file", sorted(CATALOGUE.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_file_of_the_catalogue_is_sound(file: Path) -> None:
    """Its expressions compile, and read nothing that no resource of its types has."""
    assert list(faults(bundled()[file.stem], load(file))) == []
    assert list(wrong(STANDARDS[file.stem])) == []


@pytest.mark.parametrize("standard", STANDARDS.values(), ids=list(STANDARDS))
def test_a_violation_says_what_stands_there(standard: Standard) -> None:
    """No message is the title alone, and none says that the rule failed."""
    for case in cases(standard):
        for finding in case.findings:
            if finding.verdict is Verdict.VIOLATION:
                assert "its rule failed" not in finding.message
                assert finding.message != standard.clause.title
                assert finding.remedy


@pytest.mark.parametrize("tier", list(Tier))
def test_every_sample_keeps_the_catalogue_that_is_about_one_resource(tier: Tier) -> None:
    """An example that fails fails for what it says, and for nothing that its sample lacks."""
    assert tier
    for standard in STANDARDS.values():
        for token in standard.types:
            assert sample(token) is not None
