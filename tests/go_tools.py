"""Programs that only tests run, built once from the Go module proxy and kept in the user's cache.

Each has a folder in tools/ with its go.mod and go.sum: a module that go.sum does not vouch for ends the build.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from filelock import FileLock

from handrail.engine import _cache
from handrail.engine._build import find_go

_TOOLS = Path(__file__).parent / "tools"
_SETTINGS = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}


@cache
def built(name: str, package: str) -> Path:
    """The binary, built the first time anyone on this machine asks for it.

    Args:
        name: of its folder in tools/.
        package: Go's import path of its main package.
    """
    source = _TOOLS / name
    version = hashlib.sha256((source / "go.mod").read_bytes() + (source / "go.sum").read_bytes()).hexdigest()[:12]
    folder = _cache.root() / "tools" / f"{name}-{version}"
    binary = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "build.lock"):
        if not binary.is_file():
            _build(source, package, binary)
    return binary


def _build(source: Path, package: str, binary: Path) -> None:
    """Build beside the binary's place, then rename: nobody ever sees half of it."""
    go = find_go(lambda text: print(text, file=sys.stderr))
    unfinished = binary.with_name(f"unfinished-{os.getpid()}")
    command = [*go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(unfinished), package]
    try:
        subprocess.run(command, cwd=source, env={**os.environ, **_SETTINGS}, check=True, capture_output=True, text=True)
        unfinished.replace(binary)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{binary.name} could not be built:\n{error.stderr}") from None
    finally:
        unfinished.unlink(missing_ok=True)
