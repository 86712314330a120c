"""What one pod requests, as the scheduler counts it: cores, GiB, and devices of the organisation's catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from handrail.core.resources import Token
from handrail.organisation.model import Accelerator, Organisation
from handrail.preview._quantities import quantity
from handrail.preview._risk.reading import at, entries, equals, fields, text

_GIB: Final = 1024**3
_KIND: Final = "handrail.dev/accelerator"


@dataclass(frozen=True, slots=True)
class Usage:
    """An amount of everything that has a quota.

    Args:
        cpu: cores.
        memory_gib: GiB.
        accelerators: devices, by kind of the organisation's catalogue.
        storage_gib: GiB of volumes.
    """

    cpu: float = 0.0
    memory_gib: float = 0.0
    accelerators: Mapping[str, int] = field(default_factory=dict)
    storage_gib: float = 0.0

    def plus(self, other: Usage) -> Usage:
        """Both."""
        kinds = dict.fromkeys((*self.accelerators, *other.accelerators))
        devices = {kind: self.accelerators.get(kind, 0) + other.accelerators.get(kind, 0) for kind in kinds}
        storage = self.storage_gib + other.storage_gib
        return Usage(self.cpu + other.cpu, self.memory_gib + other.memory_gib, devices, storage)

    def times(self, count: int) -> Usage:
        """`count` of it."""
        devices = {kind: each * count for kind, each in self.accelerators.items() if each * count}
        return Usage(self.cpu * count, self.memory_gib * count, devices, self.storage_gib * count)


Amounts = dict[str, float]


def requests_of(spec: Any, labels: Any, organisation: Organisation) -> tuple[Usage, tuple[str, ...]]:
    """What a pod with this spec and these labels requests, and what of that is not known.

    Containers add up. One that starts first counts where it alone needs more than the others that run by then; one of
    those that goes on beside them (`restartPolicy: Always`) adds to all that follow. What the pod as a whole requests
    stands above its containers'.
    """
    unclear: list[str] = []
    together: Amounts = {}
    peak: Amounts = {}
    for container in entries(spec, "initContainers"):
        asked = _asked(container, unclear)
        if equals(at(container, "restartPolicy"), "Always"):
            together = _add(together, asked)
            peak = _larger(peak, together)
        else:
            peak = _larger(peak, _add(together, asked))
    for container in entries(spec, "containers"):
        together = _add(together, _asked(container, unclear))
    amounts = _larger(peak, together) | _asked({"name": "the pod", **_whole(spec)}, unclear)
    amounts = _add(amounts, {str(key): quantity(value) or 0.0 for key, value in fields(spec, "overhead").items()})
    devices = _devices(amounts, spec, labels, organisation, unclear)
    return Usage(amounts.get("cpu", 0.0), amounts.get("memory", 0.0) / _GIB, devices), tuple(dict.fromkeys(unclear))


def _whole(spec: Any) -> dict[str, Any]:
    found = at(spec, "resources")
    return {} if found is None else {"resources": found}


def _asked(container: Any, unclear: list[str]) -> Amounts:
    """The requests of a container; for what only has a limit, that."""
    name = text(at(container, "name"))
    found: Amounts = {}
    sides = [at(container, "resources", side) for side in ("limits", "requests")]
    if isinstance(at(container, "resources"), Token) or any(isinstance(side, Token) for side in sides):
        unclear.append(f"what {name} requests")
    for side in sides:
        for key, value in fields(side).items():
            amount = quantity(value)
            if amount is None:
                unclear.append(f"how much {key} {name} requests")
            else:
                found[str(key)] = amount
    return found


def _add(one: Amounts, other: Amounts) -> Amounts:
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in dict.fromkeys((*one, *other))}


def _larger(one: Amounts, other: Amounts) -> Amounts:
    return {key: max(one.get(key, 0.0), other.get(key, 0.0)) for key in dict.fromkeys((*one, *other))}


def _devices(
    amounts: Amounts, spec: Any, labels: Any, organisation: Organisation, unclear: list[str]
) -> dict[str, int]:
    """Devices by kind: of those with the requested resource, the kind whose nodes the pod asks for."""
    found: dict[str, int] = {}
    catalogue = organisation.accelerators
    for resource in dict.fromkeys(each.resource for each in catalogue.values()):
        if count := int(amounts.get(resource, 0)):
            kinds = {name: each for name, each in catalogue.items() if each.resource == resource}
            chosen = _chosen(kinds, spec, labels)
            if len(chosen) > 1:
                unclear.append(f"which of {', '.join(chosen)} is used (the dearest is counted)")
            kind = max(chosen, key=lambda name: catalogue[name].price_per_hour)
            found[kind] = found.get(kind, 0) + count
    return found


def _chosen(kinds: Mapping[str, Accelerator], spec: Any, labels: Any) -> list[str]:
    """The kinds that the pod may land on: by its label, else by the nodes that it asks for."""
    label = at(labels, _KIND)
    if isinstance(label, str) and label in kinds:
        return [label]
    wanted = set(_nodes(spec))
    return [name for name, each in kinds.items() if wanted & each.node_labels.items()] or list(kinds)


def _nodes(spec: Any) -> Iterator[tuple[str, str]]:
    """The labels of nodes that a pod may run on."""
    for key, value in fields(spec, "nodeSelector").items():
        yield str(key), text(value)
    required = at(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for term in entries(required, "nodeSelectorTerms"):
        for rule in entries(term, "matchExpressions"):
            if equals(at(rule, "operator"), "In"):
                yield from ((text(at(rule, "key")), text(value)) for value in entries(rule, "values"))
