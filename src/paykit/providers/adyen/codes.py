"""Adyen's words in ours: results, refusals, errors, events.

Sources: https://docs.adyen.com/online-payments/build-your-integration/payment-result-codes/,
https://docs.adyen.com/development-resources/refusal-reasons/ and
https://docs.adyen.com/development-resources/webhooks/webhook-types/
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ...declines import DeclineReason
from ...errors import NotFound, ProviderError
from ...models import PaymentStatus

S = PaymentStatus
R = DeclineReason

AUTHORISED: Final = "Authorised"
#: ``resultCode``. ``Authorised`` is ``succeeded`` where the account captures by itself. Results of
#: an authentication without a payment are not here: they say nothing about money.
RESULTS: Final[Mapping[str, PaymentStatus]] = {
    AUTHORISED: S.AUTHORIZED,
    "PartiallyAuthorised": S.NEEDS_REVIEW,  # less than was asked
    "Refused": S.FAILED,
    "Error": S.FAILED,
    "Cancelled": S.CANCELED,
    "Pending": S.PENDING,
    "Received": S.PENDING,
    "PresentToShopper": S.PENDING,
    "RedirectShopper": S.REQUIRES_ACTION,
    "ChallengeShopper": S.REQUIRES_ACTION,
    "IdentifyShopper": S.REQUIRES_ACTION,
}
#: There is an authorisation, so there is its ``pspReference``.
BOOKED: Final = frozenset({S.AUTHORIZED, S.SUCCEEDED, S.NEEDS_REVIEW})

#: ``status`` of a hosted session. ``completed`` is not here: the payment inside decides.
SESSIONS: Final[Mapping[str, PaymentStatus]] = {
    "active": S.REQUIRES_ACTION,
    "paymentPending": S.PENDING,
    "refused": S.FAILED,
    "canceled": S.CANCELED,
    "expired": S.EXPIRED,
}
COMPLETED: Final = "completed"

#: ``refusalReasonCode``.
REFUSALS: Final[Mapping[str, DeclineReason]] = {
    "2": R.CARD_DECLINED,
    "3": R.CARD_DECLINED,
    "4": R.PROCESSING_ERROR,
    "5": R.CARD_DECLINED,
    "6": R.EXPIRED_CARD,
    "7": R.INVALID_AMOUNT,
    "8": R.INCORRECT_NUMBER,
    "9": R.ISSUER_UNAVAILABLE,
    "10": R.CARD_NOT_SUPPORTED,
    "11": R.AUTHENTICATION_FAILED,
    "12": R.INSUFFICIENT_FUNDS,
    "14": R.FRAUD_SUSPECTED,
    "15": R.CANCELED_BY_PAYER,
    "16": R.CANCELED_BY_PAYER,
    "17": R.INCORRECT_PIN,
    "18": R.LIMIT_EXCEEDED,
    "19": R.INCORRECT_PIN,
    "20": R.FRAUD_SUSPECTED,
    "21": R.PROCESSING_ERROR,
    "22": R.FRAUD_SUSPECTED,
    "23": R.CARD_NOT_SUPPORTED,
    "24": R.INCORRECT_CVC,
    "25": R.CARD_NOT_SUPPORTED,
    "26": R.RECURRING_STOPPED,
    "27": R.CARD_DECLINED,
    "28": R.LIMIT_EXCEEDED,
    "29": R.LIMIT_EXCEEDED,
    "31": R.FRAUD_SUSPECTED,
    "32": R.INCORRECT_ADDRESS,
    "33": R.CARD_NOT_SUPPORTED,
    "34": R.CARD_NOT_SUPPORTED,
    "35": R.CARD_NOT_SUPPORTED,
    "36": R.AUTHENTICATION_REQUIRED,
    "37": R.CARD_NOT_SUPPORTED,
    "38": R.AUTHENTICATION_REQUIRED,
    "39": R.AUTHENTICATION_FAILED,
    "42": R.AUTHENTICATION_FAILED,
    "46": R.CARD_DECLINED,
}
#: What a result without a known ``refusalReasonCode`` means.
REASONS: Final[Mapping[str, DeclineReason]] = {
    "Refused": R.CARD_DECLINED,
    "Error": R.PROCESSING_ERROR,
    "Cancelled": R.CANCELED_BY_PAYER,
}

#: ``errorCode`` of a 422: a call with the same idempotency key is running, or has just run.
IN_PROGRESS: Final = "704"
#: ``errorCode`` of other refusals. Everything else is a plain ``ProviderError``.
ERRORS: Final[Mapping[str, type[ProviderError]]] = {
    "800": NotFound,  # no such stored card
    "803": NotFound,
}


class Kind(StrEnum):
    """What a notice of this ``eventCode`` is about."""

    AUTHORISATION = "authorisation"
    CAPTURE = "capture"
    CAPTURE_UNDONE = "capture_undone"
    CANCELLATION = "cancellation"
    REVERSAL = "reversal"
    REFUND = "refund"
    REFUND_UNDONE = "refund_undone"
    EXPIRY = "expiry"
    DISPUTE = "dispute"


#: Every other code is taken in, and means nothing here.
EVENTS: Final[Mapping[str, Kind]] = {
    "AUTHORISATION": Kind.AUTHORISATION,
    "CAPTURE": Kind.CAPTURE,
    "CAPTURE_FAILED": Kind.CAPTURE_UNDONE,
    "CANCELLATION": Kind.CANCELLATION,
    "TECHNICAL_CANCEL": Kind.CANCELLATION,
    "CANCEL_OR_REFUND": Kind.REVERSAL,
    "REFUND": Kind.REFUND,
    "REFUND_FAILED": Kind.REFUND_UNDONE,
    "REFUNDED_REVERSED": Kind.REFUND_UNDONE,
    "EXPIRE": Kind.EXPIRY,
    "OFFER_CLOSED": Kind.EXPIRY,
    "REQUEST_FOR_INFORMATION": Kind.DISPUTE,
    "NOTIFICATION_OF_CHARGEBACK": Kind.DISPUTE,
    "CHARGEBACK": Kind.DISPUTE,
    "CHARGEBACK_REVERSED": Kind.DISPUTE,
    "SECOND_CHARGEBACK": Kind.DISPUTE,
    "PREARBITRATION_OPEN": Kind.DISPUTE,
    "PREARBITRATION_WON": Kind.DISPUTE,
    "PREARBITRATION_LOST": Kind.DISPUTE,
}
#: These are about one attempt itself: their ``pspReference`` is the attempt's. For all others that
#: is the modification's, and the payment's is the ``originalReference``. Of an ``EXPIRE`` without
#: one it is not clear which it is.
OF_THE_PAYMENT: Final = frozenset({"AUTHORISATION", "OFFER_CLOSED"})
TOKEN_CREATED: Final = frozenset({"recurring.token.created", "recurring.token.alreadyExisting"})
