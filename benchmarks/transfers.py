"""Notices of ZaloPay and of those who watch bank accounts, and VietQR codes, against their floors.

The deliveries come from ``paykit.testing``, which signs apart from the adapters. The floor of a notice
is one HMAC of a text that is ready, and ``json.loads``; there is no limit yet for any of them.
"""

from __future__ import annotations

import binascii
import io
import json
from collections.abc import Callable
from hmac import digest

from paykit import Casso, Money, PayOS, Provider, SePay, VietQR, ZaloPay
from paykit.flow import run
from paykit.testing import deliveries
from paykit.vietqr import VietQRPayload, parse, qr

from .fixtures import NOW
from .measure import Row, compare, interleave, repeat
from .webhooks import no_io

AMOUNT = Money(1_579_000, "VND")
ACCOUNT = {"bank": "970436", "account_number": "0071001234567"}


def providers() -> dict[str, Provider]:
    settings = {
        ZaloPay: {"app_id": 2553, "key1": "benchmark-key-one", "key2": "benchmark-key-two"},
        PayOS: {"client_id": "bench", "api_key": "bench", "checksum_key": "0" * 64},
        SePay: {**ACCOUNT, "webhook_secret": "benchmark-webhook-secret"},
        Casso: {**ACCOUNT, "security_key": "benchmark-security-key-0123456789"},
    }
    made = [kind.from_dict(values, clock=lambda: NOW) for kind, values in settings.items()]
    return {provider.name: provider for provider in made}


def receive(provider: Provider, reference: str) -> tuple[Callable[[], object], bytes]:
    delivery = deliveries.paid(provider, reference=reference, amount=AMOUNT, at=NOW)

    def operation() -> object:
        (event,) = provider.parse(run(provider.verify(delivery), no_io))
        return event

    assert operation().amount == AMOUNT
    return operation, delivery.body


def floor(body: bytes, algorithm: str) -> Callable[[], object]:
    def operation() -> object:
        digest(b"benchmark-key", body, algorithm)
        return json.loads(body)

    return operation


def text_floor() -> str:
    """The least that writes a code: nothing is checked, the lengths are right for this one."""

    def field(name: str, value: str) -> str:
        return f"{name}{len(value):02d}{value}"

    target = field("00", "970436") + field("01", "0071001234567")
    account = field("00", "A000000727") + field("01", target) + field("02", "QRIBFTTA")
    text = (
        f"000201010212{field('38', account)}5303704{field('54', '1579000')}5802VN"
        f"{field('62', field('08', CODE))}6304"
    )
    return f"{text}{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


CODE = VietQR.from_dict(ACCOUNT).codes.from_number(123)
PAYLOAD = VietQRPayload.of("970436", "0071001234567", amount=AMOUNT, purpose=CODE)
TEXT = PAYLOAD.to_text()
assert text_floor() == TEXT


def svg_floor() -> bytes:
    import segno

    out = io.BytesIO()
    segno.make_qr(TEXT, error="m").save(out, kind="svg", scale=4)
    return out.getvalue()


def rows(*, rounds: int, seconds: float) -> list[Row]:
    references = {"zalopay": "ORDER-123", "payos": "123", "sepay": CODE, "casso": CODE}
    algorithms = {"casso": "sha512"}
    operations: dict[str, Callable[[], object]] = {
        "a code by f-strings and crc_hqx": text_floor,
        "vietqr: write a code": PAYLOAD.to_text,
        "vietqr: read a code": lambda: parse(TEXT),
        "segno.make_qr().save()": svg_floor,
        "vietqr: draw an SVG": lambda: qr.svg(TEXT),
    }
    for name, provider in providers().items():
        receiving, body = receive(provider, references[name])
        operations[f"{name}: verify + parse"] = receiving
        operations[f"{name}: hmac + json.loads"] = floor(body, algorithms.get(name, "sha256"))
    samples = {name: repeat(call, seconds=seconds) for name, call in operations.items()}
    times = interleave(samples, rounds=rounds)
    return [
        *(
            compare(times, f"{name}: verify + parse", f"{name}: hmac + json.loads")
            for name in references
        ),
        compare(times, "vietqr: write a code", "a code by f-strings and crc_hqx", limit=1.5),
        compare(times, "vietqr: read a code", "a code by f-strings and crc_hqx"),
        compare(times, "vietqr: draw an SVG", "segno.make_qr().save()", limit=1.15),
    ]
