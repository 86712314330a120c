"""Resources read from files: Kubernetes YAML, and what `pulumi preview --json` printed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.core.documents import Document, undotted
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.resources import Given, Resource, replace_leaves
from handrail.core.streams import parse_all
from handrail.standards import Finding

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's own words for a value that is not known, or is secret
_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105  the name of a mark, no secret
_SHOWN_UNKNOWN = "output<"


@dataclass(frozen=True, slots=True)
class Origin:
    """A resource and where it was read from: a document and a path in it, or the line of a program."""

    resource: Resource
    source: str
    document: Document | None = None
    at: tuple[str | int, ...] = ()
    line: Position | None = None

    def where(self, finding: Finding) -> Position | None:
        """The line of a finding's field, or of the nearest thing around it."""
        return self.document.where((*self.at, *undotted(finding.path))) if self.document else self.line


def origins(text: bytes, file: str, known: Sequence[Any] | None = None) -> Iterator[Origin]:
    """The resources in a text; `known` as `parse_all` takes it. Raises DocumentError."""
    if text.lstrip()[:1] == b"{" and b'"steps"' in text:
        yield from _preview(text, file)
        return
    for document in parse_all(text, file, known):
        items = document.data.get("items") if isinstance(document.data, Mapping) else None
        if isinstance(items, list) and str(document.data.get("kind", "")).endswith("List"):
            for index, item in enumerate(items):
                yield _manifest(item, document, ("items", index))
        else:
            yield _manifest(document.data, document, ())


def _manifest(data: Any, document: Document, at: tuple[str | int, ...]) -> Origin:
    version = data.get("apiVersion") if isinstance(data, Mapping) else None
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if not isinstance(version, str) or not isinstance(kind, str):
        text = "is no Kubernetes object: it has no apiVersion and kind"
        raise DocumentError(Problem(text, where=document.where(at), remedy="leave the file out of what is checked"))
    metadata = data.get("metadata")
    name = str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""
    token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"
    return Origin(Resource(f"{kind} {name}".rstrip(), token, data), document.file, document, at)


def _preview(text: bytes, file: str) -> Iterator[Origin]:
    """What a preview would have afterwards."""
    try:
        steps = json.loads(text)["steps"]
        states = [step["newState"] for step in steps if step.get("newState")]
        for state in states:
            if state.get("custom") and not str(state["type"]).startswith("pulumi:"):
                name = str(state["urn"]).rpartition("::")[2]
                yield Origin(resource_of(state["type"], name, state.get("inputs") or {}, (_UNKNOWN,)), file)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        text_ = f"is no preview that `pulumi preview --json` printed ({type(error).__name__}: {error})"
        raise DocumentError(Problem(text_, where=Position(file, 1))) from None


def resource_of(token: str, name: str, inputs: Mapping[str, Any], unknown: Collection[str]) -> Resource:
    """A resource as the engine would have it; `unknown` is what stands for a value that is not known."""

    def leaf(value: Any) -> Any:
        hidden = isinstance(value, str) and (value in unknown or value.startswith(_SHOWN_UNKNOWN))
        return Given(None) if hidden else value

    return Resource(name, token, {key: replace_leaves(_opened(value), leaf) for key, value in inputs.items()})


def _opened(value: Any) -> Any:
    """A value with what is secret as not known."""
    if isinstance(value, Mapping):
        return _UNKNOWN if _SECRET in value else {key: _opened(each) for key, each in value.items()}
    return [_opened(each) for each in value] if isinstance(value, list) else value
