"""From the wheels alone, in an empty folder: init, its lock, its tests, preview, up and destroy, for each persona."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from handrail.engine import Engine

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[2]
TEAMS = {"app-developer": "storefront", "ml-engineer": "fraud", "data-scientist": "churn"}
Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(engine: Engine, pulumi_home: Path) -> Run:
    """Runs a command as a person on a machine of her own would, without a word of this checkout."""
    ours = ("PULUMI_", "VIRTUAL_ENV", "PYTHON", "UV_PROJECT", "UV_RUN")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder).parent != Path(sys.prefix)]
    variables = {**kept, "PULUMI_HOME": str(pulumi_home), "PULUMI_CONFIG_PASSPHRASE": "", "NO_COLOR": "1"}

    def run(*command: str | Path, cwd: Path, activated: Path | None = None) -> str:
        path = os.pathsep.join([*([str(activated)] if activated else []), str(engine.pulumi.parent), *folders])
        done = subprocess.run(
            list(map(str, command)),
            cwd=cwd, env={**variables, "PATH": path}, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def wheels(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of Handrail and of the sample organisation."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "stacks" / "acme" / "platform"):
        run("uv", "build", "--quiet", "--wheel", "--out-dir", folder, project, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(run: Run, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are of an environment that has both."""
    environment = tmp_path_factory.mktemp("tools") / "venv"
    run("uv", "venv", "--quiet", "--python", sys.executable, environment, cwd=wheels)
    run("uv", "pip", "install", "--quiet", "--python", environment, *wheels.glob("*.whl"), cwd=wheels)
    return environment / "bin"


@pytest.mark.parametrize(("persona", "team"), TEAMS.items())
def test_a_team_deploys_from_an_empty_folder(
    persona: str, team: str, run: Run, installed: Path, tmp_path: Path
) -> None:
    """What it requires is locked, the organisation with it; what is rendered goes away again."""
    said = run(installed / "handrail", "init", persona, team, "--organisation", "acme_platform", cwd=tmp_path)
    assert "locked   uv.lock" in said
    folder = tmp_path / team
    locked = {each["name"]: each for each in tomllib.loads((folder / "uv.lock").read_text())["package"]}
    assert locked["acme-platform"]["version"] == "1.0.0"
    assert [list(each) for each in locked["acme-platform"]["wheels"]] == [["filename", "hash"]]
    assert "handrail" in locked
    run("uv", "sync", "--quiet", "--locked", cwd=folder)
    assert str(ROOT) not in run("uv", "run", "python", "-c", "import sys; print(sys.path)", cwd=folder)
    assert "3 passed" in run("uv", "run", "pytest", "-q", cwd=folder)
    assert "; complete" in run("uv", "run", "handrail", "preview", f"{team}-dev", cwd=folder)
    run("uv", "run", "handrail", "up", "--yes", f"{team}-dev", cwd=folder)
    rendered = folder / "rendered" / f"{team}-dev"
    assert [file for file in rendered.rglob("*.yaml") if f"namespace: {team}-dev" in file.read_text()]
    run("uv", "run", "handrail", "destroy", "--yes", f"{team}-dev", cwd=folder)
    assert not list(rendered.rglob("*.yaml"))
    assert "nothing is newer" in run(
        installed / "handrail", "init", persona, team, "--organisation", "acme_platform", cwd=tmp_path
    )


def test_the_plugin_is_in_the_wheel(run: Run, engine: Engine, installed: Path) -> None:
    """All five components answer from there, with their docs."""
    (folder,) = installed.parent.glob("lib/*/site-packages/handrail/plugin")
    assert f"pulumi package add {folder}" in run(installed / "handrail", "engine", "doctor", cwd=installed)
    schema = run(engine.pulumi, "package", "get-schema", folder, cwd=installed, activated=installed)
    for component in ("ScalableService", "GpuInferenceEndpoint", "NotebookEnv", "BatchJob", "TeamWorkspace"):
        assert f"handrail:index:{component}" in schema
