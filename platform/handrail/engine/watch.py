"""What a cluster says while the engine waits for it: each thing once, beside the engine's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from threading import Event, Thread
from types import TracebackType
from typing import Self

from handrail.core.selection import Target

News = Callable[[Target], Iterable[str]]
"""What is known to be wrong with a stack's workloads now, a sentence each; it raises nothing."""
_SECONDS = 5
_PATIENCE = 30  # a cluster that does not answer is given up by then


def watching(news: News | None, target: Target, say: Callable[[str], None]) -> AbstractContextManager[object]:
    """A watch over a stack that is deployed to a cluster; over any other, none."""
    return Watch(lambda: news(target), say) if news and target.live else nullcontext()


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
