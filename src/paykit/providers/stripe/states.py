"""What an answer of Stripe's means: how a payment, a refund or a page stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs

from ...declines import DeclineReason
from ...models import (
    ConfirmInClient,
    NextAction,
    Nothing,
    PaymentStatus,
    PaymentToken,
    Refund,
    RefundStatus,
)
from ...money import Money
from .codes import DECLINES, EXPIRIES, INTENT_STATUSES, PAGE_STATUSES, REFUND_STATUSES
from .wire import ChargeShape, Failure, Intent, MethodShape, Page, PaymentIntent, RefundShape

S = PaymentStatus

_DECIDED: Final = frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED})


@attrs.frozen(kw_only=True)
class Standing:
    """How a payment stands, with the totals as far as they are known."""

    status: PaymentStatus
    code: str | None = None
    reason: str | None = None
    captured: Money | None = None
    refunded: Money | None = None
    expires_at: datetime | None = None


def decline_reason(failure: Failure) -> str:
    """Why a card was refused, in our words."""
    for code in (failure.decline_code, failure.code):
        if code is not None and code in DECLINES:
            return DECLINES[code]
    return DeclineReason.CARD_DECLINED


def intent_status(intent: Intent, failure: Failure | None) -> Standing:
    """How an intent stands by itself, whatever became of money that it took."""
    status = INTENT_STATUSES.get(intent.status, S.UNKNOWN)
    if intent.status == "requires_payment_method" and failure is not None:
        # An attempt that failed. The same intent may be tried with another card.
        return Standing(status=S.FAILED, code=failure.word, reason=decline_reason(failure))
    if status is S.CANCELED:
        code = intent.cancellation_reason or intent.status
        if intent.cancellation_reason in EXPIRIES:
            return Standing(status=S.EXPIRED, code=code, reason="expired")
        return Standing(status=S.CANCELED, code=code, reason="canceled_by_merchant")
    return Standing(status=status, code=intent.status)


def payment_standing(intent: PaymentIntent) -> Standing:
    """How a payment stands, with what its charge tells of refunds and disputes."""
    stands = intent_status(intent, intent.last_payment_error)
    captured = intent.received if intent.amount_received else None
    charge = intent.latest_charge
    if captured is None:
        if stands.status is S.AUTHORIZED and charge and charge.payment_method_details:
            card = charge.payment_method_details.card
            return attrs.evolve(stands, expires_at=card.capture_before if card else None)
        return stands
    if stands.status in {S.CANCELED, S.EXPIRED}:
        # The rest of a hold of which a part was taken.
        stands = attrs.evolve(stands, status=S.SUCCEEDED, reason=None)
    stands = attrs.evolve(stands, captured=captured)
    if charge is None or stands.status is not S.SUCCEEDED:
        return stands
    refunded = refunded_total(charge)
    if refunded:
        whole = refunded >= captured
        status = S.REFUNDED if whole else S.PARTIALLY_REFUNDED
        stands = attrs.evolve(stands, status=status, refunded=refunded)
    if charge.disputed:
        stands = attrs.evolve(stands, status=S.DISPUTED, reason="disputed")
    return stands


def _released(charge: ChargeShape, refunds: Sequence[RefundShape]) -> str | None:
    """The id of the refund that is none: the rest of a hold of which a part was taken.

    Stripe writes that down as a refund, too, and counts it in ``amount_refunded``. It is made
    together with the capture, so before any other.
    """
    rest = charge.amount - charge.amount_captured
    if rest <= 0:
        return None
    alike = [
        refund for refund in refunds if refund.amount == rest and refund.payment_reference is None
    ]
    return min(alike, key=lambda refund: (refund.created, refund.id)).id if alike else None


def is_release(refund: RefundShape, charge: ChargeShape) -> bool:
    """Whether a refund that paykit did not make gives back nothing that was taken."""
    listed = charge.refunds.data if charge.refunds else ()
    return not charge.amount_captured or _released(charge, listed) == refund.id


def true_refunds(charge: ChargeShape) -> list[RefundShape]:
    """The refunds of money that was taken, as far as the answer lists them."""
    if charge.refunds is None or not charge.amount_captured:
        return []
    listed = charge.refunds.data
    rest = _released(charge, listed)
    return [refund for refund in listed if refund.id != rest]


def refunded_total(charge: ChargeShape) -> Money:
    """How much of what was taken was given back."""
    listed = true_refunds(charge)
    if charge.refunds is not None and not charge.refunds.has_more:
        return charge.money(
            sum(refund.amount for refund in listed if _status(refund) is RefundStatus.SUCCEEDED)
        )
    # Without the whole list the counter has to tell. It also counts what was merely released, and
    # what is on its way.
    rest = charge.amount - charge.amount_captured
    on_its_way = sum(refund.amount for refund in listed if _status(refund) not in _DECIDED)
    return charge.money(max(0, charge.amount_refunded - max(0, rest) - on_its_way))


def _status(refund: RefundShape) -> RefundStatus:
    return REFUND_STATUSES.get(refund.status or "", RefundStatus.UNKNOWN)


def to_refund(answer: RefundShape, payment_reference: str, reference: str) -> Refund:
    """The refund that Stripe answers about."""
    return Refund(
        provider="stripe",
        reference=reference,
        payment_reference=payment_reference,
        status=_status(answer),
        amount=answer.total,
        provider_id=answer.id,
        code=answer.status,
        message=answer.failure_reason,
    )


def stored_card(
    method: MethodShape | None, customer: str | None, reference: str | None
) -> PaymentToken | None:
    """The card as it can be charged later; ``None`` where it belongs to no customer."""
    if method is None or customer is None:
        return None
    return PaymentToken(
        provider="stripe",
        value=method.id,
        customer_id=customer,
        reference=reference,
        label=method.label or None,
    )


def client_step(intent: Intent) -> NextAction:
    """What the payer has to do in the shop's own page, if anything."""
    open_still = {"requires_action", "requires_confirmation", "requires_payment_method"}
    if intent.status not in open_still or intent.client_secret is None:
        return Nothing()
    return ConfirmInClient(intent.client_secret.get_secret_value())


def page_standing(page: Page) -> Standing:
    """How a page stands by itself, whatever payment was made on it."""
    code = page.payment_status if page.status == "complete" else page.status
    if page.status == "complete":
        # Unpaid is a slow means of payment, or a hold: the events of the payment itself tell.
        status = PAGE_STATUSES.get(page.payment_status, S.UNKNOWN)
        taken = page.total if page.payment_status == "paid" else None
        return Standing(status=status, code=code, captured=taken)
    if page.status == "expired":
        return Standing(status=S.EXPIRED, code=code, reason="expired")
    return Standing(status=S.REQUIRES_ACTION if page.status == "open" else S.UNKNOWN, code=code)


def on_page(stands: Standing, page: Page) -> Standing:
    """How a payment stands that is made on ``page``: there the payer can try again to the end."""
    if stands.status not in {S.PENDING, S.FAILED, S.REQUIRES_ACTION, S.CANCELED}:
        return stands
    if page.status == "expired":
        return page_standing(page)
    if page.status == "open" and stands.status is not S.CANCELED:
        return attrs.evolve(stands, status=S.REQUIRES_ACTION)
    return stands
