"""Hosted pages: Adyen's own page for a payment, and what became of it.

Source: https://docs.adyen.com/online-payments/build-your-integration/sessions-flow/
"""

from __future__ import annotations

import re
from urllib.parse import quote

from ...errors import InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import Payment, PaymentRef, PaymentRequest, PaymentSession, PaymentStatus, Redirect
from .answers import Answers
from .codes import COMPLETED, SESSIONS
from .requests import session_body
from .wire import Session, SessionPayment, SessionResult

S = PaymentStatus

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_SESSION_RESULT = re.compile(r"[!-~]{1,4000}", re.ASCII)


class Sessions(Answers):
    """Create a hosted page, ask for it."""

    def create_session(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Make a hosted page for a payment; nothing moves by that."""
        body = session_body(request, self.config, now=self.clock())

        def read(answer: JsonObject, _response: HttpResponse) -> PaymentSession:
            made = Session.read(answer, provider=self.name)
            if (made.reference, made.amount) != (request.reference, request.amount):
                raise MalformedResponse("the answer is about another one", provider=self.name)
            step = Redirect(self.page(made.url))
            return self.session(request, step, expires_at=made.expires_at, raw=answer)

        key = self.key_for(request.key, "session")
        return self.post_keyed("/sessions", body, read, key=key, moves_money=False)

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
