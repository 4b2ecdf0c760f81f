"""The payer's return, which nothing signs: Adyen is told of it, and its answer counts.

Source: https://docs.adyen.com/online-payments/build-your-integration/advanced-flow/
"""

from __future__ import annotations

from typing import Final

from ...errors import (
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    NotFound,
    ProviderError,
)
from ...events import Event, TokenGranted
from ...flow import Flow
from ...http import Delivery, decode_component
from ...signing import Verified, seal_asked
from .payments import Payments
from .wire import PaymentAnswer, SessionResult

_LONGEST_RESULT: Final = 20_000


class Returns(Payments):
    """Verify returns."""

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Ask Adyen about the payer's return; what else the browser says is not believed.

        A return from a bank ends the payment with that: Adyen is told with what the browser came
        back, and says what became of it. Telling it again brings the same answer.
        """
        fields = _returned(delivery)
        session_id, session_result = fields.get("sessionId"), fields.get("sessionResult")
        result = fields.get("redirectResult")
        try:
            if result:
                if len(result) > _LONGEST_RESULT or not result.isprintable():
                    raise MalformedDelivery("not a redirectResult", provider=self.name)
                _, raw = yield from self.post_result(result)
                return seal_asked(delivery, fields={"answer": raw}, about=result.encode())
            if session_id and session_result:
                _, raw = yield from self.ask_session(session_id, session_result)
                about = f"{session_id}|{session_result}".encode()
                return seal_asked(delivery, fields={"session": raw}, about=about)
        except InvalidRequest as error:
            raise MalformedDelivery(str(error), provider=self.name) from None
        except NotFound:
            raise MalformedDelivery("Adyen knows nothing of it", provider=self.name) from None
        except ProviderError as error:
            if type(error) is ProviderError:
                raise MalformedDelivery(
                    f"Adyen does not take it (code {error.code})", provider=self.name
                ) from None
            raise
        raise MalformedDelivery("neither redirectResult nor sessionResult", provider=self.name)

    def parse_return(self, verified: Verified) -> tuple[Event, ...]:
        """What Adyen's answer means; it may also bring a stored card."""
        if "session" in verified.fields:
            return self._parse_session(verified)
        return self._parse_answer(verified)

    def _parse_answer(self, verified: Verified) -> tuple[Event, ...]:
        raw = verified.fields["answer"]
        try:
            paid = PaymentAnswer.read(raw, provider=self.name)
            if paid.merchant_reference is None or paid.amount is None:
                # Which payment this is about, only the answer can say; the webhook will.
                return ()
            reference = paid.merchant_reference
            status = self.check_paid(paid, reference, paid.amount)
            payment = self.payment(paid, status, reference, paid.amount, raw)
        except MalformedResponse as error:
            raise MalformedDelivery(str(error), provider=self.name) from None
        event_id = self.event_id("return", verified.fingerprint, paid.result_code)
        events: list[Event] = [self.as_event(payment, event_id=event_id)]
        card = payment.token
        if card is not None and card.customer_id is not None:
            events.append(
                TokenGranted(
                    event_id=self.event_id("token", paid.psp_reference or "", card.value),
                    provider=self.name,
                    account=self.account,
                    reference=reference,
                    customer_id=card.customer_id,
                    grant=card.value,
                    occurred_at=self.clock(),
                )
            )
        return tuple(events)

    def _parse_session(self, verified: Verified) -> tuple[Event, ...]:
        raw = verified.fields["session"]
        result = SessionResult.told(raw, provider=self.name)
        if result.reference is None:
            return ()
        payment = self.session_payment(result, result.reference, raw)
        if payment.amount is None:
            return ()  # how much it was about, only a payment in it would tell
        event_id = self.event_id("return", verified.fingerprint, payment.code or "")
        return (self.as_event(payment, event_id=event_id),)


def _returned(delivery: Delivery) -> dict[str, str]:
    """What the browser brought: in the query, or in a form that the bank made it post."""
    fields = delivery.query_fields()
    if delivery.method == "POST":
        form = Delivery("GET", query=delivery.body).query_pairs()
        for name, value in form:
            key = decode_component(name)
            if key in fields:
                raise MalformedDelivery(f"{key[:40]!r} occurs twice", provider="adyen")
            fields[key] = decode_component(value)
    return fields
