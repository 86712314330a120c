"""The program reaches no credential, network or home of the caller's, and nothing of it outlives a record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from handrail.core.errors import RecorderError
from handrail.recorder import Record, Unseen, record


def run(directory: Path, source: str, **options: object) -> Record:
    (directory / "__main__.py").write_text(dedent(source))
    return record(directory, project="shop", stack="dev", **options)  # type: ignore[arg-type]


CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "KUBECONFIG",
    "GITHUB_TOKEN",
    "MY_SECRET",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "SSH_AUTH_SOCK",
    "UV_INDEX_ACME_PASSWORD",
    "HTTPS_PROXY",
)


def test_the_program_sees_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An allowlist: what is not named is not passed on."""
    for name in CREDENTIALS:
        monkeypatch.setenv(name, "correct horse")
    made = run(
        tmp_path,
        """
        import os, pulumi
        pulumi.export("found", sorted(name for name, value in os.environ.items() if "horse" in value))
        pulumi.export("home", [os.path.expanduser("~") == os.environ["HOME"], os.listdir(os.path.expanduser("~"))])
        """,
    )
    assert made.outputs.values == {"found": [], "home": [True, []]}


def test_the_caller_can_vouch_for_a_variable(tmp_path: Path) -> None:
    """One at a time."""
    source = 'import os, pulumi\npulumi.export("tag", os.environ["IMAGE_TAG"])\n'
    assert run(tmp_path, source, environment={"IMAGE_TAG": "1.2"}).outputs.values == {"tag": "1.2"}


@pytest.mark.parametrize(
    ("call", "target"),
    [
        ('socket.create_connection(("127.0.0.1", 9))', "127.0.0.1:9"),
        ('socket.create_connection(("api.acme.test", 443))', "api.acme.test:443"),
        ('urllib.request.urlopen("https://api.acme.test/v1")', "api.acme.test:443"),
        ('socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))', "192.0.2.1:53"),
    ],
)
def test_the_network_is_refused_and_listed(tmp_path: Path, call: str, target: str) -> None:
    """Even if the program swallows the error."""
    made = run(
        tmp_path,
        f"""
        import socket, urllib.request, pulumi
        try:
            {call}
        except OSError as error:
            pulumi.export("error", str(error))
        """,
    )
    assert "the recorder has no network" in made.outputs.values["error"]
    assert made.unseen == (Unseen("network", target),)
    assert not made.complete


def test_a_refused_connection_is_a_clear_error(tmp_path: Path) -> None:
    """With the line that tried it."""
    with pytest.raises(RecorderError) as raised:
        run(tmp_path, 'import socket\nsocket.create_connection(("192.0.2.1", 80))\n')
    assert "__main__.py:2:" in str(raised.value)
    assert "the recorder has no network: a connection to 192.0.2.1:80 was refused" in str(raised.value)


def test_what_the_program_prints_is_kept_apart(tmp_path: Path) -> None:
    """On both streams and from its own processes; the end of it, if it is long."""
    made = run(
        tmp_path,
        """
        import os, subprocess, sys
        for index in range(20000):
            print(f"line {index}")
        print("to error", file=sys.stderr, flush=True)
        subprocess.run(["echo", "from a process"])
        os.write(1, b"raw \\xff")
        """,
    )
    assert made.printed.endswith("to error\nfrom a process\nraw �")
    assert "line 19999" in made.printed
    assert len(made.printed) <= 64 * 1024
    assert made.complete


def test_the_program_has_no_input_to_wait_for(tmp_path: Path) -> None:
    """Reading ends at once."""
    assert run(tmp_path, 'import sys, pulumi\npulumi.export("in", sys.stdin.read())\n').outputs.values == {"in": ""}


def alive(pid: int) -> bool:
    """Whether a process runs (and is not merely waiting to be reaped)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


LEFT_BEHIND = """
    import subprocess, sys, time
    from pathlib import Path
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    Path("pid").write_text(str(child.pid))
    """


def test_processes_of_the_program_end_with_it(tmp_path: Path) -> None:
    """Also those that it forgot."""
    run(tmp_path, LEFT_BEHIND)
    assert gone(int((tmp_path / "pid").read_text()))


def test_processes_of_the_program_end_with_its_time(tmp_path: Path) -> None:
    """The whole group is ended."""
    with pytest.raises(RecorderError):
        run(tmp_path, dedent(LEFT_BEHIND) + "time.sleep(300)\n", timeout_seconds=3)
    assert gone(int((tmp_path / "pid").read_text()))


WAITING = """
    import os, time
    from pathlib import Path
    Path("pid.new").write_text(str(os.getpid()))
    os.rename("pid.new", "pid")
    time.sleep(300)
    """
CALLER = """
    import sys
    from pathlib import Path
    from handrail.recorder import record
    record(Path(sys.argv[1]), project="shop", stack="dev")
    """


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_program_ends_with_its_caller(tmp_path: Path, number: signal.Signals) -> None:
    """On Ctrl-C, and when the caller is killed."""
    (tmp_path / "__main__.py").write_text(dedent(WAITING))
    caller = subprocess.Popen(
        [sys.executable, "-c", dedent(CALLER), str(tmp_path)], stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(caller.pid, number)
        assert caller.wait(10) != 0
        assert gone(int((tmp_path / "pid").read_text()))
    finally:
        caller.kill()
        caller.wait()


def test_a_program_runs_in_its_own_environment(tmp_path: Path) -> None:
    """Where neither Handrail nor, here, the SDK is installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / ".venv")], check=True)
    with pytest.raises(RecorderError) as raised:
        run(tmp_path, "import pulumi\n", python=tmp_path / ".venv" / "bin" / "python")
    assert "the Pulumi SDK is not installed in the program's environment" in str(raised.value)


def test_the_child_needs_nothing_of_handrail(tmp_path: Path) -> None:
    """With the SDK alone on its path, a program records as ever."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    site = next((environment / "lib").glob("python*/site-packages"))
    ours = next(Path(entry) for entry in sys.path if (Path(entry) / "pulumi").is_dir())
    for entry in ours.iterdir():
        if "handrail" not in entry.name and not entry.name.endswith(".pth"):
            (site / entry.name).symlink_to(entry)
    program = tmp_path / "program"
    program.mkdir()
    source = """
        import importlib.util, pulumi
        pulumi.export("handrail", importlib.util.find_spec("handrail") is not None)
        """
    assert run(program, source, python=environment / "bin" / "python").outputs.values == {"handrail": False}
