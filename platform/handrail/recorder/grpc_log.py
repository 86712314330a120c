"""The engine's own log of its calls (PULUMI_DEBUG_GRPC), as registrations: what a preview was asked to register."""

from __future__ import annotations

import json
from pathlib import Path

from handrail.recorder import wire
from handrail.recorder._child.values import Revealed
from handrail.recorder.model import Registration, in_tree_order

_METHOD = "/pulumirpc.ResourceMonitor/RegisterResource"


def read_grpc_log(log: Path, root: Path) -> tuple[Registration, ...]:
    """The registrations that a program asked the engine for, in the order of a record.

    Args:
        log: the file that PULUMI_DEBUG_GRPC named during a `pulumi preview` or `pulumi up`.
        root: the project's root, which source positions are relative to.
    """
    found: list[Registration] = []
    with log.open(encoding="utf-8") as stream:
        for line in stream:
            if _METHOD not in line:
                continue
            entry = json.loads(line)
            if entry.get("method") != _METHOD or not entry.get("response"):
                continue
            request = entry["request"]
            inputs = Revealed(request.get("object", {}))
            found.append(
                wire.registration(request, entry["response"]["urn"], inputs.value, inputs.unknown, inputs.secret, root)
            )
    return in_tree_order(found)
