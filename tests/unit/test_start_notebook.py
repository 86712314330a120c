"""What starts a notebook, as a process, before an API server that only listens."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PATH = "/apis/apps/v1/namespaces/churn-dev/statefulsets/explore/scale"
SCALED = {
    "method": "PATCH",
    "path": PATH,
    "authorization": "Bearer a-token",
    "type": "application/merge-patch+json",
    "body": {"spec": {"replicas": 0}},
}
# the account lies where the test puts it
PROGRAM = """
import sys
from pathlib import Path
import handrail.components._start_notebook as start
start.ACCOUNT, start.POLL = Path(sys.argv[1]), 0.1
sys.exit(start.main(sys.argv[2:]))
"""
SLEEP = "import time; print('started', flush=True); time.sleep(60)"
# as JupyterLab: asked to stop, it ends with exit code 0
POLITE = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); " + SLEEP


@dataclass
class ApiServer:
    """What was asked of it, and what it answers with; JupyterLab's kernels and terminals as well."""

    port: int = 0
    status: int = 200
    asked: list[dict[str, Any]] = field(default_factory=list)
    working: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    """An API server on a free port of the loopback."""
    state = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append(
                {
                    "method": self.command,
                    "path": self.path,
                    "authorization": self.headers["Authorization"],
                    "type": self.headers["Content-Type"],
                    "body": json.loads(body),
                }
            )
            self.send_response(state.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            what = self.path.partition("?")[0].rpartition("/")[2]
            state.tokens.append(self.headers["Authorization"])
            text = json.dumps(state.working.get(what, [])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any, **words: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def started(
    server: ApiServer, folder: Path, cap: int, program: str, idle: int = 60, sign_in: bool = True
) -> "subprocess.Popen[str]":
    """A notebook that is really `program`."""
    (folder / "token").write_text("a-token")
    own = {
        "API_SERVER": f"http://127.0.0.1:{server.port}",
        "NAMESPACE": "churn-dev",
        "STATEFULSET": "explore",
        "JUPYTER": f"http://127.0.0.1:{server.port}",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.Popen(
        [
            *(sys.executable, "-c", PROGRAM, str(folder), str(idle), str(cap), sys.executable, "-c", program),
            *(["--IdentityProvider.token="] if sign_in else []),
        ],
        env={**inherited, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[str], str]:
    """Its exit code, what it printed, and the last line of its errors."""
    try:
        out, errors = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out.splitlines(), "".join(errors.splitlines()[-1:])


def told_to_stop(process: "subprocess.Popen[str]") -> tuple[int, list[str], str]:
    """SIGTERM once the command runs; then as `ended`."""
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGTERM)
    return ended(process)


def test_an_idle_notebook_scales_itself_to_zero(api_server: ApiServer, tmp_path: Path) -> None:
    """It ended by itself: with the account's token, its own StatefulSet, and nothing else."""
    code, out, _ = ended(started(api_server, tmp_path, 60, "print('worked', flush=True)"))
    assert (code, out) == (0, ["worked", "stopping: it ended", "scaled to 0: 200"])
    assert api_server.asked == [SCALED]


OLD, NOW = "2020-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "working",
    [
        {},
        {"kernels": [{"execution_state": "idle", "last_activity": OLD}], "terminals": [{"last_activity": OLD}]},
    ],
    ids=["nothing runs", "nothing does anything"],
)
def test_a_notebook_in_which_nothing_works_is_stopped(
    working: dict[str, list[dict[str, str]]], api_server: ApiServer, tmp_path: Path
) -> None:
    """Whether or not a browser tab polls it; its own server goes on until it is told."""
    api_server.working = working
    code, out, _ = ended(started(api_server, tmp_path, 60, POLITE, idle=1))
    assert (code, out) == (0, ["started", "stopping: idle for 1 s", "scaled to 0: 200"])
    assert api_server.asked == [SCALED]


@pytest.mark.parametrize(
    "working",
    [
        {"kernels": [{"execution_state": "busy", "last_activity": OLD}]},
        {"kernels": [{"execution_state": "idle", "last_activity": NOW}]},
        {"terminals": [{"last_activity": NOW}]},
    ],
    ids=["a busy kernel", "a kernel that worked", "a terminal that worked"],
)
def test_a_notebook_in_which_something_works_goes_on(
    working: dict[str, list[dict[str, str]]], api_server: ApiServer, tmp_path: Path
) -> None:
    """Up to its cap."""
    api_server.working = working
    code, out, _ = ended(started(api_server, tmp_path, 3, POLITE, idle=1))
    assert (code, out[1]) == (0, "stopping: ran for 3 s, its cap")


def test_without_sign_in_it_asks_for_a_token_that_its_log_shows(api_server: ApiServer, tmp_path: Path) -> None:
    """A new one each time; its own questions carry it."""
    _, out, _ = ended(started(api_server, tmp_path, 1, POLITE, sign_in=False))
    address, _, token = out[0].partition("/lab?token=")
    assert address == f"open http://127.0.0.1:{api_server.port}"
    assert len(token) == 32
    assert set(api_server.tokens) == {f"token {token}"}


@pytest.mark.parametrize("program", [SLEEP, POLITE], ids=["dies", "exits"])
def test_a_notebook_at_its_cap_is_ended_and_scaled_to_zero(program: str, api_server: ApiServer, tmp_path: Path) -> None:
    """Whatever runs in it."""
    began = time.monotonic()
    code, out, _ = ended(started(api_server, tmp_path, 1, program))
    assert (code, out) == (0, ["started", "stopping: ran for 1 s, its cap", "scaled to 0: 200"])
    assert api_server.asked == [SCALED]
    assert time.monotonic() - began >= 1


def test_a_notebook_that_fails_is_not_stopped(api_server: ApiServer, tmp_path: Path) -> None:
    """Its exit code is kept, and Kubernetes starts it again."""
    code, out, _ = ended(started(api_server, tmp_path, 60, "raise SystemExit(3)"))
    assert (code, out, api_server.asked) == (3, [], [])


def test_a_signal_to_stop_is_passed_on(api_server: ApiServer, tmp_path: Path) -> None:
    """The command ends, and this after it, at once; it was not idle."""
    began = time.monotonic()
    code, _, errors = told_to_stop(started(api_server, tmp_path, 60, SLEEP))
    assert time.monotonic() - began < 20
    assert (code, errors, api_server.asked) == (143, "", [])


def test_a_notebook_that_is_moved_is_not_idle(api_server: ApiServer, tmp_path: Path) -> None:
    """A drained node or a new image stops the pod, and JupyterLab ends with 0 then: the next pod must start."""
    told_to_stop(started(api_server, tmp_path, 60, POLITE))
    assert api_server.asked == []


def test_a_command_that_is_killed_has_failed(api_server: ApiServer, tmp_path: Path) -> None:
    """As for want of memory: no success, and not idle."""
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    code, _, _ = ended(started(api_server, tmp_path, 60, program))
    assert (code, api_server.asked) == (137, [])


def test_an_api_server_that_refuses_is_a_failure(api_server: ApiServer, tmp_path: Path) -> None:
    """It is told, and Kubernetes starts the notebook again, which asks once more."""
    api_server.status = 403
    code, out, errors = ended(started(api_server, tmp_path, 60, "pass"))
    assert (code, out, errors) == (1, ["stopping: it ended"], "urllib.error.HTTPError: HTTP Error 403: Forbidden")
    assert api_server.asked == [SCALED]
