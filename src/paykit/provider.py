"""What a provider is: a pure translator between our nouns and HTTP.

A provider has no clock, randomness, network, logging or environment of its own; the clock and the
id factory are given. What it can do is what it defines: :attr:`Provider.capabilities` is computed
from the overridden methods, and there is no second list.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from .errors import ConfigurationError, UnsupportedOperation
from .http import Reply
from .info import Asking, Capability, Outcome, ProviderInfo, RefundNotices, hosts
from .provider_tools import Clock, IdFactory, ProviderTools, nth_reference
from .wire import ProviderConfig

if TYPE_CHECKING:
    from .events import Event
    from .flow import Flow
    from .http import Delivery
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

__all__ = [
    "Asking",
    "Capability",
    "Clock",
    "IdFactory",
    "Outcome",
    "Provider",
    "ProviderInfo",
    "RefundNotices",
    "hosts",
    "random_id",
    "time_ordered_id",
    "utc_now",
]

#: How most providers want to hear of what was not taken in.
_REFUSALS: Final = {
    Outcome.BAD_SIGNATURE: 401,
    Outcome.STALE: 401,
    Outcome.MALFORMED: 400,
    Outcome.TRY_AGAIN: 503,
}


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """An unguessable id: 128 random bits in hex."""
    return secrets.token_hex(16)


def time_ordered_id() -> str:
    """An unguessable id that sorts by the time of its making: 48 bits of it, then 80 random bits.

    Rows that are made one after the other then lie beside each other in a database's index, of
    which only the newest part has to be in memory. The layout is that of a UUID of version 7
    without its version and variant (https://www.rfc-editor.org/rfc/rfc9562#section-5.7).
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def key_of(provider: str, account: str) -> str:
    """The name of a provider's account in URLs and settings: ``momo``, or ``momo-eu``."""
    return provider if account == "default" else f"{provider}-{account}"


class Provider(ProviderTools):
    """Base of every provider. The base version of each operation refuses before sending."""

    Config: ClassVar[type[ProviderConfig]]

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
        super().__init__(config, clock=clock, new_id=new_id)

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
    def key(self) -> str:
        """The name of this account in URLs and settings: ``momo``, or ``momo-eu``."""
        return key_of(self.name, self.account)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(account={self.account!r})"

    # Operations. Each returns a flow: run it with a Client, an AsyncClient or paykit.flow.run.

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Ask for a payment; returns what the payer must do."""
        raise self.unsupported(Capability.CREATE_PAYMENT)

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state of a payment."""
        raise self.unsupported(Capability.FETCH_PAYMENT)

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Flow[Payment]:
        """Take held funds: ``amount``, or all of them; ``final`` releases what is left."""
        raise self.unsupported(Capability.CAPTURE)

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Release held funds."""
        raise self.unsupported(Capability.VOID)

    def complete(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Take or hold the money of a payment that the payer approved; else say how it stands.

        Only for providers where the payer's approval moves nothing by itself (PayPal). Asks for
        the state first, so doing it twice is harmless.
        """
        raise self.unsupported(Capability.COMPLETE)

    def reauthorize(
        self, ref: PaymentRef, amount: Money | None = None, *, idempotency_key: str
    ) -> Flow[Payment]:
        """Renew a hold that is about to lapse."""
        raise self.unsupported(Capability.REAUTHORIZE)

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give money back."""
        raise self.unsupported(Capability.REFUND)

    def refund_reference(self, payment: PaymentRef, number: int, *, at: datetime) -> str:
        """The reference for the ``number``-th refund of ``payment``, to be sent ``at`` a time.

        It has the form that the provider wants. The same three give the same one, and no other
        refund gets it. Store it before you send the refund.
        """
        if Capability.REFUND not in self.capabilities:
            raise self.unsupported(Capability.REFUND)
        form = self.info.refund_reference or self.info.reference
        return nth_reference(payment.reference, number, form=form)

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask for the state of a refund."""
        raise self.unsupported(Capability.FETCH_REFUND)

    def create_token(self, request: TokenRequest) -> Flow[PaymentToken]:
        """Exchange a granted link for a token that can be charged."""
        raise self.unsupported(Capability.CREATE_TOKEN)

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Make a stored token useless."""
        raise self.unsupported(Capability.DELETE_TOKEN)

    # Webhooks and browser returns.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove that a webhook is the provider's; raises :class:`~paykit.errors.WebhookError`."""
        raise self.unsupported(Capability.VERIFY)

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a browser return. It informs and never settles: the payer can replay it."""
        raise self.unsupported(Capability.VERIFY_RETURN)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """What a proven delivery means; raises :class:`~paykit.errors.MalformedDelivery`."""
        raise self.unsupported(Capability.VERIFY)

    def reply(self, outcome: Outcome) -> Reply:
        """The acknowledgement that this provider wants for ``outcome``.

        Unless a provider says otherwise: ``acknowledgement`` for what is stored, 401 for what
        is not proven, 400 for what cannot be read, 503 to be told again.
        """
        if Capability.VERIFY not in self.capabilities:
            raise self.unsupported(Capability.VERIFY)
        status = _REFUSALS.get(outcome)
        return self.acknowledgement if status is None else Reply(status)

    def unsupported(self, capability: Capability) -> UnsupportedOperation:
        """The error of an operation that this provider lacks, with the reason if it has one."""
        why = self.info.why_not.get(capability, "")
        return UnsupportedOperation(self.name, capability.value, why)
