"""Verify and parse one webhook, against the cryptography and parsing that cannot be avoided."""

from __future__ import annotations

import json
from collections.abc import Callable
from hmac import compare_digest, digest
from urllib.parse import parse_qsl

from paykit import Delivery, Money, PaymentProcessed, PaymentStatus, Provider, SignatureError
from paykit.flow import run

from . import fixtures
from .measure import Row, compare, interleave, repeat


def no_io(request: object) -> object:
    raise AssertionError(f"a webhook asked for {request!r}")


def receive(provider: Provider, delivery: Delivery) -> Callable[[], PaymentProcessed]:
    def operation() -> PaymentProcessed:
        (event,) = provider.parse(run(provider.verify(delivery), no_io))
        return event

    event = operation()
    assert event.status is PaymentStatus.SUCCEEDED
    assert event.amount == Money(1_579_000, "VND")
    return operation


def refuse(provider: Provider, delivery: Delivery) -> Callable[[], None]:
    def operation() -> None:
        try:
            run(provider.verify(delivery), no_io)
        except SignatureError:
            return
        raise AssertionError("a wrong signature was accepted")

    return operation


def momo_floor() -> object:
    # The signed text is ready here. A real check cannot have it before the JSON is read.
    claimed = bytes.fromhex(fixtures.MOMO_SIGNATURE)
    if not compare_digest(digest(fixtures.MOMO_SECRET, fixtures.MOMO_SIGNED, "sha256"), claimed):
        raise AssertionError
    return json.loads(MOMO_BODY)


def vnpay_floor() -> object:
    claimed = bytes.fromhex(fixtures.VNPAY_SIGNATURE)
    if not compare_digest(digest(fixtures.VNPAY_SECRET, fixtures.VNPAY_SIGNED, "sha512"), claimed):
        raise AssertionError
    return parse_qsl(VNPAY_QUERY.decode(), keep_blank_values=True)


MOMO_BODY = fixtures.momo_body()
VNPAY_QUERY = fixtures.vnpay_query()


def rows(*, rounds: int, seconds: float) -> list[Row]:
    momo, vnpay = fixtures.momo(), fixtures.vnpay()
    bad_momo = fixtures.momo_delivery(fixtures.flip(fixtures.MOMO_SIGNATURE))
    bad_vnpay = fixtures.vnpay_delivery(fixtures.flip(fixtures.VNPAY_SIGNATURE))
    operations: dict[str, Callable[[], object]] = {
        "hmac + json.loads": momo_floor,
        "momo: verify + parse": receive(momo, fixtures.momo_delivery()),
        "momo: wrong signature": refuse(momo, bad_momo),
        "hmac + parse_qsl": vnpay_floor,
        "vnpay: verify + parse": receive(vnpay, fixtures.vnpay_delivery()),
        "vnpay: wrong signature": refuse(vnpay, bad_vnpay),
    }
    samples = {name: repeat(call, seconds=seconds) for name, call in operations.items()}
    times = interleave(samples, rounds=rounds)
    return [
        compare(times, "momo: verify + parse", "hmac + json.loads", limit=1.7),
        compare(times, "momo: wrong signature", "momo: verify + parse", limit=1.0),
        compare(times, "vnpay: verify + parse", "hmac + parse_qsl", limit=2.2),
        compare(times, "vnpay: wrong signature", "vnpay: verify + parse", limit=1.0),
    ]
