"""How long `handrail check` takes, its process's start included, beside its peers on the same manifests.

uv run python bench/standards.py [manifests ...]

Each tool runs on one manifest before, which is not counted: what it reads is then in memory, and Python's modules are
compiled. A figure is the time per rule and manifest, each tool's own rules counted, all in one run; the growth is from
100 to 10,000 manifests. The rules are as near the same as each can say: kube-score brings its own, all of them on,
conftest gets REGO, the Kyverno CLI the very ValidatingAdmissionPolicies that the standards are at admission.
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

from handrail.organisation import load_organisation  # noqa: E402
from handrail.standards.admission import policies  # noqa: E402
from handrail.standards.catalogue import bundled  # noqa: E402
from handrail.standards.contract import contract_for  # noqa: E402
from handrail.standards.evidence import LABELS, POD_SPECS  # noqa: E402
from handrail.standards.rules.pod_security import CONTROLS  # noqa: E402
from handrail.standards.samples import NAME, sample  # noqa: E402

ACME = ROOT / "stacks/acme/platform/acme_platform"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python's modules are kept compiled, as an installer leaves them."""
OWNER = {"handrail.dev/team": "payments", "handrail.dev/cost-centre": "cc-2100"}
TOPOLOGY = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
SPREAD = {
    "maxSkew": 1,
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
}
KYVERNO_AT_MOST = 1000  # it takes a tenth of a second for each manifest
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


class _Dumper(yaml.SafeDumper):
    """Without anchors, as a chart writes."""

    def ignore_aliases(self, data: object) -> bool:
        """Always."""
        return True


def write(folder: Path, count: int) -> None:
    """Sound Deployments, some hundred in a file, as a chart renders them; each tenth has an image that moves."""
    for start in range(0, count, 100):
        manifests = []
        for index in range(start, min(start + 100, count)):
            inputs = sample(DEPLOYMENT)
            inputs["metadata"]["name"] = f"web-{index}"
            inputs["metadata"]["labels"] |= {**OWNER, LABELS["name"]: f"web-{index}"}  # each is a workload of its own
            pod = inputs["spec"]["template"]["spec"]
            pod["topologySpreadConstraints"] = [{**SPREAD, "topologyKey": key} for key in TOPOLOGY]
            if index % 10 == 9:
                pod["containers"][0]["image"] = "registry.acme.test/payments/sample:latest"
            manifests.append({"apiVersion": "apps/v1", "kind": "Deployment", **inputs})
        (folder / f"{start:06}.yaml").write_text(yaml.dump_all(manifests, Dumper=_Dumper))


def run(tool: str, command: Sequence[str | Path], count: int, rules: int) -> Run:
    """One command from its start to its end; what it finds is its own affair."""
    before, most = time.perf_counter(), 0
    line, silent = [str(part) for part in command], subprocess.DEVNULL
    process = psutil.Popen(line, cwd=ROOT, env=ENVIRONMENT, stdout=silent, stderr=silent)
    while process.poll() is None:
        with suppress(psutil.Error):
            most = max(most, sum(each.memory_info().rss for each in (process, *process.children())))
        time.sleep(0.005)
    seconds = time.perf_counter() - before
    if process.returncode not in (0, 1):
        raise SystemExit(f"{tool} ended with {process.returncode}")
    return Run(tool, count, rules, seconds, most / 2**20)


def types_of(resources: Sequence[str]) -> set[str]:
    """The type tokens of what a clause is about."""
    return {token for each in resources for token in (POD_SPECS if each == "pods" else (each,))}


def rules_of_handrail() -> int:
    """How many standards are about a Deployment; of restricted pod security each of upstream's controls is one."""
    controls = len({control for control, _, _ in CONTROLS})
    found = sum(
        DEPLOYMENT in types_of(clause.resources)
        and not clause.components
        and not any(each.organisation for each in clause.params.values())
        for clause in bundled().values()
    )
    return found - 1 + controls


def write_policies(file: Path) -> int:
    """The standards about a Deployment as they are at admission; how many that is."""
    found = []
    for policy in policies(contract_for(load_organisation(ACME), ACME, "prod")):
        rules = policy.spec["matchConstraints"]["resourceRules"]
        if "paramKind" not in policy.spec and any("deployments" in rule["resources"] for rule in rules):
            head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": policy.name}}
            found.append({**head, "kind": "ValidatingAdmissionPolicy", "spec": policy.spec})
    file.write_text(yaml.safe_dump_all(found))
    return len(found)


def main(counts: list[int]) -> None:
    """Print and keep the table."""
    score = built("kube-score", "github.com/zegl/kube-score/cmd/kube-score")
    conftest = built("conftest", "github.com/open-policy-agent/conftest")
    kyverno = built("kyverno", "github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno")
    checks = subprocess.run([score, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    about = sum("Deployment" in line or ",Pod," in line for line in checks)
    optional = [
        word
        for line in checks
        if line.endswith(",optional")
        for word in ("--enable-optional-test", line.partition(",")[0])
    ]
    handrail: list[str | Path] = [sys.executable, "-m", "handrail.cli", "check", "--organisation", ACME]
    found: list[Run] = []
    for count in (1, *counts):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "manifests").mkdir()
            write(folder / "manifests", count)
            files = sorted(folder.glob("manifests/*.yaml"))
            (folder / "rego").mkdir()
            (folder / "rego" / "main.rego").write_text(REGO)
            admission = write_policies(folder / "policies.yaml")
            named = [word for file in files for word in ("--resource", file)]
            now = [
                run("handrail", [*handrail, *files], count, rules_of_handrail()),
                run("kube-score", [score, "score", *optional, *files], count, about),
                run("conftest", [conftest, "test", "-p", folder / "rego", *files], count, REGO.count("deny contains")),
            ]
            if count <= KYVERNO_AT_MOST:
                now.append(run("kyverno", [kyverno, "apply", folder / "policies.yaml", *named], count, admission))
        for each in now if count > 1 else ():
            print(
                f"{each.tool:<11} {each.manifests:>6} manifests x {each.rules:>3} rules  {each.seconds:7.2f} s  "
                f"{each.each / 1000:8.1f} us per rule and manifest  {each.mebibytes:6.0f} MiB",
                flush=True,
            )
        found += now if count > 1 else ()
    results = [{**asdict(each), "microseconds_each": each.each / 1000} for each in found]
    kept = {"cores": os.cpu_count(), "runs": results}
    (ROOT / "bench/results/standards.json").write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 1000, 10000])
