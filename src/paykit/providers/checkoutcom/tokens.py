"""Stored cards, which Checkout.com calls instruments.

Source: https://www.checkout.com/docs/payments/store-payment-details
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ...errors import InvalidRequest
from ...flow import Flow
from ...http import HttpRequest, HttpResponse, JsonObject
from ...models import PaymentToken, TokenRequest
from .api import CheckoutComApi
from .forms import CUSTOMER_ID, SOURCE_ID, TOKEN
from .wire import Instrument


class Tokens(CheckoutComApi):
    """Create, delete a stored card."""

    def create_token(self, request: TokenRequest) -> Flow[PaymentToken]:
        """Store the card of a token (``tok_…``), or look at one that is stored (``src_…``).

        Nothing is charged and nothing verified: for that, ask for a payment of 0 with
        ``save_token``.
        """
        grant = request.grant or ""
        if SOURCE_ID.fullmatch(grant):
            card, _ = yield from self.look(f"/instruments/{grant}", Instrument)
            if card.id != grant:
                raise self.not_ours("card")
            return self._stored(card, request)
        if not TOKEN.fullmatch(grant):
            raise InvalidRequest("a token starts with tok_, a stored card with src_", field="grant")
        body: dict[str, Any] = {"type": "token", "token": grant}
        if CUSTOMER_ID.fullmatch(request.customer_id):
            body["customer"] = {"id": request.customer_id}
        key = request.idempotency_key or request.reference
        call = self.keyed("/instruments", body, key, moves_money=False)

        def read(answer: JsonObject, response: HttpResponse) -> PaymentToken:
            self.expect(answer, response, HTTPStatus.CREATED)
            return self._stored(Instrument.read(answer, provider=self.name), request)

        return self.settle(call, (yield call), read)

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Forget a stored card; :class:`NotFound` if it is not there (any more)."""
        if token.provider != self.name or not SOURCE_ID.fullmatch(token.value):
            raise InvalidRequest("a stored card starts with src_", field="token")
        call = HttpRequest("DELETE", f"{self.base}/instruments/{token.value}", self.headers())

        def read(answer: JsonObject, response: HttpResponse) -> None:
            self.expect(answer, response, HTTPStatus.NO_CONTENT)

        return self.settle(call, (yield call), read)

    def _stored(self, card: Instrument, request: TokenRequest) -> PaymentToken:
        return PaymentToken(
            provider=self.name,
            value=card.id,
            customer_id=request.customer_id,
            reference=request.reference,
            label=card.label,
        )
