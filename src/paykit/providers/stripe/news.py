"""What a webhook tells, once it is proven, and what it leaves open.

Refunds from the dashboard and disputes do not carry our reference. A charge that was given back
has a running total that also counts what was merely released. So for these Stripe is asked for the
payment, and its answer is read together with the notice.

Source: https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from pydantic import Field

from ...errors import InvalidRequest, MalformedDelivery
from ...events import Event, Movement, MovementKind, PaymentProcessed, TokenGranted
from ...models import PaymentStatus, RefundStatus
from ...money import Money
from ...signing import fingerprint
from ...wire import UnixTime, Wire
from .codes import CHARGE_STATUSES, DISPUTE_REASONS, EVENTS, REFUND_STATUSES, Subject
from .config import StripeConfig
from .states import (
    Standing,
    intent_status,
    is_release,
    page_standing,
    payment_standing,
    true_refunds,
)
from .wire import (
    ChargeShape,
    DisputeShape,
    Id,
    Intent,
    Owned,
    Page,
    PaymentIntent,
    RefundShape,
    SetupIntent,
)

S = PaymentStatus

#: Their objects carry what paykit keeps with a payment.
_KNOWN_BY_ITSELF: Final = frozenset({Subject.INTENT, Subject.SETUP, Subject.PAGE, Subject.CHARGE})
_THIN: Final = "v2.core.event"
_NAME: Final = "stripe"


class Data(Wire):
    """Where an event's object stands."""

    object: dict[str, Any]


class Envelope(Wire):
    """An event, as it is around its object. Its ``api_version`` may be any."""

    id: Id
    object: str
    type: str = Field(max_length=255)
    created: UnixTime
    livemode: bool
    account: str | None = None
    data: Data

    @property
    def subject(self) -> Subject | None:
        """What it is about; ``None`` for what means nothing here."""
        return EVENTS.get(self.type)


def read_envelope(fields: Mapping[str, Any], *, live: bool) -> Envelope:
    """The event; raises :class:`MalformedDelivery` for one that is none, or another account's."""
    if fields.get("object") == _THIN:
        raise MalformedDelivery(
            "a thin event says nothing of the payment: give the endpoint snapshot payloads",
            provider=_NAME,
        )
    event = Envelope.told(fields, provider=_NAME)
    if event.object != "event":
        raise MalformedDelivery("not an event", provider=_NAME)
    if event.livemode is not live:
        mode = "live" if event.livemode else "test"
        raise MalformedDelivery(f"an event of {mode} mode", provider=_NAME)
    if event.account is not None:
        raise MalformedDelivery("an event of a connected account", provider=_NAME)
    return event


def open_question(event: Envelope) -> str | None:
    """The id of the payment that has to be asked about before ``event`` can be read."""
    subject, owned = event.subject, Owned.told(event.data.object, provider=_NAME)
    if subject is Subject.REFUND:
        return owned.payment_intent if owned.payment_reference is None else None
    if subject is Subject.REFUNDS and owned.reference is not None:
        charge = ChargeShape.told(event.data.object, provider=_NAME)
        return charge.payment_intent if charge.amount_captured else None
    return owned.payment_intent if subject is Subject.DISPUTE else None


@attrs.frozen
class Teller:
    """Says what one event means for the account of ``config``."""

    event: Envelope
    intent: PaymentIntent | None  #: what Stripe answered about the payment, if it is ours
    config: StripeConfig

    def events(self) -> Iterator[Event]:
        """What happened; nothing for a payment that paykit did not make, whatever it looks like."""
        subject, inside = self.event.subject, self.event.data.object
        owned = Owned.told(inside, provider=_NAME)
        if subject in _KNOWN_BY_ITSELF:
            if owned.reference is not None:
                yield from self._told_by_itself(owned.reference)
        elif subject is Subject.REFUND and owned.payment_reference is not None:
            refund = RefundShape.told(inside, provider=_NAME)
            yield from self._refund(refund, owned.payment_reference, refund.payment_intent)
        elif self.intent is not None and self.intent.reference is not None:
            yield from self._asked_about(self.intent, self.intent.reference)

    def _asked_about(self, intent: PaymentIntent, reference: str) -> Iterator[Event]:
        subject, inside = self.event.subject, self.event.data.object
        charge = intent.latest_charge
        if subject is Subject.DISPUTE:
            yield self._dispute(DisputeShape.told(inside, provider=_NAME), intent, reference)
        elif subject is Subject.REFUND:
            refund = RefundShape.told(inside, provider=_NAME)
            if charge is not None and not is_release(refund, charge):
                yield from self._refund(refund, reference, intent.id)
        elif charge is not None:
            for refund in true_refunds(charge):
                yield from self._refund(refund, reference, intent.id)

    def _told_by_itself(self, reference: str) -> Iterator[Event]:
        subject, inside = self.event.subject, self.event.data.object
        if subject is Subject.INTENT:
            yield from self._payment(PaymentIntent.told(inside, provider=_NAME), reference)
        elif subject is Subject.SETUP:
            yield from self._setup(SetupIntent.told(inside, provider=_NAME), reference)
        elif subject is Subject.PAGE:
            yield from self._page(Page.told(inside, provider=_NAME), reference)
        else:
            yield from self._charge(ChargeShape.told(inside, provider=_NAME), reference)

    def _payment(self, intent: PaymentIntent, reference: str) -> Iterator[Event]:
        stands = payment_standing(intent)
        yield self._event(reference, stands, intent.total, intent.id)
        if intent.setup_future_usage and stands.status in {S.AUTHORIZED, S.SUCCEEDED}:
            yield from self._grant(intent, reference)

    def _setup(self, setup: SetupIntent, reference: str) -> Iterator[Event]:
        stands = intent_status(setup, setup.last_setup_error)
        yield self._event(reference, stands, _nothing(setup.metadata), setup.id)
        if stands.status is S.SUCCEEDED:
            yield from self._grant(setup, reference)

    def _page(self, page: Page, reference: str) -> Iterator[Event]:
        if page.mode == "setup" and page.status == "complete":
            return  # of a set-up its own event tells
        stands = page_standing(page)
        if self.event.type.endswith(".async_payment_failed") and stands.status is S.PENDING:
            stands = attrs.evolve(stands, status=S.FAILED, reason="refused")
        amount = page.total or _nothing(page.metadata)
        # The page's own id would take the place of the payment's, which is told before or after.
        yield self._event(reference, stands, amount, page.payment_intent)

    def _charge(self, charge: ChargeShape, reference: str) -> Iterator[Event]:
        if charge.payment_intent is None:
            return
        status, captured = CHARGE_STATUSES.get(charge.status, S.UNKNOWN), None
        if self.event.type == "charge.expired":
            if charge.amount_captured:
                return  # the rest of a hold of which a part was taken
            status = S.EXPIRED
        elif status is S.SUCCEEDED and not charge.captured:
            status = S.AUTHORIZED
        elif status is S.SUCCEEDED:
            captured = charge.money(charge.amount_captured)
        stands = Standing(status=status, code=charge.status, captured=captured)
        yield self._event(reference, stands, charge.total, charge.payment_intent)

    def _refund(
        self, refund: RefundShape, reference: str, intent_id: str | None
    ) -> Iterator[PaymentProcessed]:
        status = REFUND_STATUSES.get(refund.status or "", RefundStatus.UNKNOWN)
        if status is RefundStatus.PENDING:
            return
        undone = status is RefundStatus.FAILED
        stands = Standing(status=S.UNKNOWN, code=refund.status)
        movement = None
        if status is not RefundStatus.UNKNOWN:
            movement = Movement(
                kind=MovementKind.REFUND, id=refund.id, amount=refund.total, undone=undone
            )
            stands = attrs.evolve(stands, status=S.PARTIALLY_REFUNDED)
        if undone:
            stands = attrs.evolve(stands, status=S.NEEDS_REVIEW, reason="refund_failed")
        told = self._event(reference, stands, refund.total, intent_id, refund.id)
        yield attrs.evolve(told, movement=movement)

    def _dispute(
        self, dispute: DisputeShape, intent: PaymentIntent, reference: str
    ) -> PaymentProcessed:
        reason = DISPUTE_REASONS.get(dispute.status, "disputed")
        captured = intent.received if intent.amount_received else None
        stands = Standing(status=S.DISPUTED, code=dispute.status, reason=reason, captured=captured)
        return self._event(reference, stands, intent.total, intent.id)

    def _event(
        self,
        reference: str,
        stands: Standing,
        amount: Money,
        provider_id: str | None,
        *about: str,
    ) -> PaymentProcessed:
        return PaymentProcessed(
            event_id=self._id(*about),
            provider=_NAME,
            account=self.config.account,
            reference=reference,
            status=stands.status,
            amount=amount,
            occurred_at=self.event.created,
            provider_id=provider_id,
            code=stands.code,
            reason=stands.reason,
            captured=stands.captured,
            refunded=stands.refunded,
        )

    def _grant(self, intent: Intent, reference: str) -> Iterator[TokenGranted]:
        method, customer = intent.payment_method, intent.customer
        if method is not None and customer is not None:
            yield TokenGranted(
                event_id=self._id("token"),
                provider=_NAME,
                account=self.config.account,
                reference=reference,
                customer_id=customer,
                grant=method.id,
                occurred_at=self.event.created,
            )

    def _id(self, *about: str) -> str:
        """An event may tell of several things, but always of the same ones."""
        parts = (_NAME, self.config.account, self.event.id, *about)
        return fingerprint("|".join(parts).encode())


def _nothing(metadata: Mapping[str, str]) -> Money:
    """The amount of a set-up: nothing, in the currency that was kept with it."""
    try:
        return Money(0, metadata.get("currency", ""))
    except InvalidRequest:
        raise MalformedDelivery("no currency", provider=_NAME) from None
