"""Adyen's answers, as far as they are read; everything else in them is ignored.

The shapes are those of https://github.com/Adyen/adyen-openapi (CheckoutService v72).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator

from ...models import PaymentToken
from ...money import Money
from ...wire import CamelWire
from .amounts import read_money
from .forms import PSP_REFERENCE, STORED_ID

_Money: TypeAlias = Annotated[Money, PlainValidator(read_money)]
_Word: TypeAlias = Annotated[str, Field(max_length=255)]


def _check_psp(value: str) -> str:
    if not PSP_REFERENCE.fullmatch(value):
        raise ValueError("not a pspReference")
    return value


def _read_moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("not a time") from None
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


Psp: TypeAlias = Annotated[str, AfterValidator(_check_psp)]
_Moment: TypeAlias = Annotated[datetime, PlainValidator(_read_moment)]


class PaymentAnswer(CamelWire):
    """What became of a payment, or what the payer has to do for it."""

    result_code: _Word
    psp_reference: Psp | None = None
    merchant_reference: str | None = None
    amount: _Money | None = None
    refusal_reason: str | None = None
    refusal_reason_code: _Word | None = None
    action: dict[str, Any] | None = None
    additional_data: dict[str, Any] = Field(default_factory=dict)

    def stored_card(self, provider: str, reference: str) -> PaymentToken | None:
        """The card that was stored with it, where the answer names it and its owner."""
        said = self.additional_data
        stored = said.get("tokenization.storedPaymentMethodId") or said.get(
            "recurring.recurringDetailReference"
        )
        owner = said.get("tokenization.shopperReference") or said.get("recurring.shopperReference")
        if not isinstance(stored, str) or not STORED_ID.fullmatch(stored):
            return None
        if not isinstance(owner, str) or not owner:
            return None
        return PaymentToken(
            provider=provider,
            value=stored,
            customer_id=owner,
            reference=reference,
            label=to_label(said.get("cardSummary")),
        )


class Received(CamelWire):
    """The answer to a modification: it will be done, or it will not."""

    psp_reference: Psp
    status: _Word
    payment_psp_reference: Psp | None = None
    payment_reference: str | None = None
    amount: _Money | None = None


class Session(CamelWire):
    """A hosted session that was made."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    reference: str
    amount: _Money
    url: str
    expires_at: _Moment


class SessionPayment(CamelWire):
    """A payment that was made in a session."""

    psp_reference: Psp
    result_code: _Word
    amount: _Money


class SessionResult(CamelWire):
    """What became of a hosted session."""

    id: str
    status: _Word
    reference: str | None = None
    payments: list[SessionPayment] = Field(default_factory=list)


class StoredCard(CamelWire):
    """One of a payer's stored cards."""

    id: Annotated[str, Field(pattern=STORED_ID.pattern)]
    shopper_reference: str | None = None
    last_four: str | None = None


class StoredCards(CamelWire):
    """A payer's stored cards."""

    merchant_account: str
    shopper_reference: str
    stored_payment_methods: list[StoredCard]


def to_label(last_four: object) -> str | None:
    """A card as it may be shown."""
    if isinstance(last_four, str) and len(last_four) == 4 and last_four.isascii():  # noqa: PLR2004
        return f"•••• {last_four}" if last_four.isdigit() else None
    return None
