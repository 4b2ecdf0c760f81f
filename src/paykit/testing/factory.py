"""Who makes signed deliveries: one small factory per provider.

A factory knows how its provider signs, in a few lines of its own. It shares no code with the
adapter's verification on purpose: a mistake in a shared function would agree with itself.

Another package offers a factory for its provider by an entry point with the provider's name::

    [project.entry-points."paykit.testing.deliveries"]
    acme = "acme_paykit.testing:AcmeDeliveries"
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

import attrs

from ..errors import ConfigurationError, InvalidRequest, UnsupportedOperation
from ..http import Delivery, HttpRequest, HttpResponse
from ..money import Money
from ..provider import Provider
from .fields import Field

GROUP: Final = "paykit.testing.deliveries"

#: What a notice may tell. ``unknown`` is a code that the provider has never published.
State: TypeAlias = Literal[
    "paid", "authorized", "pending", "failed", "canceled", "expired", "unknown"
]
STATES: Final[tuple[State, ...]] = (
    "paid",
    "authorized",
    "pending",
    "failed",
    "canceled",
    "expired",
    "unknown",
)

_BUILT_IN: Final = {
    "adyen": "paykit.testing.factories.adyen:AdyenDeliveries",
    "casso": "paykit.testing.factories.casso:CassoDeliveries",
    "checkoutcom": "paykit.testing.factories.checkoutcom:CheckoutComDeliveries",
    "momo": "paykit.testing.factories.momo:MoMoDeliveries",
    "payos": "paykit.testing.factories.payos:PayOSDeliveries",
    "paypal": "paykit.testing.factories.paypal:PayPalDeliveries",
    "sepay": "paykit.testing.factories.sepay:SePayDeliveries",
    "sepaypg": "paykit.testing.factories.sepaypg:SePayGatewayDeliveries",
    "stripe": "paykit.testing.factories.stripe:StripeDeliveries",
    "vnpay": "paykit.testing.factories.vnpay:VNPayDeliveries",
    "zalopay": "paykit.testing.factories.zalopay:ZaloPayDeliveries",
}


def _aware(_notice: object, _attribute: attrs.Attribute[datetime], value: datetime) -> None:
    if value.tzinfo is None:
        raise InvalidRequest("needs a time zone", field="at")


@attrs.frozen(kw_only=True)
class Notice:
    """What a delivery shall tell. ``fields`` are the provider's own and win over all others."""

    state: State
    reference: str
    amount: Money
    at: datetime = attrs.field(validator=_aware)
    provider_id: str = "4088878653"
    fields: Mapping[str, Any] = attrs.field(factory=dict)


def new_transfer_number(notice: Notice) -> int:
    """The number of the transfer that a notice tells of: other news has another one.

    A ``provider_id`` of its own is taken as it is.
    """
    if notice.provider_id != attrs.fields(Notice).provider_id.default:
        return int(notice.provider_id)
    told = f"{notice.reference} {notice.amount} {notice.at.isoformat()}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:5]) + 1


class DeliveryFactory(Protocol):
    """Makes deliveries of one provider. A factory has no state and takes no arguments to build.

    Where a webhook's ``fields`` are not simply the top of the body, a factory may also have
    ``names``, the names that may be set, and ``amount``, the one of them that is the amount.
    Where it depends on the settings how calls are proven, the class may have ``of(provider)``,
    which makes the factory for that account.
    Where a call proves nothing, ``asked`` is the value in it that the question is about.
    """

    @property
    def signature(self) -> Field:
        """Where the signature stands."""
        ...

    @property
    def signed(self) -> Field:
        """A value that the signature covers and that matters: the amount, or what holds it."""
        ...

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The call that the provider makes, signed with its configured secret, or with ``key``.

        Raises :class:`~paykit.errors.UnsupportedOperation` for a state that it cannot tell.
        """
        ...


@runtime_checkable
class ReturnFactory(DeliveryFactory, Protocol):
    """Makes browser returns as well, for a provider that signs them."""

    def browser_return(
        self, provider: Provider, notice: Notice, *, key: bytes | None = None
    ) -> Delivery:
        """The call that the payer's browser makes; raises as :meth:`webhook` does."""
        ...


@runtime_checkable
class AskedFactory(DeliveryFactory, Protocol):
    """Also plays the provider's API, for a provider that is asked while a call is verified."""

    def answer(self, provider: Provider, delivery: Delivery, request: HttpRequest) -> HttpResponse:
        """What the API says to ``request`` if ``delivery`` is genuine."""
        ...


@attrs.define
class Answering:
    """A transport for tests of a shop: the provider's API, while ``delivery`` is verified.

    Give it to a client or a service, and set :attr:`delivery` before you hand that over. Needs an
    :class:`AskedFactory`.
    """

    provider: Provider
    delivery: Delivery = attrs.field(factory=lambda: Delivery("POST"))

    def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once."""
        factory = factory_for(self.provider)
        if not isinstance(factory, AskedFactory):
            raise UnsupportedOperation(self.provider.name, "playing the API")
        return factory.answer(self.provider, self.delivery, request)

    def close(self) -> None:
        """Nothing to give back."""


@attrs.define
class AsyncAnswering(Answering):
    """The same for async code."""

    async def send(self, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
        """Answer at once."""
        return super().send(request)

    async def aclose(self) -> None:
        """Nothing to give back."""


def sign(
    factory: DeliveryFactory,
    provider: Provider,
    notice: Notice,
    *,
    returned: bool,
    key: bytes | None = None,
) -> Delivery:
    """A webhook, or a browser return; raises :class:`~paykit.errors.UnsupportedOperation`."""
    if not returned:
        return factory.webhook(provider, notice, key=key)
    if not isinstance(factory, ReturnFactory):
        raise UnsupportedOperation(provider.name, "signed browser returns")
    return factory.browser_return(provider, notice, key=key)


def factory_for(provider: Provider) -> DeliveryFactory:
    """The factory of this provider; raises :class:`~paykit.errors.ConfigurationError`."""
    name = provider.name
    made: Any = None
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        made = getattr(import_module(module), attribute)
    else:
        offered = [entry for entry in entry_points(group=GROUP) if entry.name == name]
        if not offered:
            raise ConfigurationError(
                f"no delivery factory for {name!r:.40}: offer one in the entry point group {GROUP}"
            )
        made = offered[0].load()
    factory: DeliveryFactory = made.of(provider) if hasattr(made, "of") else made()
    return factory
