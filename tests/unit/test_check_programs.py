"""`handrail check` on a stack whose program is its own: what a deployment refuses is told as everywhere else."""

import json
import os
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import grpc  # type: ignore[import-untyped]
import pulumi
import pytest
from pulumi.runtime.proto import resource_pb2_grpc
from rich.console import Console
from spine import ORGANISATION, ROOT

from handrail.check import Report, check_all
from handrail.check.baseline import Baseline
from handrail.check.formats import FORMATS
from handrail.check.model import State
from handrail.check.why_finding import dumps, show, why_finding
from handrail.components import _component
from handrail.core.errors import DocumentError, RecorderError
from handrail.core.project import Project
from handrail.preview.read import preview

PROGRAM = """\
import pulumi

from handrail.components import ScalableService

ONE = {"image": "registry.acme.test/payments/x:1", "port": 8080, "scale": {"min": 1}}
ScalableService("single", ONE)
ScalableService("refunds", ONE)
pulumi.CustomResource(
    "kubernetes:core/v1:Service", "open", {"metadata": {"name": "open"}, "spec": {"type": "LoadBalancer"}}
)
"""
REFUSED = {
    ("two-replicas", "single-deployment", "__main__.py:6:1"),
    ("no-node-ports-or-load-balancers", "open", "__main__.py:8:1"),
}
Write = Callable[..., Project]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a project with a program of its own, and goes there."""
    monkeypatch.chdir(tmp_path)

    def written(program: str, **config: str) -> Project:
        (tmp_path / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
        (tmp_path / "__main__.py").write_text(program)
        values = {"organisation": (ROOT / ORGANISATION).parent, "team": "payments", "environment": "prod", **config}
        lines = [f"  handrail:{key}: {value}" for key, value in values.items()]
        (tmp_path / "Pulumi.payments-prod.yaml").write_text("\n".join(["config:", *lines, ""]))
        return Project.find(tmp_path)

    return written


def refused(report: Report) -> set[tuple[str, str, str]]:
    """Standard, resource and place of what is refused."""
    return {(each.finding.standard, each.finding.resource, str(each.where)) for each in report.of(State.REFUSED)}


def test_a_component_that_is_refused_is_a_finding_among_others(write: Write) -> None:
    """Each with its line; what is waived is told as waived."""
    write(PROGRAM)
    report = check_all([])
    assert refused(report) == REFUSED
    (waived,) = report.of(State.WAIVED)
    assert waived.finding.workload == "payments/refunds"
    assert report.refuses()
    said = FORMATS["text"](report)
    assert "__main__.py:6:1: single-deployment: spec.replicas: single has 1 replica, at least 2 are asked" in said
    assert "do:      in workloads.yaml write `scale:`" in said
    assert "handrail why finding/two-replicas/payments/refunds says why" in said


def test_every_format_tells_it(write: Write) -> None:
    """With state, standard, resource, remedy and line."""
    write(PROGRAM)
    report = check_all([])
    found = json.loads(FORMATS["json"](report))["findings"]
    assert {(each["standard"], each["resource"], f"{each['file']}:{each['line']}:1") for each in found if
            each["state"] == "refused"} == REFUSED  # fmt: skip
    assert all(each["remedy"] for each in found)
    (run,) = json.loads(FORMATS["sarif"](report))["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert {each["artifactLocation"]["uri"] for each in places} == {"__main__.py"}
    assert sorted(each["region"]["startLine"] for each in places) == [6, 7, 8]
    assert len(ElementTree.fromstring(FORMATS["junit"](report)).findall(".//failure")) == 2
    assert "::error file=__main__.py,line=6,col=1,title=two-replicas (refused)" in FORMATS["github"](report)


def test_a_baseline_excuses_it(write: Write) -> None:
    """As of a stack of workloads.yaml."""
    write(PROGRAM)
    report = check_all([])
    known = Baseline(frozenset(each.key for each in report.of(State.REFUSED)))
    assert refused(known.applied(report)) == set()


def test_a_stack_of_workloads_beside_other_resources(write: Write, tmp_path: Path) -> None:
    """deploy() refuses nothing there either."""
    (tmp_path / "workloads.yaml").write_text(
        "persona: app-developer\nteam: payments\nservices:\n"
        "  single: {image: registry.acme.test/payments/x@sha256:" + "a" * 64 + ", port: 8080, scale: {min: 1}}\n"
    )
    write("from handrail.personas import deploy\n\ndeploy()\nprint('and more')\n")
    assert refused(check_all([])) == {("two-replicas", "single-deployment", "__main__.py:3:1")}


def test_what_is_known_of_an_output_is_judged_and_a_secret_is_not(write: Write) -> None:
    """The engine alone opens a secret, so it is decided at up."""
    write(
        "import pulumi\n\nfrom handrail.components import ScalableService\n\n"
        'image = pulumi.Output.from_input("elsewhere.test/x:1")\n'
        'ScalableService("plain", {"image": image, "port": 8080})\n'
        'spec = {"type": pulumi.Output.secret("LoadBalancer")}\n'
        'pulumi.CustomResource("kubernetes:core/v1:Service", "hidden", {"metadata": {"name": "hidden"}, "spec": spec})\n'
    )
    report = check_all([])
    states = {(each.finding.standard, each.finding.resource): each.state for each in report.checked}
    assert states == {
        ("images-from-registries", "plain-deployment"): State.REFUSED,
        ("no-node-ports-or-load-balancers", "hidden"): State.UNDECIDED,
    }


def test_why_a_finding_of_a_program_stands(write: Write) -> None:
    """By the address that the check prints, which the entry for a waiver has as well."""
    project = write(
        "import pulumi\n\nINSTANCE, OPEN = 'aws:rds/instance:Instance', {'publiclyAccessible': True}\n"
        "pulumi.CustomResource(INSTANCE, 'ledger', OPEN | {'tags': {'owner': 'payments'}})\n"
        "pulumi.CustomResource('aws:kms/key:Key', 'ledger', {'tags': {'owner': 'payments'}})\n"
        "pulumi.CustomResource(INSTANCE, 'lost', OPEN)\npulumi.CustomResource(INSTANCE, 'fraud', OPEN)\n"
        "for team in ('fraud', 'churn'):\n"
        "    pulumi.CustomResource('aws:kms/key:Key', f'{team}-key', {'tags': {'owner': team,\n"
        "        'app.kubernetes.io/instance': 'key'}})\n"
    )
    report = check_all([])
    found = {each.finding.workload for each in report.checked if each.finding.standard == "rds-not-public"}
    assert found == {"payments/ledger", "lost", "fraud"}
    for address in ("payments/ledger", "lost"):
        answer = why_finding(project, f"finding/rds-not-public/{address}")
        console = Console(width=200, record=True, file=StringIO())
        show(answer, console)
        said = console.export_text()
        assert f"    workload: {address}\n" in said
        assert f"in a waiver its workload is {address}\n" in said
        assert answer.places[0].state == "refused"
        assert json.loads(dumps(answer))["stacks"][0]["verdicts"][0]["where"].startswith("__main__.py:")
    assert why_finding(project, "finding/rds-not-public/ledger").workload == "payments/ledger"
    for name, words in {"lots": "did you mean lost?", "ledgr": "did you mean"}.items():
        with pytest.raises(DocumentError, match=words):
            why_finding(project, f"finding/rds-not-public/{name}")
    assert why_finding(project, "finding/rds-not-public/fraud").workload == "fraud"
    with pytest.raises(
        DocumentError, match="write finding/rds-not-public/churn/key or finding/rds-not-public/fraud/key"
    ):
        why_finding(project, "finding/rds-not-public/key")
    with pytest.raises(DocumentError, match="did you mean rds-not-public"):
        why_finding(project, "finding/rds-not-publi/lost")


def test_arguments_that_are_wrong_still_end_it(write: Write) -> None:
    """There is no plan to judge."""
    write(PROGRAM.replace('"port"', '"prot"'))
    with pytest.raises(RecorderError, match="did you mean port"):
        check_all([])


def test_a_preview_is_refused_as_a_deployment_is(write: Write) -> None:
    """Only the check lets a program go on."""
    project = write(PROGRAM)
    with pytest.raises(RecorderError, match="two-replicas"):
        preview(project, "payments-prod")


def test_no_variable_or_config_lets_a_program_go_on(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its name."""
    for name in ("HANDRAIL_REFUSES", "HANDRAIL_REFUSE", "HANDRAIL_RECORDER", "REFUSES"):
        monkeypatch.setenv(name, "false")
    project = write(f"import os\n\nos.environ.update({dict(os.environ)!r})\n{PROGRAM}", refuses="false")
    with pytest.raises(RecorderError, match="two-replicas"):
        preview(project, "payments-prod")


def test_no_monitor_of_a_deployment_lets_a_program_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the engine's, not one of a test, not with an attribute of the name."""

    class Forged:
        refuses = False

    with grpc.insecure_channel("localhost:1") as channel:
        engine = resource_pb2_grpc.ResourceMonitorStub(channel)
        engine.__dict__["refuses"] = False
        for monitor in (engine, Forged()):
            monkeypatch.setattr(pulumi.runtime.settings, "get_monitor", lambda monitor=monitor: monitor)
            assert _component.refuses()


def test_a_pull_request_is_judged_by_its_base(write: Write, tmp_path: Path) -> None:
    """A clause that the program breaks and relaxes still holds."""
    organisation = tmp_path / "acme"
    organisation.mkdir()
    file = organisation / "organisation.yaml"
    file.write_text((ROOT / ORGANISATION).read_text())
    write(PROGRAM.replace('ScalableService("refunds", ONE)\n', ""), organisation=str(organisation))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.test"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, cwd=tmp_path)
    text = file.read_text()
    assert "  clauses:\n" in text
    file.write_text(text.replace("  clauses:\n", "  clauses:\n    two-replicas: {tiers: []}\n"))
    assert [name for name, *_ in refused(check_all([]))] == ["no-node-ports-or-load-balancers"]
    assert {name for name, *_ in refused(check_all([], base="HEAD"))} == {name for name, *_ in REFUSED}
