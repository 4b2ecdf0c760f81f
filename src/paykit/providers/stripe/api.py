"""What all calls to Stripe share: the headers, forms with brackets, and how a refusal is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from ...errors import (
    Declined,
    IdempotencyConflict,
    MalformedResponse,
    OutcomeUnknown,
    PaykitError,
    ProviderError,
    ProviderUnavailable,
    RequestInProgress,
)
from ...flow import Flow
from ...http import HttpRequest, HttpResponse, JsonObject, form_pairs
from ...models import NextAction, Redirect
from ...provider import Provider
from ...provider_tools import BY_STATUS
from ...wire import Wire
from .codes import REFUSALS, REFUSED_FOR_GOOD
from .config import StripeConfig
from .forms import to_key
from .states import client_step, decline_reason
from .wire import VERSION, Failure, Intent, Refusal, without_secrets

T = TypeVar("T")
W = TypeVar("W", bound=Wire)

_REQUEST_ID = re.compile(r"req_[A-Za-z0-9]{1,60}", re.ASCII)
_SUCCESSES: Final = range(200, 300)
_BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    **BY_STATUS,
    # Another call is at work on the same thing, most often the first one with this key.
    HTTPStatus.CONFLICT: RequestInProgress,
}
#: With each payment: its charge, which knows until when a hold lasts and what was given back, and
#: the card.
EXPANDED: Final = ("latest_charge.refunds", "payment_method")


class StripeApi(Provider):
    """The base of Stripe's operations."""

    config: StripeConfig

    def headers(self) -> dict[str, str]:
        """Who is asking, and in which version the answer shall be written."""
        secret = self.config.secret_key.get_secret_value()
        return {"Authorization": f"Bearer {secret}", "Stripe-Version": VERSION}

    def get_typed(
        self, path: str, shape: type[W], query: Mapping[str, Any] | None = None
    ) -> Flow[tuple[W, JsonObject]]:
        """Ask for what is at ``path``: typed, and as it was."""

        def read(answer: JsonObject, response: HttpResponse) -> tuple[W, JsonObject]:
            self.check_answer(answer, response, moves_money=False)
            return shape.read(answer, provider=self.name), answer

        asked = f"{path}?{urlencode(form_pairs(query))}" if query else path
        return self.ask(self.get(asked), read)

    def post_keyed(
        self,
        path: str,
        fields: Mapping[str, Any],
        read: Callable[[JsonObject, HttpResponse], T],
        *,
        key: str,
        moves_money: bool,
    ) -> Flow[T]:
        """Send ``fields`` under the idempotency key ``key``.

        What moves no money may be repeated by the transport: Stripe knows it again by its key.
        """
        request = HttpRequest.post_form(
            self.base + path,
            form_pairs(fields),
            headers={**self.headers(), "Idempotency-Key": key},
            replay_safe=not moves_money,
            moves_money=moves_money,
        )
        return self.ask(request, read)

    def post_typed(
        self, path: str, fields: Mapping[str, Any], shape: type[W], *, purpose: str, key: str
    ) -> Flow[W]:
        """Make something that is no money: a customer, a means of payment."""

        def read(answer: JsonObject, response: HttpResponse) -> W:
            self.check_answer(answer, response, moves_money=False)
            return shape.read(answer, provider=self.name)

        return self.post_keyed(path, fields, read, key=to_key(purpose, key), moves_money=False)

    def check_answer(
        self, answer: JsonObject, response: HttpResponse, *, moves_money: bool
    ) -> None:
        """Raise what a refusal means; pass an answer that says "done"."""
        if response.status not in _SUCCESSES:
            raise self.refusal_of(answer, response, moves_money=moves_money)

    def refusal_of(
        self, answer: JsonObject, response: HttpResponse, *, moves_money: bool
    ) -> PaykitError:
        """The error that an answer other than "done" stands for."""
        status = response.status
        if status < HTTPStatus.BAD_REQUEST:
            return MalformedResponse(f"HTTP {status}", provider=self.name, http_status=status)
        failure = Refusal.read(answer, provider=self.name).error
        code = failure.word
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            if moves_money:
                return OutcomeUnknown(
                    f"stripe answered HTTP {status} ({code:.100}) to a call that moves money: "
                    "fetch the state, and never send it again under another key"
                )
            return self._no(ProviderUnavailable, failure, code, answer, response)
        if failure.type == "idempotency_error" and status != HTTPStatus.CONFLICT:
            return self._no(IdempotencyConflict, failure, code, answer, response)
        if failure.type == "card_error" or status == HTTPStatus.PAYMENT_REQUIRED:
            return self.declined(failure, answer, response)
        reason = REFUSED_FOR_GOOD.get(failure.code or "")
        if reason is not None:
            return self._no(Declined, failure, code, answer, response, reason=reason)
        kind = REFUSALS.get(failure.code or "", _BY_STATUS.get(status, ProviderError))
        return self._no(kind, failure, code, answer, response)

    def is_refused_for(
        self, codes: Collection[str], answer: JsonObject, response: HttpResponse
    ) -> bool:
        """Whether Stripe refuses for one of these reasons, so that the state has to tell."""
        if response.status != HTTPStatus.BAD_REQUEST:
            return False
        return Refusal.read(answer, provider=self.name).error.code in codes

    def declined(
        self, failure: Failure, answer: JsonObject, response: HttpResponse
    ) -> ProviderError:
        """A card was refused."""
        return self._no(
            Declined, failure, failure.word, answer, response, reason=decline_reason(failure)
        )

    def next_step(self, intent: Intent) -> NextAction:
        """What the payer of ``intent`` has to do."""
        step = intent.next_action
        if intent.status == "requires_action":
            if step is not None and step.type == "redirect_to_url" and step.redirect_to_url:
                return Redirect(self.page(step.redirect_to_url.url or ""))
            if intent.client_secret is None:
                raise MalformedResponse("no client_secret for the payer", provider=self.name)
        return client_step(intent)

    def _no(
        self,
        kind: type[ProviderError],
        failure: Failure,
        code: str,
        answer: JsonObject,
        response: HttpResponse,
        *,
        reason: str = "refused",
    ) -> ProviderError:
        message = (failure.message or "refused")[:120]
        request_id = response.header("request-id") or ""
        if _REQUEST_ID.fullmatch(request_id):
            message += f" ({request_id})"  # what Stripe's support asks for
        advice = response.header("stripe-should-retry")
        if advice in {"true", "false"}:
            message += f"; Stripe {'would' if advice == 'true' else 'would not'} repeat it"
        raw = without_secrets(answer)
        return self.answered_no(kind, message, code=code, response=response, raw=raw, reason=reason)
