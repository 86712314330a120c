"""How long `handrail preview --base` takes beside two real `pulumi preview`s of the same two revisions, run in turn.

uv run python bench/preview.py [workloads ...]

Stacks of workloads.yaml and a program of its own, of 10, 100 and 500 services of which a tenth changes its image.
Writes bench/results/preview.json: medians in seconds of wall time, the starts of all processes included. The real
previews have no state to compare with, and write manifests to a folder: they do no more than they must.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from bench.spine import ARGS, PROJECT, ROOT, Bench, in_turn

from handrail.engine import find

RESULTS = Path(__file__).parent / "results" / "preview.json"
COUNTS = (10, 100, 500)
ORGANISATION = ROOT / "stacks" / "acme" / "platform" / "acme_platform"
CONFIG = {
    "handrail:organisation": "./organisation",
    "handrail:team": "payments",
    "handrail:environment": "dev",
}
PLAIN = "from handrail.personas import deploy\n\ndeploy()\n"
PROGRAM = """
import json
from handrail.components import ScalableService

for name, args in json.load(open("services.json")).items():
    ScalableService(name, args)
"""
GOALS = {"yaml": 0.25, "program": 0.5}
"""The most of the time of two real previews, at 100 workloads."""


def services(count: int, *, changed: bool) -> dict[str, Any]:
    """So many services; every tenth has a newer image where it is changed."""
    newer = {"image": "registry.acme.test/payments/checkout:2.8.0"}
    return {f"s{index}": {**ARGS, **(newer if changed and index % 10 == 0 else {})} for index in range(count)}


def write(folder: Path, kind: str, count: int, *, changed: bool) -> None:
    """The files that differ between the two revisions."""
    found = services(count, changed=changed)
    if kind == "yaml":
        workloads = {"persona": "app-developer", "team": "payments", "services": found}
        (folder / "workloads.yaml").write_text(json.dumps(workloads, indent=1))
    else:
        (folder / "services.json").write_text(json.dumps(found, indent=1))


def repository(folder: Path, kind: str, count: int) -> Path:
    """A project with one stack, dev, as a repository of one commit."""
    folder.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text(json.dumps({"config": CONFIG}))
    (folder / "__main__.py").write_text(PLAIN if kind == "yaml" else PROGRAM)
    shutil.copytree(ORGANISATION, folder / "organisation", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text(".venv\n.state\nrendered\n")
    (folder / ".venv").symlink_to(sys.prefix)
    write(folder, kind, count, changed=False)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "base"]):
        line = ["git", "-C", str(folder), "-c", "user.name=bench", "-c", "user.email=bench@acme.test", *words]
        subprocess.run(line, check=True)
    return folder


def measure(bench: Bench, kind: str, count: int, rounds: int) -> dict[str, float]:
    """The seconds of both ways on one pair of revisions, and their ratio."""
    base = repository(bench.scratch / f"{kind}-{count}-base", kind, count)
    head = repository(bench.scratch / f"{kind}-{count}-head", kind, count)
    write(head, kind, count, changed=True)
    for folder in (base, head):
        bench.run(bench.engine.pulumi, "stack", "init", "dev", "--no-select", cwd=folder)
    handrail, pulumi = in_turn(
        rounds, lambda: compare(bench, head, count), lambda: (bench.preview(base), bench.preview(head))
    )
    return {"handrail": handrail, "two_previews": pulumi, "ratio": handrail / pulumi}


def compare(bench: Bench, folder: Path, count: int) -> None:
    """`handrail preview --base`, which must see what was changed."""
    said = bench.run(sys.executable, "-m", "handrail.cli", "preview", "--base", "HEAD", "--json", cwd=folder)
    report = json.loads(said)
    (stack,) = report["stacks"]
    assert (len(stack["workloads"]), stack["unchanged"]) == (-(-count // 10), count - -(-count // 10)), report
    assert report["complete"], report["unseen"]


def main(counts: list[int]) -> None:
    """Measure, print, and keep the result with the machine it was measured on."""
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), find())
        for kind in GOALS:
            for count in counts:
                rounds = 3 if count <= 100 else 1
                found = measure(bench, kind, count, rounds)
                figures.setdefault(kind, {})[str(count)] = {key: round(value, 3) for key, value in found.items()}
                goal = f"goal: under {GOALS[kind]}" if count == 100 else ""
                print(
                    f"{kind:<8} {count:>4} workloads  handrail {found['handrail']:7.2f} s  "
                    f"two previews {found['two_previews']:7.2f} s  ratio {found['ratio']:.3f}  {goal}",
                    flush=True,
                )
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(terse=True)}
    kept = {"machine": machine, "goals_at_100": GOALS, "figures": figures}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(COUNTS))
