"""Copies of the sample company, and the two commands that deploy them."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from spine import ROOT, STACKS, Checkout

from handrail.engine import Engine


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
        shutil.copy(ROOT / "Pulumi.yaml", copy.root)
        shutil.copytree(ROOT / "stacks", copy.root / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
        return copy

    return make


@pytest.fixture(scope="session")
def deployed(acme_copy: Callable[[], Checkout]) -> Checkout:
    """A copy of acme whose dev stacks are up, by `handrail up`."""
    copy = acme_copy()
    copy.handrail("up", "--yes", *(stack for stack in STACKS if stack.endswith("-dev")))
    return copy
