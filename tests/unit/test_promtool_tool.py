"""The checker of alerts that other tests use, and how it comes to a machine without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from promtool import check_rules, promtool, run_tests

GROUPS: list[dict[str, Any]] = [
    {
        "name": "checkout",
        "rules": [
            {"alert": "Down", "expr": 'up{job="checkout"} == 0', "for": "2m", "labels": {"severity": "page"}},
            {"alert": "Slow", "expr": 'latency_seconds{job="checkout"} > 1'},
        ],
    }
]
FIRING = {"exp_labels": {"severity": "page", "job": "checkout"}}


def scenario(down: list[dict[str, Any]], at: str = "5m") -> list[dict[str, Any]]:
    """Five minutes in which checkout is down and not slow, with what is expected of the alert Down."""
    return [
        {
            "interval": "1m",
            "input_series": [
                {"series": 'up{job="checkout"}', "values": "0x5"},
                {"series": 'latency_seconds{job="checkout"}', "values": "0.2x5"},
            ],
            "alert_rule_test": [
                {"eval_time": at, "alertname": "Down", "exp_alerts": down},
                {"eval_time": at, "alertname": "Slow", "exp_alerts": []},
            ],
        }
    ]


def script(file: Path, *lines: str) -> None:
    """A shell script in place of a program."""
    file.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    file.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, and an empty cache beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HANDRAIL_CACHE", str(tmp_path / "cache"))
    return folder


def test_one_alert_fires_and_one_does_not() -> None:
    """What is expected comes true."""
    check_rules(GROUPS)
    run = run_tests(GROUPS, scenario([FIRING]))
    assert run.returncode == 0, run.stdout + run.stderr


def test_an_alert_waits_for_its_time() -> None:
    """Down needs two minutes; the interval of evaluation decides when it is looked at."""
    assert run_tests(GROUPS, scenario([], at="1m")).returncode == 0
    assert run_tests(GROUPS, scenario([FIRING], at="2m")).returncode == 0
    assert run_tests(GROUPS, scenario([], at="3m"), evaluation_interval="4m").returncode == 0


@pytest.mark.parametrize("down", [[], [{"exp_labels": {"severity": "ticket", "job": "checkout"}}]])
def test_a_wrong_expectation_is_a_failure(down: list[dict[str, Any]]) -> None:
    """An alert too many or with other labels, and promtool says which."""
    run = run_tests(GROUPS, scenario(down))
    assert run.returncode != 0
    assert "alertname: Down" in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"alert": "Down", "expr": "up == "}, "could not parse expression"),
        ({"alert": "Down", "expr": "rate(up)"}, "could not parse expression"),
        ({"alert": "Down", "expr": "up == 0", "four": "5m"}, "field four not found"),
        ({"alert": "Down", "expr": "up == 0", "annotations": {"summary": "{{ $label.pod }}"}}, "undefined variable"),
    ],
)
def test_a_rule_that_prometheus_refuses(rule: dict[str, Any], message: str) -> None:
    """An expression, a field or a template that is none."""
    with pytest.raises(AssertionError, match=message):
        check_rules([{"name": "checkout", "rules": [rule]}])


def test_the_promtool_on_path_is_taken(programs: Path) -> None:
    """Nothing is downloaded where there is one."""
    script(programs / "promtool")
    assert promtool.__wrapped__() == programs / "promtool"


def test_missing_package_lists_are_fetched_once(programs: Path, tmp_path: Path) -> None:
    """The download is tried again after an update, and what it brings is found in the cache from then on."""
    script(
        programs / "apt-get",
        f'echo "$1" >> {tmp_path}/calls',
        f'if [ "$1" = update ]; then : > {tmp_path}/lists; exit; fi',
        f"[ -f {tmp_path}/lists ] && : > prometheus.deb",
    )
    script(
        programs / "dpkg-deb",
        'if [ "$1" = --field ]; then echo 2.42.0+ds-5; exit; fi',
        '/bin/mkdir -p "$3/usr/bin" && : > "$3/usr/bin/promtool"',
    )
    script(programs / "sudo", "shift", 'exec "$@"')
    expected = tmp_path / "cache" / "tools" / "promtool-2.42.0+ds-5" / "promtool"
    assert promtool.__wrapped__() == expected
    assert promtool.__wrapped__() == expected
    assert (tmp_path / "calls").read_text(encoding="utf-8").split() == ["download", "update", "download"]
    assert not list(expected.parents[1].glob("unfinished-*"))


def test_without_any_way_to_it_the_error_says_what_to_do(programs: Path) -> None:
    """A missing tool is never a skipped test."""
    with pytest.raises(RuntimeError, match="Install Debian's package prometheus") as caught:
        promtool.__wrapped__()
    assert str(caught.value).count("  - apt-get download prometheus: ") == 2
