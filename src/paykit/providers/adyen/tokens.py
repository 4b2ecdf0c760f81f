"""Stored cards: which there are, and forgetting one.

Source: https://docs.adyen.com/online-payments/tokenization/
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import attrs

from ...errors import InvalidRequest, MalformedResponse, NotFound
from ...flow import Flow
from ...http import HttpRequest, HttpResponse, JsonObject
from ...models import PaymentToken, TokenRequest
from .api import AdyenApi
from .forms import check_shopper, check_stored_id
from .wire import StoredCards, to_label

_PATH: Final = "/storedPaymentMethods"


class Tokens(AdyenApi):
    """Create, list, delete."""

    def create_token(self, request: TokenRequest) -> Flow[PaymentToken]:
        """The stored card that ``grant`` names, or the only one that the payer has.

        Adyen is asked, so a card that is another payer's is never returned.
        """
        cards = yield from self.list_tokens(request.customer_id)
        found = [card for card in cards if request.grant in {None, card.value}]
        if not found:
            raise NotFound("the payer has no such card stored", provider=self.name)
        if len(found) > 1:
            raise InvalidRequest("the payer has several cards: name one", field="grant")
        return attrs.evolve(found[0], reference=request.reference)

    def list_tokens(self, customer_id: str) -> Flow[tuple[PaymentToken, ...]]:
        """All stored cards of a payer."""
        shopper = check_shopper(customer_id, "customer_id")
        account = self.config.merchant_account

        def read(answer: JsonObject, response: HttpResponse) -> tuple[PaymentToken, ...]:
            self.check_answer(answer, response, moves_money=False)
            told = StoredCards.read(answer, provider=self.name)
            owners = {told.shopper_reference} | {
                card.shopper_reference or shopper for card in told.stored_payment_methods
            }
            if owners != {shopper} or told.merchant_account != account:
                raise MalformedResponse("the cards are another payer's", provider=self.name)
            return tuple(
                PaymentToken(
                    provider=self.name,
                    value=card.id,
                    customer_id=shopper,
                    label=to_label(card.last_four),
                )
                for card in told.stored_payment_methods
            )

        return self.ask(self.get(f"{_PATH}?{self._owner(shopper)}"), read)

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Forget a stored card; raises :class:`~paykit.errors.NotFound` where it is gone."""
        if token.provider != self.name:
            raise InvalidRequest("is another provider's", field="token")
        stored = check_stored_id(token.value, "token.value")
        owner = self._owner(check_shopper(token.customer_id, "token.customer_id"))
        request = HttpRequest(
            "DELETE", f"{self.base}{_PATH}/{stored}?{owner}", self.headers(), replay_safe=True
        )
        response = yield request
        if response.status != HTTPStatus.NO_CONTENT:
            self.understand(request, response, self._not_deleted)

    def _not_deleted(self, answer: JsonObject, response: HttpResponse) -> None:
        self.check_answer(answer, response, moves_money=False)
        status = response.status
        raise MalformedResponse(f"HTTP {status}", provider=self.name, http_status=status)

    def _owner(self, shopper: str) -> str:
        return urlencode(
            {"shopperReference": shopper, "merchantAccount": self.config.merchant_account}
        )
