"""A Kubernetes control plane on this machine: etcd, API server, controller manager, scheduler, and kwok for nodes.

It listens on loopback alone, at free ports, and keeps everything in one folder.
"""

from __future__ import annotations

import ctypes
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from handrail.core.errors import EngineError, Problem
from handrail.engine import _build, _cache, _versions, crds, replays
from handrail.engine.api_server import ApiServer

CONTEXT = "handrail-local"
"""The kubeconfig context by which a control plane is known, beside those that it is asked to answer to."""
ADMINISTRATOR = "admin"
_STATE = "state.json"
_SECONDS = 90
_VOLUMES = Path("/tmp/hostpath_pv")  # noqa: S108  (the controller manager's own choice)
_MASTERS = "system:masters"
_CLIENTS = ("system:kube-controller-manager", "system:kube-scheduler", "kwok")
_PR_SET_PDEATHSIG = 1


def home() -> Path:
    """Where this machine's own one keeps what it needs."""
    return _cache.root() / "cluster"


def install(say: Callable[[str], None] | None = None) -> None:
    """Have the control plane and the definitions of custom resources in the cache.

    Args:
        say: told about progress, a line at a time; default: standard error.

    Raises:
        EngineError: a build failed, or a definition cannot be had.
    """
    say = say or (lambda text: print(f"cluster: {text}", file=sys.stderr, flush=True))
    _cache.fill(_cache.entry("cluster"), lambda folder: _build.cluster(folder, say), say)
    _cache.fill(crds.entry(), lambda folder: crds.write(folder, _build.find_go(say), say), say)


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One that runs.

    Args:
        folder: all that it keeps: data, keys, logs.
        url: of its API server.
        token: of its administrator.
        processes: part → pid and when it began, in seconds since the epoch.
    """

    folder: Path
    url: str
    token: str
    processes: Mapping[str, tuple[int, float]]
    _children: Sequence[subprocess.Popen[bytes]] = ()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / f"{ADMINISTRATOR}.kubeconfig"

    @property
    def api(self) -> ApiServer:
        """The administrator's connection."""
        return ApiServer(self.url, self.folder / "ca.crt", self.token)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The one of a folder; None where there is none, or a part of it runs no more."""
        found = cls._known(folder)
        return found if found and all(_alive(*process) for process in found.processes.values()) else None

    @classmethod
    def clear(cls, folder: Path) -> None:
        """End and remove what one left that nobody stopped, as after a restart of the machine."""
        if found := cls._known(folder):
            found.stop()
        shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    def _known(cls, folder: Path) -> Self | None:
        try:
            state = json.loads((folder / _STATE).read_text())
            processes = {part: (int(pid), float(began)) for part, (pid, began) in state["processes"].items()}
            return cls(folder, state["url"], state["token"], processes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @classmethod
    def start(cls, folder: Path, contexts: Iterable[str] = (), *, attached: bool = True) -> Self:
        """Start one in an empty folder, and wait until it can be used.

        Args:
            folder: is made where there is none.
            contexts: further kubeconfig contexts that it answers to.
            attached: whether it ends with this process, however that ends (on Linux).

        Raises:
            EngineError: it was not built here, or a part of it ended; its last words are given.
        """
        binary = _cache.entry("cluster") / "cluster"
        if not _cache.complete(binary.parent):
            raise EngineError(Problem("no control plane was built here", remedy="run `handrail engine cluster up`"))
        folder.mkdir(parents=True, exist_ok=True)
        starting = _Starting(binary, folder.resolve(), attached)
        try:
            began = starting.run(contexts)
        except BaseException:
            starting.kill()
            raise
        children = tuple(starting.processes.values())
        running = cls(starting.folder, starting.url, starting.tokens[ADMINISTRATOR], began, children)
        state = {"url": running.url, "token": running.token, "processes": began}
        _private(running.folder / _STATE, json.dumps(state, indent=1))
        return running

    def summary(self) -> str:
        """Where it is and how to use it, for people."""
        return (
            f"Kubernetes {_versions.CLUSTER} at {self.url}, context {CONTEXT}, {_mebibytes(self.processes)} MiB\n"
            f"    do:      export KUBECONFIG={self.kubeconfig}"
        )

    @staticmethod
    def to_json(running: ControlPlane | None) -> str:
        """Whether it runs and where, without its token."""
        facts = {"url": running.url, "kubeconfig": str(running.kubeconfig)} if running else {}
        return json.dumps({"running": running is not None, **facts})

    def stop(self) -> None:
        """End every part, and remove its folder and those of its volumes."""
        volumes = list(self._volumes())
        living = []
        for pid, began in self.processes.values():
            if _alive(pid, began):
                with suppress(psutil.NoSuchProcess):
                    process = psutil.Process(pid)
                    process.kill()
                    living.append(process)
        psutil.wait_procs(living, timeout=10)
        for child in self._children:
            child.wait()
        for folder in (self.folder, *volumes):
            shutil.rmtree(folder, ignore_errors=True)

    def _volumes(self) -> Iterator[Path]:
        """The folders that the controller manager made for volumes; it makes them outside of ours."""
        code, answer = self.api.request("GET", "/api/v1/persistentvolumes", seconds=5)
        for volume in answer["items"] if code == 200 else ():
            path = Path(volume["spec"].get("hostPath", {}).get("path", ""))
            if path.parent == _VOLUMES:
                yield path


class _Starting:
    """What is known of a control plane before it runs."""

    def __init__(self, binary: Path, folder: Path, attached: bool) -> None:
        self.binary, self.folder, self.attached = binary, folder, attached
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        etcd, peer, api = free_ports(3)
        self.etcd, self.peer = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{peer}"
        self.port, self.url = api, f"https://127.0.0.1:{api}"
        self.tokens = {name: secrets.token_hex(16) for name in (ADMINISTRATOR, *_CLIENTS)}

    def run(self, contexts: Iterable[str]) -> dict[str, tuple[int, float]]:
        subprocess.run([self.binary, "init", self.folder], check=True, capture_output=True)  # noqa: S603
        with (self.folder / "stages.yaml").open("a") as stages:
            stages.write(f"\n---\n{replays.stages()}")
        lines = [f'{token},{name},{name},"{_MASTERS}"\n' for name, token in self.tokens.items()]
        _private(self.folder / "tokens.csv", "".join(lines))
        for name, token in self.tokens.items():
            names = (CONTEXT, *contexts) if name == ADMINISTRATOR else (CONTEXT,)
            text = json.dumps(kubeconfig(self.url, self.folder / "ca.crt", token, names), indent=1)
            _private(self.folder / f"{name}.kubeconfig", text)
        self._spawn("etcd", self._etcd())
        self._spawn("kube-apiserver", self._api_server())
        self._until("/readyz")
        for part, arguments in (
            ("kube-controller-manager", self._controller_manager()),
            ("kube-scheduler", [*self._client("system:kube-scheduler"), "--leader-elect=false", "--secure-port=0"]),
            ("kwok", self._kwok()),
        ):
            self._spawn(part, arguments)
        self._until("/api/v1/namespaces/default/serviceaccounts/default")
        return {part: (each.pid, psutil.Process(each.pid).create_time()) for part, each in self.processes.items()}

    def kill(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _etcd(self) -> list[str]:
        return [
            "--name=default", f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={self.etcd}", f"--advertise-client-urls={self.etcd}",
            f"--listen-peer-urls={self.peer}", f"--initial-advertise-peer-urls={self.peer}",
            f"--initial-cluster=default={self.peer}",
        ]  # fmt: skip

    def _api_server(self) -> list[str]:
        keys = f"{self.folder}/sa.key"
        return [
            f"--etcd-servers={self.etcd}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}", f"--tls-cert-file={self.folder}/apiserver.crt",
            f"--tls-private-key-file={self.folder}/apiserver.key", f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=RBAC", "--allow-privileged=true", "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={keys}", f"--service-account-signing-key-file={keys}", "--profiling=false",
        ]  # fmt: skip

    def _controller_manager(self) -> list[str]:
        return [
            *self._client("system:kube-controller-manager"), "--leader-elect=false", "--secure-port=0",
            f"--service-account-private-key-file={self.folder}/sa.key", f"--root-ca-file={self.folder}/ca.crt",
            "--enable-hostpath-provisioner=true", "--profiling=false",
            "--node-monitor-grace-period=1h",  # a laptop sleeps, and a busy one is late: no node of kwok's is ever gone
        ]  # fmt: skip

    def _kwok(self) -> list[str]:
        return [
            f"--kubeconfig={self.folder}/kwok.kubeconfig", "--manage-all-nodes=true", "--cidr=10.244.0.0/16",
            "--node-lease-duration-seconds=40", "--node-ip=10.0.0.1", f"--config={self.folder}/stages.yaml",
        ]  # fmt: skip

    def _client(self, name: str) -> list[str]:
        return [f"--kubeconfig={self.folder}/{name}.kubeconfig", "--kube-api-qps=500", "--kube-api-burst=1000"]

    def _spawn(self, part: str, arguments: Sequence[str]) -> None:
        with (self.folder / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(  # noqa: S603
                [self.binary, part, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                start_new_session=True, preexec_fn=_die_with_parent if self.attached else None
            )  # fmt: skip

    def _until(self, path: str) -> None:
        """Wait until the administrator gets an answer at `path`."""
        api = ApiServer(self.url, self.folder / "ca.crt", self.tokens[ADMINISTRATOR])
        deadline = time.monotonic() + _SECONDS
        while api.request("GET", path)[0] != 200:
            ended = [part for part, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                part = (ended or list(self.processes))[-1]
                said = (self.folder / f"{part}.log").read_text(errors="replace")[-2000:]
                raise EngineError(Problem(f"the control plane's {part} {'ended' if ended else 'is not ready'}: {said}"))
            time.sleep(0.05)


def kubeconfig(url: str, authority: Path, token: str, contexts: Sequence[str]) -> dict[str, Any]:
    """A kubeconfig for one person; the first context is the current one."""
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": contexts[0],
        "clusters": [{"name": CONTEXT, "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [
            {"name": name, "context": {"cluster": CONTEXT, "user": "user"}} for name in dict.fromkeys(contexts)
        ],
    }  # fmt: skip


def _alive(pid: int, began: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - began) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _mebibytes(processes: Mapping[str, tuple[int, float]]) -> int:
    """The memory of all parts, what they share counted for each."""
    return sum(psutil.Process(pid).memory_info().rss for pid, _ in processes.values()) // 1024**2


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _private(file: Path, text: str) -> None:
    file.touch(0o600)
    file.write_text(text)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
