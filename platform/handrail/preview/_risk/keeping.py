"""What keeps data: where one of these facts is gone, or its resource is replaced, so is the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from handrail.core.documents import dotted
from handrail.core.resources import Resource
from handrail.preview._risk.model import Assessment, Fact, Facts, Risk
from handrail.preview._risk.reading import Change, at, entries, equals, fields, name_of, text
from handrail.preview._risk.tables import SIZE


def _claim(resource: Resource) -> Iterator[Fact]:
    name = name_of(resource)
    said = (
        f"the claim {name} is deleted, and with it the volume and what is on it, unless the reclaim policy of its class"
        " is Retain (Delete is what classes have by default)"
    )
    yield Fact(("claim", text(at(resource.inputs, "metadata", "namespace")), name), said, "metadata.name")


def _volume(resource: Resource) -> Iterator[Fact]:
    if text(at(resource.inputs, "spec", "persistentVolumeReclaimPolicy"), "Retain") != "Retain":
        said = f"the volume {name_of(resource)} is deleted with what is on it: its reclaim policy is not Retain"
        yield Fact(("volume", name_of(resource)), said, "spec.persistentVolumeReclaimPolicy")


def _stateful_set(resource: Resource) -> Iterator[Fact]:
    """Its claims by name: they outlive it unless it says otherwise, but nobody finds them under another name."""
    spec = fields(resource.inputs, "spec")
    goes = equals(at(spec, "persistentVolumeClaimRetentionPolicy", "whenDeleted"), "Delete")
    namespace, set_name = text(at(resource.inputs, "metadata", "namespace")), name_of(resource)
    for claim in entries(spec, "volumeClaimTemplates"):
        name = text(at(claim, "metadata", "name"))
        claims = f"the claims {name}-{set_name}-0 and on"
        said = (
            f"{claims} are deleted with it (whenDeleted: Delete)" if goes else f"{claims} stay, and nothing uses them"
        )
        key = ("claims", namespace, set_name, name)
        yield Fact(key, said, "spec.volumeClaimTemplates", outlives=not goes)


def resized(after: Resource, changes: tuple[Change, ...]) -> Iterator[Assessment]:
    """A claim that asks for more: whether it gets that is its class's to say."""
    for change in changes:
        if after.kind == "PersistentVolumeClaim" and dotted(change.path) == SIZE:
            old, new = text(change.before, "nothing"), text(change.after, "nothing")
            said = f"grows from {old} to {new}, or is refused where its class does not allow expansion"
            yield Assessment(Risk.NONE, said, SIZE)


def scaled_away(after: Resource, changes: tuple[Change, ...]) -> Iterator[Assessment]:
    """The claims of pods that a StatefulSet scales away, where it says that they go as well."""
    spec = fields(after.inputs, "spec")
    goes = equals(at(spec, "persistentVolumeClaimRetentionPolicy", "whenScaled"), "Delete")
    if goes and after.kind == "StatefulSet" and entries(spec, "volumeClaimTemplates"):
        for change in changes:
            old, new = (value if isinstance(value, int) else 1 for value in (change.before, change.after))
            if change.path == ("spec", "replicas") and new < old:
                said = f"the claims of the pods from number {new} on are deleted with them (whenScaled: Delete)"
                yield Assessment(Risk.DATA_LOSS, said, "spec.replicas")


def _namespace(resource: Resource) -> Iterator[Fact]:
    said = f"everything in the namespace {name_of(resource)} is deleted with it, volumes and secrets too"
    yield Fact(("namespace", name_of(resource)), said, "metadata.name")


def _definition(resource: Resource) -> Iterator[Fact]:
    said = f"every object of the kind that {name_of(resource)} defines is deleted with it"
    yield Fact(("definition", name_of(resource)), said, "metadata.name")


def _of_aws(resource: Resource) -> Iterator[Fact]:
    guard = _GUARDS[resource.type]
    held = guard is not None and (at(resource.inputs, guard.field) is True) is guard.value
    how = f", {guard.said}" if guard is not None and held else ""
    said = f"{resource.kind} {resource.name} is deleted with what is in it{how}"
    yield Fact(("aws", resource.type), said, guard.field if guard is not None else "")


@dataclass(frozen=True, slots=True)
class _Guard:
    """A field that has the deletion of a thing of a cloud refused, where it is true, or where it is not."""

    field: str
    value: bool
    said: str


_PROTECTED: Final = "save that deletion protection has `up` fail before"
_EMPTY: Final = "save that `up` fails where it is not empty"
_GUARDS: Final[Mapping[str, _Guard | None]] = {
    "aws:rds/instance:Instance": _Guard("deletionProtection", True, _PROTECTED),
    "aws:rds/cluster:Cluster": _Guard("deletionProtection", True, _PROTECTED),
    "aws:dynamodb/table:Table": _Guard("deletionProtectionEnabled", True, _PROTECTED),
    "aws:s3/bucket:Bucket": _Guard("forceDestroy", False, _EMPTY),
    "aws:s3/bucketV2:BucketV2": _Guard("forceDestroy", False, _EMPTY),
    "aws:ecr/repository:Repository": _Guard("forceDelete", False, _EMPTY),
    **dict.fromkeys(
        (
            "aws:ebs/volume:Volume", "aws:efs/fileSystem:FileSystem", "aws:kinesis/stream:Stream", "aws:kms/key:Key",
            "aws:elasticache/replicationGroup:ReplicationGroup", "aws:opensearch/domain:Domain",
            "aws:secretsmanager/secret:Secret", "aws:sqs/queue:Queue",
        )
    ),
}  # fmt: skip
"""What of AWS keeps data, and what guards it."""

KEEPS: Final[Mapping[str, Facts]] = {
    "kubernetes:core/v1:PersistentVolumeClaim": _claim,
    "kubernetes:core/v1:PersistentVolume": _volume,
    "kubernetes:core/v1:Namespace": _namespace,
    "kubernetes:apps/v1:StatefulSet": _stateful_set,
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": _definition,
    **dict.fromkeys(_GUARDS, _of_aws),
}
