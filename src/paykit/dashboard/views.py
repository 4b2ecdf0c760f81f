"""What each page shows, read from the service."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import InvalidRequest
from ..models import PaymentStatus
from ..provider import Clock, Outcome
from ..service import (
    AsyncPaymentService,
    Command,
    InboxEntry,
    MovementEntry,
    OutboxEntry,
    PaymentService,
    Timeline,
)
from .pages import Pages
from .words import account_key

K = TypeVar("K", bound=StrEnum)

#: What is kept in the inbox ended in one of these ways.
_OUTCOMES: Final = (Outcome.ACCEPTED, Outcome.MISMATCH, Outcome.UNKNOWN_REFERENCE)
_A_LIST: Final = 100
_KINDS: Final = {
    InboxEntry: "fact",
    OutboxEntry: "event",
    Command: "command",
    MovementEntry: "movement",
}


class Views:
    """The pages, each one level below the mount, so that ``inbox`` leads from any to the inbox."""

    def __init__(
        self, service: AsyncPaymentService | PaymentService, pages: Pages, clock: Clock
    ) -> None:
        self._service = service
        self._pages = pages
        self._clock = clock

    def routes(self) -> list[Route]:
        """The addresses below the mount."""
        return [
            Route("/", self._payments),
            Route("/payment", self._payment),
            Route("/inbox", self._inbox),
            Route("/unmatched", self._unmatched),
            Route("/orphans", self._orphans),
            Route("/outbox", self._outbox),
            Route("/dead", self._dead),
            Route("/reconcile", self._reconcile),
        ]

    async def _payments(self, request: Request) -> Response:
        asked = request.query_params
        status = _choice(PaymentStatus, asked.get("status"))
        provider, search = asked.get("provider", ""), asked.get("search", "").strip()
        after = asked.get("after") or None
        page = await self._read(
            self._service.payments,
            status=status,
            provider=provider or None,
            search=search or None,
            after=after,
        )
        # A process that only shows what others do may have no accounts of its own.
        on_page = map(account_key, page.items)
        return await self._render(
            "payments.html",
            page=page,
            status=status,
            statuses=list(PaymentStatus),
            provider=provider,
            providers=sorted({*self._service.providers, *on_page, provider} - {""}),
            search=search,
            after=after,
        )

    async def _payment(self, request: Request) -> Response:
        payment_id = request.query_params.get("id", "")
        timeline: Timeline | None = await self._read(self._service.timeline, payment_id)
        if timeline is None:
            return self.message("There is no such payment", "Look for it by another id.", 404)
        record, entries = timeline.record, [moment.entry for moment in timeline.moments]
        events = [entry.sequence for entry in entries if isinstance(entry, OutboxEntry)]
        return await self._render(
            "payment.html",
            record=record,
            moments=[
                (record.created_at, "begin", record),
                *(
                    (moment.at, _KINDS[type(moment.entry)], moment.entry)
                    for moment in timeline.moments
                ),
            ],
            purged=min(events, default=record.sequence + 1) - 1,
        )

    async def _inbox(self, request: Request) -> Response:
        asked = request.query_params
        outcome, after = _choice(Outcome, asked.get("outcome")), asked.get("after") or None
        page = await self._read(self._service.inbox, outcome=outcome, after=after)
        return await self._render(
            "inbox.html", page=page, outcome=outcome, outcomes=_OUTCOMES, after=after
        )

    async def _unmatched(self, _request: Request) -> Response:
        transfers = await self._read(self._service.unmatched)
        return await self._render("unmatched.html", transfers=transfers)

    async def _orphans(self, _request: Request) -> Response:
        facts = await self._read(self._service.orphans)
        return await self._render("orphans.html", facts=facts)

    async def _outbox(self, _request: Request) -> Response:
        entries = await self._read(self._service.outbox, limit=_A_LIST)
        return await self._render("outbox.html", entries=entries, dead=False, most=_A_LIST)

    async def _dead(self, _request: Request) -> Response:
        entries = await self._read(self._service.outbox, dead=True, limit=_A_LIST)
        return await self._render("outbox.html", entries=entries, dead=True, most=_A_LIST)

    async def _reconcile(self, _request: Request) -> Response:
        given_up = await self._read(self._service.given_up)
        return await self._render(
            "reconcile.html",
            given_up=given_up[:_A_LIST],
            left=len(given_up),
            due=await self._read(self._service.due, limit=_A_LIST),
            most=_A_LIST,
        )

    # When there is nothing to show.

    def message(self, title: str, text: str, status: int) -> Response:
        """A page that only says something."""
        values = {"title": title, "text": text}
        return self._pages.render("message.html", values, now=self._clock(), status=status)

    async def _render(self, template: str, **values: Any) -> Response:
        # A page takes some milliseconds, in which other requests would have to wait.
        return await asyncio.to_thread(self._pages.render, template, values, now=self._clock())

    async def _read(self, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Ask the service, in a thread if it blocks."""
        if inspect.iscoroutinefunction(method):
            return await method(*args, **named)
        return await asyncio.to_thread(method, *args, **named)


def _choice(kind: type[K], text: str | None) -> K | None:
    """What was chosen from a list; raises :class:`InvalidRequest` for what is not in it."""
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise InvalidRequest(f"{text!r:.40} is none of them", field=kind.__name__) from None
