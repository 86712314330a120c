"""SIGKILL at any moment of a deployment or a removal: what comes after it is as if nothing had been."""

import random
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
from e2e.spine.faults import begin, equal, locks, marked, until
from fuzz.conftest import KILLS, SEED
from spine import Checkout

pytestmark = pytest.mark.engine
STACK = "platform-dev"
VICTIMS: dict[str, Callable[[str], bool]] = {
    "the engine": lambda name: name == "pulumi",
    "the provider": lambda name: name.startswith("pulumi-resour"),
    "engine, plugins and program": lambda _: True,
    "handrail": lambda _: False,
}


def test_after_random_kills_the_end_is_an_undisturbed_ones(
    acme_copy: Callable[[], Checkout], deployed: Checkout
) -> None:
    """Of the engine, of everything or of handrail itself; at times several in a row, at times one after a whole run."""
    chance = random.Random(SEED)
    copy = acme_copy()
    begun = time.monotonic()
    copy.handrail("up", "--yes", STACK)
    whole = time.monotonic() - begun
    kills = 0
    try:
        while kills < KILLS:
            command, moment = chance.choice(["up", "up", "destroy"]), chance.uniform(0.2, whole)
            victim = chance.choice(["the engine", *VICTIMS])
            if command == "up" and chance.random() < 0.5:
                copy.handrail("destroy", "--yes", STACK)  # so that there is something to create
            if not killed(copy, command, victim, moment):
                continue
            kills += 1
            told = f"kill {kills} of {KILLS}, HANDRAIL_SEED={SEED}: {victim}, {moment:.2f} s into {command}"
            print(told, flush=True)
            if chance.random() < 0.4 or kills == KILLS:
                done = copy.handrail("up", "--yes", STACK, ok=False)
                assert done.returncode == 0, f"{told}\n{done.stdout}\n{done.stderr}"
                equal(copy, deployed, STACK)
                assert not locks(copy, STACK), told
                until(lambda: marked(copy) == [])
    finally:
        for left in marked(copy):
            left.kill()


def killed(copy: Checkout, command: str, victim: str, moment: float) -> bool:
    """Begin a command and kill of it what is to be killed, or else handrail itself; False where it had ended before.

    What else it started is left alone: the next command finds it.
    """
    process = begin(copy, command, "--yes", STACK)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
            return False
        if victim in ("engine, plugins and program", "handrail"):
            process.kill()  # before the rest, or it starts more
        found = [each for each in marked(copy) if VICTIMS[victim](_name(each))]
        for each in found:
            with suppress(psutil.Error):
                each.kill()
        if not found:
            process.kill()
        process.wait(timeout=120)
        # an engine that lost its handrail goes on, and holds the stack until it has ended
        until(lambda: not any(_name(each) == "pulumi" for each in marked(copy)), 120)
        return True
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""
