"""The real engine, once for all tests."""

import shutil
from pathlib import Path

import pytest

from handrail.engine import Engine, install


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
