"""What there is to know about a provider before calling it, and what becomes of its deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

import attrs

from .errors import ConfigurationError, SignatureError, StaleDelivery, WebhookError
from .models import PaymentStatus
from .wire import Environment


def hosts(*, sandbox: str, production: str) -> Mapping[Environment, str]:
    """Where an API is, in each of the provider's worlds."""
    return {Environment.SANDBOX: sandbox, Environment.PRODUCTION: production}


class Capability(StrEnum):
    """One operation; the value is the name of the method that provides it."""

    CREATE_PAYMENT = "create_payment"
    FETCH_PAYMENT = "fetch_payment"
    CAPTURE = "capture"
    VOID = "void"
    COMPLETE = "complete"
    REAUTHORIZE = "reauthorize"
    REFUND = "refund"
    FETCH_REFUND = "fetch_refund"
    CREATE_TOKEN = "create_token"  # noqa: S105 - the name of a method
    DELETE_TOKEN = "delete_token"  # noqa: S105
    VERIFY = "verify"
    VERIFY_RETURN = "verify_return"


class Outcome(StrEnum):
    """What became of one delivery. Each provider has its own reply to each."""

    ACCEPTED = "accepted"  #: verified and stored
    DUPLICATE = "duplicate"  #: handled before
    UNKNOWN_REFERENCE = "unknown_reference"  #: stored, but we have no such payment
    MISMATCH = "mismatch"  #: stored, but the amount or currency is not what we asked
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    MALFORMED = "malformed"
    TRY_AGAIN = "try_again"  #: not stored, or not completed yet: the provider shall come again


def refusal(error: WebhookError) -> Outcome:
    """The outcome of a delivery that was refused because of ``error``."""
    match error:
        case SignatureError():
            return Outcome.BAD_SIGNATURE
        case StaleDelivery():
            return Outcome.STALE
    return Outcome.MALFORMED


class RefundNotices(StrEnum):
    """How a provider's webhooks tell of refunds, so that each is counted once."""

    NONE = "none"  #: not at all: its answers count, each refund by our own reference
    EACH = "each"  #: one by one: ``movement.id`` is the ``Refund.provider_id`` of the answer
    TOTAL = "total"  #: by what was given back in all; there is no ``movement``


#: How long a repeat is harmless where the provider refuses or recognises every one.
FOR_EVER: Final = timedelta.max


@attrs.frozen(slots=True, kw_only=True)
class Asking:
    """When a provider is asked about a payment that stays open, and when waiting is over.

    Ages count from the creation of the payment. ``grace`` begins when the time to pay is over, or
    with the creation where no such time is known: after it, a payment that the provider does not
    know, or that it cannot be asked about, counts as expired. Silence alone never makes one fail,
    and money that comes later is still counted. Raises
    :class:`~paykit.errors.ConfigurationError` for values that contradict one another.
    """

    #: The age at which an open payment is first asked about.
    first_after: timedelta = timedelta(minutes=15)
    #: The pause after that; it is doubled each time,
    again_after: timedelta = timedelta(minutes=15)
    #: up to this one.
    at_most: timedelta = timedelta(hours=6)
    #: How many questions a minute one account may surely ask.
    per_minute: int = 30
    #: How long a payment of which nothing is heard is waited for.
    grace: timedelta = timedelta(days=3)
    #: The age from which on nobody is asked any more: a person has to look.
    gives_up_after: timedelta = timedelta(days=30)

    def __attrs_post_init__(self) -> None:
        if not timedelta(0) < self.again_after <= self.at_most:
            raise ConfigurationError("again_after is more than nothing, and not above at_most")
        if self.first_after < timedelta(0) or self.per_minute < 1:
            raise ConfigurationError("first_after is no time past, and per_minute at least 1")
        if not timedelta(0) <= self.grace <= self.gives_up_after:
            raise ConfigurationError("grace is at least nothing, and not above gives_up_after")
        if self.first_after > self.gives_up_after:
            raise ConfigurationError("first_after is not above gives_up_after")


@attrs.frozen(slots=True, kw_only=True)
class ProviderInfo:
    """What there is to know about a provider before calling it."""

    title: str
    homepage: str
    docs: tuple[str, ...]
    currencies: frozenset[str]
    #: Where its merchants are; empty for nearly everywhere.
    countries: frozenset[str]
    webhook_method: str = "POST"
    #: Seconds to wait for an answer, as the provider advises.
    read_timeout: float = 30.0
    #: Where its API is, unless the configuration has a ``base_url``.
    hosts: Mapping[Environment, str] = attrs.field(factory=dict)
    #: The form of a reference, as a regular expression.
    reference: str = r"(?s:.+)"
    #: The form of a refund's reference, where it is another one.
    refund_reference: str | None = None
    #: What it never tells by a webhook: a payment that stays open has to be asked about.
    silent_on: frozenset[PaymentStatus] = frozenset()
    #: Whether it keeps ``PaymentRequest.metadata`` with a payment.
    keeps_metadata: bool = False
    #: When it is asked about a payment that stays open.
    asking: Asking = Asking()
    #: How long after the first call one more with the same idempotency key and reference surely
    #: does not act twice; ``create_payment`` is one that charges a token. A repeat may be refused
    #: though the first call succeeded, so after a refusal ask. An operation that is missing here
    #: may act twice: never repeat it, ask.
    repeatable_for: Mapping[Capability, timedelta] = attrs.field(factory=dict)
    #: How its webhooks tell of refunds.
    refund_notices: RefundNotices = RefundNotices.NONE
    #: Whether ``fetch_refund`` tells of the latest refund of a payment, whichever is asked about.
    tells_last_refund_only: bool = False
    #: Why it lacks an operation, where that is worth a word in the error.
    why_not: Mapping[Capability, str] = attrs.field(factory=dict)
    #: Whether to ask it when the payer is back from it and the payment is still open, because its
    #: webhook may come later than the payer.
    ask_on_return: bool = False

    def may_repeat(self, capability: Capability, age: timedelta) -> bool:
        """Whether a call that was first made this long ago may be sent once more, unchanged.

        An age below nothing, by another process's clock that is ahead, is none.
        """
        return max(age, timedelta(0)) < self.repeatable_for.get(capability, timedelta(0))
