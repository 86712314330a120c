"""`handrail rollback`: what git says was pinned before is pinned again, and no registry is asked."""

from pathlib import Path

import pytest
from promoting import Company, digest
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.core.errors import DocumentError, RefusedError
from handrail.promotion import Record
from handrail.promotion.text import text
from handrail.releases.writer import copies_folder

TAGS = ("2.7.1", "2.8.0", "2.9.0")


def image(tag: str) -> str:
    """checkout's image by digest."""
    name = "registry.acme.test/payments/checkout"
    return f"{name}@{digest(f'{name}:{tag}')}"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """Three releases of checkout in development, each a commit of its own."""
    company = Company.at(tmp_path)
    before = TAGS[0]
    for tag in TAGS:
        if tag != before:
            company.workloads("payments", f"checkout:{before}", f"checkout:{tag}")
        before = tag
        company.promote("checkout", "dev")
        company.commit(tag)
    return company


def test_the_release_before_is_pinned_again(company: Company) -> None:
    """As git has it, with a record of its own."""
    outcome = company.rollback("checkout", "dev", record=Record(incident="INC-4"))
    found = company.released("dev", "payments", "checkout")
    assert found == outcome.after
    assert (found.image, found.named, found.incident) == (
        image("2.8.0"),
        "registry.acme.test/payments/checkout:2.8.0",
        "INC-4",
    )
    assert "payments/checkout in dev goes back to checkout@" in text(outcome)
    assert f"as it was in {company.git('rev-parse', 'HEAD~1')[:12]}" in text(outcome)


def test_one_that_was_never_committed_goes_back_to_what_is(company: Company) -> None:
    """The working tree is what runs next; git's newest is what ran."""
    company.workloads("payments", "checkout:2.9.0", "checkout:3.0.0")
    company.promote("checkout", "dev")
    company.rollback("checkout", "dev")
    assert company.released("dev", "payments", "checkout").image == image("2.9.0")


def test_a_rollback_of_a_rollback_goes_forward_again(company: Company) -> None:
    """Once it is committed, what is newest in git and another one is what it was before."""
    company.rollback("checkout", "dev")
    company.commit("back")
    company.rollback("checkout", "dev")
    assert company.released("dev", "payments", "checkout").image == image("2.9.0")


def test_any_commit_can_be_named(company: Company) -> None:
    """By any name that git knows."""
    company.rollback("checkout", "dev", to_commit="HEAD~2")
    assert company.released("dev", "payments", "checkout").image == image("2.7.1")


def test_a_revision_that_nobody_can_read_is_passed_by(company: Company) -> None:
    """As one with conflict markers in it."""
    file = company.root / "releases/dev/payments.yaml"
    sound = file.read_text()
    file.write_text(f"<<<<<<< HEAD\n{sound}=======\n>>>>>>> other\n")
    company.commit("a conflict")
    file.write_text(sound)
    company.commit("mended")
    company.rollback("checkout", "dev")
    assert company.released("dev", "payments", "checkout").image == image("2.8.0")


def test_a_canary_is_set_aside_and_the_release_stays(company: Company) -> None:
    """Nobody needs a history for that."""
    company.through("checkout", "staging", "prod")
    company.workloads("payments", "checkout:2.9.0", "checkout:3.0.0")
    company.through("checkout", "dev", "staging")
    company.promote("checkout", "prod", weight=25)
    outcome = company.rollback("checkout", "prod")
    found = company.released("prod", "payments", "checkout")
    assert (found.canary, found.image) == (None, image("2.9.0"))
    assert "is set aside; checkout@" in outcome.sentence
    assert any(each.what == "deleted" and each.kind == "Deployment" for each in outcome.changes or ())


def test_an_endpoint_gets_its_model_and_its_image_back(tmp_path: Path) -> None:
    """Both at once, as they were tested together."""
    company = Company.at(tmp_path)
    company.promote("churn-scorer", "dev")
    before = company.released("dev", "churn", "churn-scorer")
    company.commit("4")
    company.workloads("churn", "models:/churn/4", "models:/churn/5")
    company.workloads("churn", "science:2.1.0", "science:2.2.0")
    company.promote("churn-scorer", "dev")
    company.commit("5")
    company.rollback("churn-scorer", "dev")
    found = company.released("dev", "churn", "churn-scorer")
    assert (found.model, found.digest, found.image) == (before.model, before.digest, before.image)


@pytest.mark.parametrize(
    ("environment", "commit", "words"),
    [
        ("prod", None, "has no release in prod"),
        ("prd", None, "did you mean prod?"),
        ("dev", "no-such", "is no commit of this repository"),
        ("dev", "--output=x", "is no commit of this repository"),
        ("dev", "HEAD~3", "has no release of payments/checkout in dev"),
    ],
)
def test_what_cannot_be_gone_back_to(company: Company, environment: str, commit: str | None, words: str) -> None:
    """Why, and where the commits are."""
    with pytest.raises(DocumentError) as raised:
        company.rollback("checkout", environment, to_commit=commit)
    assert words in str(raised.value)


def test_without_a_release_before_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    """A shallow clone may be why."""
    company = Company.at(tmp_path)
    company.promote("checkout", "dev")
    company.commit("the only one")
    with pytest.raises(DocumentError, match="git fetch --unshallow"):
        company.rollback("checkout", "dev")


def test_the_gates_speak_and_an_incident_lets_what_is_required_pass(company: Company) -> None:
    """It is recorded, and it is said that `up` goes by waivers alone."""
    company.through("checkout", "staging", "prod")
    company.commit("prod")
    company.workloads("payments", "checkout:2.9.0", "checkout:3.0.0")
    company.through("checkout", "dev", "staging", "prod")
    company.commit("3.0.0")
    company.workloads("payments", "scale: {min: 2, max: 20, cpu: 70%}", "scale: {min: 1}")
    with pytest.raises(RefusedError, match="two-replicas"):
        company.rollback("checkout", "prod")
    outcome = company.rollback("checkout", "prod", record=Record(incident="INC-5"))
    gates = company.released("prod", "payments", "checkout").gates
    assert gates is not None
    assert "two-replicas by INC-5" in gates.waived
    assert "`up` refuses it until a waiver stands in waivers.yaml: " in text(outcome)
    assert "two-replicas" in text(outcome)


def test_what_is_not_negotiable_is_refused_whatever_burns(company: Company) -> None:
    """An incident is no reason to run a pod as root."""
    company.organisation(
        "images-by-digest: {tiers: []}", "images-by-digest: {tiers: []}\n    two-replicas: {severity: non-negotiable}"
    )
    company.through("checkout", "staging", "prod")
    company.commit("prod")
    company.workloads("payments", "checkout:2.9.0", "checkout:3.0.0")
    company.through("checkout", "dev", "staging", "prod")
    company.commit("3.0.0")
    company.workloads("payments", "scale: {min: 2, max: 20, cpu: 70%}", "scale: {min: 1}")
    with pytest.raises(RefusedError, match="two-replicas, non-negotiable"):
        company.rollback("checkout", "prod", record=Record(incident="INC-5"))


def test_the_document_of_an_api_comes_back_out_of_git(company: Company) -> None:
    """And what is taken away from callers again is told; with an incident that keeps nobody."""
    document = company.root / "stacks/acme/payments/checkout.openapi.yaml"
    company.workloads("payments", "api: {version: v2}", "api: {version: v2, openapi: checkout.openapi.yaml}")
    for tag, text_ in (("3.0.0", "GET /orders\n"), ("3.1.0", "GET /orders\nGET /carts\n")):
        document.write_text(text_)
        company.workloads("payments", "checkout:2.9.0" if tag == "3.0.0" else "checkout:3.0.0", f"checkout:{tag}")
        company.promote("checkout", "dev")
        company.commit(tag)
    with pytest.raises(RefusedError, match="GET /carts: it is gone"):
        company.rollback("checkout", "dev")
    company.rollback("checkout", "dev", record=Record(incident="INC-6"))
    api = company.released("dev", "payments", "checkout").api
    assert api is not None and api.openapi == digest("GET /orders\n")
    (copy,) = copies_folder(company.root, "dev", "payments").iterdir()
    assert copy.read_text() == "GET /orders\n"


def test_a_document_that_is_lost_keeps_nobody_from_going_back(company: Company) -> None:
    """It is said."""
    document = company.root / "stacks/acme/payments/checkout.openapi.yaml"
    company.workloads("payments", "api: {version: v2}", "api: {version: v2, openapi: checkout.openapi.yaml}")
    document.write_text("GET /orders\n")
    company.workloads("payments", "checkout:2.9.0", "checkout:3.0.0")
    company.promote("checkout", "dev")
    (copy,) = copies_folder(company.root, "dev", "payments").iterdir()
    copy.unlink()
    outcome = company.rollback("checkout", "dev")
    assert "its API was not compared" in text(outcome)
    assert company.released("dev", "payments", "checkout").image == image("2.9.0")


def test_the_command_goes_back(company: Company) -> None:
    """And says whose approval it needs."""
    company.through("checkout", "staging", "prod")
    company.commit("prod")
    company.workloads("payments", "checkout:2.9.0", "checkout:3.0.0")
    company.through("checkout", "dev", "staging", "prod")
    company.commit("3.0.0")
    result = CliRunner().invoke(app, ["rollback", "checkout", "--in", "prod", "-C", str(company.root)])
    assert result.exit_code == 0, result.output
    assert "goes back to checkout@" in result.output
    assert "Needs 1 approval in its pull request" in result.output
