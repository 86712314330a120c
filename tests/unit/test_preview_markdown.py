"""A report as a comment: always within its bound, and nothing in it is markup but our own."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import REPORT, SHA

from handrail.organisation.model import Severity
from handrail.preview.markdown import MARKER, MOST, plain, render, size
from handrail.preview.rendering import as_text
from handrail.preview.report import (
    Change,
    ContractChange,
    FieldChange,
    FindingChange,
    QuotaRow,
    Reached,
    Report,
    ResourceChange,
    StackChange,
    WaiverChange,
    WorkloadChange,
)
from handrail.preview.risk import Risk

HOSTILE = [
    "@everyone", "# title", "<script>alert(1)</script>", "<!-- handrail-preview -->", "![x](https://evil.test/x.png)",
    "[click](https://evil.test)", "https://evil.test/path", "www.evil.test", "`code`", "``` \n```", "~~~", "| a | b |",
    "::error file=a::pwned", "\n::set-output name=a::b", "/approve", "\n/merge", "#123", "acme/secret#1", "**bold**",
    "_em_", "__init__", "- item", "1. item", "> quote", "</details>", "&lt;b&gt;", "\\", "$x^2$", "a\r\nb", "\x1b[31m",
    "\u202e", "---", "===", "me@evil.test", "<img src=x onerror=y>", "{{ x }}", "${{ secrets.A }}", "x" * 400, "🔴" * 90,
]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=80), st.lists(st.sampled_from(HOSTILE), max_size=4).map(" ".join)
)
NAME = TEXT.map(lambda text: text[:300])
FIELD = st.builds(FieldChange, path=NAME, before=st.none() | TEXT, after=st.none() | TEXT)
RESOURCE = st.builds(
    ResourceChange, type=NAME, name=NAME, change=st.sampled_from(Change), risk=st.sampled_from(Risk), reason=TEXT,
    fields=st.lists(FIELD, max_size=3).map(tuple), more_fields=st.integers(0, 9),
)  # fmt: skip
FINDING = st.builds(
    FindingChange,
    standard=NAME,
    severity=st.sampled_from(Severity),
    resource=NAME,
    path=NAME,
    message=TEXT,
    remedy=TEXT,
)
WAIVER = st.builds(WaiverChange, waiver=NAME, standard=NAME)
WORKLOAD = st.builds(
    WorkloadChange, name=NAME, component=NAME, noun=NAME, sentence=TEXT, risk=st.sampled_from(Risk),
    resources=st.lists(RESOURCE, max_size=3).map(tuple), findings_appear=st.lists(FINDING, max_size=2).map(tuple),
    findings_disappear=st.lists(FINDING, max_size=1).map(tuple), waivers_start=st.lists(WAIVER, max_size=1).map(tuple),
    waivers_stop=st.lists(WAIVER, max_size=1).map(tuple),
)  # fmt: skip
STACK = st.builds(
    StackChange, stack=NAME, team=NAME, environment=NAME, error=st.none() | TEXT, risk=st.sampled_from(Risk),
    workloads=st.lists(WORKLOAD, max_size=3).map(tuple), drift=st.lists(RESOURCE, max_size=1).map(tuple),
    quota=st.lists(st.builds(QuotaRow, resource=NAME, before=st.floats(0, 9), after=st.floats(0, 9)), max_size=2).map(tuple),
)  # fmt: skip
REPORTS = st.builds(
    Report, base=st.just(SHA), head=st.just("working tree"), complete=st.booleans(),
    unseen=st.lists(TEXT, max_size=3).map(tuple), stacks=st.lists(STACK, max_size=3).map(tuple),
    contract_changes=st.lists(st.builds(ContractChange, file=NAME, diff=TEXT), max_size=2).map(tuple),
    reach=st.lists(st.builds(Reached, stack=NAME, risk=st.sampled_from(Risk), workloads=st.just(1)), max_size=2).map(tuple),
)  # fmt: skip
OURS = re.compile(r"</?details(?: open)?>|</?summary>|&#\d+;")


def outside_code(comment: str) -> str:
    """A comment without its blocks of code, which Markdown reads nothing in."""
    lines, fence = [], ""
    for line in comment.splitlines():
        run = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif run:
            fence = run[0]
        else:
            lines.append(line)
    assert not fence, "a block of code that is not closed"
    return "\n".join(lines)


@settings(max_examples=150, deadline=None)
@given(REPORTS)
def test_nothing_of_what_a_pull_request_wrote_is_markup(report: Report) -> None:
    """No tag, link, mention, reference, command or heading but our own, wherever it stands."""
    comment = render(report)
    assert comment.startswith(MARKER + "\n")
    assert size(comment) <= MOST
    assert not re.search(r"(?m)^\s*::", comment), "a command of GitHub's runner"
    assert "::" not in comment
    rest = OURS.sub("", outside_code(comment).removeprefix(MARKER))
    assert not set("<>`@[]\\{}$~") & set(rest)
    assert not re.search(r"https?:|www\.", rest)
    assert not re.search(r"(?m)^\s*/", rest), "a quick action of GitLab's"
    assert "#" not in re.sub(r"(?m)^#{3,4} ", "", rest)
    assert comment.count(MARKER) == 1 + sum(each.diff.count(MARKER) for each in report.contract_changes) + sum(
        (each.error or "").count(MARKER) for each in report.stacks
    )
    assert as_text(report)


def test_a_mention_is_parted() -> None:
    """Also once character references are signs again, as where mentions are looked for."""
    assert plain("ask @ada in acme/web#12") == "ask &#64;&#8203;ada in acme&#47;web&#35;&#8203;12"
    assert plain("checkout-2.7.1, my_name") == "checkout-2.7.1, my_name"
    assert plain("- a\n1. b") == "&#45; a 1&#46; b"


def huge(stacks: int, workloads: int, text: str) -> Report:
    """A report of a change of everything."""
    resource = ResourceChange(
        type="kubernetes:apps/v1:Deployment", name=text[:300], change=Change.UPDATE, risk=Risk.TRAFFIC, reason=text,
        fields=(FieldChange(path=text[:300], before=text, after=text),) * 200,
    )  # fmt: skip
    found = FindingChange(standard=text[:300], severity=Severity.REQUIRED, resource=text[:300], message=text)
    each: dict[str, Any] = {"resources": (resource,) * 20, "findings_appear": (found,) * 20, "risk": Risk.TRAFFIC}
    return Report(
        base=SHA, head=SHA, complete=False, unseen=(text,) * 200, more_unseen=1000,
        stacks=tuple(
            StackChange(
                stack=f"s{stack}-{text}"[:300], team="t", environment=f"e{stack}", error=text if stack % 7 == 3 else None,
                risk=Risk.TRAFFIC, quota=(QuotaRow(resource=text[:300], before=1, after=stack),) * 20,
                workloads=tuple(
                    WorkloadChange(name=f"w{number}-{text}"[:300], sentence=f"{stack} {text}"[:1000], **each)
                    for number in range(workloads)
                ),
            )
            for stack in range(stacks)
        ),
        contract_changes=(ContractChange(file=text[:300], diff=text * 20),) * 50,
        reach=tuple(Reached(stack=f"s{stack}-{text}"[:300], risk=Risk.TRAFFIC, workloads=1) for stack in range(stacks)),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["x" * 1000, "@" * 1000, "🔴" * 1000, "`" * 1000, "|" * 1000, "\n" * 1000])
def test_however_much_changes_it_fits(text: str) -> None:
    """What is worst first, and the rest counted; the code blocks are closed."""
    comment = render(huge(12, 30, text))
    assert size(comment) <= MOST
    assert comment.startswith(MARKER)
    assert "did not fit" in comment
    assert re.search(r"more changes of workloads, of lesser risk", comment)
    outside_code(comment)


def test_every_workload_has_a_line_where_lines_fit() -> None:
    """Rather than a few of them whole and the others none."""
    comment = render(huge(3, 40, "short"))
    assert size(comment) <= MOST
    assert all(f"w{number}-short" in comment for number in range(40))


def test_a_small_report_whole() -> None:
    """As a person reads it."""
    comment = render(REPORT)
    assert "#### 🔵 checkout (ScalableService, in payments-prod)" in comment
    assert "| rolling restart | Deployment checkout-deployment (update) | the pod template changes |" in comment
    assert "working tree, with changes that are not committed, against 012345678901" in comment
