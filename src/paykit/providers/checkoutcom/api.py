"""What all calls to Checkout.com share: the key, the headers, and how a refusal is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

import attrs

from ...errors import (
    Declined,
    IdempotencyConflict,
    MalformedResponse,
    PaykitError,
    ProviderError,
    RequestInProgress,
)
from ...flow import Flow
from ...http import HttpRequest, HttpResponse, JsonObject
from ...provider import Provider
from ...provider_tools import BY_STATUS, fit_key
from ...wire import Wire
from .codes import TOKEN_ERRORS
from .config import CheckoutComConfig
from .forms import LONGEST_KEY

T = TypeVar("T")
W = TypeVar("W", bound=Wire)

#: These come without a body, and say all there is to say.
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, *BY_STATUS})
_REFUSALS: Final = range(400, 500)
#: A proxy gave up waiting: nobody knows what was done.
_UNCLEAR: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT})
_CODES: Final = 20


class CheckoutComApi(Provider):
    """The base of Checkout.com's operations."""

    config: CheckoutComConfig

    @property
    def base(self) -> str:
        """Where the API is: the account's own host, if the configuration has its ``prefix``."""
        usual = super().base
        if self.config.prefix is None or self.config.base_url is not None:
            return usual
        return usual.replace("https://", f"https://{self.config.prefix}.", 1)

    def headers(self) -> dict[str, str]:
        """The secret key, and what we read."""
        return {"Authorization": self.config.authorization, "Accept": "application/json"}

    def look(self, path: str, shape: type[W]) -> Flow[tuple[W, JsonObject]]:
        """Ask for what is at ``path``: typed, and as it was."""
        request = self.get(path)

        def read(answer: JsonObject, response: HttpResponse) -> tuple[W, JsonObject]:
            self.expect(answer, response, HTTPStatus.OK)
            return shape.read(answer, provider=self.name), answer

        return self.settle(request, (yield request), read)

    def keyed(
        self, path: str, body: Mapping[str, Any], key: str, *call: str, moves_money: bool
    ) -> HttpRequest:
        """A call under the idempotency key ``key``; ``call`` makes it another than other calls.

        Nobody says that Checkout.com keeps a list of keys for each kind of call, and a shop may use
        its order number for all of them. The transport never repeats it: Checkout.com knows a key
        again only where it answered 2xx.
        """
        headers = {
            "Content-Type": "application/json",
            "Cko-Idempotency-Key": fit_key(key, *call, limit=LONGEST_KEY),
        }
        return self.post(path, body, headers=headers, moves_money=moves_money)

    def settle(
        self,
        request: HttpRequest,
        response: HttpResponse,
        read: Callable[[JsonObject, HttpResponse], T],
    ) -> T:
        """As :meth:`understand`, for answers of Checkout.com's, some of which have no body."""
        status = response.status
        if status in _BODILESS and not response.body.strip():
            response = attrs.evolve(response, body=b"{}")
        if status == HTTPStatus.TOO_MANY_REQUESTS and _is_in_flight(response):
            raise self._no(RequestInProgress, {}, "in_flight", response)
        return self.understand(request, response, read)

    def expect(self, answer: JsonObject, response: HttpResponse, *done: int) -> None:
        """Raise what a refusal means; pass an answer with one of the statuses ``done``."""
        if response.status not in done:
            raise self.refused(answer, response)

    def refused(self, answer: JsonObject, response: HttpResponse) -> PaykitError:
        """The error that an answer other than "done" stands for."""
        status = response.status
        if status not in _REFUSALS or status in _UNCLEAR:
            return MalformedResponse(f"HTTP {status}", provider=self.name, http_status=status)
        codes = error_codes(answer)
        code = next(iter(codes), None) or _word(answer.get("error_type")) or f"HTTP {status}"
        if status == HTTPStatus.CONFLICT:
            other = any("different" in one or "mismatch" in one for one in codes)
            kind = IdempotencyConflict if other else RequestInProgress
            return self._no(kind, answer, code, response)
        for one in codes:
            if one in TOKEN_ERRORS:
                return self._no(Declined, answer, one, response, reason=TOKEN_ERRORS[one])
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
        codes = ", ".join(error_codes(answer)) or _word(answer.get("error_type"))
        told = response.header("cko-request-id") or _word(answer.get("request_id"))
        message = codes or code
        if told and told.isascii() and told.isprintable():
            message = f"{message:.140} (request {told:.40})"  # what their support asks for
        return self.answered_no(
            kind, message, code=code, response=response, raw=answer, reason=reason
        )

    def conflict(self, message: str, *, raw: JsonObject | None = None) -> IdempotencyConflict:
        """The error of something that was done before, with other parameters."""
        return IdempotencyConflict(message, provider=self.name, raw=raw)

    def not_ours(self, what: str) -> MalformedResponse:
        """The error of an answer that is about something else."""
        return MalformedResponse(f"the answer is about another {what}", provider=self.name)


def error_codes(answer: JsonObject) -> list[str]:
    """The codes of an error, in Checkout.com's words."""
    found = answer.get("error_codes")
    if not isinstance(found, list):
        return []
    return [code[:80] for code in found[:_CODES] if isinstance(code, str) and code]


def _is_in_flight(response: HttpResponse) -> bool:
    """Whether 429 says that the first call with this key is still running."""
    try:
        answer = response.json()
    except MalformedResponse:
        return False
    told = (*error_codes(answer), _word(answer.get("error_type")) or "")
    return any("duplicate" in one or "idempoten" in one for one in told)


def _word(value: Any) -> str | None:
    return value[:80] if isinstance(value, str) and value else None
