"""Everything that can go wrong, as one tree.

::

    PaykitError
    ├── ConfigurationError      a key or setting is missing or wrong
    ├── UnsupportedOperation    this provider has no such operation
    ├── InvalidRequest          refused by paykit before anything was sent
    ├── ProviderError           the provider answered, and the answer is no
    │   ├── AuthenticationFailed    it did not accept our credentials or signature
    │   ├── Declined                the payment or refund was refused for good
    │   ├── DuplicateReference      it already knows this reference
    │   ├── IdempotencyConflict     the key was used before, for something else
    │   │   └── RequestInProgress       the first call with the key is still running
    │   ├── NotFound                it does not know this payment (it may be too early)
    │   ├── RateLimited             too many calls
    │   └── ProviderUnavailable     maintenance, or a fault on its side
    ├── MalformedResponse       it answered something that cannot be read or is not ours
    ├── TransportError          no answer at all
    │   ├── NotSent                 certainly not received: safe to repeat
    │   ├── NoAnswer                sent, but it only asked a question: safe to repeat
    │   └── OutcomeUnknown          may have moved money: ask for the state, never repeat blindly
    ├── WebhookError            an incoming call was refused
    │   ├── SignatureError          not proven to come from the provider
    │   ├── StaleDelivery           authentic, but its time is outside the tolerance
    │   └── MalformedDelivery       cannot be read, whoever sent it
    ├── StoreUnavailable        our own database did not take it
    └── PublishError            an event was not published: the outbox keeps it
        ├── BrokerUnavailable       the broker takes nothing now, whatever it is
        ├── NotPublished            it did not confirm this event; it may at another try
        └── MessageRefused          it will never take this event as it is

Each class answers three questions: was it sent (``sent``), may the same call be repeated
(``repeatable``), and whose fault it is (``fault``). No message ever contains a secret.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Fault = Literal["caller", "provider", "network", "sender", "store", "broker"]


class PaykitError(Exception):
    """Base of every error that paykit raises on purpose."""

    #: ``True`` it was, ``False`` it certainly was not, ``None`` it may have been.
    sent: ClassVar[bool | None] = None
    #: Repeating the same call cannot do harm and may help.
    repeatable: ClassVar[bool] = False
    fault: ClassVar[Fault] = "caller"


class ConfigurationError(PaykitError):
    """A setting is missing, empty or contradictory. Raised when an object is built."""

    sent = False


class UnsupportedOperation(PaykitError):
    """The provider has no such operation, so nothing was sent."""

    sent = False

    def __init__(self, provider: str, operation: str, why: str = "") -> None:
        self.provider = provider
        self.operation = operation
        super().__init__(f"{provider} does not support {operation}" + (f": {why}" if why else ""))


class InvalidRequest(PaykitError):
    """The request breaks a documented rule, so it was refused before it was sent.

    At most the provider was asked a question first (which of several captures is meant).
    """

    sent = False

    def __init__(self, message: str, *, field: str | None = None) -> None:
        self.field = field
        super().__init__(f"{field}: {message}" if field else message)


class ProviderError(PaykitError):
    """The provider answered, and the answer is no.

    ``code`` and ``message`` are the provider's own words; ``http_status`` is the HTTP status of
    the answer, ``raw`` its decoded body with secrets removed.
    """

    sent = True
    fault: ClassVar[Fault] = "provider"

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        code: str | None = None,
        http_status: int | None = None,
        raw: object = None,
    ) -> None:
        self.provider = provider
        self.code = code
        self.message = message
        self.http_status = http_status
        self.raw = raw
        super().__init__(f"{provider}: {message}" + (f" (code {code})" if code else ""))


class AuthenticationFailed(ProviderError):
    """The provider did not accept our credentials or our signature: a key or setting is wrong."""

    fault = "caller"


class Declined(ProviderError):
    """The provider refused for good. ``reason`` is a word that is the same for all providers.

    ``paykit.advice`` says for a reason what the payer may try next.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        provider: str,
        code: str | None = None,
        http_status: int | None = None,
        raw: object = None,
    ) -> None:
        self.reason = reason
        super().__init__(message, provider=provider, code=code, http_status=http_status, raw=raw)


class DuplicateReference(ProviderError):
    """The provider already has a payment or refund with this reference: fetch that one."""

    fault = "caller"


class IdempotencyConflict(ProviderError):
    """The idempotency key was used before with other parameters, so nothing was done now.

    Never send this again with that key: it belongs to another call. Fetch what that one made.
    """

    fault = "caller"


class RequestInProgress(IdempotencyConflict):
    """The first call with this idempotency key is still running: ask again with the same key."""

    repeatable = True


class NotFound(ProviderError):
    """The provider does not know this payment. Soon after creation it may merely be too early."""


class RateLimited(ProviderError):
    """Too many calls. ``retry_after`` is in seconds, or ``None`` where the provider gave none."""

    repeatable = True

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        retry_after: float | None = None,
        code: str | None = None,
        http_status: int | None = None,
        raw: object = None,
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, provider=provider, code=code, http_status=http_status, raw=raw)


class ProviderUnavailable(ProviderError):
    """Maintenance or a fault at the provider; it said so, and it did nothing."""

    repeatable = True


class MalformedResponse(PaykitError):
    """The answer cannot be read, or is about something that we did not ask about."""

    sent = True
    fault = "provider"

    def __init__(
        self, message: str, *, provider: str | None = None, http_status: int | None = None
    ) -> None:
        self.provider = provider
        self.http_status = http_status
        super().__init__(f"{provider}: {message}" if provider else message)


class TransportError(PaykitError):
    """No answer arrived."""

    fault = "network"


class NotSent(TransportError):
    """The request certainly did not reach the provider."""

    sent = False
    repeatable = True


class NoAnswer(TransportError):
    """A request that changes nothing was sent and not answered: ask again."""

    repeatable = True


class OutcomeUnknown(TransportError):
    """The call may have moved money. Fetch the payment or refund; do not send it again."""


class WebhookError(PaykitError):
    """An incoming call was refused; nothing in it may be believed."""

    fault = "sender"

    def __init__(self, message: str, *, provider: str | None = None) -> None:
        self.provider = provider
        super().__init__(message)

    def __str__(self) -> str:
        text = super().__str__()
        return f"{self.provider}: {text}" if self.provider else text


class SignatureError(WebhookError):
    """The call is not proven to come from the provider.

    The message tells what was expected in shape (which field, which algorithm, how the signed
    text is built), and never the expected signature or the secret.
    """


class StaleDelivery(WebhookError):
    """The signature is right, but the signed time is outside the tolerance, in either direction."""


class MalformedDelivery(WebhookError):
    """The call cannot be read, or is meant for another account."""


class StoreUnavailable(PaykitError):
    """The service's database did not confirm the transaction: locked, full, or down."""

    sent = False
    repeatable = True
    fault = "store"


class PublishError(PaykitError):
    """A broker did not confirm an event, so it does not count as published.

    It may have arrived all the same. Consumers know a repeat by the event's id.
    """

    repeatable = True
    fault: ClassVar[Fault] = "broker"


class BrokerUnavailable(PublishError):
    """The broker takes nothing now: it is not reached, or what we publish to is missing on it.

    It says nothing about any single event, so waiting is all that helps.
    """


class NotPublished(PublishError):
    """The broker answered, and not that it has this event. It may at another try."""


class MessageRefused(PublishError):
    """The broker will never take this event as it is; it is too large, for instance."""

    sent = False
    repeatable = False
    fault = "caller"
