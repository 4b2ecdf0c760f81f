"""Webhooks that sign their items or their body, and returns that Adyen is asked about.

Sources: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/
and https://docs.adyen.com/online-payments/build-your-integration/advanced-flow/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from ...errors import (
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    NotFound,
    ProviderError,
    SignatureError,
)
from ...events import Event, PaymentProcessed, TokenGranted
from ...flow import Flow, done
from ...http import Delivery, JsonObject, Reply, basic_auth, decode_component
from ...signing import (
    SharedSecret,
    SignedPart,
    SigningKey,
    Verified,
    seal_asked,
    seal_hmac_parts,
)
from ...wire import Environment
from .codes import TOKEN_CREATED
from .forms import SHOPPER, STORED_ID
from .notices import EXPECTED, Item, meaning_of, read_items, read_moment
from .payments import Payments
from .wire import PaymentAnswer, SessionResult

#: Of webhooks that are signed as a whole (tokens, platforms).
SIGNATURE_HEADER: Final = "HmacSignature"
_EXPECTED_HEADER: Final = (
    f"the header {SIGNATURE_HEADER}, base64 of HMAC-SHA256 with the key in hex over the body"
)
_LIVE: Final = {"true": Environment.PRODUCTION, "false": Environment.SANDBOX}
_WORLDS: Final = {"live": Environment.PRODUCTION, "test": Environment.SANDBOX}
_LONGEST_RESULT: Final = 20_000


class Webhooks(Payments):
    """Verify, verify returns, parse."""

    #: Any 2xx will do today; accounts of long ago wait for the text.
    acknowledgement: ClassVar[Reply] = Reply(200, b"[accepted]", "text/plain; charset=utf-8")

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a webhook: all of its items, or none.

        Besides, it has to come with the user and the password that are configured, for this
        merchant account and from this environment.
        """
        self._check_sender(delivery)
        body = delivery.json()
        keys = self._keys()
        if "notificationItems" not in body:
            return done(self._verify_whole(delivery, body, keys))
        items = read_items(body)
        parts = [SignedPart(item.signed_text, given, {"item": item}) for item, given in items]
        verified = seal_hmac_parts(delivery, keys=keys, parts=parts, expected=EXPECTED)
        # Not signed, but the key of one world is no key of the other's.
        self._check_world(_LIVE, body.get("live"))
        for item, _ in items:
            self._check_account(item.account)
        return done(verified)

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

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """One event for each item that is news; a return may also bring a stored card."""
        fields = verified.fields
        if "parts" in fields:
            return self._parse_parts(verified)
        if "session" in fields:
            return self._parse_session(verified)
        return self._parse_answer(verified)

    # Webhooks.

    def _keys(self) -> list[SigningKey]:
        return [
            SigningKey(bytes.fromhex(key.get_secret_value()), "sha256")
            for key in (self.config.hmac_key, *self.config.previous_hmac_keys)
        ]

    def _check_sender(self, delivery: Delivery) -> None:
        password = self.config.webhook_password
        if password is None:
            return
        user = self.config.webhook_user or ""
        # No variable here holds the password in the clear: a traceback would show it.
        expected = SharedSecret(basic_auth(user, password.get_secret_value())["Authorization"])
        if not expected.matches(delivery.header("Authorization") or ""):
            raise SignatureError(
                "not the user and password of the webhook; expected the header Authorization: "
                "Basic <user:password in base64>, beside the signature",
                provider=self.name,
            )

    def _verify_whole(
        self, delivery: Delivery, body: JsonObject, keys: list[SigningKey]
    ) -> Verified:
        """Prove a webhook whose body is signed as a whole."""
        given = delivery.header(SIGNATURE_HEADER)
        part = SignedPart(delivery.body, given, {"whole": body})
        verified = seal_hmac_parts(delivery, keys=keys, parts=[part], expected=_EXPECTED_HEADER)
        self._check_world(_WORLDS, body.get("environment"))
        return verified

    def _check_world(self, words: Mapping[str, Environment], told: object) -> None:
        if not isinstance(told, str) or words.get(told) is not self.config.environment:
            raise MalformedDelivery("from another environment", provider=self.name)

    def _check_account(self, account: object) -> None:
        if account != self.config.merchant_account:
            raise MalformedDelivery("for another merchant account", provider=self.name)

    def _parse_parts(self, verified: Verified) -> tuple[Event, ...]:
        events: list[Event] = []
        now = self.clock()
        for index, part in enumerate(verified.fields["parts"]):
            if "whole" in part:
                events += self._token_events(part["whole"])
                continue
            item: Item = part["item"]
            meaning = meaning_of(item, self.config.capture_mode)
            if meaning is None:
                continue
            if not item.reference:
                raise MalformedDelivery("an item without merchantReference", provider=self.name)
            events.append(
                PaymentProcessed(
                    event_id=self._item_id(item),
                    provider=self.name,
                    account=self.account,
                    reference=item.reference,
                    provider_id=item.payment_id,
                    status=meaning.status,
                    amount=item.money,
                    captured=meaning.captured,
                    occurred_at=_moment(verified, index, now),
                    code=item.code,
                    reason=meaning.reason,
                    movement=meaning.movement,
                )
            )
        return tuple(events)

    def _item_id(self, item: Item) -> str:
        # The same notice may come again with another date or reason.
        return self.event_id(item.psp, item.code, "true" if item.success else "false")

    def _token_events(self, body: Mapping[str, Any]) -> list[Event]:
        """A card that was stored: the whole body is signed, so it can be believed."""
        data, event_id = body.get("data"), body.get("eventId")
        kind = body.get("type")
        if not isinstance(kind, str) or kind not in TOKEN_CREATED:
            return []
        if not isinstance(data, dict) or not isinstance(event_id, str) or not event_id:
            raise MalformedDelivery("a token without its data", provider=self.name)
        self._check_account(data.get("merchantAccount"))
        stored, owner = data.get("storedPaymentMethodId"), data.get("shopperReference")
        if not isinstance(stored, str) or not STORED_ID.fullmatch(stored):
            raise MalformedDelivery("no storedPaymentMethodId", provider=self.name)
        if not isinstance(owner, str) or not SHOPPER.fullmatch(owner):
            raise MalformedDelivery("no shopperReference", provider=self.name)
        return [
            TokenGranted(
                event_id=self.event_id("token", event_id, stored),
                provider=self.name,
                account=self.account,
                # The notice does not tell the merchant's reference, only Adyen's of the payment.
                reference=event_id,
                customer_id=owner,
                grant=stored,
                occurred_at=self.clock(),
            )
        ]

    # Returns.

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


def _moment(verified: Verified, index: int, now: datetime) -> datetime:
    """When an item says that it happened: not signed, so it is shown, and never in the future."""
    wrapper = verified.delivery.json()["notificationItems"][index]
    told = read_moment(wrapper.get("NotificationRequestItem"))
    return now if told is None else min(told, now)
