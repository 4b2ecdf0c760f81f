"""VNPay PAY 2.1.0: a signed URL takes the payer there, a GET callback (IPN) brings the news.

Sources: https://sandbox.vnpayment.vn/apis/docs/thanh-toan-pay/pay.html (payment, IPN, codes) and
https://sandbox.vnpayment.vn/apis/docs/truy-van-hoan-tien/querydr&refund.html (query, refund).
All amounts on the wire are đồng × 100, all times are GMT+7.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import ClassVar, Final, TypeVar
from urllib.parse import quote_plus

from pydantic import model_validator

from ..errors import (
    AuthenticationFailed,
    Declined,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from ..events import Event, PaymentProcessed, Source
from ..flow import Flow, done
from ..http import Delivery, HttpRequest, HttpResponse, JsonObject, Reply, decode_component
from ..models import (
    CaptureMode,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    Redirect,
    Refund,
    RefundRef,
    RefundRequest,
    RefundStatus,
    ShowQr,
)
from ..money import Money
from ..provider import (
    Clock,
    IdFactory,
    Outcome,
    Provider,
    ProviderInfo,
    random_id,
    utc_now,
)
from ..signing import SigningKey, Verified, seal_hmac_hex
from ..wire import Environment, ProviderConfig, Secret, Text, Url

_AHEAD_OF_UTC: Final = timedelta(hours=7)
#: Vietnam has no daylight saving. ("Etc/GMT+7" would be the other side of the world.)
GMT7: Final = timezone(_AHEAD_OF_UTC)

_SANDBOX_PAY: Final = "https://sandbox.vnpayment.vn/paymentv2/vpcpay.html"
_PRODUCTION_PAY: Final = "https://pay.vnpay.vn/vpcpay.html"
_SANDBOX_API: Final = "https://sandbox.vnpayment.vn/merchant_webapi/api/transaction"

S = PaymentStatus
T = TypeVar("T")

#: vnp_ResponseCode on the IPN and the return, pay.html: our status and the reason in our words.
RESPONSE_CODES: Final[Mapping[str, tuple[PaymentStatus, str | None]]] = {
    "00": (S.SUCCEEDED, None),
    "01": (S.FAILED, "duplicate_reference"),
    "02": (S.FAILED, "merchant_invalid"),
    "03": (S.FAILED, "invalid_data"),
    "04": (S.FAILED, "merchant_blocked"),
    "05": (S.FAILED, "authentication_failed"),
    "06": (S.FAILED, "authentication_failed"),
    "07": (S.UNKNOWN, "fraud_suspected"),  # debited, but held: look at the merchant console
    "08": (S.FAILED, "bank_unavailable"),
    "09": (S.FAILED, "not_enrolled"),
    "10": (S.FAILED, "authentication_failed"),
    "11": (S.EXPIRED, "expired"),
    "12": (S.FAILED, "account_blocked"),
    "13": (S.FAILED, "authentication_failed"),
    "24": (S.CANCELED, "canceled_by_payer"),
    "51": (S.FAILED, "insufficient_funds"),
    "65": (S.FAILED, "limit_exceeded"),
    "75": (S.FAILED, "bank_unavailable"),
    "79": (S.FAILED, "authentication_failed"),
    "99": (S.UNKNOWN, "processing_error"),  # to be confirmed by querydr
}

#: vnp_TransactionStatus, the state at VNPay. 08, 10, 11 and 20 are in the PDF specification only.
TRANSACTION_STATUSES: Final[Mapping[str, PaymentStatus]] = {
    "00": S.SUCCEEDED,
    "01": S.PENDING,
    "02": S.FAILED,
    "04": S.UNKNOWN,  # debited at the bank, not successful at VNPay: being reversed
    "05": S.SUCCEEDED,  # a refund is being processed
    "06": S.SUCCEEDED,  # a refund was sent to the bank
    "07": S.UNKNOWN,  # suspected fraud
    "08": S.EXPIRED,
    "09": S.SUCCEEDED,  # a refund was rejected: the payment stands
    "10": S.SUCCEEDED,  # delivered
    "11": S.CANCELED,
    "20": S.SUCCEEDED,  # settled
}

#: vnp_TransactionStatus of a refund.
REFUND_STATUSES: Final[Mapping[str, RefundStatus]] = {
    "00": RefundStatus.SUCCEEDED,
    "05": RefundStatus.PENDING,
    "06": RefundStatus.PENDING,
    "09": RefundStatus.FAILED,
}

_REPLIES: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.ACCEPTED: ("00", "Confirm Success"),
    Outcome.DUPLICATE: ("02", "Order already confirmed"),
    Outcome.UNKNOWN_REFERENCE: ("01", "Order not found"),
    Outcome.MISMATCH: ("04", "Invalid amount"),
    Outcome.BAD_SIGNATURE: ("97", "Invalid signature"),
    Outcome.STALE: ("97", "Invalid signature"),
    Outcome.MALFORMED: ("99", "Unknown error"),
    Outcome.TRY_AGAIN: ("99", "Unknown error"),
}

_HASH_FIELDS: Final = frozenset({"vnp_SecureHash", "vnp_SecureHashType"})
#: The fields that query and refund join by ``|``, in their documented order.
QUERY_FIELDS: Final = tuple(
    "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TxnRef vnp_TransactionDate "
    "vnp_CreateDate vnp_IpAddr vnp_OrderInfo".split()
)
REFUND_FIELDS: Final = tuple(
    "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TransactionType vnp_TxnRef vnp_Amount "
    "vnp_TransactionNo vnp_TransactionDate vnp_CreateBy vnp_CreateDate vnp_IpAddr "
    "vnp_OrderInfo".split()
)
REFUND_RESPONSE_FIELDS: Final = tuple(
    "vnp_ResponseId vnp_Command vnp_ResponseCode vnp_Message vnp_TmnCode vnp_TxnRef vnp_Amount "
    "vnp_BankCode vnp_PayDate vnp_TransactionNo vnp_TransactionType vnp_TransactionStatus "
    "vnp_OrderInfo".split()
)
QUERY_RESPONSE_FIELDS: Final = (
    *REFUND_RESPONSE_FIELDS,
    "vnp_PromotionCode",
    "vnp_PromotionAmount",
)

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_METHOD = re.compile(r"[A-Za-z0-9_]{2,20}", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
_EXTRA = re.compile(r"vnp_[A-Za-z0-9_]{1,60}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,15}", re.ASCII)
_DATE = re.compile(r"[0-9]{14}", re.ASCII)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._-]+")
#: Only characters that every form encoder leaves alone, and upper-case escapes of the others:
#: encoding such a query again gives the same bytes.
_CANONICAL = re.compile(rb"(?:[A-Za-z0-9._=&+-]|%(?!20|2D|2E|5F|2A|7E)[0-9A-F]{2})*+")
_MAX_WIRE_AMOUNT: Final = 10**12 - 1
_MAX_URL: Final = 255


class VNPayConfig(ProviderConfig):
    """One VNPay terminal (``vnp_TmnCode``) and its secret (``vnp_HashSecret``).

    ``pay_url`` and ``api_url`` follow from ``environment``, except that VNPay hands out the
    production address of query and refund at go-live, so ``api_url`` must be given then.
    ``session_lifetime`` bounds how long a link can be paid. ``server_ip`` is this server's address
    for query and refund.
    """

    provider: ClassVar[str] = "vnpay"

    tmn_code: Text
    hash_secret: Secret
    previous_hash_secrets: tuple[Secret, ...] = ()
    pay_url: Url | None = None
    api_url: Url | None = None
    order_type: Text = "other"
    server_ip: Text = "127.0.0.1"
    session_lifetime: timedelta = timedelta(minutes=15)

    @model_validator(mode="after")
    def _complete(self) -> VNPayConfig:
        if self.environment is Environment.PRODUCTION and self.api_url is None:
            raise ValueError("api_url is needed in production: VNPay gives it to you at go-live")
        if self.session_lifetime <= timedelta(0):
            raise ValueError("session_lifetime must be more than nothing")
        return self


class VNPay(Provider):
    """VNPay: redirect to cards, bank accounts and VNPAY-QR; full and partial refunds."""

    name = "vnpay"
    info = ProviderInfo(
        title="VNPay",
        homepage="https://vnpay.vn",
        docs=(
            "https://sandbox.vnpayment.vn/apis/docs/thanh-toan-pay/pay.html",
            "https://sandbox.vnpayment.vn/apis/docs/truy-van-hoan-tien/querydr&refund.html",
        ),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        webhook_method="GET",
    )
    Config = VNPayConfig
    config: VNPayConfig

    def __init__(
        self, config: VNPayConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        production = config.environment is Environment.PRODUCTION
        self._pay_url = config.pay_url or (_PRODUCTION_PAY if production else _SANDBOX_PAY)
        self._api_url = config.api_url or _SANDBOX_API
        secrets = (config.hash_secret, *config.previous_hash_secrets)
        self._keys = tuple(SigningKey(item.get_secret_value(), "sha512") for item in secrets)

    # Creating a payment.

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Sign a URL for the payer's browser; with method ``QR_DIRECT`` fetch a QR code instead.

        ``method`` is a ``vnp_BankCode``: ``VNPAYQR``, ``VNBANK``, ``INTCARD`` or a bank such as
        ``NCB``; without it the payer chooses. ``extra`` takes ``vnp_OrderType``, ``vnp_Bill_…`` and
        ``vnp_Inv_…``. Needs ``return_url`` and ``customer.ip``. The IPN address is not part of the
        request: it is stored at VNPay. Raises :class:`~paykit.errors.InvalidRequest`.
        """
        now = self.clock()
        expires_at = request.expires_at or now + self.config.session_lifetime
        qr = request.method == "QR_DIRECT"
        url = self.payment_url(self._payment_fields(request, now, expires_at, qr=qr))
        session = PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=S.REQUIRES_ACTION,
            next=Redirect(url),
            amount=request.amount,
            created_at=now,
            expires_at=expires_at,
        )
        return self._create_qr(url, session) if qr else done(session)

    def payment_url(self, fields: Mapping[str, str]) -> str:
        """The signed URL for these ``vnp_`` fields: what is signed is what is sent."""
        query = canonical_query(fields)
        return f"{self._pay_url}?{query}&vnp_SecureHash={self._keys[0].hex(query.encode())}"

    def _payment_fields(
        self, request: PaymentRequest, now: datetime, expires_at: datetime, *, qr: bool
    ) -> dict[str, str]:
        if request.capture is not CaptureMode.AUTOMATIC:
            raise InvalidRequest("VNPay has no separate capture", field="capture")
        if request.token is not None or request.save_token:
            raise InvalidRequest("VNPay PAY has no stored tokens", field="token")
        if not _REFERENCE.fullmatch(request.reference):
            raise InvalidRequest("use 1 to 100 of A-Z a-z 0-9 _ -", field="reference")
        if expires_at <= now:
            raise InvalidRequest("must be in the future", field="expires_at")
        if request.locale not in {"vi", "vn", "en"}:
            raise InvalidRequest("VNPay speaks vi and en", field="locale")
        fields = {
            "vnp_Version": "2.1.0",
            "vnp_Command": "genqr" if qr else "pay",
            "vnp_TmnCode": self.config.tmn_code,
            "vnp_Amount": str(_to_wire(request.amount)),
            "vnp_CreateDate": _to_gmt7(now),
            "vnp_ExpireDate": _to_gmt7(expires_at),
            "vnp_CurrCode": "VND",
            "vnp_IpAddr": _ip(request.customer.ip),
            "vnp_Locale": "en" if request.locale == "en" else "vn",
            "vnp_OrderInfo": plain_text(request.description) or f"Thanh toan {request.reference}",
            "vnp_OrderType": self.config.order_type,
            "vnp_ReturnUrl": _return_url(request.return_url),
            "vnp_TxnRef": request.reference,
        }
        if request.method and not qr:
            if not _METHOD.fullmatch(request.method):
                raise InvalidRequest("not a bank code", field="method")
            fields["vnp_BankCode"] = request.method
        for name, value in request.extra.items():
            fixed = name in fields and name != "vnp_OrderType"
            if fixed or name in _HASH_FIELDS or not _EXTRA.fullmatch(name):
                raise InvalidRequest(f"{name!r:.60} cannot be set here", field="extra")
            if not isinstance(value, str):
                raise InvalidRequest(f"{name} must be text", field="extra")
            fields[name] = value
        return fields

    def _create_qr(self, url: str, session: PaymentSession) -> Flow[PaymentSession]:
        def read(body: JsonObject, response: HttpResponse) -> PaymentSession:
            code, payload = body.get("code"), body.get("qrcontent")
            if code != "00":
                raise self._refusal(str(code), body, response)
            if not isinstance(payload, str) or not payload:
                raise MalformedResponse("no qrcontent", provider=self.name)
            return PaymentSession(
                provider=session.provider,
                reference=session.reference,
                status=session.status,
                next=ShowQr(payload),
                amount=session.amount,
                created_at=session.created_at,
                expires_at=session.expires_at,
                raw=body,
            )

        return self.ask(HttpRequest.get(url), read)

    # Callbacks: the IPN and the browser's return carry the same parameters.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove an IPN: HMAC-SHA512 over the sorted, form-encoded ``vnp_`` parameters."""
        return done(self._verify(delivery))

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a browser return; same text, same key. VNPay itself says not to settle on it."""
        return done(self._verify(delivery))

    def _verify(self, delivery: Delivery) -> Verified:
        raw: dict[str, bytes] = {}
        for encoded, value in delivery.query_pairs():
            name = decode_component(encoded)
            # A return URL with a query of its own brings foreign, unsigned parameters back.
            if name.startswith("vnp_"):
                if name in raw:
                    raise MalformedDelivery(f"{name[:40]} occurs twice", provider=self.name)
                raw[name] = value
        given = raw.pop("vnp_SecureHash", b"")
        raw.pop("vnp_SecureHashType", None)  # the receiver chooses the algorithm, not the sender
        pairs = sorted(raw.items())
        fields: dict[str, str] = {}
        verified = seal_hmac_hex(
            delivery,
            keys=self._keys,
            messages=_signed_texts(pairs),
            given=decode_component(given),
            fields=fields,
            expected="vnp_SecureHash, 128 hex digits of HMAC-SHA512 over the vnp_ parameters "
            "sorted by name and form-encoded (space as +)",
            any_case=True,
        )
        for name, value in pairs:
            fields[name] = decode_component(value)
        if fields.get("vnp_TmnCode") != self.config.tmn_code:
            raise MalformedDelivery("vnp_TmnCode is another terminal's", provider=self.name)
        return verified

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """One event. Success needs both codes to be ``00``."""
        fields = verified.fields
        code = _required(fields, "vnp_ResponseCode")
        status, reason = _callback_status(code, _required(fields, "vnp_TransactionStatus"))
        reference = _required(fields, "vnp_TxnRef")
        if not _REFERENCE.fullmatch(reference):
            raise MalformedDelivery("vnp_TxnRef is not one of ours", provider=self.name)
        number = fields.get("vnp_TransactionNo")
        paid_at = fields.get("vnp_PayDate")
        return (
            PaymentProcessed(
                event_id=verified.fingerprint,
                provider=self.name,
                account=self.account,
                reference=reference,
                provider_id=number if number and number != "0" else None,
                status=status,
                amount=_from_wire(_required(fields, "vnp_Amount"), MalformedDelivery),
                occurred_at=_from_gmt7(paid_at, MalformedDelivery) if paid_at else self.clock(),
                code=code,
                reason=reason,
                source=Source.WEBHOOK,
            ),
        )

    def reply(self, outcome: Outcome) -> Reply:
        """Always HTTP 200 with exactly two keys; VNPay reads ``RspCode``."""
        code, message = _REPLIES[outcome]
        return Reply.json({"RspCode": code, "Message": message})

    # Query and refund.

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask with ``querydr``. Needs ``ref.created_at``: VNPay looks payments up by that time."""
        return self._query(ref, self._read_payment)

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask with ``querydr``: once a refund was asked, it tells of the refund.

        VNPay does not tell refunds of one payment apart, so after several partial refunds this is
        the state of the latest. While it still tells of the payment, the refund is ``UNKNOWN``.
        """

        def read(fields: Mapping[str, str], body: JsonObject) -> Refund:
            about_refund = fields.get("vnp_TransactionType") in {"02", "03"}
            code = fields.get("vnp_TransactionStatus", "")
            return self._refund(
                ref.reference,
                ref.payment,
                REFUND_STATUSES.get(code, RefundStatus.UNKNOWN)
                if about_refund
                else RefundStatus.UNKNOWN,
                fields,
                body,
                amount=_from_wire(fields.get("vnp_Amount"), MalformedResponse)
                if about_refund
                else ref.amount,
            )

        return self._query(ref.payment, read)

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back all (type 02) or a part (type 03). Needs ``payment.created_at``.

        Repeating the same reference on the same day is answered as a refund in progress. Raises
        :class:`~paykit.errors.Declined` when the payment was not successful or the sum is too much.
        """
        payment, amount = request.payment, request.money
        fields = {
            "vnp_RequestId": _request_id(request.key),
            "vnp_Version": "2.1.0",
            "vnp_Command": "refund",
            "vnp_TmnCode": self.config.tmn_code,
            "vnp_TransactionType": "02" if request.is_full else "03",
            "vnp_TxnRef": payment.reference,
            "vnp_Amount": str(_to_wire(amount)),
            # Sign what is sent, also when it is empty; one peer library does not.
            "vnp_TransactionNo": payment.provider_id or "",
            "vnp_TransactionDate": self._created(payment),
            "vnp_CreateBy": plain_text(request.requested_by)[:245] or "paykit",
            "vnp_CreateDate": _to_gmt7(self.clock()),
            "vnp_IpAddr": self.config.server_ip,
            "vnp_OrderInfo": plain_text(request.description) or f"Hoan tien {payment.reference}",
        }

        def read(body: JsonObject, response: HttpResponse) -> Refund:
            fields = _texts(body)
            code = fields.get("vnp_ResponseCode", "")
            if code == "94":
                status = RefundStatus.PENDING
            elif code == "00":
                self._check_answer(fields, REFUND_RESPONSE_FIELDS, payment.reference)
                if _from_wire(fields.get("vnp_Amount"), MalformedResponse) != amount:
                    raise MalformedResponse("the answer is about another amount")
                status = REFUND_STATUSES.get(
                    fields.get("vnp_TransactionStatus", ""), RefundStatus.UNKNOWN
                )
            elif code in _REFUND_REFUSALS:
                raise Declined(
                    fields.get("vnp_Message", "refused"),
                    reason=_REFUND_REFUSALS[code],
                    provider=self.name,
                    code=code,
                    http_status=response.status,
                    raw=body,
                )
            elif code in _REFUSALS:
                raise self._refusal(code, body, response)
            else:
                status = RefundStatus.UNKNOWN
            return self._refund(request.reference, payment, status, fields, body, amount=amount)

        return self._send(fields, REFUND_FIELDS, read, moves_money=True)

    def _query(
        self, ref: PaymentRef, read: Callable[[Mapping[str, str], JsonObject], T]
    ) -> Flow[T]:
        fields = {
            "vnp_RequestId": _request_id(self.new_id()),
            "vnp_Version": "2.1.0",
            "vnp_Command": "querydr",
            "vnp_TmnCode": self.config.tmn_code,
            "vnp_TxnRef": ref.reference,
            "vnp_TransactionDate": self._created(ref),
            "vnp_CreateDate": _to_gmt7(self.clock()),
            "vnp_IpAddr": self.config.server_ip,
            "vnp_OrderInfo": f"Truy van {ref.reference}"[:_MAX_URL],
        }
        if ref.provider_id:
            fields["vnp_TransactionNo"] = ref.provider_id  # sent, and not part of the signed text

        def read_answer(body: JsonObject, response: HttpResponse) -> T:
            answer = _texts(body)
            code = answer.get("vnp_ResponseCode", "")
            if code != "00":
                raise self._refusal(code, body, response)
            self._check_answer(answer, QUERY_RESPONSE_FIELDS, ref.reference)
            return read(answer, body)

        return self._send(fields, QUERY_FIELDS, read_answer)

    def _send(
        self,
        fields: dict[str, str],
        order: tuple[str, ...],
        read: Callable[[JsonObject, HttpResponse], T],
        *,
        moves_money: bool = False,
    ) -> Flow[T]:
        body = {**fields, "vnp_SecureHash": self._keys[0].hex(pipe_text(fields, order))}
        return self.ask(HttpRequest.post_json(self._api_url, body, moves_money=moves_money), read)

    def _check_answer(
        self, fields: Mapping[str, str], order: tuple[str, ...], reference: str
    ) -> None:
        # Documented joins take a missing field as empty; one integrator saw it left out.
        texts = (
            pipe_text(fields, order),
            pipe_text(fields, tuple(name for name in order if name in fields)),
        )
        given = fields.get("vnp_SecureHash", "").lower()
        if not any(key.matches(text, given) for text in texts for key in self._keys):
            raise MalformedResponse("the answer's vnp_SecureHash is wrong", provider=self.name)
        if fields.get("vnp_TmnCode") != self.config.tmn_code:
            raise MalformedResponse("the answer is about another terminal", provider=self.name)
        if fields.get("vnp_TxnRef") != reference:
            raise MalformedResponse("the answer is about another payment", provider=self.name)

    def _read_payment(self, fields: Mapping[str, str], body: JsonObject) -> Payment:
        code = fields.get("vnp_TransactionStatus", "")
        status = TRANSACTION_STATUSES.get(code, S.UNKNOWN)
        amount = _from_wire(fields.get("vnp_Amount"), MalformedResponse)
        kind = fields.get("vnp_TransactionType")
        refunded = None
        if kind in {"02", "03"}:
            # The answer is about a refund, so the payment itself had succeeded.
            status = S.SUCCEEDED
            if code == "00":
                status = S.REFUNDED if kind == "02" else S.PARTIALLY_REFUNDED
                refunded = amount
        elif kind != "01" or code in {"05", "06", "09"}:
            status = S.UNKNOWN
        number, paid_at = fields.get("vnp_TransactionNo"), fields.get("vnp_PayDate")
        paid = status in {S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED}
        return Payment(
            provider=self.name,
            reference=fields["vnp_TxnRef"],
            status=status,
            # A refund's answer carries the refund's amount, not the payment's.
            amount=amount if kind != "03" else None,
            captured=amount if paid and kind != "03" else None,
            refunded=refunded,
            provider_id=number if number and number != "0" else None,
            code=code,
            message=fields.get("vnp_Message"),
            occurred_at=_from_gmt7(paid_at, MalformedResponse) if paid_at else None,
            raw=body,
        )

    def _refund(
        self,
        reference: str,
        payment: PaymentRef,
        status: RefundStatus,
        fields: Mapping[str, str],
        body: JsonObject,
        *,
        amount: Money | None,
    ) -> Refund:
        return Refund(
            provider=self.name,
            reference=reference,
            payment_reference=payment.reference,
            status=status,
            amount=amount,
            provider_id=fields.get("vnp_TransactionNo") or None,
            code=fields.get("vnp_ResponseCode"),
            message=fields.get("vnp_Message"),
            raw=body,
        )

    def _refusal(self, code: str, body: JsonObject, response: HttpResponse) -> ProviderError:
        message = str(body.get("vnp_Message") or body.get("message") or "refused")[:200]
        kind = _REFUSALS.get(code, ProviderUnavailable)
        return kind(message, provider=self.name, code=code, http_status=response.status, raw=body)

    def _created(self, ref: PaymentRef) -> str:
        if ref.created_at is None:
            raise InvalidRequest(
                "VNPay finds a payment by its time of creation: keep session.ref",
                field="created_at",
            )
        return _to_gmt7(ref.created_at)


#: vnp_ResponseCode of querydr and refund that say no for a reason that we can name; every other
#: code (08 maintenance, 16 not at this hour, 98, 99, unseen) says nothing about the payment.
_REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "02": AuthenticationFailed,
    "03": ProviderError,
    "08": ProviderUnavailable,
    "16": ProviderUnavailable,
    "91": NotFound,
    "94": RateLimited,
    "97": AuthenticationFailed,
}
_REFUND_REFUSALS: Final = {"93": "amount_too_large", "95": "not_paid"}


def canonical_query(fields: Mapping[str, str]) -> str:
    """The text that VNPay signs: sorted by name, form-encoded, without hashes and blanks."""
    return "&".join(
        f"{_form_encode(name)}={_form_encode(value)}"
        for name, value in sorted(fields.items())
        if value and name not in _HASH_FIELDS
    )


def pipe_text(fields: Mapping[str, str], order: tuple[str, ...]) -> bytes:
    """The text that query and refund sign: raw values joined by ``|``, a missing one empty."""
    return "|".join(fields.get(name, "") for name in order).encode()


def plain_text(text: str) -> str:
    """Text as VNPay wants it: no accents, only letters, digits, blanks and ``._-``, 255 at most."""
    folded = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return " ".join(_NOT_PLAIN.sub(" ", bare).split())[:_MAX_URL]


def _form_encode(text: str) -> str:
    # As Java's URLEncoder and JavaScript's URLSearchParams do; Python differs in * and ~.
    return quote_plus(text, safe="*").replace("~", "%7E")


def _signed_texts(pairs: list[tuple[str, bytes]]) -> Iterator[bytes]:
    """The spellings that VNPay may have signed, the likeliest first.

    Normally it signs the very bytes that it sends. A proxy or framework may have encoded them
    anew, so the canonical encoding is tried next, but only where it differs.
    """
    kept = [b"=".join((name.encode(), value)) for name, value in pairs if value]
    raw = b"&".join(kept)
    yield raw
    if len(kept) < len(pairs):
        yield b"&".join(b"=".join((name.encode(), value)) for name, value in pairs)
    if not _CANONICAL.fullmatch(raw):
        again = canonical_query({name: decode_component(value) for name, value in pairs})
        yield again.encode()
        if "*" in again:
            yield again.replace("*", "%2A").encode()  # PHP's urlencode


def _callback_status(code: str, transaction_status: str) -> tuple[PaymentStatus, str | None]:
    status, reason = RESPONSE_CODES.get(code, (S.UNKNOWN, None))
    paid_there = transaction_status == "00"
    if status is S.SUCCEEDED and not paid_there:
        status = TRANSACTION_STATUSES.get(transaction_status, S.UNKNOWN)
        # Only 00 with 00 is success; any other pair that looks like it has to be asked about.
        return (S.UNKNOWN if status is S.SUCCEEDED else status), reason
    if status is not S.SUCCEEDED and paid_there:
        return S.UNKNOWN, reason  # the two signed fields contradict each other
    return status, reason


def _required(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name)
    if not value:
        raise MalformedDelivery(f"{name} is missing", provider="vnpay")
    return value


def _to_wire(amount: Money) -> int:
    if amount.currency != "VND":
        raise InvalidRequest("VNPay takes VND only", field="currency")
    wire = amount.minor * 100
    if not 0 < wire <= _MAX_WIRE_AMOUNT:
        raise InvalidRequest("must be from 1 to 9,999,999,999 đồng", field="amount")
    return wire


def _from_wire(text: str | None, error: type[MalformedDelivery | MalformedResponse]) -> Money:
    if text is None or not _AMOUNT.fullmatch(text):
        raise error("vnp_Amount is not a whole number", provider="vnpay")
    minor, rest = divmod(int(text), 100)
    if rest:
        raise error("vnp_Amount is not a multiple of 100", provider="vnpay")
    return Money(minor, "VND")


def _to_gmt7(moment: datetime) -> str:
    return moment.astimezone(GMT7).strftime("%Y%m%d%H%M%S")


def _from_gmt7(text: str, error: type[MalformedDelivery | MalformedResponse]) -> datetime:
    if not _DATE.fullmatch(text):
        raise error("vnp_PayDate is not yyyyMMddHHmmss", provider="vnpay")
    try:
        local = datetime(
            int(text[:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[8:10]),
            int(text[10:12]),
            int(text[12:]),
            tzinfo=UTC,
        )
        return local - _AHEAD_OF_UTC  # cheaper than astimezone(), and the same
    except (ValueError, OverflowError):
        raise error("vnp_PayDate is not a date", provider="vnpay") from None


def _ip(address: str | None) -> str:
    try:
        return str(ipaddress.ip_address(address or ""))
    except ValueError:
        raise InvalidRequest("VNPay needs the payer's IP address", field="customer.ip") from None


def _return_url(url: str | None) -> str:
    if not url or not url.startswith(("https://", "http://")) or not 10 <= len(url) <= _MAX_URL:  # noqa: PLR2004
        raise InvalidRequest("an absolute URL of 10 to 255 characters", field="return_url")
    return url


def _request_id(key: str) -> str:
    # vnp_RequestId is alphanumeric and short; the same key always gives the same id.
    return key if _REQUEST_ID.fullmatch(key) else sha256(key.encode()).hexdigest()[:32]


def _texts(body: JsonObject) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in body.items()
        if type(value) in {str, int} and name.startswith("vnp_")
    }
