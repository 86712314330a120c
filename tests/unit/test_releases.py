"""`releases/<environment>/<team>.yaml`: what is pinned there is what is planned, and nothing of it is ignored."""

import re
from pathlib import Path

import pytest
from spine import ROOT, copy_acme

from handrail.components._definition import Prepared
from handrail.core.errors import HandrailError
from handrail.core.project import Project
from handrail.personas._stack import plan_stack

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
        ("chekout: {weight: 10}", "did you mean checkout?"),
        ("gone-for-ever: {weight: 10}", "take it out of the file with the workload"),
        ("checkout: {weight: 101}", "100"),
        ("<<<<<<< HEAD\ncheckout: {weight: 10}\n=======\n", "is not YAML"),
        ("- checkout", "must hold releases by the name"),
    ],
)
def test_what_is_wrong_in_it(company: Path, text: str, words: str) -> None:
    """Where, what, and what to do."""
    with pytest.raises(HandrailError) as raised:
        released(company, "payments-prod", text)
    assert words in str(raised.value)
