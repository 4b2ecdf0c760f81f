"""The way into PayPal's API: who asks, is it well formed, is it new? Then the operation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from ...http import parse_json_object
from ..edge import remember
from . import fields
from .endpoints import Asked, Endpoint
from .issues import Refusal, detail, named, refusal
from .state import Resource

if TYPE_CHECKING:
    from .desk import Desk
    from .ids import Ids
    from .tokens import Tokens
    from .views import Json, Views

_NO_CONTENT: Final = 204
_REQUEST_ID_LENGTH: Final = 108
_ORDER_KEYS: Final = timedelta(hours=6)
_PAYMENT_KEYS: Final = timedelta(days=45)


@attrs.frozen(kw_only=True)
class Call:
    """One request, its headers in lower case; ``body`` is ``None`` if it was too large."""

    headers: Mapping[str, str]
    body: bytes | None = b""
    id: str = ""

    def header(self, name: str) -> str:
        """A header, or an empty text."""
        return self.headers.get(name, "")


@attrs.frozen(kw_only=True)
class Answer:
    """The HTTP status, the JSON unless there is none, and what support would ask for."""

    status: int
    body: Json | None
    debug_id: str


_Outcome: TypeAlias = "Resource | Refusal"


class Gateway:
    """PayPal's API without its transport."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        tokens: Tokens,
        ids: Ids,
        views: Views,
        desk: Desk,
        keep: int,
    ) -> None:
        self._endpoints = endpoints
        self._tokens = tokens
        self._ids = ids
        self._views = views
        self._desk = desk
        self._keep = keep
        #: By operation and request id: when, and what came of it.
        self._done: dict[tuple[str, str], tuple[datetime, _Outcome]] = {}

    def token(self, call: Call, form: Mapping[str, str], now: datetime) -> Answer:
        """Exchange the client's id and secret for an access token."""
        debug_id = self._ids.debug()
        try:
            body = self._tokens.issue(call.header("authorization"), form, now)
        except Refusal as refused:
            return Answer(status=refused.status, body=refused.body("", debug_id), debug_id=debug_id)
        return Answer(status=200, body=body, debug_id=debug_id)

    def answer(self, operation: str, call: Call, now: datetime) -> Answer:
        """The answer to one operation, such as ``orders.create``."""
        debug_id = self._ids.debug()
        self._desk.catch_up(now)
        try:
            status, body = self._perform(operation, call, now)
        except Refusal as refused:
            status, body = refused.status, refused.body(operation, debug_id)
        self._desk.catch_up(now)
        return Answer(status=status, body=body, debug_id=debug_id)

    def _perform(self, operation: str, call: Call, now: datetime) -> tuple[int, Json | None]:
        endpoint = self._endpoints[operation]
        self._tokens.check(call.header("authorization"), now)
        asked = Asked(call.id, self._read(endpoint, operation, call), call.body or b"", now)
        mocked = _mocked(call)
        if mocked:
            raise mocked
        problems = fields.problems(asked.body, endpoint.rules)
        if problems:
            raise Refusal(400, *problems)
        if endpoint.kind == "plain":
            return endpoint.status, endpoint.run(asked)
        if endpoint.kind == "read":
            return endpoint.status, self._views.whole(endpoint.run(asked), now)
        resource, status = self._once(endpoint, operation, call, asked)
        if call.header("prefer").replace(" ", "").lower() == "return=representation":
            return (200 if status == _NO_CONTENT else status), self._views.whole(resource, now)
        if status == _NO_CONTENT:
            return status, None
        return status, self._views.minimal(resource, now)

    def _once(
        self, endpoint: Endpoint, operation: str, call: Call, asked: Asked
    ) -> tuple[Resource, int]:
        """Run an operation, unless its request id was used for one like it."""
        request_id = call.header("paypal-request-id")
        if len(request_id) > _REQUEST_ID_LENGTH:
            raise Refusal(400, detail("INVALID_STRING_LENGTH"))
        if not request_id:
            if operation == "orders.create" and asked.body.get("payment_source"):
                raise refusal("PAYPAL_REQUEST_ID_REQUIRED")
            return endpoint.run(asked), endpoint.status
        key, now = (operation, request_id), asked.now
        at, outcome = self._done.get(key, (now, None))
        lifetime = _ORDER_KEYS if operation.startswith("orders.") else _PAYMENT_KEYS
        if outcome and now < at + lifetime:
            if isinstance(outcome, Refusal):
                raise outcome
            return outcome, _NO_CONTENT if endpoint.status == _NO_CONTENT else 200
        try:
            made: Resource = endpoint.run(asked)
        except Refusal as refused:
            if refused.final:
                remember(self._done, key, (now, refused), keep=self._keep * 10)
            raise
        remember(self._done, key, (now, made), keep=self._keep * 10)
        return made, endpoint.status

    @staticmethod
    def _read(endpoint: Endpoint, operation: str, call: Call) -> dict[str, Any]:
        """The JSON of a request; none at all is an empty object."""
        if endpoint.kind == "read":
            return {}
        kind = call.header("content-type").partition(";")[0].strip().lower()
        if endpoint.needs_json and kind != "application/json":
            raise Refusal(415)
        if call.body == b"":
            return {}
        try:
            return parse_json_object(call.body or b"")
        except ValueError:
            orders = operation.startswith("orders.")
            # The API of payments has no word of its own for this.
            issue = "MALFORMED_REQUEST_JSON" if orders else "INVALID_PARAMETER_SYNTAX"
            raise refusal(issue, "/") from None


def _mocked(call: Call) -> Refusal | None:
    """The refusal that a test asks for, as in PayPal's own sandbox.

    https://developer.paypal.com/tools/sandbox/negative-testing/request-headers/
    """
    try:
        wish = parse_json_object(call.header("paypal-mock-response").encode())
    except ValueError:
        return None
    code = wish.get("mock_application_codes")
    return named(code) if isinstance(code, str) else None
