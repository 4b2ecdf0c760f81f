"""Hearing that another process has put something into the outbox (PostgreSQL's LISTEN)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import URL

from .dialects import CHANNEL
from .effects import log

#: Seconds until the next try to connect, and between looks whether it is over.
_PAUSE: Final = 1.0


class Listener:
    """A thread that calls ``wake`` for each notice, with a connection of its own.

    It connects again when the connection is lost, and wakes then, for it may have missed some.
    """

    def __init__(self, url: URL, wake: Callable[[], None]) -> None:
        self._url = url
        self._wake = wake
        self._closing = threading.Event()
        work = self._await_notices if url.drivername.endswith("asyncpg") else self._read_notices
        self._thread = threading.Thread(
            target=self._work, args=(work,), name="paykit-listener", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._thread.join()

    def _work(self, listen: Callable[[str], None]) -> None:
        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        while not self._closing.is_set():
            try:
                listen(address)
            except Exception as error:  # noqa: BLE001 - whatever the driver raises: connect again
                log.warning("not listening to the database: %s", type(error).__name__)
                self._closing.wait(_PAUSE)

    def _read_notices(self, address: str) -> None:
        import psycopg

        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self._wake()
            while not self._closing.is_set():
                for _notice in connection.notifies(timeout=_PAUSE, stop_after=1):
                    self._wake()

    def _await_notices(self, address: str) -> None:
        import asyncpg  # type: ignore[import-untyped]

        async def listen() -> None:
            connection: Any = await asyncpg.connect(address)
            try:
                await connection.add_listener(CHANNEL, lambda *_: self._wake())
                self._wake()
                while not self._closing.is_set() and not connection.is_closed():
                    await asyncio.to_thread(self._closing.wait, _PAUSE)
            finally:
                await connection.close(timeout=_PAUSE)

        asyncio.run(listen())
