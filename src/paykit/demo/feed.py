"""What the events page shows: everything that went over the bus, the last few hundred."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import attrs

from ..events import PaymentProcessed
from ..provider import Clock
from .bus import Bus
from .messages import OrderEvent

_KEPT: Final = 300


@attrs.frozen(slots=True, kw_only=True)
class Entry:
    """One event as it was seen, under a running number."""

    number: int
    at: datetime
    name: str
    event_id: str
    order_id: str | None
    payment_id: str | None
    provider: str | None
    status: str | None
    amount: str | None
    card: str | None
    data: dict[str, Any]

    @property
    def pretty(self) -> str:
        """The event's JSON, for people."""
        return json.dumps(self.data, ensure_ascii=False, indent=2)


class Feed:
    """A listener that keeps what it hears, in memory only."""

    def __init__(self, bus: Bus, *, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._count = 0
        bus.subscribe(PaymentProcessed, self.on_payment)
        bus.subscribe(OrderEvent, self.on_order)

    def after(self, number: int) -> list[Entry]:
        """The entries behind ``number``, the newest first."""
        return [entry for entry in self if entry.number > number]

    def __iter__(self) -> Iterator[Entry]:
        """All entries, the newest first."""
        return reversed(self._entries)

    def on_payment(self, event: PaymentProcessed) -> None:
        """Note a payment event, in the form in which a broker would get it."""
        self._add(
            name="PaymentProcessed",
            event_id=event.event_id,
            order_id=event.order_id,
            payment_id=event.payment_id,
            provider=event.provider,
            status=event.status.value,
            amount=event.amount.format(),
            card=None,
            data=event.to_cloudevent(source="//shop.example/payments"),
        )

    def on_order(self, event: OrderEvent) -> None:
        """Note one of the shop's own events."""
        self._add(
            name=type(event).__name__,
            event_id=event.event_id,
            order_id=event.order_id,
            payment_id=event.payment_id,
            provider=None,
            status=None,
            amount=None,
            card=getattr(event, "card", None),
            data=event.to_json(),
        )

    def _add(self, **values: Any) -> None:
        self._count += 1
        self._entries.append(Entry(number=self._count, at=self._clock(), **values))
