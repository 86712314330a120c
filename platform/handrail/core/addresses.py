"""Addresses as people write them, checked once."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator


def _checked(text: str) -> str:
    block, _, port = text.rpartition(":")
    try:
        ip_network(block.strip("[]"))
        if 1 <= int(port) <= 65535:
            return text
    except ValueError:
        pass
    raise ValueError("is no address block with a port: write it as 10.20.0.0/16:5432 or [fd00::/8]:443")


BlockAndPort = Annotated[str, AfterValidator(_checked)]
"""An address block with a TCP port: `10.20.0.0/16:5432`, `[fd00::/8]:443`."""


def block_and_port(text: str) -> tuple[str, int]:
    """The two parts of a BlockAndPort."""
    block, _, port = text.rpartition(":")
    return block.strip("[]"), int(port)
