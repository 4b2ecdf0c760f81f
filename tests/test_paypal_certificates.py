"""Whose signature is it? Certificates that a webhook names, over a real connection where it matters."""

import base64
import random
import subprocess
import threading
from datetime import timedelta

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from paykit import (
    Client,
    ConfigurationError,
    HttpResponse,
    NoAnswer,
    NotSent,
    PaykitError,
    PayPal,
    PayPalConfig,
    ProviderUnavailable,
    RateLimited,
    SignatureError,
    WebhookError,
)
from paykit.certificates import MAX_BYTES, trusted_key
from paykit.flow import run
from paykit.providers.paypal import certificates
from paykit.retries import RetryPolicy, Timeouts
from paykit.testing.factories.paypal import authority, certificate, signed_webhook
from paykit.transport import HttpxTransport

from .support.authorities import NOW, Authority, ec_key, pem, rsa_key
from .support.servers import answer, drip, hang, loopback, raw, reset, unused_port
from .support.services import missing

LIVE, SANDBOX = "messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com"
ID = "8PT597110X687430LKGECATA"
#: Of an older interface: once it is proven, there is nothing to ask about.
BODY = b'{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"1"}}'
GENUINE = certificate(SANDBOX)


class Clock:
    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


def paypal(clock=None, **settings):
    keys = {"client_id": "client", "client_secret": "secret"}
    usual = {**keys, "webhook_ids": (ID,), "webhook_roots": authority()}
    return PayPal(PayPalConfig(**{**usual, **settings}), clock=clock or Clock())


def webhook(provider, url=None, *, key=None, at=NOW):
    delivery = signed_webhook(provider.config, BODY, at=at, key=key)
    return delivery if url is None else with_url(delivery, url)


def with_url(delivery, url):
    headers = [(name, url if name == "PAYPAL-CERT-URL" else v) for name, v in delivery.headers]
    return attrs.evolve(delivery, headers=headers)


class Host:
    """Gives ``answer`` to whatever it is asked, and remembers that."""

    def __init__(self, body=GENUINE, status=200, headers=None):
        self.answer = HttpResponse(status, headers or {}, body)
        self.asked = []

    def send(self, request):
        self.asked.append(request.url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def transport():
    return HttpxTransport(
        timeouts=Timeouts(connect=0.5, read=0.5, total=1.0), retries=RetryPolicy(attempts=1)
    )


# Where it may come from.

PATH = "/v1/notifications/certs/CERT-360caa42-fca2a594-1"
ELSEWHERE = [
    f"http://api.sandbox.paypal.com{PATH}",
    f"https://evil.test{PATH}",
    f"https://evilpaypal.com{PATH}",
    f"https://api.sandbox.paypal.com.evil.test{PATH}",
    f"https://evil.test/api.sandbox.paypal.com{PATH}",
    f"https://xapi.sandbox.paypal.com{PATH}",
    f"https://www.paypal.com{PATH}",
    f"https://paypal.com{PATH}",
    f"https://api.paypal.com{PATH}",  # the other environment
    f"https://api-m.paypal.com{PATH}",
    f"https://api.sandbox.paypal.com@evil.test{PATH}",
    f"https://user@api.sandbox.paypal.com{PATH}",
    f"https://user:password@api.sandbox.paypal.com{PATH}",
    f"https://api.sandbox.paypal.com\\@evil.test{PATH}",
    f"https://evil.test\\@api.sandbox.paypal.com{PATH}",
    f"https://evil.test#@api.sandbox.paypal.com{PATH}",
    f"https://evil.test?@api.sandbox.paypal.com{PATH}",
    f"https://api.sandbox.paypal.com:443{PATH}",
    f"https://api.sandbox.paypal.com:8443{PATH}",
    f"https://api.sandbox.paypal.com.{PATH}",
    f"https://API.SANDBOX.PAYPAL.COM{PATH}",
    f"HTTPS://api.sandbox.paypal.com{PATH}",
    f"//api.sandbox.paypal.com{PATH}",
    f"https:/api.sandbox.paypal.com{PATH}",
    f" https://api.sandbox.paypal.com{PATH}",
    f"https://api.sandbox.paypal.com{PATH} ",
    f"https://api.sandbox.paypal.com{PATH}\r\nX: y",
    f"https://api.sandbox.paypal.com{PATH}?next=https://evil.test",
    f"https://api.sandbox.paypal.com{PATH}#x",
    f"https://api.sandbox.paypal.com{PATH}/../../../../evil",
    f"https://api.sandbox.paypal.com{PATH}%2f..%2fevil",
    "https://api.sandbox.paypal.com/v1/notifications/certs/",
    "https://api.sandbox.paypal.com/v1/notifications/certs/..",
    "https://api.sandbox.paypal.com/v1/notifications/certs/a/b",
    "https://api.sandbox.paypal.com/v1/notifications/certs",
    "https://api.sandbox.paypal.com/v1/oauth2/token",
    "https://api.sandbox.paypal.com/",
    f"https://api.sandbox.paypal.com{PATH}{'a' * 600}",
    f"https://api.sandbox.pаypal.com{PATH}",  # a Cyrillic letter
    f"https://127.0.0.1{PATH}",
    f"https://[::1]{PATH}",
    f"file://{PATH}",
    "data:text/plain,-----BEGIN CERTIFICATE-----",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_certificate_from_elsewhere_is_not_even_asked_for(url):
    provider, host = paypal(), Host()
    with pytest.raises(SignatureError):
        run(provider.verify(webhook(provider, url)), host.send)
    assert host.asked == []


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_paypals_own_hosts_are_asked(environment):
    middle = ".sandbox" if environment == "sandbox" else ""
    for host_name in (f"api{middle}.paypal.com", f"api-m{middle}.paypal.com"):
        provider, host = paypal(environment=environment, webhook_roots=None), Host()
        with pytest.raises(SignatureError, match="trusted authority"):  # the tests' own root
            run(provider.verify(webhook(provider, f"https://{host_name}{PATH}")), host.send)
        assert host.asked == [f"https://{host_name}{PATH}"]


def test_a_configured_address_is_accepted_to_the_letter():
    base = "http://127.0.0.1:8100/paypal"
    provider = paypal(base_url=base)
    host = Host()
    assert run(provider.verify(webhook(provider)), host.send)
    for wrong in (
        base.replace("http:", "https:"),
        base.replace(":8100", ""),
        base.replace(":8100", ":8101"),
        base.replace("127.0.0.1", "127.0.0.2"),
        base.replace("/paypal", ""),
        base.replace("127.0.0.1", "127.0.0.1@evil.test"),
    ):
        with pytest.raises(SignatureError):
            run(provider.verify(webhook(provider, wrong + PATH)), host.send)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYPAL-AUTH-ALGO", "SHA1withRSA"),
        ("PAYPAL-AUTH-ALGO", "MD5withRSA"),
        ("PAYPAL-AUTH-ALGO", "none"),
        ("PAYPAL-AUTH-ALGO", "SHA256withECDSA"),
        ("PAYPAL-AUTH-ALGO", "sha256withrsa"),
        ("PAYPAL-AUTH-ALGO", None),
        ("PAYPAL-CERT-URL", None),
        ("PAYPAL-TRANSMISSION-ID", None),
        ("PAYPAL-TRANSMISSION-ID", "a|b"),
        ("PAYPAL-TRANSMISSION-ID", "é"),
        ("PAYPAL-TRANSMISSION-ID", "x" * 101),
        ("PAYPAL-TRANSMISSION-TIME", None),
        ("PAYPAL-TRANSMISSION-TIME", "2026-01-02"),
        ("PAYPAL-TRANSMISSION-TIME", "2026-01-02T03:04:05"),
        ("PAYPAL-TRANSMISSION-TIME", "2026-13-02T03:04:05Z"),
        ("PAYPAL-TRANSMISSION-TIME", "٢٠٢٦-01-02T03:04:05Z"),
        ("PAYPAL-TRANSMISSION-TIME", "1767323045"),
        ("PAYPAL-TRANSMISSION-SIG", None),
        ("PAYPAL-TRANSMISSION-SIG", ""),
        ("PAYPAL-TRANSMISSION-SIG", "===="),
        ("PAYPAL-TRANSMISSION-SIG", "é" * 344),
        ("PAYPAL-TRANSMISSION-SIG", "A" * 5000),
    ],
)
def test_headers_that_are_missing_or_strange_cost_no_request(name, value):
    provider, host = paypal(), Host()
    delivery = webhook(provider)
    headers = [(k, value if k == name else v) for k, v in delivery.headers]
    headers = [(k, v) for k, v in headers if v is not None]
    with pytest.raises(SignatureError):
        run(provider.verify(attrs.evolve(delivery, headers=headers)), host.send)
    doubled = [*delivery.headers, (name.lower(), dict(delivery.headers)[name])]
    with pytest.raises(SignatureError):
        run(provider.verify(attrs.evolve(delivery, headers=doubled)), host.send)
    assert host.asked == []


def test_names_of_headers_come_in_any_case():
    provider, host = paypal(), Host()
    delivery = webhook(provider)
    lower = attrs.evolve(delivery, headers=[(name.lower(), v) for name, v in delivery.headers])
    assert run(provider.verify(lower), host.send)


def test_without_a_webhook_id_nothing_is_accepted():
    provider, host = paypal(webhook_ids=()), Host()
    delivery = signed_webhook(provider.config, BODY, at=NOW, webhook_id="")
    with pytest.raises(SignatureError, match="no webhook id"):
        run(provider.verify(delivery), host.send)
    assert host.asked == []


def test_several_webhook_ids():
    provider = paypal(webhook_ids=("0FV983392A0531201", ID))
    for webhook_id in provider.config.webhook_ids:
        delivery = signed_webhook(provider.config, BODY, at=NOW, webhook_id=webhook_id)
        assert run(provider.verify(delivery), Host().send)
    delivery = signed_webhook(provider.config, BODY, at=NOW, webhook_id="4JH86294D6297924G")
    with pytest.raises(SignatureError):
        run(provider.verify(delivery), Host().send)


# Over a real connection.


def received(server, *, clock=None, sender=None):
    """What becomes of a webhook that names a certificate at ``server``."""
    provider = paypal(clock, base_url=server.url)
    with sender or transport() as wire:
        return Client(provider, transport=wire).receive(webhook(provider))


def test_the_certificate_is_fetched_and_kept():
    with loopback(answer(body=GENUINE)) as server, transport() as wire:
        provider = paypal(base_url=server.url)
        client = Client(provider, transport=wire)
        for _ in range(3):
            assert client.receive(webhook(provider)) == ()
        assert len(server.requests) == 1
        assert server.lines[0].startswith("GET /v1/notifications/certs/CERT-")
        # Nothing of ours goes along.
        assert {"authorization", "cookie"}.isdisjoint(server.requests[0].headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    with loopback(answer(body=GENUINE)) as private:
        to = {"Location": f"{private.url}{PATH}"}
        with loopback(answer(status, b"", headers=to)) as server:
            with pytest.raises(SignatureError, match=f"HTTP {status}"):
                received(server)
            assert len(server.requests) == 1
        assert private.requests == []


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410])
def test_an_answer_without_a_certificate(status):
    with loopback(answer(status, b"")) as server, pytest.raises(SignatureError):
        received(server)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        GENUINE[:-40],
        GENUINE.replace(b"CERTIFICATE", b"PUBLIC KEY"),
        b"\xff\xfe" + GENUINE[:200],
        GENUINE + b" " * MAX_BYTES,
        GENUINE * 11,
        b"x" * (5 * 1024 * 1024),
    ],
    ids=[
        "empty", "html", "no-content", "short", "not-base64", "cut", "another-kind", "bytes",
        "a-little-too-large", "too-many", "five-megabytes",
    ],
)  # fmt: skip
def test_what_is_no_certificate_or_too_large(body):
    with loopback(answer(body=body)) as server, pytest.raises(SignatureError):
        received(server)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (hang, NoAnswer),
        (reset, NoAnswer),
        (drip(), NoAnswer),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n-----"), NoAnswer),
        (answer(500, b""), ProviderUnavailable),
        (answer(503, b""), ProviderUnavailable),
        (answer(429, b"", headers={"Retry-After": "3"}), RateLimited),
    ],
    ids=["hangs", "resets", "drips", "is-cut", "500", "503", "429"],
)
def test_trouble_at_the_host_is_no_verdict(behaviour, error):
    """It is not known whether the webhook is genuine: PayPal shall come again."""
    with loopback(behaviour) as server, pytest.raises(error) as caught:
        received(server)
    assert not isinstance(caught.value, WebhookError)


def test_a_host_that_is_down():
    provider = paypal(base_url=f"http://127.0.0.1:{unused_port()}")
    with transport() as wire, pytest.raises(NotSent):
        Client(provider, transport=wire).receive(webhook(provider))


def test_a_kept_certificate_serves_while_the_host_is_down():
    with loopback(answer(body=GENUINE)) as server, transport() as wire:
        provider = paypal(base_url=server.url)
        client = Client(provider, transport=wire)
        client.receive(webhook(provider))
        server.stop()
        assert client.receive(webhook(provider)) == ()


# Whose it is.

ROOT, OTHER = Authority.root("Our root"), Authority.root("Another root", 1)
MIDDLE = ROOT.intermediate()
KEY = rsa_key()
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def judged(chain, *, roots=ROOT.pem, clock=None, environment="sandbox", key=KEY_PEM):
    provider = paypal(clock, environment=environment, webhook_roots=roots)
    delivery = webhook(provider, key=key, at=(clock or Clock()).now)
    return run(provider.verify(delivery), Host(chain.encode()).send)


def self_signed():
    own = Authority(ROOT.certificate, KEY)
    return attrs.evolve(own, certificate=own.leaf(SANDBOX)).leaf(SANDBOX)


GOOD = {
    "from-the-root": lambda: pem(ROOT.leaf(SANDBOX)),
    "by-an-intermediate": lambda: pem(MIDDLE.leaf(SANDBOX), MIDDLE.certificate),
    "with-the-root-itself": lambda: pem(MIDDLE.leaf(SANDBOX), MIDDLE.certificate, ROOT.certificate),
    "with-a-stranger": lambda: pem(ROOT.leaf(SANDBOX), OTHER.certificate),
    "with-text-before": lambda: "subject=CN = x\n" + pem(ROOT.leaf(SANDBOX)),
}
BAD = {
    "expired": lambda: pem(ROOT.leaf(SANDBOX, end=NOW - timedelta(seconds=1))),
    "not-yet": lambda: pem(ROOT.leaf(SANDBOX, start=NOW + timedelta(seconds=1))),
    "self-signed": lambda: pem(self_signed()),
    "another-root": lambda: pem(OTHER.leaf(SANDBOX)),
    "another-root-that-comes-along": lambda: pem(OTHER.leaf(SANDBOX), OTHER.certificate),
    "a-root-of-the-same-name": lambda: pem(Authority.root("Our root", 2).leaf(SANDBOX)),
    "without-its-intermediate": lambda: pem(MIDDLE.leaf(SANDBOX)),
    "by-one-that-is-no-authority": lambda: pem(
        ROOT.intermediate(ca=False).leaf(SANDBOX), ROOT.intermediate(ca=False).certificate
    ),
    "by-another-leaf": lambda: pem(
        Authority(ROOT.leaf(SANDBOX, key=ec_key(7)), ec_key(7)).leaf(SANDBOX),
        ROOT.leaf(SANDBOX, key=ec_key(7)),
    ),
    "of-the-other-environment": lambda: pem(ROOT.leaf(LIVE)),
    "of-another-host": lambda: pem(ROOT.leaf("www.paypal.com")),
    "of-a-longer-name": lambda: pem(ROOT.leaf(f"{SANDBOX}.evil.test")),
    "of-a-part-of-the-name": lambda: pem(ROOT.leaf("sandbox.paypal.com")),
    "of-a-wildcard-above": lambda: pem(ROOT.leaf("*.paypal.com")),
    "of-a-common-name-only": lambda: pem(ROOT.leaf(None, common=SANDBOX)),
    "for-clients-only": lambda: pem(ROOT.leaf(SANDBOX, usage=ExtendedKeyUsageOID.CLIENT_AUTH)),
    "for-signing-code": lambda: pem(ROOT.leaf(SANDBOX, usage=ExtendedKeyUsageOID.CODE_SIGNING)),
    "an-authority-itself": lambda: pem(ROOT.leaf(SANDBOX, ca=True)),
    "an-elliptic-key": lambda: pem(ROOT.leaf(SANDBOX, key=ec_key())),
    "a-short-key": lambda: pem(ROOT.leaf(SANDBOX, key=rsa_key(1024))),
    "another-key": lambda: pem(ROOT.leaf(SANDBOX, key=rsa_key(2048, 1))),
    "the-intermediate-first": lambda: pem(MIDDLE.certificate, MIDDLE.leaf(SANDBOX)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_certificate_that_is_right(name):
    assert judged(GOOD[name]())


@pytest.mark.parametrize("name", BAD)
def test_a_certificate_that_is_wrong(name):
    with pytest.raises(SignatureError):
        judged(BAD[name]())


def test_the_authorities_of_the_web_are_trusted_and_no_others():
    """Without added roots the tests' own authority is nobody; a real chain is judged by its root."""
    with pytest.raises(SignatureError, match="trusted authority"):
        judged(pem(ROOT.leaf(SANDBOX)), roots=None)


@pytest.mark.parametrize("hours", [-24 * 31, -1, 0, 1, 24 * 301])
def test_a_clock_that_is_wrong(hours):
    """The certificate counts from 30 days before to 300 days after: ahead and behind alike."""
    clock = Clock(NOW + timedelta(hours=hours))
    chain = pem(ROOT.leaf(SANDBOX))
    if abs(hours) <= 1:
        assert judged(chain, clock=clock)
    else:
        with pytest.raises(SignatureError, match="Is this server's clock right"):
            judged(chain, clock=clock)


def test_bytes_out_of_a_certificate_never_surprise():
    """Damaged certificates are refused, and nothing else comes out."""
    chance = random.Random(7)
    der = bytearray(ROOT.leaf(SANDBOX).public_bytes(Encoding.DER))
    for _ in range(2000):
        damaged = bytearray(der)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        text = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----" % base64.b64encode(
            damaged
        )
        try:
            key = trusted_key(text, name=SANDBOX, now=NOW, roots=ROOT.pem)
        except SignatureError:
            continue
        # What still passes has its signed part untouched.
        assert key.key.public_numbers() == KEY.public_key().public_numbers()


# Kept, and not kept.


def test_a_certificate_is_kept_until_it_expires_and_then_fetched_again():
    clock = Clock()
    provider = paypal(clock, webhook_roots=ROOT.pem)
    host = Host(pem(ROOT.leaf(SANDBOX, end=NOW + timedelta(days=1))).encode())
    run(provider.verify(webhook(provider, key=KEY_PEM)), host.send)
    clock.now = NOW + timedelta(hours=23)
    run(provider.verify(webhook(provider, key=KEY_PEM)), host.send)
    assert len(host.asked) == 1
    clock.now = NOW + timedelta(hours=25)
    host.answer = HttpResponse(200, body=pem(ROOT.leaf(SANDBOX)).encode())
    run(provider.verify(webhook(provider, key=KEY_PEM)), host.send)
    assert len(host.asked) == 2


def test_it_is_not_kept_longer_than_its_issuer_is_valid():
    key = trusted_key(
        pem(MIDDLE.leaf(SANDBOX, end=NOW + timedelta(days=9000)), MIDDLE.certificate).encode(),
        name=SANDBOX,
        now=NOW,
        roots=ROOT.pem,
    )
    assert key.not_after == MIDDLE.certificate.not_valid_after_utc


def test_a_refusal_is_remembered_for_a_minute():
    clock, host = Clock(), Host(b"nothing")
    provider = paypal(clock)
    for _ in range(5):
        with pytest.raises(SignatureError):
            run(provider.verify(webhook(provider)), host.send)
    assert len(host.asked) == 1
    clock.now = NOW + timedelta(seconds=61)
    host.answer = HttpResponse(200, body=GENUINE)
    assert run(provider.verify(webhook(provider)), host.send)


def test_trouble_is_not_remembered_as_a_refusal():
    provider, host = paypal(), Host()
    host.answer = NoAnswer("silence")
    with pytest.raises(NoAnswer):
        run(provider.verify(webhook(provider)), host.send)
    host.answer = HttpResponse(200, body=GENUINE)
    assert run(provider.verify(webhook(provider)), host.send)


def test_made_up_addresses_cost_a_bounded_number_of_requests():
    clock, host = Clock(), Host(b"", 404)
    provider = paypal(clock)
    good = Host()
    assert run(provider.verify(webhook(provider)), good.send)
    ended = []
    for number in range(500):
        url = f"https://api.sandbox.paypal.com/v1/notifications/certs/CERT-{number}"
        with pytest.raises(PaykitError) as caught:
            run(provider.verify(webhook(provider, url)), host.send)
        ended.append(type(caught.value))
    assert len(host.asked) == 32
    # From then on it is not known whether they are genuine, so PayPal may come again.
    assert ended == [SignatureError] * 32 + [ProviderUnavailable] * 468
    assert len(provider._certificates._refused) == 32
    # What is known keeps working meanwhile, and after a minute all is as before.
    assert run(provider.verify(webhook(provider)), good.send)
    clock.now = NOW + timedelta(minutes=2)
    fresh = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-fresh"
    assert run(provider.verify(webhook(provider, fresh)), good.send)


def test_the_cache_is_bounded():
    provider, host = paypal(), Host()
    for number in range(100):
        url = f"https://api.sandbox.paypal.com/v1/notifications/certs/CERT-{number}"
        run(provider.verify(webhook(provider, url)), host.send)
    assert len(provider._certificates._keys) == certificates._MAX_KEYS
    assert "CERT-99" in list(provider._certificates._keys)[-1]


def test_the_cache_is_shared_by_threads():
    provider, host = paypal(), Host()
    failures = []

    def work(number):
        try:
            for turn in range(60):
                name = f"CERT-{(number + turn) % 20}"
                url = f"https://api.sandbox.paypal.com/v1/notifications/certs/{name}"
                assert run(provider.verify(webhook(provider, url)), host.send)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(provider._certificates._keys) <= certificates._MAX_KEYS


# The settings.


@pytest.mark.parametrize(
    "settings",
    [
        {"webhook_roots": "no certificate"},
        {"webhook_roots": ""},
        {"webhook_roots": authority().replace("MII", "NII", 1)},
        {"webhook_roots": authority(), "environment": "production"},
        {"webhook_simulator": True, "environment": "production", "webhook_roots": None},
        {"webhook_ids": ("WEBHOOK_ID",)},
        {"webhook_ids": ("",)},
        {"webhook_ids": (" ",)},
        {"webhook_ids": ("x" * 51,)},
        {"webhook_tolerance": 0},
        {"webhook_tolerance": -1},
        {"webhook_tolerance": None},
        {"webhook_tolerance": 3600},
        {"webhook_tolerance": True},
        {"webhook_tolerance": 10**9},
        {"webhook_verification": "off"},
        {"webhook_verification": None},
        {"merchant_id": "nobody"},
        {"client_secret": ""},
        {"client_secret": " "},
        {"client_id": ""},
        {"client_id": "a:b"},
        {"return_url": "/relative"},
        {"verify": False},
    ],
    ids=str,
)
def test_settings_that_would_weaken_it_are_refused(settings):
    with pytest.raises(ConfigurationError):
        paypal(**settings)


def test_settings_from_the_environment():
    provider = PayPal.from_env(
        environ={
            "PAYKIT_PAYPAL_CLIENT_ID": "client",
            "PAYKIT_PAYPAL_CLIENT_SECRET": "secret",
            "PAYKIT_PAYPAL_WEBHOOK_IDS": f"{ID},0FV983392A0531201",
            "PAYKIT_PAYPAL_WEBHOOK_TOLERANCE": "P7D",
            "PAYKIT_PAYPAL_WEBHOOK_ROOTS": authority(),
        }
    )
    assert provider.config.webhook_ids == (ID, "0FV983392A0531201")
    assert provider.config.webhook_tolerance == timedelta(days=7)
    assert run(provider.verify(webhook(provider, at=provider.clock())), Host().send)
    with pytest.raises(ConfigurationError, match="PAYKIT_PAYPAL_CLIENT_SECRET"):
        PayPal.from_env(environ={"PAYKIT_PAYPAL_CLIENT_ID": "client"})


def test_the_signature_is_that_of_openssl(tmp_path):
    """A third opinion: neither paykit's verification nor the factory's library."""
    delivery = webhook(paypal())
    text = "|".join(
        [
            delivery.header("paypal-transmission-id"),
            "2026-01-02T03:04:05Z",
            ID,
            "1421844329",  # the CRC-32 of BODY, as gzip -lv shows it in hex
        ]
    )
    (tmp_path / "leaf.pem").write_bytes(GENUINE)
    (tmp_path / "text").write_text(text)
    (tmp_path / "signature").write_bytes(
        base64.b64decode(delivery.header("paypal-transmission-sig"))
    )
    try:
        public = openssl(tmp_path, "x509", "-in", "leaf.pem", "-pubkey", "-noout")
    except FileNotFoundError:
        missing("openssl is not installed")
    (tmp_path / "public.pem").write_text(public)
    arguments = ("-verify", "public.pem", "-signature", "signature", "text")
    assert "Verified OK" in openssl(tmp_path, "dgst", "-sha256", *arguments)


def openssl(folder, *arguments):
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout
