"""`handrail status`: what each reader is told of rows, once and while they watch."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest
from live_objects import (
    IMAGE,
    NOW,
    STACKS,
    broken,
    deployed,
    ended,
    rolling,
    row,
    run_of,
    said,
    status,
    unplaced,
)
from rich.console import Console

from handrail.cli.status import Audience
from handrail.cluster import status_text
from handrail.cluster._failures import Cause, Failure
from handrail.cluster._model import Place, Row, State
from handrail.cluster._when import when
from handrail.cluster.status import rows
from handrail.core.errors import Problem
from handrail.personas._persona import personas

# What readers are told


def test_a_table_in_the_words_of_each_persona() -> None:
    """Their nouns and parts; Kubernetes' own for the platform engineer."""
    service, notebook = row("checkout", deployed("checkout")), row("explore", deployed("explore"))
    endpoint, job = row("fraud-scorer", deployed("fraud-scorer")), row("train", deployed("train"))
    text = said(status(service))
    assert "payments-dev  dev, cluster dev, 12:30:00 UTC" in text
    assert "checkout  service  live  2 of 2 replicas  2.7.1  100% of traffic  since 3 Mar 10:00" in text
    text = said(status(notebook, endpoint, job), "data-scientist")
    assert re.search(r"explore +notebook +live +1 of 1 JupyterLab +2\.1\.0 +since 3 Mar 10:00", text)
    assert re.search(r"fraud-scorer +endpoint +live +2 of 2 model server +models:/fraud-scorer/12 on 3\.4\.0", text)
    assert re.search(r"train +job +scheduled +0 2 \* \* \*; no run yet +2\.1\.0", text)
    text = said(status(service), "platform-engineer")
    assert f"checkout  Deployment  live  2/2  {IMAGE}:2.7.1  checkout=100  since 3 Mar 10:00" in text


def test_a_failure_stands_below_its_table() -> None:
    """With what to do; the platform engineer reads the cluster's own words; what is over is the last failure."""
    text = said(status(broken()))
    assert "2.7.1 → 2.8.0" in text
    assert (
        f"  checkout: {IMAGE}:2.8.0 is not in the registry\n      do:      push it, or name a tag that was pushed\n"
        in text
    )
    assert "  checkout: ImagePullBackOff: not found\n" in said(status(broken()), "platform-engineer")
    found = deployed("checkout")
    found["Pod"][0]["status"]["containerStatuses"][0] |= {"lastState": ended("OOMKilled", 137), "restartCount": 1}
    text = said(status(row("checkout", found)))
    assert "  checkout: last failure 3 March 12:29 UTC: it took more memory than the 1Gi that it may have" in text
    (extra,) = rows([], found, Place("payments-dev", "payments", "dev", "payments-dev"), NOW)
    assert "checkout: is deployed, and stands in no file: `handrail up` removes it" in said(status(extra))


def test_problems_and_notes_are_told() -> None:
    """With what to do."""
    text = said(status(note="nothing is known", problems=(Problem("no answer", remedy="look"),)))
    assert "  nothing is known\n  no answer\n      do:      look\n" in text
    assert "  no workloads\n" in said(status())


def gated() -> Row:
    """The next version waits in the queue."""
    found = rolling()
    unplaced(found["Pod"][-1], "Scheduling is blocked due to non-empty scheduling gates", "SchedulingGated")
    return row("checkout", found)


def test_a_product_manager_reads_sentences() -> None:
    """Live or not, where, which share, since when."""
    sentences = [
        (row("checkout", deployed("checkout")),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1."),
        (row("fraud-scorer", deployed("fraud-scorer")),
         "fraud-scorer is live in staging since 3 March 10:00 UTC, for use inside the company, version 3.4.0, version 12 of "
         "model fraud-scorer."),
        (broken(),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1; version 2.8.0 is to follow, but "
         "it cannot start: its version cannot be found."),
        (row("checkout", rolling()),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1; version 2.8.0 is to follow, and "
         "it is starting."),
        (gated(),
         "checkout is live in dev since 3 March 10:00 UTC, 100% of traffic, version 2.7.1; version 2.8.0 is to follow, and "
         "it waits for its turn on shared hardware."),
        (row("checkout", {}), "checkout is not in dev."),
        (row("train", deployed("train")), "train runs by itself in dev, on a schedule; it has not run yet."),
        (row("backfill-scores", deployed("backfill-scores")), "backfill-scores runs on demand in dev; it has not run yet."),
    ]  # fmt: skip
    for found, sentence in sentences:
        assert said(status(found), "product-manager") == f"{sentence}\n"


JARGON = re.compile(
    r"\b(pods?|replicas?|deployments?|containers?|nodes?|namespaces?|clusters?|kubernetes|kube\w*|registry|image|"
    r"statefulsets?|cron\w*|routes?|quota|crash\w*|oom\w*|gpu|accelerator|kubelet|api)\b",
    re.IGNORECASE,
)


def every_row() -> Iterator[Row]:
    """Rows of every state, and with every cause."""
    yield broken()
    yield row("checkout", deployed("checkout"))
    yield row("checkout", rolling())
    yield row("checkout", {})
    yield row("explore", deployed("explore"))
    yield row("train", run_of("train"))
    yield row("train", run_of("train", [{"type": "Failed", "status": "True"}]))
    for name in STACKS:
        base = row(name, deployed(name))
        for state in State:
            for cause in (None, *Cause):
                for ready in (0, 1, base.wanted):
                    failure = None if cause is None else Failure(cause, "m", "r", "R", "d", NOW)
                    yield Row(name, base.component, base.kind, base.place, state, ready, base.wanted, failure=failure)


def test_no_sentence_has_a_word_of_kubernetes() -> None:
    """Of any state, with any cause; and each is one sentence or two."""
    for found in every_row():
        sentence = status_text.sentence(found, NOW)
        assert not JARGON.search(sentence), sentence
        assert sentence.endswith(".")
        assert "  " not in sentence
        assert ": ." not in sentence


def test_every_row_can_be_told_to_everybody() -> None:
    """In any state, with any cause; no two personas in the same words for nothing."""
    found = status(*list(every_row())[::13])  # a thirteenth has every state, cause and kind
    for reader in Audience:
        assert said(found, reader)
    assert set(Audience) >= set(personas())
    assert json.loads(status_text.dumps([found]))


def test_years_and_days() -> None:
    """Another year is named."""
    moment = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    assert when(moment, NOW) == "31 December 2025 23:59 UTC"
    assert when(moment, NOW, short=True) == "31 Dec 2025 23:59"
    assert when(None, NOW) == ""


def test_json_has_it_all() -> None:
    """Times in UTC, causes by name."""
    (found,) = json.loads(status_text.dumps([status(broken())]))
    assert (found["stack"], found["environment"], found["well"], found["at"]) == (
        "payments-dev",
        "dev",
        False,
        "2026-03-03T12:30:00Z",
    )
    (shown,) = found["workloads"]
    assert (shown["state"], shown["version"], shown["next_version"], shown["since"]) == (
        "degraded", "2.7.1", "2.8.0", "2026-03-03T10:00:00Z"
    )  # fmt: skip
    assert (shown["failure"]["cause"], shown["failure"]["reason"]) == ("image", "ImagePullBackOff")


# Watching


def stop_after(rounds: int) -> Callable[[float], None]:
    """A pause that ends the watch."""
    left = [rounds]

    def pause(seconds: float) -> None:
        assert seconds == 2
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return pause


def test_a_watch_prints_each_change() -> None:
    """A line for what is new, changed or gone; nothing while nothing changes."""
    well, wrong = status(row("checkout", deployed("checkout"))), status(broken())
    states = iter([[well], [well], [wrong], [status(problems=(Problem("no answer"),))]])
    console = Console(file=StringIO(), width=200)
    with pytest.raises(KeyboardInterrupt):
        status_text.watch(lambda: next(states), console, None, stop_after(4))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "12:30:00 payments-dev  checkout, service, live, 2 of 2 replicas, 2.7.1, 100% of traffic, since 3 Mar 10:00",
        "12:30:00 payments-dev  checkout, service, degraded, 2 of 2 replicas, 2.7.1 → 2.8.0, 100% of traffic, "
        f"since 3 Mar 10:00, {IMAGE}:2.8.0 is not in the registry",
        "12:30:00 payments-dev  checkout is gone",
        "12:30:00 payments-dev  no answer",
    ]


def test_a_watch_draws_anew_in_a_terminal() -> None:
    """Until it is interrupted."""
    console = Console(file=StringIO(), width=120, force_terminal=True, legacy_windows=False)
    found = status(row("checkout", deployed("checkout")))
    with pytest.raises(KeyboardInterrupt):
        status_text.watch(lambda: [found], console, "product-manager", stop_after(2))
    assert "checkout is live in dev since" in console.file.getvalue()  # type: ignore[attr-defined]
