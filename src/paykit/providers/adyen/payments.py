"""Payments: asking for one, and going on after the payer's part of it.

Source: https://docs.adyen.com/online-payments/build-your-integration/advanced-flow/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import attrs

from ...errors import InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import (
    Nothing,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
)
from .codes import BOOKED
from .requests import token_body
from .sessions import Sessions
from .wire import PaymentAnswer

S = PaymentStatus

#: What the component gives back for an action (``state.data``), of which the rest is not sent on.
_DETAILS: Final = frozenset({"details", "paymentData", "authenticationData"})


class Payments(Sessions):
    """Create, submit details."""

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Pay with ``request.token``; without one, make a hosted page and send the payer there.

        ``token.value`` is the JSON text of the component's ``state.data.paymentMethod``, or the id
        of a stored card of ``token.customer_id``. What the rest of ``state.data`` holds
        (``browserInfo``, ``origin``, ``billingAddress`` and the like) goes into ``extra``. Raises
        :class:`~paykit.errors.Declined` for a refusal.
        """
        self.check_request(request, free=request.save_token)
        if request.method is not None:
            raise InvalidRequest("is chosen in the browser", field="method")
        if request.token is None:
            return self.create_session(request)
        body = token_body(request, request.token, self.config)

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            paid = PaymentAnswer.read(answer, provider=self.name)
            status = self.check_paid(paid, request.reference, request.amount)
            self.raise_refusal(paid, status, answer, response)
            step = self.next_step(paid)
            if status is S.REQUIRES_ACTION and isinstance(step, Nothing):
                raise MalformedResponse("no action for the payer", provider=self.name)
            booked = status in BOOKED
            session = self.session(request, step, status=status, raw=answer)
            return attrs.evolve(
                session,
                amount=paid.amount or request.amount,
                # After the payer's part it may be another one.
                provider_id=None if status is S.REQUIRES_ACTION else paid.psp_reference,
                # When a hold lapses, no answer of Adyen's tells.
                expires_at=None if booked else session.expires_at,
                token=paid.stored_card(self.name, request.reference) if booked else None,
            )

        return self.post_keyed("/payments", body, read, key=self.key_for(request.key, "pay"))

    def submit_details(
        self, ref: PaymentRef, data: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Flow[Payment]:
        """Go on with a payment after the payer's part: ``data`` is what the component gave back.

        That is its ``state.data``: ``details``, and ``paymentData`` where there is some. The answer
        may ask for another step (``next``). Raises :class:`~paykit.errors.Declined` for a refusal.
        Without an ``idempotency_key`` the same details are the same call.
        """
        details = data.get("details")
        if not isinstance(details, Mapping) or not details:
            raise InvalidRequest("needs the details that the component gave", field="data")
        body = {name: data[name] for name in sorted(_DETAILS & data.keys(), reverse=True)}

        def read(answer: JsonObject, response: HttpResponse) -> Payment:
            paid = PaymentAnswer.read(answer, provider=self.name)
            status = self.check_paid(paid, ref.reference, ref.amount)
            self.raise_refusal(paid, status, answer, response)
            step = self.next_step(paid)
            if status is S.REQUIRES_ACTION and isinstance(step, Nothing):
                raise MalformedResponse("no action for the payer", provider=self.name)
            return self.payment(paid, status, ref.reference, ref.amount, answer)

        return self._post_details(body, read, idempotency_key)

    def post_result(self, redirect_result: str) -> Flow[tuple[PaymentAnswer, JsonObject]]:
        """Tell Adyen with what the payer's browser came back, and hear what became of it."""

        def read(answer: JsonObject, _response: HttpResponse) -> tuple[PaymentAnswer, JsonObject]:
            return PaymentAnswer.read(answer, provider=self.name), answer

        return self._post_details({"details": {"redirectResult": redirect_result}}, read, None)

    def _post_details(self, body: Mapping[str, Any], read: Any, key: str | None) -> Flow[Any]:
        if key is None:
            told = json.dumps(body, sort_keys=True, default=str)
            key = sha256(told.encode(errors="surrogatepass")).hexdigest()
        # With an authorisation by itself captured, this is the call that takes the money.
        return self.post_keyed("/payments/details", body, read, key=self.key_for(key, "details"))
