"""Runs JupyterLab until it has been idle, or has run, for too long; then scales its own StatefulSet to 0.

This file is mounted into the notebook's pod and uses nothing but Python's standard library.

    python start.py IDLE_SECONDS CAP_SECONDS COMMAND...

Idle means that no kernel and no terminal did anything: an open browser tab is not work (JupyterLab itself takes its
polling for activity, jupyterlab#9379), a busy kernel is. In the environment stand STATEFULSET, NAMESPACE, API_SERVER,
and JUPYTER, where the command listens.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
POLL = 30.0


def main(arguments: list[str]) -> int:
    """Run the command; 0 when it ended by itself, for want of work, or by the cap."""
    idle, cap, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    address, token = os.environ["JUPYTER"], secrets.token_urlsafe(24)
    if "--IdentityProvider.token=" not in command:  # nobody signs in before it: it asks for a token
        print(f"open {address}/lab?token={token}", flush=True)
    process = subprocess.Popen(command, env={**os.environ, "JUPYTER_TOKEN": token})  # noqa: S603
    told: list[int] = []

    def stop(number: int, _: object) -> None:
        told.append(number)
        process.terminate()

    signal.signal(signal.SIGTERM, stop)
    began = worked = time.time()
    reason = None
    while reason is None and process.poll() is None:
        try:
            process.wait(min(POLL, cap))
        except subprocess.TimeoutExpired:
            worked = max(worked, last_work(address, token))
            if time.time() - began >= cap:
                reason = f"ran for {cap} s, its cap"
            elif time.time() - worked >= idle:
                reason = f"idle for {idle} s"
    if reason:
        end(process)
    code = 0 if reason else process.returncode
    if code == 0 and not told:  # a pod that Kubernetes moves or renews is not idle: the next one must start
        print(f"stopping: {reason or 'it ended'}", flush=True)
        scale_to_zero()
    return code if code >= 0 else 128 - code  # killed by a signal, as a shell tells it


def last_work(address: str, token: str) -> float:
    """When a kernel or a terminal last did something, in seconds since 1970; 0 where there is none or no answer."""
    found = 0.0
    for what in ("kernels", "terminals"):
        request = urllib.request.Request(  # noqa: S310  on this machine
            f"{address}/api/{what}?no_track_activity=1", headers={"Authorization": f"token {token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                entries = json.load(answer)
        except (OSError, ValueError):  # it starts, or has no terminals
            continue
        for entry in entries:
            busy = entry.get("execution_state") == "busy"
            at = datetime.fromisoformat(entry["last_activity"].replace("Z", "+00:00"))
            found = max(found, time.time() if busy else at.timestamp())
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; what does not within half a minute is killed."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
