"""Payments: asking for one, and going on after the payer's part of it.

Sources: https://docs.adyen.com/online-payments/build-your-integration/advanced-flow/ and
https://docs.adyen.com/online-payments/build-your-integration/sessions-flow/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

import attrs

from ...declines import DeclineReason
from ...errors import Declined, InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import (
    CaptureMode,
    FormPost,
    HandleInClient,
    NextAction,
    Nothing,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    Redirect,
)
from ...money import Money
from .api import AdyenApi
from .codes import AUTHORISED, BOOKED, COMPLETED, REASONS, REFUSALS, RESULTS, SESSIONS
from .requests import session_body, token_body
from .wire import PaymentAnswer, Session, SessionPayment, SessionResult

S = PaymentStatus

#: What the component gives back for an action (``state.data``), of which the rest is not sent on.
_DETAILS: Final = frozenset({"details", "paymentData", "authenticationData"})
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_SESSION_RESULT = re.compile(r"[!-~]{1,4000}", re.ASCII)


class Payments(AdyenApi):
    """Create, submit details, ask for a session."""

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
            return self._create_session(request)
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

    def fetch_session(self, ref: PaymentRef, session_id: str, session_result: str) -> Flow[Payment]:
        """Ask what became of a hosted page, with what the payer's browser brought back.

        ``session_id`` and ``session_result`` are ``sessionId`` and ``sessionResult`` of its return.
        """
        result, raw = yield from self.ask_session(session_id, session_result)
        if result.reference != ref.reference:
            raise MalformedResponse("the session is another payment's", provider=self.name)
        payment = self.session_payment(result, ref.reference, raw)
        if payment.amount is not None and ref.amount not in {None, payment.amount}:
            raise MalformedResponse("the session has another amount", provider=self.name)
        return payment

    # What an answer means.

    def check_paid(
        self, paid: PaymentAnswer, reference: str, amount: Money | None
    ) -> PaymentStatus:
        """The status that an answer tells; raises :class:`MalformedResponse` if it is not ours."""
        if paid.merchant_reference not in {None, reference}:
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        status = self.status_of(paid.result_code, amount)
        told = paid.amount
        if told is not None and amount is not None and told != amount:
            less = told.currency == amount.currency and told < amount
            if not (status is S.NEEDS_REVIEW and less):
                raise MalformedResponse("the answer is about another amount", provider=self.name)
        if status in BOOKED and paid.psp_reference is None:
            raise MalformedResponse("an authorisation without its id", provider=self.name)
        return status

    def status_of(self, result_code: str, amount: Money | None) -> PaymentStatus:
        """What a ``resultCode`` means in this account; nothing is held where nothing is asked."""
        takes = self.config.capture_mode is CaptureMode.AUTOMATIC
        if result_code == AUTHORISED and (takes or (amount is not None and not amount)):
            return S.SUCCEEDED
        return RESULTS.get(result_code, S.UNKNOWN)

    def raise_refusal(
        self,
        paid: PaymentAnswer,
        status: PaymentStatus,
        answer: JsonObject,
        response: HttpResponse,
    ) -> None:
        """Raise :class:`Declined` for an answer that says no."""
        if status in {S.FAILED, S.CANCELED}:
            raise self.answered_no(
                Declined,
                paid.refusal_reason or paid.result_code,
                code=paid.refusal_reason_code or paid.result_code,
                response=response,
                raw=answer,
                reason=reason_of(paid),
            )

    def next_step(self, paid: PaymentAnswer) -> NextAction:
        """What the payer has to do."""
        action = paid.action
        if action is None:
            return Nothing()
        if not isinstance(action.get("type"), str):
            raise MalformedResponse("an action without a type", provider=self.name)
        if action["type"] != "redirect":
            return HandleInClient(action)
        url, method, data = action.get("url"), action.get("method"), action.get("data")
        if not isinstance(url, str) or method not in ("GET", "POST"):
            raise MalformedResponse("a redirect that cannot be read", provider=self.name)
        if method == "GET":
            return Redirect(self.page(url))
        if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
            raise MalformedResponse("a form that cannot be read", provider=self.name)
        return FormPost(self.page(url), tuple(data.items()))

    def payment(
        self,
        paid: PaymentAnswer,
        status: PaymentStatus,
        reference: str,
        amount: Money | None,
        raw: JsonObject,
    ) -> Payment:
        """The payment that an answer is about."""
        whole = paid.amount or amount
        step = self.next_step(paid)
        no = status in {S.FAILED, S.CANCELED}
        return Payment(
            provider=self.name,
            reference=reference,
            status=status,
            amount=whole,
            captured=whole if status is S.SUCCEEDED else None,
            provider_id=None if status is S.REQUIRES_ACTION else paid.psp_reference,
            code=paid.refusal_reason_code if no and paid.refusal_reason_code else paid.result_code,
            message=paid.refusal_reason if no else None,
            reason=reason_of(paid) if no else None,
            next=None if isinstance(step, Nothing) else step,
            token=paid.stored_card(self.name, reference) if status in BOOKED else None,
            raw=raw,
        )

    def session_payment(self, result: SessionResult, reference: str, raw: JsonObject) -> Payment:
        """The payment of a session: the one that was made in it."""
        made: SessionPayment | None = result.payments[0] if len(result.payments) == 1 else None
        status = SESSIONS.get(result.status, S.UNKNOWN)
        if result.status == COMPLETED and made is not None:
            status = self.status_of(made.result_code, made.amount)
        return Payment(
            provider=self.name,
            reference=reference,
            status=status,
            amount=made.amount if made else None,
            captured=made.amount if made and status is S.SUCCEEDED else None,
            provider_id=made.psp_reference if made else None,
            code=made.result_code if made else result.status,
            raw=raw,
        )

    # What is sent.

    def post_result(self, redirect_result: str) -> Flow[tuple[PaymentAnswer, JsonObject]]:
        """Tell Adyen with what the payer's browser came back, and hear what became of it."""

        def read(answer: JsonObject, _response: HttpResponse) -> tuple[PaymentAnswer, JsonObject]:
            return PaymentAnswer.read(answer, provider=self.name), answer

        return self._post_details({"details": {"redirectResult": redirect_result}}, read, None)

    def ask_session(
        self, session_id: str, session_result: str
    ) -> Flow[tuple[SessionResult, JsonObject]]:
        """Ask for a session; raises :class:`InvalidRequest` for what is no id of one."""
        if not _SESSION_ID.fullmatch(session_id) or not _SESSION_RESULT.fullmatch(session_result):
            raise InvalidRequest("an id and a result as they came back", field="session_id")

        def read(answer: JsonObject, response: HttpResponse) -> tuple[SessionResult, JsonObject]:
            self.check_answer(answer, response, moves_money=False)
            result = SessionResult.read(answer, provider=self.name)
            if result.id != session_id:
                raise MalformedResponse("the answer is about another one", provider=self.name)
            return result, answer

        path = f"/sessions/{session_id}?sessionResult={quote(session_result, safe='')}"
        return self.ask(self.get(path), read)

    def _post_details(self, body: Mapping[str, Any], read: Any, key: str | None) -> Flow[Any]:
        if key is None:
            told = json.dumps(body, sort_keys=True, default=str)
            key = sha256(told.encode(errors="surrogatepass")).hexdigest()
        # With an authorisation by itself captured, this is the call that takes the money.
        return self.post_keyed("/payments/details", body, read, key=self.key_for(key, "details"))

    def _create_session(self, request: PaymentRequest) -> Flow[PaymentSession]:
        body = session_body(request, self.config, now=self.clock())

        def read(answer: JsonObject, _response: HttpResponse) -> PaymentSession:
            made = Session.read(answer, provider=self.name)
            if (made.reference, made.amount) != (request.reference, request.amount):
                raise MalformedResponse("the answer is about another one", provider=self.name)
            step = Redirect(self.page(made.url))
            return self.session(request, step, expires_at=made.expires_at, raw=answer)

        key = self.key_for(request.key, "session")
        return self.post_keyed("/sessions", body, read, key=key, moves_money=False)


def reason_of(paid: PaymentAnswer) -> DeclineReason:
    """Why an answer says no, in our words."""
    by_code = REFUSALS.get(paid.refusal_reason_code or "")
    return by_code or REASONS.get(paid.result_code, DeclineReason.CARD_DECLINED)
