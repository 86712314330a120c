"""The real engine, once for all tests."""

from pathlib import Path

import pytest

from handrail.engine import Engine, install, link_provider


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine: found, downloaded or built. A test that asks for it never skips."""
    return install()


@pytest.fixture(scope="session")
def pulumi_home(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for Pulumi of the tests' own, with the Kubernetes provider among its plugins."""
    home = tmp_path_factory.mktemp("pulumi-home")
    assert engine.provider
    if engine.provider.built or "handrail" in str(engine.provider.path) or engine.source == "built":
        link_provider(home)
    else:
        (home / "plugins").mkdir()
        folder = engine.provider.path.parent
        (home / "plugins" / folder.name).symlink_to(folder)
    return home
