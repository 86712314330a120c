"""The folder of a Go module, on a machine that has never fetched it."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from handrail.core.errors import EngineError
from handrail.engine import _build

MODULE, VERSION = "example.test/kept", "v1.0.0"


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module proxy of one module, in a folder, and an empty module cache."""
    at = tmp_path / "proxy" / MODULE / "@v"
    at.mkdir(parents=True)
    mod = f"module {MODULE}\n\ngo 1.26\n"
    (at / f"{VERSION}.info").write_text(f'{{"Version": "{VERSION}"}}')
    (at / f"{VERSION}.mod").write_text(mod)
    with zipfile.ZipFile(at / f"{VERSION}.zip", "w") as archive:
        archive.writestr(f"{MODULE}@{VERSION}/go.mod", mod)
        archive.writestr(f"{MODULE}@{VERSION}/schema.json", "{}")
    monkeypatch.setenv("GOPROXY", (tmp_path / "proxy").as_uri())
    monkeypatch.setenv("GONOSUMDB", "example.test")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    monkeypatch.setitem(_build._SETTINGS, "GOFLAGS", f"{_build._SETTINGS['GOFLAGS']} -modcacherw")
    return tmp_path


@pytest.fixture
def folder(proxy: Path) -> Path:
    """A project that requires the module."""
    made = proxy / "project"
    made.mkdir()
    (made / "go.mod").write_text(f"module handrail.local/test\n\ngo 1.26\n\nrequire {MODULE} {VERSION}\n")
    return made


def test_a_module_that_no_build_fetched_yet(folder: Path) -> None:
    """Is fetched: what the provider embeds is read before anything is compiled."""
    go = _build.find_go(lambda _: None)
    assert (_build._module(go, folder, MODULE) / "schema.json").read_text() == "{}"
    assert str(_build._module(go, folder, MODULE)).startswith(os.environ["GOMODCACHE"])


def test_a_module_that_cannot_be_fetched(proxy: Path, folder: Path) -> None:
    """Is told with Go's own reason."""
    shutil.rmtree(proxy / "proxy")
    with pytest.raises(EngineError, match=f"go mod failed: go: {MODULE}@{VERSION}: .*no such file"):
        _build._module(_build.find_go(lambda _: None), folder, MODULE)
