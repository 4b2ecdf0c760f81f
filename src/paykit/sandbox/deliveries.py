"""Sending notices to the merchant: each with its provider's retry rule, all on record.

A notice is tried, judged by the merchant's answer, and tried again as the rule says. Every
delivery runs on its own, so that a slow merchant does not hold up the others. The record is kept
in memory and bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import attrs

from ..errors import PaykitError
from ..http import HttpRequest, HttpResponse
from .config import Clock
from .edge import remember
from .faults import Faults

Send: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponse]]
Sleep: TypeAlias = Callable[[float], Awaitable[None]]
State: TypeAlias = Literal["waiting", "delivered", "given up", "dropped"]

_SHOWN_BODY = 300


@attrs.frozen
class Verdict:
    """What a provider makes of the merchant's answer: settled, to be tried again, or neither."""

    settled: bool
    note: str
    again: bool = True  #: whether what is not settled is tried again


def _seconds(span: timedelta | float) -> float:
    return span.total_seconds() if isinstance(span, timedelta) else span


def _all_seconds(spans: Iterable[timedelta | float]) -> tuple[float, ...]:
    return tuple(map(_seconds, spans))


@attrs.frozen(kw_only=True)
class RetryRule:
    """``delays`` are the waits before each further attempt; ``timeout`` ends one attempt.

    The first attempt is made after ``wait`` seconds.
    """

    delays: tuple[float, ...] = attrs.field(converter=_all_seconds)
    timeout: float = attrs.field(converter=_seconds)
    judge: Callable[[HttpResponse], Verdict]
    wait: float = 0


@attrs.frozen(kw_only=True)
class Attempt:
    """One try: when, the HTTP status of the answer if there was one, and what came of it."""

    at: datetime
    status: int | None
    note: str
    settled: bool = False
    body: str = ""


@attrs.define(kw_only=True, eq=False)
class Delivery:
    """One notice on its way to the merchant."""

    id: str
    provider: str
    reference: str
    request: HttpRequest
    rule: RetryRule
    created_at: datetime
    #: Makes the request anew for each attempt, where the signature says when it was made.
    renew: Callable[[], HttpRequest] | None = None
    state: State = "waiting"
    attempts: list[Attempt] = attrs.field(factory=list)

    def to_json(self) -> dict[str, Any]:
        """The delivery as the admin interface shows it."""
        return {
            "id": self.id,
            "provider": self.provider,
            "reference": self.reference,
            "method": self.request.method,
            "url": self.request.url,
            "body": self.request.body.decode(),
            "state": self.state,
            "created_at": self.created_at.isoformat(),
            "attempts": [
                {
                    "at": attempt.at.isoformat(),
                    "status": attempt.status,
                    "note": attempt.note,
                    "settled": attempt.settled,
                    "body": attempt.body,
                }
                for attempt in self.attempts
            ],
        }


class Deliveries:
    """The queue. Nothing is sent before :meth:`start` or after :meth:`stop`, except by hand."""

    def __init__(
        self, send: Send, *, clock: Clock, faults: Faults, keep: int, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._send = send
        self._clock = clock
        self._faults = faults
        self._keep = keep
        self._sleep = sleep
        self._running = False
        self._count = 0
        self._log: dict[str, Delivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: What waits until a later notice has been sent.
        self._overtaken: list[Delivery] = []

    def __iter__(self) -> Iterator[Delivery]:
        """Every delivery on record, the newest first."""
        return reversed(self._log.values())

    def get(self, delivery_id: str) -> Delivery | None:
        """One delivery by its id."""
        return self._log.get(delivery_id)

    def enqueue(
        self,
        request: HttpRequest,
        *,
        provider: str,
        reference: str,
        rule: RetryRule,
        lost: bool = False,
        renew: Callable[[], HttpRequest] | None = None,
    ) -> None:
        """Take on a notice; the fault switches decide whether it is dropped, late or sent twice.

        A ``lost`` one is dropped whatever the switches say. ``renew`` makes the request anew for
        each attempt, where the signature says when it was made.
        """
        dropped = lost or self._faults.take("drop_next_ipn")
        overtaken = not dropped and self._faults.take("reorder_next_ipn")
        copies = 2 if not dropped and self._faults.take("duplicate_next_ipn") else 1
        for _ in range(copies):
            delivery = self._note(
                request,
                provider=provider,
                reference=reference,
                rule=rule,
                state="dropped" if dropped else "waiting",
                renew=renew,
            )
            if overtaken:
                self._overtaken.append(delivery)
            elif self._running and not dropped:
                self._spawn(delivery)
        if not (overtaken or dropped):
            self._let_go()

    async def send_now(
        self, request: HttpRequest, *, provider: str, reference: str, rule: RetryRule
    ) -> Attempt:
        """Send a call once, and say what came of it; no fault touches it, and it is not retried."""
        delivery = self._note(
            request, provider=provider, reference=reference, rule=rule, state="given up"
        )
        return await self._attempt(delivery)

    def _note(
        self,
        request: HttpRequest,
        *,
        provider: str,
        reference: str,
        rule: RetryRule,
        state: State,
        renew: Callable[[], HttpRequest] | None = None,
    ) -> Delivery:
        self._count += 1
        delivery = Delivery(
            id=str(self._count),
            provider=provider,
            reference=reference,
            request=request,
            rule=rule,
            created_at=self._clock(),
            state=state,
            renew=renew,
        )
        remember(self._log, delivery.id, delivery, keep=self._keep)
        return delivery

    async def start(self) -> None:
        """Send what waits and what comes, until :meth:`stop`."""
        self._running = True
        for delivery in self._log.values():
            if delivery.state == "waiting":
                self._spawn(delivery)

    async def stop(self) -> None:
        """End all sending at once. What was not delivered stays waiting."""
        self._running = False
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until every started delivery is settled or given up; for tests."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def resend(self, delivery: Delivery) -> Attempt:
        """Try once more by hand, whatever its state."""
        return await self._attempt(delivery)

    def _let_go(self) -> None:
        """Send what was overtaken, now that it was."""
        late, self._overtaken = self._overtaken, []
        if self._running:
            for delivery in late:
                self._spawn(delivery)

    def _spawn(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        for delay in (self._faults.delay_ipn + delivery.rule.wait, *delivery.rule.delays):
            if delay:
                await self._sleep(delay)
            # In the meantime a resend by hand may have settled it, or it was forgotten.
            if delivery.state == "waiting" and delivery.id in self._log:
                await self._attempt(delivery)
            if delivery.state != "waiting" or delivery.id not in self._log:
                return
        delivery.state = "given up"

    async def _attempt(self, delivery: Delivery) -> Attempt:
        at, again = self._clock(), True
        if delivery.renew:
            delivery.request = delivery.renew()
        try:
            async with asyncio.timeout(delivery.rule.timeout):
                response = await self._send(delivery.request)
        except TimeoutError:
            attempt = Attempt(at=at, status=None, note="no answer in time")
        except PaykitError as error:
            attempt = Attempt(at=at, status=None, note=f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a foreign sender may raise anything; retry goes on
            attempt = Attempt(at=at, status=None, note=f"not sent: {type(error).__name__}")
        else:
            verdict = delivery.rule.judge(response)
            again = verdict.again
            attempt = Attempt(
                at=at,
                status=response.status,
                note=verdict.note,
                settled=verdict.settled,
                body=response.body[:_SHOWN_BODY].decode(errors="replace"),
            )
        delivery.attempts.append(attempt)
        if attempt.settled:
            delivery.state = "delivered"
        elif not again and delivery.state == "waiting":
            delivery.state = "given up"
        return attempt
