"""How a payment stands, from what PayPal says about its order, holds, captures and refunds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final

import attrs

from ...models import PaymentStatus, Refund, RefundStatus
from ...money import Money
from .codes import (
    AUTHORIZATION_STATUSES,
    CAPTURE_STATUSES,
    COMPLETED,
    DISPUTES,
    LIVE,
    ORDER_STATUSES,
    REASONS,
    REFUND_STATUSES,
    TAKEN,
)
from .wire import Authorization, Capture, Order, Payments, RefundAnswer, Resource

S = PaymentStatus

#: After these an amount in an event is that of the refund.
GIVEN_BACK: Final = frozenset({S.PARTIALLY_REFUNDED, S.REFUNDED})


@attrs.frozen(kw_only=True)
class Standing:
    """The state of a payment; totals are cumulative, and ``None`` where PayPal does not tell."""

    status: PaymentStatus
    code: str
    reason: str | None = None
    captured: Money | None = None
    refunded: Money | None = None
    transaction_id: str | None = None
    expires_at: datetime | None = None
    occurred_at: datetime | None = None


def order_standing(order: Order) -> Standing:
    """How the payment of an order stands. ``COMPLETED`` says nothing: what is inside does."""
    closed = order.status == COMPLETED
    if closed or order.status in ORDER_STATUSES:
        payments = order.unit.payments
        inside = payments.captures or payments.authorizations
        # An attempt that failed does not end an order that is still open.
        if inside and (closed or not is_untouched(order)):
            stands = standing(payments)
            if not _is_complete(order):
                return Standing(status=S.UNKNOWN, code=stands.code)
            return stands
    return Standing(
        status=ORDER_STATUSES.get(order.status, S.UNKNOWN),
        code=order.status,
        occurred_at=order.update_time or order.create_time,
    )


def is_untouched(order: Order) -> bool:
    """Whether nothing was taken or held: no attempt yet, or only such as failed."""
    payments = order.unit.payments
    return all(_capture_status(capture) is S.FAILED for capture in payments.captures) and all(
        hold_status(hold) is S.FAILED for hold in payments.authorizations
    )


def standing(payments: Payments) -> Standing:
    """How a payment stands whose money was touched: captures first, then holds."""
    captures = payments.captures
    live = newest_live(payments.authorizations)
    states = [_capture_status(capture) for capture in captures]
    if S.UNKNOWN in states:
        return _of_captures(S.UNKNOWN, captures[states.index(S.UNKNOWN)], payments)
    if S.DISPUTED in states:
        return _of_captures(S.DISPUTED, captures[states.index(S.DISPUTED)], payments)
    if S.PENDING in states:
        return _of_captures(S.PENDING, captures[states.index(S.PENDING)], payments)
    taken = [capture for capture in captures if capture.status in TAKEN]
    if taken:
        status = _taken_status(taken, payments)
        if status is S.SUCCEEDED and live is not None and not any_final(taken):
            return _of_hold(live, payments)
        return _of_captures(status, taken[-1], payments)
    if captures and live is None:
        return _of_captures(S.FAILED, captures[-1], payments)
    return _of_hold(_deciding(payments.authorizations), payments)


def newest_live(holds: Sequence[Authorization]) -> Authorization | None:
    """The last hold from which money can be taken: a renewed one has a new id."""
    alive = [hold for hold in holds if hold.status in LIVE]
    return _by_age(alive)[-1] if alive else None


def oldest_held(holds: Sequence[Authorization]) -> Authorization | None:
    """The first hold that can be released. PayPal releases a renewed one only by its parent."""
    held = [hold for hold in holds if hold.status in LIVE or hold.status == "PENDING"]
    return _by_age(held)[0] if held else None


def any_final(captures: Iterable[Capture]) -> bool:
    """Whether one of ``captures`` released the rest of the hold."""
    return any(capture.final_capture for capture in captures)


def hold_status(hold: Authorization) -> PaymentStatus:
    """The state of a hold. PayPal calls one ``VOIDED`` that has lapsed, too."""
    status = AUTHORIZATION_STATUSES.get(hold.status, S.UNKNOWN)
    if status is S.CANCELED and hold.expiration_time and hold.update_time:
        return S.EXPIRED if hold.update_time >= hold.expiration_time else S.CANCELED
    return status


def taken_total(captures: Iterable[Capture], currency: str) -> Money:
    """What was taken in all, also where somebody wants it back."""
    return _sum((capture.amount for capture in captures if _was_taken(capture)), currency)


def refunded_total(payments: Payments) -> Money | None:
    """What was given back in all; ``None`` if a part was and PayPal does not say how much."""
    currency = payments.captures[0].amount.currency
    listed = _sum(
        (
            refund.amount
            for refund in payments.refunds
            if REFUND_STATUSES.get(refund.status) is RefundStatus.SUCCEEDED
        ),
        currency,
    )
    whole = [capture.amount for capture in payments.captures if capture.status == "REFUNDED"]
    part = any(capture.status == "PARTIALLY_REFUNDED" for capture in payments.captures)
    if part and not listed:
        return None
    return max(listed, _sum(whole, currency))


def to_refund(answer: RefundAnswer, payment_reference: str, reference: str, raw: object) -> Refund:
    """A refund as the domain has it."""
    return Refund(
        provider="paypal",
        reference=reference,
        payment_reference=payment_reference,
        status=REFUND_STATUSES.get(answer.status, RefundStatus.UNKNOWN),
        amount=answer.amount,
        provider_id=answer.id,
        code=answer.status,
        raw=raw if isinstance(raw, dict) else {},
    )


def _is_complete(order: Order) -> bool:
    """Whether an order tells of both the hold and what was taken from it."""
    payments = order.unit.payments
    if order.intent == "AUTHORIZE" and not payments.authorizations:
        return False
    taken = {"CAPTURED", "PARTIALLY_CAPTURED"}
    return bool(payments.captures) or all(h.status not in taken for h in payments.authorizations)


def _was_taken(capture: Capture) -> bool:
    return capture.status in TAKEN or capture.status_details.reason in DISPUTES


def _capture_status(capture: Capture) -> PaymentStatus:
    if capture.status_details.reason in DISPUTES:
        return S.DISPUTED
    return CAPTURE_STATUSES.get(capture.status, S.UNKNOWN)


def _taken_status(taken: Sequence[Capture], payments: Payments) -> PaymentStatus:
    total = taken_total(taken, taken[0].amount.currency)
    back = refunded_total(payments)
    if back is None:
        return S.PARTIALLY_REFUNDED
    if back >= total:
        return S.REFUNDED
    return S.PARTIALLY_REFUNDED if back else S.SUCCEEDED


def _of_captures(status: PaymentStatus, deciding: Capture, payments: Payments) -> Standing:
    paid = any(_was_taken(capture) for capture in payments.captures)
    return Standing(
        status=status,
        code=deciding.status,
        reason=_reason(deciding),
        captured=taken_total(payments.captures, deciding.amount.currency) if paid else None,
        refunded=refunded_total(payments) if paid else None,
        # With several it is for the caller to say which one is meant.
        transaction_id=deciding.id if len(payments.captures) == 1 else None,
        occurred_at=deciding.moment,
    )


def _of_hold(hold: Authorization, payments: Payments) -> Standing:
    status = hold_status(hold)
    captured = taken_total(payments.captures, hold.amount.currency)
    if status is S.SUCCEEDED and not captured:
        captured = hold.amount  # all of it was taken; the captures are not in this answer
    return Standing(
        status=status,
        code=hold.status,
        reason="expired" if status is S.EXPIRED else _reason(hold),
        captured=captured or None,
        refunded=refunded_total(payments) if payments.captures and captured else None,
        transaction_id=hold.id,
        expires_at=hold.expiration_time,
        occurred_at=hold.moment,
    )


def _deciding(holds: Sequence[Authorization]) -> Authorization:
    """The last hold, unless it is over and another is not; one that cannot be read decides."""
    last = _by_age(holds)[-1]
    unknown = last.status not in AUTHORIZATION_STATUSES
    return last if unknown else newest_live(holds) or last


def _reason(resource: Resource) -> str | None:
    return REASONS.get(resource.status_details.reason or "")


def _by_age(holds: Sequence[Authorization]) -> list[Authorization]:
    if all(hold.create_time for hold in holds):
        return sorted(holds, key=attrgetter("create_time"))
    return list(holds)


def _sum(amounts: Iterable[Money], currency: str) -> Money:
    return sum(amounts, Money(0, currency))
