"""What packaging stands on, and that wheel and sdist work outside the checkout."""

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """A command's output; its failure shows its error."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pythons_own_platform_is_not_shadowed() -> None:
    """A platform/__init__.py would break Python itself."""
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert platform.system()
    assert run(sys.executable, "-c", "import platform; print(platform.system())", cwd=ROOT).strip() == platform.system()


def test_the_namespace_has_no_init() -> None:
    """A handrail/__init__.py in one root would hide the three others."""
    for folder in ("platform", "components", "personas", "cli"):
        assert not (ROOT / folder / "handrail" / "__init__.py").exists()
        assert (ROOT / folder / "handrail").is_dir()


def test_every_package_is_typed() -> None:
    """py.typed lies in each."""
    packages = [
        path
        for folder in ("platform", "components", "personas", "cli")
        for path in (ROOT / folder / "handrail").iterdir()
    ]
    assert [p.name for p in packages if p.is_dir() and p.name != "__pycache__" and not (p / "py.typed").exists()] == []


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel and sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run("uv", "build", "--quiet", "--out-dir", folder, cwd=ROOT)
    return folder


def test_the_wheel_holds_sources_and_data(dist: Path) -> None:
    """Go sources, CRD schemas, every root; no tests."""
    names = set(zipfile.ZipFile(next(dist.glob("*.whl"))).namelist())
    for name in (
        "handrail/engine/go/pulumi/go.sum",
        "handrail/engine/go/pulumi/host/main.go",
        "handrail/engine/go/kubernetes/main.go",
        "handrail/engine/go/cluster/main.go",
        "handrail/engine/go/oasdiff/go.sum",
        "handrail/plugin/PulumiPlugin.yaml",
        "handrail/plugin/__main__.py",
        "handrail/policy_pack/PulumiPolicy.yaml",
        "handrail/policy_pack/__main__.py",
        "handrail/standards/catalogue/images-by-digest.yaml",
        "handrail/standards/crds/gateway.networking.k8s.io_v1_HTTPRoute.json",
        "handrail/recorder/_child/__main__.py",
        "handrail/components/_args.py",
        "handrail/components/_telemetry/rules.py",
        "handrail/components/_start_notebook.py",
        "handrail/personas/app_developer.py",
        "handrail/personas/templates/data-scientist.yaml",
        "handrail/testing/__init__.py",
        "handrail/cli/app.py",
        "handrail/core/py.typed",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests", "stacks"))]


def test_the_sdist_works_in_a_clean_environment(dist: Path, tmp_path: Path) -> None:
    """Installed outside the checkout: the command, a preview of a team's files; tests/e2e/test_wheel.py has the wheel."""
    environment = tmp_path / "venv"
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    run("uv", "pip", "install", "--quiet", "--python", python, next(dist.glob("*.tar.gz")))
    team = tmp_path / "team"
    (team / "organisation").mkdir(parents=True)
    (team / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (team / "Pulumi.dev.yaml").write_text(
        "config: {handrail:organisation: ./organisation, handrail:team: payments, handrail:environment: dev}\n"
    )
    (team / "__main__.py").write_text("from handrail.personas import deploy\n\ndeploy()\n")
    acme = ROOT / "stacks" / "acme"
    (team / "organisation" / "organisation.yaml").write_text(
        (acme / "platform/acme_platform/organisation.yaml").read_text()
    )
    (team / "workloads.yaml").write_text((acme / "payments/workloads.yaml").read_text())
    assert "3 components, 28 resources; complete" in run(environment / "bin" / "handrail", "preview", "dev", cwd=team)
    found = run(python, "-c", "import handrail.components as c; print(c.ScalableService.__module__)", cwd=tmp_path)
    assert found.strip() == "handrail.components._resources"
