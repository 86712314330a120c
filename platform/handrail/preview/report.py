"""The comparison of two revisions as data: what `handrail preview --base REF --json` prints, and what CI validates.

Whoever reads it, as the job that posts a comment, need not trust who wrote it: everything is bounded, in text and in
number, and a word that is not here is refused. `Report.model_validate_json` reads it, `model_dump_json` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from handrail.core.documents import MAX_PROBLEMS, display, dotted
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.models import Model
from handrail.organisation.model import Severity, Tier
from handrail.preview.risk import Risk

WORKING_TREE = "working tree"
AT_UP = "known at up"
"""What stands for a value that only the engine knows, or that is secret."""

T = TypeVar("T")
MOST_NAMES, MOST_TEXT, MOST_DIFF = 300, 1000, 20_000  # characters
MOST_BYTES = 64 * 1024**2  # of a file
MOST_STACKS, MOST_WORKLOADS, MOST_ITEMS, MOST_FILES = 2000, 2000, 200, 50

Name = Annotated[str, StringConstraints(max_length=MOST_NAMES)]
Text = Annotated[str, StringConstraints(max_length=MOST_TEXT)]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Count = Annotated[int, Field(ge=0, le=10**9)]
Amount = Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Items = Annotated[tuple[T, ...], Field(max_length=MOST_ITEMS)]


class Change(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class FieldChange(Model):
    """One field, or one setting of a workload, that differs."""

    path: Name
    """Dotted; an item of a list of named things stands under its name, as `containers[app].image`."""
    before: Text | None = None
    """As text; None: it was not there."""
    after: Text | None = None
    """As text; None: it is not there."""


class ResourceChange(Model):
    """One resource that differs."""

    type: Name
    """Its Pulumi type token, as `kubernetes:apps/v1:Deployment`."""
    name: Name
    """Its Pulumi name."""
    change: Change
    risk: Risk = Risk.NONE
    reason: Text = ""
    """Why it is as risky as that."""
    fields: Items[FieldChange] = ()
    """What differs in it, where it is updated or replaced."""
    more_fields: Count = 0
    """How many more fields differ."""


class FindingChange(Model):
    """A violation of a standard that appears or disappears."""

    standard: Name
    severity: Severity
    resource: Name
    path: Name = ""
    message: Text
    remedy: Text = ""


class WaiverChange(Model):
    """A waiver that starts or stops to matter: what it lets pass appears or disappears."""

    waiver: Name
    """Its id, and until when it holds."""
    standard: Name


class WorkloadChange(Model):
    """One workload that differs in anything."""

    name: Name
    component: Name = ""
    """As `ScalableService`; empty: what stands under no component."""
    noun: Name = ""
    """What its people call one of it, as `service`."""
    sentence: Text
    """What changes, in the words of its people."""
    risk: Risk = Risk.NONE
    """The worst of its resources."""
    resources: Items[ResourceChange] = ()
    """Worst first."""
    more_resources: Count = 0
    """How many more resources differ."""
    settings: Items[FieldChange] = ()
    """Settings that somebody wrote, or that follow from what somebody wrote."""
    findings_appear: Items[FindingChange] = ()
    findings_disappear: Items[FindingChange] = ()
    waivers_start: Items[WaiverChange] = ()
    waivers_stop: Items[WaiverChange] = ()


class CostChange(Model):
    """What a stack or a team costs in a month, before and after; `at_most` is at the top of every autoscaler."""

    before: Amount
    before_at_most: Amount
    after: Amount
    after_at_most: Amount
    currency: Currency
    unpriced: Items[Text] = ()
    """What costs something that organisation.yaml has no price for, a sentence each."""


class QuotaRow(Model):
    """What a stack requests of one thing, against its team's quota in the environment."""

    resource: Name
    before: Amount
    after: Amount
    at_most: Amount = 0.0
    """After the change, at the top of every autoscaler."""
    limit: Amount | None = None
    """None: the quota says nothing of it."""

    @property
    def over(self) -> bool:
        """Whether it is more than the quota has, as soon as it runs."""
        return self.limit is not None and self.after > self.limit

    @property
    def may_exceed(self) -> bool:
        """Whether it may become more than the quota has: what does not fit waits, or is not made."""
        return self.limit is not None and max(self.after, self.at_most) > self.limit


class BudgetChange(Model):
    """What a team costs in a month over all environments that were seen, against its budget."""

    team: Name
    cost: CostChange
    limit: Amount
    """What it may spend in a month."""

    @property
    def over(self) -> bool:
        """Whether it is more than the budget has."""
        return self.cost.after > self.limit


class StackChange(Model):
    """One stack that differs, or of which it cannot be told."""

    stack: Name
    team: Name = ""
    environment: Name = ""
    tier: Tier | None = None
    status: Literal["changed", "added", "removed"] = "changed"
    error: Annotated[str, StringConstraints(max_length=4 * MOST_TEXT)] | None = None
    """Why it could not be planned, and in which revision; nothing else is known of it then."""
    risk: Risk = Risk.NONE
    """The worst of its workloads."""
    workloads: Annotated[tuple[WorkloadChange, ...], Field(max_length=MOST_WORKLOADS)] = ()
    """Worst first."""
    more_workloads: Count = 0
    """How many more workloads differ."""
    unchanged: Count = 0
    """How many workloads are as they were."""
    cost: CostChange | None = None
    """None: its organisation has no prices for it, or there is no organisation."""
    quota: Items[QuotaRow] = ()
    drift: Items[ResourceChange] = ()
    """With `--engine`: what is not as the base revision has it."""


class ContractChange(Model):
    """A file of the organisation's that differs; it counts when it is merged."""

    file: Name
    diff: Annotated[str, StringConstraints(max_length=MOST_DIFF)]
    """Unified."""


class Reached(Model):
    """A stack that a change of the platform's reaches."""

    stack: Name
    risk: Risk
    workloads: Count
    """How many of its workloads differ."""


class Report(Model):
    """All that differs between two revisions of a repository."""

    schema_version: Literal[1] = 1
    base: Commit
    """The revision that is compared with, and by whose organisation, standards and waivers both are judged."""
    head: Commit | Literal["working tree"]
    """What is compared; `working tree`: with changes that no revision has yet."""
    complete: bool
    """Whether nothing was unseen and no stack failed."""
    unseen: Items[Text] = ()
    """What could not be seen, a sentence each."""
    more_unseen: Count = 0
    unknowns: Count = 0
    """How many values of what differs are known only at up."""
    contract_changes: Annotated[tuple[ContractChange, ...], Field(max_length=MOST_FILES)] = ()
    more_contract_changes: Count = 0
    stacks: Annotated[tuple[StackChange, ...], Field(max_length=MOST_STACKS)] = ()
    """Those that differ, worst first, and those that failed."""
    more_stacks: Count = 0
    unchanged_stacks: Count = 0
    """How many stacks are as they were."""
    unchanged: Count = 0
    """How many workloads are as they were, in all stacks."""
    budgets: Items[BudgetChange] = ()
    """Of teams whose cost changes."""
    reach: Annotated[tuple[Reached, ...], Field(max_length=MOST_STACKS)] = ()
    """For a change of the platform's: every stack that it reaches, worst first."""

    @property
    def risk(self) -> Risk:
        """The worst of its stacks."""
        return worst(stack.risk for stack in self.stacks)


def read_report(file: Path) -> Report:
    """The report in a file, whoever wrote it.

    Raises:
        DocumentError: it cannot be read, is too large, or is no report.
    """
    where = Position(display(file), 1)
    try:
        with file.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise DocumentError(Problem(f"cannot be read: {error.strerror}", where=where)) from None
    if len(text) > MOST_BYTES:
        raise DocumentError(Problem("is too large", where=where, allowed=f"at most {MOST_BYTES // 1024**2} MiB"))
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        problems = [
            Problem(f"is no report: {each['msg']}", cut(dotted(each["loc"]), MOST_NAMES), where)
            for each in error.errors(include_url=False, include_input=False, include_context=False)[:MAX_PROBLEMS]
        ]
        remedy = "write it with `handrail preview --base REF --json`, of the same version"
        raise DocumentError([*problems[:-1], replace(problems[-1], remedy=remedy)]) from None


def worst(risks: Iterable[Risk]) -> Risk:
    """The worst of some risks; none of no risks."""
    return max(risks, key=lambda risk: risk.severity, default=Risk.NONE)


def cut(text: str, most: int = MOST_TEXT) -> str:
    """A text within a bound; what is left out is told by an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"
