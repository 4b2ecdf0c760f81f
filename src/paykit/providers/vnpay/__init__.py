"""VNPay PAY 2.1.0: a signed URL takes the payer there, a GET callback (IPN) brings the news.

Sources: https://sandbox.vnpayment.vn/apis/docs/thanh-toan-pay/pay.html (payment, IPN, codes) and
https://sandbox.vnpayment.vn/apis/docs/truy-van-hoan-tien/querydr&refund.html (query, refund).
All amounts on the wire are đồng × 100, all times are GMT+7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar

import attrs

from ...errors import (
    Declined,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    ProviderError,
    ProviderUnavailable,
)
from ...events import Event, PaymentProcessed, Source
from ...flow import Flow, done
from ...http import Delivery, HttpRequest, HttpResponse, JsonObject, Reply, decode_component
from ...info import Asking
from ...models import (
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
from ...money import Money
from ...provider import (
    Clock,
    IdFactory,
    Outcome,
    Provider,
    ProviderInfo,
    random_id,
    utc_now,
)
from ...signing import Verified, seal_hmac_hex
from ...vietnam import GMT7
from ...wire import Environment, signing_keys
from .codes import (
    REFUND_REFUSALS,
    REFUND_STATUSES,
    REFUSALS,
    REPLIES,
    RESPONSE_CODES,
    TRANSACTION_STATUSES,
    callback_status,
)
from .wire import (
    EXTRA,
    HASH_FIELDS,
    MAX_TEXT,
    METHOD,
    QUERY_FIELDS,
    QUERY_RESPONSE_FIELDS,
    REFERENCE,
    REFUND_FIELDS,
    REFUND_RESPONSE_FIELDS,
    VNPayConfig,
    canonical_query,
    check_ip,
    check_return_url,
    from_gmt7,
    from_wire,
    pipe_text,
    plain_text,
    required,
    signed_texts,
    texts_of,
    to_gmt7,
    to_request_id,
    to_wire,
)

__all__ = [
    "GMT7",
    "QUERY_FIELDS",
    "QUERY_RESPONSE_FIELDS",
    "REFUND_FIELDS",
    "REFUND_RESPONSE_FIELDS",
    "REFUND_STATUSES",
    "RESPONSE_CODES",
    "TRANSACTION_STATUSES",
    "VNPay",
    "VNPayConfig",
    "canonical_query",
    "pipe_text",
    "plain_text",
]

_SANDBOX_PAY: Final = "https://sandbox.vnpayment.vn/paymentv2/vpcpay.html"
_PRODUCTION_PAY: Final = "https://pay.vnpay.vn/vpcpay.html"
_SANDBOX_API: Final = "https://sandbox.vnpayment.vn/merchant_webapi/api/transaction"

S = PaymentStatus
T = TypeVar("T")


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
        # It is not sent, but it becomes the request's id.
        refund_reference=REFERENCE.pattern,
        # Nobody tells of a link that is never opened. The same question within some minutes is
        # refused (94), so the pauses are longer. An IPN comes again for fifty minutes.
        # A repeated refund is recognised (94) for some time that nobody says: it is not repeated.
        asking=Asking(
            again_after=timedelta(minutes=10),
            grace=timedelta(hours=2),
            gives_up_after=timedelta(days=7),
        ),
        tells_last_refund_only=True,
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
        self._keys = signing_keys("sha512", config.hash_secret, *config.previous_hash_secrets)

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
        self.check_request(request)
        if not REFERENCE.fullmatch(request.reference):
            raise InvalidRequest("use 1 to 100 of A-Z a-z 0-9 _ -", field="reference")
        if expires_at <= now:
            raise InvalidRequest("must be in the future", field="expires_at")
        if request.locale not in {"vi", "vn", "en"}:
            raise InvalidRequest("VNPay speaks vi and en", field="locale")
        fields = {
            "vnp_Version": "2.1.0",
            "vnp_Command": "genqr" if qr else "pay",
            "vnp_TmnCode": self.config.tmn_code,
            "vnp_Amount": str(to_wire(request.amount)),
            "vnp_CreateDate": to_gmt7(now),
            "vnp_ExpireDate": to_gmt7(expires_at),
            "vnp_CurrCode": "VND",
            "vnp_IpAddr": check_ip(request.customer.ip),
            "vnp_Locale": "en" if request.locale == "en" else "vn",
            "vnp_OrderInfo": plain_text(request.description) or f"Thanh toan {request.reference}",
            "vnp_OrderType": self.config.order_type,
            "vnp_ReturnUrl": check_return_url(request.return_url),
            "vnp_TxnRef": request.reference,
        }
        if request.method and not qr:
            if not METHOD.fullmatch(request.method):
                raise InvalidRequest("not a bank code", field="method")
            fields["vnp_BankCode"] = request.method
        for name, value in request.extra.items():
            fixed = name in fields and name != "vnp_OrderType"
            if fixed or name in HASH_FIELDS or not EXTRA.fullmatch(name):
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
            return attrs.evolve(session, next=ShowQr(payload), raw=body)

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
            messages=signed_texts(pairs),
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
        code = required(fields, "vnp_ResponseCode")
        status, reason = callback_status(code, required(fields, "vnp_TransactionStatus"))
        reference = required(fields, "vnp_TxnRef")
        if not REFERENCE.fullmatch(reference):
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
                amount=from_wire(required(fields, "vnp_Amount"), MalformedDelivery),
                occurred_at=from_gmt7(paid_at, MalformedDelivery) if paid_at else self.clock(),
                code=code,
                reason=reason,
                source=Source.WEBHOOK,
            ),
        )

    def reply(self, outcome: Outcome) -> Reply:
        """Always HTTP 200 with exactly two keys; VNPay reads ``RspCode``."""
        code, message = REPLIES[outcome]
        return Reply.json({"RspCode": code, "Message": message})

    # Query and refund.

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask with ``querydr``. Needs ``ref.created_at``: VNPay looks payments up by that time.

        One that is "not completed" stays pending until long after ``ref.expires_at``: then it is
        expired.
        """

        def read(fields: Mapping[str, str], body: JsonObject) -> Payment:
            payment = self._read_payment(fields, body)
            if payment.status is not S.PENDING or not self._is_long_over(ref):
                return payment
            return attrs.evolve(payment, status=S.EXPIRED, reason="expired")

        return self._query(ref, read)

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask with ``querydr``: once a refund was asked, it tells of the refund.

        VNPay does not tell refunds of one payment apart, so after several partial refunds this is
        the state of the latest. While it still tells of the payment, or of a refund of another
        amount, the refund is ``UNKNOWN``.
        """

        def read(fields: Mapping[str, str], body: JsonObject) -> Refund:
            status = RefundStatus.UNKNOWN
            if _may_be_about(ref, fields):
                code = fields.get("vnp_TransactionStatus", "")
                status = REFUND_STATUSES.get(code, status)
            amount = ref.amount or ref.payment.amount
            return self._refund(ref.reference, ref.payment, status, fields, body, amount=amount)

        return self._query(ref.payment, read)

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back all (type 02) or a part (type 03). Needs ``payment.created_at``.

        Repeating the same reference on the same day is answered as a refund in progress. Raises
        :class:`~paykit.errors.Declined` when the payment was not successful or the sum is too much.
        """
        payment, amount = request.payment, request.money
        fields = {
            "vnp_RequestId": to_request_id(request.key),
            "vnp_Version": "2.1.0",
            "vnp_Command": "refund",
            "vnp_TmnCode": self.config.tmn_code,
            "vnp_TransactionType": "02" if request.is_full else "03",
            "vnp_TxnRef": payment.reference,
            "vnp_Amount": str(to_wire(amount)),
            # Sign what is sent, also when it is empty; one peer library does not.
            "vnp_TransactionNo": payment.provider_id or "",
            "vnp_TransactionDate": self._created(payment),
            "vnp_CreateBy": plain_text(request.requested_by)[:245] or "paykit",
            "vnp_CreateDate": to_gmt7(self.clock()),
            "vnp_IpAddr": self.config.server_ip,
            "vnp_OrderInfo": plain_text(request.description) or f"Hoan tien {payment.reference}",
        }

        def read(body: JsonObject, response: HttpResponse) -> Refund:
            fields = texts_of(body)
            code = fields.get("vnp_ResponseCode", "")
            if code == "94":
                status = RefundStatus.PENDING
            elif code == "00":
                self._check_answer(fields, REFUND_RESPONSE_FIELDS, payment.reference)
                if from_wire(fields.get("vnp_Amount"), MalformedResponse) != amount:
                    raise MalformedResponse("the answer is about another amount")
                status = REFUND_STATUSES.get(
                    fields.get("vnp_TransactionStatus", ""), RefundStatus.UNKNOWN
                )
            elif code in REFUND_REFUSALS:
                raise self.answered_no(
                    Declined,
                    fields.get("vnp_Message"),
                    code=code,
                    response=response,
                    raw=body,
                    reason=REFUND_REFUSALS[code],
                )
            elif code in REFUSALS:
                raise self._refusal(code, body, response)
            else:
                status = RefundStatus.UNKNOWN
            return self._refund(request.reference, payment, status, fields, body, amount=amount)

        return self._send(fields, REFUND_FIELDS, read, moves_money=True)

    def _query(
        self, ref: PaymentRef, read: Callable[[Mapping[str, str], JsonObject], T]
    ) -> Flow[T]:
        fields = {
            "vnp_RequestId": to_request_id(self.new_id()),
            "vnp_Version": "2.1.0",
            "vnp_Command": "querydr",
            "vnp_TmnCode": self.config.tmn_code,
            "vnp_TxnRef": ref.reference,
            "vnp_TransactionDate": self._created(ref),
            "vnp_CreateDate": to_gmt7(self.clock()),
            "vnp_IpAddr": self.config.server_ip,
            "vnp_OrderInfo": f"Truy van {ref.reference}"[:MAX_TEXT],
        }
        if ref.provider_id:
            fields["vnp_TransactionNo"] = ref.provider_id  # sent, and not part of the signed text

        def read_answer(body: JsonObject, response: HttpResponse) -> T:
            answer = texts_of(body)
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
        amount = from_wire(fields.get("vnp_Amount"), MalformedResponse)
        kind = fields.get("vnp_TransactionType")
        refunded = None
        if kind in {"02", "03"}:
            # The answer is about a refund, so the payment itself had succeeded.
            status = S.SUCCEEDED
            if code == "00" and kind == "02":
                status, refunded = S.REFUNDED, amount
            elif code == "00":
                status = S.PARTIALLY_REFUNDED  # how much was given back in all, it does not tell
        elif kind != "01" or code in {"05", "06", "09"}:
            status = S.UNKNOWN
        number, paid_at = fields.get("vnp_TransactionNo"), fields.get("vnp_PayDate")
        paid = status in {S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED}
        return Payment(
            provider=self.name,
            reference=fields["vnp_TxnRef"],
            status=status,
            # Of a partial refund's answer nobody says whether it has the refund's or the payment's.
            amount=amount if kind != "03" else None,
            captured=amount if paid and kind != "03" else None,
            refunded=refunded,
            provider_id=number if number and number != "0" else None,
            code=code,
            message=fields.get("vnp_Message"),
            occurred_at=from_gmt7(paid_at, MalformedResponse) if paid_at else None,
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
            # vnp_TransactionNo may be that of the payment: nobody says whose it is.
            code=fields.get("vnp_ResponseCode"),
            message=fields.get("vnp_Message"),
            raw=body,
        )

    def _refusal(self, code: str, body: JsonObject, response: HttpResponse) -> ProviderError:
        return self.answered_no(
            REFUSALS.get(code, ProviderUnavailable),
            body.get("vnp_Message") or body.get("message"),
            code=code,
            response=response,
            raw=body,
        )

    def _is_long_over(self, ref: PaymentRef) -> bool:
        """Whether the link can no longer be paid, and news of it would have come."""
        if ref.expires_at is None:
            return False
        return self.clock() >= ref.expires_at + self.info.asking.grace

    def _created(self, ref: PaymentRef) -> str:
        if ref.created_at is None:
            raise InvalidRequest(
                "VNPay finds a payment by its time of creation: keep session.ref",
                field="created_at",
            )
        return to_gmt7(ref.created_at)


def _may_be_about(ref: RefundRef, fields: Mapping[str, str]) -> bool:
    """Whether a query's answer can be about this refund, by its type and amount.

    A partial refund's answer may have the amount of the refund or that of the payment.
    """
    kind = fields.get("vnp_TransactionType")
    if kind not in {"02", "03"}:
        return False
    whole = ref.payment.amount
    asked = ref.amount or whole
    told = from_wire(fields.get("vnp_Amount"), MalformedResponse)
    return asked in {told, None} or (kind == "03" and whole in {told, None})
