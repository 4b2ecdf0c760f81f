"""Who is calling, and whether that address may call: an allow list that understands proxies.

An address proves nothing: the signature does. A list of addresses keeps strangers' garbage away
from the work that proving costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, TypeAlias, cast

from ..errors import ConfigurationError
from ..provider import Provider
from .receiver import Head

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
#: The header in which your proxies write whom they speak for.
ForwardedBy: TypeAlias = Literal["x-forwarded-for", "forwarded"]

#: In ``trusted_proxies``: whoever connects by a Unix socket.
UNIX: Final = "unix"
#: No chain of proxies is longer.
_LONGEST_CHAIN: Final = 32
#: One pair of ``Forwarded``, or none, and what follows it. A text in quotes may hold anything.
_PAIR: Final = re.compile(
    r"""\s*(?:([^\s=;,"]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]*))?\s*([;,]|$)""", re.DOTALL
)
#: So much of an IPv6 address says that it is one of IPv4.
_MAPPED_BITS: Final = 96
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class Sources:
    """The addresses from which webhooks are taken.

    ``allowed`` has networks (``"203.0.113.0/24"``) by account key, by provider name, or by ``"*"``
    for all the others; an account that is nowhere in it may be called by everybody. A header that
    says whom a proxy speaks for is believed only as far as ``trusted_proxies`` wrote it: networks,
    and ``"unix"`` for a Unix socket. Raises :class:`ConfigurationError` for what is no network.
    """

    def __init__(
        self,
        allowed: Mapping[str, Sequence[str]],
        *,
        trusted_proxies: Sequence[str] = (),
        forwarded_by: ForwardedBy = "x-forwarded-for",
    ) -> None:
        self._allowed = {name: _networks(list_) for name, list_ in allowed.items()}
        self._trusted = _networks(one for one in trusted_proxies if one != UNIX)
        self._trusts_unix = UNIX in trusted_proxies
        if forwarded_by not in {"x-forwarded-for", "forwarded"}:
            raise ConfigurationError("forwarded_by is x-forwarded-for or forwarded")
        self._header = forwarded_by.encode()

    def check(self, providers: Mapping[str, Provider]) -> None:
        """Refuse a list for nobody, for its account would be open to everybody.

        Raises :class:`ConfigurationError`.
        """
        known = {"*", *providers, *(provider.name for provider in providers.values())}
        for name in sorted(self._allowed.keys() - known):
            raise ConfigurationError(f"sources name {name!r:.60}, which is no account that is here")

    def allow(self, head: Head, *, account: str, provider: str) -> bool:
        """Whether this caller may bring a webhook for the account."""
        for name in (account, provider, "*"):
            if name in self._allowed:
                caller = self.caller(head)
                return caller is not None and _is_in(caller, self._allowed[name])
        return True

    def caller(self, head: Head) -> Address | None:
        """The address that is behind all proxies of yours; ``None`` where that cannot be told."""
        if head.peer is None:
            if not self._trusts_unix:
                return None
        else:
            peer = _address(head.peer)
            if peer is None or not _is_in(peer, self._trusted):
                return peer
        chain = self._chain(head)
        # From the nearest: what a proxy of ours wrote is true, what stands before it is a claim.
        for named in reversed(chain[-_LONGEST_CHAIN:]):
            address = _address(named)
            if address is None or not _is_in(address, self._trusted):
                return address
        return None

    def _chain(self, head: Head) -> list[str]:
        text = head.value(self._header)
        if text is None:
            return []
        if self._header == b"forwarded":
            return _forwarded_for(text)
        return [part.strip() for part in text.split(",")]


def _forwarded_for(text: str) -> list[str]:
    """The ``for`` of each element of ``Forwarded`` (RFC 7239); nothing of what is none."""
    chain = [""]
    at = 0
    while match := _PAIR.match(text, at):
        name, value, end = match.groups()
        if name is not None and name.lower() == "for":
            chain[-1] = _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
        if not end:
            return chain
        if end == ",":
            chain.append("")
        at = match.end()
    return []


def _address(text: str) -> Address | None:
    """An address, without its port and brackets; one of IPv4 in IPv6 as what it is."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return cast("Address", mapped or address)


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    if isinstance(texts, str):
        raise ConfigurationError("networks of addresses are a list of texts")
    try:
        return tuple(_unmapped(ip_network(text)) for text in texts)
    except ValueError as error:
        raise ConfigurationError(f"this is no network of addresses: {error}") from None


def _unmapped(network: Network) -> Network:
    """One of IPv4 in IPv6 as what it is, as callers' addresses are compared."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return IPv4Network((int(mapped), network.prefixlen - _MAPPED_BITS))


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
