"""WorkloadPriorities: who goes first in Kueue's queues; one set per cluster."""

from enum import StrEnum

from handrail.components._definition import Definition, Plan, Spec, Workload
from handrail.core.resources import Resource


class Priority(StrEnum):
    """The priority classes there are."""

    SERVING = "serving"
    INTERACTIVE = "interactive"
    BATCH = "batch"


_CLASSES = {
    Priority.SERVING: (1000, "Endpoints: somebody waits for each answer"),
    Priority.INTERACTIVE: (500, "Notebooks: somebody sits before them"),
    Priority.BATCH: (100, "Jobs: they can wait"),
}


class WorkloadPrioritiesSpec(Spec):
    """Kueue's WorkloadPriorityClasses of a cluster: serving before interactive before batch."""


def plan(workload: Workload[WorkloadPrioritiesSpec]) -> Plan:
    """One class per priority."""
    return Plan(
        tuple(
            Resource(
                f"{workload.name}-{name}",
                "kubernetes:kueue.x-k8s.io/v1beta2:WorkloadPriorityClass",
                {"metadata": {"name": str(name)}, "value": value, "description": description},
            )
            for name, (value, description) in _CLASSES.items()
        )
    )


COMPONENT = Definition(name="WorkloadPriorities", spec=WorkloadPrioritiesSpec, plan=plan, outputs={})
