"""payOS: a payment request with a page and a VietQR code, and a notice for each transfer.

Sources: https://payos.vn/docs/api/ (requests, webhook, codes),
https://payos.vn/docs/tich-hop-webhook/kiem-tra-du-lieu-voi-signature/ (signatures) and
https://payos.vn/docs/du-lieu-tra-ve/return-url/. Amounts are whole đồng.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import Field

from ..errors import (
    AuthenticationFailed,
    DuplicateReference,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    NotFound,
    ProviderError,
    SignatureError,
)
from ..events import Event, TransferReceived
from ..flow import Flow, done
from ..http import Delivery, HttpRequest, HttpResponse, JsonObject, Reply, json_text
from ..info import FOR_EVER, Asking, Capability
from ..models import Payment, PaymentRef, PaymentRequest, PaymentSession, PaymentStatus, Redirect
from ..money import Money
from ..provider import Provider, ProviderInfo
from ..signing import SigningKey, Verified, seal_asked, seal_hmac_hex
from ..wire import (
    CamelWire,
    Environment,
    Id,
    ProviderConfig,
    Secret,
    Text,
    UnixTime,
    Url,
    VietnamTime,
    Whole,
    signing_keys,
)

S = PaymentStatus
T = TypeVar("T")
#: What becomes of a payment request. Money may still arrive after the last three.
STATUSES: Final = {
    **dict.fromkeys(("PENDING", "PROCESSING", "UNDERPAID"), S.PENDING),
    "PAID": S.SUCCEEDED,
    "FAILED": S.FAILED,
    "EXPIRED": S.EXPIRED,
    "CANCELLED": S.CANCELED,
}
#: The ``code`` of an answer; payOS says no with HTTP 200, too.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "01": ProviderError,
    "20": ProviderError,
    "101": NotFound,
    "201": AuthenticationFailed,
    "214": AuthenticationFailed,
    "231": DuplicateReference,
    "401": AuthenticationFailed,
}
#: The fields of a new request that its signature covers, in their order.
CREATE_FIELDS: Final = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
MAX_DESCRIPTION: Final = 25
#: What payOS posts to try out an address, as its documentation prints it.
_SAMPLE: Final = (123, 3000, "124c33293c43417ab7879e14c8d9eb18")
_PATH: Final = "/v2/payment-requests"
_LARGEST: Final = 2**53 - 1
_ORDER_CODE = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED: Final = (
    "signature, 64 lower-case hex digits of HMAC-SHA256 over the fields of data as name=value, "
    "sorted by name, joined by &, values not encoded"
)
#: These are signed as if they were empty.
_NOTHING: Final = (None, "", "null", "undefined")


class PayOSConfig(ProviderConfig):
    """The three keys of one payOS channel; ``partner_code`` is for payOS' partners."""

    provider: ClassVar[str] = "payos"

    client_id: Text
    api_key: Secret
    checksum_key: Secret
    previous_checksum_keys: tuple[Secret, ...] = ()
    partner_code: Text | None = None
    base_url: Url | None = None


class _Created(CamelWire):
    payment_link_id: Id
    status: str
    checkout_url: str
    qr_code: str
    expired_at: UnixTime | None = None


class _Asked(CamelWire):
    id: Id
    amount: Whole
    amount_paid: Whole
    status: str


_Half = Annotated[Id, Field(max_length=100)]


class _Transfer(CamelWire):
    order_code: Whole
    amount: Whole
    currency: Literal["VND"]
    # Both together are the transfer's own id.
    payment_link_id: _Half
    reference: _Half
    transaction_date_time: VietnamTime
    code: Id
    description: str = ""
    account_number: Id | None = None


_READ: Final = tuple(str(field.alias) for field in _Transfer.model_fields.values())


def signed_text(data: Mapping[str, Any]) -> str:
    """What payOS signs of ``data``: ``name=value``, sorted by name and joined by ``&``.

    Exactly the fields that are there, as they are: nothing is encoded, lists are JSON with the
    names of their objects sorted.
    """
    return "&".join(f"{name}={_text(value)}" for name, value in sorted(data.items()))


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = [dict(sorted(one.items())) if isinstance(one, dict) else one for one in value]
    elif isinstance(value, str) or value is None:
        return "" if value in _NOTHING else value
    return json_text(value)


def order_code(reference: str) -> int:
    """The ``orderCode`` that a reference stands for; raises :class:`InvalidRequest`."""
    if not _ORDER_CODE.fullmatch(reference) or int(reference) > _LARGEST:
        raise InvalidRequest(f"a number from 1 to {_LARGEST}, in digits", field="reference")
    return int(reference)


class PayOS(Provider):
    """payOS: bank transfers to your own account, by a page or a VietQR code."""

    name = "payos"
    info = ProviderInfo(
        title="payOS",
        homepage="https://payos.vn",
        docs=("https://payos.vn/docs/api/",),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        read_timeout=60.0,
        # There is only one payOS, where all money is real.
        hosts=dict.fromkeys(Environment, "https://api-merchant.payos.vn"),
        silent_on=frozenset({S.CANCELED, S.EXPIRED, S.FAILED}),
        asking=Asking(
            first_after=timedelta(minutes=5),
            again_after=timedelta(minutes=5),
            grace=timedelta(days=1),
        ),
        # What is closed stays closed.
        repeatable_for={Capability.VOID: FOR_EVER},
    )
    Config = PayOSConfig
    config: PayOSConfig
    acknowledgement = Reply.json({"success": True})

    @cached_property
    def _keys(self) -> tuple[SigningKey, ...]:
        config = self.config
        return signing_keys("sha256", config.checksum_key, *config.previous_checksum_keys)

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Open a payment request under the number ``request.reference``.

        ``description`` becomes the memo of the transfer, the reference if there is none. ``extra``
        takes ``cancelUrl`` (else it is ``return_url``) and payOS' other optional fields. A number
        is taken once and for ever, so a repeat opens nothing: it is a ``DuplicateReference``.
        """
        self.check_request(request)
        description = request.description or request.reference
        if len(description) > MAX_DESCRIPTION:
            raise InvalidRequest(f"at most {MAX_DESCRIPTION} characters", field="description")
        if not request.return_url:
            raise InvalidRequest("payOS has to know where to send the payer", field="return_url")
        body: dict[str, Any] = {
            "orderCode": order_code(request.reference),
            "amount": request.amount.minor,
            "description": description,
            "cancelUrl": request.extra.get("cancelUrl", request.return_url),
            "returnUrl": request.return_url,
        }
        if request.expires_at:
            body["expiredAt"] = (request.expires_at - _EPOCH) // timedelta(seconds=1)
        if request.items:
            body["items"] = [
                {"name": item.name, "quantity": item.quantity, "price": item.price.minor}
                for item in request.items
            ]
        self.add_extra(body, request, known={"cancelUrl"}, reserved={"signature"})
        text = "&".join(f"{name}={body[name]}" for name in CREATE_FIELDS)
        body["signature"] = self._keys[0].hex(text.encode())

        def read(data: JsonObject, answer: JsonObject) -> PaymentSession:
            asked = {"orderCode": body["orderCode"], "amount": body["amount"], "currency": "VND"}
            self.check_echo(data, asked)
            created = _Created.read(data, provider=self.name)
            return self.session(
                request,
                Redirect(self.page(created.checkout_url), qr_payload=created.qr_code),
                status=S.REQUIRES_ACTION if created.status == "PENDING" else S.UNKNOWN,
                provider_id=created.payment_link_id,
                expires_at=created.expired_at,
                raw=answer,
            )

        return self._call(self.post(_PATH, body, replay_safe=True), read)

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state; ``captured`` is all that has arrived, be it too little or too much."""
        path = f"{_PATH}/{order_code(ref.reference)}"
        return self._call(self.get(path), partial(self._payment, ref))

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:  # noqa: ARG002
        """Close a payment request. Who has kept its code can still transfer money."""
        path = f"{_PATH}/{order_code(ref.reference)}/cancel"
        return self._call(self.post(path, {}, moves_money=True), partial(self._payment, ref))

    def confirm_webhook(self, url: str) -> Flow[JsonObject]:
        """Register the address for notices; returns what payOS says of the account behind it.

        payOS posts a sample there first and wants a 2xx for it, so the endpoint has to be running.
        """
        request = self.post("/confirm-webhook", {"webhookUrl": url}, replay_safe=True)
        return self._call(request, lambda data, _: data)

    # Notices and returns.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a notice: HMAC-SHA256 over ``data``. What stands around it is not signed."""
        body = delivery.json()
        data, given = body.get("data"), body.get("signature")
        if not isinstance(given, str):
            raise SignatureError(f"no signature; expected {_EXPECTED}")
        if not isinstance(data, dict):
            raise MalformedDelivery("data is not an object", provider=self.name)
        text = signed_text(data)
        verified = seal_hmac_hex(
            delivery,
            keys=self._keys,
            messages=[text.encode()],
            given=given,
            fields={name: value for name, value in data.items() if value not in _NOTHING},
            expected=_EXPECTED,
        )
        # Nothing is quoted there: a memo could stand in for the fields that follow it.
        if any(f"&{text}".count(f"&{name}=") != (name in data) for name in _READ):
            raise MalformedDelivery("a value holds the name of a field", provider=self.name)
        return done(verified)

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Ask payOS about the payment: nothing in the browser's return is signed."""
        code = delivery.query_fields().get("orderCode", "")
        try:
            order_code(code)
        except InvalidRequest:
            raise MalformedDelivery("orderCode is not one of ours", provider=self.name) from None
        payment = yield from self.fetch_payment(PaymentRef(reference=code))
        about = signed_text(payment.raw["data"]).encode()
        return seal_asked(delivery, fields={"payment": payment}, about=about)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """A notice tells of one transfer, and not that the payment is complete.

        payOS' sample and a code other than ``00`` tell of no money: there is no event.
        """
        payment = verified.fields.get("payment")
        if isinstance(payment, Payment):
            return (self.as_event(payment, event_id=verified.fingerprint),)
        told = _Transfer.read(verified.fields, provider=self.name, error=MalformedDelivery)
        sample = (told.order_code, told.amount, told.payment_link_id) == _SAMPLE
        if sample or told.code != "00":
            return ()
        if not told.amount:
            raise MalformedDelivery("the amount is nothing", provider=self.name)
        transfer = f"{told.payment_link_id}:{told.reference}"
        return (
            TransferReceived(
                event_id=self.event_id("transfer", transfer),
                provider=self.name,
                account=self.account,
                provider_id=transfer,
                reference=str(told.order_code),
                amount=Money(told.amount, told.currency),
                occurred_at=told.transaction_date_time,
                memo=told.description,
                account_number=told.account_number,
                bank_reference=told.reference,
            ),
        )

    # Shared.

    def headers(self) -> dict[str, str]:
        """Who is asking."""
        headers = {
            "x-client-id": self.config.client_id,
            "x-api-key": self.config.api_key.get_secret_value(),
            "x-partner-code": self.config.partner_code,
        }
        return {name: value for name, value in headers.items() if value}

    def _call(self, request: HttpRequest, read: Callable[[JsonObject, JsonObject], T]) -> Flow[T]:
        """Ask, and let ``read`` make sense of the ``data`` of the answer, and of the answer.

        It says yes by HTTP 200, code ``00`` and data. If it is signed, then rightly.
        """

        def read_answer(answer: JsonObject, response: HttpResponse) -> T:
            data, code, given = (answer.get(name) for name in ("data", "code", "signature"))
            if code != "00":
                raise self.refusal(REFUSALS, code, answer.get("desc"), request, response, answer)
            if response.status != HTTPStatus.OK or not isinstance(data, dict):
                raise MalformedResponse("code 00 without data", provider=self.name)
            text = signed_text(data).encode()
            if given is not None and not any(key.matches(text, str(given)) for key in self._keys):
                raise MalformedResponse("the answer's signature is wrong", provider=self.name)
            return read(data, answer)

        return self.ask(request, read_answer)

    def _payment(self, ref: PaymentRef, data: JsonObject, answer: JsonObject) -> Payment:
        self.check_echo(data, {"orderCode": order_code(ref.reference)})
        told = _Asked.read(data, provider=self.name)
        status = STATUSES.get(told.status, S.UNKNOWN)
        if status is S.SUCCEEDED and told.amount_paid < told.amount:
            status = S.UNKNOWN  # the answer contradicts itself
        return Payment(
            provider=self.name,
            reference=ref.reference,
            provider_id=told.id,
            status=status,
            amount=Money(told.amount, "VND"),
            captured=Money(told.amount_paid, "VND") if told.amount_paid else None,
            code=told.status,
            raw=answer,
        )
