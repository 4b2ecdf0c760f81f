"""Telling other processes over a bus what this one has changed, in a thread that may hang."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Final

from .changes import ChangeBus, Changed, dump
from .effects import log

#: What waits for a bus that hangs; beyond that the oldest are dropped, and read again by others.
_WAITING: Final = 10_000
#: Seconds that closing waits for the last ones to be told.
_CLOSE_SECONDS: Final = 5.0


class Teller:
    """Tells a bus of changes. Nobody waits for it: what it loses, others see a little later."""

    def __init__(self, bus: ChangeBus) -> None:
        self._bus = bus
        self._waiting: dict[Changed, None] = {}
        self._guard = threading.Lock()
        self._awake = threading.Event()
        self._is_over = False
        self._thread: threading.Thread | None = None

    def tell(self, changed: Collection[Changed]) -> None:
        """Tell of these soon; one that waits already is told once."""
        with self._guard:
            self._waiting |= dict.fromkeys(changed)
            while len(self._waiting) > _WAITING:
                del self._waiting[next(iter(self._waiting))]
            if self._thread is None and not self._is_over:
                self._thread = threading.Thread(
                    target=self._work, name="paykit-teller", daemon=True
                )
                self._thread.start()
        self._awake.set()

    def close(self) -> None:
        """Tell what is left, unless the bus hangs."""
        with self._guard:
            self._is_over = True
        self._awake.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)

    def _work(self) -> None:
        while True:
            self._awake.wait()
            self._awake.clear()
            with self._guard:
                told, self._waiting = self._waiting, {}
                is_over = self._is_over
            try:
                for text in dump(told):
                    self._bus.publish(text)
            except Exception as error:  # noqa: BLE001 - others read it themselves, a little later
                name = type(error).__name__
                log.warning("could not tell other processes of changes: %s", name)
            if is_over:
                return
