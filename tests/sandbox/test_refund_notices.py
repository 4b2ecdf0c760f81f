"""A refund is told by its answer and by webhooks: by what ids, for each provider that refunds."""

from __future__ import annotations

from operator import attrgetter

import attrs
import pytest

from paykit import registry
from paykit.events import MovementKind, PaymentProcessed
from paykit.http import Delivery
from paykit.models import PaymentStatus, RefundRef, RefundRequest, RefundStatus
from paykit.money import Money
from paykit.provider import Capability, RefundNotices
from paykit.providers.paypal import PayPal, PayPalConfig

from . import test_adapter_adyen as adyen
from . import test_adapter_checkoutcom as checkoutcom
from . import test_adapter_stripe as stripe
from . import test_adapter_zalopay as zalopay
from .test_adapters import Shop, momo, vnpay  # noqa: F401 - momo and vnpay are fixtures

MOVEMENT = attrgetter("movement")
REFUNDING = [
    name for name in registry.names() if Capability.REFUND in registry.load(name).capabilities
]


class PayPalShop(Shop):
    def paid(self):
        session = self.ask(amount=checkoutcom.PRICE)
        path = session.next.url.removeprefix(self.world.config.public_url).partition("?")[0]
        form = {"token": session.provider_id, "outcome": "pay", "method": "balance"}
        assert self.world.client.post(path, data=form).status_code == 303
        payment = self.do(self.provider.complete(session.ref, idempotency_key="complete-1"))
        assert payment.status is PaymentStatus.SUCCEEDED
        return session.ref


def paypal_shop(world):
    account = world.config.paypal
    config = PayPalConfig.from_dict(
        {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "webhook_ids": [account.webhook_id],
            "webhook_roots": account.root_certificate_pem,
            "base_url": f"{world.config.public_url}/paypal",
        }
    )
    return PayPalShop(world, PayPal(config, clock=world.clock))


@pytest.fixture(params=REFUNDING)
def paid(request, world):
    """A shop, and a payment of which all was taken."""
    name = request.param
    if name == "adyen":
        shop = adyen.shop_of(world)
        ref = shop.held()
        shop.capture(ref)
    elif name == "checkoutcom":
        shop = checkoutcom.shop_of(world)
        session = shop.create()
        shop.capture(session)
        ref = session.ref
    elif name == "stripe":
        shop = stripe.shop_of(world)
        ref = shop.by_card().ref
    elif name == "paypal":
        shop = paypal_shop(world)
        ref = shop.paid()
    elif name == "zalopay":
        shop = zalopay.shop_of(world)
        ref = shop.paid()
    else:
        shop = request.getfixturevalue(name)
        session = shop.ask()
        shop.pay(session)
        ref = attrs.evolve(session.ref, provider_id=shop.notice()[0].provider_id)
    world.settle()
    return shop, ref


def told_since(shop, seen):
    """What the webhooks say that came after the first ``seen`` of them."""
    shop.world.settle()
    found = []
    for request in shop.world.merchant.received[seen:]:
        delivery = Delivery("POST", "/", b"", request.headers, request.body)
        found += shop.read(shop.provider.verify(delivery))
    return [event for event in found if isinstance(event, PaymentProcessed)]


def test_each_refund_is_counted_once(paid):
    shop, ref = paid
    provider = shop.provider
    part = Money(ref.amount.minor // 5, ref.amount.currency)
    seen = len(shop.world.merchant.received)
    answers, told = [], []
    for number in (1, 2):
        amount = part * number
        reference = provider.refund_reference(ref, number, at=shop.world.clock())
        request = RefundRequest(payment=ref, reference=reference, amount=amount)
        answer = shop.do(provider.refund(request))
        assert answer.status in {RefundStatus.PENDING, RefundStatus.SUCCEEDED}
        assert answer.reference == reference
        answers.append((answer.provider_id, amount))
        told.append(told_since(shop, seen))
        seen = len(shop.world.merchant.received)
        if Capability.FETCH_REFUND in provider.capabilities:
            for known_as in (answer.provider_id, None):
                asked = RefundRef(
                    reference=reference, payment=ref, amount=amount, provider_id=known_as
                )
                found = shop.do(provider.fetch_refund(asked))
                assert (found.provider_id, found.status, found.amount) == (
                    answer.provider_id,
                    RefundStatus.SUCCEEDED,
                    amount,
                )
    match provider.info.refund_notices:
        case RefundNotices.NONE:
            assert told == [[], []]
        case RefundNotices.EACH:
            first, second = (
                {(one.kind, one.id, one.amount, one.undone) for one in map(MOVEMENT, events)}
                for events in told
            )
            known = [(MovementKind.REFUND, *answer, False) for answer in answers]
            assert first == {known[0]}
            assert known[1] in second <= set(known)  # one may tell of all refunds so far
        case RefundNotices.TOTAL:
            assert [{(one.movement, one.refunded) for one in events} for events in told] == [
                {(None, part)},
                {(None, part * 3)},
            ]
