"""What all calls to Adyen share: the key, idempotency, and how a refusal is read.

Sources: https://docs.adyen.com/development-resources/api-authentication/ and
https://docs.adyen.com/development-resources/api-idempotency/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

from ...errors import (
    IdempotencyConflict,
    MalformedResponse,
    OutcomeUnknown,
    PaykitError,
    ProviderError,
    ProviderUnavailable,
    RequestInProgress,
)
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...provider import Provider
from ...provider_tools import BY_STATUS, fit_key
from .codes import ERRORS, IN_PROGRESS
from .config import AdyenConfig

T = TypeVar("T")

#: The longest ``Idempotency-Key`` that Adyen takes.
LONGEST_KEY: Final = 64
_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})
#: Nobody knows what was done: a fault of Adyen's, or of something on the way to it.
_UNCLEAR: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})
_PSP = re.compile(r"[A-Za-z0-9]{1,40}", re.ASCII)


class AdyenApi(Provider):
    """The base of Adyen's operations."""

    config: AdyenConfig

    def headers(self) -> dict[str, str]:
        """Who is asking."""
        return {"X-API-Key": self.config.api_key.get_secret_value(), "Accept": "application/json"}

    def key_for(self, key: str, *call: str) -> str:
        """The ``Idempotency-Key`` of one call of an operation with this ``key``.

        Adyen keeps keys for the whole company account, so that the same order number in another
        merchant account of it must not be the same key.
        """
        return fit_key(key, *call, self.config.merchant_account, limit=LONGEST_KEY)

    def post_keyed(
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[JsonObject, HttpResponse], T],
        *,
        key: str,
        moves_money: bool = True,
    ) -> Flow[T]:
        """Send ``body`` under the idempotency key ``key``.

        What moves no money may be repeated by the transport: Adyen knows it again by its key.
        """
        request = self.post(
            path,
            body,
            headers={"Idempotency-Key": key},
            replay_safe=not moves_money,
            moves_money=moves_money,
        )

        def checked(answer: JsonObject, response: HttpResponse) -> T:
            self.check_answer(answer, response, moves_money=moves_money)
            return read(answer, response)

        return self.ask(request, checked)

    def check_answer(
        self, answer: JsonObject, response: HttpResponse, *, moves_money: bool
    ) -> None:
        """Raise what a refusal means; pass an answer that says "done"."""
        if response.status not in _DONE:
            raise self._refusal(answer, response, moves_money=moves_money)

    def _refusal(
        self, answer: JsonObject, response: HttpResponse, *, moves_money: bool
    ) -> PaykitError:
        status = response.status
        if status < HTTPStatus.BAD_REQUEST:
            return MalformedResponse(f"HTTP {status}", provider=self.name, http_status=status)
        told, said = answer.get("errorCode"), answer.get("message")
        code = told[:40] if isinstance(told, str) and told else f"HTTP {status}"
        message = said if isinstance(said, str) and said else "refused"
        psp = answer.get("pspReference")
        if isinstance(psp, str) and _PSP.fullmatch(psp):
            # What Adyen's support asks for.
            message = f"{message[:140]} (pspReference {psp})"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _UNCLEAR:
            if moves_money:
                return OutcomeUnknown(
                    f"adyen answered HTTP {status} ({code}) to a call that moves money: wait for "
                    "the webhook, or repeat it with the same idempotency key only"
                )
            return self.answered_no(
                ProviderUnavailable, message, code=code, response=response, raw=answer
            )
        kind = ERRORS.get(code) or BY_STATUS.get(status, ProviderError)
        if code == IN_PROGRESS:
            kind = RequestInProgress
        elif "idempoten" in message.lower():
            kind = IdempotencyConflict
        return self.answered_no(kind, message, code=code, response=response, raw=answer)
