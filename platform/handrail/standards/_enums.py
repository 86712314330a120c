"""Makes `enums.json`: the values that Kubernetes' API types allow, which its published schemas leave out.

    python -m handrail.standards._enums

They stand in the generated OpenAPI source of the pinned version's own module: {definition: {field: values}}. The
values of a list's entries are those of its field.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from handrail.engine.crds import KUBERNETES, read

FILE = Path(__file__).parent / "enums.json"
SOURCE = "pkg/generated/openapi/zz_generated.openapi.go"

_TYPE = re.compile(r"^func schema_k8sio_(\w+)\(")
_FIELD = re.compile(r'^\t{5}"(\w+)": \{$')
_ENUM = re.compile(r"^\s+Enum:\s+\[\]interface\{\}\{(.*)\},$")


def enums(lines: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Every enumeration in a generated OpenAPI source, by definition and field."""
    found: dict[str, dict[str, list[str]]] = {}
    definition = field = ""
    for line in lines:
        if match := _TYPE.match(line):
            definition = "io.k8s." + match[1].replace("_", ".")
        elif match := _FIELD.match(line):
            field = match[1]
        elif match := _ENUM.match(line):
            found.setdefault(definition, {})[field] = json.loads(f"[{match[1]}]")
    return found


def main() -> None:
    """Write the file."""
    found = enums(read(KUBERNETES, SOURCE).decode().splitlines())
    FILE.write_text(json.dumps(found, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{FILE.name}: {sum(map(len, found.values()))} fields of {len(found)} types\n")


if __name__ == "__main__":
    main()
