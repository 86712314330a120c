"""A recorded program finds no credential of the caller's: in no variable, file, process, socket or descriptor.

Nor has the component plugin what a component has no use for (the rest of it: tests/e2e/spine/test_credentials.py).
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import dedent

import pulumi
import pytest
from pulumi.errors import InputPropertyError

from handrail.recorder import Record, Unseen, record

CANARY = "canary-3e1b7f"
VARIABLES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AZURE_CLIENT_SECRET",
    "ARM_CLIENT_SECRET", "DATABASE_PASSWORD", "GITHUB_TOKEN", "GOOGLE_CREDENTIALS", "HTTPS_PROXY", "KUBE_TOKEN",
    "OTEL_EXPORTER_OTLP_HEADERS", "PIP_INDEX_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE",
    "SSH_AUTH_SOCK", "UV_INDEX_ACME_PASSWORD", "VAULT_TOKEN", "http_proxy",
)  # fmt: skip
IN_HOME = (
    ".aws/config", ".aws/credentials", ".azure/accessTokens.json", ".config/gcloud/credentials.db", ".config/gh/hosts.yml",
    ".docker/config.json", ".git-credentials", ".kube/config", ".netrc", ".npmrc", ".pulumi/credentials.json", ".pypirc",
    ".ssh/id_ed25519",
)  # fmt: skip
NAMED = {
    "AWS_SHARED_CREDENTIALS_FILE": "aws", "GOOGLE_APPLICATION_CREDENTIALS": "google.json", "KUBECONFIG": "kube/config",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "passphrase",
}  # fmt: skip


def landlock() -> bool:
    """Whether this kernel can shut files and processes."""
    return sys.platform == "linux" and int(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)) > 0


needs_landlock = pytest.mark.skipif(not landlock(), reason="only Linux 5.13 and later can shut files and processes")


@pytest.fixture
def caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gives the caller a home and variables that are full of credentials."""
    home = tmp_path / "home"
    for name in VARIABLES:
        monkeypatch.setenv(name, CANARY)
    for path in (*(home / name for name in IN_HOME), *(tmp_path / name for name in NAMED.values())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY)
    for variable, name in NAMED.items():
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("HOME", str(home))
    return tmp_path


def run(folder: Path, source: str, **given: object) -> Record:
    """Record a program that reads what it is `given` from its config, in a folder beside the home."""
    program = folder / "program"
    program.mkdir(exist_ok=True)
    (program / "__main__.py").write_text("import json, os, pulumi\n" + dedent(source))
    config = {f"shop:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    return record(program, project="shop", stack="dev", config=config)


def test_no_variable_holds_one(caller: Path) -> None:
    """Neither as Python has them, nor in the block that the process was started with, nor in its arguments."""
    made = run(
        caller,
        """
        own = open("/proc/self/environ", "rb").read() + open("/proc/self/cmdline", "rb").read()
        seen = [name for name, value in os.environ.items() if pulumi.Config().require("canary") in value]
        pulumi.export("seen", [seen, pulumi.Config().require("canary").encode() in own.replace(b'"shop:canary"', b"")])
        pulumi.export("names", sorted(name for name in os.environ if not name.startswith(("LC_", "PYTHON"))))
        """,
        canary=CANARY,
    )
    assert made.outputs.values["seen"][0] == ["PULUMI_CONFIG"]  # which the program was given
    allowed = {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV"}
    assert set(made.outputs.values["names"]) - allowed == {"PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS"}


@needs_landlock
def test_no_hidden_file_of_the_home_can_be_read(caller: Path) -> None:
    """By nobody who knows where it lies: not by Python, by native code or by a process that the program starts."""
    home = caller / "home"
    (home / "notes.txt").write_text("no secret")
    made = run(
        caller,
        """
        import subprocess
        def read(path):
            try:
                return open(path).read()
            except PermissionError:
                return ""
        config = pulumi.Config()
        paths = config.require_object("paths")
        pulumi.export("read", [path for path in paths if read(path)])
        cat = subprocess.run(["cat", *paths], capture_output=True, text=True, check=False)
        pulumi.export("cat", cat.stdout)
        pulumi.export("notes", read(config.require("notes")))
        """,
        paths=[str(home / name) for name in IN_HOME],
        notes=str(home / "notes.txt"),
    )
    assert made.outputs.values == {"read": [], "cat": "", "notes": "no secret"}


@needs_landlock
def test_no_file_that_a_variable_names_can_be_read(caller: Path) -> None:
    """Wherever it lies: a kubeconfig, a key of a cloud, Pulumi's passphrase."""
    made = run(
        caller,
        """
        import subprocess
        paths = pulumi.Config().require_object("paths")
        pulumi.export("cat", subprocess.run(["cat", *paths], capture_output=True, text=True, check=False).stdout)
        """,
        paths=[str(caller / name) for name in NAMED.values()],
    )
    assert made.outputs.values == {"cat": ""}


@needs_landlock
def test_no_other_process_can_be_looked_into(caller: Path) -> None:
    """Its parent has the whole environment: /proc tells it to nobody that is bound, nor its descriptors."""
    made = run(
        caller,
        """
        import glob, subprocess
        def readable(path):
            try:
                return bool(os.readlink(path) if path.endswith("fd/0") else open(path, "rb").read(1))
            except OSError:
                return False
        others = [each for each in glob.glob("/proc/[0-9]*") if int(each[6:]) != os.getpid()]
        kinds = ("environ", "maps", "fd/0")
        pulumi.export("read", [f"{each}/{kind}" for each in others for kind in kinds if readable(f"{each}/{kind}")])
        script = f"cat /proc/{os.getppid()}/environ"
        pulumi.export("cat", subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout)
        pulumi.export("others", str(os.getppid()) in [each[6:] for each in others])
        """,
    )
    assert made.outputs.values == {"read": [], "cat": "", "others": True}


def test_no_descriptor_is_inherited(caller: Path) -> None:
    """Though the caller left it open for its children."""
    file = caller / "open"
    file.write_text(CANARY)
    descriptor = os.open(file, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        made = run(
            caller,
            """
            links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
            found = [os.readlink(link) for link in links if os.path.lexists(link)]
            pulumi.export("found", [path for path in found if path.endswith("open")])
            """,
        )
    finally:
        os.close(descriptor)
    assert made.outputs.values == {"found": []}


@pytest.fixture
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Makes a socket that somebody listens on, as an agent that signs."""
    path = tmp_path_factory.mktemp("agent") / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        yield path


def test_no_agent_can_be_asked(tmp_path: Path, agent: Path) -> None:
    """To sign with the caller's key, or to start a container: a socket file is refused, and listed."""
    made = run(
        tmp_path,
        """
        import socket
        try:
            socket.socket(socket.AF_UNIX).connect(pulumi.Config().require("agent"))
        except PermissionError as error:
            pulumi.export("error", str(error))
        """,
        agent=str(agent),
    )
    assert made.outputs.values == {"error": f"the recorder has no network: a connection to {agent} was refused"}
    assert made.unseen == (Unseen("network", str(agent)),)


def test_processes_of_the_program_can_talk(tmp_path: Path) -> None:
    """With each other, and about temporary files: both are the program's own."""
    made = run(
        tmp_path,
        """
        import multiprocessing, socket, tempfile
        with multiprocessing.get_context("fork").Manager() as manager:
            pulumi.export("manager", list(manager.list([1])))
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as own:
            own.bind(folder + "/s")
            own.listen()
            socket.socket(socket.AF_UNIX).connect(folder + "/s")
            one, other = socket.socketpair()
            one.sendmsg([b"of a pair"])
            open(folder + "/file", "w").write("written")
            pulumi.export("file", open(folder + "/file").read())
        """,
    )
    assert made.outputs.values == {"manager": [1], "file": "written"}
    assert made.complete


def test_a_hidden_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worktree below a hidden folder of the home: what it lies in stays open."""
    monkeypatch.setenv("HOME", str(tmp_path))
    hidden = tmp_path / ".worktrees"
    hidden.mkdir()
    (hidden / "sister.txt").write_text("sister")
    made = run(
        hidden,
        'pulumi.export("sister", open(pulumi.Config().require("sister")).read())\n',
        sister=str(hidden / "sister.txt"),
    )
    assert made.outputs.values == {"sister": "sister"}


def test_the_plugin_keeps_nothing_of_other_config() -> None:
    """The engine sends it all that the stack has, secrets decrypted; a component needs where it is deployed."""
    spec = spec_from_file_location("plugin", Path(__file__).parents[2] / "components" / "__main__.py")
    assert spec
    assert spec.loader
    plugin = module_from_spec(spec)
    spec.loader.exec_module(plugin)

    async def construct() -> tuple[str | None, str | None]:
        pulumi.runtime.set_all_config({"shop:password": CANARY, "handrail:team": "payments"}, ["shop:password"])
        with pytest.raises(InputPropertyError, match="Missing required input"):
            plugin.provider().construct("api", "handrail:index:ScalableService", {})
        return pulumi.Config("shop").get("password"), pulumi.Config("handrail").get("team")

    assert asyncio.run(construct()) == (None, "payments")
