"""Notices of the card gateways against their floor and the gateways' own libraries; card numbers in texts.

The deliveries come from ``paykit.testing``, which signs apart from the adapters. The floor of a notice
is one HMAC of a text that is ready, and ``json.loads``; there is no limit yet for any of them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable

from paykit import Adyen, CheckoutCom, Delivery, Money, Provider, Stripe
from paykit.cards import holds_card_number
from paykit.flow import run
from paykit.testing import deliveries

from .fixtures import NOW
from .measure import Row, compare, interleave, repeat
from .transfers import floor
from .webhooks import no_io, refuse

AMOUNT = Money(1_579_000, "VND")
STRIPE_SECRET = "whsec_benchmark"
ADYEN_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
TEXTS = {
    "cards: search a text": "Order 10045 of 2026-11-26: 2 x lotus tea, call 0903 123 456 before 17:30",
    "cards: search a Vietnamese text": "Đơn hàng 10045 ngày 26-11-2026: 2 × Trà sen, gọi 0903 123 456",
}
BARE = re.compile(r"[0-9]{13,19}")


def providers() -> dict[str, Provider]:
    settings = {
        Stripe: {"secret_key": "sk_test_benchmark", "webhook_secret": STRIPE_SECRET},
        Adyen: {
            "merchant_account": "BenchmarkECOM",
            "api_key": "benchmark-api-key",
            "hmac_key": ADYEN_KEY,
            "capture_mode": "automatic",
        },
        CheckoutCom: {"secret_key": "sk_sbox_benchmark", "signature_key": "benchmark-key"},
    }
    made = [kind.from_dict(values, clock=lambda: NOW) for kind, values in settings.items()]
    return {provider.name: provider for provider in made}


def receive(provider: Provider, delivery: Delivery) -> Callable[[], object]:
    def operation() -> object:
        (event,) = provider.parse(run(provider.verify(delivery), no_io))
        return event

    assert operation().amount == AMOUNT
    return operation


def stripes_own(delivery: Delivery) -> Callable[[], object] | None:
    """``construct_event``, which proves, reads, and makes objects, of which none is ours."""
    try:
        import stripe
    except ModuleNotFoundError:
        print("left out: the package stripe is not installed", file=sys.stderr)
        return None
    signature = delivery.header("stripe-signature")
    body, age = delivery.body, 10**10  # the notice is signed at a time that is over

    def operation() -> object:
        return stripe.Webhook.construct_event(body, signature, STRIPE_SECRET, tolerance=age)

    assert operation().type == "payment_intent.succeeded"
    return operation


def adyens_own(delivery: Delivery) -> Callable[[], object] | None:
    """``is_valid_hmac_notification`` of the one item, and the JSON read before."""
    try:
        from Adyen import util
    except ModuleNotFoundError:
        print("left out: the package Adyen is not installed", file=sys.stderr)
        return None
    body = delivery.body

    def operation() -> object:
        notice = json.loads(body)
        item = notice["notificationItems"][0]["NotificationRequestItem"]
        if not util.is_valid_hmac_notification(item, ADYEN_KEY):
            raise AssertionError
        return notice

    operation()
    return operation


def search(text: str) -> Callable[[], object]:
    assert not holds_card_number(text)
    return lambda: holds_card_number(text)


def bare(text: str) -> Callable[[], object]:
    return lambda: BARE.search(text)


def rows(*, rounds: int, seconds: float) -> list[Row]:
    operations: dict[str, Callable[[], object]] = {}
    for name, text in TEXTS.items():
        operations[name] = search(text)
        operations[f"{name}: re.search"] = bare(text)
    peers = {"stripe": stripes_own, "adyen": adyens_own}
    told = {"stripe": "stripe.construct_event", "adyen": "Adyen.util + json.loads"}
    compared = []
    for name, provider in providers().items():
        delivery = deliveries.paid(provider, reference="ORDER-123", amount=AMOUNT, at=NOW)
        proven, least = f"{name}: verify + parse", f"{name}: hmac + json.loads"
        wrong = f"{name}: wrong signature"
        operations[proven] = receive(provider, delivery)
        operations[least] = floor(delivery.body, "sha256")
        operations[wrong] = refuse(provider, deliveries.tampered(provider, delivery))
        compared += [(proven, least, None), (wrong, proven, 1.0)]
        own = peers[name](delivery) if name in peers else None
        if own is not None:
            operations[told[name]] = own
            compared.insert(-1, (proven, told[name], None))
    compared += [(name, f"{name}: re.search", None) for name in TEXTS]
    samples = {name: repeat(call, seconds=seconds) for name, call in operations.items()}
    times = interleave(samples, rounds=rounds)
    return [compare(times, name, least, limit=limit) for name, least, limit in compared]
