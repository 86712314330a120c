"""What a stack's program calls: `deploy()` registers what the stack's files say."""

from __future__ import annotations

from pathlib import Path

import pulumi

from handrail import components
from handrail.components._component import refuses
from handrail.core.errors import HandrailError
from handrail.personas._stack import CONFIG_KEYS, plan_stack


def deploy() -> None:
    """Register the workloads of this stack, and export each one's outputs under its name.

    The stack's config says which: handrail:organisation, handrail:team, handrail:environment, and handrail:workloads
    (default workloads.yaml, relative to Pulumi.yaml). Nothing is registered unless all of it is valid.

    Raises:
        pulumi.RunError: every problem of the stack's files and plans, at once.
    """
    config = pulumi.Config("handrail")
    values = {f"handrail:{key}": config.get(key) or "" for key in CONFIG_KEYS}
    try:
        root, stack = Path(pulumi.runtime.get_root_directory()), pulumi.get_stack()
        plan = plan_stack(values, root=root, stack=stack, refuses=refuses())
    except HandrailError as error:
        raise pulumi.RunError(str(error)) from None
    for prepared in plan.prepared:
        component = getattr(components, prepared.definition.name)(prepared.name, prepared)
        pulumi.export(prepared.name, {output: getattr(component, output) for output in prepared.definition.outputs})
