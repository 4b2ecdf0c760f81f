"""Where PayPal's signing certificates may come from, and the keys that were found in them.

The address stands in a header that anybody can write, so nothing is fetched but from PayPal itself,
and only so much of it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import attrs

from ...certificates import TrustedKey, trusted_key
from ...errors import ProviderUnavailable, SignatureError
from ...wire import Environment
from .config import PayPalConfig

#: Signed instead of a webhook's id by PayPal's webhook simulator.
SIMULATOR_ID: Final = "WEBHOOK_ID"
_PATH: Final = "/v1/notifications/certs/"
_CERTIFICATE = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_HOSTS: Final = {
    Environment.SANDBOX: ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com"),
    Environment.PRODUCTION: ("api.paypal.com", "api-m.paypal.com"),
}
_NAMES: Final = {
    Environment.SANDBOX: "messageverificationcerts.sandbox.paypal.com",
    Environment.PRODUCTION: "messageverificationcerts.paypal.com",
}
_MAX_KEYS: Final = 16
#: What was refused is not asked for again this long.
_REFUSED_FOR: Final = timedelta(minutes=1)
#: So many addresses may turn out to be none in that time, before no new one is tried.
_MAX_REFUSED: Final = 32


@attrs.frozen
class Origin:
    """A place where certificates come from, the name in them, and the webhook ids they sign for."""

    prefix: str
    name: str
    webhook_ids: tuple[str, ...]


def origins(config: PayPalConfig) -> tuple[Origin, ...]:
    """The places that this account accepts: its own world's, compared to the letter."""
    ids, here = config.webhook_ids, config.environment
    found = [Origin(f"https://{host}{_PATH}", _NAMES[here], ids) for host in _HOSTS[here]]
    if config.base_url is not None:
        found.append(Origin(config.base_url + _PATH, _NAMES[here], ids))
    if config.webhook_simulator:
        # It signs with the live key, whatever world it is used in.
        live = Environment.PRODUCTION
        found += [
            Origin(f"https://{host}{_PATH}", _NAMES[live], (SIMULATOR_ID,)) for host in _HOSTS[live]
        ]
    return tuple(found)


def find_origin(url: str, among: tuple[Origin, ...]) -> Origin:
    """The origin of a certificate's address; raises :class:`SignatureError`.

    A prefix is compared, and nothing is parsed: there is no other spelling of these addresses.
    """
    for origin in among:
        if url.startswith(origin.prefix) and _CERTIFICATE.fullmatch(url[len(origin.prefix) :]):
            return origin
    raise SignatureError(
        "PAYPAL-CERT-URL is not an address of PayPal's certificates in this environment"
    )


class CertificateCache:
    """Keys by the address of their certificate. Bounded, shared by threads, without a lock.

    Each change puts a new dict in the place of the old one. Two at once may lose an entry, which is
    then fetched once more.
    """

    __slots__ = ("_keys", "_refused")

    def __init__(self) -> None:
        self._keys: dict[str, TrustedKey] = {}
        self._refused: dict[str, datetime] = {}

    def find(self, url: str, now: datetime) -> TrustedKey | None:
        """The key, if it is known and valid ``now``.

        Raises :class:`SignatureError` for an address that was refused a moment ago, and
        :class:`ProviderUnavailable` while too many were: somebody makes them up, and asking PayPal
        for each would be his work.
        """
        key = self._keys.get(url)
        if key is not None and key.holds(now):
            return key
        refused = self._lately(now)
        if url in refused:
            raise SignatureError("this certificate was refused a moment ago")
        if len(refused) >= _MAX_REFUSED:
            raise ProviderUnavailable("too many unknown certificates", provider="paypal")
        return None

    def keep(self, url: str, key: TrustedKey) -> None:
        """Remember ``key``, in place of the oldest if there are too many."""
        others = [(at, kept) for at, kept in self._keys.items() if at != url]
        self._keys = dict([*others, (url, key)][-_MAX_KEYS:])

    def refuse(self, url: str, now: datetime) -> None:
        """Remember for a while that there is nothing at ``url``."""
        self._refused = {**self._lately(now), url: now}

    def _lately(self, now: datetime) -> dict[str, datetime]:
        return {url: at for url, at in self._refused.items() if abs(now - at) < _REFUSED_FOR}

    def __repr__(self) -> str:
        return f"CertificateCache({len(self._keys)} keys)"


def read_certificate(pem: bytes, origin: Origin, config: PayPalConfig, now: datetime) -> TrustedKey:
    """The key in a certificate of ``origin``; raises :class:`SignatureError`."""
    return trusted_key(
        pem,
        name=origin.name,
        now=now,
        roots=_trust("roots.pem") + (config.webhook_roots or ""),
        intermediates=_trust("intermediates.pem"),
    )


@cache
def _trust(name: str) -> str:
    from importlib.resources import files  # needed once, for the first webhook

    return files(__package__).joinpath("trust", name).read_text("ascii")
