"""The state backend of an environment: what may be written, which one holds, and what the engine is told."""

from pathlib import Path

import pytest

from handrail.core.documents import parse
from handrail.core.errors import DocumentError, EngineError
from handrail.core.models import read
from handrail.core.project import Project
from handrail.core.selection import Target, select
from handrail.engine import Engine, locks
from handrail.engine.backend import address, folder
from handrail.engine.commands import command, environment
from handrail.organisation.load import load_organisation
from handrail.organisation.model import Backend
from handrail.organisation.targets import with_organisation

ROOT = Path(__file__).parents[2]
ENGINE = Engine(Path("/engine/pulumi"), "3.259.0", "built")
CLOUD = "{url: https://api.pulumi.com, organization: acme-inc}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose dev stacks are in Pulumi Cloud, its prod stacks in a bucket, the others where Pulumi.yaml says."""
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    sample = (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text()
    text = sample.replace("cluster: dev}", f"cluster: dev, backend: {CLOUD}}}", 1)
    (tmp_path / "organisation.yaml").write_text(text.replace("approvals: 1}", "backend: {url: s3://acme-prod}}", 1))
    (tmp_path / "Pulumi.yaml").write_text("name: acme\nruntime: python\nbackend: {url: 'file://state?create_dir=1'}\n")
    for name in ("dev", "staging", "prod"):
        config = f"{{handrail:organisation: ./, handrail:team: payments, handrail:environment: {name}}}"
        (tmp_path / f"Pulumi.payments-{name}.yaml").write_text(f"config: {config}\n")
    (tmp_path / "Pulumi.plain.yaml").write_text("config: {}\n")
    return Project.find(tmp_path)


def targets(project: Project, say: list[str] | None = None) -> dict[str, Target]:
    """Every stack with its backend."""
    notes: list[str] = [] if say is None else say
    return {target.stack: target for target in with_organisation(project, select(project), notes.append)}


def test_each_environment_names_its_backend(project: Project) -> None:
    """What names none keeps Pulumi.yaml's; so does a stack without a platform."""
    found = targets(project)
    assert {stack: address(project, target) for stack, target in found.items()} == {
        "payments-dev": "https://api.pulumi.com",
        "payments-prod": "s3://acme-prod",
        "payments-staging": "file://state?create_dir=1",
        "plain": "file://state?create_dir=1",
    }
    assert folder(project, found["payments-staging"]) == project.root / "state"
    assert folder(project, found["payments-prod"]) is None


def test_the_engine_is_told_the_backend_and_in_pulumi_cloud_the_owner(project: Project) -> None:
    """By the variable that Pulumi reads, and by the stack's full name; where nothing is named, by nothing."""
    found = targets(project)
    line = command(ENGINE, project, found["payments-dev"], ["up"])
    assert line == ["/engine/pulumi", "--cwd", str(project.root), "up", "--stack", "acme-inc/payments-dev"]
    assert environment(ENGINE, project, found["payments-dev"])["PULUMI_BACKEND_URL"] == "https://api.pulumi.com"
    assert command(ENGINE, project, found["payments-prod"], ["up"])[-1] == "payments-prod"
    assert "PULUMI_BACKEND_URL" not in environment(ENGINE, project, found["payments-staging"])


def test_the_variable_holds_and_each_backend_that_does_not_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A choice of the person's own, as with `pulumi`; a stack's name has no owner then."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://acme-prod")
    said: list[str] = []
    found = targets(project, said)
    assert said == [
        "PULUMI_BACKEND_URL is set: its backend is used, and not organisation.yaml's https://api.pulumi.com"
    ]
    assert {address(project, target) for target in found.values()} == {"s3://acme-prod"}
    assert command(ENGINE, project, found["payments-dev"], ["up"])[-1] == "payments-dev"


@pytest.mark.parametrize(
    "url",
    [
        "s3://state?region=eu-west-1&awssdk=v2", "gs://state", "azblob://state?storage_account=acme", "file://~/state",
        "https://api.pulumi.com", "http://127.0.0.1:8080",
    ],
)  # fmt: skip
def test_every_address_of_pulumis_is_taken(url: str) -> None:
    """As it is written."""
    assert read(parse(f"url: {url}", "f"), Backend).url == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url: state", "is no address of a state backend"),
        ("url: ftp://state", "it starts with one of file, s3, gs, azblob, https, http"),
        ("url: s3://", "is no address of a state backend"),
        ("url: https://someone:secret@pulumi.acme.test", "holds a credential, which would stand in git"),
        ("url: https://app.pulumi.com/acme", "write https://api.pulumi.com"),
        ("{url: s3://state, organization: acme}", "organization is a word of Pulumi Cloud's"),
        ("{organization: acme}", "url: is required"),
        ("{url: 's3://state', bucket: x}", "bucket: is no word that may stand here"),
    ],
)
def test_what_is_no_address_is_said(text: str, said: str) -> None:
    """Before any engine is asked."""
    with pytest.raises(DocumentError) as caught:
        read(parse(text, "f"), Backend)
    assert said in str(caught.value)


def refusal(*holders: str) -> str:
    """What the engine says of locks."""
    lines = "".join(f"\n  s3://state/.pulumi/locks/{n}.json: created by {each}" for n, each in enumerate(holders))
    return f"error: the stack is currently locked by {len(holders)} lock(s). Either wait ...{lines}\n"


def attempts(*answers: tuple[int, str]) -> tuple[list[str], tuple[int, str]]:
    """What happens when the engine answers so, one attempt after another."""
    left, happened = list(answers), []

    def attempt() -> tuple[int, str]:
        happened.append("attempt")
        return left.pop(0)

    return happened, locks.unlocked(attempt, lambda: happened.append("cancel"), "payments-prod", happened.append)


def test_dead_locks_of_this_machine_are_removed_once_looked_at_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The second look is for whoever removed them, and holds the stack, in the meantime."""
    monkeypatch.setenv("HANDRAIL_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    dead = refusal("me@here (pid 999999999) at 2026-01-01T00:00:00Z")
    removed = "payments-prod: removed the lock of process 999999999, which ran on this machine and is dead"
    assert attempts((0, "")) == (["attempt"], (0, ""))
    assert attempts((255, "no such thing")) == (["attempt"], (255, "no such thing"))
    assert attempts((255, dead), (255, dead), (0, "")) == (
        ["attempt", "attempt", "cancel", removed, "attempt"],
        (0, ""),
    )
    assert attempts((255, dead), (0, "")) == (["attempt", "attempt"], (0, ""))


@pytest.mark.parametrize(
    "holder", ["ci@elsewhere (pid 999999999) at 2026-01-01T00:00:00Z", "me@here (pid 1) at 2126-01-01T00:00:00Z"]
)
def test_any_other_lock_is_never_touched(holder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another machine's, or of a process that lives: also beside a dead one. Who holds the stack is said."""
    monkeypatch.setenv("HANDRAIL_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    for both in (False, True):
        dead = ["me@here (pid 999999999) at 2026-01-01T00:00:00Z"] if both else []
        with pytest.raises(EngineError) as caught:
            attempts((255, refusal(*dead, holder)))
        user, _, rest = holder.partition("@")
        host, _, rest = rest.partition(" (pid ")
        said = f"stack payments-prod is being deployed by process {rest.partition(')')[0]} of {user} on {host} since "
        assert str(caught.value).startswith(said)


def test_acmes_backends_are_pulumi_yamls() -> None:
    """The sample names none: its state is a folder, so that it needs nothing."""
    acme = load_organisation(ROOT / "stacks/acme/platform/acme_platform")
    assert [environment.backend for environment in acme.environments.values()] == [None, None, None]
