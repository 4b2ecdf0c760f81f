"""The key that signs PayPal's webhooks in tests, and the authority that vouches for it.

Everybody has both. Whoever trusts this authority in production trusts everybody.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import CertificateBuilder

_P: Final = int(
    "ff6b897829652d12012ef196024b0d02c9940608401c1e97bd50fcc76f8dea4f01fa92cf613a6d7512715926e6bb7f5a"
    "fc052aec2fa86d7c45ae50420b375ef57002963d003cdc7752974582bfd710aadb32e1e2d753d927eb91eb7d9d2fb125"
    "c19c48650c1ff690400239cd65305b6e8923979e3643309cddcd6b1f6ee05b9b",
    16,
)
_Q: Final = int(
    "c9a52996027ca52d7c520e08b322953a7d9c83408019d00147013db09575152c4c07cf4025b1156007571cdb815fcc98"
    "8743db5ac20e0984ab157e1f5ff1cac0c34b125af0292f6b6eea8d9c9b878ee1940d8e9ba2b194c61af62da6e6b999cf"
    "591d138668aacb6ce27a5107d1f4696186dbdee9f9cd7c00d89a40aa01b9c615",
    16,
)
_ROOT_SECRET: Final = int.from_bytes(hashlib.sha256(b"the authority of paykit's tests").digest())
_FROM: Final = datetime(2015, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(2049, 12, 31, tzinfo=UTC)


@cache
def authority() -> str:
    """The certificate (PEM) of the authority that vouches for the signatures made here.

    Its key is public. Whoever trusts it in production trusts everybody.
    """
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import BasicConstraints, KeyUsage

    usage = KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder("Authority of paykit's tests", _root_key().public_key())
    builder = builder.add_extension(BasicConstraints(ca=True, path_length=0), critical=True)
    made = builder.add_extension(usage, critical=True).sign(_root_key(), SHA256())
    return made.public_bytes(Encoding.PEM).decode()


@cache
def certificate(name: str) -> bytes:
    """A certificate (PEM) for ``name``, issued by :func:`authority`."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import (
        AuthorityKeyIdentifier,
        BasicConstraints,
        DNSName,
        ExtendedKeyUsage,
        SubjectAlternativeName,
    )
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer = AuthorityKeyIdentifier.from_issuer_public_key(_root_key().public_key())
    server = ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    made = (
        _builder(name, signing_key().public_key())
        .add_extension(SubjectAlternativeName([DNSName(name)]), critical=False)
        .add_extension(BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(server, critical=False)
        .add_extension(issuer, critical=False)
        .sign(_root_key(), SHA256())
    )
    return made.public_bytes(Encoding.PEM)


@cache
def signing_key() -> RSAPrivateKey:
    """The key that signs here. Everybody has it."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    public = 65537
    private = pow(public, -1, (_P - 1) * (_Q - 1))
    return rsa.RSAPrivateNumbers(
        p=_P,
        q=_Q,
        d=private,
        dmp1=rsa.rsa_crt_dmp1(private, _P),
        dmq1=rsa.rsa_crt_dmq1(private, _Q),
        iqmp=rsa.rsa_crt_iqmp(_P, _Q),
        public_numbers=rsa.RSAPublicNumbers(public, _P * _Q),
    ).private_key()


def _builder(name: str, key: Any) -> CertificateBuilder:
    from cryptography.x509 import CertificateBuilder, Name, NameAttribute, SubjectKeyIdentifier
    from cryptography.x509.oid import NameOID

    def named(common: str) -> Name:
        return Name([NameAttribute(NameOID.COMMON_NAME, common)])

    return (
        CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("Authority of paykit's tests"))
        .public_key(key)
        .serial_number(int(hashlib.sha256(name.encode()).hexdigest()[:30], 16))
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


@cache
def _root_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(_ROOT_SECRET, ec.SECP256R1())


@cache
def wrong_key() -> RSAPrivateKey:
    """A key that nobody vouches for."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
