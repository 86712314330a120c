"""An MLflow tracking server on this machine, for tests: the real one, which uv fetches once and keeps in its own cache.

with running_mlflow() as url:
    version = register(url, "fraud-scorer", {"MLmodel": b"flavors: {}", "model.pkl": b"…"}, alias="champion")
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

MLFLOW = ("tool", "run", "--exclude-newer", "2026-11-20T00:00:00Z", "--from", "mlflow==3.17.2")
"""Arguments of uv before a command of MLflow's: its version, and those of what it needs, do not move."""

START_SECONDS = 300  # half a minute, unless uv fetches it, and other tests take the cores

_HTTP = urllib3.PoolManager(retries=False)
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@contextmanager
def running_mlflow() -> Iterator[str]:
    """An empty server that serves its artifacts itself; its address."""
    with tempfile.TemporaryDirectory(prefix="mlflow-") as name:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            *mlflow("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts"),
        ]  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **_QUIET}, start_new_session=True
            )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(process, url, folder / "log")
            yield url
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its workers as well: nothing of it is kept
            process.wait(10)


def mlflow(*command: str) -> list[str]:
    """A command of MLflow's environment.

    Raises:
        RuntimeError: there is no uv on PATH.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise RuntimeError("MLflow is had with uv, and there is no uv on PATH: `make` fetches one")
    return [uv, *MLFLOW, *command]


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if _HTTP.request("GET", f"{url}/health", timeout=5).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"MLflow does not start:\n{log.read_text()}")


def register(
    url: str, name: str, files: Mapping[str, bytes], *, alias: str = "", tags: Mapping[str, str] | None = None
) -> str:
    """Register a version of a model, which is made where there is none yet; its number.

    Args:
        files: path → content.
        alias: that names this version from now on; empty for none.
    """
    run = _post(url, "runs/create", {"experiment_id": "0"})["run"]["info"]
    root = f"{run['artifact_uri']}/model"
    for path, content in files.items():
        put(url, root, path, content)
    _post(url, "registered-models/create", {"name": name}, may_exist=True)
    given = [{"key": key, "value": value} for key, value in (tags or {}).items()]
    version = _post(
        url, "model-versions/create", {"name": name, "source": root, "run_id": run["run_id"], "tags": given}
    )
    number = str(version["model_version"]["version"])
    if alias:
        set_alias(url, name, alias, number)
    return number


def set_alias(url: str, name: str, alias: str, version: str) -> None:
    """Let an alias name another version from now on."""
    _post(url, "registered-models/alias", {"name": name, "alias": alias, "version": version})


def put(url: str, root: str, path: str, content: bytes) -> None:
    """Write a file below an artifact URI of the server's own, `mlflow-artifacts:/…`."""
    target = f"{url}/api/2.0/mlflow-artifacts/artifacts/{root.removeprefix('mlflow-artifacts:/')}/{path}"
    answer = _HTTP.request("PUT", target, body=content)
    assert answer.status == 200, answer.data


def _post(url: str, path: str, body: Mapping[str, Any], *, may_exist: bool = False) -> dict[str, Any]:
    answer = _HTTP.request("POST", f"{url}/api/2.0/mlflow/{path}", json=body)
    loaded: dict[str, Any] = answer.json()
    assert answer.status == 200 or (may_exist and loaded["error_code"] == "RESOURCE_ALREADY_EXISTS"), loaded
    return loaded
