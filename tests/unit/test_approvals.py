"""Whose approval counts: the forge's word about members who are not the author, each once."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import acme
from promoting import ME, Company
from spine import ROOT
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.core.errors import DocumentError
from handrail.promotion import Record
from handrail.promotion.approvals import Approvals, Approved, counted, read_approvals
from handrail.promotion.text import text

HEAD = "0f" * 20
LINK = "https://forge.acme.test/payments/pull/7"


def word(*approved_by: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the trusted workflow writes."""
    return {
        "schema_version": 1, "forge": "github", "pull_request": LINK, "author": "mei@acme.test", "head": HEAD,
        "approved_by": list(approved_by), **more,
    }  # fmt: skip


def weighed(data: dict[str, Any] | None, environment: str = "prod", **more: Any) -> Approved:
    """How it stands with them at acme."""
    given_ = Approvals.model_validate(data) if data else None
    return counted(given_, organisation=acme(), team="payments", environment=environment, heads=(HEAD,), **more)


def test_a_member_of_the_team_or_of_the_platform_team_counts() -> None:
    """By login or by e-mail, in any case of letters; each once."""
    found = weighed(
        word(
            {"login": "TOMAS@acme.test"},
            {"login": "tom", "email": "tomas@acme.test"},
            {"login": "ada", "email": "Ada@Acme.test"},
        )
    )
    assert found.counted == ("tomas@acme.test", "ada@acme.test")
    assert found.enough and found.needed == 1


@pytest.mark.parametrize(
    ("approver", "why"),
    [
        ({"login": "mei@acme.test"}, "one's own"),
        ({"login": "mei", "email": "mei@acme.test"}, "one's own"),
        ({"login": "noor@acme.test"}, "is no member of payments or of the platform team"),
        ({"login": "mallory"}, "is no member"),
    ],
)
def test_who_does_not_count(approver: dict[str, Any], why: str) -> None:
    """And why."""
    found = weighed(word(approver))
    assert found.counted == () and not found.enough
    assert why in found.not_counted[0]


def test_an_approval_of_another_commit_is_none() -> None:
    """What was pushed after it was not seen."""
    found = weighed(word({"login": "tomas@acme.test"}, head="ab" * 20))
    assert not found.enough
    assert "which is not what is here" in found.not_counted[0]


def test_a_claim_counts_outside_of_production_alone() -> None:
    """There it is printed."""
    staging = weighed(None, "staging", claimed=["tomas@acme.test", "tomas@acme.test"], by=ME)
    assert staging.counted == ("tomas@acme.test",)
    prod = weighed(None, claimed=["tomas@acme.test"], by=ME)
    assert (prod.counted, prod.claimed) == ((), ("tomas@acme.test",))
    assert "counts what the forge says alone" in prod.not_counted[0]
    assert weighed(None, "staging", claimed=[ME], by=ME).counted == ()


def test_the_file_that_the_page_shows(tmp_path: Path) -> None:
    """docs/promotion.md has it whole."""
    (text_,) = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs" / "promotion.md").read_text("utf-8"), re.M | re.S)
    file = tmp_path / "approvals.json"
    file.write_text(text_)
    found = read_approvals(file)
    assert weighed(found.model_dump(mode="json") | {"head": HEAD}).counted == ("tomas@acme.test",)


HOSTILE: dict[str, Any] = {
    "no JSON": "{",
    "a list": "[]",
    "another version": json.dumps(word(schema_version=2)),
    "a word more": json.dumps(word(approved=True)),
    "no head": json.dumps({key: value for key, value in word().items() if key != "head"}),
    "a head that is none": json.dumps(word(head="main")),
    "a link that is none": json.dumps(word(pull_request="javascript:alert(1)")),
    "approvers by name": json.dumps(word(approved_by={"login": "ada"})),
    "an approver twice as deep": json.dumps(word({"login": {"login": "ada"}})),
    "a login with a line in it": json.dumps(word({"login": "ada\n::error::"})),
    "an empty login": json.dumps(word({"login": ""})),
    "a long login": json.dumps(word({"login": "a" * 300})),
    "too many": json.dumps(word(*({"login": f"a{n}"} for n in range(201)))),
    "nested without end": "[" * 100_000,
    "two heads": json.dumps(word())[:-1] + f', "head": "{HEAD}"}}',
    "too large": json.dumps(word({"login": "a", "email": "a" * 5_000_000})),
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words_end_in_an_error(name: str, tmp_path: Path) -> None:
    """Bounded, with the place, and without a traceback."""
    file = tmp_path / "approvals.json"
    content = HOSTILE[name]
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DocumentError) as raised:
        read_approvals(file)
    assert "approvals.json" in str(raised.value)
    assert len(str(raised.value)) < 20_000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from([*word(), "login", "email", "x"]), inner, max_size=6)
        ),
        max_leaves=20,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_made_up_json_approves_anything(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """It is refused, or says nothing of a member."""
    file = tmp_path_factory.mktemp("word") / "approvals.json"
    file.write_text(json.dumps(data))
    try:
        found = read_approvals(file)
    except DocumentError:
        return
    assert not counted(found, organisation=acme(), team="payments", environment="prod", heads=(HEAD,)).enough


# In a promotion, and in a check of the pull request


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """checkout in staging, on main."""
    company = Company.at(tmp_path)
    company.through("checkout", "dev", "staging")
    company.commit("staging")
    return company


def said(company: Company, *arguments: str) -> tuple[int, str]:
    """The end and the words of a check against main."""
    command = ["check", "payments-prod", "--base", "main", "-C", str(company.root), *arguments]
    result = CliRunner().invoke(app, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def proposed(company: Company) -> str:
    """A branch with checkout in production; its commit."""
    company.git("checkout", "-qb", "promote")
    company.promote("checkout", "prod")
    return company.commit("checkout to prod")


def test_a_promotion_says_whose_approval_it_needs(company: Company) -> None:
    """What was claimed is told as such, and production does not count it."""
    outcome = company.promote("checkout", "prod", record=Record(approved_by=("tomas@acme.test",)))
    assert outcome.file is not None, "a proposal is nothing until it is merged"
    words = text(outcome)
    assert "Needs 1 approval in its pull request before it is merged" in words
    assert "claimed: tomas@acme.test" in words
    assert company.released("prod", "payments", "checkout").pull_request is None


def test_a_promotion_with_the_forges_word(company: Company, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Says who approved it."""
    head = company.git("rev-parse", "HEAD")
    approvals = Approvals.model_validate(word({"login": "ada@acme.test"}, head=head))
    outcome = company.promote("checkout", "prod", record=Record(approvals=approvals))
    assert "Approved by ada@acme.test: prod asks for 1" in text(outcome)
    assert company.released("prod", "payments", "checkout").pull_request == LINK


def test_a_pull_request_is_checked_for_the_approvals_of_each_changed_pin(
    company: Company, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Undecided without the forge's word, refused with too few, and let pass with enough."""
    head = proposed(company)
    code, output = said(company)
    assert (code, "undecided" in output) == (0, True)
    assert "the forge's word (--approvals) decides" in output
    assert said(company, "--strict")[0] == 1
    file = tmp_path_factory.mktemp("word") / "approvals.json"
    file.write_text(json.dumps(word({"login": "mei@acme.test"}, head=head)))
    code, output = said(company, "--approvals", str(file))
    assert code == 1
    assert "releases/prod/payments.yaml:1:1" in output
    assert "which needs 1 approval and has 0" in output
    assert "one's own approval is none" in output
    file.write_text(json.dumps(word({"login": "tomas@acme.test"}, head=head)))
    assert said(company, "--approvals", str(file))[0] == 0


def test_the_forges_own_merge_is_of_the_commit_that_was_approved(
    company: Company, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a pipeline checks out is the merge of it with main; a commit on top of it is another one."""
    head = proposed(company)
    company.git("checkout", "-q", "main")
    company.git("checkout", "-qb", "merge")
    company.git("merge", "-q", "--no-ff", "-m", "merge", "promote")
    file = tmp_path_factory.mktemp("word") / "approvals.json"
    file.write_text(json.dumps(word({"login": "tomas@acme.test"}, head=head)))
    assert said(company, "--approvals", str(file))[0] == 0
    (company.root / "more").write_text("x")
    company.commit("pushed after the approval")
    code, output = said(company, "--approvals", str(file))
    assert (code, "which is not what is here" in output) == (1, True)


def test_the_base_revision_says_who_may_approve_and_how_many_must(
    company: Company, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A pull request that needs nobody's approval any more, or makes its author's friend a member, changes nothing."""
    company.git("checkout", "-qb", "promote")
    company.organisation("approvals: 1", "approvals: 0")
    company.organisation(
        "members: [mei@acme.test, tomas@acme.test]", "members: [mei@acme.test, tomas@acme.test, mallory]"
    )
    company.promote("checkout", "prod")
    head = company.commit("checkout to prod")
    file = tmp_path_factory.mktemp("word") / "approvals.json"
    file.write_text(json.dumps(word({"login": "mallory"}, head=head)))
    code, output = said(company, "--approvals", str(file))
    assert (code, "mallory: is no member" in output) == (1, True)


def test_a_pin_that_is_taken_out_needs_approval_as_well(company: Company) -> None:
    """Then something else runs."""
    company.promote("checkout", "prod")
    company.commit("prod")
    company.git("checkout", "-qb", "promote")
    (company.root / "releases/prod/payments.yaml").unlink()
    company.commit("gone")
    code, output = said(company, "--strict")
    assert (code, "becomes no release, which needs 1 approval" in output) == (1, True)


def test_an_environment_that_asks_for_no_approval_is_not_asked_about(company: Company) -> None:
    """And a pin that did not change is not either."""
    company.git("checkout", "-qb", "promote")
    company.workloads("payments", "checkout:2.7.1", "checkout:2.8.0")
    company.promote("checkout", "dev")
    company.commit("dev")
    code, output = said(company, "--strict")
    assert code == 0, output
    assert "approval" not in output


def test_no_baseline_excuses_a_missing_approval(company: Company, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever it says."""
    company.git("checkout", "-q", "main")
    entry = {"standard": "approvals", "workload": "payments/checkout", "resource": "payments/checkout in prod"}
    baseline = company.root / "baseline.json"
    baseline.write_text(json.dumps({"version": 1, "findings": [entry]}))
    company.commit("baseline")
    head = proposed(company)
    file = tmp_path_factory.mktemp("word") / "approvals.json"
    file.write_text(json.dumps(word(head=head)))
    assert said(company, "--approvals", str(file), "--baseline", str(baseline))[0] == 1


def test_approvals_without_a_base_are_refused(company: Company) -> None:
    """Nobody could say what was approved."""
    result = CliRunner().invoke(app, ["check", "payments-prod", "-C", str(company.root), "--approvals", "x.json"])
    assert result.exit_code == 2
    assert "needs --base" in " ".join(result.output.replace("│", " ").split())
