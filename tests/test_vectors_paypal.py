"""Webhooks that PayPal itself signed: those that verify must verify, the others must be refused."""

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import attrs
import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from paykit import Delivery, HttpResponse, PayPal, PayPalConfig, SignatureError, StaleDelivery
from paykit.certificates import trusted_key
from paykit.flow import run
from paykit.providers.paypal.notices import read_transmission
from paykit.wire import Environment

VECTORS = json.loads((Path(__file__).parent / "vectors" / "paypal.json").read_text("utf-8"))
BY_ID = {vector["id"]: vector for vector in VECTORS}
WEBHOOKS = [vector for vector in VECTORS if vector["kind"] == "paypal.webhook.offline"]
CERTIFIED = [vector for vector in WEBHOOKS if vector["keys"]["certificate_pem"]]
(CHAIN,) = (vector for vector in VECTORS if vector["kind"] == "paypal.certificate.chain")
UNUSUAL = "https://api.sandbox.paypal.com/v1/notifications/test"
USUAL = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1"


def named(vectors):
    return pytest.mark.parametrize("vector", vectors, ids=[vector["id"] for vector in vectors])


def delivery_of(vector):
    headers = dict(vector["input"]["headers"])
    if headers["PAYPAL-CERT-URL"] == UNUSUAL:
        headers["PAYPAL-CERT-URL"] = USUAL  # see vectors/SOURCES.md
    return Delivery("POST", "/webhooks/paypal", b"", headers, vector["input"]["body"].encode())


def sent_at(vector):
    return datetime.fromisoformat(vector["input"]["headers"]["PAYPAL-TRANSMISSION-TIME"])


def provider_for(vector, *, at=None, **settings):
    simulated = vector["keys"]["webhook_id"] == "WEBHOOK_ID"
    config = {
        "client_id": "client",
        "client_secret": "secret",
        "webhook_ids": ("0000000000000000A",) if simulated else (vector["keys"]["webhook_id"],),
        "webhook_simulator": simulated,
        # The recorded live certificate comes with simulated webhooks only.
        "environment": "sandbox",
        **settings,
    }
    moment = at or sent_at(vector) + timedelta(seconds=3)
    return PayPal(PayPalConfig(**config), clock=lambda: moment)


class CertificateHost:
    """Gives the recorded certificate, and nothing else."""

    def __init__(self, vector):
        self.pem = vector["keys"]["certificate_pem"].encode()
        self.asked = []

    def send(self, request):
        self.asked.append(request.url)
        assert "/v1/notifications/certs/" in request.url, request
        return HttpResponse(200, body=self.pem)


@named(WEBHOOKS)
def test_the_signed_text(vector):
    sent = read_transmission(delivery_of(vector))
    assert sent.checksum == vector["input"]["crc32"]
    assert sent.signed_text(vector["keys"]["webhook_id"]).decode() == vector["signed_string"]


@named([vector for vector in CERTIFIED if vector["expected"]["accept"]])
def test_a_genuine_webhook_verifies(vector):
    delivery, host = delivery_of(vector), CertificateHost(vector)
    provider = provider_for(vector)
    verified = run(provider.verify(delivery), host.send)
    # All of them are of older interfaces, or from the simulator: proven, and no news for us.
    assert provider.parse(verified) == ()
    assert host.asked == [delivery.header("paypal-cert-url")]
    again = run(provider.verify(delivery), host.send)
    assert again.fingerprint == verified.fingerprint
    assert len(host.asked) == 1, "the certificate is kept"


@named([vector for vector in CERTIFIED if not vector["expected"]["accept"]])
def test_a_changed_webhook_is_refused(vector):
    environment = "production" if "simulator" in vector["id"] else "sandbox"
    provider = provider_for(vector, environment=environment)
    with pytest.raises(SignatureError, match="does not match"):
        run(provider.verify(delivery_of(vector)), CertificateHost(vector).send)


def test_without_its_certificate_it_is_refused():
    (vector,) = [vector for vector in WEBHOOKS if not vector["keys"]["certificate_pem"]]
    other = BY_ID["paypal-plan-created-2017"]
    with pytest.raises(SignatureError):
        run(provider_for(vector).verify(delivery_of(vector)), CertificateHost(other).send)


@named([vector for vector in CERTIFIED if vector["expected"]["accept"]])
def test_every_byte_counts(vector):
    delivery, host = delivery_of(vector), CertificateHost(vector)
    provider = provider_for(vector)
    for name, value in delivery.headers:
        if name in {
            "PAYPAL-TRANSMISSION-ID",
            "PAYPAL-TRANSMISSION-TIME",
            "PAYPAL-TRANSMISSION-SIG",
        }:
            changed = value[:-3] + ("1" if value[-3] != "1" else "2") + value[-2:]
            headers = [(key, changed if key == name else old) for key, old in delivery.headers]
            with pytest.raises(SignatureError):
                run(provider.verify(attrs.evolve(delivery, headers=headers)), host.send)
    for body in (delivery.body + b" ", delivery.body[1:], b""):
        with pytest.raises(SignatureError):
            run(provider.verify(attrs.evolve(delivery, body=body)), host.send)


def test_another_address_of_a_certificate_is_refused_unasked():
    vector = BY_ID["paypal-plan-created-2017"]
    delivery, host = delivery_of(vector), CertificateHost(vector)
    headers = [(k, UNUSUAL if k == "PAYPAL-CERT-URL" else v) for k, v in delivery.headers]
    with pytest.raises(SignatureError, match="not an address"):
        run(provider_for(vector).verify(attrs.evolve(delivery, headers=headers)), host.send)
    assert host.asked == []


def test_a_sandbox_webhook_is_nothing_in_production():
    vector = BY_ID["paypal-sale-completed-2015"]
    host = CertificateHost(vector)
    with pytest.raises(SignatureError):
        run(provider_for(vector, environment="production").verify(delivery_of(vector)), host.send)
    assert host.asked == []


def test_the_simulator_needs_its_switch():
    vector = BY_ID["paypal-simulator-sale-2024"]
    host = CertificateHost(vector)
    with pytest.raises(SignatureError):
        run(provider_for(vector, webhook_simulator=False).verify(delivery_of(vector)), host.send)
    assert host.asked == []
    # In production, where the certificate's host is right, the id is still no webhook's.
    live = provider_for(vector, webhook_simulator=False, environment=Environment.PRODUCTION)
    with pytest.raises(SignatureError):
        run(live.verify(delivery_of(vector)), host.send)
    assert len(host.asked) == 1


@named([vector for vector in CERTIFIED if vector["expected"]["accept"]])
def test_the_time_is_looked_at(vector):
    for days, error in ((3, None), (-3, None), (4, StaleDelivery), (-4, StaleDelivery)):
        provider = provider_for(vector, at=sent_at(vector) + timedelta(days=days))
        flow = provider.verify(delivery_of(vector))
        if error is None:
            assert run(flow, CertificateHost(vector).send)
        else:
            with pytest.raises(error):
                run(flow, CertificateHost(vector).send)


@named([vector for vector in CERTIFIED if vector["expected"]["accept"]])
def test_an_expired_certificate_proves_nothing(vector):
    """Whoever has the key of an old certificate cannot sign today."""
    for year, why in ((2026, "has expired"), (2014, "not valid yet")):
        provider = provider_for(vector, at=datetime(year, 1, 2, tzinfo=UTC))
        with pytest.raises(SignatureError, match=why):
            run(provider.verify(delivery_of(vector)), CertificateHost(vector).send)


# The chain.


def leaves():
    return sorted({vector["keys"]["certificate_pem"] for vector in CERTIFIED})


def one(pem):
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("pem", leaves(), ids=["first", "second", "third"])
def test_each_recorded_leaf_leads_to_the_recorded_root(pem):
    leaf = one(pem)
    (name,) = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value in CHAIN["input"]["leaf_subject_cn"]
    span = [
        leaf.not_valid_before_utc.date().isoformat(),
        leaf.not_valid_after_utc.date().isoformat(),
    ]
    assert span in CHAIN["input"]["leaf_valid"]
    known = {"roots": CHAIN["keys"]["root_pem"], "intermediates": CHAIN["keys"]["intermediate_pem"]}
    middle = leaf.not_valid_before_utc + timedelta(days=30)
    key = trusted_key(pem.encode(), name=name.value, now=middle, **known)
    assert (key.not_before, key.not_after) == (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    # Without the intermediate, for another name, and (unless certifi is old) without the root: no.
    other = next(cn for cn in CHAIN["input"]["leaf_subject_cn"] if cn != name.value)
    wrong = [{"intermediates": ""}, {"name": other}, {"name": "paypal.com"}]
    if CHAIN["keys"]["root_pem"].split("\n")[1] not in certifi.contents():
        wrong.append({"roots": ""})
    for changes in wrong:
        with pytest.raises(SignatureError):
            trusted_key(pem.encode(), **{"name": name.value, "now": middle, **known, **changes})
    # The intermediate may come with the leaf instead.
    together = (pem + "\n" + CHAIN["keys"]["intermediate_pem"]).encode()
    assert trusted_key(together, name=name.value, now=middle, roots=known["roots"])


def test_the_certificates_that_are_carried_along():
    trust = files("paykit.providers.paypal") / "trust"
    table = (trust / "README.md").read_text("utf-8")
    carried = [
        certificate
        for name in ("roots.pem", "intermediates.pem")
        for certificate in x509.load_pem_x509_certificates((trust / name).read_bytes())
    ]
    recorded = [one(CHAIN["keys"]["root_pem"]), one(CHAIN["keys"]["intermediate_pem"])]
    assert carried[:2] == recorded
    for certificate in carried:
        assert certificate.fingerprint(SHA256()).hex() in table
        dates = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
        assert dates in table
    root, first, second = carried
    first.verify_directly_issued_by(root)
    # The other intermediate is issued by one of certifi's authorities.
    pem = certifi.contents()
    (issuer,) = (
        found
        for block in pem.split("-----BEGIN CERTIFICATE-----")[1:]
        if (found := _named(block, "DigiCert Global Root G2")) is not None
    )
    second.verify_directly_issued_by(issuer)


def _named(block, name):
    """The certificate of this name. The others are not parsed: one has a serial that warns."""
    import base64

    der = base64.b64decode(block.partition("-----END")[0])
    return x509.load_der_x509_certificate(der) if name.encode() in der else None


def test_no_vector_is_left_out():
    assert {vector["kind"] for vector in VECTORS} == {
        "paypal.webhook.offline",
        "paypal.certificate.chain",
    }
    assert all(vector["verifies"] is not False for vector in VECTORS)
