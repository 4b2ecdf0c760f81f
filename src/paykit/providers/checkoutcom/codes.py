"""Checkout.com's words in ours: states, events, response codes, errors.

Sources: https://www.checkout.com/docs/developer-resources/codes/api-response-codes and
https://www.checkout.com/docs/developer-resources/event-notifications/event-types
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from ...declines import DeclineReason
from ...events import MovementKind
from ...models import PaymentStatus

S = PaymentStatus
_R = DeclineReason

#: ``status`` of a payment. What the totals add to it stands in ``states``.
STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "Pending": S.PENDING,
    "Authorized": S.AUTHORIZED,
    "Card Verified": S.SUCCEEDED,
    "Partially Captured": S.AUTHORIZED,
    "Captured": S.SUCCEEDED,
    "Paid": S.SUCCEEDED,
    "Voided": S.CANCELED,
    "Canceled": S.CANCELED,
    "Expired": S.EXPIRED,
    "Declined": S.FAILED,
    "Partially Refunded": S.PARTIALLY_REFUNDED,
    "Refunded": S.REFUNDED,
}
#: Money was taken, whatever became of it.
TAKEN: Final = frozenset({"Captured", "Paid", "Partially Refunded", "Refunded"})
#: Nothing was taken, and nothing will be.
OVER: Final = frozenset({"Voided", "Canceled", "Expired", "Declined"})

#: ``status`` of a hosted page. ``Payment Received`` is not here: the payment tells.
PAGE_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "Payment Pending": S.REQUIRES_ACTION,
    "Expired": S.EXPIRED,
}

#: ``response_code`` of a refusal. Any other is ``card_declined``.
DECLINES: Final[Mapping[str, DeclineReason]] = {
    "20012": _R.CARD_NOT_SUPPORTED,
    "20013": _R.INVALID_AMOUNT,
    "20014": _R.INCORRECT_NUMBER,
    "20017": _R.CANCELED_BY_PAYER,
    "20019": _R.PROCESSING_ERROR,
    "20051": _R.INSUFFICIENT_FUNDS,
    "20054": _R.EXPIRED_CARD,
    "20055": _R.INCORRECT_PIN,
    "20057": _R.CARD_NOT_SUPPORTED,
    "20059": _R.FRAUD_SUSPECTED,
    "20061": _R.LIMIT_EXCEEDED,
    "20062": _R.CARD_NOT_SUPPORTED,
    "20063": _R.FRAUD_SUSPECTED,
    "20065": _R.LIMIT_EXCEEDED,
    "20068": _R.ISSUER_UNAVAILABLE,
    "20075": _R.INCORRECT_PIN,
    "20087": _R.INCORRECT_CVC,
    "20091": _R.ISSUER_UNAVAILABLE,
    "20092": _R.ISSUER_UNAVAILABLE,
    "20094": _R.DUPLICATE_TRANSACTION,
    "20096": _R.PROCESSING_ERROR,
    "20100": _R.INVALID_EXPIRY,
    "20103": _R.INCORRECT_CVC,
    "20150": _R.AUTHENTICATION_FAILED,
    "20151": _R.AUTHENTICATION_FAILED,
    "20152": _R.AUTHENTICATION_FAILED,
    "20153": _R.AUTHENTICATION_FAILED,
    "20154": _R.AUTHENTICATION_REQUIRED,
    "30004": _R.LOST_OR_STOLEN,
    "30007": _R.LOST_OR_STOLEN,
    "30015": _R.INCORRECT_NUMBER,
    "30033": _R.EXPIRED_CARD,
    "30034": _R.FRAUD_SUSPECTED,
    "30041": _R.LOST_OR_STOLEN,
    "30043": _R.LOST_OR_STOLEN,
}
#: The family of a response code: what the first two digits say.
APPROVED: Final = "10"
RISK: Final = "40"

TOKEN_USED: Final = "token_used"  # noqa: S105 - an error's name
#: ``error_codes`` of HTTP 422 that are about the card and not about the request.
TOKEN_ERRORS: Final[Mapping[str, DeclineReason]] = {
    "token_expired": _R.TOKEN_INVALID,
    "token_invalid": _R.TOKEN_INVALID,
    TOKEN_USED: _R.TOKEN_INVALID,
    "source_token_invalid": _R.TOKEN_INVALID,
    "card_expired": _R.EXPIRED_CARD,
    "cvv_invalid": _R.INCORRECT_CVC,
}


def decline_reason(code: str | None) -> DeclineReason:
    """The word for a ``response_code`` that refuses."""
    if code is not None and code.startswith(RISK):
        return _R.FRAUD_SUSPECTED
    return DECLINES.get(code or "", _R.CARD_DECLINED)


@attrs.frozen(kw_only=True)
class Meaning:
    """What a type of webhook says. ``done``: a response code that refuses contradicts it."""

    status: PaymentStatus
    reason: str | None = None
    moves: MovementKind | None = None
    undone: bool = False
    done: bool = False
    declines: bool = False  #: the response code gives the reason


_CAPTURE, _REFUND = MovementKind.CAPTURE, MovementKind.REFUND

#: Every other type is taken in and means nothing here: payouts, progress, other products.
EVENTS: Final[Mapping[str, Meaning]] = {
    "payment_pending": Meaning(status=S.PENDING),
    "payment_approved": Meaning(status=S.AUTHORIZED, done=True),
    "payment_declined": Meaning(status=S.FAILED, declines=True),
    "payment_authentication_failed": Meaning(status=S.FAILED, reason="authentication_failed"),
    "payment_captured": Meaning(status=S.SUCCEEDED, moves=_CAPTURE, done=True),
    "payment_capture_declined": Meaning(
        status=S.AUTHORIZED, reason="capture_failed", moves=_CAPTURE, undone=True
    ),
    "payment_voided": Meaning(status=S.CANCELED, done=True),
    "payment_void_declined": Meaning(status=S.AUTHORIZED, reason="void_failed"),
    "payment_canceled": Meaning(status=S.CANCELED),
    "payment_expired": Meaning(status=S.EXPIRED, reason="expired"),
    "payment_refunded": Meaning(status=S.PARTIALLY_REFUNDED, moves=_REFUND, done=True),
    "payment_refund_declined": Meaning(
        status=S.NEEDS_REVIEW, reason="refund_failed", moves=_REFUND, undone=True
    ),
    "payment_returned": Meaning(status=S.NEEDS_REVIEW, reason="returned"),
    "card_verified": Meaning(status=S.SUCCEEDED, done=True),
    "card_verification_declined": Meaning(status=S.FAILED, declines=True),
}
#: What 3-D Secure came to, told of its session. Whether the payment goes on without it (as it may),
#: only the payment itself can tell: this may also come after the payment was approved.
AUTHENTICATIONS: Final = frozenset({"authentication_failed", "authentication_expired"})
#: These begin with ``dispute_``: somebody wants the money back, or did.
DISPUTE: Final = "dispute_"
