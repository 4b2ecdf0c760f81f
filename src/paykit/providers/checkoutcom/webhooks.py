"""Webhooks and returns.

A webhook is proven by HMAC-SHA256 over its body. A return proves nothing: the payment is asked for.
Sources: https://www.checkout.com/docs/developer-resources/event-notifications/receive-webhooks and
the examples beside it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

from ...errors import InvalidRequest, MalformedDelivery, MalformedResponse, NotFound, SignatureError
from ...events import Event
from ...flow import Flow, done
from ...http import Delivery
from ...models import Payment
from ...signing import SharedSecret, SigningKey, Verified, seal_asked, seal_hmac_hex
from ...wire import signing_keys
from .forms import PAGE_ID, PAYMENT_ID, SESSION_ID
from .notices import events_of
from .payments import Payments

EXPECTED: Final = "Cko-Signature, 64 lower-case hex digits of HMAC-SHA256 over the body"
_ASKED: Final = "asked"
#: What a browser brings back, and what it may be.
_RETURNED: Final = {
    "cko-session-id": (SESSION_ID,),
    "cko-payment-id": (PAYMENT_ID, PAGE_ID),
}


class Webhooks(Payments):
    """Verify, parse, and what a browser's return is worth."""

    @cached_property
    def _keys(self) -> tuple[SigningKey, ...]:
        config = self.config
        return signing_keys("sha256", config.signature_key, *config.previous_signature_keys)

    @cached_property
    def _authorization(self) -> SharedSecret | None:
        secret = self.config.webhook_authorization
        return None if secret is None else SharedSecret(secret.get_secret_value())

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a webhook by ``Cko-Signature``, and by ``Authorization`` where that is configured.

        Nothing in the body is read before. Raises :class:`SignatureError`, and
        :class:`MalformedDelivery` for a body that is signed and cannot be read: then what it told
        is asked for when the payment is polled.
        """
        given = delivery.header("Cko-Signature")
        if given and ":" in given:
            raise SignatureError(
                "this is the signature of another product of Checkout.com's (identity "
                f"verification: time and ECDSA); expected {EXPECTED}",
                provider=self.name,
            )
        if not self._is_authorized(delivery):
            raise SignatureError(
                "the header Authorization is not the configured one", provider=self.name
            )
        return done(
            seal_hmac_hex(
                delivery,
                keys=self._keys,
                messages=[delivery.body],
                given=given,
                expected=EXPECTED,
            )
        )

    def _is_authorized(self, delivery: Delivery) -> bool:
        # No variable holds the secret: a traceback would show it.
        wanted = self._authorization
        return wanted is None or wanted.matches(delivery.header("Authorization") or "")

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Ask about the payment that a browser came back from; it informs and never settles."""
        query = delivery.query_fields()
        named = next(
            (
                query[name]
                for name, forms in _RETURNED.items()
                if name in query and any(form.fullmatch(query[name]) for form in forms)
            ),
            None,
        )
        if named is None:
            raise MalformedDelivery(
                "the return has neither cko-session-id nor cko-payment-id", provider=self.name
            )
        try:
            payment = yield from self.payment_at(named, None)
        except NotFound:
            raise MalformedDelivery(
                "Checkout.com knows nothing of it", provider=self.name
            ) from None
        except (MalformedResponse, InvalidRequest) as error:
            raise MalformedDelivery(f"cannot be confirmed: {error}", provider=self.name) from None
        return seal_asked(delivery, fields={_ASKED: payment}, about=_digested(payment))

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """What a proven webhook or return means; raises :class:`MalformedDelivery`."""
        asked = verified.fields.get(_ASKED)
        if isinstance(asked, Payment):  # JSON cannot hold one
            return (self.as_event(asked, event_id=verified.fingerprint),)
        return events_of(self, verified.fields)


def _digested(payment: Payment) -> bytes:
    """What makes one answer another one than the next."""
    about = (
        payment.provider_id,
        payment.reference,
        payment.status,
        payment.code,
        payment.amount,
        payment.captured,
        payment.refunded,
        payment.occurred_at,
    )
    return "\n".join(map(str, about)).encode()
