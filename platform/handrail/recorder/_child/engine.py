"""The engine's log service."""

from __future__ import annotations

from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2

from .channel import Channel


class Engine:
    """The engine's log service: keeps the program's messages."""

    _LEVELS = {engine_pb2.INFO: "info", engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def Log(self, request: Any) -> Any:  # noqa: N802
        """Keep a message; debug messages are the SDK's own."""
        level = self._LEVELS.get(request.severity)
        if level:
            self._channel.send("log", level, request.message, request.urn)
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, _request: Any) -> Any:  # noqa: N802
        """Any version will do: nothing is deployed."""
        return engine_pb2.RequirePulumiVersionResponse()
