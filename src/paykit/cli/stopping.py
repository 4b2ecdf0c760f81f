"""Ending a process that runs until it is told to stop: SIGTERM, or Ctrl-C."""

from __future__ import annotations

import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether it is time to stop. The second signal ends the process at once."""

    def __init__(self) -> None:
        # Unlike an Event it may be used by the handler while the main thread is in it.
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._is_told = False

    def wait(self, longest: timedelta | None = None) -> bool:
        """Wait until it is time, or so long; whether it is time."""
        if not self._is_told:
            try:
                self._told.get(timeout=None if longest is None else longest.total_seconds())
            except queue.Empty:
                return False
            self._is_told = True
        return True

    def tell(self, number: int, _frame: object) -> None:
        """It is time. For signals."""
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        self._told.put(number)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Let signals tell a :class:`Stop` for a while. For the main thread."""
    stop = Stop()
    before = {number: signal.signal(number, stop.tell) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
