"""PayPal's words in ours: states, reasons, issues, events.

Sources: https://developer.paypal.com/docs/api/orders/v2/,
https://developer.paypal.com/docs/api/payments/v2/ and
https://developer.paypal.com/api/rest/webhooks/event-names/
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ...errors import DuplicateReference, NotFound, ProviderError
from ...models import PaymentStatus, RefundStatus

S = PaymentStatus

#: The state of an order in which nothing was taken or held yet. ``COMPLETED`` is not here: what is
#: inside the order decides, and nothing inside is unknown.
ORDER_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "CREATED": S.REQUIRES_ACTION,
    "SAVED": S.REQUIRES_ACTION,
    "PAYER_ACTION_REQUIRED": S.REQUIRES_ACTION,
    "APPROVED": S.PENDING,  # by the payer; no money moved
    "VOIDED": S.CANCELED,
}
COMPLETED: Final = "COMPLETED"
APPROVED: Final = "APPROVED"

#: ``VOIDED`` is ``expired`` if it happened at the end of the authorization's life.
AUTHORIZATION_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "CREATED": S.AUTHORIZED,
    "PARTIALLY_CAPTURED": S.AUTHORIZED,
    "PENDING": S.PENDING,
    "CAPTURED": S.SUCCEEDED,
    "DENIED": S.FAILED,
    "VOIDED": S.CANCELED,
}
#: An authorization from which more can be taken.
LIVE: Final = frozenset({"CREATED", "PARTIALLY_CAPTURED"})

CAPTURE_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "COMPLETED": S.SUCCEEDED,
    "PARTIALLY_REFUNDED": S.PARTIALLY_REFUNDED,
    "REFUNDED": S.REFUNDED,
    "PENDING": S.PENDING,
    "DECLINED": S.FAILED,
    "FAILED": S.FAILED,
}
#: The money was taken, whatever became of it.
TAKEN: Final = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})

REFUND_STATUSES: Final[Mapping[str, RefundStatus]] = {
    "COMPLETED": RefundStatus.SUCCEEDED,
    "PENDING": RefundStatus.PENDING,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.FAILED,
}

#: ``status_details.reason`` of a capture or an authorization, in our words.
REASONS: Final[Mapping[str, str]] = {
    "BUYER_COMPLAINT": "disputed",
    "CHARGEBACK": "disputed",
    "ECHECK": "awaiting_funds",
    "TRANSACTION_APPROVED_AWAITING_FUNDING": "awaiting_funds",
    "INTERNATIONAL_WITHDRAWAL": "merchant_action_required",
    "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION": "merchant_action_required",
    "UNILATERAL": "merchant_action_required",
    "VERIFICATION_REQUIRED": "merchant_action_required",
    "PENDING_REVIEW": "under_review",
}
#: With these the money was taken, and somebody wants it back.
DISPUTES: Final = frozenset({"BUYER_COMPLAINT", "CHARGEBACK"})

# Issues: details[].issue of an error.

#: The payer has to go back to PayPal and choose another means; the reason in our words.
PAYER_ISSUES: Final[Mapping[str, str]] = {
    "INSTRUMENT_DECLINED": "card_declined",
    "PAYER_ACTION_REQUIRED": "authentication_required",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING": "card_declined",
}
#: Somebody was faster, or it is too early: the state tells.
CONFLICTS: Final = frozenset(
    {
        "AUTHORIZATION_ALREADY_CAPTURED",
        "CAPTURE_FULLY_REFUNDED",
        "ORDER_ALREADY_AUTHORIZED",
        "ORDER_ALREADY_CAPTURED",
        "ORDER_COMPLETED_OR_VOIDED",
        "ORDER_COMPLETION_IN_PROGRESS",
        "ORDER_NOT_APPROVED",
        "PREVIOUSLY_CAPTURED",
        "PREVIOUSLY_VOIDED",
    }
)
#: Refused for good; the reason in our words.
DECLINES: Final[Mapping[str, str]] = {
    "AUTHORIZATION_DENIED": "refused",
    "AUTHORIZATION_EXPIRED": "expired",
    "AUTHORIZATION_VOIDED": "canceled_by_merchant",
    "COMPLIANCE_VIOLATION": "refused",
    "DECLINED_DUE_TO_RELATED_TXN": "refused",
    "DOMESTIC_TRANSACTION_REQUIRED": "refused",
    "MAX_CAPTURE_AMOUNT_EXCEEDED": "amount_too_large",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "limit_exceeded",
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED": "limit_exceeded",
    "ORDER_EXPIRED": "expired",
    "PARTIAL_REFUND_NOT_ALLOWED": "refund_not_supported",
    "PAYEE_BLOCKED_TRANSACTION": "canceled_by_merchant",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "account_blocked",
    "PAYER_ACCOUNT_RESTRICTED": "account_blocked",
    "PAYER_CANNOT_PAY": "account_blocked",
    "PENDING_CAPTURE": "not_paid",
    "REAUTHORIZATION_NOT_SUPPORTED": "refused",
    "REFUND_AMOUNT_EXCEEDED": "amount_too_large",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "insufficient_funds",
    "REFUND_IS_RESTRICTED": "refund_not_supported",
    "REFUND_NOT_ALLOWED": "refund_not_supported",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "disputed",
    "REFUND_TIME_LIMIT_EXCEEDED": "refund_not_supported",
    "TRANSACTION_BLOCKED_BY_PAYEE": "canceled_by_merchant",
    "TRANSACTION_DISPUTED": "disputed",
    "TRANSACTION_LIMIT_EXCEEDED": "limit_exceeded",
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED": "limit_exceeded",
    "TRANSACTION_REFUSED": "refused",
}
#: Everything else is a :class:`ProviderError` with PayPal's own words.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "DUPLICATE_INVOICE_ID": DuplicateReference,
    "INVALID_RESOURCE_ID": NotFound,
    "RESOURCE_NOT_FOUND": NotFound,
}


class Subject(StrEnum):
    """What a webhook is about, and so what PayPal is asked about."""

    ORDER = "order"
    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    REFUND = "refund"
    REVERSAL = "reversal"  #: PayPal took money back from the merchant
    DISPUTE = "dispute"


APPROVAL_REVERSED: Final = "CHECKOUT.PAYMENT-APPROVAL.REVERSED"

#: Every other type is taken in, and means nothing here (older interfaces, subscriptions).
EVENTS: Final[Mapping[str, Subject]] = {
    "CHECKOUT.ORDER.APPROVED": Subject.ORDER,
    "CHECKOUT.ORDER.COMPLETED": Subject.ORDER,
    "CHECKOUT.ORDER.PROCESSED": Subject.ORDER,
    "CHECKOUT.ORDER.VOIDED": Subject.ORDER,
    APPROVAL_REVERSED: Subject.ORDER,
    "PAYMENT.AUTHORIZATION.CREATED": Subject.AUTHORIZATION,
    "PAYMENT.AUTHORIZATION.VOIDED": Subject.AUTHORIZATION,
    "PAYMENT.CAPTURE.COMPLETED": Subject.CAPTURE,
    "PAYMENT.CAPTURE.DECLINED": Subject.CAPTURE,
    "PAYMENT.CAPTURE.DENIED": Subject.CAPTURE,
    "PAYMENT.CAPTURE.PENDING": Subject.CAPTURE,
    "PAYMENT.CAPTURE.REFUNDED": Subject.REFUND,
    "PAYMENT.REFUND.FAILED": Subject.REFUND,
    "PAYMENT.REFUND.PENDING": Subject.REFUND,
    "PAYMENT.CAPTURE.REVERSED": Subject.REVERSAL,
    "CUSTOMER.DISPUTE.CREATED": Subject.DISPUTE,
    "CUSTOMER.DISPUTE.RESOLVED": Subject.DISPUTE,
    "CUSTOMER.DISPUTE.UPDATED": Subject.DISPUTE,
}
