"""Each fault is a sentence that says what to do, nothing is lost, and once it is mended the same command completes."""

import fcntl
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from e2e.spine.faults import (
    STATE,
    disks,
    engine_of,
    equal,
    locks,
    marked,
    named,
    rendered,
    started,
    state_file,
    until,
    written,
)
from e2e.spine.little import acme_copy, deployed
from spine import ORGANISATION, Checkout

from handrail.engine import Engine, _cache

pytestmark = pytest.mark.engine
__all__ = ["acme_copy", "deployed"]


@pytest.fixture
def copy(acme_copy: Callable[[], Checkout], deployed: Checkout) -> Checkout:
    """A copy of acme whose dev stacks are up."""
    made = acme_copy()
    for folder in (".state", "rendered"):
        shutil.copytree(deployed.root / folder, made.root / folder, copy_function=shutil.copy2)
    return made


def refused(copy: Checkout, *stacks: str, say: str, **more: str) -> str:
    """What `handrail up` says, which must fail with the sentence `say` and no traceback."""
    done = copy.run(sys.executable, "-m", "handrail.cli", "up", "--yes", *stacks, ok=False, **more)
    assert done.returncode == 1, done.stdout + done.stderr
    assert say in done.stderr, done.stdout + done.stderr
    assert "    do: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "panic" not in done.stderr
    return done.stderr


def test_a_kill_after_the_last_step(acme_copy: Callable[[], Checkout], deployed: Checkout) -> None:
    """Everything is done and written, the lock still held: the engine stands still while nobody reads what it says."""
    copy = acme_copy()
    with started(copy, "up", "--yes", "platform-dev") as process:
        assert process.stdout
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        said = b""
        while b"Updating (" not in said:
            said += os.read(process.stdout.fileno(), 256)
        whole = len(deployed.state("platform-dev"))

        def done() -> bool:
            text = written(copy, "platform-dev")
            provider = named(copy, "pulumi-resour*")
            return text.count('"urn":') >= whole and "pending_operations" not in text and not provider

        until(done)
        assert locks(copy, "platform-dev")
        engine_of(copy).kill()
        _, error = process.communicate(timeout=120)
    assert "was killed" in error
    again = copy.handrail("up", "--yes", "platform-dev")
    assert "removed the lock of process" in again.stderr
    assert "created" not in again.stdout
    until(lambda: marked(copy) == [])
    equal(copy, deployed, "platform-dev")


@pytest.mark.parametrize("command", ["up", "destroy"])
def test_what_a_killed_engine_had_begun_is_done_again(command: str, copy: Checkout, deployed: Checkout) -> None:
    """A file that a removal took away though the state has it; a creation that the engine would warn of for ever."""
    if command == "up":
        copy.handrail("destroy", "--yes", "platform-dev")
    files = len(rendered(copy, "platform-dev"))
    with started(copy, command, "--yes", "platform-dev") as process:
        until(lambda: len(rendered(copy, "platform-dev")) != files and begun_in(copy, "platform-dev"))
        engine_of(copy).kill()
        process.communicate(timeout=120)
    assert begun_in(copy, "platform-dev")
    again = copy.handrail("up", "--yes", "platform-dev")
    assert "platform-dev: what a dead engine had begun is done again: " in again.stderr
    assert "pending operations" not in again.stdout
    equal(copy, deployed, "platform-dev")
    assert "handrail.dev/unfinished" not in state_file(copy, "platform-dev").read_text()


def begun_in(copy: Checkout, stack: str) -> bool:
    """Whether the state file as it is now tells of something that was begun."""
    return '"pending_operations":[{' in written(copy, stack)


@pytest.mark.parametrize(
    ("plugin", "stacks"),
    [("pulumi-resource-kubernetes", ("platform-dev", "payments-dev")), ("pulumi-language-python", ("platform-dev",))],
    ids=["the provider, with others", "the language host, alone"],
)
def test_a_plugin_that_crashes(
    plugin: str, stacks: tuple[str, ...], acme_copy: Callable[[], Checkout], deployed: Checkout
) -> None:
    """The provider, or the host of the program, killed in a create: the next one goes on."""
    copy = acme_copy()
    with started(copy, "up", "--yes", *stacks) as process:
        until(lambda: rendered(copy, stacks[0]))
        for each in named(copy, f"{plugin[:15]}*"):  # as long as Linux keeps a name
            each.kill()
        said = "\n".join(process.communicate(timeout=120))
        assert process.returncode == 1, said
    assert ("exited prematurely" if "resource" in plugin else "error reading from server: EOF") in said
    if len(stacks) > 1:
        assert "do:      run it again: what was begun goes on" in said
    assert "Traceback" not in said
    assert not any(locks(copy, stack) for stack in stacks)
    copy.handrail("up", "--yes", *stacks)
    equal(copy, deployed, *stacks)


def test_a_full_disk_begins_nothing(acme_copy: Callable[[], Checkout], deployed: Checkout) -> None:
    """The engine would cut its state short there; with room again, everything is as it was and goes on."""
    with disks(acme_copy()) as copy:
        copy.mount(".state", "size=40m")
        copy.handrail("up", "--yes", "payments-dev")
        state = f"{STATE}/stacks/acme/payments-dev.json"
        before = copy.read(state), copy.read(f"{state}.bak")
        assert copy.run("dd", "if=/dev/zero", "of=.state/others", "bs=4k", ok=False).returncode == 1
        alone = refused(copy, "payments-dev", say="there is no room for the state of stack payments-dev")
        among = refused(copy, "payments-dev", "churn-dev", say="there is no room for the state of stack churn-dev")
        for said in (alone, among):
            assert re.search(r"allowed: at least \d", said)
            assert "make room on the disk, then run it again: nothing was begun" in said
        assert (copy.read(state), copy.read(f"{state}.bak")) == before
        copy.run("rm", ".state/others")
        assert "unchanged" in copy.handrail("up", "--yes", "payments-dev", "churn-dev").stderr
        equal(copy, deployed, "payments-dev", "churn-dev")


def test_a_disk_that_fills_up_while_it_deploys(acme_copy: Callable[[], Checkout], deployed: Checkout) -> None:
    """What could not be rendered is not in the state, and is made once there is room."""
    with disks(acme_copy()) as copy:
        copy.mount("rendered", "size=24k")
        said = refused(copy, "payments-dev", "churn-dev", say="no space left on device")
        assert "do:      make room on the disk, then run it again: what was begun goes on" in said
        copy.run("mount", "-o", "remount,size=64m", "rendered")
        copy.handrail("up", "--yes", "payments-dev", "churn-dev")
        equal(copy, deployed, "payments-dev", "churn-dev")


@pytest.mark.parametrize("fault", ["read-only", "a dead lock on it", "a file"])
def test_an_unwritable_backend(fault: str, copy: Checkout, deployed: Checkout) -> None:
    """A disk that can be read only, also with something on it that should go, or a file where the folder must be."""
    before = state_file(copy, "payments-dev").read_bytes()
    if fault == "a file":
        kept = copy.root / "kept"
        (copy.root / ".state").rename(kept)
        (copy.root / ".state").write_text("a note")
        refused(copy, "payments-dev", say="name another one in Pulumi.yaml's backend.url")
        refused(copy, "payments-dev", "churn-dev", say="name another one in Pulumi.yaml's backend.url")
        (copy.root / ".state").unlink()
        kept.rename(copy.root / ".state")
    else:
        say = "name a writable folder in Pulumi.yaml's backend.url"
        if fault == "a dead lock on it":
            dead_lock(copy, "payments-dev")
            say = "make its folder writable, or remove it"
        with disks(copy) as within:
            within.run("mount", "--bind", ".state", ".state")
            within.run("mount", "-o", "remount,bind,ro", ".state")
            refused(within, "payments-dev", say=say)
            refused(within, "payments-dev", "churn-dev", say=say)
    assert state_file(copy, "payments-dev").read_bytes() == before
    assert "unchanged" in copy.handrail("up", "--yes", "payments-dev", "churn-dev").stderr
    equal(copy, deployed, "payments-dev", "churn-dev")


@pytest.mark.parametrize("fault", ["read-only", "a file"])
def test_an_unwritable_render_folder(fault: str, acme_copy: Callable[[], Checkout], deployed: Checkout) -> None:
    """What could not be written is not in the state, and is made afterwards."""
    copy, say = acme_copy(), "make the folder writable that organisation.yaml names as the cluster's render"
    if fault == "a file":
        (copy.root / "rendered").write_text("a note")
        refused(copy, "payments-dev", "churn-dev", say=say)
        (copy.root / "rendered").unlink()
    else:
        with disks(copy) as within:
            within.mount("rendered", "ro")
            refused(within, "payments-dev", "churn-dev", say=say)
        (copy.root / "rendered").rmdir()
    copy.handrail("up", "--yes", "payments-dev", "churn-dev")
    equal(copy, deployed, "payments-dev", "churn-dev")


def dead_lock(copy: Checkout, stack: str, pid: int | None = None) -> int:
    """A lock as a killed engine leaves it; whose it was."""
    if pid is None:
        with subprocess.Popen(["true"]) as process:
            pid = process.pid
    folder = copy.root / STATE / "locks" / "organization" / "acme" / stack
    folder.mkdir(parents=True, exist_ok=True)
    facts = f'"hostname": "{socket.gethostname()}", "username": "x", "timestamp": "2099-01-01T00:00:00Z"'
    (folder / "dead.json").write_text(f'{{"pid": {pid}, {facts}}}')
    return pid


CORRUPT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda whole: whole[: len(whole) // 4096 // 2 * 4096],
    "garbage": lambda whole: os.urandom(len(whole)),
    "another file's": lambda _: b'{"services": {}}',
    "deep": lambda _: b"[" * 200_000,
}


@pytest.mark.parametrize(
    ("harm", "also"),
    [
        ("empty", ""),
        ("garbage", ""),
        ("another file's", ""),
        ("deep", ""),
        ("cut", "and .bak"),
        ("cut", "and every copy"),
    ],
)
def test_a_corrupt_state_file(harm: str, also: str, copy: Checkout, deployed: Checkout) -> None:
    """It is left as it is; the command that the sentence names mends it, with the newest copy that is whole."""
    state = state_file(copy, "payments-dev")
    spoilt = CORRUPT[harm](state.read_bytes())
    copies = [state.with_name(f"{state.name}.bak"), *(copy.root / STATE / "backups/acme/payments-dev").glob("*.json")]
    for file in (state, *copies[: {"": 0, "and .bak": 1}.get(also, len(copies))]):
        file.write_bytes(spoilt)
    said = refused(copy, "payments-dev", say="the state file of stack payments-dev is broken")
    assert "the state file of stack payments-dev is broken" in refused(
        copy, "payments-dev", "churn-dev", say=f"given:   {state}"
    )
    assert state.read_bytes() == spoilt
    if also == "and every copy":
        assert "restore it from a copy of your own: none in .pulumi/backups or beside it is whole" in said
        command = "rm " + shlex.quote(str(state.relative_to(copy.root)))
        assert f"{command}: what is deployed stays, and the next up takes it over" in said
    else:
        assert "restore it from .pulumi/backups or its .bak beside it" in said
        command = said.partition("the newest whole one: ")[2].splitlines()[0]
    copy.run("sh", "-c", command)
    again = copy.handrail("up", "--yes", "payments-dev", "churn-dev").stderr
    assert ("created" in again) is (also == "and every copy")
    equal(copy, deployed, "payments-dev", "churn-dev")


def test_a_checkpoint_that_a_full_disk_cut_short_beside_a_dead_lock(copy: Checkout, deployed: Checkout) -> None:
    """With the one before it: the backup that ended the last deployment is taken, and said so."""
    state = state_file(copy, "payments-dev")
    half = state.read_bytes()[:8192]
    state.write_bytes(half)
    state.with_name(f"{state.name}.bak").write_bytes(half)
    pid = dead_lock(copy, "payments-dev")
    said = copy.handrail("up", "--yes", "payments-dev").stderr
    assert f"removed the lock of process {pid}" in said
    assert "the last checkpoint was written in part; the one before it is taken" in said
    assert state.with_name(f"{state.name}.broken").read_bytes() == half
    equal(copy, deployed, "payments-dev")


@pytest.mark.parametrize("name", ["meta.yaml", "stacks/acme/payments-dev.json", "stacks/acme/payments-dev.json.bak"])
@pytest.mark.parametrize("text", ["", '{"user.cache'])
def test_attributes_that_a_killed_engine_began_to_write(
    name: str, text: str, copy: Checkout, deployed: Checkout
) -> None:
    """The engine reads no file beside which they are in part; it does without them, so they are taken away."""
    attributes = copy.root / STATE / f"{name}.attrs"
    assert attributes.read_text().startswith('{"user.cache_control"')
    attributes.write_text(text)
    said = copy.handrail("up", "--yes", "payments-dev").stderr
    assert f"removed {attributes.name}, which an engine had begun to write" in said
    equal(copy, deployed, "payments-dev")


def test_a_lock_of_an_engine_that_nobody_buried(copy: Checkout, deployed: Checkout) -> None:
    """As where a container's first process waits for no others: it is dead, though it still has its number."""
    with subprocess.Popen(["true"]) as process:
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
        dead_lock(copy, "payments-dev", process.pid)
        said = copy.handrail("up", "--yes", "payments-dev").stderr
        assert f"removed the lock of process {process.pid}, which ran on this machine and is dead" in said
    equal(copy, deployed, "payments-dev")


PASSPHRASES = {
    "none": ({}, "do:      export PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, for the stack"),
    "wrong": (
        {"PULUMI_CONFIG_PASSPHRASE": "guessed"},
        "do:      export PULUMI_CONFIG_PASSPHRASE with the passphrase that the stack was made with",
    ),
    "no file": (
        {"PULUMI_CONFIG_PASSPHRASE_FILE": "nowhere"},
        "do:      name a file that holds it in PULUMI_CONFIG_PASSPHRASE_FILE",
    ),
}


@pytest.mark.parametrize("fault", PASSPHRASES)
def test_a_passphrase_that_does_not_fit(fault: str, copy: Checkout, deployed: Checkout) -> None:
    """Missing, another one, or in a file that is not there; of one stack, and of several."""
    more, say = PASSPHRASES[fault]
    stacks = ("payments-dev", "churn-dev")
    before = {stack: state_file(copy, stack).read_bytes() for stack in stacks}
    without = {key: value for key, value in copy.environment.items() if not key.startswith("PULUMI_CONFIG_PASSPHRASE")}
    for some in (stacks, stacks[:1]):
        refused(Checkout(copy.root, without), *some, say=say, **more)
    assert {stack: state_file(copy, stack).read_bytes() for stack in stacks} == before
    copy.handrail("up", "--yes", *stacks)
    equal(copy, deployed, *stacks)


NOWHERE = "https://nowhere.invalid"


def test_a_backend_whose_name_cannot_be_resolved(copy: Checkout, deployed: Checkout) -> None:
    """A bucket's endpoint, or Pulumi Cloud's address."""
    access = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "PULUMI_ACCESS_TOKEN": "z"}
    bucket = f"s3://state?endpoint={NOWHERE}&use_path_style=true&region=eu-west-1"
    for url, stacks in ((bucket, ("payments-dev",)), (NOWHERE, ("payments-dev", "churn-dev"))):
        say = "the backend's name cannot be resolved: check the network, and its address"
        said = refused(copy, *stacks, say=say, PULUMI_BACKEND_URL=url, **access)
        assert "the state backend does not answer" in said
    copy.handrail("up", "--yes", "payments-dev")
    equal(copy, deployed, "payments-dev")


def test_a_cluster_whose_name_cannot_be_resolved(acme_copy: Callable[[], Checkout], deployed: Checkout) -> None:
    """The address of a kubeconfig's context; what was not deployed is, once it is another."""
    copy = acme_copy()
    file = copy.root / ORGANISATION
    text = file.read_text()
    head, tail = text.split("    render: rendered", 1)
    file.write_text(f"{head}    context: far{tail}")
    (copy.root / "kubeconfig").write_text(
        f"apiVersion: v1\nkind: Config\nclusters: [{{name: far, cluster: {{server: '{NOWHERE}'}}}}]\n"
        "users: [{name: me, user: {token: x}}]\ncontexts: [{name: far, context: {cluster: far, user: me}}]\n"
    )
    say = "check the network, and the cluster's address in your kubeconfig's context"
    refused(copy, "payments-dev", "churn-dev", say=say, KUBECONFIG=str(copy.root / "kubeconfig"))
    file.write_text(text)
    copy.handrail("up", "--yes", "payments-dev", "churn-dev")
    equal(copy, deployed, "payments-dev", "churn-dev")


def test_an_engine_that_cannot_be_downloaded(acme_copy: Callable[[], Checkout]) -> None:
    """Without a network: each way that was tried, its reason, and what to do."""
    copy = acme_copy()
    proxy = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://nowhere.invalid:9")
    more = {"HANDRAIL_ENGINE": "download", "HANDRAIL_CACHE": str(copy.root / "cache"), "no_proxy": "", "NO_PROXY": ""}
    command = [sys.executable, "-m", "handrail.cli"]
    done = copy.run(*command, "engine", "install", ok=False, **proxy, **more)
    assert done.returncode == 1
    assert "no Pulumi engine could be had; this was tried" in done.stderr
    assert "do:      check the network and its proxy, or put pulumi and pulumi-language-python on PATH" in done.stderr
    assert "download: the vendor's download failed: " in done.stderr
    assert "Traceback" not in done.stderr
    refused(copy, "payments-dev", say="run `handrail engine install`", **more)


@pytest.fixture
def own_cache(engine: Engine, copy: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """acme with a cache of its own, as a build would have left it; no other engine is looked for."""
    monkeypatch.setenv("HANDRAIL_CACHE", str(copy.root / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(copy.root / "home"))
    provider = engine.provider
    assert provider

    def binaries(folder: Path) -> None:
        shutil.copytree(engine.pulumi.parent, folder / "bin")

    def plugin(folder: Path) -> None:
        shutil.copy2(provider.path, folder)

    _cache.fill(_cache.entry("pulumi"), binaries, print)
    _cache.fill(_cache.entry("kubernetes"), plugin, print)
    mine = {name: os.environ[name] for name in ("HANDRAIL_CACHE", "PULUMI_HOME")}
    made = Checkout(copy.root, {**copy.environment, **mine, "HANDRAIL_ENGINE": "build"})
    made.handrail("engine", "install")
    return made


def spoil(file: Path, harm: str) -> bytes:
    """Cut a binary, or overwrite it; what it was."""
    whole = file.read_bytes()
    file.unlink()  # what runs of it, or is linked to it, keeps it
    file.write_bytes({"cut": whole[: len(whole) // 2], "overwritten": bytes(len(whole))}[harm])
    file.chmod(0o755)
    return whole


@pytest.mark.parametrize("harm", ["cut", "overwritten"])
@pytest.mark.parametrize("name", ["pulumi", "pulumi-language-python", "pulumi-language-python-exec"])
def test_a_corrupt_engine(name: str, harm: str, own_cache: Checkout, deployed: Checkout) -> None:
    """It does not begin; what mends it is said, and with it whole again the same command completes."""
    file = _cache.entry("pulumi") / "bin" / name
    whole = spoil(file, harm)
    for stacks in (("payments-dev",), ("payments-dev", "churn-dev")):
        said = refused(own_cache, *stacks, say="the installed Pulumi engine is broken")
        assert f"given:   {_cache.entry('pulumi')}" in said
        assert "do:      run `handrail engine install`: it is made again" in said
    file.write_bytes(whole)
    own_cache.handrail("up", "--yes", "payments-dev")
    equal(own_cache, deployed, "payments-dev")


@pytest.mark.parametrize("harm", ["cut", "overwritten"])
def test_a_corrupt_provider(harm: str, own_cache: Checkout, deployed: Checkout) -> None:
    """The command that the sentence names puts a whole one in its place; the deployment then completes."""
    provider = next((own_cache.root / "home" / "plugins").rglob("pulumi-resource-kubernetes"))
    spoil(provider, harm)
    file = own_cache.root / "stacks/acme/payments/workloads.yaml"
    text = file.read_text()
    file.write_text(text.replace("port: 9000", "port: 9100"))
    say = "do:      run `handrail engine install`: what is broken of it is made again"
    refused(own_cache, "payments-dev", "churn-dev", say=say)
    file.write_text(text)
    assert "the Kubernetes provider does not start, it is had anew" in own_cache.handrail("engine", "install").stderr
    own_cache.handrail("up", "--yes", "payments-dev", "churn-dev")
    equal(own_cache, deployed, "payments-dev", "churn-dev")


def test_a_provider_that_was_changed_is_put_right(own_cache: Checkout) -> None:
    """It starts, and has the size that it should have."""
    provider = next((own_cache.root / "home" / "plugins").rglob("pulumi-resource-kubernetes"))
    whole = provider.read_bytes()
    provider.unlink()
    provider.write_bytes(whole[:-4096] + bytes(4096))
    provider.chmod(0o755)
    own_cache.handrail("engine", "install")
    assert provider.read_bytes() == whole


def test_no_fault_leaves_a_process(deployed: Checkout) -> None:
    """Nothing that this session's deployments started lives on."""
    assert marked(deployed) == []
    assert [p for p in psutil.Process().children() if p.name() == "pulumi"] == []
