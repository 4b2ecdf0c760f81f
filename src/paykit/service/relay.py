"""Publishing: each event of the outbox goes to every handler, at least once and in order.

An event is marked only after all handlers took it, so a crash in between publishes it again under
the same ``event_id``; handlers deduplicate by that. A handler that fails puts off its payment's
queue, with growing pauses; the other payments go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import attrs

from ..events import PaymentProcessed
from ..provider import Clock
from . import store
from .effects import Transact, log

Handler: TypeAlias = Callable[[PaymentProcessed], Awaitable[None] | None]

_LEASE: Final = timedelta(seconds=60)
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
#: Seconds between looks at the outbox when no commit of this process wakes the relay.
POLL_SECONDS: Final = 1.0


@attrs.frozen(slots=True)
class Handle:
    """Give ``event`` to ``handler``."""

    handler: Handler
    event: PaymentProcessed


Relaying: TypeAlias = Generator[Transact | Handle, Any, int]


def relay_once(handlers: Sequence[Handler], clock: Clock) -> Relaying:
    """Publish the event that has waited longest; returns how many were taken up, 1 or 0.

    One at a time, so that the lease has to last for one event only: in a batch, slow handlers of
    the first could let the lease of the last run out, and another process would overtake.
    """
    waiting: Sequence[store.Waiting] = yield Transact(
        lambda conn: store.claim(conn, now=clock(), lease=_LEASE, limit=1)
    )
    for item in waiting:
        try:
            for handler in handlers:
                yield Handle(handler, item.event)
        except Exception as error:  # noqa: BLE001 - a user's handler may raise anything
            log.exception("a handler failed on event %s", item.id)
            until = clock() + pause(item.attempts)
            reason = f"{type(error).__name__}: {error}"
            yield Transact(_postponed(item.id, until, reason))
        else:
            yield Transact(_settled(item.id, clock))
    return len(waiting)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failures: doubling, at most five minutes."""
    doublings: int = 2 ** min(attempts, 10)
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * doublings)


def _settled(event_id: str, clock: Clock) -> store.Body:
    return lambda conn: store.settle(conn, event_id, now=clock())


def _postponed(event_id: str, until: datetime, error: str) -> store.Body:
    return lambda conn: store.postpone(conn, event_id, until=until, error=error)
