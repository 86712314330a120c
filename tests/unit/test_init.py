"""A team's own repository: made, previewed, made again; and the schemas that its editor reads."""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from typer.testing import CliRunner, Result

from handrail.cli.app import app
from handrail.core.errors import DocumentError
from handrail.personas._persona import personas
from handrail.personas._requirement import requirement
from handrail.personas._scaffold import changes, repository, write
from handrail.personas._schema import organisation_schema, workloads_schema
from handrail.testing import plan, stacks

ROOT = Path(__file__).parents[2]
ACME = ROOT / "stacks" / "acme"
TEAMS = {"app-developer": "payments", "ml-engineer": "fraud", "data-scientist": "churn"}
Init = Callable[..., Result]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """`handrail init` in an empty folder beside acme's organisation."""
    shutil.copytree(ACME / "platform" / "acme_platform", tmp_path / "organisation")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(
            app, ["init", *arguments, "--organisation", "../organisation", "--no-lock"], input=answer
        )

    return run


@pytest.mark.parametrize(("persona", "team"), TEAMS.items())
def test_a_new_repository_plans_clean(persona: str, team: str, init: Init, tmp_path: Path) -> None:
    """Each persona's, in every environment; the generated tests ask for just this."""
    done = init(persona, team)
    assert done.exit_code == 0, done.output
    assert f"next:    cd {team}; uv sync; uv run handrail preview" in done.output
    assert stacks(tmp_path / team) == [f"{team}-dev", f"{team}-prod", f"{team}-staging"]
    for stack in stacks(tmp_path / team):
        found = plan(tmp_path / team, stack)
        assert (found.persona, len(found.prepared)) == (persona, 1)
    compile((tmp_path / team / "tests/test_workloads.py").read_text(), "test_workloads.py", "exec")
    assert "$" not in (tmp_path / team / "pyproject.toml").read_text()


def test_a_second_run_is_about_what_is_newer_and_keeps_edits(init: Init, tmp_path: Path) -> None:
    """Nothing by itself; an edit is kept and shown, a removed file stays away, an outdated one is asked about."""
    init("app-developer", "payments")
    folder = tmp_path / "payments"
    assert init("app-developer", "payments").output == "nothing is newer\n"
    (folder / "workloads.yaml").write_text((ACME / "payments" / "workloads.yaml").read_text())
    (folder / "tests/test_workloads.py").unlink()
    record = folder / ".handrail" / "init.json"
    older = (folder / "README.md").read_text().replace("why a workload is as it is", "why")
    (folder / "README.md").write_text(older)
    from handrail.personas._scaffold import _digest

    record.write_text(json.dumps({**json.loads(record.read_text()), "README.md": _digest(older)}))
    refused = init("app-developer", "payments", answer="n\n")
    assert refused.exit_code == 1
    assert "newer    README.md" in refused.output
    assert "+    uv run handrail why NAME                 # why a workload is as it is" in refused.output
    assert "yours    workloads.yaml" in refused.output
    assert "removed  tests/test_workloads.py" in refused.output
    assert (folder / "README.md").read_text() == older
    assert init("app-developer", "payments", "--yes").exit_code == 0
    assert "why a workload is as it is" in (folder / "README.md").read_text()
    assert "checkout" in (folder / "workloads.yaml").read_text()
    assert not (folder / "tests/test_workloads.py").exists()


def test_an_installed_organisation_is_a_dependency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name that it is published under."""
    monkeypatch.syspath_prepend(str(ACME / "platform"))
    files = repository("data-scientist", "churn", "churn", "acme_platform", tmp_path)
    assert '"acme-platform"]' in files["pyproject.toml"]
    assert "handrail:organisation: acme_platform" in files["Pulumi.churn-dev.yaml"]


class Installed:
    """An installed distribution whose installer left this note of its origin."""

    version = "1.4.0"

    def __init__(self, origin: dict[str, Any] | None) -> None:
        self.origin = origin

    def read_text(self, name: str) -> str | None:
        """One of its metadata files."""
        return json.dumps(self.origin) if name == "direct_url.json" and self.origin else None


@pytest.mark.parametrize(
    ("origin", "line", "source"),
    [
        (None, "acme-platform==1.4.0", None),
        (
            {
                "url": "https://git.acme.test/platform",
                "subdirectory": "org",
                "vcs_info": {"vcs": "git", "commit_id": "a1"},
            },
            "acme-platform",
            {"git": "https://git.acme.test/platform", "rev": "a1", "subdirectory": "org"},
        ),
        ({"url": "file:///x/a%20b/p-1.whl", "archive_info": {}}, "acme-platform", {"path": "../a b/p-1.whl"}),
        (
            {"url": "file:///x/platform", "dir_info": {"editable": True}},
            "acme-platform",
            {"path": "../platform", "editable": True},
        ),
        (
            {"url": "https://acme.test/p-1.whl", "archive_info": {}},
            "acme-platform",
            {"url": "https://acme.test/p-1.whl"},
        ),
    ],
)
def test_a_requirement_is_what_is_installed_here(
    origin: dict[str, Any] | None, line: str, source: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version from an index; else the commit, the file or the folder, as uv writes it."""
    monkeypatch.setattr("importlib.metadata.distribution", lambda _: Installed(origin))
    found = requirement("acme-platform", Path("/x/team"))
    assert found.line == line
    assert (tomllib.loads(found.source) if found.source else None) == ({"acme-platform": source} if source else None)


@pytest.mark.parametrize("uv", ["missing", "failing"])
def test_what_cannot_be_locked_is_said(uv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do; the repository is there."""
    shutil.copytree(ACME / "platform" / "acme_platform", tmp_path / "organisation")
    (tmp_path / "bin").mkdir()
    if uv == "failing":
        (tmp_path / "bin/uv").write_text("#!/bin/sh\necho 'no such index' >&2\nexit 2\n")
        (tmp_path / "bin/uv").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = CliRunner().invoke(app, ["init", "app-developer", "payments", "-o", "../organisation"])
    assert done.exit_code == 0
    assert {"missing": "not locked: there is no uv here", "failing": "not locked: no such index"}[uv] in done.output
    assert "run `uv lock`" in done.output
    assert (tmp_path / "payments/workloads.yaml").exists()


def test_what_cannot_be_is_said_at_once(tmp_path: Path) -> None:
    """Persona and team, with the nearest; nothing is written."""
    with pytest.raises(DocumentError) as caught:
        repository("data-scientst", "x", "chrun", str(ACME / "platform" / "acme_platform"), tmp_path)
    assert "no persona data-scientst" in str(caught.value)
    assert "did you mean data-scientist?" in str(caught.value)
    assert "no team chrun" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_record_is_a_sentence(tmp_path: Path) -> None:
    """Not a traceback, and nothing is overwritten."""
    (tmp_path / ".handrail").mkdir()
    (tmp_path / ".handrail" / "init.json").write_text("{")
    with pytest.raises(DocumentError, match="restore it from git, or remove it"):
        write(changes({"a": "b"}, tmp_path), tmp_path)
    assert not (tmp_path / "a").exists()


def validator(schema: dict[str, Any]) -> Any:
    """A validator that says of a document what an editor would."""
    return jsonschema_rs.validator_for(schema)


@pytest.mark.parametrize(
    ("persona", "team"),
    [("app-developer", "payments"), ("app-developer", "storefront"), ("ml-engineer", "fraud"),
     ("ml-engineer", "assist"), ("data-scientist", "churn")],
)  # fmt: skip
def test_acmes_files_pass_the_editors_schema(persona: str, team: str) -> None:
    """What Handrail accepts, the editor does."""
    document = yaml.safe_load((ACME / team / "workloads.yaml").read_text())
    found = [error.message for error in validator(workloads_schema(personas()[persona])).iter_errors(document)]
    assert found == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"services": {"a": {"image": "x", "prot": 80}}},
        {"services": {"a": {"image": "x", "port": "eighty"}}},
        {"notebooks": {}},
        {"services": {"a": {"port": 80}}},
        {"services": {"a": {"image": "x", "port": 80, "accelerator": "l4"}}},
    ],
)
def test_an_editor_sees_mistakes(wrong: dict[str, Any]) -> None:
    """Words, types, what is missing, words of another persona's."""
    schema = validator(workloads_schema(personas()["app-developer"]))
    assert not schema.is_valid({"persona": "app-developer", "team": "payments", **wrong})


def test_every_word_is_explained_in_the_editor() -> None:
    """Each word of each persona, and each of organisation.yaml's own; the sample passes."""
    for persona in personas().values():
        schema = workloads_schema(persona)
        for section in persona.sections:
            for word, field in schema["properties"][section]["additionalProperties"]["properties"].items():
                assert field.get("description"), (persona.name, section, word)
    organisation = yaml.safe_load((ACME / "platform/acme_platform/organisation.yaml").read_text())
    assert [error.message for error in validator(organisation_schema()).iter_errors(organisation)] == []
    assert all(field.get("description") for field in organisation_schema()["properties"].values())
