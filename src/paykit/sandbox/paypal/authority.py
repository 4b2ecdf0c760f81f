"""A certificate authority of the sandbox's own, and the certificates with which PayPal signs.

A leaf looks like the recorded ones: an RSA key of 2048 bits, PayPal's subject, its host as the only
alternative name, for TLS servers and clients. It names no place to ask whether it was revoked.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...errors import ConfigurationError

#: The subject of a certificate that signs for PayPal's sandbox.
COMMON_NAME: Final = "messageverificationcerts.sandbox.paypal.com"

_ROOT_NAME: Final = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "paykit sandbox, not a real authority"),
        x509.NameAttribute(NameOID.COMMON_NAME, "paykit sandbox root"),
    ]
)
_LEAF_NAME: Final = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "California"),
        x509.NameAttribute(NameOID.LOCALITY_NAME, "San Jose"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "PayPal, Inc."),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "paykit sandbox"),
        x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME),
    ]
)
#: Wide enough for whatever the sandbox's clock says.
_ROOT_VALID: Final = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC))
_LEAF_LIFETIME: Final = timedelta(days=365)
_PREFIX: Final = "CERT-360caa42-fca2a594-"


@attrs.frozen(kw_only=True)
class Signer:
    """A private key, and the id under which its certificate is to be had."""

    certificate_id: str
    key: rsa.RSAPrivateKey = attrs.field(repr=False)


class Authority:
    """Issues a new leaf whenever the clock leaves the days of the last one."""

    def __init__(self, root_key: rsa.RSAPrivateKey) -> None:
        self._root_key = root_key
        self._leaf_key: rsa.RSAPrivateKey | None = None
        self._root = _root(root_key)
        self._leaves: dict[str, x509.Certificate] = {}

    @property
    def root_pem(self) -> str:
        """The root certificate. The same key always makes the same one."""
        return self._root.public_bytes(Encoding.PEM).decode()

    def signer(self, now: datetime) -> Signer:
        """What to sign with at this moment."""
        key = self._leaf_key = self._leaf_key or _new_key()
        for certificate_id, leaf in reversed(self._leaves.items()):
            if leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
                return Signer(certificate_id=certificate_id, key=key)
        leaf = self._issue(key, now)
        certificate_id = _PREFIX + leaf.fingerprint(hashes.SHA256())[:4].hex()
        self._leaves[certificate_id] = leaf
        return Signer(certificate_id=certificate_id, key=key)

    def certificate(self, certificate_id: str) -> x509.Certificate | None:
        """A leaf that was issued earlier."""
        return self._leaves.get(certificate_id)

    def _issue(self, key: rsa.RSAPrivateKey, now: datetime) -> x509.Certificate:
        start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            _builder(_LEAF_NAME, key, (start, start + _LEAF_LIFETIME))
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._root_key.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(COMMON_NAME)]), critical=False)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        )
        return builder.sign(self._root_key, hashes.SHA256())


@functools.cache
def process_authority() -> Authority:
    """One throw-away authority for the whole process: making its keys takes a noticeable moment."""
    return Authority(_new_key())


@functools.lru_cache(maxsize=8)
def authority(root_key_pem: str) -> Authority:
    """The authority of a given key; raises :class:`~paykit.errors.ConfigurationError`."""
    try:
        key = load_pem_private_key(root_key_pem.encode(), password=None)
    except (TypeError, ValueError):
        raise ConfigurationError("root_key_pem is not a readable private key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError("root_key_pem is not an RSA key")
    return Authority(key)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _root(key: rsa.RSAPrivateKey) -> x509.Certificate:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        _builder(_ROOT_NAME, key, _ROOT_VALID)
        # Not at random, so that a key makes one certificate only.
        .serial_number(int.from_bytes(identifier.digest[:15]) | 1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def _builder(
    subject: x509.Name, key: rsa.RSAPrivateKey, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    public = key.public_key()
    start, end = valid
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_ROOT_NAME)
        .public_key(public)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
