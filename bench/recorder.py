"""How long recording takes, and how it grows: components of eight Kubernetes resources each, generic registration.

uv run python bench/recorder.py [COMPONENTS ...]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from handrail.recorder import record

PROGRAM = """
import pulumi

KINDS = ["apps/v1:Deployment", "core/v1:Service", "core/v1:ServiceAccount", "networking.k8s.io/v1:NetworkPolicy",
         "autoscaling/v2:HorizontalPodAutoscaler", "policy/v1:PodDisruptionBudget", "core/v1:ConfigMap",
         "monitoring.coreos.com/v1:ServiceMonitor"]


def manifest(kind, name):
    version, _, kind = kind.partition(":")
    labels = {f"app.kubernetes.io/{key}": name for key in ("name", "part-of", "managed-by", "component", "version")}
    container = {
        "name": "main", "image": "registry.acme.test/payments/checkout@sha256:0123456789abcdef",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": f"SETTING_{i}", "value": str(i)} for i in range(10)],
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 10},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}
    metadata = {"name": name, "namespace": "payments-dev", "labels": labels}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


class Component(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("handrail:index:Component", name)
        for kind in KINDS:
            role = kind.rpartition(":")[2].lower()
            pulumi.CustomResource(f"kubernetes:{kind}", f"{name}-{role}", manifest(kind, f"{name}-{role}"),
                                  pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


for index in range(pulumi.Config("bench").require_int("components")):
    Component(f"c{index}")
"""


def measure(components: int) -> dict[str, float]:
    """Seconds and peak memory of one recording, in a process of its own, so that peaks do not mix."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "__main__.py").write_text(PROGRAM)
        start = time.perf_counter()
        made = record(
            Path(directory),
            project="bench",
            stack="dev",
            config={"bench:components": str(components)},
            timeout_seconds=600,
        )
        seconds = time.perf_counter() - start
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = len(made.registrations)
    return {"resources": count, "seconds": seconds, "child_mib": child, "own_mib": own}


def main(sizes: list[int]) -> None:
    """Print one line a size."""
    print(f"{'components':>10} {'resources':>10} {'seconds':>8} {'ms each':>8} {'child MiB':>10} {'own MiB':>8}")
    for size in sizes:
        out = subprocess.run([sys.executable, __file__, "--one", str(size)], check=True, capture_output=True, text=True)
        got = json.loads(out.stdout)
        each = 1000 * got["seconds"] / got["resources"]
        print(
            f"{size:>10} {got['resources']:>10} {got['seconds']:>8.2f} {each:>8.2f} "
            f"{got['child_mib']:>10.0f} {got['own_mib']:>8.0f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main([int(size) for size in sys.argv[1:]] or [1, 100, 300, 1000])
