"""The report of a comparison: what a job that trusts nobody reads."""

import json

import pytest
from pydantic import ValidationError
from reports import REPORT

from handrail.preview.report import Report, StackChange, worst
from handrail.preview.risk import Risk


def test_a_report_is_read_as_it_was_written() -> None:
    """As JSON, with its version."""
    text = REPORT.model_dump_json()
    assert json.loads(text)["schema_version"] == 1
    assert Report.model_validate_json(text) == REPORT
    assert REPORT.risk is Risk.ROLLING_RESTART


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema_version": 2},
        {"base": "main; rm -rf /"},
        {"head": "elsewhere"},
        {"surprise": 1},
        {"unseen": ["x" * 1001]},
        {"unseen": ["x"] * 201},
        {"unknowns": -1},
        {"contract_changes": [{"file": "a", "diff": "x" * 20_001}]},
        {"stacks": [{"stack": "a", "risk": "fatal"}]},
        {"stacks": [{"stack": "a"}] * 2001},
        {"stacks": [{"stack": "a" * 301}]},
        {"budgets": [{"team": "a", "cost": None, "limit": 1}]},
    ],
)
def test_what_is_none_is_refused(wrong: dict[str, object]) -> None:
    """A word that is not there, text or lists beyond their bounds, another version."""
    with pytest.raises(ValidationError):
        Report.model_validate_json(json.dumps({**json.loads(REPORT.model_dump_json()), **wrong}))


def test_an_amount_is_a_number() -> None:
    """Not infinite, and not none."""
    row = {"resource": "cpu", "before": 1, "after": float("inf"), "limit": 4}
    with pytest.raises(ValidationError):
        StackChange.model_validate({"stack": "a", "quota": [row]})
    assert StackChange.model_validate({"stack": "a", "quota": [{**row, "after": 5}]}).quota[0].over


def test_the_worst_of_risks() -> None:
    """Is the last in their order."""
    assert worst([Risk.TRAFFIC, Risk.NONE, Risk.DATA_LOSS]) is Risk.DATA_LOSS
    assert worst([]) is Risk.NONE
