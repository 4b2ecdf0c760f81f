"""Our own signing code against what PayPal signed, and the sandbox's own certificates."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from paykit.errors import ConfigurationError
from paykit.sandbox import PayPalConfig
from paykit.sandbox.paypal import signing
from paykit.sandbox.paypal.authority import COMMON_NAME, Authority

VECTORS = [
    vector
    for vector in json.loads(
        (Path(__file__).parent.parent / "vectors" / "paypal.json").read_text("utf-8")
    )
    if vector["kind"] == "paypal.webhook.offline"
]
NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def text_of(vector: dict) -> str:
    headers = vector["input"]["headers"]
    return signing.signed_text(
        headers["PAYPAL-TRANSMISSION-ID"],
        headers["PAYPAL-TRANSMISSION-TIME"],
        vector["keys"]["webhook_id"],
        vector["input"]["body"].encode(),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["id"])
def test_what_paypal_signed(vector):
    assert text_of(vector) == vector["signed_string"]
    assert vector["input"]["headers"]["PAYPAL-AUTH-ALGO"] == signing.ALGORITHM


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS if one["keys"]["certificate_pem"]], ids=lambda one: one["id"]
)
def test_paypals_signatures_match(vector):
    certificate = x509.load_pem_x509_certificate(vector["keys"]["certificate_pem"].encode())
    signature = vector["input"]["headers"]["PAYPAL-TRANSMISSION-SIG"]
    assert signing.matches(text_of(vector), signature, certificate) is vector["expected"]["accept"]


def test_vectors_go_both_ways():
    assert {one["expected"]["accept"] for one in VECTORS} == {True, False, None}
    # One whose checksum would be negative as a signed number.
    assert any(one["input"]["crc32"] > 2**31 for one in VECTORS)


@pytest.fixture(scope="module")
def root_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def authority(root_key):
    return Authority(root_key)


def pem(key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def verify(authority, leaf, at):
    root = x509.load_pem_x509_certificate(authority.root_pem.encode())
    policy = PolicyBuilder().store(Store([root])).time(at)
    return policy.build_server_verifier(x509.DNSName(COMMON_NAME)).verify(leaf, [])


def test_what_we_sign_matches_our_certificate_and_no_other(authority, root_key):
    signer = authority.signer(NOW)
    leaf = authority.certificate(signer.certificate_id)
    signature = signing.sign("a|b|c|1", signer.key)
    other = Authority(root_key)
    other_leaf = other.certificate(other.signer(NOW).certificate_id)
    assert signing.matches("a|b|c|1", signature, leaf)
    assert not signing.matches("a|b|c|2", signature, leaf)
    assert not signing.matches("a|b|c|1", signature, other_leaf)


@pytest.mark.parametrize("signature", ["", "ă", "AAAA", "====", "A" * 344])
def test_a_broken_signature_does_not_match(authority, signature):
    leaf = authority.certificate(authority.signer(NOW).certificate_id)
    assert not signing.matches("a|b|c|1", signature, leaf)


def test_another_kind_of_key_does_not_match():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, signing.hashes.SHA256())
    )
    assert not signing.matches("a|b|c|1", "AAAA", certificate)


def test_a_leaf_looks_like_a_recorded_one(authority):
    leaf = authority.certificate(authority.signer(NOW).certificate_id)
    recorded = x509.load_pem_x509_certificate(VECTORS[0]["keys"]["certificate_pem"].encode())
    assert leaf.version == recorded.version
    assert leaf.signature_algorithm_oid == recorded.signature_algorithm_oid
    assert leaf.public_key().key_size == recorded.public_key().key_size
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.COUNTRY_NAME):
        ours, theirs = (one.subject.get_attributes_for_oid(oid) for one in (leaf, recorded))
        assert [one.value for one in ours] == [one.value for one in theirs]
    for kind in (
        x509.SubjectAlternativeName,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.BasicConstraints,
    ):
        ours, theirs = (one.extensions.get_extension_for_class(kind) for one in (leaf, recorded))
        assert (ours.critical, ours.value) == (theirs.critical, theirs.value)
    assert (
        ExtendedKeyUsageOID.SERVER_AUTH
        in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    )


def test_a_leaf_chains_to_the_root_within_its_days(authority):
    leaf = authority.certificate(authority.signer(NOW).certificate_id)
    assert len(verify(authority, leaf, NOW)) == 2
    for at in (NOW - timedelta(days=1), NOW + timedelta(days=365)):
        with pytest.raises(VerificationError):
            verify(authority, leaf, at)


def test_a_leaf_does_not_chain_to_another_root(authority):
    leaf = authority.certificate(authority.signer(NOW).certificate_id)
    stranger = Authority(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    with pytest.raises(VerificationError):
        verify(stranger, leaf, NOW)


def test_a_new_certificate_comes_when_the_old_one_ends(authority):
    first, same = authority.signer(NOW), authority.signer(NOW + timedelta(days=364))
    next_year = authority.signer(NOW + timedelta(days=365))
    before = authority.signer(NOW - timedelta(days=400))
    assert first.certificate_id == same.certificate_id
    ids = [one.certificate_id for one in (first, next_year, before)]
    assert len(set(ids)) == 3
    assert [authority.certificate(one) is not None for one in ids] == [True] * 3
    assert authority.certificate("CERT-360caa42-fca2a594-00000000") is None
    assert authority.signer(NOW).certificate_id == first.certificate_id


def test_the_root_follows_from_its_key(root_key):
    text = pem(root_key)
    config = PayPalConfig(root_key_pem=text)
    assert config.root_certificate_pem == Authority(root_key).root_pem
    assert text not in repr(config)
    assert "BEGIN PRIVATE KEY" not in repr(config)
    # OpenSSL takes it as a trusted root, too.
    context = ssl.create_default_context(cadata=config.root_certificate_pem)
    assert context.cert_store_stats()["x509_ca"] >= 1


def test_without_a_key_there_is_one_root_for_the_process():
    assert PayPalConfig().root_certificate_pem == PayPalConfig().root_certificate_pem
    assert "BEGIN CERTIFICATE" in PayPalConfig().root_certificate_pem


def test_a_wrong_key_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="not a readable private key"):
        PayPalConfig(root_key_pem="nonsense")
    with pytest.raises(ConfigurationError, match="not an RSA key"):
        PayPalConfig(root_key_pem=pem(ec.generate_private_key(ec.SECP256R1())))
