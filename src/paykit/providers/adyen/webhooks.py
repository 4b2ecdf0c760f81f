"""Webhooks that sign their items, or their body as a whole.

Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from ...errors import MalformedDelivery, SignatureError
from ...events import Event, PaymentProcessed, TokenGranted
from ...flow import Flow, done
from ...http import Delivery, JsonObject, Reply, basic_auth
from ...signing import (
    SharedSecret,
    SignedPart,
    SigningKey,
    Verified,
    seal_hmac_parts,
)
from ...wire import Environment
from .codes import EVENTS, TOKEN_CREATED
from .forms import SHOPPER, STORED_ID
from .meanings import meaning_of
from .notices import EXPECTED, Item, read_items, read_moment
from .returns import Returns

#: Of webhooks that are signed as a whole (tokens, platforms).
SIGNATURE_HEADER: Final = "HmacSignature"
_EXPECTED_HEADER: Final = (
    f"the header {SIGNATURE_HEADER}, base64 of HMAC-SHA256 with the key in hex over the body"
)
_LIVE: Final = {"true": Environment.PRODUCTION, "false": Environment.SANDBOX}
_WORLDS: Final = {"live": Environment.PRODUCTION, "test": Environment.SANDBOX}


class Webhooks(Returns):
    """Verify, parse."""

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
            # What means nothing here, such as a report for the whole company, is let pass: Adyen
            # would send it for a month, and everything else behind it.
            if item.code in EVENTS:
                self._check_account(item.account)
        return done(verified)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """One event for each item that is news; a return may also bring a stored card."""
        if "parts" in verified.fields:
            return self._parse_parts(verified)
        return self.parse_return(verified)

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


def _moment(verified: Verified, index: int, now: datetime) -> datetime:
    """When an item says that it happened: not signed, so it is shown, and never in the future."""
    wrapper = verified.delivery.json()["notificationItems"][index]
    told = read_moment(wrapper.get("NotificationRequestItem"))
    return now if told is None else min(told, now)
