"""Webhooks and browser returns: proven, then confirmed by asking, and only then read.

A webhook's signature covers a CRC-32 of its body, which anybody can match who has seen one genuine
webhook. So a webhook only tells what to ask about. What an event says is PayPal's answer.
"""

from __future__ import annotations

from http import HTTPStatus
from json import dumps
from typing import Any, Final, TypeVar

from ...certificates import TrustedKey
from ...errors import (
    MalformedDelivery,
    MalformedResponse,
    NotFound,
    ProviderUnavailable,
    RateLimited,
    SignatureError,
)
from ...events import Event
from ...flow import Flow
from ...http import Delivery, HttpRequest, HttpResponse, JsonObject
from ...provider import Clock, IdFactory, random_id, utc_now
from ...retries import retry_after
from ...signing import Verified, check_fresh, seal_asked, seal_rsa
from ...wire import Wire
from .api import PayPalApi
from .certificates import (
    SIMULATOR_ID,
    CertificateCache,
    Origin,
    find_origin,
    origins,
    read_certificate,
)
from .codes import Subject
from .config import PayPalConfig
from .forms import ID, to_request_id
from .news import News, event_of
from .notices import ALGORITHM, EXPECTED, Claim, Transmission, read_claim, read_transmission
from .wire import Authorization, Capture, Order, Proven, RefundAnswer

W = TypeVar("W", bound=Wire)

_VERIFY: Final = "/v1/notifications/verify-webhook-signature"
_INVALID: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class Webhooks(PayPalApi):
    """Verify, verify_return, parse."""

    def __init__(
        self, config: PayPalConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        self._certificates = CertificateCache()
        self._origins = origins(config)

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a webhook, then ask PayPal about what it says.

        Raises :class:`~paykit.errors.WebhookError` for one that is not genuine or says what PayPal
        does not confirm. An error of another kind means that PayPal could not be asked: let it come
        again.
        """
        sent = read_transmission(delivery)
        fields: dict[str, Any] = {}
        if self.config.webhook_verification == "postback":
            webhook_id = yield from self._ask_whether_genuine(sent, delivery)
            about = sent.signed_text(webhook_id)
            verified = seal_asked(delivery, fields=fields, about=about)
            simulated = False
        else:
            origin = find_origin(sent.certificate_url, self._origins)
            key = yield from self._signing_key(sent.certificate_url, origin)
            verified = _prove(delivery, sent, key, origin, fields)
            # Anybody can make the simulator sign. It proves that webhooks arrive, and no more.
            simulated = origin.webhook_ids == (SIMULATOR_ID,)
        check_fresh(sent.moment, now=self.clock(), tolerance=self.config.webhook_tolerance)
        claim = read_claim(delivery.json())
        if claim is not None and not simulated:
            fields["news"] = yield from self._confirm(claim, sent)
        return verified

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Ask PayPal about the order that the browser names. ``PayerID`` decides nothing."""
        query = delivery.query_fields()
        order_id = query.get("token", "")
        if not ID.fullmatch(order_id):
            raise SignatureError("no order id in the parameter token", provider=self.name)
        try:
            order, _ = yield from self.get_order(order_id)
        except NotFound:
            raise SignatureError("PayPal knows no such order", provider=self.name) from None
        except MalformedResponse as error:
            raise MalformedDelivery(f"cannot be confirmed: {error}", provider=self.name) from None
        # Where the payer gave up, PayPal sends no PayerID. It is a hint for the page, no state.
        news = News(subject=Subject.ORDER, order=order, left="PayerID" not in query)
        return seal_asked(delivery, fields={"news": news}, about=order_id.encode())

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """What PayPal's answer means; nothing for a type of event that is not for here."""
        news = verified.fields.get("news")
        if news is None:
            return ()
        try:
            return (event_of(news, self.config, self.clock()),)
        except MalformedResponse as error:
            raise MalformedDelivery(f"cannot be confirmed: {error}", provider=self.name) from None

    # Is it genuine?

    def _signing_key(self, url: str, origin: Origin) -> Flow[TrustedKey]:
        """The key at ``url``, which is fetched once and kept as long as it is valid."""
        if not origin.webhook_ids:
            raise SignatureError("no webhook id is configured", provider=self.name)
        now = self.clock()
        kept = self._certificates.find(url, now)
        if kept is not None:
            return kept
        try:
            response = yield HttpRequest.get(url)
            _expect_certificate(response)
            key = read_certificate(response.body, origin, self.config, now)
        except MalformedResponse:
            self._certificates.refuse(url, now)
            raise SignatureError("the certificate is too large or cannot be read") from None
        except SignatureError:
            self._certificates.refuse(url, now)
            raise
        self._certificates.keep(url, key)
        return key

    def _ask_whether_genuine(self, sent: Transmission, delivery: Delivery) -> Flow[str]:
        """Post the webhook back; returns the webhook id that it is for."""
        find_origin(sent.certificate_url, self._origins)
        delivery.json()  # exactly one JSON object: it becomes a part of another one

        def read(answer: JsonObject, response: HttpResponse) -> bool:
            if response.status in _INVALID:
                return False
            self.check_answer(answer, response, moves_money=False)
            status = Proven.read(answer, provider=self.name).verification_status
            if status not in {"SUCCESS", "FAILURE"}:
                raise MalformedResponse("neither SUCCESS nor FAILURE", provider=self.name)
            return status == "SUCCESS"

        for webhook_id in self.config.webhook_ids:
            head = dumps(
                {
                    "auth_algo": ALGORITHM,
                    "cert_url": sent.certificate_url,
                    "transmission_id": sent.id,
                    "transmission_sig": sent.signature,
                    "transmission_time": sent.time,
                    "webhook_id": webhook_id,
                }
            )
            # The body as it came: parsed and written again it would have another checksum.
            body = head[:-1].encode() + b', "webhook_event": ' + delivery.body + b"}"
            key = to_request_id(sent.id, webhook_id, str(sent.checksum))
            headers = {
                "Content-Type": "application/json",
                "Accept": "application/json",
                "PayPal-Request-Id": key,
            }
            request = HttpRequest("POST", self.base + _VERIFY, headers, body, replay_safe=True)
            if (yield from self.send(request, read)):
                return webhook_id
        raise SignatureError(
            "PayPal does not confirm the signature for any configured webhook id",
            provider=self.name,
        )

    # Is it so?

    def _confirm(self, claim: Claim, sent: Transmission) -> Flow[News | None]:
        """What PayPal says about the subject of ``claim``."""
        refund, hold, capture, order = None, None, None, None
        capture_id: str | None = claim.id
        if claim.subject is Subject.ORDER:
            order = yield from self._ask(f"/v2/checkout/orders/{claim.id}", Order)
            if not order.is_like_ours:
                return None  # somebody else uses the same app
            return News(subject=claim.subject, order=order, type=claim.type, sent_at=sent.moment)
        if claim.subject is Subject.AUTHORIZATION:
            hold = yield from self._ask(f"/v2/payments/authorizations/{claim.id}", Authorization)
        else:
            if claim.subject is Subject.REFUND:
                refund = yield from self._ask(f"/v2/payments/refunds/{claim.id}", RefundAnswer)
                capture_id = refund.linked("captures")
                if capture_id is None:
                    raise MalformedDelivery("a refund of no capture", provider=self.name)
            capture = yield from self._find(f"/v2/payments/captures/{capture_id}", Capture)
            if capture is None and claim.subject is Subject.DISPUTE:
                return None  # about a payment of an older interface
            if capture is None:
                raise self._unknown()
        # One capture is all there is to an order, unless it was taken from a hold.
        order_id = hold.order_id if hold else None
        if capture is not None and capture.authorization_id:
            order_id = capture.order_id
        if order_id:
            try:
                found, _ = yield from self.get_order(order_id)
                order = found if found.is_like_ours else None
            except (NotFound, MalformedResponse):
                order = None  # too old to be asked about
        return News(
            subject=claim.subject,
            type=claim.type,
            order=order,
            hold=hold,
            capture=capture,
            refund=refund,
            sent_at=sent.moment,
        )

    def _ask(self, path: str, shape: type[W]) -> Flow[W]:
        """What is at ``path``. That there is nothing is the fault of the webhook that says so."""
        found = yield from self._find(path, shape)
        if found is None:
            raise self._unknown()
        return found

    def _unknown(self) -> MalformedDelivery:
        return MalformedDelivery("PayPal knows nothing of it", provider=self.name)

    def _find(self, path: str, shape: type[W]) -> Flow[W | None]:
        """What is at ``path``, or ``None``."""
        try:
            answer, _ = yield from self.get_typed(path, shape)
        except NotFound:
            return None
        except MalformedResponse as error:
            raise MalformedDelivery(f"cannot be confirmed: {error}", provider=self.name) from None
        if getattr(answer, "id", None) != path.rpartition("/")[2]:
            raise MalformedDelivery("PayPal answers about another one", provider=self.name)
        return answer


def _prove(
    delivery: Delivery,
    sent: Transmission,
    key: TrustedKey,
    origin: Origin,
    fields: dict[str, Any],
) -> Verified:
    """The proof under one of the webhook ids; if there is none, the error about the last one."""
    failure = SignatureError("no webhook id is configured")
    for webhook_id in origin.webhook_ids:
        message = sent.signed_text(webhook_id)
        try:
            return seal_rsa(
                delivery,
                public_key=key.key,
                message=message,
                given=sent.signature,
                fields=fields,
                expected=EXPECTED,
            )
        except SignatureError as error:
            failure = error
    raise failure


def _expect_certificate(response: HttpResponse) -> None:
    status = response.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimited(
            "too many calls",
            provider="paypal",
            retry_after=retry_after(response),
            http_status=status,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ProviderUnavailable(f"HTTP {status}", provider="paypal", http_status=status)
    if status != HTTPStatus.OK:
        # Also a redirect: PayPal's certificates are where it says they are.
        raise SignatureError(f"there is no certificate at PAYPAL-CERT-URL (HTTP {status})")
