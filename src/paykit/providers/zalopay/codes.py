"""ZaloPay's words, in ours: methods, codes of payments and refunds, refusals, replies.

Sources: https://docs.zalopay.vn/docs/specs/order-query (and its neighbours) and the code tables of
ZaloPay's VietQR document. A code that is not here is unknown, and never success.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import (
    AuthenticationFailed,
    DuplicateReference,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from ...models import PaymentStatus, RefundStatus
from ...provider import Outcome

S = PaymentStatus

#: ``return_code``: what became of a call.
DONE: Final = 1
REFUSED: Final = 2
OPEN: Final = 3

#: ``sub_return_code`` where there is nothing to add to :data:`DONE`.
NO_REMARK: Final = 1
DUPLICATE_ORDER: Final = -68
NO_SUCH_ID: Final = -101

#: What ``preferred_payment_method`` may hold; anything else as a method is a ``bank_code``.
PREFERRED: Final = (
    "account",
    "applepay",
    "domestic_card",
    "international_card",
    "vietqr",
    "zalopay_wallet",
)

#: Codes of a payment that ended: our status and the reason in our words.
PAYMENT_CODES: Final[Mapping[int, tuple[PaymentStatus, str | None]]] = {
    1: (S.SUCCEEDED, None),
    -49: (S.CANCELED, "canceled_by_payer"),
    -54: (S.EXPIRED, "expired"),
    -59: (S.FAILED, "refused"),
    -63: (S.FAILED, "insufficient_funds"),
    -217: (S.FAILED, "bank_unavailable"),
    -322: (S.EXPIRED, "expired"),
    -329: (S.CANCELED, "canceled_by_payer"),
    -332: (S.FAILED, "promotion_rule"),
    -333: (S.FAILED, "promotion_rule"),
    -1330: (S.FAILED, "limit_exceeded"),
    -1331: (S.FAILED, "limit_exceeded"),
    -1332: (S.FAILED, "limit_exceeded"),
    -1333: (S.FAILED, "limit_exceeded"),
    -1340: (S.FAILED, "limit_exceeded"),
    -1341: (S.FAILED, "limit_exceeded"),
    -1342: (S.FAILED, "limit_exceeded"),
    -1343: (S.FAILED, "limit_exceeded"),
}
#: Until the order expires, the payer may come back or top up: so long the payment is pending.
UNTIL_EXPIRY: Final = frozenset({-49, -63})
#: The older list of steps on the way; none of them is an end.
STEPS: Final = frozenset({3, 5, 10, 12, 13, 14, 15, 16, 17, 18, 19, 26, 27, 28, 29, 46, 47, 48})

#: Codes of a refund that came to nothing.
REFUND_CODES: Final[Mapping[int, RefundStatus]] = {
    0: RefundStatus.FAILED,
    -2: RefundStatus.FAILED,
    -13: RefundStatus.FAILED,
    -14: RefundStatus.FAILED,
    -32: RefundStatus.FAILED,
}
#: Codes by which a refund is declined on the spot.
REFUND_DECLINES: Final = {-13: "too_late", -14: "amount_too_large"}

#: ``status`` of an agreement: what the link has become.
AGREEMENT_STATUSES: Final[Mapping[int, tuple[PaymentStatus, str | None]]] = {
    1: (S.SUCCEEDED, None),
    3: (S.CANCELED, "canceled_by_payer"),
    4: (S.CANCELED, "token_disabled"),
}

#: Codes that refuse the call itself, and say nothing about a payment or refund. After those that
#: are repeatable nobody knows whether a call that moves money was carried out.
REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    -33: ProviderUnavailable,
    -92: ProviderError,
    NO_SUCH_ID: NotFound,
    -401: ProviderError,
    -402: AuthenticationFailed,
    -403: AuthenticationFailed,
    -405: AuthenticationFailed,
    -429: RateLimited,
    -500: ProviderUnavailable,
    -503: ProviderUnavailable,
    -999: ProviderUnavailable,
}
#: Further ones of a refund, about its ``m_refund_id``.
REFUND_REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    -23: DuplicateReference,
    -24: ProviderError,
    -25: ProviderError,
    -26: ProviderError,
}
#: Further ones of the list of banks' apps.
BANK_LINK_REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    -6100: ProviderUnavailable,
    -6101: ProviderError,
    -6102: ProviderError,
    -6103: AuthenticationFailed,
    -6105: ProviderError,
    -6106: ProviderError,
}

#: ``return_code`` and ``return_message``. ZaloPay comes again, three times at most, for 0 only. It
#: has no word for an order that is not ours or an amount that differs: what is stored is accepted.
REPLIES: Final[Mapping[Outcome, tuple[int, str]]] = {
    Outcome.ACCEPTED: (1, "success"),
    Outcome.DUPLICATE: (2, "already handled"),
    Outcome.UNKNOWN_REFERENCE: (1, "success"),
    Outcome.MISMATCH: (1, "success"),
    Outcome.BAD_SIGNATURE: (-1, "mac not equal"),
    Outcome.STALE: (-1, "mac not equal"),
    Outcome.MALFORMED: (-1, "invalid data"),
    Outcome.TRY_AGAIN: (0, "try again"),
}


def payment_status(outcome: int, code: int | None) -> tuple[PaymentStatus, str | None]:
    """What ``return_code`` and ``sub_return_code`` say of a payment; success needs both to be 1."""
    if outcome == DONE:
        return (S.SUCCEEDED, None) if code == NO_REMARK else (S.UNKNOWN, None)
    if outcome == OPEN:
        return S.PENDING, None
    if outcome == REFUSED and code != NO_REMARK:
        return PAYMENT_CODES.get(code or 0, (S.UNKNOWN, None))
    return S.UNKNOWN, None


def return_status(code: int) -> tuple[PaymentStatus, str | None]:
    """What ``status`` of a browser's return claims: 1, or a code of the same lists."""
    if code in STEPS:
        return S.PENDING, None
    status, reason = PAYMENT_CODES.get(code, (S.UNKNOWN, None))
    # The payer who left is told that he left; he who lacks money may still top up.
    return (S.PENDING, reason) if status is S.FAILED and code in UNTIL_EXPIRY else (status, reason)
