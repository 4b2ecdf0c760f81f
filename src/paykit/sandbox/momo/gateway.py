"""The way into MoMo's API: who asks, is it well formed, signed, new? Then the operation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs

from ..config import MoMoConfig, MoMoMerchant
from ..rules import Rule
from ..times import milliseconds
from . import codes, fields, signing
from .operations import Body, Operations, Refusal
from .state import Answered, Books
from .wallets import Wallets

Operation: TypeAlias = Callable[[Body, MoMoMerchant, datetime], dict[str, Any]]
Answer: TypeAlias = tuple[int, dict[str, Any]]

_OK: Final = 200
#: Documented for a bad signature; the HTTP status of other refusals is not published.
_BAD_REQUEST: Final = 400
#: Result codes below this one speak about the call, those above about the payment.
_FIRST_PAYMENT_CODE: Final = 1000


@attrs.frozen
class Endpoint:
    """One operation: the rules of its fields, which of them are signed, what it does."""

    rules: Mapping[str, Rule]
    signed: tuple[str, ...]
    operation: Operation


class Gateway:
    """MoMo's API without its transport."""

    def __init__(self, config: MoMoConfig, books: Books, operations: Operations) -> None:
        wallets = Wallets(operations)
        self._config = config
        self._books = books
        self._create_link = Endpoint(fields.CREATE_LINK, signing.CREATE_LINK, operations.create)
        self._endpoints = {
            "create": Endpoint(fields.CREATE, signing.CREATE, operations.create),
            "query": Endpoint(fields.QUERY, signing.QUERY, operations.query),
            "refund": Endpoint(fields.REFUND, signing.REFUND, operations.refund),
            "refund/query": Endpoint(fields.QUERY, signing.QUERY, operations.refund_query),
            "confirm": Endpoint(fields.CONFIRM, signing.CONFIRM, operations.confirm),
            "pos": Endpoint(fields.POS, signing.POS, operations.pos),
            "tokenization/bind": Endpoint(fields.BIND, signing.BIND, wallets.bind),
            "tokenization/cbQuery": Endpoint(
                fields.CALLBACK_QUERY, signing.CALLBACK_QUERY, wallets.callback_query
            ),
            "tokenization/pay": Endpoint(fields.TOKEN_PAY, signing.TOKEN_PAY, wallets.pay),
            "tokenization/delete": Endpoint(
                fields.TOKEN_DELETE, signing.TOKEN_DELETE, wallets.delete
            ),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The operations, as they stand in the address behind ``/v2/gateway/api/``."""
        return tuple(self._endpoints)

    def answer(self, name: str, body: dict[str, Any] | None, now: datetime) -> Answer:
        """The HTTP status and the answer; ``body`` is ``None`` if it could not be read."""
        if body is None:
            return self._refuse({}, Refusal(codes.BAD_FORMAT), now)
        try:
            endpoint = self._endpoint(name, body)
            merchant = self._authenticate(endpoint, body)
        except Refusal as refusal:
            return self._refuse(body, refusal, now)
        return self._once(name, endpoint, body, merchant, now)

    def _endpoint(self, name: str, body: Body) -> Endpoint:
        # A tuple, because a list or an object may stand there and has no hash.
        if name == "create" and body.get("requestType") in ("linkWallet", "subscription"):
            return self._create_link
        return self._endpoints[name]

    def _authenticate(self, endpoint: Endpoint, body: Body) -> MoMoMerchant:
        code = body.get("partnerCode")
        merchant = self._config.merchant(code) if isinstance(code, str) and code else None
        if merchant is None and isinstance(code, str) and code:
            raise Refusal(codes.NOT_AUTHENTICATED)
        problems = fields.problems(body, endpoint.rules)
        if merchant is None or problems:
            raise Refusal(codes.BAD_FORMAT, *problems)
        if not merchant.enabled:
            raise Refusal(codes.ACCESS_DENIED)
        if not signing.matches(endpoint.signed, body, merchant):
            expected = signing.signed_text(endpoint.signed, body, "*****")
            raise Refusal(
                codes.BAD_FORMAT,
                {
                    "field": "signature",
                    "message": "Chữ ký không hợp lệ. Vui lòng kiểm tra dữ liệu gốc trước khi mã "
                    f"hóa : {expected}",
                },
            )
        return merchant

    def _once(
        self, name: str, endpoint: Endpoint, body: Body, merchant: MoMoMerchant, now: datetime
    ) -> Answer:
        """Run the operation, unless its request id was used: then only a final answer repeats."""
        text = json.dumps([name, body], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        earlier = self._books.answered(merchant.partner_code, body["requestId"])
        if earlier:
            if earlier.digest == digest and earlier.final:
                return earlier.status, earlier.body
            return self._refuse(body, Refusal(codes.DUPLICATE_REQUEST), now)
        try:
            status, answer = _OK, endpoint.operation(body, merchant, now)
        except Refusal as refusal:
            status, answer = self._refuse(body, refusal, now)
        self._books.remember_answer(
            merchant.partner_code,
            body["requestId"],
            Answered(digest=digest, status=status, body=answer),
        )
        return status, answer

    def _refuse(self, body: Body, refusal: Refusal, now: datetime) -> Answer:
        echoed = {
            name: body[name]
            for name in ("partnerCode", "requestId", "orderId")
            if refusal.code != codes.BAD_FORMAT and isinstance(body.get(name), str)
        }
        answer = {
            **echoed,
            "responseTime": milliseconds(now),
            "message": codes.message(refusal.code, body.get("lang")),
            "resultCode": refusal.code,
        }
        if refusal.sub_errors:
            answer["subErrors"] = refusal.sub_errors
        status = _BAD_REQUEST if refusal.code < _FIRST_PAYMENT_CODE else _OK
        return status, answer
