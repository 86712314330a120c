"""Many stacks at once: waves, one failing stack, interrupts; and what a killed engine leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest
from e2e.spine.faults import STATE, engine_of, heeds, locks, marked, rendered, started, state_file, until, written
from e2e.spine.little import acme_copy, deployed
from spine import Checkout, stable

pytestmark = pytest.mark.engine
__all__ = ["acme_copy", "deployed"]


def test_a_selection_is_deployed_in_waves_and_removed_backwards(acme_copy: Callable[[], Checkout]) -> None:
    """The same files and state as one at a time; the summary names each stack; a second time nothing changes."""
    together, apart = acme_copy(), acme_copy()
    said = together.handrail("up", "--yes", "--environment", "staging").stderr
    assert said.index("platform-staging") < said.index("fraud-staging")
    assert "up: 6 of 6" in said
    for stack in ("platform-staging", "fraud-staging"):
        apart.handrail("up", "--yes", stack)
        assert together.manifests(stack) == apart.manifests(stack)
        assert stable(together.state(stack)) == stable(apart.state(stack))
    assert "unchanged" in together.handrail("up", "--yes", "*-staging").stderr
    removed = together.handrail("destroy", "--yes", "--environment", "staging").stderr
    assert "destroy: 6 of 6" in removed
    assert removed.index("platform-staging") > removed.index("fraud-staging")
    assert together.manifests("fraud-staging") == {}


def test_one_failing_stack_stops_no_other(acme_copy: Callable[[], Checkout]) -> None:
    """Its whole reason stands at the end; the exit code is 1."""
    copy = acme_copy()
    file = copy.root / "stacks/acme/fraud/workloads.yaml"
    file.write_text(file.read_text().replace("accelerator: l4", "accelerator: l5", 1))
    done = copy.handrail("up", "--yes", "payments-dev", "fraud-dev", "churn-dev", ok=False)
    assert done.returncode == 1
    assert "up: 2 of 3" in done.stderr
    assert "stack fraud-dev failed" in done.stderr
    assert "endpoints.fraud-scorer.accelerator: is no accelerator of the organisation" in done.stderr
    assert "Traceback" not in done.stderr
    assert copy.manifests("payments-dev")
    assert copy.manifests("churn-dev")


@pytest.mark.parametrize("selection", [("payments-dev",), ("--team", "payments")], ids=["alone", "with others"])
def test_an_interrupt_ends_every_engine_in_good_order(
    selection: tuple[str, ...], acme_copy: Callable[[], Checkout]
) -> None:
    """Sent to `handrail` alone, as CI does: exit code 130, no process and no lock left; the next one completes."""
    copy = acme_copy()
    with started(copy, "up", "--yes", *selection) as process:
        until(lambda: heeds(copy, "payments-dev"))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    until(lambda: marked(copy) == [])
    assert not [lock for environment in ("dev", "staging", "prod") for lock in locks(copy, f"payments-{environment}")]
    copy.handrail("up", "--yes", *selection)


@pytest.mark.parametrize("moment", ["before the first step", "in a create", "in a checkpoint"])
def test_after_a_kill_the_next_up_completes(moment: str, acme_copy: Callable[[], Checkout], deployed: Checkout) -> None:
    """Its dead lock is removed and said so, its plugins are ended, and the end is as if nothing had been."""
    copy = acme_copy()
    reached: dict[str, Callable[[], object]] = {
        "before the first step": lambda: locks(copy, "platform-dev"),
        "in a create": lambda: rendered(copy, "platform-dev"),
        "in a checkpoint": lambda: "pending_operations" in written(copy, "platform-dev"),
    }
    with started(copy, "up", "--yes", "platform-dev") as process:
        until(reached[moment])
        engine_of(copy).kill()
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "was killed" in said
    assert "run it again: what was begun goes on (handrail up platform-dev)" in said
    again = copy.handrail("up", "--yes", "platform-dev")
    assert "removed the lock of process" in again.stderr
    until(lambda: marked(copy) == [])
    assert copy.manifests("platform-dev") == deployed.manifests("platform-dev")
    assert stable(copy.state("platform-dev")) == stable(deployed.state("platform-dev"))


def test_a_killed_removal_goes_on(acme_copy: Callable[[], Checkout]) -> None:
    """Killed in a delete; the next one removes the rest."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "platform-dev")
    whole = len(rendered(copy, "platform-dev"))
    with started(copy, "destroy", "--yes", "platform-dev") as process:
        until(lambda: len(rendered(copy, "platform-dev")) < whole)
        engine_of(copy).kill()
        process.communicate(timeout=120)
    assert "removed the lock of process" in copy.handrail("destroy", "--yes", "platform-dev").stderr
    assert copy.manifests("platform-dev") == {}
    assert [r for r in copy.state("platform-dev") if r["type"].startswith("kubernetes:")] == []


def test_half_a_checkpoint_is_replaced_by_the_one_before(acme_copy: Callable[[], Checkout], deployed: Checkout) -> None:
    """As a kill in the writing of one leaves it, beside a dead lock; without such a lock it is nobody's to mend."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "payments-dev")
    state = state_file(copy, "payments-dev")
    half = state.read_text()[:1000]
    state.write_text(half)
    assert copy.handrail("up", "--yes", "payments-dev", ok=False).returncode == 1
    assert state.read_text() == half
    ended = subprocess.Popen(["true"])
    ended.wait()
    folder = copy.root / STATE / "locks/organization/acme/payments-dev"
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": ended.pid, "hostname": socket.gethostname(), "username": "x", "timestamp": "2020-01-01T00:00:00Z"}
    (folder / "dead.json").write_text(json.dumps(lock))
    said = copy.handrail("up", "--yes", "payments-dev").stderr
    assert f"removed the lock of process {ended.pid}" in said
    assert "the last checkpoint was written in part; the one before it is taken" in said
    assert state.with_name("payments-dev.json.broken").read_text() == half
    assert stable(copy.state("payments-dev")) == stable(deployed.state("payments-dev"))


def test_a_lock_that_somebody_holds_is_never_touched(acme_copy: Callable[[], Checkout]) -> None:
    """Of a living process, or of another machine: who holds it is said, and it stays."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "payments-dev")
    folder = copy.root / STATE / "locks/organization/acme/payments-dev"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "held.json"
    held = {"username": "mei", "timestamp": "2099-01-01T00:00:00Z"}
    for pid, host in ((os.getpid(), socket.gethostname()), (4_000_000, "elsewhere")):
        lock.write_text(json.dumps({**held, "pid": pid, "hostname": host}))
        for command in (("up", "--yes", "payments-dev"), ("up", "--yes", "payments-dev", "churn-dev")):
            done = copy.handrail(*command, ok=False)
            assert done.returncode == 1
            assert f"payments-dev is being deployed by process {pid} of mei on {host} since 2099" in done.stderr
        assert lock.exists()
    assert "`pulumi cancel --stack payments-dev`" in done.stderr
    lock.write_text("{")
    assert "the lock of stack payments-dev cannot be read" in copy.handrail("up", "-y", "payments-dev", ok=False).stderr


def test_a_second_up_says_who_holds_the_stack(acme_copy: Callable[[], Checkout]) -> None:
    """While the first goes on and completes."""
    copy = acme_copy()
    with started(copy, "up", "--yes", "platform-dev") as first:
        until(lambda: locks(copy, "platform-dev"))
        done = copy.handrail("up", "--yes", "platform-dev", ok=False)
        assert "stack platform-dev is being deployed by process" in done.stderr
        first.communicate(timeout=120)
        assert first.returncode == 0


@pytest.mark.parametrize("fault", ["no passphrase", "unwritable backend", "broken state"])
def test_a_fault_is_a_sentence_and_nothing_is_lost(fault: str, acme_copy: Callable[[], Checkout]) -> None:
    """What to do stands in it; mended, the same command completes."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "payments-dev", "churn-dev")
    state = state_file(copy, "payments-dev")
    whole = state.read_text()
    more: dict[str, str] = {}
    said = {
        "no passphrase": "export PULUMI_CONFIG_PASSPHRASE",
        "unwritable backend": "name another one in Pulumi.yaml's backend.url",
        "broken state": "restore it from .pulumi/backups",
    }
    if fault == "no passphrase":
        copy = Checkout(copy.root, {k: v for k, v in copy.environment.items() if k != "PULUMI_CONFIG_PASSPHRASE"})
    elif fault == "unwritable backend":
        more = {"PULUMI_BACKEND_URL": "file:///proc/no-folder?create_dir=true"}
    else:
        state.write_text(whole[: len(whole) // 2])
    command = [sys.executable, "-m", "handrail.cli", "up", "--yes", "payments-dev", "churn-dev"]
    done = copy.run(*command, ok=False, **more)
    assert done.returncode == 1, done.stderr
    assert said[fault] in done.stderr
    assert "Traceback" not in done.stderr
    assert "panic" not in done.stderr
    if fault == "broken state":
        state.write_text(whole)
    assert state.read_text() == whole
    mended = Checkout(copy.root, {**copy.environment, "PULUMI_CONFIG_PASSPHRASE": ""})
    assert "unchanged" in mended.handrail("up", "--yes", "payments-dev", "churn-dev").stderr
