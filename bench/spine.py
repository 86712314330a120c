"""The spine's figures, each a ratio of two things run in turn in one run: `make bench`, or `bench/spine.py --quick`.

Writes bench/results/spine.json. Every time is the median of its rounds, in seconds of wall time.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handrail.components._definition import prepare
from handrail.components.scalable_service import COMPONENT
from handrail.core.resources import replace_leaves
from handrail.engine import Engine, find
from handrail.organisation import Context, read_context

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "spine.json"
ARGS = {
    "image": "registry.acme.test/payments/checkout:2.7.1",
    "port": 8080,
    "api": {"version": "v2"},
    "scale": {"min": 2, "max": 20, "cpu": "70%"},
    "env": {"LOG_LEVEL": "info"},
    "secrets": {"DATABASE_URL": "payments/checkout/database-url"},
    "health": "/healthz",
    "objective": {"availability": "99.9%", "latency_p99": "250ms"},
}
CONFIG = {
    "handrail:organisation": str(ROOT / "stacks" / "acme" / "platform" / "acme_platform"),
    "handrail:team": "payments",
    "handrail:environment": "dev",
}
PROJECT = "name: bench\nruntime: {name: python, options: {virtualenv: .venv}}\nbackend: {url: 'file://.state?create_dir=true'}\n"
COMPONENTS = """
import json
from handrail.components import ScalableService

for index in range(COUNT):
    ScalableService(f"s{index}", json.loads(ARGS))
"""
# what a careful person would write without Handrail: the typed SDK, the same parents, children and order
BY_HAND = """
import json, re
import pulumi, pulumi_kubernetes as k8s

TYPES = {
    "core/v1:ServiceAccount": k8s.core.v1.ServiceAccount, "core/v1:Service": k8s.core.v1.Service,
    "networking.k8s.io/v1:NetworkPolicy": k8s.networking.v1.NetworkPolicy, "apps/v1:Deployment": k8s.apps.v1.Deployment,
    "autoscaling/v2:HorizontalPodAutoscaler": k8s.autoscaling.v2.HorizontalPodAutoscaler,
    "policy/v1:PodDisruptionBudget": k8s.policy.v1.PodDisruptionBudget, "core/v1:ConfigMap": k8s.core.v1.ConfigMap,
}
render = {"renderYamlToDirectory": "rendered"}
provider = pulumi.ProviderResource("kubernetes", "dev", render, pulumi.ResourceOptions(version=VERSION))


class Service(pulumi.ComponentResource):
    def __init__(self, name, resources):
        super().__init__("bench:index:Service", name)
        made = {}
        for resource in resources:
            opts = pulumi.ResourceOptions(parent=self, provider=provider, version=VERSION,
                                          depends_on=[made[after] for after in resource["after"]])
            kind = resource["type"].removeprefix("kubernetes:")
            inputs = {re.sub("([A-Z])", r"_\\1", key).lower(): value for key, value in resource["inputs"].items()}
            if kind in TYPES:
                made[resource["name"]] = TYPES[kind](resource["name"], opts=opts, **inputs)
            else:
                api, _, kind = kind.partition(":")
                made[resource["name"]] = k8s.apiextensions.CustomResource(
                    resource["name"], api_version=api, kind=kind, opts=opts, **inputs)
        self.register_outputs({})


for name, resources in json.load(open("plan.json")).items():
    Service(name, resources)
"""
RECORD = """
import json, resource, sys
from pathlib import Path
from handrail.core.project import Project
from handrail.preview.read import record_stack
found = record_stack(Project.find(Path(sys.argv[1])), "dev")
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(json.dumps({"registrations": len(found.registrations), "child_mib": peak}))
"""
PLAN = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from spine import plan
print(json.dumps(plan(int(sys.argv[2]))))
"""
BARE = "import typer\napp = typer.Typer()\n@app.command()\ndef a(x: str): ...\n@app.command()\ndef b(): ...\napp()\n"


def context() -> Context:
    """acme's payments-dev."""
    return read_context(CONFIG, root=ROOT, stack="dev")


def plan(count: int) -> dict[str, float]:
    """The seconds from arguments to validated, judged resources, for `count` services."""
    where = context()
    start = time.perf_counter()
    made = sum(len(prepare(COMPONENT, f"s{index}", ARGS, where).plan.resources) for index in range(count))
    return {"seconds": time.perf_counter() - start, "resources": made}


def project(folder: Path, program: str) -> Path:
    """A Pulumi project with one stack, dev."""
    folder.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text(json.dumps({"config": CONFIG}))
    (folder / "__main__.py").write_text(program)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def in_turn(rounds: int, *actions: Callable[[], Any]) -> list[float]:
    """The median seconds of each action, run in turn."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, found in zip(actions, times, strict=True):
            start = time.perf_counter()
            action()
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in times]


class Bench:
    """The projects, and the commands on them."""

    def __init__(self, scratch: Path, engine: Engine) -> None:
        self.scratch, self.engine = scratch, engine
        assert engine.provider, "run `handrail engine install` first"
        folder = engine.provider.path.parent
        shutil.copytree(folder, scratch / "home" / "plugins" / folder.name)
        self.environment = engine.environment(
            {
                **os.environ,
                "PULUMI_HOME": str(scratch / "home"),
                "PULUMI_CONFIG_PASSPHRASE": "",
                "PYTHONDONTWRITEBYTECODE": "1",
            }
        )

    def run(self, *command: str | Path, cwd: Path) -> str:
        """A command's output."""
        done = subprocess.run(
            [str(part) for part in command], cwd=cwd, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        return done.stdout

    def services(self, count: int) -> Path:
        """A project of `count` ScalableServices."""
        folder = self.scratch / f"services-{count}"
        text = COMPONENTS.replace("COUNT", str(count)).replace("ARGS", repr(json.dumps(ARGS)))
        return folder if folder.exists() else project(folder, text)

    def by_hand(self, count: int) -> Path:
        """A project that registers the same resources with the typed SDK."""
        version = self.engine.provider.version if self.engine.provider else None
        folder = project(self.scratch / f"by-hand-{count}", BY_HAND.replace("VERSION", repr(version)))
        planned = {
            f"s{index}": [
                {"name": r.name, "type": r.type, "inputs": r.inputs, "after": r.after}
                for r in prepare(COMPONENT, f"s{index}", ARGS, context()).plan.resources
            ]
            for index in range(count)
        }
        (folder / "plan.json").write_text(json.dumps(planned))
        return folder

    def preview(self, folder: Path) -> str:
        """A real `pulumi preview`."""
        return self.run(self.engine.pulumi, "preview", "--stack", "dev", "--non-interactive", cwd=folder)

    def record(self, folder: Path) -> dict[str, float]:
        """A recording, in a process of its own."""
        found: dict[str, float] = json.loads(self.run(sys.executable, "-c", RECORD, folder, cwd=ROOT))
        return found

    def plan(self, count: int) -> float:
        """A plan, in a process of its own; start-up is not counted."""
        return float(json.loads(self.run(sys.executable, "-c", PLAN, ROOT / "bench", str(count), cwd=ROOT))["seconds"])


def measure(bench: Bench, hundred: int, thousand: int, rounds: int) -> dict[str, Any]:
    """All figures."""
    services, by_hand = bench.services(hundred), bench.by_hand(hundred)
    for folder in (services, by_hand):
        bench.run(bench.engine.pulumi, "stack", "init", "dev", "--no-select", cwd=folder)
    component, typed, recorded = in_turn(
        rounds, lambda: bench.preview(services), lambda: bench.preview(by_hand), lambda: bench.record(services)
    )
    growth: dict[str, dict[str, float]] = {}
    for count in sorted({hundred, thousand // 3, thousand}):
        (seconds,) = in_turn(1, lambda count=count: growth.update({str(count): bench.record(bench.services(count))}))  # type: ignore[misc]
        growth[str(count)] = {"seconds": round(seconds, 2), **growth[str(count)]}
    planned = {str(count): round(bench.plan(count), 3) for count in (hundred, thousand)}
    bare = bench.scratch / "bare.py"
    bare.write_text(BARE)
    helped, typer, shown = in_turn(
        rounds * 3,
        lambda: bench.run(sys.executable, "-m", "handrail.cli", "--help", cwd=ROOT),
        lambda: bench.run(sys.executable, bare, "--help", cwd=ROOT),
        lambda: bench.run(sys.executable, "-m", "handrail.cli", "preview", "payments-dev", cwd=ROOT),
    )
    recorder = float(growth[str(thousand)]["seconds"])
    return {
        "component_preview": {
            "handrail": component,
            "typed_sdk": typed,
            "ratio": component / typed,
            "goal": "at most 1.0",
        },
        "recorder_speed": {
            "preview": component,
            "recorder": recorded,
            "ratio": component / recorded,
            "goal": "at least 3",
        },
        "recorder_growth": growth,
        "plan": {**planned, "share_of_recorder": planned[str(thousand)] / recorder, "goal": "under 0.1"},
        "help": {"handrail": helped, "bare_typer": typer, "ratio": helped / typer, "goal": "at most 1.5"},
        "yaml_preview_seconds": shown,
    }


def main() -> None:
    """Measure, print, and keep the result with the machine it was measured on."""
    quick = "--quick" in sys.argv
    hundred, thousand, rounds = (10, 60, 1) if quick else (100, 1000, 3)
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(Bench(Path(scratch), find()), hundred, thousand, rounds)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(terse=True)}
    result = {"machine": machine, "services": hundred, "figures": figures}
    text = json.dumps(
        replace_leaves(result, lambda leaf: round(leaf, 3) if isinstance(leaf, float) else leaf), indent=2
    )
    print(text)
    if not quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
