"""ZaloPay's orders: create, query, cancel.

Source: https://docs.zalopay.vn/docs/specs/order-create, …/order-query, …/order-cancel. Answers
carry no signature: they are trusted as far as TLS reaches.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from ...errors import DuplicateReference, InvalidRequest, MalformedResponse, NotFound
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import (
    Nothing,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    Redirect,
)
from ...money import Money
from ...vietnam import from_milliseconds, to_milliseconds
from .account import Account
from .answers import Answer, Created, Queried
from .codes import (
    DUPLICATE_ORDER,
    OPEN,
    PREFERRED,
    REFUSALS,
    REFUSED,
    UNTIL_EXPIRY,
    payment_status,
)
from .wire import (
    CANCEL_FIELDS,
    CREATE_FIELDS,
    LEEWAY,
    LONGEST,
    MAX_DESCRIPTION,
    MAX_USER,
    QUERY_FIELDS,
    RETURN_FIELDS,
    SHORTEST,
    check_bank_code,
    check_text,
    check_url,
    is_web_page,
    json_text,
    plain_mapping,
    plain_value,
    to_dong,
    to_order_id,
    to_transaction_id,
)

S = PaymentStatus
_SECOND: Final = timedelta(seconds=1)
#: What ``extra`` must not set: it has a place of its own, or changes what is charged.
_RESERVED: Final = frozenset(
    {"mac", "callback_url", "phone", "email", "product_code", "redirect_url", "embed_data", "item"}
)
_MAY_COME_BACK: Final = frozenset({S.FAILED, S.CANCELED})
#: Parts of embed_data that are themselves JSON in a text.
_NESTED: Final = ("columninfo", "promotioninfo")
_RETURN_NAMES: Final = frozenset({*RETURN_FIELDS, "checksum"})


class Orders(Account):
    """Orders that a payer pays on ZaloPay's page, by QR code or in the app."""

    def _create(self, request: PaymentRequest) -> Flow[PaymentSession]:
        now = self.clock()
        body = self._order(request, now)
        made = yield from self._make(body)
        if made is None:
            return (yield from self._made_before(request, body, now))
        answer, raw = made
        if not is_web_page(answer.order_url, self.base):
            raise MalformedResponse("order_url is not an https URL", provider=self.name)
        return PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=S.REQUIRES_ACTION,
            next=Redirect(answer.order_url, None, answer.qr_code or None),
            amount=request.amount,
            created_at=now,
            expires_at=now + timedelta(seconds=body["expire_duration_seconds"]),
            raw=raw,
        )

    def _order(self, request: PaymentRequest, now: datetime) -> dict[str, Any]:
        preferred, bank_code = _method(request.method)
        extra = dict(request.extra)
        embed_data = extra.pop("embed_data", {})
        item = extra.pop("item", None)
        if item is not None and (request.items or not isinstance(item, list | tuple)):
            raise InvalidRequest("a list, and not beside request.items", field="item")
        body: dict[str, Any] = {
            "app_id": self.config.app_id,
            "app_trans_id": to_order_id(request.reference, now),
            "app_user": check_text(
                request.customer.id or self.config.app_user, "customer.id", MAX_USER
            ),
            "app_time": to_milliseconds(now),
            "expire_duration_seconds": self._lifetime(request, now),
            "amount": to_dong(request.amount),
            "item": json_text(item or _items(request), "items"),
            "embed_data": json_text(_embed_data(request, embed_data, preferred), "embed_data"),
            "description": check_text(
                request.description or f"Thanh toan {request.reference}",
                "description",
                MAX_DESCRIPTION,
            ),
            "bank_code": bank_code,
        }
        callback_url = request.notify_url or self.config.notify_url
        if callback_url:
            body["callback_url"] = check_url(callback_url, "notify_url")
        for name, text in (("phone", request.customer.phone), ("email", request.customer.email)):
            if text:
                body[name] = plain_value(text, f"customer.{name}")
        for name, value in extra.items():
            if name in body or name in _RESERVED:
                raise InvalidRequest(f"{name!r:.60} cannot be set here", field="extra")
            body[name] = plain_value(value, name)
        return body

    def _lifetime(self, request: PaymentRequest, now: datetime) -> int:
        lifetime = self.config.session_lifetime
        if request.expires_at is not None:
            lifetime = request.expires_at - now
        if not SHORTEST <= lifetime <= LONGEST:
            raise InvalidRequest("must be in 5 minutes to 30 days", field="expires_at")
        return lifetime // _SECOND

    def _make(self, body: Mapping[str, Any]) -> Flow[tuple[Created, JsonObject] | None]:
        """Make the order; ``None`` if ZaloPay has one with this id."""

        def read(raw: JsonObject, response: HttpResponse) -> tuple[Created, JsonObject] | None:
            answer = Created.read(raw, provider=self.name)
            if answer.is_done:
                return answer, raw
            if answer.result == (REFUSED, DUPLICATE_ORDER):
                return None
            raise self._refusal(answer, raw, response)

        # The same app_trans_id never makes a second order, so the transport may repeat it.
        return self._call("/v2/create", CREATE_FIELDS, body, read, replay_safe=True)

    def _made_before(
        self, request: PaymentRequest, body: Mapping[str, Any], now: datetime
    ) -> Flow[PaymentSession]:
        """What became of an order that ZaloPay has: paid, or its page cannot be had again."""
        ref = PaymentRef(reference=request.reference, created_at=now)
        try:
            payment = yield from self._query(body["app_trans_id"], ref)
        except NotFound:
            payment = None
        if payment is None or payment.status is not S.SUCCEEDED or payment.amount != request.amount:
            raise DuplicateReference(
                "ZaloPay has this order and does not show its page again",
                provider=self.name,
                code=str(DUPLICATE_ORDER),
            )
        return PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=payment.status,
            next=Nothing(),
            amount=request.amount,
            created_at=now,
            provider_id=payment.provider_id,
            raw=payment.raw,
        )

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state. Needs ``ref.created_at``: ZaloPay's id of an order holds the day.

        An order that nobody pays is pending until it expires (``ref.expires_at``, or the
        configured lifetime after its creation). Raises :class:`~paykit.errors.NotFound`, which may
        merely be too early. https://docs.zalopay.vn/docs/specs/order-query
        """
        return self._first_known(_order_ids(ref), lambda order_id: self._query(order_id, ref))

    def cancel_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Make an order that nobody has paid unpayable. Needs ``ref.created_at``.

        https://docs.zalopay.vn/docs/specs/order-cancel
        """

        def read(raw: JsonObject, response: HttpResponse) -> Payment:
            answer = Answer.read(raw, provider=self.name)
            outcome, _ = answer.result
            if not answer.is_done and outcome != OPEN:
                raise self._refusal(answer, raw, response)
            return Payment(
                provider=self.name,
                reference=ref.reference,
                status=S.CANCELED if answer.is_done else S.PENDING,
                code=answer.code,
                message=answer.words,
                reason="canceled_by_merchant" if answer.is_done else None,
                raw=raw,
            )

        def ask(order_id: str) -> Flow[Payment]:
            body = {"app_id": self.config.app_id, "app_trans_id": order_id}
            return self._call("/v2/cancel", CANCEL_FIELDS, body, read)

        return self._first_known(_order_ids(ref), ask)

    def _query(self, order_id: str, ref: PaymentRef) -> Flow[Payment]:
        body = {"app_id": self.config.app_id, "app_trans_id": order_id}

        def read(raw: JsonObject, response: HttpResponse) -> Payment:
            answer = Queried.read(raw, provider=self.name)
            outcome, code = answer.result
            if outcome == REFUSED and code in REFUSALS:
                raise self._refusal(answer, raw, response)
            status, reason = payment_status(outcome, code)
            if status is S.SUCCEEDED and answer.is_processing:
                status = S.UNKNOWN  # it cannot be both
            if status in _MAY_COME_BACK and code in UNTIL_EXPIRY and not self._is_over(ref):
                status = S.PENDING
            return self._payment(ref.reference, answer, raw, status, reason)

        return self._call("/v2/query", QUERY_FIELDS, body, read, replay_safe=True)

    def _payment(
        self,
        reference: str,
        answer: Queried,
        raw: JsonObject,
        status: PaymentStatus,
        reason: str | None,
    ) -> Payment:
        amount = Money(answer.amount, "VND") if answer.amount else None
        number = to_transaction_id(answer.zp_trans_id)
        paid = status is S.SUCCEEDED
        if paid and (amount is None or number is None):
            raise MalformedResponse(
                "paid, but amount or zp_trans_id is missing", provider=self.name
            )
        try:
            moment = from_milliseconds(answer.server_time) if answer.server_time else None
        except ValueError:
            raise MalformedResponse("server_time is out of range", provider=self.name) from None
        return Payment(
            provider=self.name,
            reference=reference,
            status=status,
            amount=amount,
            captured=amount if paid else None,
            provider_id=number,
            code=answer.code,
            message=answer.words,
            reason=reason,
            occurred_at=moment,
            raw=raw,
        )

    def _is_over(self, ref: PaymentRef) -> bool:
        """Whether the order can no longer be paid, by our clock."""
        created_at = ref.created_at or self.clock()
        return self.clock() >= (ref.expires_at or created_at + self.config.session_lifetime)


def _order_ids(ref: PaymentRef) -> list[str]:
    """The ids that the order can have: one that was asked for before midnight may be made after."""
    created_at = ref.created_at
    if created_at is None:
        raise InvalidRequest(
            "ZaloPay's id of an order holds its day: keep session.ref", field="created_at"
        )
    days = (created_at, created_at + LEEWAY)
    return list(dict.fromkeys(to_order_id(ref.reference, day) for day in days))


def _method(method: str | None) -> tuple[list[str], str]:
    """``preferred_payment_method``, which may be several, or ``bank_code``."""
    if not method:
        return [], ""
    preferred = method.split(",")
    if all(name in PREFERRED for name in preferred):
        return preferred, ""
    return [], check_bank_code(method)


def _items(request: PaymentRequest) -> list[dict[str, Any]]:
    return [
        {
            "itemid": item.id,
            "itemname": item.name,
            "itemprice": to_dong(item.price, "items"),
            "itemquantity": item.quantity,
        }
        for item in request.items
    ]


def _embed_data(request: PaymentRequest, given: Any, preferred: list[str]) -> dict[str, Any]:
    data = dict(plain_mapping(given, "embed_data"))
    for name in data:
        if name.lower() == "redirecturl":
            raise InvalidRequest("give return_url instead", field="embed_data")
    for name in _NESTED:
        if isinstance(data.get(name), Mapping):
            data[name] = json_text(data[name], name)
    if preferred:
        if "preferred_payment_method" in data:
            raise InvalidRequest("give method or extra, not both", field="embed_data")
        data["preferred_payment_method"] = preferred
    if request.return_url:
        data["redirecturl"] = _return_url(request.return_url)
    return data


def _return_url(url: str) -> str:
    # Names that ZaloPay adds itself would come back twice, and such a return is refused.
    query = check_url(url, "return_url").partition("#")[0].partition("?")[2]
    own = {name for name, _ in parse_qsl(query, keep_blank_values=True)} & _RETURN_NAMES
    if own:
        raise InvalidRequest(f"must not have a parameter {min(own)}", field="return_url")
    return url
