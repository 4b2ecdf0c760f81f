"""Providers by name: the built-in ones, and those that other packages offer.

Another package adds a provider by an entry point in the group ``paykit.providers``::

    [project.entry-points."paykit.providers"]
    acme = "acme_paykit:Acme"

A built-in name cannot be taken over.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from .errors import ConfigurationError
from .provider import Provider

GROUP: Final = "paykit.providers"

_BUILT_IN: Final = {
    "adyen": "paykit.providers.adyen:Adyen",
    "casso": "paykit.providers.casso:Casso",
    "checkoutcom": "paykit.providers.checkoutcom:CheckoutCom",
    "momo": "paykit.providers.momo:MoMo",
    "payos": "paykit.providers.payos:PayOS",
    "paypal": "paykit.providers.paypal:PayPal",
    "sepay": "paykit.providers.sepay:SePay",
    "sepaypg": "paykit.providers.sepaypg:SePayGateway",
    "stripe": "paykit.providers.stripe:Stripe",
    "vietqr": "paykit.providers.vietqr:VietQR",
    "vnpay": "paykit.providers.vnpay:VNPay",
    "zalopay": "paykit.providers.zalopay:ZaloPay",
}


def names() -> tuple[str, ...]:
    """The names of all providers that can be loaded here, sorted."""
    return tuple(sorted({*_BUILT_IN, *(entry.name for entry in _offered())}))


def load(name: str) -> type[Provider]:
    """The class of the provider called ``name``; raises :class:`ConfigurationError`."""
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        found: Any = getattr(import_module(module), attribute)
    else:
        entries = [entry for entry in _offered() if entry.name == name]
        if not entries:
            raise ConfigurationError(f"no provider {name!r:.40}; there are {', '.join(names())}")
        found = entries[0].load()
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise ConfigurationError(f"the entry point {name!r} is not a paykit Provider")
    return found


def _offered() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))
