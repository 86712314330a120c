"""What differs of one stack, from what both revisions plan."""

from typing import Any

from handrail.core.resources import Given, Resource
from handrail.preview.judged import Judge
from handrail.preview.planned import Planned, Workload, written
from handrail.preview.report import Change, WorkloadChange
from handrail.preview.risk import Risk
from handrail.preview.stack_change import Compared, compared

CONFIG = "kubernetes:core/v1:ConfigMap"


def config(name: str = "web-config", **more: Any) -> Resource:
    """A ConfigMap."""
    labels = {"handrail.dev/contract": more.pop("contract", "1")}
    aliases = more.pop("aliases", ())
    return Resource(name, CONFIG, {"metadata": {"name": "web", "labels": labels}, "data": more}, aliases=aliases)


def stack(*resources: Resource, name: str = "web", component: str = "ScalableService") -> Planned:
    """A stack of one workload."""
    return Planned("dev", persona="app-developer", workloads=(Workload(name, component, {}, written(list(resources))),))


def only(found: Compared) -> WorkloadChange:
    """The workload that differs."""
    assert found.change
    (workload,) = found.change.workloads
    return workload


def test_the_contracts_version_is_no_change_of_its_own() -> None:
    """It is on every resource: they are counted, and none is a line."""
    workload = only(compared(stack(config()), stack(config(contract="2")), Judge()))
    assert workload.sentence == "the version of the contract on 1 resource"
    assert (workload.resources, workload.more_resources, workload.risk) == ((), 1, Risk.NONE)
    workload = only(compared(stack(config(a="1")), stack(config(a="2", contract="2")), Judge()))
    assert [(each.path, each.after) for each in workload.resources[0].fields] == [("data.a", "2")]


def test_a_resource_is_known_by_a_name_that_it_had() -> None:
    """And by its kind in another version of its API: neither is one that goes and one that comes."""
    workload = only(compared(stack(config("old", a="1")), stack(config("new", a="2", aliases=("old",))), Judge()))
    assert [(each.name, each.change) for each in workload.resources] != [("new", Change.CREATE), ("old", Change.DELETE)]
    assert len(workload.resources) == 1
    old = Resource("hpa", "kubernetes:autoscaling/v1:HorizontalPodAutoscaler", {"spec": {"maxReplicas": 2}})
    new = Resource("hpa", "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", {"spec": {"maxReplicas": 3}})
    workload = only(compared(stack(old), stack(new), Judge()))
    assert [(each.change, each.fields[0].path) for each in workload.resources] == [(Change.UPDATE, "spec.maxReplicas")]


def test_what_is_known_only_at_up_is_counted() -> None:
    """In what differs, and nowhere else; and differs from nothing else that is not known."""
    same = compared(stack(config(a=Given(None))), stack(config(a=Given(None))), Judge())
    assert (same.change, same.unchanged, same.unknowns) == (None, 1, 0)
    found = compared(stack(config(a=Given(None), b="1")), stack(config(a=Given(None), b="2")), Judge())
    assert found.unknowns == 1
    assert [each.path for each in only(found).resources[0].fields] == ["data.b"]


def test_another_component_is_another_thing() -> None:
    """One goes with all that it has, and one comes."""
    found = compared(stack(config()), stack(config(), component="BatchJob"), Judge())
    assert found.change
    assert sorted(each.sentence for each in found.change.workloads) == [
        "new: 1 resource",
        "removed, with its 1 resource",
    ]


def test_what_stands_under_no_component_is_no_workload() -> None:
    """So it is not counted as one that is unchanged."""
    outside = Workload("outside any component", "", {}, written([config("notes")]))
    before = Planned("dev", workloads=(*stack(config(a="1")).workloads, outside))
    after = Planned("dev", workloads=(*stack(config(a="2")).workloads, outside))
    found = compared(before, after, Judge())
    assert (only(found).name, found.unchanged) == ("web", 0)


def test_one_revision_that_could_not_be_planned() -> None:
    """Says in which; of both with the same fault, once."""
    broken = Planned("dev", error="no such file")
    for before, after, expected in (
        (broken, stack(config()), "base: no such file"),
        (stack(config()), broken, "now: no such file"),
        (None, broken, "now: no such file"),
        (broken, broken, "in both revisions: no such file"),
    ):
        found = compared(before, after, Judge())
        assert found.change
        assert (found.change.error, found.change.workloads) == (expected, ())
