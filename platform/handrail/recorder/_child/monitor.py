"""The resource monitor that the program's SDK talks to: it answers as the engine does in a first preview, and records.

The engine's own rules are pulumi/pkg/v3/resource/deploy/source_eval.go and step_generator.go, version 3.259.0.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2

from .channel import Channel
from .loop import Elsewhere
from .requests import caller, fields, planned
from .transforms import Transforms
from .values import UNKNOWN_VALUE, Revealed, decode

STACK = "pulumi:pulumi:Stack"
STACK_REFERENCE = "pulumi:pulumi:StackReference"
PROVIDER = "pulumi:providers:"

# What an engine 3.259 says it can do; the SDK shapes its requests by it.
FEATURES = {
    "secrets": "SECRETS",
    "resourceReferences": "RESOURCE_REFERENCES",
    "outputValues": "OUTPUT_VALUES",
    "aliasSpecs": "ALIAS_SPECS",
    "replacementTrigger": "REPLACEMENT_TRIGGER",
    "deletedWith": "DELETED_WITH",
    "replaceWith": "REPLACE_WITH",
    "transforms": "TRANSFORMS",
    "invokeTransforms": "INVOKE_TRANSFORMS",
    "parameterization": "PARAMETERIZATION",
    "resourceHooks": "RESOURCE_HOOKS",
    "errorHooks": "ERROR_HOOKS",
    "sendsOptionsToHooks": "SENDS_OPTIONS_TO_HOOKS",
}
NEWER_FEATURES = ("BYTE_STRING", "INVOKE_DEPENDS_ON", "INVOKE_PARENT")


class RefusedError(Exception):
    """The engine would have refused this request, and ended the deployment."""


class Answer:
    """What the SDK reads from the answer to a registration; a protobuf message would copy the inputs."""

    __slots__ = ("id", "object", "propertyDependencies", "result", "unknown", "urn")

    def __init__(self, urn: str, properties: Any) -> None:
        self.urn = urn
        self.id = ""
        self.object = properties
        self.propertyDependencies: dict[str, Any] = {}
        self.result = 0
        self.unknown = False


class Monitor:
    """Records what the SDK registers.

    Args:
        channel: the way to the parent.
        project: the project's name.
        stack: the stack's name.
        config: the stack's config, as the program sees it.
        refuses: whether a component of Handrail's ends the program where a standard refuses it.
    """

    def __init__(
        self, channel: Channel, project: str, stack: str, config: Mapping[str, str], *, refuses: bool = True
    ) -> None:
        self.channel = channel
        self.refuses = refuses
        self.failure: dict[str, Any] | None = None
        self._prefix = f"urn:pulumi:{stack}::{project}::"
        # URN → parent URN, of everything registered or read.
        self._parents: dict[str, str] = {}
        self._transforms = Transforms(self._parents)
        self._denied = _denied(config)
        self._packages: dict[bytes, str] = {}
        self._loop_thread = threading.get_ident()
        self._lock = threading.Lock()
        self._empty = struct_pb2.Struct()

    # -- what the program registers -------------------------------------------------------------------------------

    def RegisterResource(self, request: Any) -> Answer:  # noqa: N802  the service's own name
        """Record one registration; the answer holds its inputs, and no id."""
        transforms = self._transforms.of(request)
        if transforms and threading.get_ident() == self._loop_thread:
            raise Elsewhere
        position = request.sourcePosition
        if request.custom or request.remote:
            self._check_type(request.type, position)
        if request.envVarMappings and not request.type.startswith(PROVIDER):
            self._refuse("envVarMappings can only be used with provider resources", position)
        if request.parent and request.parent not in self._parents:
            self._refuse(f"could not find parent resource {request.parent}", position)
        own = list(request.transforms)
        if transforms:
            request = self._transforms.apply(transforms, request)
        self._check_provider(request, position)
        urn = self._register(request.parent, request.type, request.name, position)
        self._transforms.declare(urn, own)
        revealed = self._reveal(decode(request.object))
        self.channel.send("resource", urn, fields(request), revealed.value, revealed.unknown, revealed.secret)
        if request.remote:
            self.channel.unseen("remote component", request.type, urn)
            return Answer(urn, self._empty)
        if request.state_migrations:
            self.channel.unseen("state migration", request.name, urn)
        # The engine gives a component none of its inputs back.
        answer = Answer(urn, planned(request) if request.custom else self._empty)
        if request.type.startswith(PROVIDER):
            # The engine gives a provider this sentinel for an id, where other resources have none yet.
            answer.id = UNKNOWN_VALUE
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """Record the outputs of a component or of the stack."""
        revealed = self._reveal(decode(request.outputs))
        self.channel.send("outputs", request.urn, revealed.value, revealed.unknown, revealed.secret)
        return empty_pb2.Empty()

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802
        """Run this transform on every resource from now on."""
        self._transforms.stack.append(request.token)
        return empty_pb2.Empty()

    def RegisterPackage(self, request: Any) -> Any:  # noqa: N802
        """A parameterized provider's package; the reference only has to be the same for the same request."""
        key = request.SerializeToString(deterministic=True)
        name = request.parameterization.name or request.extension.name or request.name
        reference = self._packages.setdefault(key, f"{name}-{len(self._packages)}")
        return resource_pb2.RegisterPackageResponse(ref=reference)

    # -- what only a deployment can answer ------------------------------------------------------------------------

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        """An existing resource: its inputs are known, what it has become is not."""
        self._check_type(request.type, request.sourcePosition)
        urn = self._register(request.parent, request.type, request.name, request.sourcePosition)
        kind = "stack reference" if request.type == STACK_REFERENCE else "read"
        identity = "[unknown]" if request.id == UNKNOWN_VALUE else request.id
        self.channel.unseen(kind, identity if kind == "stack reference" else f"{request.type} {identity}", urn)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=request.properties)

    def ExistsResource(self, request: Any) -> Any:  # noqa: N802
        """Whether a resource exists is not known here."""
        self.channel.unseen("read", f"{request.type} {request.id}")
        return resource_pb2.ExistsResourceResponse(exists=False, unknown=True)

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """A provider's function: unknown where the program can take that, else empty."""
        if request.tok == "pulumi:pulumi:getResource":
            return self._registered(request)
        waits, where = caller()
        self.channel.unseen("invoke", request.tok, where)
        if waits:
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        return _returning(resource_pb2.ResourceInvokeResponse(), struct_pb2.Struct())

    def Call(self, request: Any) -> Any:  # noqa: N802
        """A method of a remote component: unknown."""
        self.channel.unseen("call", request.tok)
        result = struct_pb2.Struct()
        result.fields["unknown"].string_value = UNKNOWN_VALUE
        return _returning(provider_pb2.CallResponse(), result)

    def _registered(self, request: Any) -> Any:
        urn = request.args.fields["urn"].string_value
        if urn not in self._parents:
            raise Exception(f"unknown resource {urn}")
        result = struct_pb2.Struct()
        result.update({"urn": urn, "id": "", "state": {}})
        return _returning(resource_pb2.ResourceInvokeResponse(), result)

    # -- what needs no answer -------------------------------------------------------------------------------------

    def RegisterStackInvokeTransform(self, _request: Any) -> Any:  # noqa: N802
        """Invokes are not made here, so nothing is transformed."""
        return empty_pb2.Empty()

    RegisterResourceHook = RegisterErrorHook = SignalAndWaitForShutdown = RegisterStackInvokeTransform

    def SupportsFeature(self, request: Any) -> Any:  # noqa: N802
        """The older way of asking what the engine can do."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in FEATURES)

    def GetDeploymentInfo(self, _request: Any) -> Any:  # noqa: N802
        """The newer way of asking what the engine can do."""
        names = (f"RESOURCE_MONITOR_FEATURE_{name}" for name in (*FEATURES.values(), *NEWER_FEATURES))
        known = [getattr(resource_pb2, name) for name in names if hasattr(resource_pb2, name)]
        return resource_pb2.DeploymentInfo(supportedFeatures=known)

    # -- the engine's rules ---------------------------------------------------------------------------------------

    def _register(self, parent: str, kind: str, name: str, position: Any) -> str:
        qualified = parent.split("::", 3)[2] if parent else STACK
        urn = f"{self._prefix}{kind if qualified == STACK else qualified + '$' + kind}::{name}"
        # Transforms make registrations arrive on several threads.
        with self._lock:
            known = urn in self._parents
            self._parents.setdefault(urn, parent)
        if known:
            self._refuse(f"Duplicate resource URN '{urn}'; try giving it a unique name", position)
        return urn

    def _check_type(self, kind: str, position: Any) -> None:
        if kind.count(":") != 2:
            self._refuse(f"Type '{kind}' is not a valid type token (must have format '*:*:*')", position)

    def _check_provider(self, request: Any, position: Any) -> None:
        package = request.type.partition(":")[0]
        if request.provider or package in request.providers or package == "pulumi":
            return
        if not self._denied or not (request.custom or request.remote):
            return
        if "*" in self._denied or package in self._denied:
            message = f"Default provider for '{package}' disabled. '{request.type}' must use an explicit provider."
            self._refuse(message, position)

    def _refuse(self, message: str, position: Any) -> None:
        if self.failure is None:
            self.failure = {"message": message, "file": unquote(urlsplit(position.uri).path), "line": position.line}
        raise RefusedError(message)

    def _reveal(self, data: dict[str, Any]) -> Revealed:
        revealed = Revealed(data)
        self.channel.hidden |= revealed.hidden
        return revealed


def _denied(config: Mapping[str, str]) -> frozenset[str]:
    """The packages whose default provider the stack's config disables."""
    try:
        names = json.loads(config.get("pulumi:disable-default-providers") or "[]")
    except ValueError:
        return frozenset()
    return frozenset(names) if isinstance(names, list) else frozenset()


def _returning(answer: Any, result: Any) -> Any:
    # A field named as a keyword of Python.
    getattr(answer, "return").CopyFrom(result)
    return answer
