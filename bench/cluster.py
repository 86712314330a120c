"""The control plane: its start and its memory; and `handrail up` beside raw server-side apply of the same objects.

uv run python bench/cluster.py [WORKLOADS ...]     default: 10, 50 and 150 services over 12 teams

For each size, in turn in one run and each on a fresh control plane: a parallel `handrail up` of every stack, and the
same objects by server-side apply over 16 connections, which is the floor. Seconds, and requests that the API server
counted, its own components' included, which are the same for both. Adds to bench/results/cluster.json.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from stored import Stored

from handrail.cluster.local import furnish
from handrail.core.documents import load
from handrail.core.models import read
from handrail.core.project import Project
from handrail.core.resources import Resource
from handrail.engine import control_plane, find
from handrail.engine.api_server import ApiServer
from handrail.engine.control_plane import CONTEXT, ControlPlane
from handrail.organisation import Organisation
from handrail.personas._stack import plan_stack

RESULTS = Path(__file__).parent / "results" / "cluster.json"
TEAMS, STARTS, CONNECTIONS = 12, 5, 16
SERVICE = "{image: registry.acme.test/x/api:1.0.0, port: 8080, scale: {min: 2, max: 4}}"
ORGANISATION = f"""\
name: bench
environments: {{dev: {{tier: development, cluster: dev}}}}
clusters: {{dev: {{context: {CONTEXT}, capabilities: [prometheus-operator]}}}}
registries: [registry.acme.test]
prices: {{cpu_hour: 0.035, memory_gib_hour: 0.004}}
platform: {{cost_centre: cc-1}}
teams:
"""
TEAM = (
    "  t{}: {{persona: app-developer, members: [a@b.test], cost_centre: cc-2, quota: {{cpu: 100, memory: 400GiB}}}}\n"
)


def project(folder: Path, workloads: int) -> Path:
    """A project of 12 teams' stacks and the platform team's, with `workloads` services in all."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        "name: bench\nruntime: {name: python, options: {virtualenv: .venv}}\nbackend: {url: 'file://.state?create_dir=true'}\n"
    )
    (folder / "__main__.py").write_text("from handrail.personas import deploy\n\ndeploy()\n")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "organisation.yaml").write_text(ORGANISATION + "".join(TEAM.format(team) for team in range(TEAMS)))
    for team in range(TEAMS):
        mine = range(team, workloads, TEAMS)
        if mine:
            services = "".join(f"  s{index}: {SERVICE}\n" for index in mine)
            text = f"persona: app-developer\nteam: t{team}\nservices:\n{services}"
            (folder / f"t{team}.yaml").write_text(text)
            (folder / f"Pulumi.t{team}.yaml").write_text(config(f"t{team}", f"t{team}.yaml"))
    (folder / "Pulumi.platform.yaml").write_text(config("platform", "none"))
    return folder


def config(team: str, workloads: str) -> str:
    """A stack's config."""
    words = {"organisation": "./", "team": team, "environment": "dev", "workloads": workloads}
    return f"config: {{{', '.join(f'handrail:{key}: {value}' for key, value in words.items())}}}\n"


def requests(api: ApiServer) -> int:
    """How many requests the API server answered."""
    lines = str(api.request("GET", "/metrics")[1]).splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith("apiserver_request_total{"))


def fresh(folder: Path, organisation: Organisation) -> ControlPlane:
    """A furnished control plane."""
    running = ControlPlane.start(folder)
    furnish(running.api, organisation)
    return running


def objects(folder: Path) -> list[Resource]:
    """Every planned resource, the platform team's first."""
    found = Project.find(folder)
    stacks = sorted(found.stacks(), key=lambda name: name != "platform")
    plans = [plan_stack(found.stack(name).config, root=folder, stack=name) for name in stacks]
    return [resource for plan in plans for each in plan.prepared for resource in each.plan.resources]


def applied(running: ControlPlane, resources: Iterable[Resource]) -> float:
    """Seconds of raw server-side apply."""
    stored, everything = Stored(running.api), list(resources)
    first = [each for each in everything if each.kind == "Namespace"]
    rest = [each for each in everything if each.kind != "Namespace"]
    paths = {id(each): stored.path_of(each) for each in everything}

    def apply(resource: Resource) -> None:
        api_version = resource.type.split(":")[1].removeprefix("core/")
        manifest = {"apiVersion": api_version, "kind": resource.kind, **resource.inputs}
        code, answer = running.api.apply(paths[id(resource)], manifest)
        assert code in (200, 201), answer

    start = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for group in (first, rest):
            list(pool.map(apply, group))
    return time.monotonic() - start


def deployed(running: ControlPlane, folder: Path, environment: dict[str, str]) -> float:
    """Seconds of a parallel `handrail up`, until every pod is ready."""
    start = time.monotonic()
    command = [sys.executable, "-m", "handrail.cli", "up", "*", "--yes"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "KUBECONFIG": str(running.kubeconfig)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return time.monotonic() - start


def size(scratch: Path, workloads: int, environment: dict[str, str]) -> dict[str, float]:
    """Both ways at one size."""
    folder = project(scratch / f"p{workloads}", workloads)
    organisation = read(load(folder / "organisation.yaml"), Organisation)
    resources = objects(folder)
    found: dict[str, float] = {"objects": len(resources)}
    ways: tuple[tuple[str, Callable[[ControlPlane], float]], ...] = (
        ("up", lambda running: deployed(running, folder, environment)),
        ("raw", lambda running: applied(running, resources)),
    )
    for name, way in ways:
        running = fresh(scratch / f"c-{name}-{workloads}", organisation)
        try:
            before = requests(running.api)
            seconds = way(running)
            found[f"{name}_seconds"] = round(seconds, 1)
            found[f"{name}_requests"] = requests(running.api) - before
        finally:
            running.stop()
    found["seconds_per_workload"] = round(found["up_seconds"] / workloads, 2)
    found["ratio"] = round(found["up_seconds"] / found["raw_seconds"], 1)
    return found


def starts(scratch: Path) -> dict[str, float]:
    """Seconds until it can be used, medians; MiB that its parts hold when idle."""
    seconds, furnished, held = [], [], []
    organisation = read(
        load(Path(__file__).parents[1] / "stacks/acme/platform/acme_platform/organisation.yaml"), Organisation
    )
    for number in range(STARTS):
        begun = time.monotonic()
        running = ControlPlane.start(scratch / f"s{number}")
        seconds.append(time.monotonic() - begun)
        try:
            begun = time.monotonic()
            furnish(running.api, organisation)
            furnished.append(time.monotonic() - begun)
            time.sleep(5)
            held.append(
                sum(psutil.Process(pid).memory_full_info().pss for pid, _ in running.processes.values()) / 1024**2
            )
        finally:
            running.stop()
    return {
        "start_seconds": round(statistics.median(seconds), 1),
        "furnish_seconds": round(statistics.median(furnished), 1),
        "idle_mib": round(statistics.median(held)),
    }


def main() -> None:
    """All figures."""
    control_plane.install()
    engine = find()
    assert engine.provider, "run `handrail engine install` first"
    counts = [int(count) for count in sys.argv[1:]] or [10, 50, 150]
    machine = {"cores": os.cpu_count(), "system": platform.platform(terse=True), "python": platform.python_version()}
    told: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    told |= {"machine": machine, "teams": TEAMS}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        home = scratch / "home"
        shutil.copytree(engine.provider.path.parent, home / "plugins" / engine.provider.path.parent.name)
        environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_CONFIG_PASSPHRASE": ""}
        told["control_plane"] = starts(scratch)
        print(told["control_plane"], flush=True)
        for count in counts:
            told.setdefault("workloads", {})[str(count)] = size(scratch, count, environment)
            print(count, told["workloads"][str(count)], flush=True)
            RESULTS.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
