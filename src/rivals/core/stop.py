"""Stop: SIGINT and SIGTERM ask a run to end after its round; it is saved before the process leaves."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rivals.core.ranks import launch_key


class Stopped(SystemExit):
    """A signal ended the run after a round, and it is saved; the code is 130 (SIGINT) or 143 (SIGTERM)."""


@contextmanager
def listening(ask: Callable[[int], None]) -> Iterator[None]:
    """Within, the first SIGINT or SIGTERM calls `ask` with its number; another SIGINT ends the process at once."""
    since: float | None = None

    def stop(number: int, frame: object) -> None:
        nonlocal since
        # torchrun passes a Ctrl-C on that the terminal has sent already: within a second that is no other one.
        if since is not None and number == signal.SIGINT and (not launch_key() or time.monotonic() - since > 1):
            os._exit(128 + number)
        since = time.monotonic() if since is None else since
        ask(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
