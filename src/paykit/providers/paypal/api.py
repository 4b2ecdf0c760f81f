"""What all calls to PayPal share: the access token, the headers, and how a refusal is read."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import attrs

from ...errors import (
    Declined,
    MalformedResponse,
    OutcomeUnknown,
    PaykitError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from ...flow import Flow
from ...http import HttpRequest, HttpResponse, JsonObject
from ...provider import Clock, IdFactory, Provider, random_id, utc_now
from ...provider_tools import BY_STATUS
from ...retries import retry_after
from ...wire import Wire
from .codes import CONFLICTS, DECLINES, REFUSALS
from .config import PayPalConfig
from .forms import check_id
from .oauth import Token, TokenCache, read_token
from .wire import Order

T = TypeVar("T")
W = TypeVar("W", bound=Wire)

_DEBUG_ID = re.compile(r"[0-9a-z-]{1,40}", re.ASCII)
_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})


class PayPalApi(Provider):
    """The base of PayPal's operations."""

    config: PayPalConfig

    def __init__(
        self, config: PayPalConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        self._tokens = TokenCache()

    def get_typed(self, path: str, shape: type[W]) -> Flow[tuple[W, JsonObject]]:
        """Ask for what is at ``path``: typed, and as it was."""

        def read(answer: JsonObject, response: HttpResponse) -> tuple[W, JsonObject]:
            self.check_answer(answer, response, moves_money=False)
            return shape.read(answer, provider=self.name), answer

        url = self.base + path
        return self.send(HttpRequest.get(url, headers={"Accept": "application/json"}), read)

    def get_order(self, order_id: str | None) -> Flow[tuple[Order, JsonObject]]:
        """Ask for an order; raises :class:`InvalidRequest` for what is no id of one."""
        wanted = check_id(order_id or "", "provider_id")
        order, raw = yield from self.get_typed(f"/v2/checkout/orders/{wanted}", Order)
        if order.id != wanted:
            raise MalformedResponse("the answer is about another order", provider=self.name)
        return order, raw

    def post_keyed(
        self,
        path: str,
        payload: Mapping[str, Any] | None,
        read: Callable[[JsonObject, HttpResponse], T],
        *,
        key: str,
        moves_money: bool,
    ) -> Flow[T]:
        """Send ``payload`` under the request id ``key``, and ask for the whole answer.

        What moves no money may be repeated by the transport: PayPal knows it again by its key.
        """
        headers = {
            "Content-Type": "application/json",  # PayPal wants it for an empty body, too
            "Accept": "application/json",
            "PayPal-Request-Id": key,
            "Prefer": "return=representation",
        }
        request = HttpRequest.post_json(
            self.base + path,
            payload or {},
            headers=headers,
            replay_safe=not moves_money,
            moves_money=moves_money,
        )
        if payload is None:
            request = attrs.evolve(request, body=b"")
        return self.send(request, read)

    def send(self, request: HttpRequest, read: Callable[[JsonObject, HttpResponse], T]) -> Flow[T]:
        """Send ``request`` with the access token, and let ``read`` make sense of the answer.

        A 401 means that the token was refused, so nothing was done: one new token is fetched, and
        the request goes out once more.
        """
        token = yield from self._token()
        response = yield _authorized(request, token)
        if response.status == HTTPStatus.UNAUTHORIZED:
            token.refused = True
            token = yield from self._token()
            response = yield _authorized(request, token)
            if response.status == HTTPStatus.UNAUTHORIZED:
                token.refused = True
        if response.status == HTTPStatus.NO_CONTENT:
            response = attrs.evolve(response, body=b"{}")
        return self.understand(request, response, read)

    def check_answer(
        self, answer: JsonObject, response: HttpResponse, *, moves_money: bool
    ) -> None:
        """Raise what a refusal means; pass an answer that says "done"."""
        if response.status not in _DONE:
            raise self.refusal_of(answer, response, moves_money=moves_money)

    def refusal_of(
        self, answer: JsonObject, response: HttpResponse, *, moves_money: bool
    ) -> PaykitError:
        """The error that an answer other than "done" stands for."""
        status = response.status
        if status < HTTPStatus.BAD_REQUEST:
            return MalformedResponse(f"HTTP {status}", provider=self.name, http_status=status)
        found = issues(answer)
        name = _text(answer.get("name")) or _text(answer.get("error"))
        code = next(iter(found), name) or f"HTTP {status}"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.CONFLICT:
            # A fault of PayPal's, or an earlier call with this key that is still running.
            if moves_money:
                return OutcomeUnknown(
                    f"paypal answered HTTP {status} ({code:.100}) to a call that moves money: "
                    "fetch the state, and never send it again under another key"
                )
            return self._no(ProviderUnavailable, answer, code, response)
        for issue in found:
            if issue in DECLINES:
                return self._no(Declined, answer, issue, response, reason=DECLINES[issue])
            if issue in REFUSALS:
                return self._no(REFUSALS[issue], answer, issue, response)
        return self._no(BY_STATUS.get(status, ProviderError), answer, code, response)

    def _no(
        self,
        kind: type[ProviderError],
        answer: JsonObject,
        code: str,
        response: HttpResponse,
        *,
        reason: str = "refused",
    ) -> ProviderError:
        message = _text(answer.get("message")) or _text(answer.get("error_description"))
        debug_id = _text(answer.get("debug_id"))
        if debug_id and _DEBUG_ID.fullmatch(debug_id):
            # What PayPal's support asks for.
            message = f"{(message or 'refused')[:140]} (debug id {debug_id})"
        return self.answered_no(
            kind, message, code=code, response=response, raw=answer, reason=reason
        )

    # The token.

    def _token(self) -> Flow[Token]:
        """The token in use, or a new one."""
        now = self.clock()
        kept = self._tokens.find(now)
        if kept is not None:
            return kept
        response = yield HttpRequest.post_form(
            f"{self.base}/v1/oauth2/token",
            [("grant_type", "client_credentials")],
            headers={"Authorization": self._basic(), "Accept": "application/json"},
            replay_safe=True,
        )
        token = self._read_token(response, now)
        self._tokens.keep(token)
        return token

    def _basic(self) -> str:
        secret = self.config.client_secret.get_secret_value()
        return f"Basic {b64encode(f'{self.config.client_id}:{secret}'.encode()).decode()}"

    def _read_token(self, response: HttpResponse, now: datetime) -> Token:
        status = response.status
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimited(
                "too many tokens were asked for",
                provider=self.name,
                retry_after=retry_after(response),
                http_status=status,
            )
        if status != HTTPStatus.OK:
            raise self.refusal_of(_readable(response), response, moves_money=False)
        token = read_token(response, now)
        if isinstance(token, str):
            raise MalformedResponse(token, provider=self.name, http_status=status)
        return token


def issues(answer: JsonObject) -> list[str]:
    """The issues of an error, in PayPal's words."""
    details = answer.get("details")
    if not isinstance(details, list):
        return []
    found = [detail.get("issue") for detail in details if isinstance(detail, dict)]
    return [issue for issue in found if isinstance(issue, str)]


def conflicts(answer: JsonObject, response: HttpResponse) -> bool:
    """Whether somebody was faster, or it is too early: then the state tells."""
    refused = response.status == HTTPStatus.UNPROCESSABLE_ENTITY
    return refused and not CONFLICTS.isdisjoint(issues(answer))


def _authorized(request: HttpRequest, token: Token) -> HttpRequest:
    return attrs.evolve(request, headers=(*request.headers, ("Authorization", token.authorization)))


def _readable(response: HttpResponse) -> JsonObject:
    try:
        return response.json()
    except MalformedResponse:
        return {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
