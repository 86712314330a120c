"""What a standard could not decide while a value was unknown is decided on the value, before it is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pulumi

from handrail.components._definition import Prepared
from handrail.core.errors import RefusedError
from handrail.core.resources import Resource, leaves, replace_leaves
from handrail.standards import contract_of, judge, refuse


def gated(inputs: dict[str, Any], check: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """`inputs` whose outputs have no value until `check` has seen all of them, and none where it raises.

    A preview shows what is known: there the check goes on beside, and ends it where all of them are known.
    """
    outputs = {path: leaf for path, leaf in leaves(inputs) if isinstance(leaf, pulumi.Output)}

    def resolved(values: list[Any]) -> None:
        known = iter(values)
        check(replace_leaves(inputs, lambda leaf: next(known) if isinstance(leaf, pulumi.Output) else leaf))

    # the verdict alone is no secret, whatever it was found in
    verdict = pulumi.Output.unsecret(pulumi.Output.all(*outputs.values()).apply(resolved))

    if pulumi.runtime.is_dry_run():
        return inputs

    def behind(leaf: Any) -> Any:
        if not isinstance(leaf, pulumi.Output):
            return leaf
        return pulumi.Output.all(leaf, verdict).apply(lambda pair: pair[0])

    gated_inputs: dict[str, Any] = replace_leaves(inputs, behind)
    return gated_inputs


def decide(prepared: Prepared, resource: Resource, inputs: Mapping[str, Any]) -> None:
    """Judge one resource of a plan again, with values for what was unknown.

    Raises:
        pulumi.RunError: every standard that refuses it.
    """
    known = replace(resource, inputs=inputs)
    plan = [known if each is resource else each for each in prepared.plan.resources]
    found = judge(plan, contract_of(prepared.workload.context))
    try:
        refuse(finding for finding in found if finding.resource == resource.name)
    except RefusedError as error:
        raise pulumi.RunError(str(error)) from None
