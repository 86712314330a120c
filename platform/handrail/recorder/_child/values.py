"""Property values on the wire, as plain data: Pulumi's sentinels become markers, and their paths are listed.

The parent reads the engine's debug log with the same functions, so that both are equal for the same request.
"""

from __future__ import annotations

from typing import Any

Path = tuple["str | int", ...]

UNKNOWN = "[unknown]"
"""Stands where a value is known only after a deployment."""

SECRET = "[secret]"  # noqa: S105  a marker, not a password
"""Stands where a value is secret."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"

UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWNS = frozenset(
    {
        UNKNOWN_VALUE,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
    }
)
"""The sentinels of an unknown string, boolean, number, list, mapping, asset and archive."""


def decode(struct: Any) -> dict[str, Any]:
    """A protobuf Struct as plain data, sentinels kept as they are."""
    return {key: decode_value(value) for key, value in struct.fields.items()}


def decode_value(value: Any) -> Any:
    """A protobuf Value as plain data; whole numbers become integers, as in JSON."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "struct_value":
        return decode(value.struct_value)
    if kind == "list_value":
        return [decode_value(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return value.bool_value if kind == "bool_value" else None


class Revealed:
    """Plain data with markers for what is unknown or secret.

    Args:
        data: wire data as `decode` or a JSON log gives it.

    Attributes:
        value: the data with markers in place of sentinels.
        unknown: paths of values known only after a deployment.
        secret: paths of secret values.
        hidden: the texts of the secret values, for cleaning messages; never to be kept.
    """

    def __init__(self, data: Any) -> None:
        self.unknown: list[Path] = []
        self.secret: list[Path] = []
        self.hidden: set[str] = set()
        self.value = self._plain(data, ())

    def _plain(self, data: Any, path: Path) -> Any:
        if isinstance(data, str):
            if len(data) == 36 and data in UNKNOWNS:
                self.unknown.append(path)
                return UNKNOWN
            return data
        if isinstance(data, dict):
            if SIGNATURE in data:
                return self._special(data, path)
            return {key: self._plain(item, (*path, key)) for key, item in data.items()}
        if isinstance(data, list):
            return [self._plain(item, (*path, index)) for index, item in enumerate(data)]
        # A JSON log writes 1e+06 where protobuf holds 1000000.
        return int(data) if isinstance(data, float) and data.is_integer() else data

    def _special(self, data: dict[str, Any], path: Path) -> Any:
        signature = data[SIGNATURE]
        if signature == SECRET_SIGNATURE:
            return self._secret(data.get("value"), path)
        if signature == OUTPUT_SIGNATURE:
            known = "value" in data
            if data.get("secret"):
                return self._secret(data["value"] if known else UNKNOWN_VALUE, path)
            return self._plain(data["value"] if known else UNKNOWN_VALUE, path)
        rest = {key: self._plain(item, (*path, key)) for key, item in data.items() if key != SIGNATURE}
        name = {ASSET_SIGNATURE: "asset", ARCHIVE_SIGNATURE: "archive"}.get(signature)
        return {name: rest} if name else rest

    def _secret(self, data: Any, path: Path) -> str:
        inner = Revealed(data)
        self.secret.append(path)
        if inner.unknown:
            self.unknown.append(path)
        self.hidden |= inner.hidden
        self.hidden.update(_texts(inner.value))
        return SECRET


def _texts(data: Any) -> set[str]:
    """Every text in plain data that is no marker."""
    if isinstance(data, str):
        return set() if data in (UNKNOWN, SECRET) else {data}
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return set().union(*(_texts(item) for item in items)) if items else set()
