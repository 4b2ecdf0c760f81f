"""VNPay's words, in ours: response codes, transaction statuses, refusals, replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import (
    AuthenticationFailed,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from ...models import (
    PaymentStatus,
    RefundStatus,
)
from ...provider import (
    Outcome,
)

S = PaymentStatus

#: vnp_ResponseCode on the IPN and the return, pay.html: our status and the reason in our words.
RESPONSE_CODES: Final[Mapping[str, tuple[PaymentStatus, str | None]]] = {
    "00": (S.SUCCEEDED, None),
    "01": (S.FAILED, "duplicate_reference"),
    "02": (S.FAILED, "merchant_invalid"),
    "03": (S.FAILED, "invalid_data"),
    "04": (S.FAILED, "merchant_blocked"),
    "05": (S.FAILED, "authentication_failed"),
    "06": (S.FAILED, "authentication_failed"),
    "07": (S.UNKNOWN, "fraud_suspected"),  # debited, but held: look at the merchant console
    "08": (S.FAILED, "bank_unavailable"),
    "09": (S.FAILED, "not_enrolled"),
    "10": (S.FAILED, "authentication_failed"),
    "11": (S.EXPIRED, "expired"),
    "12": (S.FAILED, "account_blocked"),
    "13": (S.FAILED, "authentication_failed"),
    "24": (S.CANCELED, "canceled_by_payer"),
    "51": (S.FAILED, "insufficient_funds"),
    "65": (S.FAILED, "limit_exceeded"),
    "75": (S.FAILED, "bank_unavailable"),
    "79": (S.FAILED, "authentication_failed"),
    "99": (S.UNKNOWN, "processing_error"),  # to be confirmed by querydr
}

#: vnp_TransactionStatus, the state at VNPay. 08, 10, 11 and 20 are in the PDF specification only.
TRANSACTION_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "00": S.SUCCEEDED,
    "01": S.PENDING,
    "02": S.FAILED,
    "04": S.UNKNOWN,  # debited at the bank, not successful at VNPay: being reversed
    "05": S.SUCCEEDED,  # a refund is being processed
    "06": S.SUCCEEDED,  # a refund was sent to the bank
    "07": S.UNKNOWN,  # suspected fraud
    "08": S.EXPIRED,
    "09": S.SUCCEEDED,  # a refund was rejected: the payment stands
    "10": S.SUCCEEDED,  # delivered
    "11": S.CANCELED,
    "20": S.SUCCEEDED,  # settled
}

#: vnp_TransactionStatus of a refund.
REFUND_STATUSES: Final[Mapping[str, RefundStatus]] = {
    "00": RefundStatus.SUCCEEDED,
    "05": RefundStatus.PENDING,
    "06": RefundStatus.PENDING,
    "09": RefundStatus.FAILED,
}

REPLIES: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.ACCEPTED: ("00", "Confirm Success"),
    Outcome.DUPLICATE: ("02", "Order already confirmed"),
    Outcome.UNKNOWN_REFERENCE: ("01", "Order not found"),
    Outcome.MISMATCH: ("04", "Invalid amount"),
    Outcome.BAD_SIGNATURE: ("97", "Invalid signature"),
    Outcome.STALE: ("97", "Invalid signature"),
    Outcome.MALFORMED: ("99", "Unknown error"),
    Outcome.TRY_AGAIN: ("99", "Unknown error"),
}

#: vnp_ResponseCode of querydr and refund that say no for a reason that we can name. Every other
#: code (08 maintenance, 98, 99, unseen) says nothing about the payment, nor whether a refund was
#: made.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "02": AuthenticationFailed,
    "03": ProviderError,
    "16": ProviderUnavailable,
    "91": NotFound,
    "94": RateLimited,
    "97": AuthenticationFailed,
}
REFUND_REFUSALS: Final = {"93": "amount_too_large", "95": "not_paid"}


def callback_status(code: str, transaction_status: str) -> tuple[PaymentStatus, str | None]:
    """What the two signed codes of a callback say together; only ``00`` with ``00`` is success."""
    status, reason = RESPONSE_CODES.get(code, (S.UNKNOWN, None))
    paid_there = transaction_status == "00"
    if status is S.SUCCEEDED and not paid_there:
        status = TRANSACTION_STATUSES.get(transaction_status, S.UNKNOWN)
        # Only 00 with 00 is success; any other pair that looks like it has to be asked about.
        return (S.UNKNOWN if status is S.SUCCEEDED else status), reason
    if status is not S.SUCCEEDED and paid_there:
        return S.UNKNOWN, reason  # the two signed fields contradict each other
    return status, reason
