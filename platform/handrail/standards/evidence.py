"""What a rule decides on: manifests as every door sees them, with what is not known yet marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from handrail.core.resources import Path, Resource, Token, leaves, replace_leaves, words_in
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
OF_MANIFESTS: Final = (("metadata",), ("spec",), ("template",), ("status",))
"""How a path into one of them begins; any other is of its pods' spec."""
CONTAINERS: Final = ("containers", "initContainers")
LABELS: Final = {
    "name": "app.kubernetes.io/instance",
    "component": "app.kubernetes.io/component",
    "team": "handrail.dev/team",
    "persona": "handrail.dev/persona",
}
"""What variables.workload is read from, so that every door knows it from the manifest alone."""
ENVIRONMENT: Final = "handrail.dev/environment"
OWNER: Final = "owner"
"""The tag that says a cloud resource's team where no label of Handrail's does, as the standard aws-tags asks."""
_TEAM = re.compile(r"[a-z][-a-z0-9]*")


@dataclass(frozen=True)
class Subject:
    """One resource as rules see it."""

    resource: Resource

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is an object of a cluster, and no cloud's."""
        return self.resource.type.startswith("kubernetes:")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The whole manifest; of another provider's resource, its inputs."""
        if not self.is_kubernetes:
            return dict(self.resource.inputs)
        api_version, kind = api_of(self.resource.type)
        return {"apiVersion": api_version, "kind": kind, **self.resource.inputs}

    @cached_property
    def words(self) -> set[str] | None:
        """Every key in it; None where something in it is not known yet, for that may hold any key."""
        return words_in(self.resource.inputs)

    @cached_property
    def unknown(self) -> tuple[Path, ...]:
        """The paths of what only the engine knows."""
        if self.words is not None:  # as in most: no need to name every leaf
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
        """Its labels, of a cloud's resource its tags; none where it has none."""
        metadata = self.plain.get("metadata") if self.is_kubernetes else {"labels": self.plain.get("tags")}
        found = metadata.get("labels") if isinstance(metadata, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def workload(self) -> dict[str, str]:
        """Whom it belongs to, from its labels; empty text where they don't say."""
        labels = self.labels
        return {word: str(labels.get(label) or "") for word, label in LABELS.items()}

    @cached_property
    def address(self) -> str:
        """Its workload as `team/name`; of what is no workload's, its namespace and its own name.

        A cloud's resource has the team of its tags, or none, and its Pulumi name.
        """
        metadata = self.plain.get("metadata") if self.is_kubernetes else None
        metadata = metadata if isinstance(metadata, Mapping) else {}
        team = self.workload["team"] or str(metadata.get("namespace") or self._owner)
        name = self.workload["name"] or str(metadata.get("name") or self.resource.name)
        return f"{team}/{name}" if team else name

    @property
    def _owner(self) -> str:
        owner = "" if self.is_kubernetes else str(self.labels.get(OWNER) or "")
        return owner if _TEAM.fullmatch(owner) else ""

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
            bound["variables.pod"] = self.pod
            kinds = [self.pod.get(kind) or () for kind in CONTAINERS]
            if all(isinstance(each, list | tuple) for each in kinds):  # else what reads them fails, as at admission
                bound["variables.containers"] = [each for kind in kinds for each in kind]
        return bound

    def places(self, path: Path) -> Iterator[Path]:
        """By which names an expression reaches what stands at `path`."""
        yield ("object", *path)
        if path[:1] == (("metadata",) if self.is_kubernetes else ("tags",)):
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


def grouped(subjects: Iterable[Subject]) -> dict[tuple[bool, str], list[Subject]]:
    """Resources by the workload that they are of; a cloud's kinds are none of a cluster's, as of two Services."""
    found: dict[tuple[bool, str], list[Subject]] = {}
    for subject in subjects:
        found.setdefault((subject.is_kubernetes, subject.address), []).append(subject)
    return found
