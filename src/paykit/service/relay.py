"""Publishing: each event of the outbox goes to every target, at least once and in order.

An event is marked only after all targets took it, so a crash in between publishes it again under
the same id; consumers deduplicate by that. A batch has at most one event of a payment. One that
fails puts off its payment's queue, with growing pauses; the other payments go on. A broker that
cannot be reached puts off what it did not take, and that counts against no event.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeAlias

import attrs
from sqlalchemy import Connection

from ..errors import BrokerUnavailable, ConfigurationError, PaykitError, PublishError
from ..events import PaymentProcessed
from ..metrics import RELAY_DEAD, RELAY_FAILURES, RELAY_LAG, RELAY_PUBLISHED
from ..provider import Clock
from ..publishing import Message, Publisher
from ..signing import fingerprint
from ..telemetry import Telemetry
from . import outbox
from .effects import Transact, log
from .outbox import Waiting
from .writer import Body

Handler: TypeAlias = Callable[[PaymentProcessed], Awaitable[None] | None]

_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
#: A broker or a database that is back is not to be kept waiting for long.
_LONGEST_REST: Final = timedelta(seconds=30)
#: Seconds between looks at the outbox when nothing wakes the relay.
POLL_SECONDS: Final = 1.0


@attrs.frozen(slots=True, kw_only=True)
class RelaySettings:
    """How events are published.

    ``batch`` is how many go to a broker at once. A claim lasts for ``lease``: so long is an event
    invisible to other relays after this one died. After ``max_attempts`` failures an event is dead,
    with its reason (``None``: never), and its payment's later events wait behind it unless
    ``behind_dead``. Raises :class:`~paykit.errors.ConfigurationError`.
    """

    batch: int = 500
    lease: timedelta = timedelta(seconds=60)
    max_attempts: int | None = 100
    behind_dead: bool = False

    def __attrs_post_init__(self) -> None:
        if self.batch < 1 or self.lease <= timedelta(0):
            raise ConfigurationError("a relay needs a batch of 1 and a lease of more than nothing")
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ConfigurationError("max_attempts is at least 1, or None")


@attrs.frozen(slots=True)
class Handle:
    """Give ``event`` to ``handler``."""

    handler: Handler
    event: PaymentProcessed


@attrs.frozen(slots=True)
class Publish:
    """Give ``messages`` to ``publisher``; run ``renew`` every ``every`` seconds until it is done.

    The answer has an error or ``None`` for each message.
    """

    publisher: Publisher
    messages: Sequence[Message]
    renew: Body[None]
    every: float


Relaying: TypeAlias = Generator[Transact | Handle | Publish, Any, int]


def next_batch(
    handlers: Sequence[Handler],
    publishers: Sequence[Publisher],
    *,
    clock: Clock,
    settings: RelaySettings,
) -> Body[Sequence[Waiting]]:
    """What takes the next events to be published out of the outbox, as a body for a transaction.

    Handlers get one event at a time, so that the lease has to last for one event only: in a batch,
    slow handlers of the first could let the lease of the last run out, and another process would
    overtake. Raises :class:`ConfigurationError` where there is nobody to publish to.
    """
    if not handlers and not publishers:
        raise ConfigurationError("nobody to publish to: subscribe a handler, or name a broker")
    return lambda conn: outbox.claim(
        conn,
        clock=clock,
        lease=settings.lease,
        limit=1 if handlers else settings.batch,
        behind_dead=settings.behind_dead,
    )


def relay_batch(
    waiting: Sequence[Waiting],
    handlers: Sequence[Handler],
    publishers: Sequence[Publisher],
    *,
    clock: Clock,
    settings: RelaySettings,
    telemetry: Telemetry,
) -> Relaying:
    """Publish a batch; returns how many events it has.

    Raises :class:`BrokerUnavailable`, or whatever else a publisher raised, after putting everything
    off.
    """
    failed: dict[str, BaseException] = {}
    try:
        for publisher in publishers:
            left = [one.message for one in waiting if one.message.id not in failed]
            failed |= yield from _publish(publisher, left, clock, settings)
    except Exception as error:
        # Nobody knows what became of any of them. Their claims need not run out for that.
        everything: dict[str, BaseException] = dict.fromkeys(
            (one.message.id for one in waiting), error
        )
        # Less than this relay rests now, so that it finds them when it comes back.
        yield Transact(lambda conn: _release(conn, everything, clock, _FIRST_PAUSE / 2))
        telemetry.count(RELAY_FAILURES, type(error).__name__, times=len(waiting))
        raise
    for one in waiting:
        if handlers and one.message.id not in failed:
            failed |= yield from _handle(handlers, one.message)
    yield Transact(_ended(waiting, failed, clock, settings))
    _measure(waiting, failed, clock, telemetry)
    _tell(waiting, failed, settings, telemetry)
    return len(waiting)


def _publish(
    publisher: Publisher, messages: Sequence[Message], clock: Clock, settings: RelaySettings
) -> Generator[Publish, Any, dict[str, BaseException]]:
    if not messages:
        return {}
    ids = [message.id for message in messages]
    lease = settings.lease
    results: Sequence[BaseException | None] = yield Publish(
        publisher,
        messages,
        lambda conn: outbox.renew(conn, ids, clock=clock, lease=lease),
        lease.total_seconds() / 3,
    )
    if len(results) != len(messages):
        raise BrokerUnavailable(
            f"{type(publisher).__name__} gave {len(results)} results for {len(messages)} messages"
        )
    return {
        message.id: result
        for message, result in zip(messages, results, strict=True)
        if result is not None
    }


def _handle(
    handlers: Sequence[Handler], message: Message
) -> Generator[Handle, Any, dict[str, BaseException]]:
    try:
        for handler in handlers:
            yield Handle(handler, message.event)
    except Exception as error:  # noqa: BLE001 - a user's handler may raise anything
        log.exception(
            "a handler failed on event %s",
            message.id,
            extra={"event_id": message.id, "payment_id": message.key},
        )
        return {message.id: error}
    return {}


def _ended(
    waiting: Sequence[Waiting],
    failed: dict[str, BaseException],
    clock: Clock,
    settings: RelaySettings,
) -> Body[None]:
    out = [one.message.id for one in waiting if one.message.id not in failed]

    unreached = {name: one for name, one in failed.items() if isinstance(one, BrokerUnavailable)}

    def body(conn: Connection) -> None:
        outbox.settle(conn, out, now=clock())
        _release(conn, unreached, clock, _FIRST_PAUSE)
        for one in waiting:
            error = failed.get(one.message.id)
            if error is not None and one.message.id not in unreached:
                outbox.postpone(
                    conn,
                    one.message.id,
                    clock=clock,
                    pause=pause(one.attempts, one.message.id),
                    error=_said(error),
                    max_attempts=settings.max_attempts,
                )

    return body


def _release(
    conn: Connection, failed: Mapping[str, BaseException], clock: Clock, wait: timedelta
) -> None:
    """Put off what the broker as a whole did not take; that is no try."""
    by_reason: dict[str, list[str]] = {}
    for event_id, error in failed.items():
        by_reason.setdefault(_said(error), []).append(event_id)
    for reason, ids in by_reason.items():
        outbox.release(conn, ids, clock=clock, pause=wait, reason=reason)


def _measure(
    waiting: Sequence[Waiting],
    failed: Mapping[str, BaseException],
    clock: Clock,
    telemetry: Telemetry,
) -> None:
    if not telemetry.is_on:
        return
    now = clock()
    out = [one for one in waiting if one.message.id not in failed]
    telemetry.count(RELAY_PUBLISHED, times=len(out))
    for one in out:
        telemetry.measure(RELAY_LAG, begin=one.created_at, end=now)
    for kind, times in Counter(type(error).__name__ for error in failed.values()).items():
        telemetry.count(RELAY_FAILURES, kind, times=times)


def _tell(
    waiting: Sequence[Waiting],
    failed: Mapping[str, BaseException],
    settings: RelaySettings,
    telemetry: Telemetry,
) -> None:
    """Log the dead one by one, and the others by what they failed for."""
    left: Counter[str] = Counter()
    for one in waiting:
        error = failed.get(one.message.id)
        if error is None:
            continue
        tries = one.attempts + (not isinstance(error, BrokerUnavailable))
        if settings.max_attempts is not None and tries >= settings.max_attempts:
            telemetry.count(RELAY_DEAD)
            log.error(
                "event %s is dead after %d tries: %s",
                one.message.id,
                tries,
                _said(error),
                extra={
                    "event_id": one.message.id,
                    "payment_id": one.message.key,
                    "attempts": tries,
                    "error": type(error).__name__,
                },
            )
        elif isinstance(error, PublishError):  # what a handler raised is logged already
            left[_said(error)] += 1
    for reason, count in left.items():
        log.warning("%d events are not out yet: %s", count, reason, extra={"events": count})


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def tell_failure(error: BaseException) -> None:
    """Log why a relay that goes on by itself has to rest."""
    known = isinstance(error, PaykitError)
    log.log(
        logging.WARNING if known else logging.ERROR,
        "the relay will try again: %s",
        _said(error),
        exc_info=None if known else error,
        extra={"error": type(error).__name__},
    )


def rest(failures: int) -> timedelta:
    """How long a relay waits for a broker or a database that failed so often in a row.

    Doubling, at most half a minute; by chance up to a tenth less, so that many relays do not all
    come at once.
    """
    doublings: int = 2 ** min(failures, 10)
    longest = min(_LONGEST_REST, _FIRST_PAUSE * doublings)
    return longest * (1 - random.random() / 10)  # noqa: S311 - not a secret


def pause(attempts: int, name: str = "") -> timedelta:
    """How long to wait after so many failures: doubling, at most five minutes.

    By its ``name`` each waits up to a tenth less, so that what failed together does not come back
    together.
    """
    doublings: int = 2 ** min(attempts, 10)
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * doublings)
    return longest * (1 - spread(name) / 10)


def spread(name: str) -> float:
    """A number from 0 to 1 that belongs to a name, to put apart what would come at once."""
    return int(fingerprint(name.encode())[:8], 16) / 0xFFFFFFFF if name else 0.0
