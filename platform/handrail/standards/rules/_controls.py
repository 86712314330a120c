"""How a control of pod security reads a pod: the few forms that all of them have, and the four that have their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

from handrail.core.resources import Path, Token
from handrail.standards._fields import ABSENT, EACH, Read, read, read_one

SECURITY: Final = "securityContext"
VOLUMES = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
})  # fmt: skip

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


@dataclass(frozen=True)
class Pod:
    """A pod template: what it holds and where it stands in its resource."""

    template: Any
    path: Path
    spec: Any
    spec_path: Path

    def containers(self, pattern: tuple[str, ...] = ()) -> list[Read]:
        """What stands at `pattern` in every container: initial, ordinary and ephemeral."""
        if EACH in pattern:
            return [found for path, container in self.each for found in read(container, pattern, path)]
        return [read_one(container, pattern, path) for path, container in self.each]

    @cached_property
    def each(self) -> list[Read]:
        """Every container, with its place."""
        lists = [read_one(self.spec, (kind,), self.spec_path) for kind in _CONTAINERS]
        return [entry for path, entries in lists for entry in read(entries, (EACH,), path)]

    def fields(self, pattern: tuple[str, ...]) -> Iterator[Read]:
        """What stands at `pattern` in the pod's spec."""
        return read(self.spec, pattern, self.spec_path)


@dataclass(frozen=True, slots=True)
class Fault:
    """A field that a control refuses, or can't decide on while it is a token."""

    path: Path
    value: Any
    message: str
    remedy: str


Faults: TypeAlias = Callable[[Pod], Iterator[Fault]]


@dataclass(frozen=True, slots=True)
class Control:
    """What a control finds in a pod.

    Args:
        words: keys without which it finds nothing, so that few pods need to be read for it; none: it misses what is
            absent.
    """

    faults: Faults
    words: frozenset[str] = frozenset()


def optional(
    what: str, pattern: tuple[str, ...], allowed: tuple[object, ...], *, pod: bool = False, containers: bool = True
) -> Control:
    """A field that may be left out, and else must have one of the values."""
    remedy = f"leave {pattern[-1]} out" + (f", or use {_either(allowed)}" if allowed else "")

    def control(template: Pod) -> Iterator[Fault]:
        places = [*(template.fields(pattern) if pod else ()), *(template.containers(pattern) if containers else ())]
        for path, value in places:
            if value is not ABSENT and (isinstance(value, Token) or value not in allowed):
                yield Fault(path, value, what, remedy)

    return Control(control, frozenset(pattern) - {EACH})


def needed(what: str, pattern: tuple[str, ...], allowed: tuple[object, ...], *, inherits: bool) -> Control:
    """A field that every container must have with one of the values, or inherit from the pod."""
    remedy = f"set {'.'.join(pattern)}: {_either(allowed)}" + (" on the pod" if inherits else "")

    def control(template: Pod) -> Iterator[Fault]:
        of_pod: Any = ABSENT
        if inherits:
            path, of_pod = read_one(template.spec, pattern, template.spec_path)
            if isinstance(of_pod, Token):
                if any(value is ABSENT for _, value in template.containers(pattern)):
                    yield Fault(path, of_pod, what, remedy)
            elif of_pod is not ABSENT and of_pod not in allowed:
                yield Fault(path, of_pod, what, remedy)
        for path, value in template.containers(pattern):
            if value is ABSENT and of_pod is not ABSENT:
                continue  # what it inherits is judged above, once
            if isinstance(value, Token) or value not in allowed:
                yield Fault(path, value, what, remedy)

    return Control(control)


def drop_all(template: Pod) -> Iterator[Fault]:
    remedy = "set securityContext.capabilities.drop: [ALL]"
    for path, dropped in template.containers((SECURITY, "capabilities", "drop")):
        names = dropped if isinstance(dropped, list | tuple) else ()
        known = [name for name in names if not isinstance(name, Token)]
        if "ALL" not in known:
            unknown = dropped if isinstance(dropped, Token) else next((n for n in names if isinstance(n, Token)), None)
            value = dropped if unknown is None else unknown
            yield Fault(path, value, "every container must drop all capabilities", remedy)


def volumes(template: Pod) -> Iterator[Fault]:
    remedy = "use " + ", ".join(sorted(VOLUMES))
    for path, volume in template.fields(("volumes", EACH)):
        if isinstance(volume, Token):
            yield Fault(path, volume, "only volumes that stay inside the cluster are allowed", remedy)
        elif isinstance(volume, Mapping):
            for source in sorted(volume.keys() - VOLUMES - {"name"}, key=str):
                value = volume[source]
                if value is not None:
                    shown = value if isinstance(value, Token) else source
                    yield Fault((*path, source), shown, f"a {source} volume reaches outside the pod", remedy)


def run_as_user(template: Pod) -> Iterator[Fault]:
    pattern = (SECURITY, "runAsUser")
    for path, value in [*template.fields(pattern), *template.containers(pattern)]:
        if value is not ABSENT and (isinstance(value, Token) or value == 0):
            yield Fault(path, value, "no container may run as user 0", "leave runAsUser out, or use another number")


def apparmor_annotations(template: Pod) -> Iterator[Fault]:
    path, annotations = read_one(template.template, ("metadata", "annotations"), template.path)
    what, remedy = "an AppArmor profile may not be switched off", "use runtime/default or localhost/<profile>"
    if isinstance(annotations, Token):
        yield Fault(path, annotations, what, remedy)
    elif isinstance(annotations, Mapping):
        for key, value in annotations.items():
            if not str(key).startswith(_APPARMOR_ANNOTATION) or value is None:
                continue
            if isinstance(value, Token) or not (
                value in ("", "runtime/default") or str(value).startswith("localhost/")
            ):
                yield Fault((*path, key), value, what, remedy)


def _either(values: tuple[object, ...]) -> str:
    return " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
