"""The recorder, the plan and the engine agree: URN by URN, input by input."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from spine import STACKS, Checkout

from handrail.core.project import Project
from handrail.personas._stack import plan_stack
from handrail.preview.read import record_stack
from handrail.recorder import Registration, read_grpc_log

pytestmark = pytest.mark.engine


def comparable(found: tuple[Registration, ...]) -> dict[str, Registration]:
    """Every registration by URN, without its source position: the SDK names another line than the record does."""
    assert len({r.urn for r in found}) == len(found)
    return {r.urn: replace(r, source_position="") for r in found}


@pytest.mark.parametrize("stack", STACKS)
def test_the_recorder_sees_what_the_engine_is_asked(stack: str, acme_copy: Callable[[], Checkout]) -> None:
    """Every RegisterResource request of a real preview, from the engine's own log."""
    copy = acme_copy()
    copy.pulumi("stack", "init", stack, "--no-select")
    log = copy.root / "grpc.json"
    copy.pulumi("preview", "--stack", stack, PULUMI_DEBUG_GRPC=str(log))
    asked = comparable(read_grpc_log(log, copy.root))
    found = record_stack(Project.find(copy.root), stack)
    assert len(asked) > 8
    assert comparable(found.registrations) == asked
    assert found.complete


@pytest.mark.parametrize("stack", STACKS)
def test_the_plan_is_what_the_program_registers(stack: str, acme_copy: Callable[[], Checkout]) -> None:
    """Type, name, parent, inputs and order of readiness of every Kubernetes resource."""
    root = acme_copy().root
    found = record_stack(Project.find(root), stack)
    plan = plan_stack(Project.find(root).stack(stack).config, root=root, stack=stack)
    stack_urn = f"urn:pulumi:{stack}::acme::"
    expected = {}
    for prepared in plan.prepared:
        parent = f"{stack_urn}{prepared.definition.token}::{prepared.name}"
        urns = {r.name: f"{stack_urn}{prepared.definition.token}${r.type}::{r.name}" for r in prepared.plan.resources}
        for resource in prepared.plan.resources:
            after = {urns[name] for name in resource.after}
            expected[urns[resource.name]] = (resource.type, parent, dict(resource.inputs), after)
    registered = {
        r.urn: (
            r.type,
            r.parent,
            {key: value for key, value in r.inputs.items() if key not in ("apiVersion", "kind")},
            set(r.dependencies),
        )
        for r in found.registrations
        if r.type.startswith("kubernetes:")
    }
    assert registered == expected
