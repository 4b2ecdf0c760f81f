"""SePay, its gateway and Casso against their simulators: two implementations of the same facts."""

from __future__ import annotations

import re

import attrs
import pytest

from paykit import (
    Casso,
    Delivery,
    FormPost,
    HttpRequest,
    HttpResponse,
    Money,
    NotFound,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    ProviderError,
    SePay,
    SePayGateway,
    ShowQr,
    TransferReceived,
)
from paykit.flow import run
from paykit.provider import Provider

from .conftest import World

PRICE = Money(150_000, "VND")
S = PaymentStatus


@attrs.define
class Shop:
    """A merchant with an adapter, whose HTTP goes to the simulator."""

    world: World
    provider: Provider

    def do(self, flow):
        return run(flow, self.perform)

    def perform(self, request: HttpRequest) -> HttpResponse:
        url = request.url.removeprefix(self.world.config.public_url)
        answer = self.world.client.request(
            request.method, url, headers=dict(request.headers), content=request.body
        )
        return HttpResponse(answer.status_code, tuple(answer.headers.items()), answer.content)

    def ask(self, reference: str, **changes: object):
        request = PaymentRequest(reference=reference, amount=PRICE, **changes)
        return self.do(self.provider.create_payment(request))

    def notices(self):
        found = []
        for call in self.world.merchant.received:
            delivery = Delivery(call.method, "/", b"", call.headers, call.body)
            found += self.provider.parse(self.do(self.provider.verify(delivery)))
        return found


def feed(world, kind, **proof):
    settings = getattr(world.config, kind.name)
    provider = kind.from_dict(
        {"bank": settings.account.bin, "account_number": settings.account.number, **proof},
        clock=world.clock,
    )
    return Shop(world, provider)


FEEDS = [
    (SePay, {"auth": "hmac"}, lambda at: {"webhook_secret": at.webhook_secret}),
    (SePay, {"auth": "api_key"}, lambda at: {"api_key": at.api_key}),
    (Casso, {"version": "v2"}, lambda at: {"security_key": at.webhook_key}),
    (
        Casso,
        {"version": "v1"},
        lambda at: {"webhook_version": "v1", "secure_token": at.secure_token},
    ),
]


@pytest.mark.parametrize(("kind", "settings", "proof"), FEEDS)
@pytest.mark.parametrize(
    ("way", "amounts", "known"),
    [
        ("exact", [150_000], True),
        ("halves", [75_000, 75_000], True),
        ("twice", [150_000, 150_000], True),
        ("broken", [150_000], False),
        ("blank", [150_000], False),
    ],
)
def test_a_transfer_is_told(make_world, kind, settings, proof, way, amounts, known):
    world = make_world(**{kind.name: settings})
    shop = feed(world, kind, **proof(getattr(world.config, kind.name)))
    code = shop.provider.codes.from_number(1001)
    step = shop.ask(code).next
    assert isinstance(step, ShowQr)
    world.client.post("/bank/pay", data={"qr": step.payload, "way": way})
    world.settle()
    transfers = shop.notices()
    assert all(isinstance(transfer, TransferReceived) for transfer in transfers)
    assert [transfer.amount.minor for transfer in transfers] == amounts
    assert {transfer.codes for transfer in transfers} == {(code,) if known else ()}
    assert len({transfer.event_id for transfer in transfers}) == len(amounts)


def test_the_list_of_casso_has_what_its_notices_tell(make_world):
    world = make_world()
    at = world.config.casso
    base = f"{world.config.public_url}/casso"
    shop = feed(world, Casso, security_key=at.webhook_key, api_key=at.api_key, base_url=base)
    for number in (1, 2, 3):
        payload = shop.ask(shop.provider.codes.from_number(number)).next.payload
        world.client.post("/bank/pay", data={"qr": payload, "way": "exact"})
    world.settle()
    first = shop.do(shop.provider.list_transactions(since=world.clock(), page_size=2))
    assert first.next_page == 2
    second = shop.do(shop.provider.list_transactions(since=world.clock(), page=2, page_size=2))
    assert second.next_page is None
    assert [*first.transfers, *second.transfers] == shop.notices()


@pytest.fixture
def gateway(world):
    at = world.config.sepaypg
    provider = SePayGateway.from_dict(
        {
            "merchant_id": at.merchant_id,
            "secret_key": at.secret_key,
            "ipn_secret": at.ipn_secret,
            "base_url": f"{world.config.public_url}/sepaypg",
        },
        clock=world.clock,
    )
    return Shop(world, provider)


def visit(shop, form, outcome):
    """Post the form as a browser does, and choose."""
    assert isinstance(form, FormPost)
    root = shop.world.config.public_url
    opened = shop.world.client.post(form.url.removeprefix(root), data=dict(form.fields))
    page = shop.world.client.get(opened.headers["location"].removeprefix(root))
    action = re.search(r'action="([^"]+)"', page.text)[1]
    token = re.search(r'name="token" value="([^"]+)"', page.text)[1]
    gone = shop.world.client.post(action, data={"token": token, "outcome": outcome})
    shop.world.settle()
    return gone.headers["location"]


def test_a_form_is_paid_and_voided(gateway):
    back = "https://shop.example/back?a=1,2"
    session = gateway.ask(
        "ORDER-1", method="CARD", description="Đơn hàng 1, giao nhanh", return_url=back
    )
    assert visit(gateway, session.next, "pay") == back
    (event,) = gateway.notices()
    payment = gateway.do(gateway.provider.fetch_payment(session.ref))
    for told in (event, payment):
        assert (told.status, told.reference, told.amount, told.captured) == (
            S.SUCCEEDED,
            "ORDER-1",
            PRICE,
            PRICE,
        )
    assert event.provider_id == payment.provider_id
    void = gateway.do(gateway.provider.void(session.ref, idempotency_key="V1"))
    assert (void.status, void.refunded) == (S.REFUNDED, PRICE)
    gateway.world.settle()
    assert [one.status for one in gateway.notices()] == [S.SUCCEEDED, S.REFUNDED]
    assert len({one.event_id for one in gateway.notices()}) == 2
    with pytest.raises(ProviderError):
        gateway.do(gateway.provider.void(session.ref, idempotency_key="V2"))


def test_an_order_is_left_or_cancelled(gateway):
    with pytest.raises(NotFound):
        gateway.do(gateway.provider.fetch_payment(PaymentRef(reference="ORDER-1")))
    session = gateway.ask("ORDER-1", return_url="https://shop.example/back")
    visit(gateway, session.next, "fail")
    assert gateway.do(gateway.provider.fetch_payment(session.ref)).status is S.PENDING
    assert gateway.do(gateway.provider.cancel(session.ref)).status is S.CANCELED
    assert gateway.do(gateway.provider.fetch_payment(session.ref)).status is S.CANCELED
    assert gateway.notices() == []
