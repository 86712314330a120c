"""Writing releases: whole or not at all, one writer after the other, and nothing lost of what people wrote beside."""

import multiprocessing
import os
import re
import shutil
import signal
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from spine import ROOT

from handrail.core.documents import parse
from handrail.core.errors import DocumentError, HandrailError
from handrail.releases import Canary, Gates, Release, read_document, read_releases
from handrail.releases.writer import Edit, Releases, copies_folder, edit_releases, plain


def digest(number: int) -> str:
    """A digest that tells its number."""
    return "sha256:" + f"{number:064x}"


def release(number: int, **more: object) -> Release:
    """A release that tells its number."""
    return Release.model_validate({"image": f"registry.acme.test/shop@{digest(number)}", **more})


def put(root: Path, name: str, value: Release | None) -> Path:
    """Pin a workload, or take it out."""

    def change(found: Releases) -> Edit:
        rest = {each: found[each] for each in found if each != name}
        return Edit({**rest, name: value} if value else rest)

    return edit_releases(root, "prod", "payments", change)


WRITTEN = f"""\
# Releases of payments: ändern nur per Pull-Request

# checkout is asked for by mei
checkout:
  image: registry.acme.test/shop@{digest(1)} # tested by hand
  # since the audit
  incident: INC-1

ledger: {{image: 'registry.acme.test/shop@{digest(2)}', gates: {{judged: 3}}}} # flow
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A releases file that a person wrote."""
    path = tmp_path / "releases" / "prod" / "payments.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(WRITTEN, "utf-8")
    return path


def test_a_new_release_stands_in_its_place_and_nothing_else_moves(tmp_path: Path, file: Path) -> None:
    """One fact a line, between its neighbours, with every comment where it was."""
    put(tmp_path, "fees", release(3, at="2026-11-25T12:00:00Z", contract="1", gates={"judged": 2}))
    after = file.read_text("utf-8")
    added = f"""\
fees:
  image: registry.acme.test/shop@{digest(3)}
  at: 2026-11-25T12:00:00Z
  contract: '1'
  gates:
    judged: 2
"""
    assert after == WRITTEN.replace("ledger:", f"{added}ledger:")


def test_what_changes_keeps_its_comments(tmp_path: Path, file: Path) -> None:
    """Beside a value that is replaced, and above one that is taken out."""
    put(tmp_path, "checkout", release(9))
    after = file.read_text("utf-8")
    for comment in ("# Releases of", "# checkout is asked", "# tested by hand", "# since the audit", "# flow"):
        assert comment in after
    assert "INC-1" not in after
    assert after.endswith(WRITTEN.splitlines()[-1] + "\n"), "what is not changed stays as it is written"


def test_a_workload_goes_with_its_comment(tmp_path: Path, file: Path) -> None:
    """And the heading of the file stays."""
    put(tmp_path, "checkout", None)
    after = file.read_text("utf-8")
    assert "checkout" not in after
    assert after.startswith("# Releases of payments")


def test_two_branches_that_release_different_workloads_merge(tmp_path: Path, file: Path) -> None:
    """git merges the file of each without a conflict, where another workload stands between."""
    git = f"git -C {tmp_path} -c user.name=x -c user.email=x@acme.test"
    put(tmp_path, "till", release(5))
    assert os.system(f"{git} init -q -b main && {git} add releases && {git} commit -qm base") == 0
    assert os.system(f"{git} checkout -q -b one") == 0
    put(tmp_path, "basket", release(3))
    assert os.system(f"{git} add releases && {git} commit -qm one && {git} checkout -q main") == 0
    put(tmp_path, "till", release(4))
    assert os.system(f"{git} add releases && {git} commit -qm two && {git} merge -q one -m both") == 0
    assert set(read_releases(tmp_path, "prod", "payments")) == {"basket", "checkout", "ledger", "till"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<<<<<<< HEAD\ncheckout: {incident: INC-1}\n=======\n>>>>>>> x\n", "is not YAML"),
        ("checkout: {incident: INC-1\n", "is not YAML"),
        ("- checkout\n", "must hold releases by the name"),
        ("checkout: {imag: x}\n", "did you mean image?"),
        ("checkout: {incident: INC-1}\ncheckout: {incident: INC-2}\n", "is written twice"),
        ("{checkout: {incident: INC-1}}\n", "piece by piece"),
        (f"a: &one {{image: 'r@{digest(1)}'}}\ncheckout: *one\n", "piece by piece"),
        (f"checkout:\n  <<: {{image: 'r@{digest(1)}', incident: INC-1}}\n", "piece by piece"),
    ],
)
def test_a_file_that_cannot_be_changed_is_left_as_it_is(tmp_path: Path, file: Path, text: str, words: str) -> None:
    """With conflict markers, broken, or written in a way that no program changes without losing something."""
    file.write_text(text)
    with pytest.raises(DocumentError) as raised:
        put(tmp_path, "checkout", release(7))
        put(tmp_path, "till", release(8))
    assert words in str(raised.value)
    assert str(file.name) in str(raised.value)
    assert file.read_text() == text or "a:" in text, "nothing was written"


def test_the_file_that_the_page_shows(tmp_path: Path, file: Path) -> None:
    """docs/promotion.md shows one as it is written."""
    page = (ROOT / "docs" / "promotion.md").read_text("utf-8")
    (text,) = re.findall(r'^```yaml title="releases/prod/fraud.yaml"\n(.*?)^```', page, re.M | re.S)
    (found,) = read_document(parse(text, "fraud.yaml")).items()
    file.unlink()
    put(tmp_path, *found)
    assert file.read_text("utf-8") == text


def test_windows_lines_and_a_missing_last_one_stay_lines(tmp_path: Path, file: Path) -> None:
    """A file with carriage returns keeps them; one whose last line does not end gets its end."""
    file.write_bytes(b"# head\r\n\r\nledger: {incident: INC-1}")
    put(tmp_path, "checkout", release(1))
    assert file.read_bytes().count(b"\r\n") == file.read_bytes().count(b"\n") == 5
    assert set(read_releases(tmp_path, "prod", "payments")) == {"checkout", "ledger"}


def test_who_waits_too_long_is_told(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is written."""
    monkeypatch.setattr("handrail.releases.writer.WAIT", 0.05)

    def change(found: Releases) -> Edit:
        put(tmp_path, "till", release(2))
        return Edit(found)

    with pytest.raises(HandrailError, match="is being written"):
        edit_releases(tmp_path, "prod", "payments", change)
    assert file.read_text("utf-8") == WRITTEN


def test_an_edit_by_hand_meanwhile_is_kept(tmp_path: Path, file: Path) -> None:
    """An editor knows no lock: what it saved is read again, and the change made upon it."""
    seen: list[set[str]] = []

    def change(found: Releases) -> Edit:
        if not seen:
            file.write_text("by-hand: {incident: INC-9}\n")
        seen.append(set(found))
        return Edit({**found, "till": release(2)})

    edit_releases(tmp_path, "prod", "payments", change)
    assert seen == [{"checkout", "ledger"}, {"by-hand"}]
    assert set(read_releases(tmp_path, "prod", "payments")) == {"by-hand", "till"}


def test_a_copy_is_there_before_the_pin_that_names_it(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the old pin's copy is there until then: whenever the writer dies, each pin's document can be found."""
    folder = copies_folder(tmp_path, "prod", "payments")
    folder.mkdir()
    (folder / "checkout-v2.openapi.yaml").write_bytes(b"old")
    real = Path.replace
    states = []

    def replace(self: Path, target: Path) -> Path:
        states.append(sorted(each.read_bytes() for each in folder.glob("*.openapi.yaml")))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    edit_releases(
        tmp_path, "prod", "payments",
        lambda found: Edit({**found, "checkout": release(5)}, {"checkout-v2.openapi.yaml": b"new"}),
    )  # fmt: skip
    assert states[1:] == [[b"new", b"old"], [b"new", b"old"]]
    assert [each.read_bytes() for each in folder.iterdir()] == [b"new"]


NAMES = st.sampled_from(["basket", "checkout", "ledger", "till"])
RELEASES = st.builds(
    release,
    st.integers(0, 99),
    incident=st.none() | st.sampled_from(["INC-1", "it's: #5", "- x"]),
    contract=st.none() | st.sampled_from(["1", "true", "null"]),
    at=st.none() | st.just("2026-11-25T12:00:00Z"),
    gates=st.none()
    | st.builds(Gates, judged=st.integers(0, 9), waived=st.lists(st.just("a: b"), max_size=2).map(tuple)),
    canary=st.none()
    | st.builds(
        lambda number, weight: Canary(**plain(release(number)), weight=weight), st.integers(0, 9), st.integers(0, 99)
    ),
)


@given(st.lists(st.tuples(NAMES, st.none() | RELEASES), max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_is_pinned_one_after_the_other_is_what_is_read(steps: list[tuple[str, Release | None]]) -> None:
    """Sorted, each change made upon the text that the last one left."""
    with tempfile.TemporaryDirectory() as folder:
        wanted: dict[str, Release] = {}
        for name, value in steps:
            put(Path(folder), name, value)
            wanted.pop(name, None)
            wanted |= {name: value} if value else {}
            assert read_releases(Path(folder), "prod", "payments") == wanted
        file = Path(folder) / "releases/prod/payments.yaml"
        text = file.read_text() if file.exists() else ""
        assert list(read_document(parse(text, "x"))) == sorted(wanted)


def pinning(root: str, name: str, number: int, started: Event) -> None:
    """What a child process does: pin again and again, each time something new, until it is killed."""
    for step in range(number, number + 1000):
        put(Path(root), name, release(step))
        started.set()


def once(root: str, name: str, number: int) -> None:
    """What a child process does that is let end."""
    put(Path(root), name, release(number))


class Writers(RuleBasedStateMachine):
    """Promotions, rollbacks and edits by hand, some of them killed: never a pin that is lost or half of one."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.wanted: dict[str, set[int]] = {}
        self.number = 0
        self.comments: list[str] = []

    @initialize()
    def begins(self) -> None:
        """With a file that a person wrote."""
        self.pinned("zebra")

    def pinned(self, name: str) -> None:
        """In this process."""
        self.number += 1000
        put(self.root, name, release(self.number))
        self.wanted[name] = {self.number}

    @rule(name=NAMES)
    def promote(self, name: str) -> None:
        """A pin that nobody disturbs."""
        self.pinned(name)

    @rule(name=NAMES)
    def rollback(self, name: str) -> None:
        """A workload without a release before is taken out."""
        put(self.root, name, None)
        self.wanted.pop(name, None)

    @rule()
    def edit_by_hand(self) -> None:
        """A person writes a comment at the top."""
        file = self.root / "releases/prod/payments.yaml"
        self.comments.append(f"# note {len(self.comments)}")
        file.write_text(f"{self.comments[-1]}\n\n{file.read_text()}")

    @rule(names=st.lists(NAMES, min_size=2, max_size=3, unique=True))
    def at_once(self, names: list[str]) -> None:
        """Several processes pin different workloads at the same time: each is there afterwards."""
        context = multiprocessing.get_context("fork")
        children = []
        for name in names:
            self.number += 1000
            children.append(context.Process(target=once, args=(str(self.root), name, self.number)))
            self.wanted[name] = {self.number}
        for child in children:
            child.start()
        for child in children:
            child.join(30)
            assert child.exitcode == 0

    @rule(name=NAMES, other=NAMES, after=st.floats(0, 0.02))
    def killed(self, name: str, other: str, after: float) -> None:
        """A process that pins without end is killed at some moment, while another one pins something else."""
        context = multiprocessing.get_context("fork")
        self.number += 1000
        first, started = self.number, context.Event()
        child = context.Process(target=pinning, args=(str(self.root), name, first, started))
        child.start()
        assert started.wait(30)
        if other != name:
            self.pinned(other)
        time.sleep(after)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join(30)
        self.wanted[name] = set(range(first, first + 1000))

    @invariant()
    def whole(self) -> None:
        """Every pin is there, whole; every comment as well; and nothing half-written remains after the next write."""
        found = read_releases(self.root, "prod", "payments")
        assert set(found) == set(self.wanted)
        for name, numbers in self.wanted.items():
            assert int(str(found[name].image).rpartition(":")[2], 16) in numbers
        text = (self.root / "releases/prod/payments.yaml").read_text()
        assert all(comment in text for comment in self.comments)

    def teardown(self) -> None:
        put(self.root, "last", release(1))
        assert [each.name for each in (self.root / "releases/prod").iterdir()] == ["payments.yaml"]
        shutil.rmtree(self.root)


TestWriters: Any = Writers.TestCase
TestWriters.settings = settings(
    max_examples=8, stateful_step_count=8, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
