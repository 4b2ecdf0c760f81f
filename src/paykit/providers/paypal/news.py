"""What PayPal's answers about the subject of a webhook or a return mean, as an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import attrs

from ...errors import MalformedResponse
from ...events import PaymentProcessed
from ...models import PaymentStatus
from ...money import Money
from ...signing import fingerprint
from .codes import APPROVAL_REVERSED, Subject
from .config import PayPalConfig
from .states import GIVEN_BACK, Standing, order_standing, standing
from .wire import Authorization, Capture, Order, RefundAnswer, Resource, gather

S = PaymentStatus
R = TypeVar("R", bound=Resource)


@attrs.frozen(kw_only=True)
class News:
    """What PayPal answered, and when a webhook made us ask. ``left``: the payer gave up."""

    subject: Subject
    type: str = ""
    order: Order | None = None
    hold: Authorization | None = None
    capture: Capture | None = None
    refund: RefundAnswer | None = None
    sent_at: datetime | None = None
    left: bool = False


def event_of(news: News, config: PayPalConfig, now: datetime) -> PaymentProcessed:
    """The event; raises :class:`MalformedResponse` where the answers do not fit together."""
    _check_payee(news, config)
    stands = _adjusted(news, _standing(news))
    amount = _amount(news)
    if news.refund is not None and stands.status in GIVEN_BACK:
        amount = news.refund.amount
    part = news.refund or news.capture or news.hold
    order_id = _order_id(news)
    moment = part.moment if part else stands.occurred_at
    reference = _reference(news) or order_id or (part.id if part else "")
    about = (
        news.subject,
        part.id if part else None,
        order_id,
        reference,
        stands.status,
        stands.code,
        amount,
        stands.captured,
        stands.refunded,
        moment,
    )
    return PaymentProcessed(
        # Nothing of the webhook itself: whoever can forge one could claim the id of a true one.
        event_id=fingerprint("\n".join(map(str, about)).encode()),
        provider="paypal",
        account=config.account,
        reference=reference,
        status=stands.status,
        amount=amount,
        occurred_at=moment or news.sent_at or now,
        provider_id=order_id,
        code=stands.code,
        reason=stands.reason,
        captured=stands.captured,
        refunded=stands.refunded,
    )


def _standing(news: News) -> Standing:
    order = news.order
    if news.hold is None and news.capture is None:
        assert order is not None  # noqa: S101 - there is news of something
        return order_standing(order)
    inside = order.unit.payments if order else gather()
    # The part that was asked for itself is the fresher one.
    return standing(
        gather(
            authorizations=_with(inside.authorizations, news.hold),
            captures=_with(inside.captures, news.capture),
            refunds=_with(inside.refunds, news.refund),
        )
    )


def _adjusted(news: News, stands: Standing) -> Standing:
    """What the subject adds to how the payment stands."""
    paid = bool(stands.captured)
    if news.subject is Subject.DISPUTE and paid:
        return attrs.evolve(stands, status=S.DISPUTED, reason="disputed")
    if news.subject is Subject.REVERSAL and stands.status in {*GIVEN_BACK, S.DISPUTED}:
        return attrs.evolve(stands, status=S.DISPUTED, reason="reversed")
    if news.type == APPROVAL_REVERSED and stands.status is S.CANCELED:
        return attrs.evolve(stands, status=S.EXPIRED, reason="expired")
    if news.left and stands.status is S.REQUIRES_ACTION:
        return attrs.evolve(stands, reason="canceled_by_payer")
    if news.refund is not None and stands.status in GIVEN_BACK:
        return _with_total(news.refund, stands)
    return stands


def _with_total(refund: RefundAnswer, stands: Standing) -> Standing:
    """The refund says how much was given back in all; its capture may not list the others."""
    total = refund.seller_payable_breakdown.total_refunded_amount
    known = [money for money in (total, stands.refunded) if money is not None]
    if not known or any(money.currency != refund.amount.currency for money in known):
        return stands
    back = max(known)
    whole = stands.captured is not None and back >= stands.captured
    return attrs.evolve(
        stands,
        status=S.REFUNDED if whole else S.PARTIALLY_REFUNDED,
        code=refund.status,
        refunded=back,
    )


def _amount(news: News) -> Money:
    """What the payment is about: the order's amount where it is known."""
    if news.order is not None and news.order.unit.amount is not None:
        return news.order.unit.amount
    part = news.capture or news.hold
    if part is None:
        raise MalformedResponse("no amount", provider="paypal")
    return part.amount


def _order_id(news: News) -> str | None:
    if news.order is not None:
        return news.order.id
    part = news.capture or news.hold
    return part.order_id if part else None


def _reference(news: News) -> str | None:
    """Our own reference. A refund has one of its own, which is not meant."""
    if news.order is not None and news.order.unit.custom_id:
        return news.order.unit.custom_id
    part = news.capture or news.hold
    return part.custom_id if part else None


def _check_payee(news: News, config: PayPalConfig) -> None:
    ours = config.merchant_id
    payees = [part.payee for part in (news.hold, news.capture) if part]
    if news.order is not None:
        payees.append(news.order.unit.payee)
    if ours and any(payee.merchant_id not in {None, ours} for payee in payees):
        raise MalformedResponse("it pays another merchant", provider="paypal")


def _with(listed: Sequence[R], part: R | None) -> list[R]:
    if part is None:
        return list(listed)
    others = [item for item in listed if item.id != part.id]
    return [*others, part]
