"""What every test needs of the process that runs it."""

import signal


def pytest_configure() -> None:
    """A shell has its background jobs ignore Ctrl-C, and what they start inherits that: some tests send one."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
