"""Many small stacks: in parallel, one at a time, and as one big stack; and how each grows.

uv run python bench/fleet.py [STACKS ...]     default: 5, 10 and 60 stacks of 5 services

The one big stack is measured up to 10 stacks' worth: the engine writes its whole state at every step, so its time grows
with the square, and 60 stacks' worth would take more than an hour.

Wall seconds of `handrail up`, in turn in one run, and the memory of all engines, providers and programs together at its
peak (proportional set size). Adds to bench/results/fleet.json.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from handrail.engine import find
from handrail.engine.locks import MARK

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "fleet.json"
SERVICE = "{image: registry.acme.test/payments/api:1.0.0, port: 8080, scale: {min: 2, max: 4}, api: {version: v1}}"
EACH = 5
BIG_AT_MOST = 10


def project(folder: Path, stacks: int, services: int) -> Path:
    """A project of `stacks` stacks with `services` services each."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        "name: bench\nruntime: {name: python, options: {virtualenv: .venv}}\nbackend: {url: 'file://.state?create_dir=true'}\n"
    )
    (folder / "__main__.py").write_text("from handrail.personas import deploy\n\ndeploy()\n")
    (folder / ".venv").symlink_to(sys.prefix)
    names = "".join(f"  s{index}: {SERVICE}\n" for index in range(services))
    (folder / "workloads.yaml").write_text(f"persona: app-developer\nteam: payments\nservices:\n{names}")
    organisation = ROOT / "stacks/acme/platform/acme_platform"
    for index in range(stacks):
        (folder / f"Pulumi.s{index}.yaml").write_text(
            f"config: {{handrail:organisation: {organisation}, handrail:team: payments, handrail:environment: dev}}\n"
        )
    return folder


class Memory(threading.Thread):
    """The peak of what the deployments' processes hold together, in bytes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self._stop_now = 0, threading.Event()

    def run(self) -> None:
        while not self._stop_now.wait(0.5):
            held = 0
            for process in psutil.process_iter():
                try:
                    if MARK in process.environ():
                        held += process.memory_full_info().pss
                except (psutil.Error, AttributeError):
                    continue
            self.peak = max(self.peak, held)

    def stop(self) -> int:
        """End, and tell the peak in MiB."""
        self._stop_now.set()
        self.join()
        return self.peak // 1024**2


def up(folder: Path, environment: dict[str, str], *arguments: str) -> dict[str, float]:
    """One `handrail up` of all stacks."""
    memory, start = Memory(), time.monotonic()
    memory.start()
    command = [sys.executable, "-m", "handrail.cli", "up", "s*", "--yes", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return {"seconds": round(time.monotonic() - start, 1), "peak_mib": memory.stop()}


def main() -> None:
    """All figures."""
    engine = find()
    assert engine.provider, "run `handrail engine install` first"
    counts = [int(count) for count in sys.argv[1:]] or [5, 10, 60]
    figures: dict[str, Any] = json.loads(RESULTS.read_text())["stacks"] if RESULTS.exists() else {}
    machine = {"cores": os.cpu_count(), "system": platform.platform(terse=True), "python": platform.python_version()}
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(engine.provider.path.parent, home / "plugins" / engine.provider.path.parent.name)
        environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_CONFIG_PASSPHRASE": ""}
        for count in counts:
            folder = Path(scratch) / str(count)
            folder.mkdir()
            found = {
                "parallel": up(project(folder / "parallel", count, EACH), environment),
                "one at a time": up(project(folder / "serial", count, EACH), environment, "--parallel", "1"),
            }
            if count <= BIG_AT_MOST:
                found["one big stack"] = up(project(folder / "big", 1, count * EACH), environment)
            figures[str(count)] = found
            print(count, found, flush=True)
            told = {"machine": machine, "services_each": EACH, "stacks": figures}
            RESULTS.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
