"""What all services have in common: a small database, an inbox, an outbox, and the broker.

An event is handled in one transaction: its id goes into the inbox, its effect into the service's
tables, and what follows from it into the outbox. So a repeat has no effect, and a crash at any
moment loses nothing: before the commit the broker brings the event again, after it the outbox
knows what is still to be published.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, ClassVar, Final

from .brokers import Bus, connect, log
from .messages import Event, ShopEvent, from_cloudevent, to_cloudevent
from .settings import Settings

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS inbox (event_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL,
    body TEXT NOT NULL, published INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS unpublished ON outbox (number) WHERE NOT published;
"""
#: Seconds until a failure is tried again.
_PAUSE: Final = 1.0


class Party(ABC):
    """One service of the saga. It reads the topics ``reads`` and writes the topic ``writes``."""

    name: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    writes: ClassVar[str]
    tables: ClassVar[str] = ""

    def __init__(self, settings: Settings, bus: Bus | None = None) -> None:
        self.settings = settings
        self.bus = bus or connect(settings)
        path = settings.folder / f"{self.name}.db"
        self.db = sqlite3.connect(path, isolation_level=None)  # we say where transactions begin
        self.db.row_factory = sqlite3.Row
        self.db.executescript(_TABLES + self.tables)
        self._news = asyncio.Event()

    @abstractmethod
    def handle(self, event: Event) -> Iterable[ShopEvent]:
        """The effect of ``event``, and what follows from it; called inside a transaction."""

    async def act(self, event: Event) -> Iterable[ShopEvent]:  # noqa: ARG002 - most do nothing here
        """Calls to others because of ``event``, before the transaction.

        They may be repeated after a crash, so they must have the same effect once and twice.
        """
        return ()

    def background(self) -> Iterable[Coroutine[Any, Any, None]]:
        """What the service does besides handling events."""
        return (self._relay_forever(),)

    async def receive(self, message: dict[str, Any]) -> None:
        """Handle a message of the broker, which acknowledges it when this returns."""
        try:
            event = from_cloudevent(message)
            if event is not None and not self._known(event):
                await self._take_in(event)
        except Exception:
            await asyncio.sleep(_PAUSE)  # or else the broker would bring it again at once
            raise

    async def _take_in(self, event: Event) -> None:
        follow = [*await self.act(event)]
        with self.transaction():
            if not self._known(event):  # another copy may have been quicker meanwhile
                self.db.execute("INSERT INTO inbox VALUES (?)", (event.event_id,))
                self.say(*follow, *self.handle(event))

    def say(self, *events: ShopEvent) -> None:
        """Put events into the outbox; inside a transaction."""
        for event in events:
            body = json.dumps(to_cloudevent(event, source=f"//shop.example/{self.name}"))
            self.db.execute(
                "INSERT OR IGNORE INTO outbox (event_id, order_id, body) VALUES (?, ?, ?)",
                (event.event_id, event.order_id, body),
            )
        self._news.set()

    async def relay(self) -> None:
        """Publish what is in the outbox, in its order; the broker has it when it is marked."""
        waiting = self.db.execute(
            "SELECT number, order_id, body FROM outbox WHERE NOT published ORDER BY number"
        )
        for number, order_id, body in waiting.fetchall():
            await self.bus.publish(self.writes, key=order_id, body=body.encode())
            self.db.execute("UPDATE outbox SET published = 1 WHERE number = ?", (number,))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        with self.db:
            yield

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Handle events and publish until the block is left."""
        await self.bus.start(self.name, reads=self.reads, writes=self.writes, handle=self.receive)
        tasks = [asyncio.create_task(work) for work in self.background()]
        print(self.name, "is ready", flush=True)
        try:
            yield
        finally:
            await self.bus.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.db.close()

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with self.running():
            await stop.wait()

    @classmethod
    def main(cls) -> None:
        """Run as a process of its own."""

        async def run() -> None:
            await cls(Settings.from_environment()).run()

        asyncio.run(run())

    def _known(self, event: Event) -> bool:
        found = self.db.execute("SELECT 1 FROM inbox WHERE event_id = ?", (event.event_id,))
        return found.fetchone() is not None

    async def _relay_forever(self) -> None:
        while True:
            self._news.clear()
            try:
                await self.relay()
            except Exception:  # noqa: BLE001 - whatever it is, the outbox keeps the rest
                log.warning("%s: the broker did not take it yet", self.name, exc_info=True)
                await asyncio.sleep(_PAUSE)
            else:
                await self._news.wait()
