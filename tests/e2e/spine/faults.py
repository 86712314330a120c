"""What tests of faults share: a deployment begun and not waited for, its processes and locks, disks of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import psutil
from spine import Checkout, stable

from handrail.engine.locks import MARK

STATE = ".state/.pulumi"


def begin(copy: Checkout, *arguments: str) -> subprocess.Popen[str]:
    """`handrail ARGUMENTS`, begun and not waited for; it heeds interrupts, also where the tests run in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "handrail.cli", *arguments],
        cwd=copy.root, env=copy.environment, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@contextmanager
def started(copy: Checkout, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`handrail ARGUMENTS`, begun and not waited for, of which nothing lives on, whatever the block comes to."""
    process = begin(copy, *arguments)
    try:
        yield process
    finally:
        for left in (*marked(copy), *([psutil.Process(process.pid)] if process.poll() is None else ())):
            with suppress(psutil.Error):
                left.kill()
        process.communicate(timeout=60)


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def locks(copy: Checkout, stack: str) -> list[Path]:
    """The stack's locks in the file backend."""
    return list((copy.root / STATE / "locks" / "organization" / "acme" / stack).glob("*.json"))


def marked(copy: Checkout) -> list[psutil.Process]:
    """Living processes of this copy's deployments."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(f"{copy.root}#") and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def heeds(copy: Checkout, stack: str) -> bool:
    """Whether a stack's engine ends in good order when it is told to: it starts its program after it listens.

    Between its lock and that moment an interrupt ends it at once, and its lock stays for the next `up` to clear.
    """
    for process in marked(copy):
        with suppress(psutil.Error):
            if stack in process.cmdline() and process.name() == "pulumi":
                return any(each.name().startswith("pulumi-lang") for each in process.children())
    return False


def named(copy: Checkout, pattern: str) -> list[psutil.Process]:
    """Those whose name is so, as `pulumi-resource*`; one that has just ended has none."""
    found = []
    for process in marked(copy):
        with suppress(psutil.Error):
            if fnmatchcase(process.name(), pattern):
                found.append(process)
    return found


def engine_of(copy: Checkout) -> psutil.Process:
    """The engine that runs, or is about to: a lock is there as soon as it is."""
    until(lambda: named(copy, "pulumi"))
    return named(copy, "pulumi")[0]


def rendered(copy: Checkout, stack: str) -> list[Path]:
    """The files that are rendered for a stack at this moment; an engine may take one away before it is read."""
    return list((copy.root / "rendered" / stack).rglob("*.yaml"))


def state_file(copy: Checkout, stack: str) -> Path:
    """Where the file backend keeps a stack's state."""
    return copy.root / STATE / "stacks" / "acme" / f"{stack}.json"


def written(copy: Checkout, stack: str) -> str:
    """What the state file holds at this moment: the engine puts the old one aside before it writes a new one."""
    with suppress(FileNotFoundError):
        return state_file(copy, stack).read_text()
    return ""


def checkpoint(copy: Checkout, stack: str) -> dict[str, Any]:
    """What the state file tells of the stack as it is now; an engine takes a second to say the same."""
    file = state_file(copy, stack)
    text = copy.read(str(file.relative_to(copy.root))) if isinstance(copy, Within) else file.read_text()
    latest: dict[str, Any] = json.loads(text)["checkpoint"]["latest"]
    return latest


def begun(copy: Checkout, stack: str) -> list[str]:
    """What the state says was begun and is not done."""
    return [each["type"] for each in checkpoint(copy, stack).get("pending_operations") or ()]


def equal(copy: Checkout, undisturbed: Checkout, *stacks: str) -> None:
    """The files byte for byte, and the states without what differs from run to run."""
    for stack in stacks:
        assert copy.manifests(stack) == undisturbed.manifests(stack)
        states = [stable(checkpoint(each, stack).get("resources", [])) for each in (copy, undisturbed)]
        assert states[0] == states[1]
        assert begun(copy, stack) == []
        assert not list((copy.root / "rendered" / stack).rglob("*.tmp"))


@dataclass(frozen=True)
class Within(Checkout):
    """A project whose commands run in a mount namespace: what is mounted there is there alone, and ends with it."""

    enter: Sequence[str] = ()

    def run(self, *command: str | Path, ok: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the namespace."""
        return super().run(*self.enter, str(self.root), *command, ok=ok, **more)

    def mount(self, folder: str, *options: str) -> None:
        """Mount a disk of its own on a folder; options as `size=4m`."""
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.run("mount", "-t", "tmpfs", "-o", ",".join(("mode=0777", *options)), "tmpfs", folder)

    def manifests(self, stack: str) -> dict[str, str]:
        """The files rendered for a stack, as the namespace has them."""
        listed = self.run("find", f"rendered/{stack}", "-name", "*.yaml").stdout.split()
        return {file.removeprefix(f"rendered/{stack}/"): self.read(file) for file in sorted(listed)}

    def read(self, file: str) -> str:
        """A file as the namespace has it."""
        return self.run("cat", file).stdout


@contextmanager
def disks(copy: Checkout) -> Iterator[Within]:
    """The project with disks of its own: as root, or where a person may make a user namespace."""
    mine = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    assert shutil.which("unshare"), "disks of its own need unshare and nsenter, of util-linux"
    with subprocess.Popen(
        ["unshare", *mine, "--mount", "sh", "-c", "echo; exec sleep 3600"], stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.read(1), "disks of its own need root, or user namespaces"
            user = ["--user", "--preserve-credentials"] if mine else []
            enter = ["nsenter", "--target", str(holder.pid), "--mount", *user, "sh", "-c", 'cd "$0" && exec "$@"']
            yield Within(copy.root, copy.environment, enter)
        finally:
            holder.kill()
