"""Certificate authorities for tests, and the certificates that they should not have issued."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """A key that is made once in a run of the tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def named(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@attrs.frozen
class Authority:
    """One that issues whatever it is asked to."""

    certificate: x509.Certificate
    key: Any

    @classmethod
    def root(cls, name: str = "A root", number: int = 0) -> Authority:
        key = ec_key(number)
        return cls(_issue(named(name), named(name), key.public_key(), key, key, ca=True), key)

    def intermediate(self, name: str = "An intermediate", *, ca: bool = True) -> Authority:
        key = ec_key(100)
        made = _issue(
            named(name), self.certificate.subject, key.public_key(), self.key, self.key, ca=ca
        )
        return Authority(made, key)

    def leaf(
        self,
        name: str | None,
        *,
        key: Any = None,
        start: datetime = NOW - timedelta(days=30),
        end: datetime = NOW + timedelta(days=300),
        common: str | None = None,
        usage: Any = ExtendedKeyUsageOID.SERVER_AUTH,
        ca: bool = False,
    ) -> x509.Certificate:
        """A certificate for ``name``; without one, it has a common name only."""
        return _issue(
            named(common or name or "nobody"),
            self.certificate.subject,
            (key or rsa_key()).public_key(),
            self.key,
            self.key,
            ca=ca,
            san=name,
            usage=usage,
            start=start,
            end=end,
        )

    @property
    def pem(self) -> str:
        return pem(self.certificate)


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def _issue(
    subject: x509.Name,
    issuer: x509.Name,
    public: Any,
    signer: Any,
    issuer_key: Any,
    *,
    ca: bool,
    san: str | None = None,
    usage: Any = None,
    start: datetime = datetime(2020, 1, 1, tzinfo=UTC),
    end: datetime = datetime(2040, 1, 1, tzinfo=UTC),
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if ca:
        flags = dict.fromkeys(
            (
                "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                "key_agreement", "encipher_only", "decipher_only",
            ),
            False,
        )  # fmt: skip
        signs = x509.KeyUsage(**flags, key_cert_sign=True, crl_sign=True)
        builder = builder.add_extension(signs, critical=True)
    if san is not None:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(san)]), critical=False
        )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(signer, SHA256())
