"""How long `handrail check` takes, its process's start included, beside kube-score and conftest on the same manifests.

uv run python bench/standards.py [manifests ...]

A figure is the time per rule and manifest, each tool's own rules counted, all in one run; the growth is from 100 to
10,000 manifests. The rules are as near the same as each can say: kube-score brings its own, conftest gets REGO.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from go_tools import built  # noqa: E402

from handrail.standards.catalogue import bundled  # noqa: E402
from handrail.standards.evidence import POD_SPECS  # noqa: E402
from handrail.standards.samples import sample  # noqa: E402

ACME = ROOT / "stacks/acme/platform/acme_platform"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
REGO = """\
package main
import rego.v1
containers := input.spec.template.spec.containers
deny contains msg if {
	some c in containers
	not contains(c.image, "@sha256:")
	msg := sprintf("no digest in %s", [c.image])
}
deny contains msg if {
	some c in containers
	endswith(c.image, ":latest")
	msg := sprintf("%s moves", [c.image])
}
deny contains msg if {
	some c in containers
	not c.resources.limits.memory
	msg := sprintf("no limit in %s", [c.name])
}
deny contains msg if {
	some c in containers
	not c.resources.requests.cpu
	msg := sprintf("no request in %s", [c.name])
}
deny contains msg if {
	some c in containers
	not c.readinessProbe
	msg := sprintf("no probe in %s", [c.name])
}
deny contains msg if {
	some c in containers
	c.securityContext.privileged
	msg := sprintf("%s is privileged", [c.name])
}
deny contains msg if {
	some c in containers
	c.securityContext.allowPrivilegeEscalation != false
	msg := sprintf("%s gains privileges", [c.name])
}
deny contains msg if {
	not input.spec.template.spec.securityContext.runAsNonRoot
	msg := "it may be root"
}
deny contains msg if {
	input.spec.template.spec.hostNetwork
	msg := "it is in its node's network"
}
deny contains msg if {
	not input.metadata.labels["app.kubernetes.io/name"]
	msg := "it has no name"
}
"""


@dataclass(frozen=True)
class Run:
    """One tool on some manifests."""

    tool: str
    manifests: int
    rules: int
    seconds: float
    mebibytes: float

    @property
    def each(self) -> float:
        """Nanoseconds per rule and manifest."""
        return 1e9 * self.seconds / (self.rules * self.manifests)


def write(folder: Path, count: int) -> None:
    """Sound Deployments, some hundred in a file, as a chart renders them."""
    for start in range(0, count, 100):
        manifests = []
        for index in range(start, min(start + 100, count)):
            inputs = sample(DEPLOYMENT)
            inputs["metadata"]["name"] = f"web-{index}"
            manifests.append({"apiVersion": "apps/v1", "kind": "Deployment", **inputs})
        (folder / f"{start:06}.yaml").write_text(yaml.safe_dump_all(manifests))


def run(tool: str, command: Sequence[str | Path], count: int, rules: int) -> Run:
    """One command from its start to its end; what it finds is its own affair."""
    before, most = time.perf_counter(), 0
    line, silent = [str(part) for part in command], subprocess.DEVNULL
    process = psutil.Popen(line, cwd=ROOT, stdout=silent, stderr=silent)
    while process.poll() is None:
        with suppress(psutil.Error):
            most = max(most, process.memory_info().rss)
        time.sleep(0.005)
    seconds = time.perf_counter() - before
    if process.returncode not in (0, 1):
        raise SystemExit(f"{tool} ended with {process.returncode}")
    return Run(tool, count, rules, seconds, most / 2**20)


def rules_of_handrail() -> int:
    """How many standards are about a Deployment; the restricted pod security standard counts as one."""
    found = 0
    for clause in bundled().values():
        types = {token for each in clause.resources for token in (POD_SPECS if each == "pods" else (each,))}
        found += (
            DEPLOYMENT in types and not clause.components and not any(p.organisation for p in clause.params.values())
        )
    return found


def main(counts: list[int]) -> None:
    """Print and keep the table."""
    score = built("kube-score", "github.com/zegl/kube-score/cmd/kube-score")
    conftest = built("conftest", "github.com/open-policy-agent/conftest")
    checks = subprocess.run([score, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    about = sum("Deployment" in line or ",Pod," in line for line in checks)
    found = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, count)
            files = sorted(folder.glob("*.yaml"))
            (folder / "policy").mkdir()
            (folder / "policy" / "main.rego").write_text(REGO)
            check: list[str | Path] = [
                sys.executable,
                "-m",
                "handrail.cli",
                "check",
                *files,
                "--organisation",
                ROOT / "stacks/acme/platform/acme_platform",
            ]
            found += [
                run("handrail", check, count, rules_of_handrail()),
                run("kube-score", [score, "score", *files], count, about),
                run(
                    "conftest",
                    [conftest, "test", "--policy", folder / "policy", *files],
                    count,
                    REGO.count("deny contains"),
                ),
            ]
        for each in found[-3:]:
            print(
                f"{each.tool:<11} {each.manifests:>6} manifests x {each.rules:>3} rules  {each.seconds:7.2f} s  "
                f"{each.each / 1000:8.1f} us per rule and manifest  {each.mebibytes:6.0f} MiB",
                flush=True,
            )
    results = [{**asdict(each), "microseconds_each": each.each / 1000} for each in found]
    kept = {"cores": os.cpu_count(), "runs": results}
    (ROOT / "bench/results/standards.json").write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 1000, 10000])
