"""The nouns of paykit, all frozen: what a merchant asks, and what a provider says.

Amounts are :class:`~paykit.money.Money`; times are aware datetimes; ``raw`` is the provider's own
answer for people to look at and never shows in ``repr``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

import attrs

from .cards import holds_card_number, looks_like_card_id
from .errors import InvalidRequest
from .money import Money
from .text import unstorable

Extra: TypeAlias = Mapping[str, Any]


class PaymentStatus(StrEnum):
    """The state of one payment, the same words for every provider."""

    REQUIRES_ACTION = "requires_action"  #: the payer must do something (open a page, scan a code)
    PENDING = "pending"  #: the provider is working on it, or nothing is known yet
    AUTHORIZED = "authorized"  #: funds are held; capture or void
    SUCCEEDED = "succeeded"  #: the money is the merchant's
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    DISPUTED = "disputed"
    NEEDS_REVIEW = "needs_review"  #: authentic, but contradicts our record: a person decides
    UNKNOWN = "unknown"  #: the provider said something that we cannot read: ask it; never success


class RefundStatus(StrEnum):
    """The state of one refund."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class CaptureMode(StrEnum):
    """Whether the money is taken at once or only held."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Discrepancy(StrEnum):
    """How an authentic notice contradicts our record."""

    UNDERPAID = "underpaid"
    OVERPAID = "overpaid"
    CURRENCY = "currency"
    PROVIDER_ID = "provider_id"  #: the provider's id already belongs to another payment
    LATE = "late"  #: the right amount, after the time to pay was over or the payment was given up
    DUPLICATE_PAYMENT = "duplicate_payment"  #: money for an order that was paid before
    UNMATCHED = "unmatched"  #: a transfer that cannot be told to be for one payment
    REVERSED = "reversed"  #: money that had been captured was taken back


def _positive(_request: object, attribute: attrs.Attribute[Money], value: Money) -> None:
    if value.minor < 0:
        raise InvalidRequest("must not be negative", field=attribute.name)


def _aware(_request: object, attribute: attrs.Attribute[datetime], value: datetime | None) -> None:
    if value is not None and value.tzinfo is None:
        raise InvalidRequest("needs a time zone", field=attribute.name)


def _text(_request: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is None and attribute.default is None:
        return
    if not isinstance(value, str):
        raise InvalidRequest("must be text", field=attribute.name)
    if why := unstorable(value):
        raise InvalidRequest(why, field=attribute.name)


def _free_text(holder: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    _text(holder, attribute, value)
    _no_card_number(attribute, found=holds_card_number(value, besides=_own_ids(holder)))


def _own_ids(holder: object) -> tuple[str | None, ...]:
    """The shop's own ids in a request, which have rules of their own and may be repeated in it."""
    return getattr(holder, "reference", None), getattr(holder, "order_id", None)


def _id(request: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    _text(request, attribute, value)
    _no_card_number(attribute, found=value is not None and looks_like_card_id(value))


def _extra(request: object, attribute: attrs.Attribute[Any], value: Extra) -> None:
    if not isinstance(value, Mapping):
        raise InvalidRequest("must be a mapping", field=attribute.name)
    if why := unstorable(value):
        raise InvalidRequest(why, field=attribute.name)
    _no_card_number(attribute, found=holds_card_number(value, besides=_own_ids(request)))


def _metadata(request: object, attribute: attrs.Attribute[Any], value: Mapping[str, str]) -> None:
    _extra(request, attribute, value)
    if not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise InvalidRequest("must be texts with texts as names", field=attribute.name)


def _no_card_number(attribute: attrs.Attribute[Any], *, found: bool) -> None:
    if found:  # and the message does not repeat it
        raise InvalidRequest(
            "holds a card number; card numbers go from the payer's browser to the gateway",
            field=attribute.name,
        )


def _not_blank(request: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest("must not be empty", field=attribute.name)
    _id(request, attribute, value)


@attrs.frozen(slots=True, kw_only=True)
class Customer:
    """What a provider may want to know about the payer. Personal data: never in ``repr``."""

    id: str | None = attrs.field(default=None, validator=_id)
    ip: str | None = attrs.field(default=None, validator=_text, repr=False)
    name: str | None = attrs.field(default=None, validator=_free_text, repr=False)
    email: str | None = attrs.field(default=None, validator=_text, repr=False)
    phone: str | None = attrs.field(default=None, validator=_text, repr=False)


@attrs.frozen(slots=True, kw_only=True)
class LineItem:
    """One line of the order, for the provider to show."""

    # Not searched for card numbers: one in ten bar codes that begin with 4 looks like one.
    id: str = attrs.field(validator=_text)
    name: str = attrs.field(validator=_text)
    price: Money
    quantity: int = 1


@attrs.frozen(slots=True, kw_only=True)
class PaymentToken:
    """A way to pay: a linked wallet, a stored card, or one that the browser just tokenised.

    ``value`` is secret, and never a card number: that is refused. ``provider_id`` is the provider's
    own id of the link, where it has one beside the token. Raises
    :class:`~paykit.errors.InvalidRequest`.
    """

    provider: str = attrs.field(validator=_text)
    value: str = attrs.field(repr=False, validator=_id)
    customer_id: str | None = attrs.field(default=None, validator=_text)
    #: The reference of the payment or link that made it.
    reference: str | None = attrs.field(default=None, validator=_text)
    #: What to show the payer, e.g. a masked phone or card.
    label: str | None = attrs.field(default=None, validator=_text)
    provider_id: str | None = attrs.field(default=None, validator=_text)


@attrs.frozen(slots=True, kw_only=True)
class PaymentRequest:
    """What the merchant asks for.

    ``reference`` is the merchant's id of this attempt at the provider and must be new for each
    attempt; several attempts may share an ``order_id``. ``idempotency_key`` defaults to the
    reference: asking again with the same one never makes a second payment. ``method`` is the
    provider's own code of a payment method or bank, as its docs page lists them. ``extra`` holds
    the provider's own optional parameters; it can add, and never override what paykit sets.
    ``metadata`` is kept by the provider with the payment, beside our own ids; only card gateways
    have a place for it. ``off_session`` charges a stored card while the payer is not there.
    A card number in any of these is refused, and so is a text that no database could hold. Raises
    :class:`~paykit.errors.InvalidRequest`.
    """

    reference: str = attrs.field(validator=_not_blank)
    amount: Money = attrs.field(validator=[attrs.validators.instance_of(Money), _positive])
    description: str = attrs.field(default="", validator=_free_text)
    order_id: str | None = attrs.field(default=None, validator=_id)
    return_url: str | None = attrs.field(default=None, validator=_text)
    notify_url: str | None = attrs.field(default=None, validator=_text)
    method: str | None = attrs.field(default=None, validator=_text)
    capture: CaptureMode = CaptureMode.AUTOMATIC
    locale: str = attrs.field(default="vi", validator=_text)
    expires_at: datetime | None = attrs.field(default=None, validator=_aware)
    customer: Customer = attrs.field(factory=Customer)
    items: tuple[LineItem, ...] = attrs.field(default=(), converter=tuple)
    token: PaymentToken | None = None
    save_token: bool = False
    off_session: bool = False
    idempotency_key: str | None = attrs.field(default=None, validator=_id)
    metadata: Mapping[str, str] = attrs.field(factory=dict, validator=_metadata)
    extra: Extra = attrs.field(factory=dict, validator=_extra)

    def __attrs_post_init__(self) -> None:
        if self.off_session and self.token is None:
            raise InvalidRequest("needs a stored token", field="off_session")

    @property
    def key(self) -> str:
        """The idempotency key that is in force."""
        return self.idempotency_key or self.reference


@attrs.frozen(slots=True)
class Redirect:
    """Send the payer's browser to ``url``; ``app_url`` opens the provider's app instead."""

    url: str = attrs.field(repr=False)
    app_url: str | None = attrs.field(default=None, repr=False)
    qr_payload: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(slots=True)
class FormPost:
    """Let the payer's browser post ``fields`` to ``url``."""

    url: str
    fields: tuple[tuple[str, str], ...] = attrs.field(repr=False)


@attrs.frozen(slots=True)
class ShowQr:
    """Show ``payload`` as a QR code for the payer to scan."""

    payload: str = attrs.field(repr=False)


@attrs.frozen(slots=True)
class ConfirmInClient:
    """Hand ``client_secret`` to the provider's own front-end component."""

    client_secret: str = attrs.field(repr=False)


@attrs.frozen(slots=True)
class HandleInClient:
    """Hand ``action`` to the provider's own front-end component, as it is (Adyen)."""

    action: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen(slots=True)
class Nothing:
    """The payer has nothing to do."""


NextAction: TypeAlias = Redirect | FormPost | ShowQr | ConfirmInClient | HandleInClient | Nothing


@attrs.frozen(slots=True, kw_only=True)
class PaymentRef:
    """Which payment is meant. Keep what a session gave you: providers need different parts.

    ``created_at`` is when the payment was created (VNPay and ZaloPay ask for it), ``expires_at``
    when the time to pay is over, ``amount`` what was asked.
    ``transaction_id`` names one hold or one capture of a payment that has several (PayPal).
    """

    reference: str = attrs.field(validator=_not_blank)
    provider_id: str | None = attrs.field(default=None, validator=_text)
    transaction_id: str | None = attrs.field(default=None, validator=_text)
    amount: Money | None = None
    created_at: datetime | None = attrs.field(default=None, validator=_aware)
    expires_at: datetime | None = attrs.field(default=None, validator=_aware)


@attrs.frozen(slots=True, kw_only=True)
class PaymentSession:
    """What the payer must complete; nothing, where a token was charged.

    ``expires_at`` is when the time to pay is over; of a hold, when it lapses. ``token`` is the card
    that was stored, where the answer names it.
    """

    provider: str
    reference: str
    status: PaymentStatus
    next: NextAction
    amount: Money
    created_at: datetime
    provider_id: str | None = None
    expires_at: datetime | None = None
    payment_id: str | None = None  #: set by the service
    token: PaymentToken | None = None
    raw: Extra = attrs.field(factory=dict, repr=False)

    @property
    def ref(self) -> PaymentRef:
        """How to ask for this payment later."""
        return PaymentRef(
            reference=self.reference,
            provider_id=self.provider_id,
            amount=self.amount,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )


@attrs.frozen(slots=True, kw_only=True)
class RefundRequest:
    """Give money back: ``amount`` of ``payment``, or all of it when ``amount`` is ``None``.

    ``reference`` is the merchant's new id of this refund. Store the request before sending it: if
    the answer is lost, the same reference finds out what happened.
    """

    payment: PaymentRef
    reference: str = attrs.field(validator=_not_blank)
    amount: Money | None = attrs.field(default=None)
    description: str = attrs.field(default="", validator=_free_text)
    requested_by: str = attrs.field(default="paykit", validator=_text)
    idempotency_key: str | None = attrs.field(default=None, validator=_id)

    def __attrs_post_init__(self) -> None:
        if self.amount is not None and self.amount.minor <= 0:
            raise InvalidRequest("a refund is more than nothing", field="amount")
        whole = self.payment.amount
        if self.amount is not None and whole is not None and self.amount > whole:
            raise InvalidRequest("a refund is at most the payment", field="amount")

    @property
    def key(self) -> str:
        """The idempotency key that is in force."""
        return self.idempotency_key or self.reference

    @property
    def money(self) -> Money:
        """The amount to give back; raises :class:`InvalidRequest` when it is nowhere given."""
        amount = self.amount or self.payment.amount
        if amount is None:
            raise InvalidRequest("give an amount here or in the payment", field="amount")
        return amount

    @property
    def is_full(self) -> bool:
        """Whether the whole payment is given back."""
        return self.amount is None or self.amount == self.payment.amount


@attrs.frozen(slots=True, kw_only=True)
class RefundRef:
    """Which refund is meant."""

    reference: str = attrs.field(validator=_not_blank)
    payment: PaymentRef
    provider_id: str | None = attrs.field(default=None, validator=_text)
    amount: Money | None = None


@attrs.frozen(slots=True, kw_only=True)
class Refund:
    """What the provider says about a refund. ``code`` is its own word for the state."""

    provider: str
    reference: str
    payment_reference: str
    status: RefundStatus
    amount: Money | None = None
    provider_id: str | None = None
    code: str | None = None
    message: str | None = None
    raw: Extra = attrs.field(factory=dict, repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Payment:
    """What the provider says about a payment. Totals are cumulative, never deltas.

    ``transaction_id`` is the hold or the capture that the answer is about, where it has an id of
    its own; ``expires_at`` is when a hold lapses. ``next`` is what the payer has to do, where the
    provider tells it again: to go on with a payment, or to choose another means after a refusal.
    ``token`` is the card that was stored with it, where the answer names it.
    """

    provider: str
    reference: str
    status: PaymentStatus
    amount: Money | None = None
    captured: Money | None = None
    refunded: Money | None = None
    provider_id: str | None = None
    transaction_id: str | None = None
    expires_at: datetime | None = None
    code: str | None = None
    message: str | None = None
    reason: str | None = None
    occurred_at: datetime | None = None
    refunds: tuple[Refund, ...] = ()
    next: NextAction | None = None
    token: PaymentToken | None = None
    raw: Extra = attrs.field(factory=dict, repr=False)


@attrs.frozen(slots=True, kw_only=True)
class TokenRequest:
    """Turn what a linking notice granted into a :class:`PaymentToken`.

    ``grant`` is the one-time value of :class:`~paykit.events.TokenGranted`; without it the
    provider is asked again for the token of ``reference`` where it has such a call.
    """

    reference: str = attrs.field(validator=_not_blank)
    customer_id: str = attrs.field(validator=_not_blank)
    grant: str | None = attrs.field(default=None, validator=_id, repr=False)
    idempotency_key: str | None = attrs.field(default=None, validator=_id)
