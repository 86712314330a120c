"""The way back to the parent: one JSON list a line, on a file descriptor of its own."""

from __future__ import annotations

import json
import os
import threading
from typing import Any


class Channel:
    """Sends messages to the parent; what the program prints never mixes with them.

    Args:
        descriptor: the writing end of the parent's pipe.
    """

    def __init__(self, descriptor: int) -> None:
        # A process that the program starts must not hold the pipe open.
        os.set_inheritable(descriptor, False)
        self._stream = os.fdopen(descriptor, "wb", buffering=1 << 16)
        self._lock = threading.Lock()
        self._unseen: set[tuple[str, str, str]] = set()
        self.hidden: set[str] = set()

    def send(self, kind: str, *parts: Any) -> None:
        """Send one message: a kind, and plain data."""
        line = json.dumps((kind, *parts), separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._stream.write(line)

    def unseen(self, kind: str, what: str, where: str = "") -> None:
        """Say, once, that something happened here which only a deployment can show."""
        if (kind, what, where) not in self._unseen:
            self._unseen.add((kind, what, where))
            self.send("unseen", kind, what, where)

    def flush(self) -> None:
        """Hand over what is buffered."""
        with self._lock:
            self._stream.flush()
