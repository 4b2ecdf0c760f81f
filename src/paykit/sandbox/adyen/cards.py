"""Test cards at Adyen, the texts that its fields make of them, and what their issuers say.

https://docs.adyen.com/development-resources/test-cards-and-credentials/test-card-numbers/
https://docs.adyen.com/development-resources/refusal-reasons/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from ..cards.numbers import (
    COMMON_CARDS,
    Behaviour,
    Card,
    CardTable,
    Decline,
    MistypedError,
    TestCard,
    read_card,
)
from ..edge import remember
from .errors import Refusal
from .ids import Ids
from .state import BRANDS, Outcome

_REASONS: Final[Mapping[str, str]] = {
    "2": "Refused",
    "3": "Referral",
    "4": "Acquirer Error",
    "5": "Blocked Card",
    "6": "Expired Card",
    "7": "Invalid Amount",
    "8": "Invalid Card Number",
    "9": "Issuer Unavailable",
    "10": "Not supported",
    "11": "3D Not Authenticated",
    "12": "Not enough balance",
    "14": "Acquirer Fraud",
    "15": "Cancelled",
    "16": "Shopper Cancelled",
    "20": "FRAUD",
    "23": "Transaction Not Permitted",
    "24": "CVC Declined",
    "25": "Restricted Card",
    "26": "Revocation Of Auth",
    "27": "Declined Non Generic",
    "28": "Withdrawal amount exceeded",
    "31": "Issuer Suspected Fraud",
    "38": "Authentication required",
}
_ERROR: Final = "4"
_CODES: Final[Mapping[Decline, str]] = {
    "generic": "2",
    "do_not_honor": "2",
    "insufficient_funds": "12",
    "limit_exceeded": "28",
    "expired_card": "6",
    "incorrect_cvc": "24",
    "lost_card": "5",
    "stolen_card": "5",
    "fraud": "20",
    "not_supported": "23",
    "processing_error": _ERROR,
    "issuer_unavailable": "9",
}

CARDS: Final = CardTable(
    cards=(
        TestCard("4111111111111111", "Succeeds"),
        TestCard("5555555555554444", "Succeeds"),
        TestCard("370000000000002", "Succeeds"),
        TestCard("4212345678901237", "3-D Secure each time", Behaviour(check="always")),
        TestCard("4035501428146300", "3-D Secure each time", Behaviour(check="always")),
        TestCard("5454545454545454", "3-D Secure each time", Behaviour(check="always")),
        *COMMON_CARDS,
    ),
    holders={
        "DECLINED": Behaviour(declines="generic"),
        "NOT_ENOUGH_BALANCE": Behaviour(declines="insufficient_funds"),
        "CARD_EXPIRED": Behaviour(declines="expired_card"),
        "CVC_DECLINED": Behaviour(declines="incorrect_cvc"),
        "BLOCK_CARD": Behaviour(declines="stolen_card"),
        "FRAUD": Behaviour(declines="fraud"),
        "ISSUER_UNAVAILABLE": Behaviour(declines="issuer_unavailable"),
        "ERROR": Behaviour(declines="processing_error"),
    },
)

APPROVED: Final = Outcome("Authorised")
_LIFETIME: Final = timedelta(days=1)
#: For calls from a server in a test environment, which have no browser to encrypt anything.
_PLAIN: Final = "test_"
_ENCRYPTED: Final = (
    "encryptedCardNumber",
    "encryptedExpiryMonth",
    "encryptedExpiryYear",
    "encryptedSecurityCode",
)


def refused(code: str) -> Outcome:
    """A refusal by Adyen's number; the acquirer's error is an error."""
    return Outcome("Error" if code == _ERROR else "Refused", code, _REASONS[code])


def decide(card: Card, *, requested: str, charged_later: bool, storing: bool) -> Outcome:
    """What the issuer says.

    ``requested`` is the answer that the merchant wishes for (``RequestedTestAcquirerResponseCode``)
    """
    if requested in _REASONS:
        return refused(requested)
    if card.does.declines is None or (card.does.stores_well and storing and not charged_later):
        return APPROVED
    return refused(_CODES[card.does.declines])


def brand(card: Card) -> str:
    """The scheme in Adyen's words."""
    return BRANDS.get(card.brand, card.brand)


@attrs.define(kw_only=True, eq=False)
class Vault:
    """What the encrypted texts mean; only the sandbox knows that."""

    ids: Ids
    keep: int
    _cards: dict[str, tuple[Card, datetime]] = attrs.field(factory=dict, init=False)

    def encrypt(self, card: Card, now: datetime) -> dict[str, str]:
        """What Adyen's fields give to the shop's page: a ``paymentMethod`` without secrets."""
        text = self.ids.opaque()
        remember(self._cards, text, (card, now + _LIFETIME), keep=self.keep)
        method = {"type": "scheme", "brand": brand(card)}
        method |= {name: f"{text}${name[len('encrypted') :]}" for name in _ENCRYPTED}
        return {**method, "holderName": card.holder} if card.holder else method

    def decrypt(self, method: Mapping[str, Any], now: datetime) -> Card:
        """The card that a ``paymentMethod`` means; raises :class:`Refusal`."""
        values = [method.get(name, "") for name in _ENCRYPTED]
        if not all(values[:3]):
            raise Refusal("no card")
        if all(value.startswith(_PLAIN) for value in values if value):
            return _plain(values, str(method.get("holderName", "")), now)
        found = {value.rpartition("$")[0] for value in values if value}
        card, until = self._cards.get(found.pop(), (None, now))
        if found or card is None or until <= now:
            raise Refusal("encrypted")
        return card


def _plain(values: list[str], holder: str, now: datetime) -> Card:
    number, month, year, code = (value.removeprefix(_PLAIN) for value in values)
    typed = {
        "number": number,
        "expiry": f"{month}/{year}",
        "cvc": code or ("7373" if number.startswith("3") else "737"),
        "name": holder,
    }
    try:
        return read_card(CARDS, typed, now)
    except MistypedError as mistyped:
        raise Refusal("card" if mistyped.field == "number" else mistyped.field) from None
