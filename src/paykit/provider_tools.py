"""What a provider is built with: requests, checks, and what an answer means.

A provider has no clock, randomness or network; all of this is made of what it was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, TypeVar

from .errors import (
    AuthenticationFailed,
    Declined,
    InvalidRequest,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    PaykitError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from .events import PaymentProcessed
from .http import HttpRequest
from .info import Capability, ProviderInfo
from .models import CaptureMode, PaymentSession, PaymentStatus
from .retries import retry_after
from .signing import fingerprint
from .wire import ProviderConfig

if TYPE_CHECKING:
    from .flow import Flow
    from .http import HttpResponse, JsonObject
    from .models import NextAction, Payment, PaymentRequest

T = TypeVar("T")
Clock: TypeAlias = Callable[[], datetime]
IdFactory: TypeAlias = Callable[[], str]

#: What no address has in it unescaped: blanks, controls, double quotes, angles, a backslash.
_NO_URL = re.compile(r'[\x00-\x20\x7f-\x9f"<>\\]')
#: What a refusal means whose HTTP status says it all; any other is a plain ProviderError.
BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: NotFound,
}
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def fit_key(key: str, *more: str, limit: int) -> str:
    """An idempotency key for a header of ``limit`` characters; the same parts give the same one.

    ``more`` is what makes this call another than the others of the same ``key``. What is too long,
    or not printable ASCII, becomes its SHA-256. Raises :class:`InvalidRequest` for a blank key.
    """
    if not key.strip():
        raise InvalidRequest("must not be empty", field="idempotency_key")
    whole = "|".join([key, *more])
    if len(whole) <= limit and re.fullmatch(r"[!-~]+", whole, re.ASCII):
        return whole
    return sha256(whole.encode(errors="surrogatepass")).hexdigest()


def nth_reference(reference: str, number: int, *, form: str) -> str:
    """What the ``number``-th refund of the payment ``reference`` is called, counted from 1.

    The same two give the same name, and no other two do: ``ORDER-7-R1``. Where that has not the
    ``form`` (a regular expression) that a provider wants, it is R and 24 digits of its SHA-256.
    Raises :class:`InvalidRequest`.
    """
    if number < 1:
        raise InvalidRequest("counts from 1", field="number")
    name = f"{reference}-R{number}"
    if re.fullmatch(form, name, re.ASCII):
        return name
    # No name of the other kind ends without a dash and a number, so the two never meet.
    short = f"R{sha256(name.encode()).hexdigest()[:24]}"
    if not re.fullmatch(form, short, re.ASCII):
        raise InvalidRequest(f"{short} has not the form {form}", field="reference")
    return short


class ProviderTools:
    """The half of :class:`~paykit.provider.Provider` that a provider calls, and no shop does."""

    name: ClassVar[str]
    info: ClassVar[ProviderInfo]
    capabilities: ClassVar[frozenset[Capability]] = frozenset()

    def __init__(self, config: ProviderConfig, *, clock: Clock, new_id: IdFactory) -> None:
        self.config = config
        self.clock = clock
        self.new_id = new_id

    @property
    def account(self) -> str:
        """Which of the merchant's accounts at this provider this is."""
        return self.config.account

    @property
    def base(self) -> str:
        """Where the provider's API is: the configured ``base_url``, or that of the environment."""
        configured: str | None = getattr(self.config, "base_url", None)
        return configured or self.info.hosts[self.config.environment]

    def headers(self) -> dict[str, str]:
        """What goes with each request: who is asking, where a provider wants to see it there."""
        return {}

    def get(self, path: str) -> HttpRequest:
        """A question to the provider's API."""
        return HttpRequest.get(self.base + path, headers=self.headers())

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        replay_safe: bool = False,
        moves_money: bool = False,
    ) -> HttpRequest:
        """A call of the provider's API with a JSON body; ``headers`` come on top of the usual."""
        return HttpRequest.post_json(
            self.base + path,
            body,
            headers={**self.headers(), **(headers or {})},
            replay_safe=replay_safe,
            moves_money=moves_money,
        )

    def check_reference(self, reference: str) -> str:
        """``reference``, if it has the provider's form; else raises :class:`InvalidRequest`."""
        if not re.fullmatch(self.info.reference, reference, re.ASCII):
            raise InvalidRequest(
                f"{self.info.title} takes {self.info.reference}", field="reference"
            )
        return reference

    def check_request(self, request: PaymentRequest, *, free: bool = False) -> None:
        """Refuse what no request to this provider may hold; raises :class:`InvalidRequest`.

        The reference, the currency, an amount of nothing (unless it is ``free``, a link without a
        payment), and whatever the provider has no operation for.
        """
        self.check_reference(request.reference)
        if request.amount.currency not in self.info.currencies:
            raise InvalidRequest(
                f"{self.info.title} does not take {request.amount.currency}", field="currency"
            )
        if not request.amount and not free:
            raise InvalidRequest("must be more than nothing", field="amount")
        if any(item.price.currency != request.amount.currency for item in request.items):
            raise InvalidRequest("are priced in another currency than the whole", field="items")
        can = self.capabilities
        if request.capture is CaptureMode.MANUAL and Capability.CAPTURE not in can:
            raise InvalidRequest(f"{self.info.title} has no separate capture", field="capture")
        if (request.token or request.save_token) and Capability.CREATE_TOKEN not in can:
            raise InvalidRequest(f"{self.info.title} stores no tokens", field="token")
        if request.metadata and not self.info.keeps_metadata:
            raise InvalidRequest(f"{self.info.title} keeps none", field="metadata")
        if request.token and request.token.provider != self.name:
            raise InvalidRequest("is another provider's", field="token")

    def add_extra(
        self,
        body: dict[str, Any],
        request: PaymentRequest,
        *,
        known: Collection[str] = (),
        reserved: Collection[str] = (),
    ) -> None:
        """Add ``request.extra`` to ``body``: it can add, and never override what is there.

        ``known`` names are the provider's business and left out, ``reserved`` ones are refused.
        Raises :class:`InvalidRequest`.
        """
        for name, value in request.extra.items():
            if name in known:
                continue
            if name in body or name in reserved:
                raise InvalidRequest(f"{name!r:.60} cannot be set here", field="extra")
            body[name] = value

    def session(
        self,
        request: PaymentRequest,
        step: NextAction,
        *,
        status: PaymentStatus = PaymentStatus.REQUIRES_ACTION,
        provider_id: str | None = None,
        expires_at: datetime | None = None,
        raw: JsonObject | None = None,
    ) -> PaymentSession:
        """What the payer of ``request`` has to do, from now on until it expires."""
        return PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=status,
            next=step,
            amount=request.amount,
            created_at=self.clock(),
            provider_id=provider_id,
            expires_at=expires_at or request.expires_at,
            raw=raw or {},
        )

    def check_echo(self, answer: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        """Refuse an answer that does not repeat what was asked; :class:`MalformedResponse`."""
        for name, value in asked.items():
            told = answer.get(name)
            if told != value or type(told) is not type(value):
                raise MalformedResponse(f"{name} is not what was asked", provider=self.name)

    def page(self, url: str) -> str:
        """``url``, if a browser may be sent there; raises :class:`MalformedResponse`.

        That is an https address, or one of the host of the configured ``base_url``.
        """
        origin = "/".join(self.base.split("/", 3)[:3])
        if not url.startswith(("https://", f"{origin}/")):
            raise MalformedResponse("the page is not an https URL", provider=self.name)
        # It becomes a header or an attribute somewhere: browsers skip line breaks, and take a
        # backslash for a slash.
        if _NO_URL.search(url) or url == "https://":
            raise MalformedResponse("the page is no plain URL", provider=self.name)
        return url

    def event_id(self, *parts: str) -> str:
        """The id of what the provider names by these ``parts``: repeats share it, nobody else."""
        return fingerprint("|".join((self.name, self.account, *parts)).encode())

    def as_event(self, payment: Payment, *, event_id: str) -> PaymentProcessed:
        """What the provider answered about a payment, as an event of ours."""
        if payment.amount is None:
            raise MalformedResponse("the answer names no amount", provider=self.name)
        return PaymentProcessed(
            event_id=event_id,
            provider=payment.provider,
            account=self.account,
            reference=payment.reference,
            provider_id=payment.provider_id,
            status=payment.status,
            amount=payment.amount,
            captured=payment.captured,
            refunded=payment.refunded,
            occurred_at=payment.occurred_at or self.clock(),
            code=payment.code,
            reason=payment.reason,
        )

    def answered_no(
        self,
        kind: type[ProviderError],
        message: object,
        *,
        code: str,
        response: HttpResponse,
        raw: object,
        reason: str = "refused",
    ) -> ProviderError:
        """The error of class ``kind`` for the provider's ``code``; ``reason`` for a decline."""
        text = str(message or "refused")[:200]
        if issubclass(kind, Declined):
            return kind(
                text,
                reason=reason,
                provider=self.name,
                code=code,
                http_status=response.status,
                raw=raw,
            )
        return kind(text, provider=self.name, code=code, http_status=response.status, raw=raw)

    def refusal(  # noqa: PLR0917 - what an answer consists of
        self,
        kinds: Mapping[str, type[ProviderError]],
        code: object,
        message: object,
        request: HttpRequest,
        response: HttpResponse,
        raw: JsonObject,
    ) -> PaykitError:
        """The error of an answer that says no by ``code``, of the class that ``kinds`` has for it.

        Whether something was done is not known after an unseen code of a call that moves money,
        and after a fault of the server.
        """
        kind = kinds.get(str(code))
        unclear = kind is None and (request.moves_money or code is None)
        if unclear or response.status >= _SERVER_ERROR:
            return MalformedResponse(
                f"HTTP {response.status} with code {code!r:.40}", provider=self.name
            )
        return self.answered_no(
            kind or ProviderError, message, code=str(code), response=response, raw=raw
        )

    def ask(self, request: HttpRequest, read: Callable[[JsonObject, HttpResponse], T]) -> Flow[T]:
        """Send ``request`` and let ``read`` make sense of the JSON answer, whatever its status.

        Raises as :meth:`understand` does.
        """
        return self.understand(request, (yield request), read)

    def understand(
        self,
        request: HttpRequest,
        response: HttpResponse,
        read: Callable[[JsonObject, HttpResponse], T],
    ) -> T:
        """What ``read`` makes of the answer to ``request``.

        An answer that cannot be read after a call that moves money is ``OutcomeUnknown``: the
        provider may have done what it was asked.
        """
        if response.status == _TOO_MANY_REQUESTS:
            raise RateLimited(
                "too many calls",
                provider=self.name,
                retry_after=retry_after(response),
                http_status=response.status,
            )
        try:
            try:
                return read(response.json(), response)
            except InvalidRequest as error:
                # Something in the answer is nothing that we could hold. Let nobody believe that
                # the request was refused before it was sent.
                raise MalformedResponse(str(error), provider=self.name) from error
        except MalformedResponse as error:
            if request.moves_money:
                raise OutcomeUnknown(
                    f"{self.name} gave an unusable answer to a call that moves money ({error}): "
                    "fetch the state, do not send it again"
                ) from error
            if BY_STATUS.get(response.status) is AuthenticationFailed:
                raise AuthenticationFailed(
                    "not let in", provider=self.name, http_status=response.status
                ) from error
            if response.status >= _SERVER_ERROR:
                raise ProviderUnavailable(
                    f"HTTP {response.status}", provider=self.name, http_status=response.status
                ) from error
            raise
