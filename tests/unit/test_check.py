"""`handrail check` and `handrail standards`: what is judged, by what, and how it is said."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import mutations_ml
import mutations_serving
import pytest
import yaml
from planned import acme
from spine import ORGANISATION, ROOT, copy_acme

from handrail.check import Baseline, check_all, read_baseline
from handrail.check.formats import FORMATS
from handrail.check.model import Checked, Report, State
from handrail.components._definition import Prepared
from handrail.core.errors import DocumentError, RefusedError
from handrail.core.project import Project
from handrail.core.resources import Resource
from handrail.core.streams import parse_all
from handrail.personas._stack import plan_stack
from handrail.standards import contract_of, judge
from handrail.standards.catalogue import bundled
from handrail.standards.examples import merged
from handrail.standards.samples import sample

ACME = (ROOT / ORGANISATION).parent
MUTATIONS: dict[str, tuple[str, str, dict[str, Any] | None]] = {**mutations_ml.MUTATIONS, **mutations_serving.MUTATIONS}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", **sample("kubernetes:apps/v1:Deployment")}


def root_pod(environment: str = "") -> dict[str, Any]:
    """A Deployment whose process may become root."""
    labels = {"handrail.dev/environment": environment} if environment else {}
    context = {"allowPrivilegeEscalation": True}
    template = DEPLOYMENT["spec"]["template"]
    container = merged(template["spec"]["containers"][0], {"securityContext": context})
    spec = merged(template["spec"], {"containers": [container]})
    return dict(merged(DEPLOYMENT, {"metadata": {"labels": labels}, "spec": {"template": {"spec": spec}}}))


def handrail(*arguments: str, cwd: Path = ROOT, given: str = "") -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "handrail.cli", *arguments], cwd=cwd, input=given, capture_output=True, text=True
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of acme's organisation, without its waivers."""
    shutil.copy(ROOT / ORGANISATION, tmp_path)
    return tmp_path


def checked(*what: str, organisation: Path = ACME, **options: Any) -> Report:
    """What the check finds, by acme's standards."""
    return check_all(what, organisation=str(organisation), start=ROOT, **options)


def of(report: Report, standard: str) -> list[Checked]:
    """The findings of one standard."""
    return [each for each in report.checked if each.finding.standard == standard]


def test_acme_keeps_its_contract() -> None:
    """But for what is waived."""
    report = check_all([], start=ROOT)
    assert report.of(State.REFUSED, State.ADVISORY, State.UNDECIDED) == []
    waived = {(each.finding.standard, each.finding.workload) for each in report.of(State.WAIVED)}
    assert waived == {("training-run-recorded", "assist/assistant"), ("two-replicas", "payments/refunds")}
    assert report.faults == ()


@pytest.fixture(scope="module")
def stacks() -> dict[str, tuple[Prepared, ...]]:
    """What every stack with a mutation plans."""
    project = Project.find(ROOT)
    names = {stack for stack, _, _ in MUTATIONS.values()}
    return {name: plan_stack(project.stack(name).config, root=ROOT, stack=name).prepared for name in names}


@pytest.mark.parametrize("standard", MUTATIONS)
def test_a_mutation_of_acme_is_caught(standard: str, stacks: dict[str, tuple[Prepared, ...]]) -> None:
    """By its own standard, which had nothing to say before."""
    stack, name, patch = MUTATIONS[standard]
    (prepared,) = [each for each in stacks[stack] if any(r.name == name for r in each.plan.resources)]
    contract = contract_of(prepared.workload.context)
    assert standard not in {f.standard for f in judge(prepared.plan.resources, contract) if not f.waiver}

    def mutated(resource: Resource) -> Resource:
        return (
            Resource(resource.name, resource.type, merged(resource.inputs, patch))
            if resource.name == name
            else resource
        )

    kept = [mutated(each) for each in prepared.plan.resources if patch is not None or each.name != name]
    assert standard in {finding.standard for finding in judge(kept, contract)}


def test_every_standard_of_kubernetes_has_a_mutation() -> None:
    """acme has no AWS."""
    ours = {name for name, each in bundled().items() if not each.resources[0].startswith("aws:")}
    # off; in test_promote.py; in test_pod_security.py
    assert ours - MUTATIONS.keys() <= {"images-by-digest", "api-compatible", "pod-security-restricted"}


def test_a_manifest_is_judged_by_the_environment_of_its_label(tmp_path: Path) -> None:
    """Else by the strictest; with its line."""
    file = tmp_path / "a.yaml"
    texts = [yaml.safe_dump(root_pod(environment)) for environment in ("dev", "")]
    file.write_text("# a comment\n---\n" + "---\n".join(texts))
    found = of(checked(str(file)), "pod-security-restricted")
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "allowPrivilegeEscalation" in text)
    assert next((each.where.line if each.where else 0, each.state) for each in found) == (line, State.REFUSED)
    assert len(found) == 2
    assert "as dev, prod" in checked(str(file)).about


def test_lists_and_several_documents(tmp_path: Path) -> None:
    """As `kubectl get -o yaml` and Helm print them; empty documents are nothing."""
    (tmp_path / "list.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [root_pod()] * 2}))
    assert len(of(checked(str(tmp_path)), "pod-security-restricted")) == 2
    found = checked("-", stdin=f"---\n# nothing\n---\n{yaml.safe_dump(root_pod())}".encode())
    assert len(of(found, "pod-security-restricted")) == 1
    assert found.resources == 1


def test_what_is_no_manifest_is_said(tmp_path: Path) -> None:
    """All at once, with the line."""
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b.yaml").write_text("---\n---\nx: [\n")
    with pytest.raises(DocumentError) as error:
        checked(str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"), str(tmp_path / "nothing-*.yaml"))
    said = str(error.value)
    assert "a.yaml:1:1: is no Kubernetes object" in said
    assert "b.yaml:4:1: is not YAML" in said
    assert "is no file, folder or glob that finds one" in said


def test_a_saved_preview(tmp_path: Path) -> None:
    """What is not known yet is undecided, what is secret too; a deletion is nothing."""
    manifest = root_pod("dev")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    state = {
        "type": "kubernetes:apps/v1:Deployment",
        "urn": "urn:pulumi:dev::p::t::web",
        "custom": True,
        "inputs": manifest,
    }
    steps = [{"op": "create", "newState": state}, {"op": "delete", "oldState": state}]
    (tmp_path / "preview.json").write_text(json.dumps({"config": {}, "steps": steps}))
    report = checked(str(tmp_path / "preview.json"))
    assert report.resources == 1
    assert [each.finding.resource for each in of(report, "pod-security-restricted")] == ["web"]
    assert [each.state for each in of(report, "images-from-registries")] == [State.UNDECIDED]
    only_unknown = Report(tuple(report.of(State.UNDECIDED)), 1)
    assert not only_unknown.refuses()
    assert only_unknown.refuses(strict=True)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_every_finding(form: str, tmp_path: Path) -> None:
    """With the standard, the state and the place."""
    (tmp_path / "a,b.yaml").write_text(yaml.safe_dump(root_pod("dev")))
    report = checked(str(tmp_path / "a,b.yaml"), "assist-prod")
    said = FORMATS[form](report)
    for word in ("pod-security-restricted", "training-run-recorded"):
        assert word in said
    if form == "sarif":
        (run,) = json.loads(said)["runs"]
        states = {each["ruleId"]: (each["level"], "suppressions" in each) for each in run["results"]}
        assert states["pod-security-restricted"] == ("error", False)
        assert states["training-run-recorded"] == ("note", True)
        assert {each["id"] for each in run["tool"]["driver"]["rules"]} == states.keys()
    if form == "junit":
        suite = ElementTree.fromstring(said.partition("\n")[2])
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure")) == len(report.of(State.REFUSED))
        assert int(suite.get("tests", "")) == len(suite.findall("testcase")) == len(report.checked)
    if form == "github":
        assert said.count("::error ") == len(report.of(State.REFUSED))
        assert "a%2Cb.yaml" in said


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A manifest's words start no command of GitHub's, and break no XML."""
    manifest = root_pod("dev")
    manifest["metadata"]["name"] = "x\n::set-output name=a::b\x07%"
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(manifest))
    report = checked(str(tmp_path / "a.yaml"))
    assert not [line for line in FORMATS["github"](report).splitlines() if line.startswith("::set-output")]
    ElementTree.fromstring(FORMATS["junit"](report).partition("\n")[2])


def test_a_baseline_excuses_what_was_there(tmp_path: Path) -> None:
    """And nothing new; it counts as it was in the base revision."""
    file, base = tmp_path / "a.yaml", tmp_path / "baseline.json"
    file.write_text(yaml.safe_dump(root_pod("dev")))
    report = checked(str(file))
    assert report.refuses()
    base.write_text(Baseline.of(report.checked).dumps())
    assert not read_baseline(base).applied(report).refuses()
    other = {
        **root_pod("dev"),
        "metadata": {"name": "new", "namespace": "n", "labels": {"handrail.dev/environment": "dev"}},
    }
    file.write_text(yaml.safe_dump_all([root_pod("dev"), other]))
    more = read_baseline(base).applied(checked(str(file)))
    assert {each.finding.workload for each in more.of(State.REFUSED)} == {"n/new"}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.test"]
    for command in (["init", "-q"], ["add", "a.yaml"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    assert read_baseline(base, "HEAD").keys == frozenset()  # a pull request that adds one for itself
    for command in (["add", "."], ["commit", "-qm", "second"]):
        subprocess.run([*git, *command], check=True)
    assert read_baseline(base, "HEAD").keys
    for wrong in ("nowhere", "--output=x"):
        with pytest.raises(DocumentError, match="is no revision"):
            read_baseline(base, wrong)
    base.write_text("{}")
    with pytest.raises(DocumentError, match="is no baseline"):
        read_baseline(base)


def test_the_command_ends_as_ci_needs_it(tmp_path: Path) -> None:
    """0 where nothing is refused, 1 where something is, without a project too."""
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(root_pod("dev")))
    done = handrail("check", "payments-prod")
    assert done.returncode == 0
    command = done.stdout.splitlines()[-1].partition(" says ")[0]
    assert command == "handrail why finding/two-replicas/payments/refunds"
    done = handrail("check", "a.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "handrail why" not in done.stdout  # it is about workloads of stacks
    assert "by the catalogue as it comes: no organisation was named" in done.stdout
    assert "a.yaml:" in done.stdout
    done = handrail("check", "-", "--environment", "prod", given=yaml.safe_dump(root_pod()))
    assert done.returncode == 1
    assert "by acme's standards, as prod" in done.stdout
    done = handrail("check", "-", "--environment", "live", given=yaml.safe_dump(root_pod()))
    assert done.returncode == 1
    assert "dev, prod, staging" in done.stderr


def test_the_page_on_standards(own: Path) -> None:
    """What it shows is what an organisation writes: settings, a standard of its own, a waiver."""
    page = (ROOT / "docs" / "standards.md").read_text("utf-8")
    found = list(_yaml_blocks(page))
    settings = next(text for title, text in found if not title)
    whole = yaml.safe_load((own / "organisation.yaml").read_text()) | yaml.safe_load(settings)
    (own / "organisation.yaml").write_text(yaml.safe_dump(whole))
    (own / "standards").mkdir()
    for title, text in found:
        if title:
            (own / title).write_text(text)
    done = handrail("standards", "test", "--organisation", str(own))
    assert done.stdout == "1 standards of the organisation's own, 2 examples: all hold\n", done.stderr
    debt = json.loads(handrail("standards", "debt", "--organisation", str(own), "--json").stdout)
    assert (debt["count"], debt["faults"]) == (1, [])
    listed = json.loads(handrail("standards", "list", "--organisation", str(own), "--json").stdout)
    (ours,) = [each for each in listed if each["own"]]
    assert ours["id"] == "no-debug-images"
    assert ours["doors"]["admission"] == "ValidatingAdmissionPolicy"
    shown = handrail("standards", "show", "no-debug-images", "--organisation", str(own)).stdout
    for word in ("a shell and tools", "registry.acme.test/a/b:1.0-debug", "deploy the release image", "waivers.yaml"):
        assert word in shown


def _yaml_blocks(page: str) -> list[tuple[str, str]]:
    import re

    return [(title, text) for title, text in re.findall(r'^```yaml(?: title="(.*?)")?\n(.*?)^```', page, re.M | re.S)]


OWN = {
    "title": "Something holds here", "why": "Because it is good for all of us.", "owner": "platform",
    "severity": "required", "resources": ["kubernetes:apps/v1:Deployment"], "rule": "has(object.spec.replicas)",
    "message": "'no replicas in ' + object.metadata.name", "field": "spec.replicas", "remedy": "write the replicas",
    "docs": "https://docs.acme.test",
    "examples": [{"verdict": "compliant"}, {"verdict": "violation", "object": {"spec": {"replicas": None}}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "object.spec.replicas >"}, "rule: is no expression that can be evaluated: Syntax error"),
        ({"rule": "variables.pods.x == 1"}, "did you mean variables.pod?"),
        ({"rule": "has(object.spec.replica)"}, "did you mean replicas?"),
        ({"rule": "object.a.all(a, a.all(b, b.all(c, c.all(d, d))))"}, "nests 4 loops in one another"),
        ({"variables": {"a": "variables.b", "b": "variables.a"}, "rule": "variables.a"}, "is made of itself"),
        ({"resources": ["kubernetes:apps/v1:Deploymnt"]}, "did you mean kubernetes:apps/v1:Deployment?"),
        ({"rule": None, "python": "os_system"}, "python: is no function"),
        ({"severity": "non-negotiable", "waived_by": ["platform"]}, "nobody waives it"),
        ({"examples": [{"verdict": "compliant"}] * 2}, "has no example whose verdict is violation"),
        ({"severity": "mandatory"}, "advisory, non-negotiable, required"),
        ({"rul": "true"}, "did you mean rule?"),
        ({"docs": "http://x"}, "docs"),
    ],
)  # fmt: skip
def test_a_standard_that_is_wrong_is_refused(change: dict[str, Any], said: str, own: Path) -> None:
    """When it is loaded: with the file, the field, the nearest word."""
    (own / "standards").mkdir()
    clause = {key: value for key, value in {**OWN, **change}.items() if value is not None}
    (own / "standards" / "mine.yaml").write_text(yaml.safe_dump(clause, sort_keys=False))
    done = handrail("standards", "list", "--organisation", str(own))
    assert done.returncode == 1
    assert "mine.yaml:" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_example_that_claims_too_much(own: Path) -> None:
    """Is told by `standards test`, with what the standard says of it."""
    (own / "standards").mkdir()
    examples = [{"verdict": "violation"}, {"verdict": "compliant", "object": {"spec": {"replicas": None}}}]
    (own / "standards" / "mine.yaml").write_text(yaml.safe_dump({**OWN, "examples": examples}))
    done = handrail("standards", "test", "--organisation", str(own))
    assert done.returncode == 1
    assert "mine: violation: claims violation, is compliant" in done.stderr
    assert "mine: compliant: claims compliant, is violation (no replicas in sample)" in done.stderr


@pytest.mark.parametrize(
    ("standards", "said"),
    [
        ({"version": "0"}, "is another version of the catalogue"),
        ({"version": "1", "clauses": {"job-retrys": {}}}, "did you mean job-retries?"),
        (
            {"version": "1", "clauses": {"endpoint-authenticated": {"severity": "advisory"}}},
            "is lower than the standard allows",
        ),
        ({"version": "1", "clauses": {"endpoint-authenticated": {"tiers": []}}}, "leaves out a tier"),
        (
            {"version": "1", "clauses": {"job-retries": {"params": {"retries": 10000}}}},
            "is no value that the standard allows",
        ),
        ({"version": "1", "clauses": {"job-retries": {"params": {"retrys": 1}}}}, "did you mean retries?"),
    ],
)
def test_a_setting_beyond_the_bounds_is_refused(standards: dict[str, Any], said: str, own: Path) -> None:
    """At its line of organisation.yaml."""
    whole = yaml.safe_load((own / "organisation.yaml").read_text()) | {"standards": standards}
    (own / "organisation.yaml").write_text(yaml.safe_dump(whole))
    done = handrail("standards", "list", "--organisation", str(own))
    assert done.returncode == 1
    assert "organisation.yaml:" in done.stderr
    assert said in done.stderr


def test_a_stack_is_refused_before_anything_is_planned_further(tmp_path: Path) -> None:
    """All violations of all workloads at once; a waiver in the team's repository lets nothing pass."""
    copy_acme(tmp_path)
    file = tmp_path / "stacks/acme/payments/workloads.yaml"
    text = file.read_text()
    file.write_text(text.replace("refunds:0.9.3", "refunds:latest").replace("ledger:1.12.0", "ledger"))
    (file.parent / "waivers.yaml").write_text(
        (ACME / "waivers.yaml").read_text().replace("training-run-recorded", "images-tagged")
    )
    project = Project.find(tmp_path)
    with pytest.raises(RefusedError) as error:
        plan_stack(project.stack("payments-dev").config, root=tmp_path, stack="payments-dev")
    said = str(error.value)
    assert "refunds" in said
    assert "ledger" in said


def test_documents_keep_their_lines() -> None:
    """Each position is the whole text's."""
    first, second = parse_all(b"a: 1\n---\n\nb:\n  c: 2\n", "f")
    assert (first.where(("a",)).line, second.where(("b", "c")).line) == (1, 5)
    assert acme()
