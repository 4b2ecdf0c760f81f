"""Stripe's words in ours: states, decline codes, events.

Sources: https://docs.stripe.com/payments/paymentintents/lifecycle,
https://docs.stripe.com/declines/codes, https://docs.stripe.com/error-codes and
https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ...declines import DeclineReason
from ...errors import NotFound, ProviderError
from ...models import PaymentStatus, RefundStatus

S = PaymentStatus
R = DeclineReason

#: The state of a PaymentIntent. What else decides: ``last_payment_error`` makes
#: ``requires_payment_method`` a failed attempt, the reason makes ``canceled`` an expiry, and the
#: charge tells of refunds and disputes. A SetupIntent has the same words.
INTENT_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "requires_payment_method": S.PENDING,
    "requires_confirmation": S.PENDING,
    "requires_action": S.REQUIRES_ACTION,
    "processing": S.PENDING,
    "requires_capture": S.AUTHORIZED,
    "succeeded": S.SUCCEEDED,
    "canceled": S.CANCELED,
}
#: ``payment_status`` of a page that is complete.
PAGE_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "paid": S.SUCCEEDED,
    "unpaid": S.PENDING,
    "no_payment_required": S.SUCCEEDED,
}
#: ``cancellation_reason`` of an intent that Stripe itself ended.
EXPIRIES: Final = frozenset({"automatic", "expired"})

#: ``status`` of a charge. One that is not ``captured`` has succeeded in holding money only.
CHARGE_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "succeeded": S.SUCCEEDED,
    "pending": S.PENDING,
    "failed": S.FAILED,
}
REFUND_STATUSES: Final[Mapping[str, RefundStatus]] = {
    "succeeded": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}

#: ``status`` of a dispute that is over, in our words. All others are just ``disputed``.
DISPUTE_REASONS: Final[Mapping[str, str]] = {
    "won": "dispute_won",
    "lost": "dispute_lost",
    "prevented": "dispute_prevented",
    "warning_closed": "inquiry_closed",
}

#: ``decline_code``, or ``code`` where there is none, of a card error.
DECLINES: Final[Mapping[str, str]] = {
    "account_closed": R.CARD_DECLINED,
    "amount_too_large": R.INVALID_AMOUNT,
    "amount_too_small": R.INVALID_AMOUNT,
    "approve_with_id": R.ISSUER_UNAVAILABLE,
    "authentication_not_handled": R.AUTHENTICATION_REQUIRED,
    "authentication_required": R.AUTHENTICATION_REQUIRED,
    "call_issuer": R.CARD_DECLINED,
    "card_declined": R.CARD_DECLINED,
    "card_not_supported": R.CARD_NOT_SUPPORTED,
    "card_velocity_exceeded": R.LIMIT_EXCEEDED,
    "currency_not_supported": R.CARD_NOT_SUPPORTED,
    "do_not_honor": R.CARD_DECLINED,
    "do_not_try_again": R.CARD_DECLINED,
    "duplicate_transaction": R.DUPLICATE_TRANSACTION,
    "expired_card": R.EXPIRED_CARD,
    "fraudulent": R.FRAUD_SUSPECTED,
    "generic_decline": R.CARD_DECLINED,
    "incorrect_address": R.INCORRECT_ADDRESS,
    "incorrect_cvc": R.INCORRECT_CVC,
    "incorrect_number": R.INCORRECT_NUMBER,
    "incorrect_pin": R.INCORRECT_PIN,
    "incorrect_zip": R.INCORRECT_ADDRESS,
    "insufficient_funds": R.INSUFFICIENT_FUNDS,
    "invalid_account": R.CARD_DECLINED,
    "invalid_amount": R.INVALID_AMOUNT,
    "invalid_cvc": R.INCORRECT_CVC,
    "invalid_expiry_month": R.INVALID_EXPIRY,
    "invalid_expiry_year": R.INVALID_EXPIRY,
    "invalid_number": R.INCORRECT_NUMBER,
    "invalid_pin": R.INCORRECT_PIN,
    "issuer_not_available": R.ISSUER_UNAVAILABLE,
    "live_mode_test_card": R.CARD_NOT_SUPPORTED,
    "lost_card": R.LOST_OR_STOLEN,
    "merchant_blacklist": R.FRAUD_SUSPECTED,
    "new_account_information_available": R.CARD_DECLINED,
    "no_action_taken": R.CARD_DECLINED,
    "not_permitted": R.CARD_NOT_SUPPORTED,
    "offline_pin_required": R.INCORRECT_PIN,
    "online_or_offline_pin_required": R.INCORRECT_PIN,
    "payment_intent_authentication_failure": R.AUTHENTICATION_FAILED,
    "pickup_card": R.LOST_OR_STOLEN,
    "pin_try_exceeded": R.LIMIT_EXCEEDED,
    "processing_error": R.PROCESSING_ERROR,
    "reenter_transaction": R.PROCESSING_ERROR,
    "restricted_card": R.LOST_OR_STOLEN,
    "revocation_of_all_authorizations": R.RECURRING_STOPPED,
    "revocation_of_authorization": R.RECURRING_STOPPED,
    "security_violation": R.CARD_DECLINED,
    "service_not_allowed": R.CARD_NOT_SUPPORTED,
    "setup_intent_authentication_failure": R.AUTHENTICATION_FAILED,
    "stolen_card": R.LOST_OR_STOLEN,
    "stop_payment_order": R.RECURRING_STOPPED,
    "testmode_decline": R.CARD_NOT_SUPPORTED,
    "transaction_not_allowed": R.CARD_NOT_SUPPORTED,
    "try_again_later": R.PROCESSING_ERROR,
    "withdrawal_count_limit_exceeded": R.LIMIT_EXCEEDED,
}

#: Refused for good though it is no card error; the reason in our words.
REFUSED_FOR_GOOD: Final[Mapping[str, str]] = {
    "amount_too_large": R.INVALID_AMOUNT,
    "amount_too_small": R.INVALID_AMOUNT,
    "balance_insufficient": R.INSUFFICIENT_FUNDS,
    "charge_already_refunded": "amount_too_large",
    "charge_disputed": "disputed",
    "charge_exceeds_transaction_limit": R.LIMIT_EXCEEDED,
    "charge_not_refundable": "refund_not_supported",
    "payment_method_unactivated": R.TOKEN_INVALID,
    "refund_disputed_payment": "disputed",
    "token_already_used": R.TOKEN_INVALID,
}
#: Somebody was faster, or it is too late: the state tells.
CONFLICTS: Final = frozenset(
    {
        "capture_charge_authorization_expired",
        "charge_already_captured",
        "charge_expired_for_capture",
        "payment_intent_unexpected_state",
    }
)
#: All is given back, perhaps by the very refund that is asked for.
NOTHING_LEFT: Final = frozenset({"charge_already_refunded"})
#: Everything else is a :class:`ProviderError` with Stripe's own words.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {"resource_missing": NotFound}


class Subject(StrEnum):
    """What an event is about, and so what its ``data.object`` is."""

    INTENT = "payment_intent"
    CHARGE = "charge"
    REFUNDS = "charge refunds"  #: a charge, told because something of it was given back
    REFUND = "refund"
    DISPUTE = "dispute"
    PAGE = "checkout.session"
    SETUP = "setup_intent"


#: Every other type is taken in, and means nothing here.
EVENTS: Final[Mapping[str, Subject]] = {
    "payment_intent.created": Subject.INTENT,
    "payment_intent.processing": Subject.INTENT,
    "payment_intent.requires_action": Subject.INTENT,
    "payment_intent.partially_funded": Subject.INTENT,
    "payment_intent.amount_capturable_updated": Subject.INTENT,
    "payment_intent.succeeded": Subject.INTENT,
    "payment_intent.payment_failed": Subject.INTENT,
    "payment_intent.canceled": Subject.INTENT,
    "charge.succeeded": Subject.CHARGE,
    "charge.expired": Subject.CHARGE,
    "charge.refunded": Subject.REFUNDS,
    "refund.created": Subject.REFUND,
    "refund.updated": Subject.REFUND,
    "refund.failed": Subject.REFUND,
    "charge.refund.updated": Subject.REFUND,
    "charge.dispute.created": Subject.DISPUTE,
    "charge.dispute.updated": Subject.DISPUTE,
    "charge.dispute.closed": Subject.DISPUTE,
    "charge.dispute.funds_withdrawn": Subject.DISPUTE,
    "charge.dispute.funds_reinstated": Subject.DISPUTE,
    "checkout.session.completed": Subject.PAGE,
    "checkout.session.async_payment_succeeded": Subject.PAGE,
    "checkout.session.async_payment_failed": Subject.PAGE,
    "checkout.session.expired": Subject.PAGE,
    "setup_intent.succeeded": Subject.SETUP,
    "setup_intent.setup_failed": Subject.SETUP,
    "setup_intent.canceled": Subject.SETUP,
}
