"""Runs the program as Pulumi's Python language host does, with the recording monitor in place of the engine."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from . import failures, limits, private
from .channel import Channel


def main(arguments: str) -> None:
    """Run the program that the parent describes, and end the process.

    Args:
        arguments: a JSON mapping: fd, parent, project, stack, organization, program, root, homes,
            places, memory, refuses.
    """
    given = json.loads(arguments)
    limits.die_with_parent(given["parent"])
    channel = Channel(given["fd"])
    program = Path(given["program"])
    # before any thread starts: it binds this one, and those that come of it
    directories = [program if program.is_dir() else program.parent, Path(given["root"])]
    private.shut(map(Path, given["homes"]), map(Path, given["places"]), directories)
    limits.refuse_network(lambda target: channel.unseen("network", target))
    limits.bound_memory(given["memory"])
    try:
        failure = _run(given, program, channel)
    except MemoryError:
        limits.lift_memory()
        failure = {"kind": "memory", "message": "the program needed too much memory"}
    except BaseException as error:
        limits.lift_memory()
        failure = failures.describe(error, program)
    if failure is not None:
        channel.send("failure", failure)
    channel.send("hidden", sorted(channel.hidden))
    channel.send("end")
    channel.flush()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Everything is said; taking thousands of resources apart would only cost time.
    os._exit(0)


def _run(given: dict[str, Any], program: Path, channel: Channel) -> dict[str, Any] | None:
    """What went wrong, or None."""
    try:
        import pulumi
        import pulumi.runtime
    except ModuleNotFoundError as error:
        if error.name != "pulumi":
            raise
        return {
            "message": "the Pulumi SDK is not installed in the program's environment",
            "remedy": f"install pulumi there ({sys.executable}), or name the environment that has it",
        }
    from .engine import Engine
    from .loop import Loop
    from .monitor import Monitor
    from .positions import Positions

    config = pulumi.runtime.get_config_env()
    pulumi.runtime.set_all_config(config, pulumi.runtime.get_config_secret_keys_env())
    monitor = Monitor(channel, given["project"], given["stack"], config, refuses=given["refuses"])
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=monitor,
            engine=Engine(channel),
            project=given["project"],
            stack=given["stack"],
            parallel=16,
            dry_run=True,
            organization=given["organization"],
            root_directory=given["root"],
        )
    )
    Positions(program if program.is_dir() else program.parent, Path(given["root"])).install()
    sys.argv = [str(program)]
    loop = Loop()
    asyncio.set_event_loop(loop)
    # As the language host: the SDK leaves futures unobserved when a program fails.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    # A program's resources live until its end, so looking for garbage among them is work for nothing.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _execute(program)))
    except MemoryError:
        raise
    except SystemExit as error:
        return monitor.failure or _exited(error)
    except pulumi.RunError as error:
        return monitor.failure or {"message": str(error)}
    except BaseException as error:
        return monitor.failure or failures.describe(error, program)
    return monitor.failure


def _execute(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def _exited(error: SystemExit) -> dict[str, Any] | None:
    """As the language host sees it: leaving with 0 is success."""
    if error.code is None or error.code == 0:
        return None
    text = f"with exit code {error.code}" if isinstance(error.code, int) else f"saying: {error.code}"
    return {"message": f"the program ended itself {text}", "remedy": "see what it printed"}
