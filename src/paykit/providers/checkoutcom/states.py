"""How a payment stands, from what Checkout.com says about it."""

from __future__ import annotations

import attrs

from ...models import Payment, PaymentStatus, PaymentToken, Redirect
from ...money import Money
from .codes import APPROVED, STATUSES, TAKEN, decline_reason
from .wire import CUSTOMER_ID, SAVES, Details, Priced, Source

S = PaymentStatus
_NOTHING_LEFT = frozenset({S.CANCELED, S.EXPIRED})
_GOOD = frozenset({S.AUTHORIZED, S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED})


@attrs.frozen(kw_only=True)
class Standing:
    """The state of a payment; totals are cumulative, and ``None`` where nobody tells."""

    status: PaymentStatus
    captured: Money | None = None
    refunded: Money | None = None
    reason: str | None = None


def standing(answer: Priced) -> Standing:
    """The state, with the totals that go with it. Where they contradict it, it is unknown."""
    status = STATUSES.get(answer.status, S.UNKNOWN)
    captured = _total(answer, answer.balances.total_captured)
    refunded = _total(answer, answer.balances.total_refunded)
    if status is S.PENDING and answer.links.redirect is not None:
        status = S.REQUIRES_ACTION
    elif captured and (status in _NOTHING_LEFT or _is_rest_gone(answer, status)):
        status = S.SUCCEEDED  # a part was taken, and the rest is released
    elif answer.status in TAKEN and captured is None:
        captured = answer.money
    if status is S.REFUNDED and refunded is None:
        refunded = captured
    if _contradicts(answer, status, captured, refunded):
        status = S.UNKNOWN
    return Standing(
        status=status, captured=captured, refunded=refunded, reason=_reason(answer, status)
    )


def as_payment(details: Details, raw: dict[str, object], reference: str) -> Payment:
    """The payment that an answer describes."""
    stands = standing(details)
    redirect = details.links.redirect
    asks = stands.status is S.REQUIRES_ACTION and redirect is not None
    return Payment(
        provider="checkoutcom",
        reference=reference,
        status=stands.status,
        amount=details.money,
        captured=stands.captured,
        refunded=stands.refunded,
        provider_id=details.id,
        expires_at=details.expires_on if stands.status is S.AUTHORIZED else None,
        code=details.status,
        reason=stands.reason,
        occurred_at=details.requested_on,
        next=Redirect(redirect.href) if asks and redirect else None,
        token=stored_card(
            details.source,
            reference,
            customer_id=details.kept(CUSTOMER_ID) or details.customer.id,
            wanted=details.approved and details.kept(SAVES) is not None,
        ),
        raw=raw,
    )


def stored_card(
    source: Source, reference: str, *, customer_id: str | None, wanted: bool
) -> PaymentToken | None:
    """The card that was stored, if it was to be and the answer names it."""
    if not wanted or source.id is None:
        return None
    return PaymentToken(
        provider="checkoutcom",
        value=source.id,
        customer_id=customer_id,
        reference=reference,
        label=source.label,
    )


def _total(answer: Priced, total: int | None) -> Money | None:
    return None if total is None else answer.count(total)


def _is_rest_gone(answer: Priced, status: PaymentStatus) -> bool:
    return status is S.AUTHORIZED and answer.balances.available_to_capture == 0


def _contradicts(
    answer: Priced, status: PaymentStatus, captured: Money | None, refunded: Money | None
) -> bool:
    if status in _GOOD and not answer.approved:
        return True
    if answer.status in TAKEN and not captured:
        return True
    if status is S.REFUNDED:
        return refunded is None or captured is None or refunded < captured
    return status is S.PARTIALLY_REFUNDED and refunded is not None and not refunded


def _reason(answer: Priced, status: PaymentStatus) -> str | None:
    if status is S.FAILED and isinstance(answer, Details):
        refusals = [
            action.response_code
            for action in answer.actions
            if action.response_code and not action.response_code.startswith(APPROVED)
        ]
        return decline_reason(refusals[-1] if refusals else None)
    return "expired" if status is S.EXPIRED else None
