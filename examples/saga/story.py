"""Tells what happens to each order, lets the customers act, and compares the ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final

import attrs

from paykit import Money, PaymentProcessed

from .brokers import Bus
from .customers import Customer, visit_momo
from .messages import (
    CheckoutSubmitted,
    CustomerNotified,
    Event,
    OrderCanceled,
    OrderHeld,
    OrderPlaced,
    OrderShipped,
    PaymentStarted,
    from_cloudevent,
    to_cloudevent,
)

TOPICS: Final = ("checkouts", "orders", "payments", "stock", "shipping", "notices")
#: What a customer has to be told by then, in whatever order.
_LAST_WORDS: Final = {
    "shipped": ("Thank you", "Your parcel"),
    "canceled": ("We are sorry",),
    "refunded": ("Your money",),
}
#: What all but the first event of a payment follow from.
_SECOND: Final = (".StockReserved", ".OutOfStock", ".PaymentNotNeeded")
_ENDS: Final[dict[type[Event], str]] = {
    OrderShipped: "shipped",
    OrderCanceled: "canceled",
    OrderHeld: "held",
}


@attrs.define(kw_only=True)
class Chapter:
    """What is known of one order."""

    customer: Customer
    order: str = "placed"
    payment: str = "none"
    parcels: list[str] = attrs.field(factory=list)
    mails: list[str] = attrs.field(factory=list)
    pay_at: str = ""
    visited: bool = False
    untold: list[Event] = attrs.field(factory=list)
    told: set[str] = attrs.field(factory=set)

    @property
    def ended(self) -> bool:
        """Whether all is as it has to be."""
        customer = self.customer
        right = (self.order, self.payment) == (customer.order, customer.payment)
        told = all(
            any(mail.startswith(words) for mail in self.mails)
            for state, all_words in _LAST_WORDS.items()
            if state in (customer.order, customer.payment)
            for words in all_words
        )
        return right and told and len(self.parcels) == (customer.order == "shipped")

    def follows(self, event: Event) -> bool:
        """Whether what ``event`` follows from was told."""
        if isinstance(event, PaymentProcessed):
            causes = _SECOND if (event.sequence or 1) > 1 else (".OrderPlaced",)
            return any(told.endswith(causes) for told in self.told)
        cause, _, _ = event.event_id.rpartition(".")
        return cause in self.told or cause == event.order_id


class Story:
    """Listens to all topics. It hears of repeats, too, and counts each event once."""

    def __init__(self, customers: Mapping[str, Customer], *, quiet: bool = False) -> None:
        self.chapters = {
            order_id: Chapter(customer=customer) for order_id, customer in customers.items()
        }
        self.heard: dict[str, dict[str, Any]] = {}  #: the CloudEvents by their id
        self._quiet = quiet
        self._began = time.monotonic()
        self._news = asyncio.Event()

    async def tell(self, bus: Bus, *, patience: float) -> bool:
        """Send the customers shopping; whether all orders ended as they have to, in time."""
        await bus.start("story", reads=TOPICS, writes="checkouts", handle=self.hear)
        for order_id, chapter in self.chapters.items():
            checkout = chapter.customer.checkout(order_id)
            body = json.dumps(to_cloudevent(checkout, source="//shop.example/website")).encode()
            await bus.publish("checkouts", key=order_id, body=body)
        try:
            async with asyncio.timeout(patience):
                while not self.ended:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        return self.ended

    @property
    def ended(self) -> bool:
        """Whether all orders have."""
        return all(chapter.ended for chapter in self.chapters.values())

    async def hear(self, message: dict[str, Any]) -> None:
        """Take in one event."""
        event = from_cloudevent(message)
        chapter = self.chapters.get((event.order_id if event else None) or "")
        if event is None or chapter is None or event.event_id in self.heard:
            return
        self.heard[event.event_id] = message
        self._note(chapter, event)
        chapter.untold.append(event)
        self._tell_what_is_due(chapter)
        if chapter.pay_at and not chapter.visited and _wants_to_pay(chapter):
            chapter.visited = True
            await visit_momo(chapter.pay_at, chapter.customer.at_momo)
        self._news.set()

    def _tell_what_is_due(self, chapter: Chapter) -> None:
        """Print what follows from what is printed: topics are not in order among each other."""
        while due := next(filter(chapter.follows, chapter.untold), None):
            chapter.untold.remove(due)
            chapter.told.add(due.event_id)
            self._print(due)

    def _print(self, event: Event) -> None:
        if not self._quiet:
            after = time.monotonic() - self._began
            sender = self.heard[event.event_id]["source"].rpartition("/")[2]
            kind = type(event).__name__
            line = f"{after:6.2f} s  {event.order_id:<10} {sender:<13}{kind:<18} {_details(event)}"
            print(line.rstrip(), flush=True)

    @staticmethod
    def _note(chapter: Chapter, event: Event) -> None:
        chapter.order = _ENDS.get(type(event), chapter.order)
        match event:
            case PaymentProcessed():
                chapter.payment = event.status.value
            case PaymentStarted():
                chapter.pay_at = event.pay_at
            case OrderShipped():
                chapter.parcels.append(event.tracking)
            case CustomerNotified():
                chapter.mails.append(event.text)

    def table(self) -> str:
        """The ends of all orders."""
        lines = [("order", "what happened", "order is", "payment is", "parcel", "")]
        for order_id, chapter in self.chapters.items():
            parcel = ", ".join(chapter.parcels) or "-"
            lines.append(
                (
                    order_id,
                    chapter.customer.about,
                    chapter.order,
                    chapter.payment,
                    parcel,
                    "ok" if chapter.ended else "NOT YET",
                )
            )
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def _wants_to_pay(chapter: Chapter) -> bool:
    return not chapter.customer.late or chapter.order == "canceled"


def _details(event: Event) -> str:
    match event:
        case PaymentProcessed():
            given_back = f", {event.refunded.format()} given back" if event.refunded else ""
            taken = f", {event.captured.format()} taken" if event.captured else ""
            reason = f" ({event.reason})" if event.reason else ""
            return f"{event.status}{reason}{taken}{given_back}"
        case CheckoutSubmitted():
            return f"{event.quantity} {event.product}, by {event.pay_by}"
        case OrderPlaced():
            return Money(event.minor, event.currency).format()
        case OrderCanceled():
            return event.reason
        case OrderShipped():
            return event.tracking
        case CustomerNotified():
            return event.text.partition(": http")[0]
    return ""
