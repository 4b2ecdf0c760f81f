"""Stripe's answers, as far as they are read; everything else in them is ignored.

The shapes are those of https://docs.stripe.com/api in the version that :data:`VERSION` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, SecretStr, model_validator

from ...money import Money
from ...wire import UnixTime, Whole, Wire
from .amounts import read_money
from .forms import ID, PAYMENT_REFERENCE, our_reference

#: Sent with each call. Give the webhook endpoint the same one.
VERSION: Final = "2026-10-28.endive"

#: As long as what a database keeps of it.
_Word: TypeAlias = Annotated[str, Field(max_length=80)]


def _check_id(value: str) -> str:
    if not ID.fullmatch(value):
        raise ValueError("not an id of Stripe's")
    return value


def _read_link(value: Any) -> str | None:
    """The id of what is linked, which may be there as a whole."""
    found = value.get("id") if isinstance(value, dict) else value
    if found is None and value is None:
        return None
    if not isinstance(found, str):
        raise ValueError("not an id")  # noqa: TRY004 - pydantic reports a ValueError
    return _check_id(found)


def _read_metadata(value: Any) -> dict[str, str]:
    if value is None or value == []:  # an empty map, as PHP writes it
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError("not texts by name")
    return value


Id: TypeAlias = Annotated[str, AfterValidator(_check_id)]
Link: TypeAlias = Annotated[str | None, PlainValidator(_read_link)]
Metadata: TypeAlias = Annotated[dict[str, str], PlainValidator(_read_metadata)]


class Owned(Wire):
    """As much of anything as tells whose it is."""

    metadata: Metadata = Field(default_factory=dict)
    payment_intent: Link = None

    @property
    def reference(self) -> str | None:
        """Our reference, if it is one of our payments."""
        return our_reference(self.metadata)

    @property
    def payment_reference(self) -> str | None:
        """The reference of its payment, if it is a refund that paykit made."""
        return our_reference(self.metadata, PAYMENT_REFERENCE)


class Priced(Wire):
    """What has an amount and a currency."""

    amount: Whole
    currency: _Word

    @model_validator(mode="after")
    def _is_money(self) -> Priced:
        for _ in self._sums():
            pass
        return self

    def _sums(self) -> tuple[Money, ...]:
        """All amounts of it; raises :class:`ValueError` where one is no money."""
        return (self.money(self.amount),)

    def money(self, counted: int) -> Money:
        """So much in its currency."""
        return read_money(counted, self.currency)

    @property
    def total(self) -> Money:
        """What it is about."""
        return self.money(self.amount)


class RefundShape(Priced):
    """Money that was given back."""

    id: Id
    object: Literal["refund"]
    status: _Word | None
    payment_intent: Link = None
    charge: Link = None
    failure_reason: _Word | None = None
    reason: _Word | None = None
    metadata: Metadata = Field(default_factory=dict)
    created: UnixTime

    @property
    def reference(self) -> str | None:
        """The refund's own reference, if paykit made it."""
        return our_reference(self.metadata)

    @property
    def payment_reference(self) -> str | None:
        """The reference of its payment, if paykit made it."""
        return our_reference(self.metadata, PAYMENT_REFERENCE)


class Listed(Wire):
    """Some refunds, the newest first."""

    data: list[RefundShape]
    has_more: bool = False


class CardDetails(Wire):
    """How a card was charged."""

    capture_before: UnixTime | None = None


class Details(Wire):
    """How a charge was paid."""

    card: CardDetails | None = None


class ChargeShape(Priced):
    """One attempt to take or hold money."""

    id: Id
    object: Literal["charge"]
    status: _Word
    captured: bool
    amount_captured: Whole
    amount_refunded: Whole
    disputed: bool = False
    payment_intent: Link = None
    metadata: Metadata = Field(default_factory=dict)
    payment_method_details: Details | None = None
    refunds: Listed | None = None

    def _sums(self) -> tuple[Money, ...]:
        return tuple(map(self.money, (self.amount, self.amount_captured, self.amount_refunded)))


class CardShape(Wire):
    """What may be shown of a card."""

    brand: _Word = "card"
    last4: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None


class MethodShape(Wire):
    """A way to pay."""

    id: Id
    object: Literal["payment_method"]
    type: _Word = "card"
    customer: Link
    card: CardShape | None = None

    @property
    def label(self) -> str:
        """What the payer may be shown."""
        if self.card is None or self.card.last4 is None:
            return self.type
        return f"{self.card.brand} •••• {self.card.last4}"


class Failure(Wire):
    """Why an attempt failed."""

    type: _Word
    code: _Word | None = None
    decline_code: _Word | None = None
    message: str | None = None

    @property
    def word(self) -> str:
        """The most telling of its codes."""
        return self.decline_code or self.code or self.type


class Refusal(Wire):
    """An answer that says no."""

    error: Failure


class RedirectStep(Wire):
    """Where to send the payer."""

    url: str | None = None


class Step(Wire):
    """What the payer has to do."""

    type: _Word
    redirect_to_url: RedirectStep | None = None


def _read_charge(value: Any) -> ChargeShape | None:
    """The charge, where the answer holds it as a whole."""
    return ChargeShape.model_validate(value) if isinstance(value, dict) else None


def _read_method(value: Any) -> MethodShape | None:
    """The way to pay. Of a mere id nothing else is known."""
    if value is None:
        return None
    if isinstance(value, dict):
        return MethodShape.model_validate(value)
    if not isinstance(value, str):
        raise ValueError("not an id")  # noqa: TRY004 - pydantic reports a ValueError
    return MethodShape(id=_check_id(value), object="payment_method", type="", customer=None)


class Intent(Wire):
    """What payments and set-ups have in common."""

    id: Id
    status: _Word
    metadata: Metadata = Field(default_factory=dict)
    client_secret: SecretStr | None = None
    next_action: Step | None = None
    cancellation_reason: _Word | None = None
    customer: Link = None
    payment_method: Annotated[MethodShape | None, PlainValidator(_read_method)] = None

    @property
    def reference(self) -> str | None:
        """Our reference, if it is one of our payments."""
        return our_reference(self.metadata)


class PaymentIntent(Intent, Priced):
    """A payment."""

    object: Literal["payment_intent"]
    amount_received: Whole
    latest_charge: Annotated[ChargeShape | None, PlainValidator(_read_charge)] = None
    last_payment_error: Failure | None = None
    setup_future_usage: _Word | None = None

    def _sums(self) -> tuple[Money, ...]:
        charged = () if self.latest_charge is None else self.latest_charge._sums()  # noqa: SLF001
        sums = (self.money(self.amount), self.money(self.amount_received), *charged)
        if len({money.currency for money in sums}) > 1:
            raise ValueError("amounts in several currencies")
        return sums

    @property
    def received(self) -> Money:
        """What was taken so far."""
        return self.money(self.amount_received)


class SetupIntent(Intent):
    """A card that is stored without a payment."""

    object: Literal["setup_intent"]
    last_setup_error: Failure | None = None


class Page(Wire):
    """A payment page (Checkout Session)."""

    id: Id
    object: Literal["checkout.session"]
    mode: _Word
    status: _Word
    payment_status: _Word
    amount_total: Whole | None = None
    currency: _Word | None = None
    url: str | None = None
    expires_at: UnixTime | None = None
    metadata: Metadata = Field(default_factory=dict)
    payment_intent: Link = None
    setup_intent: Link = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Page:
        _ = self.total
        for found, prefix in ((self.payment_intent, "pi_"), (self.setup_intent, "seti_")):
            if found is not None and not found.startswith(prefix):
                raise ValueError(f"an id that does not begin with {prefix}")
        return self

    @property
    def reference(self) -> str | None:
        """Our reference, if it is one of our payments."""
        return our_reference(self.metadata)

    @property
    def total(self) -> Money | None:
        """What is paid there; nothing on a page that only stores a card."""
        if self.amount_total is None or self.currency is None:
            return None
        return read_money(self.amount_total, self.currency)


class Pages(Wire):
    """Payment pages that were found."""

    data: list[Page]


class DisputeShape(Priced):
    """A payer's bank wants money back."""

    id: Id
    object: Literal["dispute"]
    status: _Word
    payment_intent: Link = None


class Made(Wire):
    """Something that got an id."""

    id: Id


def without_secrets(value: Any) -> Any:
    """``value`` without what only the payer's browser may have."""
    if isinstance(value, Mapping):
        return {
            name: without_secrets(item) for name, item in value.items() if name != "client_secret"
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value
