"""The language host ends what it started: when the engine is interrupted, and when it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handrail.engine import Engine

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(("sent", "limit_seconds"), [(signal.SIGINT, 15), (signal.SIGKILL, 40)])
def test_nothing_is_left_running(
    sent: signal.Signals, limit_seconds: int, engine: Engine, pulumi_home: Path, tmp_path: Path
) -> None:
    """Neither the program nor its language host; a killed engine cannot end them, so the host asks after it."""
    (tmp_path / "Pulumi.yaml").write_text(
        "name: slow\nruntime: {name: python, options: {virtualenv: .venv}}\n"
        "backend: {url: 'file://.state?create_dir=true'}\n"
    )
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "__main__.py").write_text(
        "import os, time\nopen('pids', 'w').write(f'{os.getpid()} {os.getppid()}\\n')\ntime.sleep(120)\n"
    )
    own = {"PULUMI_HOME": str(pulumi_home), "PULUMI_CONFIG_PASSPHRASE": "", "NO_COLOR": "1"}
    environment = engine.environment({**os.environ, **own})
    run = [str(engine.pulumi), "--cwd", str(tmp_path), "--non-interactive"]
    subprocess.run([*run, "stack", "init", "dev"], env=environment, check=True, capture_output=True)
    silent = subprocess.DEVNULL
    process = subprocess.Popen([*run, "preview", "--stack", "dev"], env=environment, stdout=silent, stderr=silent)
    pids = tmp_path / "pids"
    until(lambda: pids.exists() and pids.read_text().endswith("\n"), 30)
    process.send_signal(sent)
    process.wait(30)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids.read_text().split()), limit_seconds)


def until(condition: object, limit_seconds: float) -> None:
    """Wait for a condition; time out as a failure."""
    assert callable(condition)
    end = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < end, "still so after the limit"
        time.sleep(0.2)
