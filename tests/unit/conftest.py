"""What unit tests share: acme, a context, golden files."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from handrail.core.documents import load
from handrail.core.models import read
from handrail.organisation import Context
from handrail.organisation.model import Organisation

ROOT = Path(__file__).parents[2]
ACME = ROOT / "stacks" / "acme" / "platform" / "acme_platform"


class Manifests(SingleFileSnapshotExtension):
    """Golden files as YAML documents, as people know manifests."""

    _write_mode = WriteMode.TEXT
    file_extension = "yaml"

    def serialize(self, data: Any, **_: Any) -> str:
        """Manifests in the order they were planned in, keys in their own order."""
        return str(yaml.dump_all(data, Dumper=_Dumper, sort_keys=False, width=120))


class _Dumper(yaml.SafeDumper):
    """Writes a value out wherever it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors in manifests."""
        return True


@pytest.fixture
def manifests(snapshot: Any) -> Any:
    """`assert plan == manifests` compares with the golden file; `make golden` rewrites it."""
    return snapshot.use_extension(Manifests)


@pytest.fixture(scope="session")
def acme() -> Organisation:
    """The sample organisation."""
    return read(load(ACME / "organisation.yaml"), Organisation)


@pytest.fixture
def context(acme: Organisation) -> Context:
    """acme's payments-dev."""
    return Context(acme, "dev", "payments", ROOT, "payments-dev")
