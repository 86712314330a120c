"""Transforms, as the engine runs them: a resource's own, then its ancestors', then the stack's.

The SDK keeps the functions in a callback server in this process; they are called there directly, on the program's own
loop, with the bytes that the engine would send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import _callbacks
from pulumi.runtime.proto import alias_pb2, resource_pb2

from .values import OUTPUT_SIGNATURE, SECRET_SIGNATURE, SIGNATURE, UNKNOWN_VALUE, UNKNOWNS, decode

# Option of a transform → field of the request; `depends_on` and `protect` are handled apart.
_OPTIONS = {
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "additional_secret_outputs": "additionalSecretOutputs",
    "version": "version",
    "plugin_download_url": "pluginDownloadURL",
    "provider": "provider",
    "providers": "providers",
    "deleted_with": "deletedWith",
    "replace_with": "replace_with",
    "import": "importId",
    "hide_diff": "hideDiffs",
    "custom_timeouts": "customTimeouts",
    "hooks": "hooks",
    "replacement_trigger": "replacement_trigger",
    "aliases": "aliases",
}


class Transforms:
    """Which transforms hold for which resource.

    Args:
        parents: URN → parent URN of everything registered; kept by the monitor.
    """

    def __init__(self, parents: Mapping[str, str]) -> None:
        self.stack: list[str] = []
        self._own: dict[str, list[str]] = {}
        self._parents = parents

    def of(self, request: Any) -> list[str]:
        """The tokens of the transforms that this request must pass through, in order."""
        tokens = [callback.token for callback in request.transforms]
        ancestor = request.parent if self._own else ""
        while ancestor:
            tokens += self._own.get(ancestor, ())
            ancestor = self._parents.get(ancestor, "")
        return tokens + self.stack

    def declare(self, urn: str, callbacks: list[Any]) -> None:
        """Remember a registered resource's own transforms, for its children."""
        if callbacks:
            self._own[urn] = [callback.token for callback in callbacks]

    def apply(self, tokens: list[str], request: Any) -> Any:
        """The request after its transforms. Runs on a thread, because the loop must be free to run them."""
        properties = upgrade(decode(request.object))
        if request.transforms:
            _add_dependencies(properties, request)
        options = _options(request)
        for token in tokens:
            wire = resource_pb2.TransformRequest(
                name=request.name,
                type=request.type,
                parent=request.parent,
                custom=request.custom,
                properties=_struct(properties),
                options=options,
            )
            answer = resource_pb2.TransformResponse.FromString(_call(token, wire.SerializeToString()))
            if answer.HasField("options"):
                options = answer.options
            if answer.HasField("properties"):
                properties = decode(answer.properties)
        return _request(request, properties, options)


def _call(token: str, request: bytes) -> bytes:
    for server in _callbacks._CallbackServicer._servicers:
        function = server._callbacks.get(token)
        if function is not None:
            call: Any = function(request)
            answer: Any = asyncio.run_coroutine_threadsafe(call, server._loop).result()
            return bytes(answer.SerializeToString())
    raise RuntimeError(f"Callback with token {token} not found!")


def upgrade(data: Any) -> Any:
    """Wire data with secrets and unknowns as output values, the form that transforms are given."""
    if isinstance(data, str):
        return {SIGNATURE: OUTPUT_SIGNATURE} if data in UNKNOWNS else data
    if isinstance(data, list):
        return [upgrade(item) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get(SIGNATURE) == SECRET_SIGNATURE:
        value = upgrade(data.get("value"))
        return {SIGNATURE: OUTPUT_SIGNATURE, "secret": True, "value": value}
    return {key: upgrade(item) for key, item in data.items()}


def downgrade(data: Any) -> Any:
    """Wire data without output values, the form that providers are given."""
    if isinstance(data, list):
        return [downgrade(item) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get(SIGNATURE) != OUTPUT_SIGNATURE:
        return {key: downgrade(item) for key, item in data.items()}
    value = downgrade(data["value"]) if "value" in data else UNKNOWN_VALUE
    return {SIGNATURE: SECRET_SIGNATURE, "value": value} if data.get("secret") else value


def _dependencies(data: Any) -> set[str]:
    """The URNs that the output values within wire data depend on."""
    if isinstance(data, list):
        return set().union(*(_dependencies(item) for item in data)) if data else set()
    if not isinstance(data, dict):
        return set()
    found = set(data.get("dependencies") or ()) if data.get(SIGNATURE) == OUTPUT_SIGNATURE else set()
    return found.union(*(_dependencies(item) for item in data.values()))


def _add_dependencies(properties: dict[str, Any], request: Any) -> None:
    """Turn properties with dependencies into output values that carry them."""
    for key, item in request.propertyDependencies.items():
        if key not in properties or set(item.urns) <= _dependencies(properties[key]):
            continue
        value = properties[key]
        if not (isinstance(value, dict) and value.get(SIGNATURE) == OUTPUT_SIGNATURE):
            value = {SIGNATURE: OUTPUT_SIGNATURE, "value": value}
        properties[key] = {**value, "dependencies": sorted({*value.get("dependencies", ()), *item.urns})}


def _struct(data: dict[str, Any]) -> Any:
    struct = struct_pb2.Struct()
    struct.update(data)
    return struct


def _options(request: Any) -> Any:
    options = resource_pb2.TransformResourceOptions(depends_on=request.dependencies)
    _copy(request, options, {field: option for option, field in _OPTIONS.items()})
    for urn in request.aliasURNs:
        options.aliases.append(alias_pb2.Alias(urn=urn))
    for option, field in (("protect", "protect"), ("retain_on_delete", "retainOnDelete")):
        if request.HasField(field):
            setattr(options, option, getattr(request, field))
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        options.delete_before_replace = request.deleteBeforeReplace
    return options


def _request(original: Any, properties: dict[str, Any], options: Any) -> Any:
    """The registration that results from what the transforms returned."""
    request = resource_pb2.RegisterResourceRequest(
        type=original.type,
        name=original.name,
        parent=original.parent,
        custom=original.custom,
        remote=original.remote,
        packageRef=original.packageRef,
        envVarMappings=original.envVarMappings,
        sourcePosition=original.sourcePosition,
        object=_struct(properties if original.remote else downgrade(properties)),
    )
    _copy(options, request, _OPTIONS)
    for option, field in (("protect", "protect"), ("retain_on_delete", "retainOnDelete")):
        if options.HasField(option):
            setattr(request, field, getattr(options, option))
    if options.HasField("delete_before_replace"):
        request.deleteBeforeReplace = options.delete_before_replace
        request.deleteBeforeReplaceDefined = True
    # The engine takes dependencies from the answer only where the resource itself has transforms.
    dependencies = set(options.depends_on if original.transforms else original.dependencies)
    for key, value in properties.items():
        urns = _dependencies(value)
        if original.transforms:
            dependencies |= urns
        elif key in original.propertyDependencies:
            urns |= set(original.propertyDependencies[key].urns)
        request.propertyDependencies[key].urns.extend(sorted(urns))
    request.dependencies.extend(sorted(dependencies))
    return request


def _copy(source: Any, target: Any, fields: Mapping[str, str]) -> None:
    """Copy the fields that are set."""
    for descriptor, value in source.ListFields():
        name = fields.get(descriptor.name)
        if name is None:
            continue
        if isinstance(value, (str, bool, int, float)):
            setattr(target, name, value)
        elif hasattr(value, "items"):
            getattr(target, name).update(value)
        elif hasattr(value, "CopyFrom"):
            getattr(target, name).CopyFrom(value)
        else:
            getattr(target, name).extend(value)
