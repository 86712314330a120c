"""An event loop that answers the SDK's requests where they are made, without a thread in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Elsewhere(BaseException):
    """Raised by the monitor when a request needs the loop itself to run: answer it on a thread."""


class Loop(asyncio.SelectorEventLoop):
    """The loop of the program. Only calls that the SDK makes to the monitor are answered at once.

    What the program itself sends to a thread goes to a thread.
    """

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As the base class, save for the SDK's calls to the monitor."""
        if executor is None and getattr(func, "__module__", "").startswith("pulumi.runtime."):
            future = self.create_future()
            try:
                future.set_result(func(*args))
            except Elsewhere:
                pass
            except Exception as error:  # the SDK awaits the future, and gets it there
                future.set_exception(error)
                return future
            else:
                return future
        return super().run_in_executor(executor, func, *args)
