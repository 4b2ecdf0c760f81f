"""What there is to know about a provider before calling it, and what becomes of its deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import attrs

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
    #: What it never tells by a webhook: a payment that stays open has to be asked about.
    silent_on: frozenset[PaymentStatus] = frozenset()
    #: Whether it keeps ``PaymentRequest.metadata`` with a payment.
    keeps_metadata: bool = False
    #: Why it lacks an operation, where that is worth a word in the error.
    why_not: Mapping[Capability, str] = attrs.field(factory=dict)
    #: Whether to ask it when the payer is back from it and the payment is still open, because its
    #: webhook may come later than the payer.
    ask_on_return: bool = False
