"""Refunds of the service at simulated providers: the answer is lost, and the money goes back once."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import attrs
import pytest

from paykit.errors import InvalidRequest, OutcomeUnknown
from paykit.http import Delivery, HttpRequest, HttpResponse
from paykit.models import Customer, PaymentRequest, PaymentSession, PaymentStatus, PaymentToken
from paykit.money import Money
from paykit.service import PaymentService

from . import test_adapter_checkoutcom as checkoutcom
from . import test_adapter_stripe as stripe
from . import test_adapter_zalopay as zalopay
from .stripe_client import tokenize
from .test_adapters import AMOUNT, Shop, momo, vnpay  # noqa: F401 - momo and vnpay are fixtures
from .test_refund_notices import paypal_shop


@attrs.define
class Line:
    """The network between the service and a simulator; it can lose one answer."""

    perform: Callable[[HttpRequest], HttpResponse]
    loses: bool = False
    moved: int = 0  #: calls that could move money

    def send(self, request: HttpRequest) -> HttpResponse:
        """Perform a call."""
        response = self.perform(request)
        self.moved += request.moves_money
        if self.loses and request.moves_money:
            self.loses = False
            raise OutcomeUnknown("the answer was lost")
        return response


@attrs.define
class Till:
    """A shop whose payments are those of the service."""

    shop: Shop
    service: PaymentService
    line: Line
    name: str
    heard: int = 0

    def ask(self, **more) -> PaymentSession:
        request = PaymentRequest(
            reference="ORDER-1",
            amount=more.pop("amount", AMOUNT),
            return_url="https://shop.example/return?cart=7",
            customer=Customer(id="user@example.com", ip="203.0.113.7"),
            **more,
        )
        return self.service.create(request, provider=self.name)

    def pay(self) -> str:
        """Create a payment and pay it."""
        world = self.shop.world
        if self.name == "stripe":
            card = PaymentToken(provider="stripe", value=tokenize(world, stripe.OK))
            session = self.ask(token=card)
        elif self.name == "paypal":
            session = self.ask(amount=checkoutcom.PRICE)
            path = session.next.url.removeprefix(world.config.public_url).partition("?")[0]
            form = {"token": session.provider_id, "outcome": "pay", "method": "balance"}
            world.client.post(path, data=form)
        elif self.name == "zalopay":
            session = self.ask()
            self.shop.click(session)
        else:
            session = self.ask()
            self.shop.pay(session)
        for _ in range(2):  # what it hears may make it do something that it hears of
            self.hear()
        return session.payment_id

    def hear(self) -> None:
        """All webhooks since the last time."""
        world = self.shop.world
        world.settle()
        for request in world.merchant.received[self.heard :]:
            query = urlsplit(request.url).query.encode() if request.method == "GET" else b""
            delivery = Delivery(request.method, "/", query, request.headers, request.body)
            assert self.service.receive(delivery, provider=self.name).error is None
            self.heard += 1

    def wait(self) -> None:
        """Hear what there is to hear, and ask about the rest when some time has passed."""
        for _ in range(2):
            self.hear()
            self.shop.world.clock.forward(minutes=30)
            report = self.service.reconcile()
            assert report.failures == ()
        self.hear()


@pytest.fixture(params=["momo", "vnpay", "zalopay", "paypal", "stripe"])
def till(request, world, tmp_path):
    name = request.param
    makers = {"zalopay": zalopay.shop_of, "paypal": paypal_shop, "stripe": stripe.shop_of}
    shop = makers[name](world) if name in makers else request.getfixturevalue(name)
    line = Line(shop.perform)
    with PaymentService(
        [shop.provider],
        database=f"sqlite:///{tmp_path}/payments.db",
        transport=line,
        clock=world.clock,
    ) as service:
        yield Till(shop, service, line, name)


def test_what_is_lost_is_found_and_what_is_answered_counts(till):
    payment_id = till.pay()
    paid = till.service.status(payment_id)
    assert (paid.status, paid.captured) == (PaymentStatus.SUCCEEDED, paid.amount)
    part = Money(paid.amount.minor // 5, paid.amount.currency)
    till.line.loses = True
    with pytest.raises(OutcomeUnknown):
        till.service.refund(payment_id, part * 2)
    till.wait()
    moved = till.line.moved
    assert till.service.status(payment_id).refunded == part * 2
    till.service.refund(payment_id, part)
    till.service.refund(payment_id, part)  # a double click
    till.wait()
    assert till.line.moved == moved + 1
    record = till.service.status(payment_id)
    assert (record.status, record.refunded) == (PaymentStatus.PARTIALLY_REFUNDED, part * 3)
    with pytest.raises(InvalidRequest, match=f"at most {part * 2} is left"):
        till.service.refund(payment_id, part * 3)
    assert events(till) == [
        ("succeeded", part * 0),
        ("partially_refunded", part * 2),
        ("partially_refunded", part * 3),
    ]


def events(till: Till) -> list:
    """What the events of the shop's one payment say."""
    found = []
    till.service._handlers.append(lambda event: found.append((event.status, event.refunded)))
    while till.service.relay():
        pass
    return found
