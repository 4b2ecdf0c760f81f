"""Webhooks and browser returns: proven, and completed by asking where they say too little.

Sources: https://docs.stripe.com/webhooks and https://docs.stripe.com/webhooks/signature
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import InvalidRequest, MalformedDelivery, MalformedResponse, NotFound, SignatureError
from ...events import Event, as_return
from ...flow import Flow
from ...http import Delivery
from ...models import Payment
from ...provider import Clock, IdFactory, random_id, utc_now
from ...signing import Verified, check_fresh, seal_asked, seal_hmac_hex
from ...wire import Environment, signing_keys
from .config import StripeConfig
from .forms import ID
from .news import Envelope, Teller, open_question, read_envelope
from .reading import Reading
from .signatures import EXPECTED, HEADER, read_header
from .wire import PaymentIntent

#: What the payer's browser brings back: the parameter, and how the id in it begins.
_RETURNED: Final = {"payment_intent": "pi_", "setup_intent": "seti_", "session_id": "cs_"}


class Webhooks(Reading):
    """Verify, verify_return, parse."""

    def __init__(
        self, config: StripeConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        secrets = (config.webhook_secret, *config.previous_webhook_secrets)
        self._webhook_keys = signing_keys("sha256", *secrets)

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a webhook. About a refund or a dispute that names no payment of ours, ask Stripe.

        Raises :class:`~paykit.errors.WebhookError` for one that is not genuine. An error of another
        kind means that Stripe could not be asked: let it come again.
        """
        signed = read_header(delivery.header(HEADER))
        fields: dict[str, Any] = {}
        verified = seal_hmac_hex(
            delivery,
            keys=self._webhook_keys,
            messages=[signed.time.encode() + b"." + delivery.body],
            given=signed.signatures,
            fields=fields,
            expected=EXPECTED,
        )
        check_fresh(signed.moment, now=self.clock(), tolerance=self.config.webhook_tolerance)
        fields["event"] = delivery.json()
        fields["intent"] = yield from self._ask_about(fields["event"])
        return verified

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Ask Stripe about the payment that the browser names. Nothing else in it counts."""
        query = delivery.query_fields()
        for name, prefix in _RETURNED.items():
            wanted = query.get(name, "")
            if wanted.startswith(prefix) and ID.fullmatch(wanted):
                break
        else:
            raise SignatureError(f"no id of Stripe's in {', '.join(_RETURNED)}", provider=self.name)
        try:
            payment = yield from self.look_up(wanted, None)
        except NotFound:
            raise SignatureError("Stripe knows no such payment", provider=self.name) from None
        except MalformedResponse as error:
            raise MalformedDelivery(f"cannot be confirmed: {error}", provider=self.name) from None
        if not payment.reference:
            raise SignatureError("not a payment of this shop's", provider=self.name)
        return seal_asked(delivery, fields={"payment": payment}, about=wanted.encode())

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """What happened; nothing for other types of events, and for payments of others."""
        payment = verified.fields.get("payment")
        if isinstance(payment, Payment):
            return self._as_return(payment)
        event = self._read(verified.inside("event"))
        return tuple(Teller(event, verified.fields.get("intent"), self.config).events())

    def _read(self, fields: Mapping[str, Any]) -> Envelope:
        return read_envelope(fields, live=self.config.environment is Environment.PRODUCTION)

    def _ask_about(self, fields: Mapping[str, Any]) -> Flow[PaymentIntent | None]:
        """What Stripe says of the payment, where the notice alone cannot be read."""
        try:
            wanted = open_question(self._read(fields))
        except MalformedDelivery:
            return None  # parse says what is wrong with it
        if wanted is None:
            return None
        try:
            return (yield from self.get_ours(wanted))
        except (InvalidRequest, NotFound):
            raise MalformedDelivery("Stripe knows nothing of it", provider=self.name) from None

    def _as_return(self, payment: Payment) -> tuple[Event, ...]:
        told = (payment.reference, payment.provider_id, payment.status, payment.amount)
        totals = (payment.captured, payment.refunded, payment.code)
        event_id = self.event_id("return", *map(str, (*told, *totals)))
        return as_return((self.as_event(payment, event_id=event_id),))
