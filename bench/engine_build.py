"""A cold build of the engine and the provider: compile flags, and one build cache for both or one for each.

uv run python bench/engine_build.py [CONFIGURATION ...]

Modules are downloaded before; each build cache starts empty. CPU seconds count, since machines are noisy. Takes some 40
minutes on two cores for all four; results are added to bench/results/engine_build.json.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from handrail.engine import _build, _cache, _versions

RESULTS = Path(__file__).parent / "results" / "engine_build.json"
CONFIGURATIONS = {
    "fast, one cache": (True, True),
    "ordinary, one cache": (False, True),
    "fast, a cache each": (True, False),
    "ordinary, a cache each": (False, False),
}
PACKAGES = {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "kubernetes": "."}


def measure(fast: bool, shared: bool, sources: Path) -> dict[str, dict[str, float]]:
    """Wall and CPU seconds and size of each binary."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, package in PACKAGES.items():
            settings = dict(_build._SETTINGS)
            if not fast:
                del settings["GOGC"], settings["GOMEMLIMIT"]
            settings["GOCACHE"] = str(Path(scratch) / ("cache" if shared else f"cache-{name}"))
            target = Path(scratch) / name
            flags = _build.FAST if fast else ()
            command = [
                "go",
                "build",
                "-trimpath",
                "-buildvcs=false",
                *flags,
                "-ldflags=-s -w",
                "-o",
                str(target),
                package,
            ]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run(command, cwd=sources / name, env={**os.environ, **settings}, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            found[name] = {
                "wall_seconds": round(time.monotonic() - start),
                "cpu_seconds": round(cpu),
                "mib": target.stat().st_size // 1024**2,
            }
    return found


def main() -> None:
    """Measure the configurations that were named, or all."""
    with tempfile.TemporaryDirectory() as scratch:
        sources = Path(scratch) / "go"
        shutil.copytree(_cache.SOURCES, sources)
        _build.embed_schema(["go"], sources / "kubernetes")
        for name in sys.argv[1:] or CONFIGURATIONS:
            old = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"builds": {}}
            machine = {"cores": os.cpu_count(), "system": platform.platform(terse=True), "pulumi": _versions.PULUMI}
            builds = {**old["builds"], name: measure(*CONFIGURATIONS[name], sources)}
            RESULTS.write_text(json.dumps({"machine": machine, "builds": builds}, indent=2) + "\n")
            print(name, builds[name], flush=True)


if __name__ == "__main__":
    main()
