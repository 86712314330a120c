"""ResourceFlavors: the kinds of nodes that Kueue hands out, one per accelerator; one set per cluster."""

from typing import Any

from handrail.components._definition import Definition, Plan, Spec, Workload
from handrail.core.resources import Resource

DEFAULT_FLAVOR = "default"
"""The flavor of nodes without an accelerator."""


class ResourceFlavorsSpec(Spec):
    """Kueue's ResourceFlavors of a cluster, from the organisation's catalogue of accelerators."""


def plan(workload: Workload[ResourceFlavorsSpec]) -> Plan:
    """One flavor per accelerator, and one for everything else."""
    flavors: dict[str, dict[str, Any]] = {DEFAULT_FLAVOR: {}}
    for name, accelerator in workload.context.organisation.accelerators.items():
        flavors[name] = {"nodeLabels": accelerator.node_labels}
        if accelerator.taints:
            # taints, not tolerations: with a toleration on the flavor, jobs without a GPU would overflow onto its nodes
            flavors[name]["nodeTaints"] = [taint.model_dump(exclude_none=True) for taint in accelerator.taints]
    return Plan(
        tuple(
            Resource(
                f"{workload.name}-{name}",
                "kubernetes:kueue.x-k8s.io/v1beta2:ResourceFlavor",
                {"metadata": {"name": name}, **({"spec": spec} if spec else {})},
            )
            for name, spec in flavors.items()
        )
    )


COMPONENT = Definition(name="ResourceFlavors", spec=ResourceFlavorsSpec, plan=plan, outputs={})
