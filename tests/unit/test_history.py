"""What was deployed on a day: an update history as backends keep it, what follows from it, and how it is told."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from handrail.cluster import past_text
from handrail.cluster.past import LOOKED, Past, moment_of, what_served
from handrail.cluster.status_text import PRODUCT_MANAGER
from handrail.components._fact import OUTPUT
from handrail.core.clock import at
from handrail.core.errors import DocumentError, EngineError
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.engine import history
from handrail.engine.history import SECRET, Update, updates

NOW = datetime(2026, 3, 3, 12, 30, tzinfo=UTC)
TARGET = Target("payments-prod", "payments", "prod")
PAST = Past("payments-prod", "payments", "prod", "app-developer", NOW)
CHECKOUT = "registry.acme.test/payments/checkout"
_SIGNED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:hush"}


def fact(version: str, **more: Any) -> dict[str, Any]:
    """The fact of a service."""
    image = f"{CHECKOUT}:{version}"
    shares = [{"track": "stable", "image": image, "share": 100}]
    return {"component": "ScalableService", "image": image, "shares": shares, "released": False, **more}


def update(
    number: int, version: str | None = None, result: str = "succeeded", kind: str = "update", **more: Any
) -> Update:
    """The update of the hour `number`, which left checkout in a version."""
    ended = NOW - timedelta(days=30) + timedelta(hours=number)
    outputs = {OUTPUT: {"checkout": fact(version, **more)}} if version else {}
    git = {"git.head": f"{number:040x}", "git.author": "Ada"}
    return Update(number, kind, result, ended - timedelta(minutes=1), ended, outputs, git)


def told(*newest_first: Update) -> Past:
    """What follows from a history."""
    return what_served(PAST, iter(newest_first))


# What follows from it


def test_what_the_last_update_left_and_which_one_brought_it() -> None:
    """The first of those that left it so: later ones changed nothing of it, but the record."""
    found = told(update(5, "2", by="somebody else"), update(4, "2"), update(3, "2"), update(2, "1"), update(1, "2"))
    (served,) = found.served
    assert (served.fact.image, served.fact.by) == (f"{CHECKOUT}:2", "somebody else")
    assert served.since == update(3, "2")
    assert found.update and found.update.version == 5


@pytest.mark.parametrize(
    ("newest_first", "since", "before"),
    [
        ([update(2, "2", "failed"), update(1, "1")], 2, "1"),
        ([update(3, "2", "failed"), update(2, "2", "failed"), update(1, "1")], 2, "1"),
        ([update(1, "2", "failed")], 1, None),
        ([update(3, "2"), update(2, "2", "failed"), update(1, "1")], 3, None),
        ([update(3, "2", "failed"), update(2, "2"), update(1, "1")], 2, None),
        ([update(2, "2"), update(1, kind="destroy")], 2, None),
    ],
    ids=["it failed", "twice", "the first", "then succeeded", "failed in something else", "after a destroy"],
)
def test_an_update_that_failed_brought_nothing_for_sure(
    newest_first: list[Update], since: int, before: str | None
) -> None:
    """Its state has what it asked for: what there was before is told as well, until one succeeds."""
    (served,) = told(*newest_first).served
    assert served.since and served.since.version == since
    assert (served.before and served.before.image) == (before and f"{CHECKOUT}:{before}")


def test_a_long_history_is_read_in_part() -> None:
    """As far as is needed, and never further than a bound; then `since` is not known."""

    def endless(version: str) -> Iterator[Update]:
        for number in range(10_000, 0, -1):
            read.append(number)
            yield update(number, "1" if number < 9_998 else version)

    read: list[int] = []
    (served,) = what_served(PAST, endless("2")).served
    assert served.since and served.since.version == 9_998
    assert len(read) == 4
    read.clear()
    (served,) = what_served(PAST, endless("1")).served
    assert served.since is None
    assert len(read) == LOOKED + 1


@pytest.mark.parametrize(
    ("newest_first", "note"),
    [
        ([], "no deployment of it had ended by then"),
        ([update(2, kind="destroy"), update(1, "1")], "nothing was deployed: it was destroyed on 2026-02-01 14:30 UTC"),
        ([update(1, result="failed")], "its update of 2026-02-01 13:30 UTC failed before it told what it deployed"),
        ([update(1)], "an older Handrail, or the component plugin"),
        ([replace(update(1), outputs={OUTPUT: {}})], "no workloads"),
    ],
    ids=["never", "destroyed", "failed", "older", "empty"],
)
def test_why_there_was_nothing(newest_first: list[Update], note: str) -> None:
    """It is told, to everybody."""
    found = told(*newest_first)
    assert found.served == ()
    assert note in found.note
    assert note in said(found)
    assert note in said(found, PRODUCT_MANAGER)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([1], "of update 1 of payments-prod: cannot be read: all of it: Input should be a valid dictionary"),
        ({"checkout": {"component": 1}}, "cannot be read: checkout.component: Input should be a valid string"),
        (SECRET, "is a secret in its state"),
    ],
)
def test_an_output_that_is_no_record_is_a_problem(output: Any, message: str) -> None:
    """Anybody's program may export something under its name; in an older update, it is passed over."""
    odd = replace(update(1), outputs={OUTPUT: output})
    (problem,) = told(odd).problems
    assert message in str(problem)
    assert "Nothing is known of what payments had in prod" in said(told(odd), PRODUCT_MANAGER)
    (served,) = told(update(2, "1"), odd).served
    assert served.since == update(2, "1")


# The moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02", datetime(2026, 3, 2, 23, 59, 59, 999999, UTC)),
        ("2026-03-03", NOW),
        ("2026-03-03T12:30", NOW),
        ("2026-03-03T12:00:00+02:00", datetime(2026, 3, 3, 10, tzinfo=UTC)),
        ("2026-03-03 09:00Z", datetime(2026, 3, 3, 9, tzinfo=UTC)),
    ],
)
def test_a_date_is_its_end_and_a_time_is_in_utc(text: str, moment: datetime) -> None:
    """Unless it has a zone of its own; the end of today is now."""
    with at(NOW):
        assert moment_of(text) == moment


@pytest.mark.parametrize("text", ["2026-03-04", "2026-03-03T12:31", "2026-03-03T12:30+00:00:01", "9999-12-31"])
def test_what_is_to_come_is_refused(text: str) -> None:
    """With the time that it is."""
    with at(NOW), pytest.raises(DocumentError) as caught:
        moment_of("2026-03-03T13:31+01:00" if text.endswith(":01") else text)
    assert "is to come" in str(caught.value)
    assert "it is 2026-03-03T12:30:00Z" in str(caught.value)


@given(
    st.one_of(
        st.text(),
        st.datetimes().map(str),
        st.dates().map(str),
        st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d[+-]\d\d:\d\d"),
    )
)
def test_whatever_is_written_is_a_moment_or_refused(text: str) -> None:
    """Nothing else is raised; what is understood is past and in UTC."""
    with at(NOW):
        try:
            assert moment_of(text) <= NOW
        except DocumentError as error:
            assert "--at: is" in str(error)


# As backends keep it


def backend(root: Path, *entries: tuple[str, Any, Any], packed: str = "") -> Project:
    """A project whose state is in a folder, with a history of these updates: time, info, state."""
    (root / "Pulumi.yaml").write_text("name: acme\nruntime: python\nbackend: {url: 'file://./state'}\n")
    folder = root / "state/.pulumi/history/acme/payments-prod"
    folder.mkdir(parents=True)
    for time, info, state in entries:
        for word, data in (("history", info), ("checkpoint", state)):
            text = data if isinstance(data, bytes) else json.dumps(data).encode()
            (folder / f"payments-prod-{time}.{word}.json{packed}").write_bytes(gzip.compress(text) if packed else text)
            (folder / f"payments-prod-{time}.{word}.json{packed}.attrs").write_text("{}")
    return Project.find(root)


def info(result: str = "succeeded", **more: Any) -> dict[str, Any]:
    """What the engine writes of an update."""
    return {"kind": "update", "startTime": 1772000000, "endTime": 1772000001, "result": result, "config": None, **more}


def state(outputs: Any) -> dict[str, Any]:
    """The state that it leaves."""
    stack = {"urn": "urn", "type": "pulumi:pulumi:Stack", "outputs": outputs}
    other = {"urn": "urn", "type": "kubernetes:core/v1:Secret", "outputs": {OUTPUT: 1}}
    return {"version": 3, "checkpoint": {"latest": {"resources": [other, stack]}}}


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_folder_is_read_newest_first_and_secrets_stay_secret(packed: str, tmp_path: Path) -> None:
    """Also where the engine compresses its files; what ended later is never read."""
    outputs = {"a": [1, {"b": _SIGNED}], OUTPUT: _SIGNED}
    project = backend(
        tmp_path,
        ("1772000001123456789", info(environment={"git.author": "Ada"}), state(outputs)),
        ("1772000002000000000", info("failed"), {"version": 3, "checkpoint": {"latest": {}}}),
        ("1772000003000000000", b"{", b"{"),
        packed=packed,
    )
    found = [*updates(project, TARGET, datetime.fromtimestamp(1772000002, UTC))]
    assert [(each.version, each.result, each.outputs) for each in found] == [
        (2, "failed", {}),
        (1, "succeeded", {"a": [1, {"b": SECRET}], OUTPUT: SECRET}),
    ]
    assert found[1].started == datetime.fromtimestamp(1772000000, UTC)
    assert found[1].ended == datetime(2026, 2, 25, 6, 13, 21, 123456, UTC)
    assert found[1].environment == {"git.author": "Ada"}


@pytest.mark.parametrize(
    ("history_", "checkpoint", "message"),
    [
        (b"", {}, "JSONDecodeError"),
        (b"[]", {}, "TypeError"),
        (b"{}", {}, "KeyError: 'startTime'"),
        (info(), b"\x28\xb5\x2f\xfd...", "is compressed by zstd"),
        (info(), [1], "AttributeError"),
    ],
)
def test_a_broken_file_is_a_sentence(history_: Any, checkpoint: Any, message: str, tmp_path: Path) -> None:
    """With what to look at."""
    project = backend(tmp_path, ("1772000001000000000", history_, checkpoint))
    with pytest.raises(EngineError) as caught:
        list(updates(project, TARGET, NOW))
    assert "the history of stack payments-prod cannot be read" in str(caught.value)
    assert message in str(caught.value)
    assert "pulumi stack history" in str(caught.value)


def test_a_folder_that_is_empty_or_not_there(tmp_path: Path) -> None:
    """A stack that was never deployed has no history; a backend that is missing is told."""
    project = backend(tmp_path)
    assert [*updates(project, TARGET, NOW)] == []
    elsewhere = Project.read(tmp_path / "Pulumi.yaml")
    with pytest.raises(EngineError, match="cannot be read"):
        list(updates(elsewhere, replace(TARGET, backend=f"file://{tmp_path}/no-such-folder"), NOW))


def test_an_engine_that_was_killed_between_its_two_files_left_nothing(tmp_path: Path) -> None:
    """As one that was killed before; a folder may have any name."""
    root = tmp_path / "a company's 100%25"
    root.mkdir()
    entries = [(f"177200000{number}000000000", info(), state({"a": number})) for number in (1, 2)]
    project = backend(root, *entries)
    (root / "state/.pulumi/history/acme/payments-prod/payments-prod-1772000002000000000.checkpoint.json").unlink()
    assert [each.outputs for each in updates(project, TARGET, NOW)] == [{"a": 1}]


def test_a_backend_of_before_there_were_projects_in_it(tmp_path: Path) -> None:
    """Its stacks lie in it by their name alone; what lies deeper is of others."""
    project = backend(tmp_path, ("1772000001000000000", info(), state({"a": 1})))
    history_ = tmp_path / "state/.pulumi/history"
    (history_ / "acme/payments-prod").rename(history_ / "payments-prod")
    (history_ / "payments-prod/other").mkdir()
    (history_ / "payments-prod/other/other-1772000002000000000.history.json").write_text("{")
    (history_ / "payments-prod/other/other-1772000002000000000.checkpoint.json").write_text("{")
    assert [each.outputs for each in updates(project, TARGET, NOW)] == [{"a": 1}]


def test_a_backend_that_is_not_read_is_refused(tmp_path: Path) -> None:
    """With those that are."""
    with pytest.raises(EngineError) as caught:
        list(updates(backend(tmp_path), replace(TARGET, backend="gs://acme-state"), NOW))
    assert "allowed: file://, s3://, Pulumi Cloud" in str(caught.value)


def test_pulumi_cloud_is_asked_page_by_page_by_its_own_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update's state is exported when somebody looks at it, and no other; one that runs still is passed over."""
    asked: list[list[str]] = []

    def answer(engine: object, project: Project, target: Target, arguments: list[str], fault: str) -> str:
        asked.append(arguments)
        if "export" in arguments:
            return json.dumps({"version": 3, "deployment": state({"v": arguments[-1]})["checkpoint"]["latest"]})
        first = 120 - 50 * (int(arguments[-1]) - 1)
        listed = [entry(number) for number in range(first, max(0, first - 50), -1)]
        return json.dumps(listed) if listed else "null"

    def entry(number: int) -> dict[str, Any]:
        times = {
            "startTime": f"2026-03-01T00:00:{number % 60:02}.000Z",
            "endTime": f"2026-03-01T00:{number // 60:02}:{number % 60:02}.000Z",
        }
        running = {"startTime": times["startTime"]}
        return {"version": number, "kind": "update", "result": "succeeded", **(running if number == 120 else times)}

    monkeypatch.setattr(history, "answer", answer)
    monkeypatch.setattr(history, "find", lambda: None)
    target = replace(TARGET, backend="https://api.pulumi.com")
    found = updates(backend(tmp_path), target, datetime(2026, 3, 1, 0, 1, 5, tzinfo=UTC))
    assert [(next(found).version, next(found).outputs) for _ in range(1)] == [(65, {"v": "64"})]
    assert [each[1] for each in asked] == ["history", "history", "export", "export"]
    assert [each.version for each in found] == list(range(63, 0, -1))


# As people read it


def said(found: Past, reader: str | None = None) -> str:
    """What is printed."""
    console = Console(file=StringIO(), width=500)
    with at(NOW):
        past_text.show([found], console, reader)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


PINNED: dict[str, Any] = {
    "image": f"{CHECKOUT}@sha256:{'1' * 64}",
    "named": f"{CHECKOUT}:2.7.1",
    "by": "ada@acme.test",
    "source": "staging",
    "commit": "ab" * 20,
    "incident": "INC-7",
    "api": ["v1", "v2"],
    "released": True,
    "shares": [
        {"track": "stable", "image": f"{CHECKOUT}@sha256:{'1' * 64}", "named": f"{CHECKOUT}:2.7.1", "share": 90},
        {"track": "canary", "image": f"{CHECKOUT}@sha256:{'2' * 64}", "named": f"{CHECKOUT}:2.8.0", "share": 10},
    ],
}


def test_each_reader_has_their_own_words() -> None:
    """Versions as people say them; the digest and the commit for who needs them."""
    found = told(update(1, "1", **PINNED))
    developer, platform = said(found), said(found, "platform-engineer")
    assert "payments-prod  prod, as deployed by 3 March 12:30 UTC" in developer
    assert "90% 2.7.1, 10% 2.8.0" in developer
    assert "since 1 Feb 13:30, update 1 of commit 00000000 by Ada" in developer
    assert "API v1, v2; from staging; promoted by ada@acme.test; for INC-7" in developer
    assert f"90% {CHECKOUT}@sha256:{'1' * 64}, 10% {CHECKOUT}@sha256:{'2' * 64}" in platform
    assert "commit abababab" in platform
    assert said(found, PRODUCT_MANAGER) == (
        "On 3 March 12:30 UTC, checkout served in prod: version 2.7.1 for 90% of requests and version 2.8.0 for 10% of "
        "requests, since 1 February 13:30 UTC, for incident INC-7.\n"
    )


def test_a_model_and_a_job() -> None:
    """A model by its version, and the alias that it was promoted by; a job has no requests."""
    model: dict[str, Any] = {"component": "GpuInferenceEndpoint", "model": "models:/scorer/12", "named": "models:/scorer@champion",
             "released": True, "shares": []}  # fmt: skip
    found = told(update(1, "3", **model))
    assert "models:/scorer/12 on 3" in said(found, "ml-engineer")
    assert "as models:/scorer@champion" in said(found, "ml-engineer")
    assert "checkout served in prod: version 12 of model scorer, version 3," in said(found, PRODUCT_MANAGER)
    job = told(update(1, "3", component="BatchJob"))
    assert "checkout was the job in prod: version 3" in said(job, PRODUCT_MANAGER)
    assert "no release: what the team's file said" in said(job)


def test_a_failed_update_is_said_to_have_failed() -> None:
    """With what there was before."""
    found = told(update(2, "2", "failed"), update(1, "1"))
    assert "the update of 1 February 14:30 UTC failed" in said(found)
    assert "2 (before: 1)" in said(found)
    told_ = said(found, PRODUCT_MANAGER)
    assert (
        "checkout in prod was to change from version 1 to version 2, and that failed on 1 February 14:30 UTC." in told_
    )
    assert "The last change before that failed: some of it may not have reached prod." in told_


def test_json_has_it_all() -> None:
    """Times in UTC; what is not known is null."""
    with at(NOW):
        (found,) = json.loads(
            past_text.dumps([told(update(2, "2", "failed", at="2026-02-01T10:00:00+01:00"), update(1, "1"))])
        )
    assert (found["at"], found["update"]["version"], found["update"]["result"]) == ("2026-03-03T12:30:00Z", 2, "failed")
    (checkout,) = found["workloads"]
    assert checkout["since"]["author"] == "Ada"
    assert checkout["before"]["image"] == f"{CHECKOUT}:1"
    assert checkout["shares"] == [
        {"track": "stable", "share": 100.0, "image": f"{CHECKOUT}:2", "model": None, "named": None}
    ]
