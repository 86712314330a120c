"""`releases/<environment>/<team>.yaml`: what is pinned there is what is planned, and nothing of it is ignored."""

import re
from pathlib import Path

import pytest
from spine import ROOT, copy_acme

from handrail.components._definition import Prepared
from handrail.core.errors import HandrailError, RecorderError
from handrail.core.project import Project
from handrail.personas._stack import plan_stack
from handrail.recorder import record

DIGEST = "sha256:" + "ab" * 32
IMAGE = f"registry.acme.test/payments/checkout@{DIGEST}"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A copy of the sample company."""
    return copy_acme(tmp_path)


def released(company: Path, stack: str, text: str) -> dict[str, Prepared]:
    """A stack's workloads, with this in its releases."""
    team, environment = stack.split("-")
    file = company / "releases" / environment / f"{team}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    plan = plan_stack(Project.find(company).stack(stack).config, root=company, stack=stack)
    return {each.name: each for each in plan.prepared}


def image_of(prepared: Prepared) -> str:
    """What its Deployment runs."""
    (deployment,) = [each for each in prepared.plan.resources if each.kind == "Deployment"]
    return str(deployment.inputs["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_pinned_image_is_what_is_deployed(company: Path) -> None:
    """In the one environment, of the one workload; `why` says by which file."""
    found = released(company, "payments-prod", f"checkout: {{image: '{IMAGE}'}}\n")
    assert image_of(found["checkout"]) == IMAGE
    assert str(found["checkout"].sources["image"]) == "releases/prod/payments.yaml"
    assert "@" not in image_of(found["ledger"])
    dev = plan_stack(Project.find(company).stack("payments-dev").config, root=company, stack="payments-dev")
    assert all("@" not in image_of(each) for each in dev.prepared)


def test_what_is_pinned_need_not_stand_in_the_teams_file(company: Path) -> None:
    """Where an environment has a release, the image in workloads.yaml says nothing any more."""
    file = company / "stacks/acme/payments/workloads.yaml"
    lines = [line for line in file.read_text().splitlines() if "payments/checkout:" not in line]
    file.write_text("\n".join(lines))
    assert image_of(released(company, "payments-prod", f"checkout: {{image: '{IMAGE}'}}\n")["checkout"]) == IMAGE


def test_a_pinned_model(company: Path) -> None:
    """Is the one that the endpoint loads."""
    found = released(company, "fraud-prod", "fraud-scorer: {model: 'models:/fraud-scorer/13'}\n")
    resources = str([each.inputs for each in found["fraud-scorer"].plan.resources if each.kind == "Deployment"])
    assert "models:/fraud-scorer/13" in resources
    assert "models:/fraud-scorer/12" not in resources


def test_the_concepts_own_example(company: Path) -> None:
    """The file that docs/concepts.md shows."""
    page = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    (text,) = re.findall(r'^```yaml title="releases/prod/payments.yaml"\n(.*?)^```', page, re.M | re.S)
    assert image_of(released(company, "payments-prod", text)["checkout"]) in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("checkout: {image: 'registry.acme.test/payments/checkout:2.0'}", "releases/prod/payments.yaml:1"),
        ("checkout: {image: 'registry.acme.test/payments/checkout:2.0'}", "write image: Its image by digest"),
        ("checkout: {imag: x}", "did you mean image?"),
        ("checkout: {model: 'models:/checkout/3'}", "is no setting of a ScalableService"),
        ("chekout: {incident: INC-1}", "did you mean checkout?"),
        ("gone-for-ever: {incident: INC-1}", "take it out of the file with the workload"),
        ("checkout: {canary: {weight: 100}}", "99"),
        ("<<<<<<< HEAD\ncheckout: {incident: INC-1}\n=======\n", "is not YAML"),
        ("- checkout", "must hold releases by the name"),
    ],
)
def test_what_is_wrong_in_it(company: Path, text: str, words: str) -> None:
    """Where, what, and what to do."""
    with pytest.raises(HandrailError) as raised:
        released(company, "payments-prod", text)
    assert words in str(raised.value)


def requiring(company: Path) -> None:
    """Have acme's production require releases."""
    file = company / "stacks/acme/platform/acme_platform/organisation.yaml"
    file.write_text(
        file.read_text().replace("cluster: prod, approvals", "cluster: prod, releases: required, approvals")
    )


def test_where_releases_are_required_a_workload_without_one_is_refused(company: Path) -> None:
    """Every one of them at once, each with the command that releases it; other environments go on."""
    requiring(company)
    with pytest.raises(HandrailError) as raised:
        released(company, "payments-prod", f"checkout: {{image: '{IMAGE}'}}\nrefunds: {{incident: INC-1}}\n")
    said = str(raised.value)
    assert "handrail promote ledger --to prod" in said
    assert "handrail promote refunds --to prod" in said
    assert "promote checkout" not in said
    assert plan_stack(Project.find(company).stack("payments-dev").config, root=company, stack="payments-dev")


def test_a_component_in_a_program_needs_its_release_as_well(company: Path) -> None:
    """What a team instantiates itself is held to the same."""
    requiring(company)
    program = company / "own" / "__main__.py"
    program.parent.mkdir()
    program.write_text(
        "from handrail.components import ScalableService\n"
        "ScalableService('till', {'image': 'registry.acme.test/payments/till:1', 'port': 80})\n"
    )
    config = Project.find(company).stack("payments-prod").config
    with pytest.raises(RecorderError) as raised:
        record(program.parent, project="acme", stack="payments-prod", config=config, root=company)
    assert "handrail promote till --to prod" in str(raised.value)


def test_a_release_holds_the_record_of_its_promotion(company: Path) -> None:
    """Who, when, from where, and what is tried beside it."""
    text = f"""
checkout:
  image: {IMAGE}
  named: registry.acme.test/payments/checkout:2.7.1
  source: staging
  by: mei@acme.test
  at: 2026-11-25T12:00:00Z
  commit: {"0f" * 20}
  pull_request: https://forge.acme.test/payments/checkout/pull/7
  contract: "1"
  gates: {{judged: 11, waived: [two-replicas by W-1]}}
  incident: INC-123
  canary: {{image: {IMAGE}, weight: 10}}
"""
    release = released(company, "payments-prod", text)["checkout"].workload.release
    assert release.at is not None and release.at.tzinfo is not None
    assert (release.source, release.by, release.incident) == ("staging", "mei@acme.test", "INC-123")
    assert release.canary is not None and release.canary.weight == 10
