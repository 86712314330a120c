"""Strict validation of planned resources, before any of them is registered.

The provider drops a field that Kubernetes does not know in silence, and neither a preview nor the rendered YAML shows
it; so an unknown field is an error here. Checked are fields, types, enumerations, patterns and limits against the
schemas of the pinned Kubernetes version and of the custom resources in `crds/`, names, labels and annotation keys.

Not checked, because only the API server can: the CEL rules of custom resources, rules that join several fields (a
Service's port names, a selector that must match its template), and what depends on other objects. The provider also
drops empty values of built-in kinds (`hostIPC: false`, an env `value: ""`); they mean the default, so they are no
error. A null is one: it is dropped as well, and whoever wrote it meant something.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.core.errors import PlanError, Problem
from handrail.core.resources import Path, Resource, Token
from handrail.standards import _kinds, _names

MAX_DEPTH = 64

_SCALARS = (str, int, bool, float)
_JSON = "text, a number, true or false, a list, a mapping, Given or Ref"


def validate(resources: Iterable[Resource]) -> None:
    """Refuse a plan that Kubernetes would refuse or cut short.

    Raises:
        PlanError: every problem in it, at once.
    """
    if found := problems(resources):
        raise PlanError(found)


def problems(resources: Iterable[Resource]) -> list[Problem]:
    """Everything that is wrong with the Kubernetes resources of a plan, in its order; others are passed over.

    A Given or a Ref is not known yet: it is never a problem itself, and hides no other.
    """
    return [
        problem for resource in resources if resource.type.startswith("kubernetes:") for problem in _problems(resource)
    ]


def _problems(resource: Resource) -> Iterator[Problem]:
    kind = _kinds.kind_of(resource.type)
    copy = _Copy()
    manifest = copy.of(resource.inputs, ())
    if kind is None or copy.wrong or not isinstance(manifest, dict):
        from handrail.standards import _explain  # with pydantic and YAML: only where something is wrong

        if kind is None:
            yield _explain.unknown_kind(resource)
        for path, message, allowed in copy.wrong:
            yield _explain.problem(resource, path, message, allowed=allowed)
        if not isinstance(manifest, dict):
            yield _explain.problem(resource, (), "is not a manifest", allowed="a mapping")
        if kind is None or not isinstance(manifest, dict):
            return
    yield from _api_problems(resource, manifest)
    yield from _name_problems(resource, manifest, copy, custom=kind.custom)
    if not kind.validator.is_valid(manifest):
        from handrail.standards import _explain

        for error in kind.validator.iter_errors(manifest):
            if tuple(error.instance_path) not in copy.unknown:
                yield from _explain.explain(resource, error, kind.schema)


def _api_problems(resource: Resource, manifest: dict[str, Any]) -> Iterator[Problem]:
    """Compare apiVersion and kind with the type token, and put in what it says: schemas need not see them twice."""
    for name, expected in zip(("apiVersion", "kind"), _kinds.api_of(resource.type), strict=True):
        given = manifest.get(name)
        if given is not None and given != expected:
            from handrail.standards import _explain

            yield _explain.problem(resource, (name,), f"does not match the type {resource.type}", given, expected)
        manifest[name] = expected


def _name_problems(resource: Resource, manifest: dict[str, Any], copy: _Copy, *, custom: bool) -> Iterator[Problem]:
    found: list[tuple[Path, str, object, str]] = []
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict):
        for key, form in (("name", _names.form_of_name(resource.type)), ("namespace", _names.LABEL)):
            text = metadata.get(key)
            if isinstance(text, str) and not form.fits(text):
                found.append((("metadata", key), "is not a valid name", text, form.said))
    for path, labels in copy.labelled:
        if _names.is_labels(path, custom=custom):
            found.extend(_names.wrong(path, labels))
    if found:
        from handrail.standards import _explain

        for path, message, given, allowed in found:
            yield _explain.problem(resource, path, message, given, allowed)


@dataclass(slots=True)
class _Copy:
    """A copy in plain JSON of what a resource is registered with, and what was noticed on the way.

    Args:
        unknown: paths of tokens and of what is already wrong. Both are null in the copy, and only an error at exactly
            such a path is passed over.
        labelled: mappings that may hold labels.
        wrong: what is no JSON at all: path, message, allowed.
    """

    unknown: set[Path] = field(default_factory=set)
    labelled: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    wrong: list[tuple[Path, str, str | None]] = field(default_factory=list)

    def of(self, value: Any, path: Path) -> Any:
        """The copy of `value`."""
        if isinstance(value, Token):
            self.unknown.add(path)
            return None
        if len(path) > MAX_DEPTH:
            return self._wrong(path, f"lies deeper than {MAX_DEPTH} levels")
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, list | tuple):
            return [self.of(item, (*path, index)) for index, item in enumerate(value)]
        return self._scalar(value, path)

    def _mapping(self, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str) or not _is_text(key):
                self._wrong(path, "has a key that is not text", "text as keys")
                continue
            # Most leaves are plain ASCII text; they need no path of their own.
            result[key] = item if type(item) is str and item.isascii() else self.of(item, (*path, key))
            if key in _names.LABELLED and isinstance(result[key], dict):
                self.labelled.append(((*path, key), result[key]))
        return result

    def _scalar(self, value: Any, path: Path) -> Any:
        if value is None:
            return self._wrong(path, "is null, which the provider drops in silence", "a value, or no such field")
        if not isinstance(value, _SCALARS):
            return self._wrong(path, f"is a {type(value).__name__}, which is no plain data", _JSON)
        if isinstance(value, str):
            return str.__str__(value) if _is_text(value) else self._wrong(path, "is not valid Unicode text")
        if isinstance(value, float) and not math.isfinite(value):
            return self._wrong(path, "is not a number that JSON knows", "a finite number")
        return value

    def _wrong(self, path: Path, message: str, allowed: str | None = None) -> None:
        self.unknown.add(path)
        self.wrong.append((path, message, allowed))


def _is_text(text: str) -> bool:
    """Whether it can be written as UTF-8; a lone surrogate cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
