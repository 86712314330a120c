"""How far each stack of a fleet is: live in a terminal, a line per stack elsewhere; and one summary."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from handrail.engine.fleet import Notice, Outcome


class Display:
    """The display of one command on many stacks."""

    def __init__(self, command: str, stacks: Sequence[str], console: Console | None = None) -> None:
        self._command = command
        self._console = console or Console(file=sys.stderr)
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.fields[stack]:<24}"), TextColumn("{task.description}", style="dim"),
            TimeElapsedColumn(), console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {
            stack: self._progress.add_task("waiting", stack=stack, total=None, visible=False) for stack in stacks
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def report(self, stack: str, news: str | Outcome) -> None:
        """A notice, a line of a stack's engine, or its end."""
        if isinstance(news, Notice):
            self._console.print(Text(news), soft_wrap=True)
        elif isinstance(news, Outcome):
            self._progress.update(self._tasks[stack], visible=False)
            if not self._console.is_terminal:  # a log has no display: it gets a line
                self._console.print(Text(f"{stack:<24}{_result(news)}  {news.seconds:.0f} s  {news.changes}"))
        elif news.strip():
            self._progress.update(self._tasks[stack], description=news.strip()[:70], visible=True)

    def summary(self, outcomes: Sequence[Outcome]) -> None:
        """How many succeeded; and, where no line per stack stands above, all in one table, those that failed last."""
        self._console.rule(f"{self._command}: {sum(each.code == 0 for each in outcomes)} of {len(outcomes)}")
        if not self._console.is_terminal:
            return
        table = Table(box=None, pad_edge=False)
        for head in ("stack", "result", "seconds", "changes"):
            table.add_column(head, header_style="dim")
        for outcome in sorted(outcomes, key=lambda each: (bool(each.code), each.stack)):
            style = "red" if outcome.code else "yellow" if outcome.code is None else ""
            table.add_row(
                outcome.stack, Text(_result(outcome), style=style), f"{outcome.seconds:.0f}", outcome.changes or ""
            )
        self._console.print(table)


def _result(outcome: Outcome) -> str:
    return "not begun" if outcome.code is None else "failed" if outcome.code else "done"
