"""MoMo AIO v2: signed JSON creates the payment, a POST callback (IPN) brings the news.

Source: https://developers.momo.vn/v3/docs/payment/api/ (wallet, credit, ATM, token, result codes).
Each endpoint signs its own fixed list of fields, as ``name=value`` joined by ``&``, plain values,
``accessKey`` first. Amounts are whole đồng, times are Unix milliseconds.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from operator import itemgetter
from typing import Annotated, Any, ClassVar, Final, TypeAlias, TypeVar

from pydantic import Field, SecretStr, model_validator

from ..errors import (
    AuthenticationFailed,
    Declined,
    DuplicateReference,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    SignatureError,
)
from ..events import Event, PaymentProcessed, TokenGranted
from ..flow import Flow, done
from ..http import Delivery, HttpRequest, HttpResponse, JsonObject, Reply
from ..models import (
    CaptureMode,
    Nothing,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    PaymentToken,
    Redirect,
    Refund,
    RefundRef,
    RefundRequest,
    RefundStatus,
    TokenRequest,
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
from ..signing import SigningKey, Verified, decrypt_aes_cbc, encrypt_rsa, seal_hmac_hex
from ..wire import Environment, ProviderConfig, Secret, Text, Url, Wire

_SANDBOX: Final = "https://test-payment.momo.vn"
_PRODUCTION: Final = "https://payment.momo.vn"
_LAST_MILLISECOND: Final = 253_402_300_799_999

S = PaymentStatus
T = TypeVar("T")

#: What ``requestType`` may be, https://developers.momo.vn/v3/docs/payment/api/collection-link/
METHODS: Final = frozenset(
    {
        "captureWallet",
        "payWithATM",
        "payWithCC",
        "payWithMethod",
        "payWithInstallmentFlik",
        "linkWallet",
        "subscription",
    }
)
_LINKING: Final = frozenset({"linkWallet", "subscription"})

#: ``resultCode`` of a payment: our status and the reason in our words, from
#: https://developers.momo.vn/v3/docs/payment/api/result-handling/resultcode/. Codes that describe
#: the call (below 1000, but for 0) are not here: they say nothing about the payment.
RESULT_CODES: Final[Mapping[int, tuple[PaymentStatus, str | None]]] = {
    0: (S.SUCCEEDED, None),
    9000: (S.AUTHORIZED, None),
    1000: (S.PENDING, None),
    7000: (S.PENDING, None),
    7002: (S.PENDING, None),
    8000: (S.PENDING, None),
    1001: (S.FAILED, "insufficient_funds"),
    1002: (S.FAILED, "declined_by_issuer"),
    1003: (S.CANCELED, "canceled_by_provider"),
    1004: (S.FAILED, "limit_exceeded"),
    1005: (S.EXPIRED, "expired"),
    1006: (S.CANCELED, "canceled_by_payer"),
    1007: (S.FAILED, "account_blocked"),
    1017: (S.CANCELED, "canceled_by_merchant"),
    1026: (S.FAILED, "promotion_rule"),
    2001: (S.FAILED, "token_invalid"),
    2007: (S.FAILED, "token_invalid"),
    2012: (S.FAILED, "token_invalid"),
    3001: (S.FAILED, "linking_failed"),
    3002: (S.FAILED, "linking_failed"),
    3003: (S.FAILED, "linking_failed"),
    3004: (S.FAILED, "linking_failed"),
    4001: (S.FAILED, "account_blocked"),
    4002: (S.FAILED, "authentication_required"),
    4010: (S.FAILED, "authentication_failed"),
    4011: (S.FAILED, "authentication_failed"),
    4015: (S.FAILED, "authentication_failed"),
    4100: (S.FAILED, "authentication_failed"),
}

#: ``resultCode`` of a refund.
REFUND_CODES: Final[Mapping[int, RefundStatus]] = {
    0: RefundStatus.SUCCEEDED,
    1000: RefundStatus.PENDING,
    7000: RefundStatus.PENDING,
    7002: RefundStatus.PENDING,
    1080: RefundStatus.FAILED,
    1081: RefundStatus.FAILED,
    1088: RefundStatus.FAILED,
}
#: After these the money moved or is held, so the answer has to say how much.
_GOOD_NEWS: Final = frozenset({0, 9000})
_REFUND_REFUSALS: Final = {1081: "amount_too_large", 1088: "refund_not_supported"}

#: Codes that refuse the call itself. 43 (conflict), 98, 99 and unseen ones are not refusals: after
#: them the state is unknown.
_REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    10: ProviderUnavailable,
    11: AuthenticationFailed,
    12: AuthenticationFailed,
    13: AuthenticationFailed,
    20: ProviderError,
    21: ProviderError,
    22: ProviderError,
    40: DuplicateReference,
    41: DuplicateReference,
    42: NotFound,
    45: ProviderError,
    47: ProviderError,
    2019: ProviderError,
}

_REPLIES: Final[Mapping[Outcome, int]] = {
    Outcome.ACCEPTED: 204,
    Outcome.DUPLICATE: 204,
    Outcome.UNKNOWN_REFERENCE: 204,  # kept for review; MoMo has no reply for "not ours"
    Outcome.MISMATCH: 204,
    Outcome.BAD_SIGNATURE: 401,
    Outcome.STALE: 401,
    Outcome.MALFORMED: 400,
    Outcome.TRY_AGAIN: 503,
}

# The signed fields, by endpoint, without the leading accessKey.
CREATE_FIELDS: Final = tuple(
    "amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId "
    "requestType".split()
)
LINK_FIELDS: Final = tuple(
    "amount extraData ipnUrl orderId orderInfo partnerClientId partnerCode redirectUrl requestId "
    "requestType".split()
)
QUERY_FIELDS: Final = ("orderId", "partnerCode", "requestId")
REFUND_FIELDS: Final = tuple("amount description orderId partnerCode requestId transId".split())
CONFIRM_FIELDS: Final = tuple(
    "amount description orderId partnerCode requestId requestType".split()
)
POS_FIELDS: Final = tuple(
    "amount extraData orderId orderInfo partnerCode paymentCode requestId".split()
)
BIND_FIELDS: Final = tuple("callbackToken orderId partnerClientId partnerCode requestId".split())
TOKEN_QUERY_FIELDS: Final = ("orderId", "partnerClientId", "partnerCode", "requestId")
TOKEN_PAY_FIELDS: Final = tuple(
    "amount extraData orderId orderInfo partnerClientId partnerCode requestId token".split()
)
TOKEN_DELETE_FIELDS: Final = (*TOKEN_QUERY_FIELDS, "token")
NOTICE_FIELDS: Final = tuple(
    "amount extraData message orderId orderInfo orderType partnerCode payType requestId "
    "responseTime resultCode transId".split()
)
LINK_NOTICE_FIELDS: Final = tuple(
    "amount callbackToken extraData message orderId orderInfo orderType partnerClientId "
    "partnerCode payType requestId responseTime resultCode transId".split()
)

_NUMBERS: Final = frozenset({"amount", "responseTime", "resultCode", "transId"})
_NOTICE_TYPES: Final = tuple(int if name in _NUMBERS else str for name in NOTICE_FIELDS)
_notice_values = itemgetter(*NOTICE_FIELDS)
_JOINS: Final = len(NOTICE_FIELDS)
_IDS: Final = ("orderId", "requestId", "partnerCode", "payType", "orderType")
_EXPECTED: Final = (
    "signature, 64 lower-case hex digits of HMAC-SHA256 over accessKey, "
    f"{', '.join(NOTICE_FIELDS)} as name=value joined by &, values not encoded"
)
# MoMo documents these as [0-9a-zA-Z]([-_.]*[0-9a-zA-Z]+)*, which takes exponential time to refuse
# a long text; these accept the same and do not.
_ORDER_ID = re.compile(r"[0-9a-zA-Z](?:[0-9a-zA-Z_.-]*[0-9a-zA-Z])?", re.ASCII)
_CLIENT_ID = re.compile(r"[0-9a-zA-Z](?:[0-9a-zA-Z_.@-]*[0-9a-zA-Z])?", re.ASCII)
_REQUEST_ID = re.compile(r"[0-9a-zA-Z_.-]{1,50}", re.ASCII)
_PLAIN_URL = re.compile(r"https?://[!-~]+", re.ASCII)
_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_MAX_ORDER_ID: Final = 200
_MAX_NUMBER: Final = 2**63 - 1
#: The signed text has no quoting, so no text may look like the fields that follow it.
_JOINT = re.compile(rf"&(?:accessKey|{'|'.join(LINK_NOTICE_FIELDS)})=", re.ASCII)
_LIMITS: Final = {"orderInfo": 255, "extraData": 1000}


class MoMoConfig(ProviderConfig):
    """One MoMo partner account.

    ``notify_url`` is where the IPN goes unless a request names another place. ``public_key`` (PEM,
    from the partner portal) is needed only to charge tokens and POS codes. While keys are being
    changed, the former ones go into ``previous_secret_keys`` and ``previous_access_keys``.
    """

    provider: ClassVar[str] = "momo"

    partner_code: Text
    access_key: Text = Field(repr=False)
    secret_key: Secret
    previous_secret_keys: tuple[Secret, ...] = ()
    previous_access_keys: tuple[Text, ...] = Field(default=(), repr=False)
    public_key: str | None = Field(default=None, repr=False)
    base_url: Url | None = None
    notify_url: Url | None = None

    @model_validator(mode="after")
    def _plain_ids(self) -> MoMoConfig:
        if any(mark in self.partner_code for mark in "&="):
            raise ValueError("partner_code must not hold & or =")
        return self


#: A "long": more does not fit, and less than nothing makes no sense.
_Long: TypeAlias = Annotated[int, Field(ge=0, le=_MAX_NUMBER)]


class _Answer(Wire):
    """What every answer echoes, https://developers.momo.vn/v3/docs/payment/api/payment-api/."""

    resultCode: int  # noqa: N815 - MoMo's spelling
    message: str = ""
    partnerCode: str  # noqa: N815
    orderId: str  # noqa: N815
    requestId: str  # noqa: N815
    amount: _Long | None = None
    transId: _Long | None = None  # noqa: N815
    payType: str | None = None  # noqa: N815
    responseTime: _Long | None = None  # noqa: N815


class _Created(_Answer):
    payUrl: str  # noqa: N815
    deeplink: str | None = None
    qrCodeUrl: str | None = None  # noqa: N815


class _RefundLine(Wire):
    orderId: str  # noqa: N815
    amount: _Long
    resultCode: int  # noqa: N815
    transId: _Long | None = None  # noqa: N815


class _Queried(_Answer):
    refundTrans: list[_RefundLine] | None = None  # noqa: N815


class _Bound(_Answer):
    aesToken: str  # noqa: N815


class _Granted(_Answer):
    callbackToken: str  # noqa: N815


class MoMo(Provider):
    """MoMo wallet, cards and ATM by redirect, two-step payments, refunds, linked wallets."""

    name = "momo"
    info = ProviderInfo(
        title="MoMo",
        homepage="https://momo.vn",
        docs=("https://developers.momo.vn/v3/docs/payment/api/",),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        webhook_method="POST",
        read_timeout=35.0,
    )
    Config = MoMoConfig
    config: MoMoConfig

    def __init__(
        self, config: MoMoConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        production = config.environment is Environment.PRODUCTION
        self._base = config.base_url or (_PRODUCTION if production else _SANDBOX)
        secrets = (config.secret_key, *config.previous_secret_keys)
        self._keys = tuple(SigningKey(item.get_secret_value(), "sha256") for item in secrets)
        self._access_keys = (config.access_key, *config.previous_access_keys)
        self._heads = tuple(f"accessKey={key}".encode() for key in self._access_keys)

    def signature(self, fields: tuple[str, ...], body: Mapping[str, Any]) -> str:
        """The signature of ``body`` over ``fields`` (one of this module's ``…_FIELDS``)."""
        text = _signed_text(self.config.access_key, fields, body)
        return self._keys[0].hex(text)

    # Creating a payment.

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Create a session, or charge ``request.token`` without the payer.

        ``method`` is a ``requestType`` (:data:`METHODS`), ``captureWallet`` by default, or ``pos``
        with ``extra={"paymentCode": …}``. ``save_token`` makes it ``linkWallet``, which needs
        ``customer.id``. ``extra`` takes MoMo's unsigned optional fields and ``extraData`` (text, or
        a mapping that is encoded as MoMo wants). A session says ``requires_action``: MoMo's
        ``resultCode`` 0 here means only that the page exists.
        """
        if request.token is not None:
            return self._charge(
                request, "/v2/gateway/api/tokenization/pay", TOKEN_PAY_FIELDS, self._token(request)
            )
        if request.method == "pos":
            code = request.extra.get("paymentCode")
            if not isinstance(code, str) or not code:
                raise InvalidRequest("give the scanned code", field="extra.paymentCode")
            return self._charge(
                request,
                "/v2/gateway/api/pos",
                POS_FIELDS,
                {"paymentCode": self._encrypt(code)},
            )
        return self._create(request)

    def _create(self, request: PaymentRequest) -> Flow[PaymentSession]:
        method = request.method or ("linkWallet" if request.save_token else "captureWallet")
        if method not in METHODS:
            raise InvalidRequest(f"one of {', '.join(sorted(METHODS))}, pos", field="method")
        if request.save_token and method not in _LINKING:
            raise InvalidRequest("only linkWallet and subscription store a token", field="method")
        body = {
            **self._order(request, free=method == "linkWallet"),
            "redirectUrl": _plain_url(request.return_url, "return_url"),
            "ipnUrl": _plain_url(request.notify_url or self.config.notify_url, "notify_url"),
            "requestType": method,
            "autoCapture": request.capture is CaptureMode.AUTOMATIC,
            "lang": _language(request.locale),
        }
        fields = CREATE_FIELDS
        if method in _LINKING:
            fields = LINK_FIELDS
            body["partnerClientId"] = _client_id(request.customer.id)
        if request.items:
            body["items"] = [
                {
                    "id": item.id,
                    "name": item.name,
                    "price": _dong(item.price),
                    "currency": "VND",
                    "quantity": item.quantity,
                    "totalPrice": _dong(item.price * item.quantity),
                }
                for item in request.items
            ]
        user = {
            "name": request.customer.name,
            "phoneNumber": request.customer.phone,
            "email": request.customer.email,
        }
        if any(user.values()):
            body["userInfo"] = {name: value for name, value in user.items() if value}
        self._add_extra(body, request)
        now = self.clock()

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            code = self._result(answer, body, response)
            if code != 0:
                raise self._declined(code, answer, response)
            created = _Created.read(answer, provider=self.name)
            if created.amount is not None and created.amount != body["amount"]:
                raise MalformedResponse("the answer is about another amount", provider=self.name)
            if not created.payUrl.startswith(("https://", f"{self._base}/")):
                raise MalformedResponse("payUrl is not an https URL", provider=self.name)
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=S.REQUIRES_ACTION,
                next=Redirect(created.payUrl, created.deeplink, created.qrCodeUrl),
                amount=request.amount,
                created_at=now,
                raw=answer,
            )

        # The same requestId gives the same answer, so the transport may repeat it.
        return self._post("/v2/gateway/api/create", fields, body, read, replay_safe=True)

    def _charge(
        self, request: PaymentRequest, path: str, fields: tuple[str, ...], means: dict[str, Any]
    ) -> Flow[PaymentSession]:
        """Take money without a page: a stored token, or a code that the payer shows."""
        body = {
            **self._order(request),
            **means,
            "autoCapture": request.capture is CaptureMode.AUTOMATIC,
            "lang": _language(request.locale),
        }
        self._add_extra(body, request)
        now = self.clock()

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            code = self._result(answer, body, response)
            status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
            if status in {S.FAILED, S.CANCELED, S.EXPIRED}:
                raise self._declined(code, answer, response, reason)
            paid = _Answer.read(answer, provider=self.name)
            self._same_amount(paid, body["amount"])
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=status,
                next=Nothing(),
                amount=request.amount,
                created_at=now,
                provider_id=_trans_id(paid.transId, status),
                raw=answer,
            )

        return self._post(path, fields, body, read, moves_money=True)

    def _order(self, request: PaymentRequest, *, free: bool = False) -> dict[str, Any]:
        amount = _dong(request.amount)
        if amount == 0 and not free:
            raise InvalidRequest("only linkWallet may be free", field="amount")
        extra_data = request.extra.get("extraData", "")
        if isinstance(extra_data, Mapping):
            packed = json.dumps(extra_data, ensure_ascii=False, separators=(",", ":"))
            extra_data = base64.b64encode(packed.encode()).decode()
        order: dict[str, Any] = {
            "partnerCode": self.config.partner_code,
            "requestId": _request_id(request.key),
            "amount": amount,
            "orderId": _order_id(request.reference),
            "orderInfo": request.description or f"Thanh toan {request.reference}",
            "extraData": extra_data,
        }
        for name, limit in _LIMITS.items():
            if not isinstance(order[name], str) or len(order[name]) > limit:
                raise InvalidRequest(f"text of at most {limit} characters", field=name)
            if _JOINT.search(order[name]):
                raise InvalidRequest("must not hold &orderId= or the like", field=name)
        return order

    def _add_extra(self, body: dict[str, Any], request: PaymentRequest) -> None:
        for name, value in request.extra.items():
            if name in {"extraData", "paymentCode"}:
                continue
            if name in body or name in {"signature", "accessKey", "partnerClientId"}:
                raise InvalidRequest(f"{name!r:.60} cannot be set here", field="extra")
            body[name] = value

    def _token(self, request: PaymentRequest) -> dict[str, Any]:
        token = request.token
        if token is None or token.provider != self.name:
            raise InvalidRequest("is not a MoMo token", field="token")
        return {
            "partnerClientId": _client_id(token.customer_id),
            "token": self._encrypt(json.dumps({"value": token.value}, separators=(",", ":"))),
        }

    def _encrypt(self, text: str) -> str:
        if self.config.public_key is None:
            raise InvalidRequest("MoMo's public key is not configured", field="public_key")
        return base64.b64encode(encrypt_rsa(self.config.public_key, text.encode())).decode()

    # Callbacks: the IPN and the browser's return carry the same fields.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove an IPN: HMAC-SHA256 over twelve fields, ``accessKey`` taken from our own keys."""
        return done(self._verify(delivery, delivery.json()))

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a browser return: the same text over the decoded query."""
        fields: dict[str, Any] = dict(delivery.query_fields())
        for name in _NUMBERS & fields.keys():
            number = _number(fields[name])
            if number is None:
                raise MalformedDelivery(f"{name} is not a number", provider=self.name)
            fields[name] = number
        return done(self._verify(delivery, fields))

    def _verify(self, delivery: Delivery, body: Mapping[str, Any]) -> Verified:
        given = body.get("signature")
        if not isinstance(given, str):
            raise SignatureError("no signature field", provider=self.name)
        fields, text = _notice(body)
        verified = seal_hmac_hex(
            delivery,
            keys=self._keys,
            messages=self._signed_notices(text, fields, body),
            given=given,
            fields=fields,
            expected=_EXPECTED,
        )
        if fields["partnerCode"] != self.config.partner_code:
            raise MalformedDelivery("partnerCode is another account's", provider=self.name)
        return verified

    def _signed_notices(
        self, text: bytes, fields: dict[str, Any], body: Mapping[str, Any]
    ) -> Iterable[bytes]:
        plain = [head + text for head in self._heads]
        grant, client = body.get("callbackToken"), body.get("partnerClientId")
        if not (isinstance(grant, str) and isinstance(client, str)):
            return plain
        return chain(plain, self._signed_links(grant, client, fields))

    def _signed_links(self, grant: str, client: str, fields: dict[str, Any]) -> Iterator[bytes]:
        # A linking notice signs two fields more. They are to be believed only if it does, so they
        # are added when the plain text did not match.
        fields.update(callbackToken=grant, partnerClientId=client)
        for access_key in self._access_keys:
            yield _signed_text(access_key, LINK_NOTICE_FIELDS, fields)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """The payment's event, and :class:`TokenGranted` when a wallet was linked."""
        fields = verified.fields
        code = fields["resultCode"]
        status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
        reference = fields["orderId"]
        occurred_at = _from_milliseconds(fields["responseTime"])
        payment = PaymentProcessed(
            verified.fingerprint,
            self.name,
            reference,
            status,
            Money(fields["amount"], "VND"),
            occurred_at,
            # After a cancel or expiry payType is empty and transId a time, not an id.
            str(fields["transId"]) if fields["payType"] and fields["transId"] else None,
            str(code),
            reason,
            account=self.config.account,
        )
        grant = fields.get("callbackToken")
        if not grant:
            return (payment,)
        granted = TokenGranted(
            event_id=f"{verified.fingerprint}-token",
            provider=self.name,
            account=self.account,
            reference=reference,
            customer_id=fields["partnerClientId"],
            grant=grant,
            occurred_at=occurred_at,
        )
        return (payment, granted)

    def reply(self, outcome: Outcome) -> Reply:
        """204 No Content within 15 seconds; MoMo reads nothing else."""
        return Reply(_REPLIES[outcome])

    # Query, capture, void, refund. These answers carry no signature; they are trusted as far as
    # TLS reaches, and must echo what was asked.

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state, with the refunds so far."""
        body = self._named(ref.reference, self.new_id())

        def read(answer: JsonObject, response: HttpResponse) -> Payment:
            code = self._result(answer, body, response)
            queried = _Queried.read(answer, provider=self.name)
            return self._payment(code, queried, answer)

        return self._post("/v2/gateway/api/query", QUERY_FIELDS, body, read)

    def capture(
        self, ref: PaymentRef, amount: Money | None = None, *, idempotency_key: str
    ) -> Flow[Payment]:
        """Take the held funds, all of them: MoMo refuses any other amount."""
        return self._confirm(ref, amount, "capture", idempotency_key)

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Release the held funds. Needs ``ref.amount``."""
        return self._confirm(ref, None, "cancel", idempotency_key)

    def _confirm(self, ref: PaymentRef, amount: Money | None, kind: str, key: str) -> Flow[Payment]:
        held = ref.amount or amount
        if held is None:
            raise InvalidRequest("MoMo wants the held amount", field="amount")
        if amount is not None and amount != held:
            raise InvalidRequest("MoMo captures exactly the held amount", field="amount")
        body = {
            **self._named(ref.reference, key),
            "amount": _dong(held),
            "requestType": kind,
            "description": "",
        }

        def read(answer: JsonObject, response: HttpResponse) -> Payment:
            code = self._result(answer, body, response)
            confirmed = _Queried.read(answer, provider=self.name)
            self._same_amount(confirmed, body["amount"])
            status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
            if status in {S.FAILED, S.EXPIRED}:
                raise self._declined(code, answer, response, reason)
            payment = self._payment(code, confirmed, answer)
            if kind == "cancel" and status is S.SUCCEEDED:
                return _voided(payment)
            return payment

        return self._post("/v2/gateway/api/confirm", CONFIRM_FIELDS, body, read, moves_money=True)

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back all or a part. Needs ``payment.provider_id``, MoMo's ``transId``."""
        payment, amount = request.payment, request.money
        if payment.provider_id is None or not _DIGITS.fullmatch(payment.provider_id):
            raise InvalidRequest("MoMo wants its transId", field="payment.provider_id")
        if request.reference == payment.reference:
            raise InvalidRequest("needs an id of its own", field="reference")
        body = {
            **self._named(request.reference, request.key),
            "amount": _dong(amount),
            "transId": int(payment.provider_id),
            "description": request.description,
        }

        def read(answer: JsonObject, response: HttpResponse) -> Refund:
            code = self._result(answer, body, response)
            if code in _REFUND_REFUSALS:
                raise self._declined(code, answer, response, _REFUND_REFUSALS[code])
            refunded = _Answer.read(answer, provider=self.name)
            self._same_amount(refunded, body["amount"])
            return Refund(
                provider=self.name,
                reference=request.reference,
                payment_reference=payment.reference,
                status=REFUND_CODES.get(code, RefundStatus.UNKNOWN),
                amount=amount,
                provider_id=str(refunded.transId) if refunded.transId else None,
                code=str(code),
                message=refunded.message,
                raw=answer,
            )

        return self._post("/v2/gateway/api/refund", REFUND_FIELDS, body, read, moves_money=True)

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask for the state of one refund; raises :class:`~paykit.errors.NotFound`."""
        body = self._named(ref.reference, self.new_id())

        def read(answer: JsonObject, response: HttpResponse) -> Refund:
            self._result(answer, body, response)
            queried = _Queried.read(answer, provider=self.name)
            lines = [line for line in queried.refundTrans or () if line.orderId == ref.reference]
            if not lines:
                raise NotFound(
                    "no such refund", provider=self.name, http_status=response.status, raw=answer
                )
            line = lines[-1]
            if ref.amount is not None and line.amount != ref.amount.minor:
                raise MalformedResponse("the answer is about another amount", provider=self.name)
            return self._refund_line(line, ref.payment.reference, answer)

        return self._post("/v2/gateway/api/refund/query", QUERY_FIELDS, body, read)

    # Linked wallets.

    def create_token(self, request: TokenRequest) -> Flow[PaymentToken]:
        """Exchange the grant of a linking notice for a token; without one, ask MoMo for it."""
        client = _client_id(request.customer_id)
        grant = request.grant
        if grant is None:
            query = {**self._named(request.reference, self.new_id()), "partnerClientId": client}

            def read_grant(answer: JsonObject, response: HttpResponse) -> str:
                code = self._result(answer, query, response)
                if code != 0:
                    raise self._declined(code, answer, response)
                return _Granted.read(answer, provider=self.name).callbackToken

            grant = yield from self._post(
                "/v2/gateway/api/tokenization/cbQuery", TOKEN_QUERY_FIELDS, query, read_grant
            )
        body = {
            **self._named(request.reference, request.idempotency_key or self.new_id()),
            "partnerClientId": client,
            "callbackToken": grant,
        }

        def read(answer: JsonObject, response: HttpResponse) -> PaymentToken:
            code = self._result(answer, body, response)
            if code != 0:
                raise self._declined(code, answer, response)
            bound = _Bound.read(answer, provider=self.name)
            return PaymentToken(
                provider=self.name,
                value=self._open_token(bound.aesToken),
                customer_id=client,
                reference=request.reference,
            )

        return (yield from self._post("/v2/gateway/api/tokenization/bind", BIND_FIELDS, body, read))

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Unlink the wallet: the token can no longer be charged."""
        if token.provider != self.name or token.reference is None:
            raise InvalidRequest("is not a MoMo token with its reference", field="token")
        body = {
            **self._named(token.reference, self.new_id()),
            "partnerClientId": _client_id(token.customer_id),
            "token": self._encrypt(json.dumps({"value": token.value}, separators=(",", ":"))),
        }

        def read(answer: JsonObject, response: HttpResponse) -> None:
            code = self._result(answer, body, response)
            if code != 0:
                raise self._declined(code, answer, response)

        return self._post("/v2/gateway/api/tokenization/delete", TOKEN_DELETE_FIELDS, body, read)

    def _open_token(self, sealed: str) -> str:
        text = _decrypted(self.config.secret_key, sealed)
        if text is None:
            raise MalformedResponse("aesToken cannot be opened", provider=self.name)
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return text  # the official sample seals the bare value
        value = content.get("value") if isinstance(content, dict) else None
        return value if isinstance(value, str) and value else text

    # Shared.

    def _named(self, order_id: str, request_key: str) -> dict[str, Any]:
        return {
            "partnerCode": self.config.partner_code,
            "requestId": _request_id(request_key),
            "orderId": _order_id(order_id),
            "lang": "vi",
        }

    def _post(
        self,
        path: str,
        fields: tuple[str, ...],
        body: dict[str, Any],
        read: Callable[[JsonObject, HttpResponse], T],
        *,
        replay_safe: bool = False,
        moves_money: bool = False,
    ) -> Flow[T]:
        signed = {**body, "signature": self.signature(fields, body)}
        request = HttpRequest.post_json(
            self._base + path, signed, replay_safe=replay_safe, moves_money=moves_money
        )
        return self.ask(request, read)

    def _result(self, answer: JsonObject, asked: Mapping[str, Any], response: HttpResponse) -> int:
        """The result code; refusals of the call raise, and so does an answer to somebody else."""
        code = answer.get("resultCode")
        if type(code) is not int:
            raise MalformedResponse("no resultCode", provider=self.name)
        if code in _REFUSALS:
            kind = _REFUSALS[code]
            details = answer.get("subErrors")
            if isinstance(details, list) and any(
                isinstance(item, dict) and item.get("field") == "signature" for item in details
            ):
                kind = AuthenticationFailed
            raise kind(
                str(answer.get("message") or "refused")[:200],
                provider=self.name,
                code=str(code),
                http_status=response.status,
                raw=answer,
            )
        for name in ("partnerCode", "orderId", "requestId"):
            if answer.get(name) != asked[name]:
                raise MalformedResponse(f"{name} is not what was asked", provider=self.name)
        return code

    def _same_amount(self, answer: _Answer, amount: int) -> None:
        if answer.amount is None and answer.resultCode not in _GOOD_NEWS:
            return  # the short answer of a call that did not get that far
        if answer.amount != amount:
            raise MalformedResponse("the answer is about another amount", provider=self.name)

    def _declined(
        self,
        code: int,
        answer: JsonObject,
        response: HttpResponse,
        reason: str | None = None,
    ) -> Declined | ProviderUnavailable:
        message = str(answer.get("message") or "refused")[:200]
        status, known = RESULT_CODES.get(code, (S.UNKNOWN, None))
        if reason is None and status not in {S.FAILED, S.CANCELED, S.EXPIRED}:
            # Not known, or still running (HTTP 422 with 7000 for a repeated requestId).
            return ProviderUnavailable(
                message,
                provider=self.name,
                code=str(code),
                http_status=response.status,
                raw=answer,
            )
        return Declined(
            message,
            reason=reason or known or "refused",
            provider=self.name,
            code=str(code),
            http_status=response.status,
            raw=answer,
        )

    def _payment(self, code: int, answer: _Queried, raw: JsonObject) -> Payment:
        status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
        if answer.amount is None and code in _GOOD_NEWS:
            raise MalformedResponse("no amount", provider=self.name)
        amount = None if answer.amount is None else Money(answer.amount, "VND")
        refunds = tuple(
            self._refund_line(line, answer.orderId, {}) for line in answer.refundTrans or ()
        )
        refunded = Money(
            sum(
                refund.amount.minor
                for refund in refunds
                if refund.amount and refund.status is RefundStatus.SUCCEEDED
            ),
            "VND",
        )
        captured = amount if status is S.SUCCEEDED else None
        if captured is not None and refunded:
            status = S.REFUNDED if refunded >= captured else S.PARTIALLY_REFUNDED
        return Payment(
            provider=self.name,
            reference=answer.orderId,
            status=status,
            amount=amount,
            captured=captured,
            refunded=refunded if captured is not None else None,
            provider_id=_trans_id(answer.transId, status),
            code=str(code),
            message=answer.message,
            reason=reason,
            occurred_at=_from_milliseconds(answer.responseTime)
            if answer.responseTime and answer.responseTime <= _LAST_MILLISECOND
            else None,
            refunds=refunds,
            raw=raw,
        )

    def _refund_line(self, line: _RefundLine, payment_reference: str, raw: JsonObject) -> Refund:
        return Refund(
            provider=self.name,
            reference=line.orderId,
            payment_reference=payment_reference,
            status=REFUND_CODES.get(line.resultCode, RefundStatus.UNKNOWN),
            amount=Money(line.amount, "VND"),
            provider_id=str(line.transId) if line.transId else None,
            code=str(line.resultCode),
            raw=raw,
        )


def _decrypted(secret: SecretStr, sealed: str) -> str | None:
    # Returns None and raises nothing: a traceback out of here would carry the key in its frames.
    try:
        key = secret.get_secret_value().encode()
        return decrypt_aes_cbc(key, base64.b64decode(sealed, validate=True)).decode()
    except ValueError:
        return None


def _signed_text(access_key: str, fields: tuple[str, ...], body: Mapping[str, Any]) -> bytes:
    pairs = [f"{name}={body[name]}" for name in fields]
    return "&".join([f"accessKey={access_key}", *pairs]).encode()


def _notice(body: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The twelve signed fields in their documented types, and their text behind the access key.

    The signed text has no quoting, so a crafted text field could stand in for its neighbours; ids
    must not hold the join characters and numbers must be numbers.
    """
    # Every delivery passes here. The fields are looked at together, and one by one only if one of
    # them is not as documented; the text is that of _signed_text for NOTICE_FIELDS, spelt out.
    try:
        values: tuple[Any, ...] = _notice_values(body)
    except KeyError:
        values = ()
    if tuple(map(type, values)) != _NOTICE_TYPES:
        values = _one_by_one(body)
    amount, extra, message, order, info, kind, partner, pay, request, time, code, trans = values
    if amount < 0 or time < 0 or trans < 0:
        _one_by_one(body)  # names the one
    fields = {
        "amount": amount,
        "extraData": extra,
        "message": message,
        "orderId": order,
        "orderInfo": info,
        "orderType": kind,
        "partnerCode": partner,
        "payType": pay,
        "requestId": request,
        "responseTime": time,
        "resultCode": code,
        "transId": trans,
    }
    text = (
        f"&amount={amount}&extraData={extra}&message={message}&orderId={order}&orderInfo={info}"
        f"&orderType={kind}&partnerCode={partner}&payType={pay}&requestId={request}"
        f"&responseTime={time}&resultCode={code}&transId={trans}"
    )
    # Only the joins that were just written: then no value holds a join character.
    if text.count("&") != _JOINS or text.count("=") != _JOINS:
        _refuse_ambiguous(fields)
    if amount > _MAX_NUMBER:
        raise MalformedDelivery("amount is out of range", provider="momo")
    return fields, text.encode()


def _refuse_ambiguous(fields: Mapping[str, Any]) -> None:
    for name in _IDS:
        if not {"&", "="}.isdisjoint(fields[name]):
            raise MalformedDelivery(f"{name} holds & or =", provider="momo")
    if _JOINT.search("\n".join((fields["extraData"], fields["message"], fields["orderInfo"]))):
        raise MalformedDelivery("a text holds the name of a signed field", provider="momo")


def _one_by_one(body: Mapping[str, Any]) -> tuple[int | str, ...]:
    return tuple([_typed(body, name) for name in NOTICE_FIELDS])


def _typed(body: Mapping[str, Any], name: str) -> int | str:
    value = body.get(name)
    if name in _NUMBERS:
        if name == "resultCode" and isinstance(value, str):
            value = _number(value)  # seen as text as well
        if type(value) is not int or (value < 0 and name != "resultCode"):
            raise MalformedDelivery(_wrong(body, name, "a whole number"), provider="momo")
    elif not isinstance(value, str):
        raise MalformedDelivery(_wrong(body, name, "text"), provider="momo")
    return value


def _number(text: str) -> int | None:
    """The number, if it is spelt as it was signed: no zeros before it, no sign before zero."""
    number = int(text) if _DIGITS.fullmatch(text) else None
    return number if str(number) == text else None


def _wrong(body: Mapping[str, Any], name: str, wanted: str) -> str:
    if name in body:
        return f"{name} is not {wanted}"
    if "errorCode" in body and "localMessage" in body:
        return f"{name} is missing: this is a notice of the old API (v1), which is not supported"
    return f"{name} is missing"


def _from_milliseconds(value: int) -> datetime:
    if value > _LAST_MILLISECOND:
        raise MalformedDelivery("responseTime is out of range", provider="momo")
    seconds, milliseconds = divmod(value, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.replace(microsecond=milliseconds * 1000) if milliseconds else moment


def _dong(amount: Money) -> int:
    if amount.currency != "VND":
        raise InvalidRequest("MoMo takes VND only", field="currency")
    return amount.minor


def _order_id(reference: str) -> str:
    if len(reference) > _MAX_ORDER_ID or not _ORDER_ID.fullmatch(reference):
        raise InvalidRequest(
            "use letters and digits, with - _ . between them, 200 at most", field="reference"
        )
    return reference


def _client_id(customer_id: str | None) -> str:
    if not customer_id or not _CLIENT_ID.fullmatch(customer_id):
        raise InvalidRequest(
            "MoMo names the wallet's owner by letters and digits, with - _ . @ between them",
            field="customer.id",
        )
    return customer_id


def _request_id(key: str) -> str:
    # At most 50 characters; the same key always gives the same id.
    return key if _REQUEST_ID.fullmatch(key) else sha256(key.encode()).hexdigest()[:48]


def _plain_url(url: str | None, field: str) -> str:
    if not url or not _PLAIN_URL.fullmatch(url):
        raise InvalidRequest("an absolute URL in plain ASCII", field=field)
    return url


def _language(locale: str) -> str:
    if locale not in {"vi", "en"}:
        raise InvalidRequest("MoMo speaks vi and en", field="locale")
    return locale


def _trans_id(number: int | None, status: PaymentStatus) -> str | None:
    # After a cancel or expiry the number is a time, not an id.
    if not number or status in {S.CANCELED, S.EXPIRED, S.UNKNOWN}:
        return None
    return str(number)


def _voided(payment: Payment) -> Payment:
    return Payment(
        provider=payment.provider,
        reference=payment.reference,
        status=S.CANCELED,
        amount=payment.amount,
        provider_id=payment.provider_id,
        code=payment.code,
        message=payment.message,
        reason="canceled_by_merchant",
        occurred_at=payment.occurred_at,
        raw=payment.raw,
    )
