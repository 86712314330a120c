"""Alerts and recording rules, held to what promtool says of them: Prometheus' own checker and unit tester of rules.

check_rules([{"name": "checkout", "rules": [{"alert": "Down", "expr": "up == 0"}]}])
assert run_tests(groups, tests).returncode == 0
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from debian_tools import unpacked

PACKAGE = "prometheus"  # Debian's, which contains promtool


def check_rules(groups: Sequence[Mapping[str, Any]]) -> None:
    """Hold rule groups to Prometheus' own syntax.

    Raises:
        AssertionError: promtool refuses them; the message is its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        rules = _write(Path(folder, "rules.json"), {"groups": groups})
        run = _run(promtool(), "check", "rules", rules)
    if run.returncode != 0:
        raise AssertionError(f"promtool refuses the rules:\n{run.stdout}{run.stderr}")


def run_tests(
    groups: Sequence[Mapping[str, Any]], tests: Sequence[Mapping[str, Any]], evaluation_interval: str = "1m"
) -> subprocess.CompletedProcess[str]:
    """Evaluate rule groups over made-up series: 0 where every expectation of `tests` is met.

    Args:
        tests: the entries of `tests` in promtool's own file format.
    """
    with tempfile.TemporaryDirectory() as folder:
        rules = _write(Path(folder, "rules.json"), {"groups": groups})
        content = {"rule_files": [str(rules)], "evaluation_interval": evaluation_interval, "tests": tests}
        return _run(promtool(), "test", "rules", _write(Path(folder, "tests.json"), content))


@cache
def promtool() -> Path:
    """The promtool on PATH, else Debian's.

    Raises:
        RuntimeError: there is none, and none could be had.
    """
    return unpacked(PACKAGE, "promtool")


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)


def _write(file: Path, content: Mapping[str, Any]) -> Path:
    # JSON is YAML; indented, so that promtool's line numbers mean something.
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return file
