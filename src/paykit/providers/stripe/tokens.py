"""Stored cards: from the grant of a webhook to what can be charged, and away again.

Sources: https://docs.stripe.com/payments/save-and-reuse and
https://docs.stripe.com/api/payment_methods
"""

from __future__ import annotations

from ...declines import DeclineReason
from ...errors import Declined, InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import PaymentToken, TokenRequest
from .forms import check_id, to_key
from .reading import Reading
from .states import stored_card
from .wire import MethodShape


class Tokens(Reading):
    """Create a token, delete a token."""

    def create_token(self, request: TokenRequest) -> Flow[PaymentToken]:
        """The stored card that ``grant`` names, with what may be shown of it.

        ``grant`` is that of :class:`~paykit.events.TokenGranted`: the id of the card at Stripe.
        """
        if request.grant is None:
            raise InvalidRequest("Stripe finds a card by its id only", field="grant")
        wanted = check_id(request.grant, "grant", "pm_")
        method, raw = yield from self.get_typed(f"/v1/payment_methods/{wanted}", MethodShape)
        if method.id != wanted:
            raise MalformedResponse("the answer is about another card", provider=self.name)
        token = stored_card(method, method.customer, request.reference)
        if token is None:
            raise Declined(
                "the card is stored for no customer",
                reason=DeclineReason.TOKEN_INVALID,
                provider=self.name,
                raw=raw,
            )
        if request.customer_id.startswith("cus_") and token.customer_id != request.customer_id:
            raise MalformedResponse("the card is another customer's", provider=self.name)
        return token

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Detach the card from its customer: it can never be charged again."""
        if token.provider != self.name:
            raise InvalidRequest("is another provider's", field="token")
        wanted = check_id(token.value, "token", "pm_", "card_", "src_")

        def read(answer: JsonObject, response: HttpResponse) -> None:
            self.check_answer(answer, response, moves_money=False)
            method = MethodShape.read(answer, provider=self.name)
            if method.id != wanted or method.customer is not None:
                raise MalformedResponse("the card is not detached", provider=self.name)

        path = f"/v1/payment_methods/{wanted}/detach"
        return self.post_keyed(path, {}, read, key=to_key("detach", wanted), moves_money=False)
