"""Files parsed in a process of their own: with it or without, what comes of them is the same."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.check.formats import as_json
from handrail.check.sources import check_files
from handrail.core import ahead
from handrail.core.ahead import Ahead, reading
from handrail.core.errors import DocumentError, HandrailError
from handrail.core.streams import parse_all
from handrail.standards.samples import sample

ACME = Path(__file__).parents[2] / "stacks/acme/platform/acme_platform"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of small files, on any machine."""
    monkeypatch.setattr(ahead, "SMALL", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that are started."""
    found: list[int] = []
    fork = os.fork

    def remembered() -> int:
        found.append(fork())
        return found[-1]

    monkeypatch.setattr(os, "fork", remembered)
    return found


def manifests(folder: Path, count: int = 3) -> list[str]:
    """Files of three Deployments each, one of which has an image that moves."""
    for number in range(count):
        found = []
        for index in range(3):
            inputs = sample(DEPLOYMENT)
            inputs["metadata"]["name"] = f"web-{number}-{index}"
            if index == 1:
                inputs["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.acme.test/web:latest"
            found.append({"apiVersion": "apps/v1", "kind": "Deployment", **inputs})
        (folder / f"{number}.yaml").write_text(yaml.safe_dump_all(found))
    return sorted(str(file) for file in folder.glob("*.yaml"))


def checked(names: list[str], read: Ahead | None) -> Any:
    """The report, positions included."""
    return json.loads(as_json(check_files(names, organisation=ACME, environment="prod", ahead=read)))


def test_the_report_is_the_same(tmp_path: Path) -> None:
    """Findings, lines and columns."""
    names = manifests(tmp_path)
    with reading(names) as read:
        assert read is not None
        found = checked(names, read)
    assert found == checked(names, None)
    assert {each["line"] for each in found["findings"] if each["standard"] == "images-tagged"}
    with reading([str(tmp_path)]) as read:
        assert checked([str(tmp_path)], read) == found


def test_what_cannot_be_parsed_is_told_as_ever(tmp_path: Path) -> None:
    """Every file that is wrong, by the process that people started."""
    names = manifests(tmp_path)
    Path(names[0]).write_text("a: [1\n")
    Path(names[2]).write_text("a: 1\na: 2\n")
    with reading(names) as read, pytest.raises(DocumentError) as raised:
        checked(names, read)
    assert f"{names[0]}:2" in str(raised.value)
    assert "is written twice" in str(raised.value)


def test_a_file_that_changes_meanwhile_is_read_as_it_is(tmp_path: Path) -> None:
    """An answer is taken for the very same text alone; after one that is not, none is."""
    names = manifests(tmp_path)
    with reading(names) as read:
        assert read
        assert read.data(Path(names[0]).read_bytes())
        assert read.data(b"another: text") is None
        assert read.data(Path(names[2]).read_bytes()) is None


def test_a_process_that_dies_is_done_without(tmp_path: Path, children: list[int]) -> None:
    """As one that the machine killed for want of memory."""
    names = manifests(tmp_path, 40)
    with reading(names) as read:
        os.kill(children[0], signal.SIGKILL)
        found = checked(names, read)
    assert found == checked(names, None)
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], 0)


def test_it_ends_with_the_block(tmp_path: Path, children: list[int]) -> None:
    """However the block ends, and however much was left to read."""
    with pytest.raises(KeyboardInterrupt), reading(manifests(tmp_path, 40)):
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


def test_the_first_files_are_left_to_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which parses them while the other one is at the rest."""
    names = manifests(tmp_path, 10)
    monkeypatch.setattr(ahead, "START", 0)
    with reading(names) as read:
        assert read
        answered = [read.data(Path(name).read_bytes()) is not None for name in names]
    assert answered == [False] * 5 + [True] * 5 or answered == [False] * 4 + [True] * 6
    with reading(names) as read:
        assert checked(names, read) == checked(names, None)


def test_little_is_parsed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is anything on one core, and what is no file."""
    names = manifests(tmp_path)
    with reading(["payments-dev", str(tmp_path / "none.yaml")]) as read:
        assert read is None
    monkeypatch.setattr(ahead, "SMALL", 10**9)
    with reading(names) as read:
        assert read is None
    monkeypatch.setattr(ahead, "SMALL", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with reading(names) as read:
        assert read is None


def test_a_preview_of_many_megabytes_is_no_yaml(tmp_path: Path) -> None:
    """JSON is left to whoever knows what it is."""
    file = tmp_path / "preview.json"
    file.write_text('{"steps": []}')
    with reading([str(file)]) as read:
        assert read
        assert read.data(file.read_bytes()) is None


def values() -> st.SearchStrategy[Any]:
    """What YAML can say."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    keys = st.text("abcdefgh-./", min_size=1, max_size=8)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )


@given(st.lists(values() | st.text(max_size=40).map(lambda text: text), min_size=1, max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_has_the_data_that_it_has(tmp_path_factory: pytest.TempPathFactory, documents: list[Any]) -> None:
    """Or none of the two reads it."""
    file = tmp_path_factory.mktemp("any") / "any.yaml"
    file.write_bytes(yaml.safe_dump_all(documents, allow_unicode=True).encode())
    text = file.read_bytes()

    def here() -> Iterator[Any]:
        yield from (document.data for document in parse_all(text, "any.yaml"))

    with reading([str(file)]) as read:
        known = read.data(text) if read else None
    try:
        expected = list(here())
    except HandrailError:
        assert known is None
        return
    if known is not None:
        assert [document.data for document in parse_all(text, "any.yaml", known)] == expected
    else:
        assert text.lstrip()[:1] == b"{"
