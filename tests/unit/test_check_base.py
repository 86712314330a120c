"""`handrail check --base`: a pull request is judged by the organisation that it did not write itself."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from spine import ORGANISATION, copy_acme

from handrail.check import Report, check_all, sources
from handrail.check.formats import FORMATS
from handrail.check.model import State
from handrail.components import _definition
from handrail.core.clock import now
from handrail.core.errors import DocumentError
from handrail.core.resources import Resource
from handrail.standards import Contract, Finding, judge

WORKLOADS = "stacks/acme/payments/workloads.yaml"
STACK = "payments-prod"
WAIVER = {
    "id": "one-is-enough", "standard": "two-replicas", "workload": "payments/ledger", "environment": "prod",
    "reason": "it is only asked at night", "owner": "mei@acme.test", "approver": "ada@acme.test",
    "compensating_control": "somebody looks at it",
}  # fmt: skip
OWN = """\
title: No image is a debug image
why: A debug image has a shell in it. Whoever breaks in finds it there.
owner: platform
waived_by: [platform]
severity: required
tiers: [development, staging, production]
resources: [pods]
rule: variables.containers.all(c, !c.image.contains('ledger'))
message: "'deploys a ledger'"
field: containers
remedy: deploy something else
docs: https://docs.acme.test/images
examples:
  - {verdict: violation, container: {image: "registry.acme.test/a/ledger:1.0"}}
  - {verdict: compliant, container: {image: "registry.acme.test/a/b:1.0"}}
"""


def git(folder: Path, *words: str) -> str:
    """Git in a folder."""
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.test", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the sample company in it, one commit old."""
    copy_acme(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def refused(report: Report) -> set[tuple[str, str]]:
    """Standard and workload of what is refused."""
    return {(each.finding.standard, each.finding.workload) for each in report.of(State.REFUSED)}


def edited(file: Path, change: Callable[[dict[str, object]], None]) -> None:
    """A YAML file, changed."""
    found = yaml.safe_load(file.read_text()) if file.exists() else {}
    change(found)
    file.write_text(yaml.safe_dump(found))


def lonely(repository: Path) -> Path:
    """The organisation's directory, when a team asks for one replica in production, which two-replicas refuses."""
    file = repository / WORKLOADS
    data = yaml.safe_load(file.read_text())
    data["services"]["ledger"]["scale"] = {"min": 1}
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return (repository / ORGANISATION).parent


def test_a_waiver_for_itself(repository: Path, fixed_days: tuple[str, str]) -> None:
    """Counts when it is merged, and not before."""
    organisation = lonely(repository)
    granted, expires = fixed_days
    waiver = {**WAIVER, "granted": granted, "expires": expires}
    file = organisation / "waivers.yaml"
    file.write_text(yaml.safe_dump({"waivers": [*yaml.safe_load(file.read_text())["waivers"], waiver]}))
    assert refused(check_all([STACK], start=repository)) == set()
    report = check_all([STACK], start=repository, base="HEAD")
    assert refused(report) == {("two-replicas", "payments/ledger")}
    assert "as they were in HEAD" in report.about
    (change,) = report.changes
    assert change.file.endswith("waivers.yaml")
    assert "one-is-enough" in change.diff
    said = FORMATS["text"](report)
    assert "What this changes in the contract, which counts when it is merged:\n--- HEAD:" in said
    assert json.loads(FORMATS["json"](report))["contract_changes"][0]["diff"] == change.diff
    assert "::notice file=" in FORMATS["github"](report)
    git(repository, "commit", "-qam", "merged")
    assert refused(check_all([STACK], start=repository, base="HEAD")) == set()


@pytest.fixture
def fixed_days() -> tuple[str, str]:
    """A waiver's days around now."""
    return str(now().date() - timedelta(days=1)), str(now().date() + timedelta(days=30))


def test_a_clause_that_is_relaxed_by_who_breaks_it(repository: Path) -> None:
    """A severity, a tier, a parameter: the base's hold."""
    organisation = lonely(repository)

    def relax(data: dict[str, object]) -> None:
        standards = data["standards"]
        assert isinstance(standards, dict)
        standards.setdefault("clauses", {})["two-replicas"] = {"tiers": []}

    edited(organisation / "organisation.yaml", relax)
    assert refused(check_all([STACK], start=repository)) == set()
    report = check_all([STACK], start=repository, base="HEAD")
    assert refused(report) == {("two-replicas", "payments/ledger")}
    assert [each.file.rpartition("/")[2] for each in report.changes] == ["organisation.yaml"]


def test_a_stack_is_judged_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the base's contract, while it is planned."""
    lonely(repository)
    contracts: list[Contract] = []

    def counting(resources: Iterable[Resource], contract: Contract) -> list[Finding]:
        contracts.append(contract)
        return judge(resources, contract)

    monkeypatch.setattr(_definition, "judge", counting)
    monkeypatch.setattr(sources, "judge", counting)
    assert refused(check_all([STACK], start=repository, base="HEAD")) == {("two-replicas", "payments/ledger")}
    workloads = yaml.safe_load((repository / WORKLOADS).read_text())["services"]
    assert len(contracts) == len(workloads)
    assert len({id(each) for each in contracts}) == 1


def test_a_standard_of_the_organisations_own_that_is_taken_out(repository: Path) -> None:
    """Holds for stacks and for files."""
    organisation = (repository / ORGANISATION).parent
    (organisation / "standards").mkdir(exist_ok=True)
    own = organisation / "standards" / "no-ledgers.yaml"
    own.write_text(OWN)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "second")
    own.unlink()
    assert refused(check_all([STACK], start=repository)) == set()
    report = check_all([STACK], start=repository, base="HEAD")
    assert refused(report) == {("no-ledgers", "payments/ledger")}
    manifest = repository / "pod.yaml"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n"},
           "spec": {"containers": [{"name": "a", "image": "registry.acme.test/a/ledger:1"}]}}  # fmt: skip
    manifest.write_text(yaml.safe_dump(pod))
    found = check_all([str(manifest)], environment="dev", start=repository, base="HEAD")
    assert "no-ledgers" in {standard for standard, _ in refused(found)}
    assert "-title: No image is a debug image" in found.changes[0].diff


def test_nothing_changed_is_nothing_said(repository: Path) -> None:
    """Nor is anything left behind, or touched."""
    before = set(Path(tempfile.gettempdir()).glob("handrail-base-*"))
    (repository / "new.txt").write_text("not added")
    status = git(repository, "status", "--porcelain")
    report = check_all(["*-dev"], start=repository, base="HEAD")
    assert (report.changes, refused(report)) == ((), set())
    assert "What this changes" not in FORMATS["text"](report)
    assert git(repository, "status", "--porcelain") == status
    assert set(Path(tempfile.gettempdir()).glob("handrail-base-*")) <= before


def test_a_base_that_is_none(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each with what to do."""
    for wrong in ("nowhere", "--output=x"):
        with pytest.raises(DocumentError, match="is no revision"):
            check_all([STACK], start=repository, base=wrong)
    git(repository, "checkout", "-q", "--orphan", "empty")
    git(repository, "rm", "-rq", "--cached", ".")
    git(repository, "commit", "-q", "--allow-empty", "-m", "nothing")
    git(repository, "add", ".")
    with pytest.raises(DocumentError, match="has no organisation in HEAD"):
        check_all([STACK], start=repository, base="HEAD")


def test_an_installed_organisation_is_what_counts(repository: Path) -> None:
    """It is pinned by the lock, and no pull request of the team's changes it."""
    organisation = (repository / ORGANISATION).parent
    git(repository, "rm", "-rq", "--cached", str(organisation))
    git(repository, "commit", "-qm", "it is a package now")
    report = check_all([STACK], start=repository, base="HEAD")
    assert report.about == "by acme's standards"


def test_an_organisation_in_no_repository_at_all(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As one in a virtual environment somewhere else: it counts as it is."""
    away = tmp_path_factory.mktemp("installed") / "organisation"
    (repository / ORGANISATION).parent.rename(away)
    config = repository / "stacks" / "config" / f"Pulumi.{STACK}.yaml"
    edited(config, lambda data: data["config"].update({"handrail:organisation": str(away)}))  # type: ignore[attr-defined]
    assert check_all([STACK], start=repository, base="HEAD").about == "by acme's standards"


def test_waivers_and_standards_in_a_teams_own_folders(repository: Path) -> None:
    """Count for nothing, and are told with where they would."""
    (repository / WORKLOADS).with_name("waivers.yaml").write_text(yaml.safe_dump({"waivers": [WAIVER]}))
    (repository / "standards").mkdir()
    (repository / "standards" / "own.yaml").write_text(OWN)
    lonely(repository)
    report = check_all([STACK], start=repository)
    assert refused(report) == {("two-replicas", "payments/ledger")}
    files = {str(fault.where).rpartition("/")[2] for fault in report.faults}
    assert files == {"waivers.yaml:1:1", "own.yaml:1:1"}
    assert all("count" in str(fault) and "platform team" in str(fault) for fault in report.faults)
    assert report.refuses()
