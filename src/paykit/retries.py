"""How long to wait and when to send again: immutable rules without any I/O."""

from __future__ import annotations

import math
from typing import Any, Final, Self

import attrs

from .errors import ConfigurationError, NoAnswer, NotSent, PaykitError
from .http import HttpRequest, HttpResponse


def is_positive(_instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Validate a finite number of seconds."""
    if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
        raise ConfigurationError(f"{attribute.name} must be a number greater than 0")


def is_count(_instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Validate a whole number from 1 on."""
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name} must be a whole number from 1 on")


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long to wait, in seconds.

    ``connect`` is for a free connection and for making one, ``read`` for each pause while the
    request is written and the answer arrives, ``total`` for a whole ``send`` with its retries.
    """

    connect: float = attrs.field(default=5.0, validator=is_positive)
    read: float = attrs.field(default=30.0, validator=is_positive)
    total: float = attrs.field(default=60.0, validator=is_positive)

    @classmethod
    def around(cls, read: float) -> Self:
        """Timeouts for a provider that advises to wait ``read`` seconds for an answer."""
        return cls(read=read, total=2 * read)


#: Statuses by which a server or a gateway before it says "not now".
_BUSY: Final = frozenset({429, 502, 503, 504})


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When to send again: at most ``attempts`` times in all, with exponential full-jitter pauses.

    ``backoff`` is the longest first pause in seconds, and ``max_backoff`` the longest of any.
    """

    attempts: int = attrs.field(default=3, validator=is_count)
    backoff: float = attrs.field(default=0.25, validator=is_positive)
    max_backoff: float = attrs.field(default=8.0, validator=is_positive)

    def delay(
        self,
        request: HttpRequest,
        *,
        attempt: int,
        outcome: HttpResponse | PaykitError,
        fraction: float,
    ) -> float | None:
        """Seconds to wait before sending again, or ``None`` to accept ``outcome``.

        ``attempt`` counts from 1; ``fraction`` is random, in [0, 1). What was certainly not sent
        may go out again. Else the request must be replay safe and must not move money: that it
        says both (a provider with idempotency keys) does not help, since a key that expired or
        was mistyped would charge twice.
        """
        if attempt >= self.attempts:
            return None
        pause = fraction * min(self.max_backoff, self.backoff * 2.0 ** min(attempt - 1, 30))
        if isinstance(outcome, NotSent):
            return pause
        if request.moves_money or not request.replay_safe:
            return None
        if isinstance(outcome, HttpResponse) and outcome.status in _BUSY:
            # Jitter on top of "0 seconds" keeps a crowd of clients from coming back as one.
            asked = retry_after(outcome) or 0.0
            return max(asked, pause) if asked <= self.max_backoff else None
        return pause if isinstance(outcome, NoAnswer) else None


def retry_after(response: HttpResponse, *, header: str = "retry-after") -> float | None:
    """The pause that a server asks for, in seconds; ``None`` where it says nothing usable.

    ``Retry-After`` is a number of seconds or a date, ``X-RateLimit-Reset`` (payOS) a Unix time.
    Both times are compared with the server's own clock, the ``Date`` of the same answer.
    """
    text = (response.header(header) or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    from email.utils import parsedate_to_datetime  # seldom needed, and dear to load

    reset = (response.header("x-ratelimit-reset") or "").strip()
    try:
        now = parsedate_to_datetime(response.header("date") or "")
        if not text and reset.isascii() and reset.isdigit():
            wait = float(reset) - now.timestamp()
            # Others count seconds from now, which would be long past.
            return wait if wait >= 0 else None
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


DEFAULT_TIMEOUTS: Final = Timeouts()
DEFAULT_RETRIES: Final = RetryPolicy()
