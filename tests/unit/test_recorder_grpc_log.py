"""The engine's debug log gives the same registrations as a record."""

from __future__ import annotations

import json
from pathlib import Path

from handrail.recorder import SECRET, UNKNOWN, read_grpc_log

METHOD = "/pulumirpc.ResourceMonitor/RegisterResource"
STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
SIGNATURE = "4dabf18193072939515e22adb298388d"


def test_requests_of_a_log_become_registrations(tmp_path: Path) -> None:
    """Only those that were answered; sentinels as in a record."""
    inputs = {
        "password": {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": "correct horse"},
        "id": "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "output": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "dependencies": [STACK]},
        "count": 2.0,
    }
    request = {
        "type": "a:b:C",
        "name": "c",
        "parent": STACK,
        "custom": True,
        "object": inputs,
        "dependencies": ["urn:b", "urn:a"],
        "propertyDependencies": {"id": {"urns": ["urn:b"]}, "count": {}},
        "sourcePosition": {"uri": (tmp_path / "__main__.py").as_uri(), "line": 3},
        "acceptSecrets": True,
    }
    urn = "urn:pulumi:dev::shop::a:b:C::c"
    entries = [
        {"method": METHOD, "request": request, "progress": "request_started"},
        {"method": METHOD, "request": request, "response": {"urn": urn}, "progress": "response_completed"},
        {"method": "/pulumirpc.ResourceMonitor/Invoke", "request": {}, "response": {}},
    ]
    log = tmp_path / "grpc.json"
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    (found,) = read_grpc_log(log, tmp_path)
    assert found.urn == urn
    assert found.inputs == {"password": SECRET, "id": UNKNOWN, "output": UNKNOWN, "count": 2}
    assert (found.unknown, found.secret) == ((("id",), ("output",)), (("password",),))
    assert found.dependencies == ("urn:a", "urn:b")
    assert found.property_dependencies == {"count": (), "id": ("urn:b",)}
    assert found.options == {"depends_on": ["urn:a"]}
    assert found.source_position == "__main__.py:3"
