"""An order is found by its id, whatever is in it."""

import json
from urllib.parse import quote

import pytest

from paykit import Customer, Money, PaymentRequest

from .callers import CALLERS
from .case import refused
from .site import TOKENS
from .wire import Sent

IDS = [
    "a b", "a+b", "a%2Fb", "a/b", "a//b", "//a", "/a", "a/", "a//", "/", "Đơn 1", "?#&=;,", "..", "a/../b",
    "./a", "status", "a/status", "x" * 255, "{order_id}", "100%", "a\\b", "é",
]  # fmt: skip


@pytest.mark.parametrize("order_id", IDS, ids=lambda one: one[:12])
def test_any_id_of_an_order(site, order_id):
    order = site.order()
    request = PaymentRequest(
        reference=CALLERS["vnpay"].reference(order.number),
        amount=Money(150_000, "VND"),
        order_id=order_id,
        return_url="https://shop.example/back",
        customer=Customer(ip="203.0.113.9"),
    )
    payment_id = site.service.create(request, provider="vnpay").payment_id
    path = f"/orders/{quote(order_id, safe='')}/status?token={TOKENS.make(order_id)}"
    answer = site.ask(Sent("GET", path))
    said = json.loads(answer.body)
    assert (answer.status, said["order_id"], said["payment_id"]) == (200, order_id, payment_id)


@pytest.mark.parametrize("order_id", ["a//b", "a/", "/a"])
def test_slashes_belong_to_the_id(site, order_id):
    """The token of one order is not that of another whose id differs by slashes alone."""
    path = f"/orders/{quote(order_id, safe='')}/status?token={TOKENS.make('a/b')}"
    refused(404, "there is no such order").check(site.ask(Sent("GET", path)))
