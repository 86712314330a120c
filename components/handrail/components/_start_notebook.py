"""Runs JupyterLab until it has been idle, or has run, for too long; then scales its own StatefulSet to 0.

This file is mounted into the notebook's pod and uses nothing but Python's standard library.

    python start.py CAP_SECONDS COMMAND...

JupyterLab ends by itself when nothing ran for as long as its own settings say. STATEFULSET, NAMESPACE and API_SERVER
stand in the environment.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def main(arguments: list[str]) -> int:
    """Run the command; 0 when it ended by itself or by the cap."""
    cap, command = int(arguments[0]), arguments[1:]
    process = subprocess.Popen(command)  # noqa: S603
    told: list[int] = []

    def stop(number: int, _: object) -> None:
        told.append(number)
        process.terminate()

    signal.signal(signal.SIGTERM, stop)
    try:
        code = process.wait(cap)
        reason = "idle" if code == 0 else f"exit code {code}"
    except subprocess.TimeoutExpired:
        reason, code = f"ran for {cap} s, its cap", 0
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if code == 0 and not told:  # a pod that Kubernetes moves or renews is not idle: the next one must start
        print(f"stopping: {reason}", flush=True)
        scale_to_zero()
    return code if code >= 0 else 128 - code  # killed by a signal, as a shell tells it


def scale_to_zero() -> None:
    """Ask the API server for no replicas of this notebook, which is all that the account may ask for."""
    server = os.environ["API_SERVER"]
    path = f"/apis/apps/v1/namespaces/{os.environ['NAMESPACE']}/statefulsets/{os.environ['STATEFULSET']}/scale"
    request = urllib.request.Request(  # noqa: S310  the address is the cluster's own
        server + path,
        method="PATCH",
        data=json.dumps({"spec": {"replicas": 0}}).encode(),
        headers={
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
            "Content-Type": "application/merge-patch+json",
        },
    )
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")) if server.startswith("https") else None
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:  # noqa: S310
        print(f"scaled to 0: {answer.status}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
