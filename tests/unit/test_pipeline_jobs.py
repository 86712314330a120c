"""The trusted jobs of a pipeline against a forge on loopback: what they read as data, what they write, what they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from github_server import BASE, HEAD, REPOSITORY, TOKEN, Forge, github
from hypothesis import given
from hypothesis import strategies as st
from spine import copy_acme

from handrail.core.errors import DocumentError, HandrailError
from handrail.pipeline.approvals import CONTEXT, decide
from handrail.pipeline.comment import post
from handrail.pipeline.github import GitHub
from handrail.preview.markdown import MARKER
from handrail.preview.report import MOST_BYTES, MOST_TEXT, read_report

DIGESTS = ("1a" * 32, "2b" * 32)
RELEASES = "releases/prod/payments.yaml"


def report(**more: Any) -> dict[str, Any]:
    """A small report as a pull request's job writes it."""
    return {"schema_version": 1, "base": BASE, "head": HEAD, "complete": True, **more}


def stack(sentence: str) -> dict[str, Any]:
    """A stack of which one workload changes."""
    return {"stack": "payments-prod", "workloads": [{"name": "checkout", "sentence": sentence}]}


def pin(digest: str, **more: str) -> bytes:
    """A releases file that pins checkout."""
    words = {"image": f"registry.acme.test/payments/checkout@sha256:{digest}", **more}
    return json.dumps({"checkout": words}).encode()


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    """A forge whose pull request 7 has just been built, and a job of the default branch that follows the run."""
    run = {"head_sha": HEAD, "head_branch": "change", "head_repository": {"owner": {"login": "mei"}}}
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"workflow_run": run}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    with github() as running:
        yield running


@pytest.fixture
def of_job(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    """The repository, as the job's environment says it."""
    for name, value in {"API_URL": forge.api, "REPOSITORY": REPOSITORY, "TOKEN": TOKEN}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    return GitHub.of_job()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default branch's checkout: in prod one approval is needed."""
    root = copy_acme(tmp_path_factory.mktemp("company"))
    organisation = root / "stacks/acme/platform/acme_platform/organisation.yaml"
    organisation.write_text(organisation.read_text() + "\nlogins: {tomas-k: tomas@acme.test, mei: mei@acme.test}\n")
    return root


def written(tmp_path: Path, content: Any) -> Path:
    """A report's file."""
    file = tmp_path / "handrail-preview.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


# The comment


def test_one_comment_is_changed_in_place(forge: Forge, of_job: GitHub, tmp_path: Path) -> None:
    """However often it runs, and however many comments stand before it."""
    forge.comments += [
        {"id": number, "html_url": "", "user": {"type": "User"}, "body": f"a word of mine, the {number}th"}
        for number in range(1, 151)
    ]
    post(written(tmp_path, report()), of_job)
    assert len(forge.comments) == 151
    said = post(written(tmp_path, report(stacks=[stack("image 1 to 2")])), of_job)
    assert len(forge.comments) == 151
    assert said == f"https://forge.acme.test/comment/151 shows the preview of {HEAD[:12]}"
    assert forge.comments[-1]["body"].startswith(MARKER)
    assert "image 1 to 2" in forge.comments[-1]["body"]


def test_a_persons_comment_that_begins_alike_is_left_alone(forge: Forge, of_job: GitHub, tmp_path: Path) -> None:
    """Anybody can write the marker."""
    theirs: dict[str, Any] = {"id": 1, "html_url": "", "user": {"type": "User"}, "body": f"{MARKER}\nall is well"}
    forge.comments.append(theirs)
    post(written(tmp_path, report()), of_job)
    assert theirs["body"].endswith("all is well")
    assert len(forge.comments) == 2


def test_a_pull_request_that_moved_on_gets_no_comment(forge: Forge, of_job: GitHub, tmp_path: Path) -> None:
    """The number comes from the commit that was built, never from the report."""
    forge.head = "c" * 40
    assert "has moved on" in post(written(tmp_path, report()), of_job)
    assert forge.comments == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "EOF while parsing"),
        ("[1, 2]", ""),
        ('{"schema_version": 1e999}', ""),
        (json.dumps(report(schema_version=2)), "schema_version"),
        (json.dumps(report(pull_request=1)), "pull_request"),
        (json.dumps(report(base="main; rm -rf /")), "base"),
        (json.dumps(report(stacks=[stack("x" * (MOST_TEXT + 1))])), "sentence"),
        (json.dumps(report(stacks=[stack("x")] * 5000)), "stacks"),
        (json.dumps(report(unknowns=-1)), "unknowns"),
        ("[" * 100_000, ""),
    ],
)
def test_what_is_no_report_ends_without_a_comment(
    content: str, words: str, forge: Forge, of_job: GitHub, tmp_path: Path
) -> None:
    """In a sentence that names the field, and no traceback."""
    with pytest.raises(DocumentError) as raised:
        post(written(tmp_path, content), of_job)
    assert words in str(raised.value)
    assert forge.comments == []


def test_a_report_beyond_bounds_is_not_read(tmp_path: Path) -> None:
    """Nor one that is not there."""
    file = tmp_path / "large.json"
    with file.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(DocumentError, match="is too large"):
        read_report(file)
    with pytest.raises(DocumentError, match="cannot be read"):
        read_report(tmp_path / "none.json")


@pytest.mark.parametrize(
    "hostile",
    [
        "@acme/everyone look",
        "](javascript:alert(1)) ![x](https://evil.test/x.png)",
        "</details><script>alert(1)</script>",
        "```\n::set-output name=x::y\n::add-mask::z",
        "| a | b |\n<!-- handrail-preview -->",
        "https://evil.test #12 fixes #12",
    ],
)
def test_foreign_text_is_shown_and_does_nothing(hostile: str, forge: Forge, of_job: GitHub, tmp_path: Path) -> None:
    """No mention, link, picture, HTML, table, command or second marker comes of it."""
    post(written(tmp_path, report(stacks=[stack(hostile)], unseen=[hostile])), of_job)
    (comment,) = forge.comments
    body = comment["body"].removeprefix(MARKER)
    for part in ("@acme", "](", "<script", "\n::", "```\n::", "<!--", "https://evil", " #12"):
        assert part not in body


@given(st.binary(max_size=500))
def test_any_bytes_are_a_report_or_a_sentence(data: bytes) -> None:
    """Never a traceback."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        file.write_bytes(data)
        with pytest.raises(DocumentError):
            read_report(file)


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_forge_that_refuses_is_told(status: int, forge: Forge, of_job: GitHub, tmp_path: Path) -> None:
    """With what the token needs."""
    forge.refuses = status
    with pytest.raises(HandrailError) as raised:
        post(written(tmp_path, report()), of_job)
    assert f"{status}" in str(raised.value)
    assert "permissions" in str(raised.value)


def test_outside_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not set, and where to set it."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with pytest.raises(HandrailError, match="GITHUB_TOKEN"):
        GitHub.of_job()


# Approvals


def promoting(forge: Forge, name: str = RELEASES, after: bytes | None = None) -> None:
    """The pull request changes what is pinned in production."""
    forge.files = ["README.md", name]
    forge.contents = {(name, BASE): pin(DIGESTS[0]), (name, HEAD): pin(DIGESTS[1]) if after is None else after}


def status_of(forge: Forge) -> tuple[str, str]:
    """The one status that was set."""
    (status,) = forge.statuses
    assert status["context"] == CONTEXT
    return status["state"], status["description"]


def test_a_promotion_waits_for_somebody_elses_approval(forge: Forge, of_job: GitHub, company: Path) -> None:
    """Nobody's, the author's own, a stranger's: none counts; a member's of the team does."""
    promoting(forge)
    forge.review("mei")
    forge.review("stranger")
    said = decide(of_job, company)
    assert status_of(forge) == ("pending", "checkout to prod: 1 more approval of payments or the platform team")
    assert "mei: one's own approval is none" in said
    assert "stranger: is no member of payments or of the platform team" in said
    forge.statuses.clear()
    forge.review("Tomas-K")
    assert decide(of_job, company).splitlines()[0] == "checkout to prod: approved by tomas@acme.test"
    assert status_of(forge)[0] == "success"


@pytest.mark.parametrize(
    "reviews",
    [
        [("APPROVED", "d" * 40)],
        [("APPROVED", HEAD), ("CHANGES_REQUESTED", HEAD)],
        [("APPROVED", HEAD), ("DISMISSED", HEAD)],
        [("COMMENTED", HEAD)],
    ],
)
def test_an_approval_is_of_this_very_commit_and_stands(
    reviews: list[tuple[str, str]], forge: Forge, of_job: GitHub, company: Path
) -> None:
    """Not of an older one, not one that was taken back."""
    promoting(forge)
    for state, commit in reviews:
        forge.review("tomas-k", state, commit)
    decide(of_job, company)
    assert status_of(forge)[0] == "pending"


def test_a_comment_after_an_approval_takes_nothing_back(forge: Forge, of_job: GitHub, company: Path) -> None:
    """It decides nothing."""
    promoting(forge)
    forge.review("tomas-k")
    forge.review("tomas-k", "COMMENTED")
    decide(of_job, company)
    assert status_of(forge)[0] == "success"


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("releases/dev/payments.yaml", None),
        (RELEASES, pin(DIGESTS[0])),
        ("docs/releases/notes.md", None),
        ("releases/prod/payments.yaml.txt", None),
    ],
)
def test_what_needs_no_approval(name: str, after: bytes | None, forge: Forge, of_job: GitHub, company: Path) -> None:
    """An environment that asks for none, a file that pins what it did, other files."""
    promoting(forge, name, after)
    decide(of_job, company)
    assert status_of(forge)[0] == "success"


def test_a_pin_taken_away_is_a_change_as_well(forge: Forge, of_job: GitHub, company: Path) -> None:
    """So is a file that is new or gone, wherever the project stands in the repository."""
    promoting(forge, f"payments/{RELEASES}", b"")
    decide(of_job, company)
    assert status_of(forge)[0] == "pending"


def test_releases_that_cannot_be_read_are_not_approved(forge: Forge, of_job: GitHub, company: Path) -> None:
    """The status says so, and so does the job."""
    promoting(forge, after=b"<<<<<<< HEAD\ncheckout: {image: 1}\n")
    forge.review("tomas-k")
    with pytest.raises(DocumentError, match="cannot be read"):
        decide(of_job, company)
    state, said = status_of(forge)
    assert state == "failure"
    assert "releases/prod/payments.yaml" in said
