"""The real engine, once for all tests; copies of the sample company, and the two commands that deploy them."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spine import Checkout, copy_acme
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from handrail.engine import Engine, install


class Scopes(LoadScopeScheduling):  # type: ignore[misc]
    """A worker takes a module as a whole, and one worker all that needs the control plane."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "cluster" if "/cluster/" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scopes:
    """What shares out the tests of `pytest -n`."""
    return Scopes(config, log)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine: found, downloaded or built. A test that asks for it never skips."""
    return install()


@pytest.fixture(scope="session")
def pulumi_home(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for Pulumi of the tests' own, with the Kubernetes provider among its plugins."""
    home = tmp_path_factory.mktemp("pulumi-home")
    assert engine.provider
    folder = engine.provider.path.parent
    shutil.copytree(folder, home / "plugins" / folder.name)  # the engine follows no link among its plugins
    return home


@pytest.fixture(scope="session")
def engine_environment(engine: Engine, pulumi_home: Path) -> dict[str, str]:
    """What Pulumi's commands run with: no credential, a home of the tests' own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "AWS_", "KUBE"))}
    return engine.environment(
        {**kept, "PULUMI_HOME": str(pulumi_home), "PULUMI_CONFIG_PASSPHRASE": "", "NO_COLOR": "1"}
    )


@pytest.fixture(scope="session")
def project(engine_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Checkout]:
    """Makes a project out of files, with the tests' own interpreter as its virtual environment."""

    def make(files: dict[str, str], name: str = "project") -> Checkout:
        root = tmp_path_factory.mktemp(name)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / ".venv").symlink_to(sys.prefix)
        return Checkout(root, engine_environment)

    return make


@pytest.fixture(scope="session")
def acme_copy(project: Callable[..., Checkout]) -> Callable[[], Checkout]:
    """Makes a fresh copy of the sample company."""

    def make() -> Checkout:
        copy = project({}, "acme")
        copy_acme(copy.root)
        return copy

    return make
