"""What the engine would change beyond what differs between two revisions."""

from typing import Any

from reports import REPORT

from handrail.preview.drift import drifted
from handrail.preview.report import Change


def step(op: str, token: str, name: str, *, custom: bool = True, **more: Any) -> dict[str, Any]:
    """A step as `pulumi preview --json` prints it."""
    return {
        "op": op,
        "urn": f"urn:pulumi:dev::acme::{token}::{name}",
        "newState": {"type": token, "custom": custom},
        **more,
    }


def test_what_this_change_does_not_touch() -> None:
    """Is drift; what it does, what stays, components and providers are none."""
    deployment, config = "kubernetes:apps/v1:Deployment", "kubernetes:core/v1:ConfigMap"
    steps = [
        step("update", deployment, "checkout-deployment"),
        step("update", deployment, "ledger-deployment", detailedDiff={"spec.replicas": {}, "metadata.labels.a": {}}),
        step("same", config, "notes"),
        step("create-replacement", config, "settings"),
        step("delete-replaced", config, "settings"),
        step("create", "handrail:index:ScalableService", "web", custom=False),
        step("update", "pulumi:providers:kubernetes", "dev"),
        step("refresh", config, "other"),
    ]
    found = list(drifted(steps, REPORT.stacks[0]))
    assert [(each.name, each.change) for each in found] == [
        ("ledger-deployment", Change.UPDATE), ("settings", Change.REPLACE),
    ]  # fmt: skip
    assert found[0].reason == "what is deployed is not as the base revision has it: spec.replicas, metadata.labels.a"
