"""What a killed engine had begun, by the state file alone: done again where that is safe, else left as it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from handrail.engine import checkpoint

URN = "urn:pulumi:a-dev::acme::kubernetes:core/v1:ConfigMap::settings"


def written(folder: Path, data: object) -> Path:
    """A stack's state file."""
    file = folder / ".pulumi" / "stacks" / "acme" / "a-dev.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(data))
    return file


def resource(kind: str = "kubernetes:core/v1:ConfigMap", **more: Any) -> dict[str, Any]:
    """A resource in a state."""
    return {"urn": URN, "custom": True, "type": kind, "inputs": {"metadata": {"name": "settings"}}, **more}


def state(*operations: dict[str, Any]) -> dict[str, Any]:
    """A state in which these operations were begun."""
    return {"version": 3, "checkpoint": {"latest": {"resources": [resource()], "pending_operations": [*operations]}}}


def resumed(folder: Path) -> list[str]:
    """What is said."""
    said: list[str] = []
    checkpoint.check(folder, "acme", "a-dev")
    checkpoint.resume(folder, "acme", "a-dev", said.append)
    return said


def test_what_was_begun_is_a_change_of_the_next_deployment(tmp_path: Path) -> None:
    """It is said; the state holds nothing begun, and a mark that no program asks for."""
    file = written(tmp_path, state({"type": "deleting", "resource": resource()}))
    assert resumed(tmp_path) == ["a-dev: what a dead engine had begun is done again: settings"]
    latest = json.loads(file.read_text())["checkpoint"]["latest"]
    assert latest["pending_operations"] == []
    assert latest["resources"][0]["inputs"]["metadata"]["annotations"] == {"handrail.dev/unfinished": "true"}


@pytest.mark.parametrize(
    "data",
    [
        state(),
        state({"type": "creating", "resource": resource("aws:s3/bucket:Bucket")}),
        state({"type": "reading", "resource": resource()}),
        {"version": 3, "checkpoint": {}},
        {"version": 3, "checkpoint": "text"},
        {"stack": "a-dev"},
    ],
    ids=["nothing", "in a cloud", "reading", "never deployed", "another shape", "an older shape"],
)
def test_every_other_state_is_left_as_it_is(data: object, tmp_path: Path) -> None:
    """To the engine, which says what it makes of it."""
    file = written(tmp_path, data)
    before = file.read_text()
    assert resumed(tmp_path) == []
    assert file.read_text() == before


def test_a_stack_without_a_state_has_begun_nothing(tmp_path: Path) -> None:
    """Nothing is written."""
    assert resumed(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
