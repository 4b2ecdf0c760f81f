"""Providers by name: the built-in ones, and those that other packages offer.

Another package adds a provider by an entry point in the group ``paykit.providers``::

    [project.entry-points."paykit.providers"]
    acme = "acme_paykit:Acme"

A built-in name cannot be taken over.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from .errors import ConfigurationError
from .provider import Clock, IdFactory, Provider, random_id, utc_now

GROUP: Final = "paykit.providers"
#: The environment variable that names the accounts by their keys, separated by commas.
ACCOUNTS: Final = "PAYKIT_ACCOUNTS"

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


def from_env(
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = utc_now,
    new_id: IdFactory = random_id,
) -> tuple[Provider, ...]:
    """The accounts that are configured in the environment, sorted by their keys.

    ``PAYKIT_ACCOUNTS=momo,momo-eu`` names them. Without it they are the default accounts of the
    providers whose variables are set. Then a variable of any other account is an error, for its
    name does not tell the account's (``card-shop`` and ``card_shop`` have the same variables).
    Raises :class:`ConfigurationError`, also for what is missing.
    """
    source = os.environ if environ is None else environ
    named = source.get(ACCOUNTS, "").strip()
    given = {key.strip() for key in named.split(",")} - {""}
    accounts = [_named(key) for key in sorted(given or _default_accounts(source))]
    return tuple(
        kind.from_env(account, environ=source, clock=clock, new_id=new_id)
        for kind, account in accounts
    )


def from_dict(
    accounts: Mapping[str, Mapping[str, Any]],
    *,
    clock: Clock = utc_now,
    new_id: IdFactory = random_id,
) -> tuple[Provider, ...]:
    """The accounts of a mapping by their keys, ``momo`` and ``momo-eu``, such as of a TOML file.

    The settings are those of :meth:`Provider.from_dict`; the key says which provider, and the
    account's name. Raises :class:`ConfigurationError`.
    """
    made = []
    for key, settings in accounts.items():
        kind, account = _of_key(key) or (None, "")
        if kind is None:
            raise ConfigurationError(f"{key!r:.60} is no account's key, such as momo or momo-eu")
        if not isinstance(settings, Mapping):
            raise ConfigurationError(f"the settings of {key} are no mapping")
        one = kind.from_dict({"account": account, **settings}, clock=clock, new_id=new_id)
        if one.key != key:
            raise ConfigurationError(f"{key} is configured as {one.key}")
        made.append(one)
    return tuple(made)


def _named(key: str) -> tuple[type[Provider], str]:
    found = _of_key(key)
    if found is None:
        raise ConfigurationError(
            f"{ACCOUNTS} names the accounts by their keys, such as momo,momo-eu; {key!r:.60} is "
            "none"
        )
    return found


def _of_key(key: str) -> tuple[type[Provider], str] | None:
    """The provider and the account that a key names: ``momo-eu`` is account ``eu`` of ``momo``."""
    if key in names():
        return load(key), "default"
    # A provider's own name may have a hyphen: the longest that fits.
    for name in sorted(names(), key=len, reverse=True):
        if key.startswith(f"{name}-"):
            return load(name), key.removeprefix(f"{name}-")
    return None


def _default_accounts(environ: Mapping[str, str]) -> Iterator[str]:
    for name in names():
        prefix = f"PAYKIT_{name}_".upper().replace("-", "_")
        mine = sorted(variable for variable in environ if variable.startswith(prefix))
        if not mine:
            continue
        config = load(name).Config
        fields = config.model_fields.items()
        own = {config.variable(field) for field, _ in fields}
        required = {field for field, definition in fields if definition.is_required()}
        ends = tuple(f"_{field}".upper() for field in required)
        others = [variable for variable in mine if variable not in own and variable.endswith(ends)]
        if others:
            raise ConfigurationError(
                f"{others[0]} is of an account that has a name: name all accounts in {ACCOUNTS}, "
                "such as momo,momo-eu"
            )
        if any(config.variable(field) in mine for field in required or config.model_fields):
            yield name


def _offered() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def by_key(providers: Iterable[Provider]) -> dict[str, Provider]:
    """The accounts by key; raises :class:`ConfigurationError` for one that is there twice."""
    found: dict[str, Provider] = {}
    for provider in providers:
        if provider.key in found:
            raise ConfigurationError(f"the account {provider.key} is configured twice")
        for other in found.values():
            if _is_same_account(provider, other):
                # One notice would be genuine for both, and pay a payment of each.
                raise ConfigurationError(f"{provider.key} and {other.key} are one account")
        found[provider.key] = provider
    return found


def _is_same_account(one: Provider, other: Provider) -> bool:
    """Whether both are one account at the provider, under two names."""
    if one.name != other.name:
        return False
    names = one.config.one_account
    if names:
        return all(getattr(one.config, name) == getattr(other.config, name) for name in names)
    renamed: bool = one.config.model_copy(update={"account": other.account}) == other.config
    return renamed
