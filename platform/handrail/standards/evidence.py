"""What a rule decides on: manifests as every door sees them, with what is not known yet marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from handrail.core.resources import Path, Resource, Token, holds_token, leaves, replace_leaves
from handrail.standards._kinds import api_of

if TYPE_CHECKING:
    from handrail.organisation.model import Tier

POD_SPECS: Final[Mapping[str, tuple[str, ...]]] = {
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:core/v1:PodTemplate": ("template", "spec"),
    "kubernetes:core/v1:ReplicationController": ("spec", "template", "spec"),
    "kubernetes:apps/v1:DaemonSet": ("spec", "template", "spec"),
    "kubernetes:apps/v1:Deployment": ("spec", "template", "spec"),
    "kubernetes:apps/v1:ReplicaSet": ("spec", "template", "spec"),
    "kubernetes:apps/v1:StatefulSet": ("spec", "template", "spec"),
    "kubernetes:batch/v1:Job": ("spec", "template", "spec"),
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Where each kind that makes pods keeps their spec."""
CONTAINERS: Final = ("containers", "initContainers")
LABELS: Final = {
    "name": "app.kubernetes.io/instance",
    "component": "app.kubernetes.io/component",
    "team": "handrail.dev/team",
    "persona": "handrail.dev/persona",
}
"""What variables.workload is read from, so that every door knows it from the manifest alone."""
ENVIRONMENT: Final = "handrail.dev/environment"


@dataclass(frozen=True)
class Subject:
    """One resource as rules see it."""

    resource: Resource

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The whole manifest; of another provider's resource, its inputs."""
        if not self.resource.type.startswith("kubernetes:"):
            return dict(self.resource.inputs)
        api_version, kind = api_of(self.resource.type)
        return {"apiVersion": api_version, "kind": kind, **self.resource.inputs}

    @cached_property
    def unknown(self) -> tuple[Path, ...]:
        """The paths of what only the engine knows."""
        if not holds_token(self.resource.inputs):  # as in most: no need to name every leaf
            return ()
        return tuple(path for path, leaf in leaves(self.manifest) if isinstance(leaf, Token))

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The manifest with text in place of what only the engine knows; a rule that reads it is not asked."""
        if not self.unknown:
            return self.manifest
        plain: dict[str, Any] = replace_leaves(self.manifest, lambda leaf: "" if isinstance(leaf, Token) else leaf)
        return plain

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its labels, none where it has none."""
        metadata = self.plain.get("metadata")
        found = metadata.get("labels") if isinstance(metadata, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def workload(self) -> dict[str, str]:
        """Whom it belongs to, from its labels; empty text where they don't say."""
        return {word: str(self.labels.get(label) or "") for word, label in LABELS.items()}

    @cached_property
    def address(self) -> str:
        """Its workload as `team/name`; of what is no workload's, its namespace and its own name."""
        metadata = self.plain.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        team = self.workload["team"] or str(metadata.get("namespace") or "")
        name = self.workload["name"] or str(metadata.get("name") or self.resource.name)
        return f"{team}/{name}" if team else name

    @property
    def pod_path(self) -> tuple[str, ...] | None:
        """Where its pods' spec stands; None where it makes none."""
        return POD_SPECS.get(self.resource.type)

    @cached_property
    def pod(self) -> Any:
        """The spec of its pods, None where it has none."""
        found: Any = self.plain if self.pod_path else None
        for part in self.pod_path or ():
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def bindings(self, environment: str, tier: Tier) -> dict[str, Any]:
        """What an expression's names stand for here."""
        bound: dict[str, Any] = {
            "object": self.plain,
            "variables.workload": self.workload,
            "variables.environment": {"name": environment, "tier": str(tier)},
        }
        if isinstance(self.pod, Mapping):
            containers = [each for kind in CONTAINERS for each in self.pod.get(kind) or ()]
            bound |= {"variables.pod": self.pod, "variables.containers": containers}
        return bound

    def places(self, path: Path) -> Iterator[Path]:
        """By which names an expression reaches what stands at `path`."""
        yield ("object", *path)
        if path[:1] == ("metadata",):
            yield ("variables.workload",)
        where = self.pod_path
        if where and path[: len(where)] == where[: len(path)]:
            below = path[len(where) :]
            yield ("variables.pod", *below)
            if not below or below[0] in CONTAINERS:
                yield ("variables.containers", *below[1:])


@dataclass(frozen=True)
class Evidence:
    """All resources of one workload, for a rule about more than one of them.

    Args:
        all: everything that was judged with it: resources of a cloud say by no label that they belong together.
        breaks: what a promotion found that it breaks of the API that is served; None: nobody compared.
    """

    subjects: tuple[Subject, ...]
    environment: str
    tier: Tier
    all: tuple[Subject, ...] = ()
    breaks: tuple[str, ...] | None = None

    def of(self, *kinds: str) -> list[Subject]:
        """Those of some kinds, as `Deployment`."""
        return [each for kind in kinds for each in self._by_kind.get(kind, ())]

    @cached_property
    def _by_kind(self) -> dict[str, list[Subject]]:
        found: dict[str, list[Subject]] = {}
        for each in self.subjects:
            found.setdefault(each.resource.kind, []).append(each)
        return found


def grouped(subjects: Iterable[Subject]) -> dict[str, list[Subject]]:
    """Resources by the workload that they are of."""
    found: dict[str, list[Subject]] = {}
    for subject in subjects:
        found.setdefault(subject.address, []).append(subject)
    return found
