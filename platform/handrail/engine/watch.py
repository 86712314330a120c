"""What a cluster says while the engine waits for it: each thing once, beside the engine's own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Self

from handrail.core.selection import Target
from handrail.engine.diagnostics import reasons


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a workload from being live now, as a sentence with what to do.

    Args:
        waits: it is no failure: the workload waits for its turn on shared hardware, and starts by itself.
    """

    workload: str
    text: str
    waits: bool = False


News = Callable[[Target], Iterable[Trouble]]
"""What is known to be wrong with a stack's workloads now; it raises nothing."""
_SECONDS = 5
_LATE = re.compile(r"'([^']+)' timed out waiting to be Ready")
_PATIENCE = 30  # a cluster that does not answer is given up by then


def watching(news: News | None, target: Target, say: Callable[[str], None]) -> AbstractContextManager[object]:
    """A watch over a stack that is deployed to a cluster; over any other, none."""
    return Watch(lambda: (each.text for each in news(target)), say) if news and target.live else nullcontext()


def queued(news: News | None, target: Target, said: str) -> list[str]:
    """The workloads that the engine gave up waiting for and that only wait for their turn; none where more went wrong.

    Args:
        said: the engine's diagnostics, each led by `error: `.
    """
    late = {found[1] if (found := _LATE.search(each)) else "" for each in reasons(said)}
    if not (news and target.live and late):
        return []
    return sorted(late) if late <= {each.workload for each in news(target) if each.waits} else []


def waiting(target: Target, workloads: Sequence[str]) -> str:
    """What to say of a stack that is deployed but for workloads that wait for their turn."""
    verb = "waits" if len(workloads) == 1 else "wait"
    return (
        f"{target.stack}: deployed; {', '.join(workloads)} {verb} for quota, which is no failure\n"
        f"    do:      wait; `handrail status {target.stack}` says when the turn has come"
    )


def settled(news: News | None, target: Target, code: int, said: str, say: Callable[[str], None]) -> int:
    """The exit code of a deployment: 0, and said so, where all that the engine gave up on only waits for its turn."""
    if code and (workloads := queued(news, target, said)):
        say(waiting(target, workloads))
        return 0
    return code


class Watch:
    """Asks for news every few seconds while something goes on.

    Args:
        ask: gives what is wrong now.
        say: told of each thing when it is seen first.
    """

    def __init__(self, ask: Callable[[], Iterable[str]], say: Callable[[str], None]) -> None:
        self._ask, self._say, self._over = ask, say, Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        # a question that is under way ends first: an interpreter that ends around its thread may crash
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        told: set[str] = set()
        while not self._over.wait(_SECONDS):
            for text in self._ask():
                if text not in told and not self._over.is_set():
                    told.add(text)
                    self._say(text)
