"""Hearing what other processes tell through PostgreSQL (LISTEN)."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import URL

from .dialects import CHANNEL
from .effects import log

#: Seconds until the next try to connect.
_PAUSE: Final = 1.0
_CONNECT_SECONDS: Final = 5
#: Nothing is ever sent on such a connection, so it has to be asked whether it is still one.
_ASK_SECONDS: Final = 15
_KEEPALIVE: Final = {"keepalives_idle": _ASK_SECONDS, "keepalives_interval": 5}


class Listener:
    """A thread that calls ``hear`` with each notice's text, with a connection of its own.

    It connects again when the connection is lost, and calls ``hear`` with ``None`` then, for it may
    have missed some.
    """

    def __init__(
        self, url: URL, hear: Callable[[str | None], None], *, channel: str = CHANNEL
    ) -> None:
        #: As SQLAlchemy hands them to the driver, so a URL means the same here as there.
        self._arguments = dict(url.get_dialect()().create_connect_args(url)[1])
        self._hear = hear
        self._channel = channel
        self._closing = threading.Event()
        self._is_connected = False
        self._was_connected = True  # so that the first failure is told as well
        self._ring: Callable[[], object] = bool  # ends the present wait
        is_async = url.drivername.endswith("asyncpg")
        self._listen = self._await_notices if is_async else self._read_notices
        self._thread = threading.Thread(target=self._work, name="paykit-listener", daemon=True)
        self._thread.start()

    @property
    def is_heard(self) -> bool:
        """Whether notices come in now."""
        return self._is_connected

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        with contextlib.suppress(OSError, RuntimeError):  # it has just left, for it was told above
            self._ring()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                try:
                    self._listen()
                finally:
                    self._is_connected = False
            except Exception as error:  # noqa: BLE001 - whatever the driver raises: connect again
                if self._was_connected:  # once for each time that it is lost
                    name = type(error).__name__
                    log.warning("not listening to the database: %s", name, extra={"error": name})
                self._was_connected = False
                self._closing.wait(_PAUSE)

    def _is_listening(self) -> None:
        self._is_connected = self._was_connected = True
        self._hear(None)

    def _read_notices(self) -> None:
        import psycopg

        settings = {"connect_timeout": _CONNECT_SECONDS, **_KEEPALIVE, **self._arguments}
        bell, ear = socket.socketpair()
        with (
            bell,
            ear,
            psycopg.connect(**settings, autocommit=True) as connection,
            selectors.DefaultSelector() as selector,
        ):
            self._ring = lambda: bell.send(b"!")
            connection.execute(f"LISTEN {self._channel}")
            selector.register(ear, selectors.EVENT_READ)
            selector.register(connection.fileno(), selectors.EVENT_READ)
            self._is_listening()
            while not self._closing.is_set():
                selector.select()
                connection.pgconn.consume_input()
                for text in _take_notices(connection.pgconn):
                    self._hear(text)

    def _await_notices(self) -> None:
        asyncio.run(self._listen_on_loop())

    async def _listen_on_loop(self) -> None:
        import asyncpg  # type: ignore[import-untyped]

        ours = {name for name in self._arguments if name.startswith("prepared_statement_")}
        theirs = {name: self._arguments[name] for name in self._arguments.keys() - ours}
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self._ring = lambda: loop.call_soon_threadsafe(over.set)
        connection: Any = await asyncpg.connect(**{"timeout": _CONNECT_SECONDS, **theirs})
        try:
            connection.add_termination_listener(lambda _: over.set())
            await connection.add_listener(self._channel, lambda *told: self._hear(told[-1]))
            self._is_listening()
            while not self._closing.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), _ASK_SECONDS)
                if not self._closing.is_set():
                    over.clear()
                    await connection.execute("SELECT 1", timeout=_CONNECT_SECONDS)
        finally:
            await connection.close(timeout=_PAUSE)


def _take_notices(connection: Any) -> Iterator[str]:
    """The texts of the notices that have arrived."""
    while (notice := connection.notifies()) is not None:
        yield notice.extra.decode()
