"""A recorded history of the sample company's repository: each commit, and what its pull request's comment must say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handrail.preview.risk import Risk

PAYMENTS, FRAUD = "stacks/acme/payments/workloads.yaml", "stacks/acme/fraud/workloads.yaml"
CHURN, STOREFRONT = "stacks/acme/churn/workloads.yaml", "stacks/acme/storefront/workloads.yaml"
ORGANISATION = "stacks/acme/platform/acme_platform/organisation.yaml"
WAIVERS = "stacks/acme/platform/acme_platform/waivers.yaml"
DIGEST = "sha256:" + "5b" * 32
Edit = Callable[[Path], None]
GIT = {
    "GIT_AUTHOR_NAME": "Mei", "GIT_AUTHOR_EMAIL": "mei@acme.test", "GIT_COMMITTER_NAME": "Mei",
    "GIT_COMMITTER_EMAIL": "mei@acme.test", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What a comment must say.

    Args:
        changes: the workloads that differ, by stack.
        risk: the worst of them.
        words: what stands in the sentences.
        appear, disappear: standards whose findings appear or disappear.
        over: what of the quota is exceeded.
        cost: -1 where it is less afterwards, 0 where it is the same, 1 where it is more.
        contract: the organisation's files that differ.
        failed: stacks that cannot be planned any more.
    """

    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    risk: Risk = Risk.NONE
    words: tuple[str, ...] = ()
    appear: tuple[str, ...] = ()
    disappear: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    cost: int = 0
    contract: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commit:
    """One change of the repository."""

    name: str
    edit: Edit
    facts: Facts


def swap(file: str, *pairs: tuple[str, str]) -> Edit:
    """An edit that has other text in place of some; the text must be there."""

    def edit(root: Path) -> None:
        text = (root / file).read_text("utf-8")
        for old, new in pairs:
            assert old in text, f"{file} has no {old!r}"
            text = text.replace(old, new, 1)
        (root / file).write_text(text, "utf-8")

    return edit


def write(file: str, text: str) -> Edit:
    """An edit that writes a file."""

    def edit(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, "utf-8")

    return edit


def append(file: str, text: str) -> Edit:
    """An edit that adds to the end of a file."""

    def edit(root: Path) -> None:
        (root / file).write_text((root / file).read_text("utf-8") + text, "utf-8")

    return edit


def git(root: Path, *arguments: str) -> str:
    """A git command in a repository, by Mei."""
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True, env={**os.environ, **GIT}
    )
    return done.stdout.strip()


def commit(root: Path, message: str) -> str:
    """Everything as it stands, as a commit."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def everywhere(team: str, *workloads: str) -> dict[str, tuple[str, ...]]:
    """The same workloads in every environment of a team."""
    return {f"{team}-{environment}": workloads for environment in ("dev", "staging", "prod")}


RECEIPTS = """
  receipts:
    image: registry.acme.test/payments/receipts:1.0.0
    port: 8080
    data_classification: confidential
"""
HISTORY = (
    Commit(
        "a comment in a file", swap(PAYMENTS, ("team: payments\n", "team: payments # the tills\n")), Facts()
    ),
    Commit(
        "a new service",
        append(PAYMENTS, RECEIPTS),
        Facts(everywhere("payments", "receipts"), words=("receipts", "new"), cost=1),
    ),
    Commit(
        "an image bump", swap(PAYMENTS, ("checkout:2.7.1", "checkout:2.8.0")),
        Facts(everywhere("payments", "checkout"), Risk.ROLLING_RESTART, ("2.7.1", "2.8.0")),
    ),
    Commit(
        "a port change", swap(PAYMENTS, ("refunds:0.9.3\n    port: 8080", "refunds:0.9.3\n    port: 8081")),
        Facts(everywhere("payments", "refunds"), Risk.TRAFFIC, ("port", "8080", "8081")),
    ),
    Commit(
        "more replicas", swap(PAYMENTS, ("scale: {min: 2, max: 6}", "scale: {min: 3, max: 6}")),
        Facts(everywhere("payments", "ledger"), words=("2 → 3",), cost=1),
    ),
    Commit(
        "a secret made literal",
        swap(
            PAYMENTS,
            ("env: {LOG_LEVEL: info, CURRENCY: EUR}", "env: {LOG_LEVEL: info, API_TOKEN: 8f14e45fceea167a}"),
        ),
        Facts(
            everywhere("payments", "checkout"), Risk.SECURITY, ("API_TOKEN",), appear=("no-literal-secrets",),
        ),
    ),
    Commit(
        "the secret in its store again",
        swap(PAYMENTS, ("env: {LOG_LEVEL: info, API_TOKEN: 8f14e45fceea167a}", "env: {LOG_LEVEL: info, CURRENCY: EUR}")),
        Facts(everywhere("payments", "checkout"), Risk.ROLLING_RESTART, disappear=("no-literal-secrets",)),
    ),
    Commit(
        "a quota overrun",
        swap(FRAUD, ("scale: {min: 2, max: 4}", "scale: {min: 4, max: 4}"), ("scale: {min: 1, max: 2, queue: 16}", "scale: {min: 3, max: 3, queue: 16}")),
        Facts(everywhere("fraud", "fraud-scorer", "transaction-embedder"), over=("l4",), cost=1),
    ),
    Commit(
        "within the quota again",
        swap(FRAUD, ("scale: {min: 4, max: 4}", "scale: {min: 2, max: 4}"), ("scale: {min: 3, max: 3, queue: 16}", "scale: {min: 1, max: 2, queue: 16}")),
        Facts(everywhere("fraud", "fraud-scorer", "transaction-embedder"), Risk.TRAFFIC, cost=-1),
    ),
    Commit(
        "an accelerator that the team has no quota of", swap(FRAUD, ("accelerator: l4\n    model_size: 2GiB", "accelerator: a100\n    model_size: 2GiB")),
        Facts(failed=("fraud-dev", "fraud-staging", "fraud-prod")),
    ),
    Commit(
        "quota of that kind", swap(ORGANISATION, ("accelerators: {l4: 6}", "accelerators: {l4: 6, a100: 4}")),
        Facts(everywhere("platform", "fraud"), contract=("organisation.yaml",), failed=("fraud-dev", "fraud-staging", "fraud-prod")),
    ),
    Commit(
        "another kind of accelerator", swap(FRAUD, ("accelerator: a100\n    model_size: 2GiB", "accelerator: l4\n    model_size: 2GiB")),
        Facts(everywhere("fraud", "fraud-scorer"), Risk.ROLLING_RESTART, ("a100", "l4"), cost=-1),
    ),
    Commit(
        "a volume shrunk", swap(CHURN, ("storage: 50GiB", "storage: 20GiB")),
        Facts(everywhere("churn", "deep-dive"), Risk.DATA_LOSS, ("50Gi", "20Gi")),
    ),
    Commit(
        "a job at another time", swap(CHURN, ('schedule: "0 2 * * *"', 'schedule: "0 3 * * *"')),
        Facts(everywhere("churn", "train"), words=("0 2 * * * → 0 3 * * *",)),
    ),
    Commit(
        "a renamed service, whose selector is another", swap(PAYMENTS, ("  refunds:\n", "  returns:\n"), ("[ledger, refunds, ", "[ledger, returns, ")),
        Facts(everywhere("payments", "refunds", "returns", "checkout", "ledger"), Risk.TRAFFIC, ("removed", "new"), appear=("two-replicas",)),
    ),
    Commit(
        "a workload removed", swap(STOREFRONT, ("""
jobs:
  reindex:
    image: registry.acme.test/storefront/search:1.0.8
    command: [/bin/reindex, --all]
    schedule: "0 4 * * *"
    time_zone: Europe/Berlin
    deadline: 1h
    freshness: 30h
    calls: [search, catalogue]
    data_classification: public
""", "")),
        Facts(everywhere("storefront", "reindex", "search", "catalogue"), Risk.TRAFFIC, words=("removed",)),
    ),
    Commit(
        "a release pinned in production",
        write("releases/prod/payments.yaml", f"checkout:\n  image: registry.acme.test/payments/checkout@{DIGEST}\n"),
        Facts({"payments-prod": ("checkout",)}, Risk.ROLLING_RESTART, ("2.8.0", DIGEST[:12])),
    ),
    Commit(
        "a waiver ended", swap(WAIVERS, ("expires: 2027-01-25", "expires: 2026-11-20")), Facts(contract=("waivers.yaml",)),
    ),
    Commit(
        "a clause tightened",
        swap(ORGANISATION, ("images-by-digest: {tiers: []} # until a promotion pins what was tested", "images-by-digest: {tiers: [production]}")),
        Facts({"platform-prod": ("admission",)}, contract=("organisation.yaml",)),
    ),
    Commit(
        "the platform's proxy bumped",
        swap(ORGANISATION, ("kube-rbac-proxy:v0.22.1", "kube-rbac-proxy:v0.23.0")),
        Facts(
            {**everywhere("fraud", "fraud-scorer", "transaction-embedder"), **everywhere("churn", "churn-scorer"), **everywhere("assist", "assistant")},
            Risk.ROLLING_RESTART, contract=("organisation.yaml",),
        ),
    ),
)  # fmt: skip
"""Each after the one before it."""
