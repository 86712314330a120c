"""What an API server stores of an object that somebody applied: the fields that he owns, as he gave them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from handrail.core.resources import Resource
from handrail.engine.api_server import ApiServer

_EMPTY: tuple[Any, ...] = (None, {}, [], "")


class Stored:
    """The objects of an API server, found by apiVersion and kind."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}

    def path(self, api_version: str, kind: str, namespace: str | None, name: str = "") -> str:
        """The path of an object, or of all of a kind."""
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        if (api_version, kind) not in self._kinds:
            code, found = self.api.request("GET", root)
            assert code == 200, found
            for each in found["resources"]:
                if "/" not in each["name"]:
                    self._kinds[api_version, each["kind"]] = (each["name"], each["namespaced"])
        plural, namespaced = self._kinds[api_version, kind]
        return f"{root}/{f'namespaces/{namespace}/' if namespaced else ''}{plural}/{name}".rstrip("/")

    def get(self, resource: Resource) -> dict[str, Any]:
        """The stored object of a planned resource."""
        code, found = self.api.request("GET", self.path_of(resource))
        assert code == 200, (resource.name, found)
        loaded: dict[str, Any] = found
        return loaded

    def path_of(self, resource: Resource) -> str:
        """Where a planned resource is stored."""
        metadata = resource.inputs["metadata"]
        api_version = resource.type.split(":")[1].removeprefix("core/")
        return self.path(api_version, resource.kind, metadata.get("namespace"), metadata["name"])


def owned(stored: Mapping[str, Any], manager: str = "pulumi-kubernetes") -> Any:
    """The part of a stored object that a manager applied, without its server-set fields."""
    fields = [
        each["fieldsV1"]
        for each in stored["metadata"]["managedFields"]
        if each["manager"].startswith(manager) and each["operation"] == "Apply" and not each.get("subresource")
    ]
    assert len(fields) == 1, stored["metadata"]["managedFields"]
    return _part(stored, fields[0])


def _part(value: Any, fields: Mapping[str, Any]) -> Any:
    inner = {key: each for key, each in fields.items() if key != "."}
    if not inner:
        return value
    if isinstance(value, Mapping):
        return {key[2:]: _part(value[key[2:]], each) for key, each in inner.items()}
    return list(_items(value, inner))


def _items(values: list[Any], fields: Mapping[str, Any]) -> Iterator[Any]:
    for value in values:
        for key, each in fields.items():
            wanted = json.loads(key[2:])
            if key.startswith("k:") and all(value.get(name) == found for name, found in wanted.items()):
                yield _part(value, each)
            elif key.startswith("v:") and value == wanted:
                yield value


def without_empty(value: Any) -> Any:
    """A value without what the provider leaves out: nothing, and empty lists, mappings and texts."""
    if isinstance(value, Mapping):
        kept = {key: without_empty(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each not in _EMPTY}
    if isinstance(value, list | tuple):
        return [without_empty(each) for each in value]
    return value
