"""Both revisions planned at once, each in a process of its own."""

import os
import sys
import time
from pathlib import Path

import pytest
from spine import copy_acme

from handrail.core.resources import Given, Ref, Resource
from handrail.preview import planning
from handrail.preview.children import Command, run
from handrail.preview.environments import Interpreters
from handrail.preview.planned import Planned, Workload, written
from handrail.preview.planning import Side, plan

HERE = Interpreters(Path(sys.executable), Path(sys.executable))


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """The sample company."""
    return copy_acme(tmp_path)


def command(code: str, told: bytes = b"") -> Command:
    """A process that runs some Python."""
    return Command([sys.executable, "-c", code], told, Path.cwd(), dict(os.environ))


def test_what_is_planned_is_read_as_it_was_written() -> None:
    """Tokens as well; equal resources are equal texts."""
    resources = [Resource("a", "t", {"b": Given(object()), "c": [Ref("x", "id")], "d": {"e": None}}, aliases=("o",))]
    text = written(resources)
    assert text == written(
        [Resource("a", "t", {"d": {"e": None}, "c": [Ref("x", "id")], "b": Given(None)}, aliases=("o",))]
    )
    stack = Planned("s", team="t", workloads=(Workload("w", "C", {"port": 1}, text),), unseen=("u",))
    found = Planned.loads(stack.dumps().encode())
    assert found == stack
    (resource,) = found.workloads[0].read()
    assert (resource.name, resource.type, resource.aliases) == ("a", "t", ("o",))
    assert isinstance(resource.inputs["b"], Given)
    assert repr(resource.inputs["c"]) == "[Ref(x.id)]"


def test_several_processes_at_once() -> None:
    """Each is told its own, and says its own; the exit code and the last of its errors are kept."""
    echo = (
        "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1]); print('bad', file=sys.stderr); sys.exit(3)"
    )
    first, second = run([command(echo, b"ab"), command(echo, b"c" * 1_000_000)], 60, 10_000_000)
    assert (bytes(first.output), first.code, bytes(first.errors)) == (b"ba", 3, b"bad\n")
    assert len(second.output) == 1_000_000


def test_one_that_takes_too_long_or_says_too_much() -> None:
    """Is ended, with all that it started."""
    started = time.monotonic()
    (said,) = run([command("import time; print('x', flush=True); time.sleep(60)")], 2, 1000)
    assert (said.timed_out, said.code, bytes(said.output)) == (True, -9, b"x\n")
    (said,) = run([command("while True: print('x' * 1000)")], 30, 10_000)
    assert said.code == -9
    assert time.monotonic() - started < 30


def test_a_process_that_dies_at_work(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of too little memory: the stacks that it did not come to say so, and nothing is retried."""
    monkeypatch.setattr(planning, "_MEMORY_BYTES", 1)
    side = Side("head", acme, acme, ("payments-dev", "fraud-dev"), HERE)
    (plans,) = plan([side])
    assert {name: bool(each.error) for name, each in plans.stacks.items()} == {"payments-dev": True, "fraud-dev": True}
    assert "GiB of memory" in plans.stacks["payments-dev"].error


def test_a_revision_before_this_was_there(acme: Path, tmp_path: Path) -> None:
    """Is planned with the present Handrail, and that is said."""
    old = tmp_path / "old" / "handrail" / "preview"
    old.mkdir(parents=True)
    (old / "__init__.py").write_text("")
    side = Side("base", acme, acme, ("payments-dev",), HERE, imports=(str(tmp_path / "old"),))
    (plans,) = plan([side])
    assert not plans.stacks["payments-dev"].error
    (remark,) = plans.remarks
    assert "the base revision's own Handrail made no plans" in remark
    assert "No module named" in remark
