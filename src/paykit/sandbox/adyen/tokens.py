"""The cards that are stored for shoppers.

https://docs.adyen.com/online-payments/tokenization/
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs

from . import fields
from .books import Books
from .cards import Vault
from .errors import Refusal
from .payments import Body, Json, Payments
from .state import BRANDS, StoredCard

if TYPE_CHECKING:
    from .config import AdyenConfig

_SHORTEST_SHOPPER: Final = 3
_MODELS: Final = ("CardOnFile", "Subscription", "UnscheduledCardOnFile")


@attrs.frozen(kw_only=True)
class Tokens:
    """Listing, storing and deleting cards, and the list of ways to pay."""

    config: AdyenConfig
    books: Books
    vault: Vault
    payments: Payments

    def listed(self, shopper: str) -> Json:
        """``GET /storedPaymentMethods``."""
        return {
            "merchantAccount": self.config.merchant_account,
            "shopperReference": _shopper(shopper),
            "storedPaymentMethods": [_resource(one) for one in self.books.cards_of(shopper)],
        }

    def store(self, body: Body, now: datetime) -> Json:
        """``POST /storedPaymentMethods``: without a payment."""
        fields.METHOD.check(body["paymentMethod"])
        card = self.payments.keep_card(
            self.vault.decrypt(body["paymentMethod"], now),
            shopper=_shopper(body["shopperReference"]),
            model=body["recurringProcessingModel"],
            now=now,
        )
        return _resource(card)

    def delete(self, card_id: str, shopper: str) -> None:
        """``DELETE /storedPaymentMethods/{storedPaymentMethodId}``."""
        card = self.books.stored(card_id, _shopper(shopper))
        if card is None:
            raise Refusal("no detail")
        self.books.forget(card)

    def methods(self, body: Body) -> Json:
        """``POST /paymentMethods``: what the shop's page may offer."""
        brands = ["visa", "mc", "amex"]
        return {
            "paymentMethods": [{"brands": brands, "name": "Cards", "type": "scheme"}],
            "storedPaymentMethods": [
                {
                    "brand": BRANDS.get(one.card.brand, one.card.brand),
                    "expiryMonth": f"{one.card.exp_month:02}",
                    "expiryYear": str(one.card.exp_year),
                    "holderName": one.card.holder,
                    "id": one.id,
                    "lastFour": one.card.last4,
                    "name": one.card.brand.capitalize(),
                    "supportedRecurringProcessingModels": list(_MODELS),
                    "supportedShopperInteractions": ["Ecommerce", "ContAuth"],
                    "type": "scheme",
                }
                for one in self.books.cards_of(body.get("shopperReference", ""))
            ],
        }


def _shopper(shopper: str) -> str:
    if len(shopper) < _SHORTEST_SHOPPER:
        raise Refusal("no shopper")
    return shopper


def _resource(stored: StoredCard) -> Json:
    card = stored.card
    return {
        "brand": BRANDS.get(card.brand, card.brand),
        "cardBin": card.bin,
        "createdAt": f"{stored.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "expiryMonth": f"{card.exp_month:02}",
        "expiryYear": str(card.exp_year),
        "holderName": card.holder,
        "id": stored.id,
        "lastFour": card.last4,
        "shopperReference": stored.shopper,
        "supportedRecurringProcessingModels": list(_MODELS),
        "type": "scheme",
    }
