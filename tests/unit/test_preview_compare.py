"""`handrail preview --base`: what differs between two revisions, with no engine, cluster or credential."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from spine import ORGANISATION, ROOT, copy_acme

from handrail.core.errors import DocumentError
from handrail.core.project import Project
from handrail.organisation import load_organisation
from handrail.preview.compare import compare
from handrail.preview.markdown import render
from handrail.preview.planner import planned
from handrail.preview.planning import Plans, Side
from handrail.preview.rendering import as_text
from handrail.preview.report import Change, Report, StackChange, WorkloadChange
from handrail.preview.risk import Risk

PAYMENTS = "stacks/acme/payments/workloads.yaml"
PROGRAM = """
import json
import pulumi
from handrail.components import ScalableService

ScalableService("web", {"image": "registry.acme.test/payments/web:1.0", "port": 8080, "scale": {"min": 2}})
pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "notes", {
    "metadata": {"name": "notes", "namespace": "payments-prod"}, "data": {"greeting": "hello"},
})
"""


def git(folder: Path, *words: str) -> str:
    """Git in a folder."""
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.test", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def committed(folder: Path, message: str) -> None:
    """All that there is, as a commit."""
    git(folder, "add", ".")
    git(folder, "commit", "-qm", message)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the sample company in it, one commit old."""
    folder = tmp_path / "acme"
    folder.mkdir()
    copy_acme(folder)
    git(folder, "init", "-q")
    committed(folder, "first")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both revisions planned here, by what their processes run: for tests that are not about those processes."""

    def plan(sides: list[Side]) -> list[Plans]:
        load_organisation.cache_clear()
        return [
            Plans({name: planned(Project.read(side.root / "Pulumi.yaml"), name, plain=True) for name in side.stacks})
            for side in sides
        ]

    monkeypatch.setattr("handrail.preview.compare.plan", plan)


def edited(repository: Path, name: str, change: Callable[[Any], object]) -> None:
    """A YAML file, changed."""
    file = repository / name
    found = yaml.safe_load(file.read_text())
    change(found)
    file.write_text(yaml.safe_dump(found, sort_keys=False))


def services(repository: Path, **changes: Any) -> None:
    """Settings of payments' services, changed; None takes one out."""

    def change(data: Any) -> None:
        for name, settings in changes.items():
            if settings is None:
                del data["services"][name]
            else:
                data["services"].setdefault(name, {}).update(settings)

    edited(repository, PAYMENTS, change)


def compared(repository: Path, *stacks: str, base: str = "HEAD") -> Report:
    """The comparison, which every rendering takes."""
    report = compare(Project.find(repository), base, stacks)
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert render(report)
    assert as_text(report)
    return report


def only(report: Report) -> tuple[StackChange, WorkloadChange]:
    """The one workload of the one stack that changes."""
    (stack,) = report.stacks
    (workload,) = stack.workloads
    return stack, workload


def test_nothing_changes(repository: Path) -> None:
    """Then that is said, and nothing is left or touched."""
    (repository / "new.txt").write_text("not added")
    before = git(repository, "status", "--porcelain"), (repository / ".git" / "index").read_bytes()
    report = compared(repository, "payments-*")
    assert (report.stacks, report.unchanged_stacks, report.unchanged, report.complete) == ((), 3, 9, True)
    assert (report.base, report.head) == (git(repository, "rev-parse", "HEAD"), "working tree")
    assert (git(repository, "status", "--porcelain"), (repository / ".git" / "index").read_bytes()) == before
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    (repository / "new.txt").unlink()
    assert compared(repository, "payments-dev").head == report.base


@pytest.mark.usefixtures("quick")
def test_an_image_and_its_replicas(repository: Path) -> None:
    """One sentence, one risk, the fields behind it, and what it costs."""
    services(
        repository, checkout={"image": "registry.acme.test/payments/checkout:2.8.0", "scale": {"min": 2, "max": 30}}
    )
    report = compared(repository, "payments-prod")
    stack, workload = only(report)
    assert (stack.stack, stack.team, stack.environment, stack.tier) == (
        "payments-prod",
        "payments",
        "prod",
        "production",
    )
    assert (workload.name, workload.noun) == ("checkout", "service")
    assert workload.sentence.startswith("image 2.7.1 → 2.8.0, most replicas 20 → 30")
    assert workload.risk is Risk.ROLLING_RESTART
    deployment = next(each for each in workload.resources if each.name == "checkout-deployment")
    assert [(each.path, each.before, each.after) for each in deployment.fields] == [
        ("spec.template.spec.containers[checkout].image", "registry.acme.test/payments/checkout:2.7.1",
         "registry.acme.test/payments/checkout:2.8.0"),
    ]  # fmt: skip
    assert stack.unchanged == 2
    assert stack.cost
    assert stack.cost.before == stack.cost.after
    assert stack.cost.after_at_most > stack.cost.before_at_most
    assert {row.resource: row.limit for row in stack.quota}["cpu"] == 40


@pytest.mark.usefixtures("quick")
def test_a_service_comes_and_another_goes(repository: Path) -> None:
    """Each is one line, with how many resources."""
    image = "registry.acme.test/payments/newcomer:0.1.0"
    services(repository, newcomer={"image": image, "port": 8080, "data_classification": "internal"}, ledger=None)

    def forget(data: Any) -> None:
        for each in data["services"].values():
            each["calls"] = [call for call in each.get("calls", []) if call != "ledger"]

    edited(repository, PAYMENTS, forget)
    (stack,) = compared(repository, "payments-dev").stacks
    by_name = {each.name: each for each in stack.workloads}
    assert set(by_name) == {"newcomer", "ledger", "checkout", "refunds"}
    assert by_name["newcomer"].sentence.startswith(f"new: image {image}, port 8080, ")
    assert {each.change for each in by_name["newcomer"].resources} == {Change.CREATE}
    assert by_name["ledger"].sentence == f"removed, with its {len(by_name['ledger'].resources)} resources"
    assert {each.change for each in by_name["ledger"].resources} == {Change.DELETE}
    assert by_name["ledger"].risk is Risk.TRAFFIC
    assert by_name["refunds"].sentence == "drops calls ledger"
    assert by_name["checkout"].sentence == "calls -ledger"


@pytest.mark.usefixtures("quick")
def test_another_port(repository: Path) -> None:
    """It is in the sentence, and in each resource that has it."""
    services(repository, ledger={"port": 9001})
    _, workload = only(compared(repository, "payments-prod"))
    assert workload.sentence == "port 9000 → 9001"
    assert {"Deployment", "NetworkPolicy"} <= {each.type.rpartition(":")[2] for each in workload.resources}


@pytest.mark.usefixtures("quick")
def test_more_than_the_quota_has(repository: Path) -> None:
    """Is told with what there is, and weighs most in both renderings."""
    services(repository, ledger={"cpu": "20", "scale": {"min": 3, "max": 6}})
    report = compared(repository, "payments-prod")
    (row,) = [row for row in report.stacks[0].quota if row.over]
    assert (row.resource, row.limit, row.after > 60) == ("cpu", 40, True)
    assert "of 40 cores: over the quota" in as_text(report)
    assert "🔴 cpu" in render(report)


@pytest.mark.usefixtures("quick")
def test_a_finding_appears(repository: Path) -> None:
    """And is gone when it is mended; what was violated before is not told again."""
    services(repository, ledger={"scale": {"min": 1}})
    _, workload = only(compared(repository, "payments-prod"))
    assert [each.standard for each in workload.findings_appear] == ["two-replicas"]
    committed(repository, "one replica")
    services(repository, ledger={"env": {"A": "b"}})
    _, workload = only(compared(repository, "payments-prod"))
    assert (workload.findings_appear, workload.findings_disappear) == ((), ())
    services(repository, ledger={"scale": {"min": 2}})
    _, workload = only(compared(repository, "payments-prod"))
    assert [each.standard for each in workload.findings_disappear] == ["two-replicas"]


@pytest.mark.usefixtures("quick")
def test_who_judges_is_who_was_there_before(repository: Path) -> None:
    """A clause that is relaxed in the same change counts when it is merged, and is shown as a diff."""
    services(repository, ledger={"scale": {"min": 1}})
    edited(repository, ORGANISATION, lambda data: data["standards"]["clauses"].update({"two-replicas": {"tiers": []}}))
    report = compared(repository, "payments-prod")
    _, workload = only(report)
    assert [each.standard for each in workload.findings_appear] == ["two-replicas"]
    (change,) = report.contract_changes
    assert change.file.endswith("organisation.yaml")
    assert "+    two-replicas:" in change.diff
    assert [each.stack for each in report.reach] == ["payments-prod"]


@pytest.mark.usefixtures("quick")
def test_a_waiver_starts_to_matter(repository: Path) -> None:
    """When it lets pass what comes with the change; and stops to when that goes."""
    waivers = yaml.safe_load((repository / ORGANISATION).with_name("waivers.yaml").read_text())["waivers"]
    waiver = next(
        each for each in waivers if each["workload"] == "payments/refunds" and each["standard"] == "two-replicas"
    )
    stack = f"payments-{waiver['environment']}"
    services(repository, refunds={"scale": {"min": 2}})
    _, workload = only(compared(repository, stack))
    assert [each.waiver.partition(" ")[0] for each in workload.waivers_stop] == [waiver["id"]]
    committed(repository, "two replicas")
    services(repository, refunds={"scale": {"min": 1}})
    _, workload = only(compared(repository, stack))
    assert [each.standard for each in workload.waivers_start] == ["two-replicas"]
    assert workload.findings_appear == ()


@pytest.mark.usefixtures("quick")
def test_a_change_of_the_platforms(repository: Path) -> None:
    """Lists every stack that it reaches, worst first, and says what changes in each workload in its people's words."""

    def other(data: Any) -> None:
        data["clusters"]["prod"]["scrapers"] = "observability"
        data["accelerators"]["l4"]["node_labels"] = {"nvidia.com/gpu.product": "NVIDIA-L4-2"}

    edited(repository, ORGANISATION, other)
    report = compared(repository, "*-prod", "fraud-dev", "payments-dev")
    reached = {each.stack: each for each in report.reach}
    assert {"payments-prod", "fraud-prod", "fraud-dev"} <= set(reached)
    assert "payments-dev" not in reached
    assert reached["payments-prod"].workloads == 3
    risks = [each.risk.severity for each in report.reach]
    assert risks == sorted(risks, reverse=True)
    workload = next(each for stack in report.stacks for each in stack.workloads if each.name == "checkout")
    assert workload.sentence == "changes network access"


@pytest.mark.usefixtures("quick")
def test_a_label_on_every_pod(repository: Path) -> None:
    """As a cost centre: it restarts them all, and reaches no other team."""
    edited(repository, ORGANISATION, lambda data: data["teams"]["payments"].update(cost_centre="cc-9"))
    (stack,) = compared(repository, "payments-prod").stacks
    assert len(stack.workloads) == 3
    assert {each.risk for each in stack.workloads} == {Risk.ROLLING_RESTART}


@pytest.mark.usefixtures("quick")
def test_a_stack_comes_and_a_stack_goes(repository: Path) -> None:
    """Whole."""
    folder = repository / "stacks" / "config"
    (folder / "Pulumi.payments-qa.yaml").write_text((folder / "Pulumi.payments-dev.yaml").read_text())
    (folder / "Pulumi.churn-dev.yaml").unlink()
    report = compared(repository, "payments-qa", "churn-dev", "payments-dev")
    assert {each.stack: each.status for each in report.stacks} == {"payments-qa": "added", "churn-dev": "removed"}
    assert all(each.workloads for each in report.stacks)
    assert report.complete


def test_a_revision_that_is_broken(repository: Path) -> None:
    """Is an error of its stacks, with file and line; the others are still shown."""
    services(repository, checkout={"imgae": "a"})
    edited(repository, "stacks/acme/storefront/workloads.yaml", lambda data: data["services"]["web"].update(port=8081))
    report = compared(repository, "payments-dev", "storefront-dev")
    assert not report.complete
    broken, whole = report.stacks
    assert (broken.stack, whole.stack) == ("payments-dev", "storefront-dev")
    assert broken.error
    assert "did you mean image?" in broken.error
    assert broken.error.startswith("now: ")
    assert "workloads.yaml:" in broken.error
    assert "3000 → 8081" in whole.workloads[0].sentence
    committed(repository, "broken")
    services(repository, checkout={"image": "registry.acme.test/payments/checkout:2.8.0"})
    assert "in both revisions: " in (compared(repository, "payments-dev").stacks[0].error or "")


@pytest.mark.usefixtures("quick")
def test_a_base_is_where_the_two_parted(repository: Path) -> None:
    """As of a pull request: what came to the base branch since then is not this change's."""
    git(repository, "checkout", "-qb", "feature")
    services(repository, ledger={"port": 9001})
    committed(repository, "a port")
    git(repository, "checkout", "-q", "-")
    services(repository, checkout={"port": 8081})
    committed(repository, "another port")
    main = git(repository, "rev-parse", "--abbrev-ref", "HEAD")
    git(repository, "checkout", "-q", "feature")
    report = compared(repository, "payments-dev", base=main)
    _, workload = only(report)
    assert (workload.name, report.head) == ("ledger", git(repository, "rev-parse", "HEAD"))


@pytest.mark.usefixtures("quick")
def test_a_selection(repository: Path) -> None:
    """By name, environment and team, as everywhere; what selects nothing in either revision is told."""
    services(repository, ledger={"port": 9001})
    report = compare(Project.find(repository), "HEAD", environment="dev", team="payments")
    assert [each.stack for each in report.stacks] == ["payments-dev"]
    with pytest.raises(DocumentError, match="did you mean payments-dev"):
        compare(Project.find(repository), "HEAD", ["payments-deb"])
    with pytest.raises(DocumentError, match="is no revision"):
        compare(Project.find(repository), "nowhere")


@pytest.mark.usefixtures("quick")
def test_a_project_that_was_not_there(repository: Path) -> None:
    """Is new as a whole; one whose Pulumi.yaml was none only looks so, and that is said."""
    text = (repository / "Pulumi.yaml").read_text()
    git(repository, "rm", "-q", "Pulumi.yaml")
    git(repository, "commit", "-qm", "none")
    (repository / "Pulumi.yaml").write_text(text)
    report = compared(repository, "payments-dev")
    assert ([each.status for each in report.stacks], report.complete) == (["added"], True)
    (repository / "Pulumi.yaml").write_text("name: [")
    committed(repository, "broken")
    (repository / "Pulumi.yaml").write_text(text)
    report = compared(repository, "payments-dev")
    assert ([each.status for each in report.stacks], report.complete) == (["added"], False)
    assert report.unseen[0].startswith("the base revision, so that all looks new: Pulumi.yaml:")


@pytest.mark.usefixtures("quick")
def test_an_organisation_of_ones_own_making(repository: Path) -> None:
    """Judges nothing: neither one that is new, nor one that a stack is newly led to."""
    own = repository / "own"
    own.mkdir()
    (own / "organisation.yaml").write_text((repository / ORGANISATION).read_text())
    edited(
        repository, "own/organisation.yaml",
        lambda data: data["standards"]["clauses"].update({"two-replicas": {"tiers": []}}),
    )  # fmt: skip
    folder = repository / "stacks" / "config"
    config = (folder / "Pulumi.payments-prod.yaml").read_text().replace("./stacks/acme/platform/acme_platform", "./own")
    (folder / "Pulumi.payments-prod.yaml").write_text(config)
    (folder / "Pulumi.payments-qa.yaml").write_text(config)
    git(repository, "add", ".")
    services(repository, ledger={"scale": {"min": 1}})
    report = compared(repository, "payments-prod", "payments-qa")
    stacks = {each.stack: each for each in report.stacks}
    ledger = next(each for each in stacks["payments-prod"].workloads if each.name == "ledger")
    assert [each.standard for each in ledger.findings_appear] == ["two-replicas"]
    assert stacks["payments-qa"].status == "added"
    assert any(each.file.endswith("own/organisation.yaml") for each in report.contract_changes)
    report = compared(repository, "payments-qa")
    assert not report.complete
    assert "the base revision has no organisation there" in report.unseen[0]
    assert all(not workload.findings_appear for stack in report.stacks for workload in stack.workloads)


@pytest.mark.usefixtures("quick")
def test_a_budget_is_of_all_environments(repository: Path) -> None:
    """So it is told where all were looked at."""
    services(repository, ledger={"cpu": "10", "scale": {"min": 4}})
    report = compared(repository)
    (budget,) = report.budgets
    assert (budget.team, budget.limit, budget.over) == ("payments", 4000, False)
    sums = sum(each.cost.after for each in report.stacks if each.cost)
    assert budget.cost.after == pytest.approx(sums, abs=0.05)
    assert compared(repository, "payments-prod").budgets == ()


@pytest.fixture
def program(repository: Path) -> Path:
    """The repository with a program of its own in place of workloads.yaml."""
    (repository / "stacks" / "__main__.py").write_text(PROGRAM)
    (repository / ".venv").symlink_to(sys.prefix)
    (repository / ".gitignore").write_text(".venv\n")
    committed(repository, "a program")
    return repository


def test_a_program_of_its_own(program: Path) -> None:
    """Is recorded in both revisions, and told by the fields that people know."""
    file = program / "stacks" / "__main__.py"
    file.write_text(file.read_text().replace("web:1.0", "web:1.1").replace('"hello"', '"good day"'))
    report = compared(program, "payments-prod")
    (stack,) = report.stacks
    sentences = {each.name: each.sentence for each in stack.workloads}
    assert sentences["web"].startswith("image 1.0 → 1.1")
    notes = next(each for each in stack.workloads if each.name != "web")
    assert [(each.path, each.before, each.after) for each in notes.resources[0].fields] == [
        ("data.greeting", "hello", "good day")
    ]
    assert (stack.team, stack.environment) == ("payments", "prod")


def test_a_program_that_fails(program: Path) -> None:
    """Is an error of its stack."""
    file = program / "stacks" / "__main__.py"
    file.write_text(file.read_text() + "\nraise SystemExit('no')\n")
    (stack,) = compared(program, "payments-prod").stacks
    assert stack.error
    assert stack.error.startswith("now: ")


def test_a_program_sees_no_credential(program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither in its environment, nor in a home."""
    secret = tmp_path / "kubeconfig"
    secret.write_text("token: hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("KUBECONFIG", str(secret))
    file = program / "stacks" / "__main__.py"
    file.write_text(
        "import json, os, pulumi\nfrom pathlib import Path\n"
        "def read():\n    try:\n        return Path(os.environ['SEEN']).read_text()\n    except OSError: return 'shut'\n"
        f"os.environ['SEEN'] = {str(secret)!r}\n"
        "pulumi.CustomResource('kubernetes:core/v1:ConfigMap', 'seen', {'metadata': {'name': 'seen'},"
        " 'data': {'environment': json.dumps(dict(os.environ)), 'file': read()}})\n"
    )
    text = compared(program, "payments-prod").model_dump_json()
    assert "hunter2" not in text
    assert "AWS_SECRET" not in text
    report = compared(program, "payments-prod")
    resources = [each for stack in report.stacks for group in stack.workloads for each in group.resources]
    assert any(each.name == "seen" for each in resources)


def test_yaml_is_planned_without_pulumi(repository: Path) -> None:
    """In a process that never imports it, and that has nothing of the caller's environment but what it needs."""
    probe = repository.parent / "probe"
    probe.mkdir()
    (probe / "sitecustomize.py").write_text(
        "import atexit, json, os, sys\n"
        f"atexit.register(lambda: open({str(probe / 'seen')!r}, 'a').write("
        "json.dumps([sorted({m.partition('.')[0] for m in sys.modules}), sorted(os.environ)]) + '\\n'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(probe), "AWS_SECRET_ACCESS_KEY": "hunter2", "SURPRISE": "yes"}
    subprocess.run(
        [sys.executable, "-m", "handrail.cli", "preview", "--base", "HEAD", "payments-dev"],
        cwd=repository, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    processes = [json.loads(line) for line in (probe / "seen").read_text().splitlines()]
    assert len(processes) == 3  # both revisions, and who compares them
    assert all("pulumi" not in modules and "grpc" not in modules for modules, _ in processes)
    for _, names in processes[:2]:
        assert not {"AWS_SECRET_ACCESS_KEY", "SURPRISE"} & set(names)


def test_an_interrupt_leaves_nothing(program: Path) -> None:
    """No worktree, no folder, no process."""
    file = program / "stacks" / "__main__.py"
    started = program.parent / "started"
    file.write_text(f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    temporary = program.parent / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "handrail.cli", "preview", "--base", "HEAD", "payments-dev"],
        cwd=program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as process:  # fmt: skip
        until = time.monotonic() + 60
        while not (started.exists() and started.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr
        assert process.stderr.read() == "handrail: interrupted\n"
    assert len(git(program, "worktree", "list").splitlines()) == 1
    child = Path("/proc") / started.read_text()
    until = time.monotonic() + 10
    while child.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not child.exists()
    assert list(temporary.iterdir()) == []


def test_the_command(repository: Path) -> None:
    """Writes text, a comment, or JSON that it shows again."""
    services(repository, ledger={"port": 9001})
    command = [sys.executable, "-m", "handrail.cli", "preview"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *words], cwd=repository, capture_output=True, text=True)

    assert "port 9000 → 9001" in run("--base", "HEAD", "payments-dev").stdout
    assert run("--base", "HEAD", "payments-dev", "--json", "--output", "report.json").stdout == ""
    shown = run("--report", "report.json", "--format", "markdown").stdout
    assert shown.startswith("<!-- handrail-preview -->\n")
    assert "port 9000 → 9001" in shown
    (repository / "report.json").write_text('{"schema_version": 3}')
    wrong = run("--report", "report.json")
    assert (wrong.returncode, "is no report" in wrong.stderr) == (1, True)
    assert run("--format", "markdown").returncode == 2
    assert run("--report", "report.json", "payments-dev").returncode == 2


def test_the_projects_own_components_are_those_of_each_revision(tmp_path: Path) -> None:
    """Of a repository that has Handrail in it, each revision is planned by its own; a test of the import path."""
    from handrail.preview.environments import mapped

    found = list(mapped(ROOT, tmp_path))
    assert {str(tmp_path / name) for name in ("cli", "components", "personas", "platform")} <= set(found)
    assert not any(".venv" in each for each in found)
