"""What a request says, read for the record, and what a provider would plan for it."""

from __future__ import annotations

import sys
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import resource_pb2

from .values import UNKNOWN_VALUE, Revealed, decode_value

# Fields of a request that say nothing about the resource.
_PLUMBING = frozenset({"object", "stackTrace", "transforms", "state_migrations", "aliasSpecs", "acceptSecrets"}) | {
    "acceptResources",
    "supportsPartialValues",
    "supportsResultReporting",
    "accepts_byte_string",
    "parentStackTraceHandle",
}


def fields(request: Any) -> dict[str, Any]:
    """A request's fields as protobuf's JSON has them, without the inputs and without plumbing."""
    result: dict[str, Any] = {}
    for descriptor, value in request.ListFields():
        name = descriptor.name
        if name in _PLUMBING:
            continue
        if name == "propertyDependencies":
            value = {key: {"urns": list(item.urns)} for key, item in value.items()}
        elif name == "sourcePosition":
            value = {"uri": value.uri, "line": value.line}
        elif name == "replacement_trigger":
            revealed = Revealed(decode_value(value))
            value = revealed.value
        elif name in ("providers", "envVarMappings"):
            value = dict(value)
        elif name in ("dependencies", "ignoreChanges", "replaceOnChanges"):
            value = list(value)
        elif not isinstance(value, (str, bool, int, float)):
            value = json_format.MessageToDict(resource_pb2.RegisterResourceRequest(**{name: value}))[
                descriptor.json_name
            ]
        result[descriptor.json_name] = value
    return result


def planned(request: Any) -> Any:
    """What a provider would plan: the inputs, and for Kubernetes a name, which it makes up where there is none."""
    properties = request.object
    if not request.type.startswith("kubernetes:"):
        return properties
    if "metadata" in properties.fields and "name" in properties.fields["metadata"].struct_value.fields:
        return properties
    planned = struct_pb2.Struct()
    planned.CopyFrom(properties)
    planned.fields["metadata"].struct_value.fields["name"].string_value = UNKNOWN_VALUE
    return planned


def caller() -> tuple[bool, str]:
    """Whether the invoke under way can be answered with "unknown", and where the program made it."""
    waits, where = False, ""
    frame: Any = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "")
        if module == "pulumi.runtime.invoke":
            if code.co_name == "do_invoke" and "check_dependencies" in frame.f_locals:
                waits = bool(frame.f_locals["check_dependencies"])
            elif code.co_name == "invoke" and frame.f_back is not None:
                where = f"{frame.f_back.f_code.co_filename}:{frame.f_back.f_lineno}"
                break
        frame = frame.f_back
    return waits, where
