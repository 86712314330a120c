"""The catalogue's files in one, which is read at each start: `python -m handrail.standards._bundle [--check]`."""

from __future__ import annotations

import json
import sys

from handrail.core.documents import load
from handrail.standards.catalogue import BUNDLE, CATALOGUE


def bundle() -> str:
    """JSON, a standard a line, so that a difference shows which."""
    lines = [
        f"{json.dumps(file.stem)}: {json.dumps(load(file).data, ensure_ascii=False)}"
        for file in sorted(CATALOGUE.glob("*.yaml"))
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str]) -> int:
    """Write it, or with --check say that it is stale."""
    text = bundle()
    if BUNDLE.exists() and BUNDLE.read_text("utf-8") == text:
        return 0
    if "--check" in arguments:
        print(f"{BUNDLE.name} stale: run `make generate`", file=sys.stderr)
        return 1
    BUNDLE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
