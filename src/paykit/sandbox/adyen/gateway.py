"""The way into Adyen's API: who asks, is it well formed, is it new? Then the operation.

https://docs.adyen.com/development-resources/api-idempotency/
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import attrs

from ...http import parse_json_object
from ..cards.keys import KeyConflictError, Keys
from . import fields
from .errors import Refusal
from .fields import Record
from .hosted import Hosted
from .ids import Ids
from .modifications import Modifications
from .payments import Body, Json, Payments
from .tokens import Tokens

if TYPE_CHECKING:
    from .config import AdyenConfig

_LONGEST_KEY: Final = 64
_CREATED: Final = 201
_NO_CONTENT: Final = 204


@attrs.frozen(kw_only=True)
class Asked:
    """One request, its headers in lower case; ``body`` is ``None`` if it was too large."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    id: str
    body: bytes | None

    def header(self, name: str) -> str:
        """A header, or an empty text."""
        return self.headers.get(name, "")


@attrs.frozen(kw_only=True)
class Answer:
    """The HTTP status, the JSON unless there is none, and what Adyen's support would ask for."""

    status: int
    body: Json | None
    psp: str
    at: datetime


@attrs.frozen(kw_only=True)
class Operation:
    """One call. ``run`` gets the id in the path, the body or else the query, and the time."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    run: Callable[[str, Body, datetime], Json | None]
    rules: Record | None = None
    status: int = 200
    needs_account: bool = True


def operations(
    payments: Payments, modifications: Modifications, hosted: Hosted, tokens: Tokens
) -> tuple[Operation, ...]:
    """All calls, with their paths below the version."""
    one = "/payments/{id}"

    def post(
        path: str,
        rules: Record,
        run: Callable[[str, Body, datetime], Json],
        *,
        status: int = _CREATED,
        needs_account: bool = True,
    ) -> Operation:
        return Operation(
            method="POST",
            path=path,
            rules=rules,
            run=run,
            status=status,
            needs_account=needs_account,
        )

    m = modifications
    return (
        post("/payments", fields.PAYMENT, lambda _, b, now: payments.create(b, now), status=200),
        post(
            "/payments/details",
            fields.DETAILS,
            lambda _, b, now: payments.details(b, now),
            status=200,
            needs_account=False,
        ),
        post(f"{one}/captures", fields.CAPTURE, m.capture),
        post(f"{one}/cancels", fields.CANCEL, m.cancel),
        post(f"{one}/refunds", fields.REFUND, m.refund),
        post(f"{one}/reversals", fields.REVERSAL, m.reverse),
        post(f"{one}/amountUpdates", fields.UPDATE, m.update),
        post(
            "/cancels",
            fields.CANCEL_BY_REFERENCE,
            lambda _, b, now: m.cancel_by_reference(b, now),
        ),
        post("/sessions", fields.SESSION, lambda _, b, now: hosted.create_session(b, now)),
        Operation(
            method="GET",
            path="/sessions/{id}",
            run=lambda i, q, now: hosted.session(i, q.get("sessionResult", ""), now),
            needs_account=False,
        ),
        post("/paymentLinks", fields.LINK, lambda _, b, now: hosted.create_link(b, now)),
        Operation(
            method="GET",
            path="/paymentLinks/{id}",
            run=lambda i, _, now: hosted.link(i, now),
            needs_account=False,
        ),
        Operation(
            method="PATCH",
            path="/paymentLinks/{id}",
            rules=fields.LINK_CHANGE,
            run=hosted.change_link,
            needs_account=False,
        ),
        post("/paymentMethods", fields.METHODS, lambda _, b, _now: tokens.methods(b), status=200),
        post("/storedPaymentMethods", fields.STORE, lambda _, b, now: tokens.store(b, now)),
        Operation(
            method="GET",
            path="/storedPaymentMethods",
            run=lambda _, q, _now: tokens.listed(q.get("shopperReference", "")),
        ),
        Operation(
            method="DELETE",
            path="/storedPaymentMethods/{id}",
            run=lambda i, q, _now: tokens.delete(i, q.get("shopperReference", "")),
            status=_NO_CONTENT,
        ),
    )


class Gateway:
    """Adyen's API without its transport."""

    def __init__(self, config: AdyenConfig, *, ids: Ids, keep: int) -> None:
        self._config = config
        self._ids = ids
        self._done: Keys[Answer] = Keys(lifetime=config.key_lifetime, keep=keep * 10)

    def answer(self, operation: Operation, asked: Asked, now: datetime) -> Answer:
        """The answer to one call; the same call with the same key has the same answer."""
        psp = self._ids.psp()
        key = asked.header("idempotency-key") if operation.method == "POST" else ""
        try:
            self._authenticate(asked)
            return self._once(operation, asked, key, psp, now)
        except Refusal as refused:
            return Answer(status=refused.status, body=refused.body(psp), psp=psp, at=now)

    def _once(
        self, operation: Operation, asked: Asked, key: str, psp: str, now: datetime
    ) -> Answer:
        if len(key) > _LONGEST_KEY:
            raise Refusal("key")
        place = f"{operation.path} {key}"
        request = f"{asked.id}\n".encode() + (asked.body or b"")
        try:
            known = self._done.find(place, request, now) if key else None
        except KeyConflictError:
            raise Refusal("key reused") from None
        if known and now < known.at + self._config.key_busy:
            raise Refusal("in progress")
        if known:
            return known
        try:
            body = self._perform(operation, asked, now)
            answer = Answer(status=operation.status, body=body, psp=_reference(body, psp), at=now)
        except Refusal as refused:
            if not refused.lasting:
                raise
            answer = Answer(status=refused.status, body=refused.body(psp), psp=psp, at=now)
        if key:
            self._done.store(place, request, answer, now)
        return answer

    def _perform(self, operation: Operation, asked: Asked, now: datetime) -> Json | None:
        given: Body = asked.query
        if operation.rules:
            given = _read(asked)
        account = given.get("merchantAccount")
        wrong = account is not None and account != self._config.merchant_account
        if wrong or (operation.needs_account and account is None):
            raise Refusal("account")
        if operation.rules:
            operation.rules.check(given)
        return operation.run(asked.id, given, now)

    def _authenticate(self, asked: Asked) -> None:
        given = asked.header("x-api-key").encode()
        if not hmac.compare_digest(given, self._config.api_key.encode()):
            raise Refusal("unauthorized")


def _read(asked: Asked) -> Json:
    if asked.body is None:
        raise Refusal("unreadable", "less")
    if not asked.header("content-type").lower().startswith("application/json"):
        raise Refusal("unreadable", "application/json")
    try:
        return parse_json_object(asked.body)
    except ValueError:
        raise Refusal("unreadable", "a JSON object") from None


def _reference(body: Json | None, psp: str) -> str:
    found = (body or {}).get("pspReference")
    return found if isinstance(found, str) else psp
