"""Signed deliveries for your tests: what the provider would send, without the provider.

::

    from paykit.testing import deliveries

    delivery = deliveries.paid(momo, reference="A-1", amount=Money(150_000, "VND"), at=now)
    response = client.post("/webhooks/momo", content=delivery.body)

They are signed with the secret that ``provider`` is configured with, so give it the keys that your
application under test has. ``at`` is when the provider says it happened. ``fields`` sets the
provider's own fields by their own names. ``authorized`` and the like raise
:class:`~paykit.errors.UnsupportedOperation` where a provider has no such notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ..http import Delivery
from ..money import Money
from ..provider import Provider
from .factory import Notice, State, factory_for, sign

__all__ = [
    "authorized",
    "canceled",
    "duplicate",
    "expired",
    "failed",
    "paid",
    "pending",
    "returned",
    "tampered",
    "unknown",
    "unsigned",
    "webhook",
    "wrong_amount",
]

_ID: Final = "4088878653"
_NO_FIELDS: Final[Mapping[str, Any]] = {}


def webhook(
    provider: Provider,
    state: State,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    provider_id: str = _ID,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """A webhook that tells ``state``; the functions below are short for this one."""
    notice = Notice(
        state=state,
        reference=reference,
        amount=amount,
        at=at,
        provider_id=provider_id,
        fields=fields,
    )
    return sign(factory_for(provider), provider, notice, returned=False)


def returned(
    provider: Provider,
    state: State = "paid",
    *,
    reference: str,
    amount: Money,
    at: datetime,
    provider_id: str = _ID,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """The payer's browser coming back, which informs and never settles."""
    notice = Notice(
        state=state,
        reference=reference,
        amount=amount,
        at=at,
        provider_id=provider_id,
        fields=fields,
    )
    return sign(factory_for(provider), provider, notice, returned=True)


def paid(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    provider_id: str = _ID,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """The money was taken."""
    return webhook(
        provider,
        "paid",
        reference=reference,
        amount=amount,
        at=at,
        provider_id=provider_id,
        fields=fields,
    )


def authorized(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    provider_id: str = _ID,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """The money is held."""
    return webhook(
        provider,
        "authorized",
        reference=reference,
        amount=amount,
        at=at,
        provider_id=provider_id,
        fields=fields,
    )


def pending(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """Nothing is decided yet."""
    return webhook(provider, "pending", reference=reference, amount=amount, at=at, fields=fields)


def failed(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """The payment was refused."""
    return webhook(provider, "failed", reference=reference, amount=amount, at=at, fields=fields)


def canceled(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """The payer gave up."""
    return webhook(provider, "canceled", reference=reference, amount=amount, at=at, fields=fields)


def expired(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """The time to pay is over."""
    return webhook(provider, "expired", reference=reference, amount=amount, at=at, fields=fields)


def unknown(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    fields: Mapping[str, Any] = _NO_FIELDS,
) -> Delivery:
    """Authentic, with a code that the provider has never published."""
    return webhook(provider, "unknown", reference=reference, amount=amount, at=at, fields=fields)


def wrong_amount(
    provider: Provider,
    *,
    reference: str,
    amount: Money,
    at: datetime,
    by: int = -1,
    provider_id: str = _ID,
) -> Delivery:
    """Authentic and paid, but ``by`` minor units more than ``amount``; less by default."""
    return paid(
        provider,
        reference=reference,
        amount=Money(amount.minor + by, amount.currency),
        at=at,
        provider_id=provider_id,
    )


def duplicate(delivery: Delivery) -> Delivery:
    """The same call once more, byte for byte."""
    return attrs.evolve(delivery)


def tampered(provider: Provider, delivery: Delivery) -> Delivery:
    """The call with another amount under the old signature."""
    return factory_for(provider).signed.alter(delivery)


def unsigned(provider: Provider, delivery: Delivery) -> Delivery:
    """The call without its signature."""
    return factory_for(provider).signature.remove(delivery)
