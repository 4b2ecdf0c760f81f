"""MoMo AIO v2: signed JSON creates the payment, a POST callback (IPN) brings the news.

Source: https://developers.momo.vn/v3/docs/payment/api/ (wallet, credit, ATM, token, result codes).
Each endpoint signs its own fixed list of fields, as ``name=value`` joined by ``&``, plain values,
``accessKey`` first. Amounts are whole đồng, times are Unix milliseconds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import chain
from typing import Any, TypeVar

import attrs

from ...errors import (
    AuthenticationFailed,
    Declined,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    SignatureError,
)
from ...events import Event, PaymentProcessed, TokenGranted
from ...flow import Flow, done
from ...http import Delivery, HttpResponse, JsonObject, Reply
from ...info import FOR_EVER, Asking, Capability
from ...models import (
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
from ...money import Money
from ...provider import (
    Clock,
    IdFactory,
    Provider,
    ProviderInfo,
    random_id,
    utc_now,
)
from ...signing import Verified, encrypt_rsa, seal_hmac_hex
from ...vietnam import LAST_MILLISECOND
from ...wire import Environment, signing_keys
from .codes import (
    GOOD_NEWS,
    LINKING,
    METHODS,
    REFUND_CODES,
    REFUND_REFUSALS,
    REFUSALS,
    RESULT_CODES,
)
from .notices import EXPECTED, NUMBERS, from_milliseconds, read_notice, whole_number
from .wire import (
    BIND_FIELDS,
    CONFIRM_FIELDS,
    CREATE_FIELDS,
    DIGITS,
    JOINT,
    KNOWN_EXTRA,
    LIMITS,
    LINK_FIELDS,
    LINK_NOTICE_FIELDS,
    NOTICE_FIELDS,
    ORDER_ID,
    POS_FIELDS,
    QUERY_FIELDS,
    REFUND_FIELDS,
    RESERVED,
    TOKEN_DELETE_FIELDS,
    TOKEN_PAY_FIELDS,
    TOKEN_QUERY_FIELDS,
    Answer,
    Bound,
    Created,
    Granted,
    MoMoConfig,
    Queried,
    RefundLine,
    check_client_id,
    check_language,
    check_order_id,
    check_url,
    decrypt_token,
    real_trans_id,
    signed_text,
    to_dong,
    to_request_id,
)

__all__ = [
    "BIND_FIELDS",
    "CONFIRM_FIELDS",
    "CREATE_FIELDS",
    "LINK_FIELDS",
    "LINK_NOTICE_FIELDS",
    "METHODS",
    "NOTICE_FIELDS",
    "POS_FIELDS",
    "QUERY_FIELDS",
    "REFUND_CODES",
    "REFUND_FIELDS",
    "RESULT_CODES",
    "TOKEN_DELETE_FIELDS",
    "TOKEN_PAY_FIELDS",
    "TOKEN_QUERY_FIELDS",
    "MoMo",
    "MoMoConfig",
]

S = PaymentStatus
T = TypeVar("T")


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
        hosts={
            Environment.SANDBOX: "https://test-payment.momo.vn",
            Environment.PRODUCTION: "https://payment.momo.vn",
        },
        refund_reference=ORDER_ID,
        # One integrator never saw an IPN after the payer had cancelled. A page lives a quarter of
        # an hour, but the account's settings may say otherwise.
        asking=Asking(
            first_after=timedelta(minutes=5),
            again_after=timedelta(minutes=5),
            at_most=timedelta(hours=3),
            grace=timedelta(days=1),
            gives_up_after=timedelta(days=7),
        ),
        # An orderId is taken once, for payments and refunds alike, and a hold is taken whole.
        repeatable_for={
            Capability.CREATE_PAYMENT: FOR_EVER,
            Capability.CAPTURE: FOR_EVER,
            Capability.VOID: FOR_EVER,
            Capability.REFUND: FOR_EVER,
        },
    )
    Config = MoMoConfig
    config: MoMoConfig
    #: MoMo wants it within 15 seconds and reads nothing else. It has no reply for "not ours".
    acknowledgement = Reply(204)

    def __init__(
        self, config: MoMoConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        self._keys = signing_keys("sha256", config.secret_key, *config.previous_secret_keys)
        self._access_keys = (config.access_key, *config.previous_access_keys)
        self._heads = tuple(f"accessKey={key}".encode() for key in self._access_keys)

    def signature(self, fields: tuple[str, ...], body: Mapping[str, Any]) -> str:
        """The signature of ``body`` over ``fields`` (one of this module's ``…_FIELDS``)."""
        text = signed_text(self.config.access_key, fields, body)
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
                request,
                "/v2/gateway/api/tokenization/pay",
                TOKEN_PAY_FIELDS,
                self._token(request.token),
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
        if request.save_token and method not in LINKING:
            raise InvalidRequest("only linkWallet and subscription store a token", field="method")
        body = {
            **self._order(request, free=method == "linkWallet"),
            "redirectUrl": check_url(request.return_url, "return_url"),
            "ipnUrl": check_url(request.notify_url or self.config.notify_url, "notify_url"),
            "requestType": method,
            "autoCapture": request.capture is CaptureMode.AUTOMATIC,
            "lang": check_language(request.locale),
        }
        fields = CREATE_FIELDS
        if method in LINKING:
            fields = LINK_FIELDS
            body["partnerClientId"] = check_client_id(request.customer.id)
        if request.items:
            body["items"] = [
                {
                    "id": item.id,
                    "name": item.name,
                    "price": to_dong(item.price),
                    "currency": "VND",
                    "quantity": item.quantity,
                    "totalPrice": to_dong(item.price * item.quantity),
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
        self.add_extra(body, request, known=KNOWN_EXTRA, reserved=RESERVED)
        now = self.clock()

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            self._succeed(answer, body, response)
            created = Created.read(answer, provider=self.name)
            if created.amount is not None and created.amount != body["amount"]:
                raise MalformedResponse("the answer is about another amount", provider=self.name)
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=S.REQUIRES_ACTION,
                next=Redirect(self.page(created.payUrl), created.deeplink, created.qrCodeUrl),
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
            "lang": check_language(request.locale),
        }
        self.add_extra(body, request, known=KNOWN_EXTRA, reserved=RESERVED)
        now = self.clock()

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            code = self._result(answer, body, response)
            status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
            if status in {S.FAILED, S.CANCELED, S.EXPIRED}:
                raise self._declined(code, answer, response, reason)
            paid = Answer.read(answer, provider=self.name)
            self._same_amount(paid, body["amount"])
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=status,
                next=Nothing(),
                amount=request.amount,
                created_at=now,
                provider_id=real_trans_id(paid.transId, status),
                raw=answer,
            )

        return self._post(path, fields, body, read, moves_money=True)

    def _order(self, request: PaymentRequest, *, free: bool = False) -> dict[str, Any]:
        amount = to_dong(request.amount)
        if amount == 0 and not free:
            raise InvalidRequest("only linkWallet may be free", field="amount")
        extra_data = request.extra.get("extraData", "")
        if isinstance(extra_data, Mapping):
            packed = json.dumps(extra_data, ensure_ascii=False, separators=(",", ":"))
            extra_data = base64.b64encode(packed.encode()).decode()
        order: dict[str, Any] = {
            "partnerCode": self.config.partner_code,
            "requestId": to_request_id(request.key),
            "amount": amount,
            "orderId": check_order_id(request.reference),
            "orderInfo": request.description or f"Thanh toan {request.reference}",
            "extraData": extra_data,
        }
        for name, limit in LIMITS.items():
            if not isinstance(order[name], str) or len(order[name]) > limit:
                raise InvalidRequest(f"text of at most {limit} characters", field=name)
            if JOINT.search(order[name]):
                raise InvalidRequest("must not hold &orderId= or the like", field=name)
        return order

    def _token(self, token: PaymentToken) -> dict[str, Any]:
        """Whose token, and the token itself as MoMo wants to see it."""
        if token.provider != self.name:
            raise InvalidRequest("is not a MoMo token", field="token")
        return {
            "partnerClientId": check_client_id(token.customer_id),
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
        for name in NUMBERS & fields.keys():
            number = whole_number(fields[name])
            if number is None:
                raise MalformedDelivery(f"{name} is not a number", provider=self.name)
            fields[name] = number
        return done(self._verify(delivery, fields))

    def _verify(self, delivery: Delivery, body: Mapping[str, Any]) -> Verified:
        given = body.get("signature")
        if not isinstance(given, str):
            raise SignatureError("no signature field", provider=self.name)
        fields, text = read_notice(body)
        verified = seal_hmac_hex(
            delivery,
            keys=self._keys,
            messages=self._signed_notices(text, fields, body),
            given=given,
            fields=fields,
            expected=EXPECTED,
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
            yield signed_text(access_key, LINK_NOTICE_FIELDS, fields)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """The payment's event, and :class:`TokenGranted` when a wallet was linked."""
        fields = verified.fields
        code = fields["resultCode"]
        status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
        reference = fields["orderId"]
        occurred_at = from_milliseconds(fields["responseTime"])
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

    # Query, capture, void, refund. These answers carry no signature; they are trusted as far as
    # TLS reaches, and must echo what was asked.

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state, with the refunds so far."""
        body = self._named(ref.reference, self.new_id())

        def read(answer: JsonObject, response: HttpResponse) -> Payment:
            code = self._result(answer, body, response)
            queried = Queried.read(answer, provider=self.name)
            return self._payment(code, queried, answer)

        return self._post("/v2/gateway/api/query", QUERY_FIELDS, body, read)

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Flow[Payment]:
        """Take the held funds, all of them: MoMo refuses any other amount."""
        if not final:
            raise InvalidRequest("MoMo captures once", field="final")
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
            "amount": to_dong(held),
            "requestType": kind,
            "description": "",
        }

        def read(answer: JsonObject, response: HttpResponse) -> Payment:
            code = self._result(answer, body, response)
            confirmed = Queried.read(answer, provider=self.name)
            self._same_amount(confirmed, body["amount"])
            status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
            if status in {S.FAILED, S.EXPIRED}:
                raise self._declined(code, answer, response, reason)
            payment = self._payment(code, confirmed, answer)
            if kind == "cancel" and status is S.SUCCEEDED:
                return attrs.evolve(
                    payment,
                    status=S.CANCELED,
                    reason="canceled_by_merchant",
                    captured=None,
                    refunded=None,
                    refunds=(),
                )
            return payment

        return self._post("/v2/gateway/api/confirm", CONFIRM_FIELDS, body, read, moves_money=True)

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back all or a part. Needs ``payment.provider_id``, MoMo's ``transId``."""
        payment, amount = request.payment, request.money
        if payment.provider_id is None or not DIGITS.fullmatch(payment.provider_id):
            raise InvalidRequest("MoMo wants its transId", field="payment.provider_id")
        if request.reference == payment.reference:
            raise InvalidRequest("needs an id of its own", field="reference")
        body = {
            **self._named(request.reference, request.key),
            "amount": to_dong(amount),
            "transId": int(payment.provider_id),
            "description": request.description,
        }

        def read(answer: JsonObject, response: HttpResponse) -> Refund:
            code = self._result(answer, body, response)
            if code in REFUND_REFUSALS:
                raise self._declined(code, answer, response, REFUND_REFUSALS[code])
            refunded = Answer.read(answer, provider=self.name)
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
            queried = Queried.read(answer, provider=self.name)
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
        client = check_client_id(request.customer_id)
        grant = request.grant
        if grant is None:
            query = {**self._named(request.reference, self.new_id()), "partnerClientId": client}

            def read_grant(answer: JsonObject, response: HttpResponse) -> str:
                self._succeed(answer, query, response)
                return Granted.read(answer, provider=self.name).callbackToken

            grant = yield from self._post(
                "/v2/gateway/api/tokenization/cbQuery", TOKEN_QUERY_FIELDS, query, read_grant
            )
        body = {
            **self._named(request.reference, request.idempotency_key or self.new_id()),
            "partnerClientId": client,
            "callbackToken": grant,
        }

        def read(answer: JsonObject, response: HttpResponse) -> PaymentToken:
            self._succeed(answer, body, response)
            bound = Bound.read(answer, provider=self.name)
            return PaymentToken(
                provider=self.name,
                value=self._open_token(bound.aesToken),
                customer_id=client,
                reference=request.reference,
            )

        return (yield from self._post("/v2/gateway/api/tokenization/bind", BIND_FIELDS, body, read))

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Unlink the wallet: the token can no longer be charged."""
        if token.reference is None:
            raise InvalidRequest("is not a MoMo token with its reference", field="token")
        body = {**self._named(token.reference, self.new_id()), **self._token(token)}

        def read(answer: JsonObject, response: HttpResponse) -> None:
            self._succeed(answer, body, response)

        return self._post("/v2/gateway/api/tokenization/delete", TOKEN_DELETE_FIELDS, body, read)

    def _open_token(self, sealed: str) -> str:
        text = decrypt_token(self.config.secret_key, sealed)
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
            "requestId": to_request_id(request_key),
            "orderId": check_order_id(order_id),
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
        request = self.post(path, signed, replay_safe=replay_safe, moves_money=moves_money)
        return self.ask(request, read)

    def _result(self, answer: JsonObject, asked: Mapping[str, Any], response: HttpResponse) -> int:
        """The result code; refusals of the call raise, and so does an answer to somebody else."""
        code = answer.get("resultCode")
        if type(code) is not int:
            raise MalformedResponse("no resultCode", provider=self.name)
        if code in REFUSALS:
            kind: type[ProviderError] = REFUSALS[code]
            details = answer.get("subErrors")
            if isinstance(details, list) and any(
                isinstance(item, dict) and item.get("field") == "signature" for item in details
            ):
                kind = AuthenticationFailed
            raise self.answered_no(
                kind, answer.get("message"), code=str(code), response=response, raw=answer
            )
        self.check_echo(
            answer, {name: asked[name] for name in ("partnerCode", "orderId", "requestId")}
        )
        return code

    def _succeed(
        self, answer: JsonObject, asked: Mapping[str, Any], response: HttpResponse
    ) -> None:
        """Pass only 0, for calls that have no state in between."""
        code = self._result(answer, asked, response)
        if code != 0:
            raise self._declined(code, answer, response)

    def _same_amount(self, answer: Answer, amount: int) -> None:
        if answer.amount is None and answer.resultCode not in GOOD_NEWS:
            return  # the short answer of a call that did not get that far
        if answer.amount != amount:
            raise MalformedResponse("the answer is about another amount", provider=self.name)

    def _declined(
        self, code: int, answer: JsonObject, response: HttpResponse, reason: str | None = None
    ) -> ProviderError:
        status, known = RESULT_CODES.get(code, (S.UNKNOWN, None))
        # Not known, or still running (HTTP 422 with 7000 for a repeated requestId).
        open_ended = reason is None and status not in {S.FAILED, S.CANCELED, S.EXPIRED}
        return self.answered_no(
            ProviderUnavailable if open_ended else Declined,
            answer.get("message"),
            code=str(code),
            response=response,
            raw=answer,
            reason=reason or known or "refused",
        )

    def _payment(self, code: int, answer: Queried, raw: JsonObject) -> Payment:
        status, reason = RESULT_CODES.get(code, (S.UNKNOWN, None))
        if answer.amount is None and code in GOOD_NEWS:
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
            provider_id=real_trans_id(answer.transId, status),
            code=str(code),
            message=answer.message,
            reason=reason,
            occurred_at=from_milliseconds(answer.responseTime)
            if answer.responseTime and answer.responseTime <= LAST_MILLISECOND
            else None,
            refunds=refunds,
            raw=raw,
        )

    def _refund_line(self, line: RefundLine, payment_reference: str, raw: JsonObject) -> Refund:
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
