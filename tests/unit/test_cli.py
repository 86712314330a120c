"""The command line: help, exit codes, errors, and what it imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.core.project import Project
from handrail.preview.read import preview

ROOT = Path(__file__).parents[2]
RUNNER = CliRunner()


def invoke(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command on this repository."""
    done = RUNNER.invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


def test_every_command_has_help() -> None:
    """And is listed."""
    code, listed, _ = invoke("--help")
    assert code == 0
    for command in (
        ["init"],
        ["preview"],
        ["up"],
        ["destroy"],
        ["run"],
        ["why"],
        ["engine"],
        ["engine", "install"],
        ["engine", "doctor"],
    ):
        assert command[0] in listed
        assert invoke(*command, "--help")[0] == 0


def test_preview_shows_settings_with_their_lines() -> None:
    """And what would be registered."""
    code, shown, _ = invoke("preview", "payments-dev", "--cwd", str(ROOT))
    assert code == 0
    assert "checkout  service  https://" in shown
    assert "line 7" in shown
    assert "3 components, 28 resources; complete" in shown


def test_preview_speaks_json() -> None:
    """Everything, inputs included."""
    code, shown, _ = invoke("preview", "payments-dev", "--json", "--cwd", str(ROOT))
    assert code == 0
    (found,) = json.loads(shown)
    assert (found["stack"], found["origin"], found["complete"]) == ("payments-dev", "plan", True)
    assert [workload["name"] for workload in found["workloads"]] == ["checkout", "ledger", "refunds"]
    assert (
        found["workloads"][0]["resources"][3]["inputs"]["spec"]["template"]["spec"]["serviceAccountName"] == "checkout"
    )


def test_a_domain_error_is_1_and_a_usage_error_2() -> None:
    """Messages go to standard error; no traceback."""
    code, shown, said = invoke("preview", "payments-prd", "--cwd", str(ROOT))
    assert (code, shown) == (1, "")
    assert "did you mean payments-prod?" in said
    for wrong in (["--nonsense"], ["--engine", "--json", "*-dev", "--cwd", str(ROOT)]):
        code, shown, said = invoke("preview", *wrong)
        assert (code, shown) == (2, "")
        assert "Traceback" not in said


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is no error of anyone's."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Project, "find", interrupted)
    assert invoke("preview")[0] == 130


def ended(folder: Path, count: int, after: str = "") -> subprocess.CompletedProcess[str]:
    """A process of `handrail check` on so many pods, its output through a pipe."""
    pods = "".join(f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec: {{}}\n" for n in range(count))
    (folder / "pods.yaml").write_text(pods)
    line = f"set -o pipefail; {sys.executable} -m handrail.cli check pods.yaml {after}"
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("count", [1, 300])
def test_all_of_a_report_is_written_before_the_process_ends(tmp_path: Path, count: int) -> None:
    """It ends at once, and what it printed is read to its end."""
    done = ended(tmp_path, count)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{count} resources" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("count", [1, 300])
def test_a_reader_that_has_all_it_wants_is_no_error(tmp_path: Path, count: int) -> None:
    """A short report is written as the process ends, a long one before."""
    done = ended(tmp_path, count, "| true")
    assert done.stderr == ""


def test_a_check_of_files_imports_no_persona_and_no_component(tmp_path: Path) -> None:
    """Nor Pulumi and the schemas of Kubernetes: it is why it is fast."""
    (tmp_path / "map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    program = (
        "import sys\nfrom handrail.cli.app import app\n"
        "try:\n    app(['check', 'map.yaml'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "parts = ('handrail.personas', 'handrail.components', 'pulumi', 'grpc', 'jsonschema_rs')\n"
        "print([part for part in parts if part in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_preview_of_a_yaml_stack_imports_no_pulumi() -> None:
    """Nor gRPC: it is why it is fast."""
    program = (
        "import sys\nfrom handrail.cli.app import app\n"
        "try:\n    app(['preview', 'payments-dev'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in ('pulumi', 'grpc')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_imports_no_yaml_and_no_schema() -> None:
    """Help is instant."""
    program = "import sys\nimport handrail.cli.app\nprint([m for m in ('yaml', 'pydantic', 'pulumi', 'rich.tree') if m in sys.modules])\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_program_is_recorded(tmp_path: Path) -> None:
    """Where the program does more than deploy(), it is run; what it logs and what cannot be seen is said."""
    (tmp_path / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {team:token: {secure: abc}}\n")
    (tmp_path / "__main__.py").write_text(
        "import pulumi\npulumi.log.warn('mind the gap')\n"
        "pulumi.CustomResource('kubernetes:core/v1:ConfigMap', 'c', {'metadata': {'name': 'c'}})\n"
    )
    found = preview(Project.find(tmp_path), "dev")
    assert (found.origin, found.resources, found.warnings) == ("recorded", 1, ("mind the gap",))
    assert [group.name for group in found.groups] == ["outside any component"]
    assert found.unseen == ("encrypted config team:token",)
    code, shown, _ = invoke("preview", "dev", "--cwd", str(tmp_path))
    assert code == 0
    assert "ConfigMap c" in shown
    assert "incomplete: 1 not seen" in shown
