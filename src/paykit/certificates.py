"""Certificates that a sender names: for whom, until when, and vouched for by whom.

Nothing here fetches anything. A provider decides where a certificate may come from, and gets it
like any other answer.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from .errors import SignatureError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Far more than a leaf with its intermediates.
MAX_BYTES: Final = 64 * 1024
_MAX_CERTIFICATES: Final = 10
_MIN_KEY_BITS: Final = 2048
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


@attrs.frozen(slots=True)
class TrustedKey:
    """A public key whose owner is known, and the time during which that is so."""

    key: Any = attrs.field(repr=False)  #: an ``RSAPublicKey`` of the ``cryptography`` package
    not_before: datetime
    not_after: datetime

    def holds(self, now: datetime) -> bool:
        """Whether every certificate behind the key is valid ``now``."""
        return self.not_before <= now <= self.not_after


def trusted_key(
    pem: bytes, *, name: str, now: datetime, roots: str = "", intermediates: str = ""
) -> TrustedKey:
    """The RSA key of the first certificate in ``pem``, if it is ``name``'s and valid ``now``.

    It has to lead to an authority of certifi's list, or to one of ``roots`` (PEM), by way of the
    other certificates in ``pem`` or of ``intermediates`` (PEM). The rules are those of the web: the
    name in the SAN, the extended usage of a server, sane signatures. Raises
    :class:`~paykit.errors.SignatureError`.
    """
    if len(pem) > MAX_BYTES:
        raise SignatureError(f"the certificate has more than {MAX_BYTES} bytes")
    try:
        return _judge(pem, name, now, roots, intermediates)
    except SignatureError:
        raise
    except Exception:  # noqa: BLE001 - a certificate is read piece by piece; whatever breaks, breaks
        raise SignatureError("the certificate cannot be read") from None


def _judge(pem: bytes, name: str, now: datetime, roots: str, intermediates: str) -> TrustedKey:
    sent = _read(pem)
    if not sent or len(sent) > _MAX_CERTIFICATES:
        raise SignatureError("not a certificate in PEM")
    leaf, *others = sent
    starts, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < starts:
        raise SignatureError("the certificate is not valid yet. Is this server's clock right?")
    if now > ends:
        raise SignatureError("the certificate has expired. Is this server's clock right?")
    helpers = [*others, *_read(intermediates.encode())]
    anchors = [*_read(roots.encode()), *_web_roots([leaf, *helpers])]
    chain = _verify(leaf, helpers, anchors, name, now)
    return TrustedKey(
        _rsa_key(leaf),
        max(certificate.not_valid_before_utc for certificate in chain),
        min(certificate.not_valid_after_utc for certificate in chain),
    )


def count(pem: str) -> int:
    """How many certificates can be read in ``pem``; raises :class:`ValueError` if one cannot."""
    marks = pem.count("-----BEGIN CERTIFICATE-----")
    if len(_read(pem.encode())) != marks:
        raise ValueError("a certificate in it cannot be read")
    return marks


def _read(pem: bytes) -> list[Certificate]:
    """The certificates in PEM that can be read, without the others."""
    return _load(_PEM.findall(pem))


def _load(bodies: Iterable[bytes]) -> list[Certificate]:
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    found = []
    for body in bodies:
        try:
            found.append(load_der_x509_certificate(b64decode(body)))
        except (ValueError, InvalidVersion, Warning):
            continue
    return found


def _verify(
    leaf: Certificate,
    helpers: list[Certificate],
    anchors: list[Certificate],
    name: str,
    now: datetime,
) -> Sequence[Certificate]:
    """The chain from ``leaf`` to an anchor."""
    from cryptography.x509 import DNSName
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    if not anchors:
        raise SignatureError("the certificate is not issued by a trusted authority")
    builder = PolicyBuilder().store(Store(anchors)).time(now.astimezone(UTC).replace(tzinfo=None))
    try:
        return builder.build_server_verifier(DNSName(name)).verify(leaf, helpers)
    except VerificationError:
        # Without the reason, which quotes the certificate.
        raise SignatureError(
            f"the certificate is not that of {name}, or not issued by a trusted authority"
        ) from None


def _rsa_key(leaf: Certificate) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        key = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
        raise SignatureError("the certificate has no RSA key of 2048 bits or more")
    return key


def _web_roots(certificates: Iterable[Certificate]) -> list[Certificate]:
    """Those of certifi's authorities that may have issued one of ``certificates``.

    The others are not even parsed: there are far more than a hundred, of every age and form.
    """
    issuers = {certificate.issuer.public_bytes() for certificate in certificates}
    return _load(body for body, der in _certifi() if any(issuer in der for issuer in issuers))


@cache
def _certifi() -> tuple[tuple[bytes, bytes], ...]:
    import certifi

    bodies = _PEM.findall(certifi.contents().encode())
    return tuple((body, b64decode(body)) for body in bodies)
