"""What a provider is: a pure translator between our nouns and HTTP.

A provider has no clock, randomness, network, logging or environment of its own; the clock and the
id factory are given. What it can do is what it defines: :attr:`Provider.capabilities` is computed
from the overridden methods, and there is no second list.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypeVar

import attrs

from .errors import (
    ConfigurationError,
    Declined,
    InvalidRequest,
    MalformedResponse,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnsupportedOperation,
)
from .http import Reply
from .models import CaptureMode, PaymentStatus
from .retries import retry_after
from .wire import Environment, ProviderConfig

if TYPE_CHECKING:
    from .events import Event
    from .flow import Flow
    from .http import Delivery, HttpRequest, HttpResponse, JsonObject
    from .models import (
        Payment,
        PaymentRef,
        PaymentRequest,
        PaymentSession,
        PaymentToken,
        Refund,
        RefundRef,
        RefundRequest,
        TokenRequest,
    )
    from .money import Money
    from .signing import Verified

T = TypeVar("T")
Clock: TypeAlias = Callable[[], datetime]
IdFactory: TypeAlias = Callable[[], str]

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """An unguessable id: 128 random bits in hex."""
    return secrets.token_hex(16)


class Capability(StrEnum):
    """One operation; the value is the name of the method that provides it."""

    CREATE_PAYMENT = "create_payment"
    FETCH_PAYMENT = "fetch_payment"
    CAPTURE = "capture"
    VOID = "void"
    COMPLETE = "complete"
    REAUTHORIZE = "reauthorize"
    REFUND = "refund"
    FETCH_REFUND = "fetch_refund"
    CREATE_TOKEN = "create_token"  # noqa: S105 - the name of a method
    DELETE_TOKEN = "delete_token"  # noqa: S105
    VERIFY = "verify"
    VERIFY_RETURN = "verify_return"


class Outcome(StrEnum):
    """What became of one delivery. Each provider has its own reply to each."""

    ACCEPTED = "accepted"  #: verified and stored
    DUPLICATE = "duplicate"  #: handled before
    UNKNOWN_REFERENCE = "unknown_reference"  #: stored, but we have no such payment
    MISMATCH = "mismatch"  #: stored, but the amount or currency is not what we asked
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    MALFORMED = "malformed"
    TRY_AGAIN = "try_again"  #: our fault; nothing was stored


#: How most providers want to hear of what was not taken in.
_REFUSALS = {
    Outcome.BAD_SIGNATURE: 401,
    Outcome.STALE: 401,
    Outcome.MALFORMED: 400,
    Outcome.TRY_AGAIN: 503,
}


@attrs.frozen(slots=True, kw_only=True)
class ProviderInfo:
    """What there is to know about a provider before calling it."""

    title: str
    homepage: str
    docs: tuple[str, ...]
    currencies: frozenset[str]
    countries: frozenset[str]  #: where merchants are; empty for nearly everywhere
    webhook_method: str = "POST"
    #: Seconds to wait for an answer, as the provider advises.
    read_timeout: float = 30.0
    #: Where its API is, unless the configuration has a ``base_url``.
    hosts: Mapping[Environment, str] = attrs.field(factory=dict)
    #: What it never tells by a webhook: a payment that stays open has to be asked about.
    silent_on: frozenset[PaymentStatus] = frozenset()


class Provider:
    """Base of every provider. The base version of each operation refuses before sending."""

    name: ClassVar[str]
    info: ClassVar[ProviderInfo]
    Config: ClassVar[type[ProviderConfig]]
    capabilities: ClassVar[frozenset[Capability]] = frozenset()

    #: What a webhook that was taken in is answered with, whatever it meant.
    acknowledgement: ClassVar[Reply] = Reply(200)

    def __init_subclass__(cls) -> None:
        cls.capabilities = frozenset(
            item
            for item in Capability
            if getattr(cls, item.value) is not getattr(Provider, item.value)
        )

    def __init__(
        self, config: ProviderConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        if not isinstance(config, self.Config):
            raise ConfigurationError(
                f"{self.name} is configured with {self.Config.__name__}, "
                f"not {type(config).__name__}"
            )
        self.config = config
        self.clock = clock
        self.new_id = new_id

    @classmethod
    def from_dict(
        cls,
        settings: Mapping[str, Any],
        *,
        clock: Clock = utc_now,
        new_id: IdFactory = random_id,
    ) -> Self:
        """A provider configured by a mapping; see :meth:`ProviderConfig.from_dict`."""
        return cls(cls.Config.from_dict(settings), clock=clock, new_id=new_id)

    @classmethod
    def from_env(
        cls,
        account: str = "default",
        *,
        environ: Mapping[str, str] | None = None,
        clock: Clock = utc_now,
        new_id: IdFactory = random_id,
    ) -> Self:
        """A provider configured by the environment; see :meth:`ProviderConfig.from_env`."""
        return cls(cls.Config.from_env(account, environ=environ), clock=clock, new_id=new_id)

    @property
    def account(self) -> str:
        """Which of the merchant's accounts at this provider this is."""
        return self.config.account

    @property
    def key(self) -> str:
        """The name of this account in URLs and settings: ``momo``, or ``momo-eu``."""
        return self.name if self.account == "default" else f"{self.name}-{self.account}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(account={self.account!r})"

    # Operations. Each returns a flow: run it with a Client, an AsyncClient or paykit.flow.run.

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Ask for a payment; returns what the payer must do."""
        raise self._unsupported(Capability.CREATE_PAYMENT)

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state of a payment."""
        raise self._unsupported(Capability.FETCH_PAYMENT)

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Flow[Payment]:
        """Take held funds: ``amount``, or all of them; ``final`` releases what is left."""
        raise self._unsupported(Capability.CAPTURE)

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Release held funds."""
        raise self._unsupported(Capability.VOID)

    def complete(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Take or hold the money of a payment that the payer approved; else say how it stands.

        Only for providers where the payer's approval moves nothing by itself (PayPal). Asks for
        the state first, so doing it twice is harmless.
        """
        raise self._unsupported(Capability.COMPLETE)

    def reauthorize(
        self, ref: PaymentRef, amount: Money | None = None, *, idempotency_key: str
    ) -> Flow[Payment]:
        """Renew a hold that is about to lapse."""
        raise self._unsupported(Capability.REAUTHORIZE)

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give money back."""
        raise self._unsupported(Capability.REFUND)

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask for the state of a refund."""
        raise self._unsupported(Capability.FETCH_REFUND)

    def create_token(self, request: TokenRequest) -> Flow[PaymentToken]:
        """Exchange a granted link for a token that can be charged."""
        raise self._unsupported(Capability.CREATE_TOKEN)

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Make a stored token useless."""
        raise self._unsupported(Capability.DELETE_TOKEN)

    # Webhooks and browser returns.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove that a webhook is the provider's; raises :class:`~paykit.errors.WebhookError`."""
        raise self._unsupported(Capability.VERIFY)

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a browser return. It informs and never settles: the payer can replay it."""
        raise self._unsupported(Capability.VERIFY_RETURN)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """What a proven delivery means; raises :class:`~paykit.errors.MalformedDelivery`."""
        raise self._unsupported(Capability.VERIFY)

    def reply(self, outcome: Outcome) -> Reply:
        """The acknowledgement that this provider wants for ``outcome``.

        Unless a provider says otherwise: :attr:`acknowledgement` for what is stored, 401 for what
        is not proven, 400 for what cannot be read, 503 to be told again.
        """
        if Capability.VERIFY not in self.capabilities:
            raise self._unsupported(Capability.VERIFY)
        status = _REFUSALS.get(outcome)
        return self.acknowledgement if status is None else Reply(status)

    # For providers.

    @property
    def base(self) -> str:
        """Where the provider's API is: the configured ``base_url``, or that of the environment."""
        configured: str | None = getattr(self.config, "base_url", None)
        return configured or self.info.hosts[self.config.environment]

    def check_request(self, request: PaymentRequest) -> None:
        """Refuse what no request to this provider may hold; raises :class:`InvalidRequest`.

        The currency, an amount of nothing, and whatever the provider has no operation for.
        """
        if request.amount.currency not in self.info.currencies:
            raise InvalidRequest(
                f"{self.info.title} does not take {request.amount.currency}", field="currency"
            )
        if not request.amount:
            raise InvalidRequest("must be more than nothing", field="amount")
        can = self.capabilities
        if request.capture is CaptureMode.MANUAL and Capability.CAPTURE not in can:
            raise InvalidRequest(f"{self.info.title} has no separate capture", field="capture")
        if (request.token or request.save_token) and Capability.CREATE_TOKEN not in can:
            raise InvalidRequest(f"{self.info.title} stores no tokens", field="token")
        if request.token and request.token.provider != self.name:
            raise InvalidRequest("is another provider's", field="token")

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
            return read(response.json(), response)
        except MalformedResponse as error:
            if request.moves_money:
                raise OutcomeUnknown(
                    f"{self.name} gave an unusable answer to a call that moves money ({error}): "
                    "fetch the state, do not send it again"
                ) from error
            if response.status >= _SERVER_ERROR:
                raise ProviderUnavailable(
                    f"HTTP {response.status}", provider=self.name, http_status=response.status
                ) from error
            raise

    def _unsupported(self, capability: Capability) -> UnsupportedOperation:
        return UnsupportedOperation(self.name, capability.value)
