"""Stripe's test cards, and the names under which its test mode knows some of them.

https://docs.stripe.com/testing
"""

from __future__ import annotations

from typing import Final

from ..cards.numbers import COMMON_CARDS, Behaviour, CardTable, TestCard

_does = Behaviour
STRIPE_CARDS: Final = (
    TestCard("4242424242424242", "Succeeds (Visa)"),
    TestCard("5555555555554444", "Succeeds (Mastercard)"),
    TestCard("2223003122003222", "Succeeds (Mastercard, 2-series)"),
    TestCard("378282246310005", "Succeeds (American Express)"),
    TestCard("6011111111111117", "Succeeds (Discover)"),
    TestCard("3566002020360505", "Succeeds (JCB)"),
    TestCard("6200000000000005", "Succeeds (UnionPay)"),
    TestCard("4000000000000002", "Declined without a reason", _does(declines="generic")),
    TestCard(
        "4000000000009995",
        "Declined: insufficient funds",
        _does(declines="insufficient_funds"),
    ),
    TestCard("4000000000009987", "Declined: lost", _does(declines="lost_card")),
    TestCard("4000000000009979", "Declined: stolen", _does(declines="stolen_card")),
    TestCard("4000000000000069", "Declined: expired", _does(declines="expired_card")),
    TestCard("4000000000000127", "Declined: wrong security code", _does(declines="incorrect_cvc")),
    TestCard("4000000000000119", "Declined: processing error", _does(declines="processing_error")),
    TestCard("4000000000006975", "Declined: over the limit", _does(declines="limit_exceeded")),
    TestCard("4100000000000019", "Declined: suspected fraud", _does(declines="fraud")),
    TestCard(
        "4000000000000341",
        "Can be stored, is declined when charged",
        _does(declines="generic", stores_well=True),
    ),
    TestCard("4000002760003184", "3-D Secure each time", _does(check="always")),
    TestCard("4000000000003220", "3-D Secure each time", _does(check="always")),
    TestCard(
        "4000002500003155", "3-D Secure until the card is stored", _does(check="until_stored")
    ),
    TestCard(
        "4000008260003178",
        "3-D Secure, then declined: insufficient funds",
        _does(check="always", declines="insufficient_funds"),
    ),
    TestCard(
        "4000008400001629",
        "3-D Secure, then declined without a reason",
        _does(check="always", declines="generic"),
    ),
    TestCard("4000000000000259", "Succeeds, then the payer disputes it", _does(later="dispute")),
    TestCard("4000000000005126", "Succeeds, refunds fail afterwards", _does(later="refund_fails")),
)
#: A card payment that succeeded at Stripe is not taken back but by a dispute.
TABLE: Final = CardTable(
    (*STRIPE_CARDS, *(card for card in COMMON_CARDS if card.does.later != "capture_fails"))
)
#: ``pm_card_…`` and ``tok_…`` of test mode stand for a new card each time.
_NAMES: Final = {
    "visa": "4242424242424242",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987",
    "visa_chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "radarBlock": "4100000000000019",
    "chargeCustomerFail": "4000000000000341",
    "authenticationRequired": "4000002760003184",
    "threeDSecure2Required": "4000000000003220",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "createDispute": "4000000000000259",
    "refundFail": "4000000000005126",
}


def named(name: str) -> TestCard | None:
    """The card behind ``pm_card_visa`` or ``tok_visa``, if it is such a name."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            return TABLE.find(_NAMES.get(name.removeprefix(prefix), ""))
    return None
