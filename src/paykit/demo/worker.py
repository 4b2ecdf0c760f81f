"""The payment worker: it takes held money once the goods are set aside, and else releases it.

Handlers on the bus only note what is to be done, in a table; a task does it. So a crash at any
moment loses nothing: what is not marked as done is done after the restart, and the payment service
sends it under the same idempotency key. The worker publishes nothing: what became of the money is
told by ``PaymentProcessed``, as always.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final, Protocol

from ..errors import (
    Declined,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    PaykitError,
    UnsupportedOperation,
)
from ..models import PaymentStatus
from ..service import PaymentRecord
from .bus import Bus
from .messages import HoldNotNeeded, OrderEvent, OutOfStock, StockReserved
from .order_store import connect

log = logging.getLogger("paykit.demo")

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS shop_holds (
    payment_id TEXT PRIMARY KEY, deed TEXT NOT NULL CHECK (deed IN ('capture', 'void')),
    done INTEGER NOT NULL DEFAULT 0
)
"""
#: Seconds until the next try after a failure: doubled each time, up to the longest.
_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
#: The same again would get the same answer: a person has to look.
_FINAL: Final = (Declined, IdempotencyConflict, InvalidRequest, NotFound, UnsupportedOperation)


class Holds(Protocol):
    """What the worker needs of the payment service."""

    async def status(self, payment_id: str) -> PaymentRecord | None:
        """The record of one payment."""
        ...

    async def capture(self, payment_id: str) -> object:
        """Take the held money."""
        ...

    async def void(self, payment_id: str) -> object:
        """Release the held money."""
        ...


class PaymentWorker:
    """Captures and voids, as one party of the saga."""

    def __init__(self, database: Path, bus: Bus, *, service: Holds) -> None:
        self._connection = connect(database)
        self._connection.execute(_TABLE)
        self._service = service
        self._wake = asyncio.Event()
        bus.subscribe(StockReserved, self.on_goods)
        bus.subscribe(OutOfStock, self.on_no_goods)
        bus.subscribe(HoldNotNeeded, self.on_no_goods)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def on_goods(self, event: OrderEvent) -> None:
        """Note that the money is to be taken."""
        self._note(event.payment_id, "capture")

    def on_no_goods(self, event: OrderEvent) -> None:
        """Note that the money is to be released."""
        self._note(event.payment_id, "void")

    async def work_forever(self) -> None:
        """Do what is noted until the task is canceled; first what an earlier run left."""
        pause = _PAUSE
        while True:
            self._wake.clear()
            if await self.work():
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _PAUSE
                await self._wake.wait()

    async def work(self) -> int:
        """Do what is noted, once; returns how much of it is left to be tried again."""
        waiting = self._connection.execute(
            "SELECT payment_id, deed FROM shop_holds WHERE NOT done ORDER BY rowid"
        ).fetchall()
        left = 0
        for payment_id, deed in waiting:
            if await self._do(payment_id, deed):
                self._connection.execute(
                    "UPDATE shop_holds SET done = 1 WHERE payment_id = ?", (payment_id,)
                )
            else:
                left += 1
        return left

    async def _do(self, payment_id: str, deed: str) -> bool:
        """Whether there is nothing left to do."""
        try:
            record = await self._service.status(payment_id)
            if record is None or record.status is not PaymentStatus.AUTHORIZED:
                return True  # nothing is held: it was done before, or the hold lapsed
            if deed == "capture":
                await self._service.capture(payment_id)
            else:
                await self._service.void(payment_id)
        except PaykitError as error:
            if isinstance(error, _FINAL) and not error.repeatable:
                log.error("the %s of %s was refused: %s", deed, payment_id, error)  # noqa: TRY400
                return True
            log.warning("the %s of %s will be tried again: %s", deed, payment_id, error)
            return False
        return True

    def _note(self, payment_id: str | None, deed: str) -> None:
        # The first word stands: money that is being taken is not released, nor the other way.
        self._connection.execute(
            "INSERT OR IGNORE INTO shop_holds (payment_id, deed) VALUES (?, ?)", (payment_id, deed)
        )
        self._wake.set()
