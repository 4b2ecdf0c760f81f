"""The adapters against the simulators: two implementations of the same facts pin each other."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs
import pytest

from paykit.events import PaymentProcessed, TokenGranted
from paykit.flow import run
from paykit.http import Delivery, HttpRequest, HttpResponse
from paykit.models import (
    CaptureMode,
    Customer,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    Redirect,
    RefundRef,
    RefundRequest,
    RefundStatus,
    ShowQr,
    TokenRequest,
)
from paykit.money import Money
from paykit.provider import Provider
from paykit.providers.momo import MoMo, MoMoConfig
from paykit.providers.vnpay import VNPay, VNPayConfig

from .conftest import World

AMOUNT = Money(150_000, "VND")
HALF = Money(75_000, "VND")


@attrs.define
class Shop:
    """A merchant with an adapter, whose HTTP goes to the simulator."""

    world: World
    provider: Provider

    def do(self, flow):
        return run(flow, self.perform)

    def perform(self, request: HttpRequest) -> HttpResponse:
        url = request.url.removeprefix(self.world.config.public_url)
        response = self.world.client.request(
            request.method, url, headers=dict(request.headers), content=request.body
        )
        return HttpResponse(response.status_code, tuple(response.headers.items()), response.content)

    def ask(self, reference: str = "ORDER-1", **changes: object) -> PaymentSession:
        request = PaymentRequest(
            reference=reference,
            amount=changes.pop("amount", AMOUNT),
            description="Don hang 5",
            return_url="https://shop.example/return?cart=7",
            customer=Customer(id="user@example.com", ip="203.0.113.7"),
            **changes,
        )
        return self.do(self.provider.create_payment(request))

    def pay(self, session: PaymentSession, outcome: str = "pay") -> PaymentStatus:
        """Click on the page; returns what the browser's verified return says."""
        assert isinstance(session.next, Redirect)
        page = self.world.client.get(session.next.url.removeprefix(self.world.config.public_url))
        action = page.text.partition('action="')[2].partition('"')[0]
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        form = {"token": token, "outcome": outcome}
        response = self.world.client.post(action, data=form)
        self.world.settle()
        query = urlsplit(response.headers["location"]).query
        return self.read(self.provider.verify_return(Delivery.get(query)))[0].status

    def notice(self) -> tuple[PaymentProcessed | TokenGranted, ...]:
        """What the last notice says."""
        request = self.world.merchant.received[-1]
        query = urlsplit(request.url).query.encode() if request.method == "GET" else b""
        delivery = Delivery(request.method, "/", query, request.headers, request.body)
        return self.read(self.provider.verify(delivery))

    def read(self, verifying):
        return self.provider.parse(self.do(verifying))


@pytest.fixture
def vnpay(world):
    base = f"{world.config.public_url}/vnpay"
    config = VNPayConfig.from_dict(
        {
            "tmn_code": world.config.vnpay.tmn_code,
            "hash_secret": world.config.vnpay.hash_secret,
            "pay_url": f"{base}/paymentv2/vpcpay.html",
            "api_url": f"{base}/merchant_webapi/api/transaction",
        }
    )
    return Shop(world, VNPay(config, clock=world.clock))


@pytest.fixture
def momo(world):
    merchant = world.config.momo.merchants[0]
    config = MoMoConfig.from_dict(
        {
            "partner_code": merchant.partner_code,
            "access_key": merchant.access_key,
            "secret_key": merchant.secret_key,
            "public_key": world.config.momo.rsa_public_key_pem,
            "base_url": f"{world.config.public_url}/momo",
            "notify_url": "https://shop.example/ipn",
        }
    )
    return Shop(world, MoMo(config, clock=world.clock))


@pytest.fixture(params=["vnpay", "momo"])
def shop(request):
    return request.getfixturevalue(request.param)


def test_a_payment_from_asking_to_paid(shop):
    session = shop.ask()
    assert session.status == PaymentStatus.REQUIRES_ACTION
    assert shop.pay(session) == PaymentStatus.SUCCEEDED
    [event] = shop.notice()
    payment = shop.do(shop.provider.fetch_payment(session.ref))
    assert (event.status, event.reference, event.amount) == (
        PaymentStatus.SUCCEEDED,
        "ORDER-1",
        AMOUNT,
    )
    assert (payment.status, payment.amount) == (PaymentStatus.SUCCEEDED, AMOUNT)
    assert event.provider_id == payment.provider_id is not None


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("fail", PaymentStatus.FAILED),
        ("expire", PaymentStatus.EXPIRED),
        ("no", PaymentStatus.CANCELED),
    ],
)
def test_a_payment_that_comes_to_nothing(shop, outcome, status):
    cancel = "cancel" if shop.provider.name == "vnpay" else "decline"
    returned = shop.pay(shop.ask(), cancel if outcome == "no" else outcome)
    [event] = shop.notice()
    assert (returned, event.status) == (status, status)


def test_an_open_payment_is_pending(shop):
    session = shop.ask()
    shop.world.client.get(session.next.url.removeprefix(shop.world.config.public_url))
    payment = shop.do(shop.provider.fetch_payment(session.ref))
    assert payment.status in {PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION}


@pytest.mark.parametrize("amount", [HALF, None])
def test_a_refund_is_made_and_found_again(shop, amount):
    session = shop.ask()
    shop.pay(session)
    ref = attrs.evolve(session.ref, provider_id=shop.notice()[0].provider_id)
    request = RefundRequest(payment=ref, reference="REFUND-1", amount=amount)
    refund = shop.do(shop.provider.refund(request))
    assert refund.amount == (amount or AMOUNT)
    assert refund.status in {RefundStatus.SUCCEEDED, RefundStatus.PENDING}
    later = RefundRef(reference="REFUND-1", payment=ref, amount=refund.amount)
    assert shop.do(shop.provider.fetch_refund(later)).status == RefundStatus.SUCCEEDED
    assert shop.world.payments()[0]["refunded"] == refund.amount.minor


@pytest.mark.parametrize(
    ("operation", "status"),
    [("capture", PaymentStatus.SUCCEEDED), ("void", PaymentStatus.CANCELED)],
)
def test_momo_holds_and_then_takes_or_releases(momo, operation, status):
    session = momo.ask(capture=CaptureMode.MANUAL)
    assert momo.pay(session) == PaymentStatus.AUTHORIZED
    assert momo.notice()[0].status == PaymentStatus.AUTHORIZED
    payment = momo.do(getattr(momo.provider, operation)(session.ref, idempotency_key="key-1"))
    assert payment.status == status
    assert momo.do(momo.provider.fetch_payment(session.ref)).status == status


def test_momo_links_a_wallet_charges_it_and_unlinks_it(momo):
    momo.pay(momo.ask("LINK-1", amount=Money(0, "VND"), save_token=True))
    granted = momo.notice()[-1]
    assert isinstance(granted, TokenGranted)
    token = momo.do(
        momo.provider.create_token(
            TokenRequest(reference="LINK-1", customer_id=granted.customer_id, grant=granted.grant)
        )
    )
    assert momo.ask("CHARGE-1", token=token).status == PaymentStatus.SUCCEEDED
    momo.do(momo.provider.delete_token(token))
    assert len(momo.world.payments()) == 2


def test_momo_asks_again_for_a_grant_that_it_missed(momo):
    momo.pay(momo.ask("LINK-1", amount=Money(0, "VND"), save_token=True))
    request = TokenRequest(reference="LINK-1", customer_id="user@example.com")
    token = momo.do(momo.provider.create_token(request))
    assert token.customer_id == "user@example.com"


def test_momo_charges_a_code_at_the_counter(momo):
    session = momo.ask("POS-1", method="pos", extra={"paymentCode": "MM123456"})
    assert session.status == PaymentStatus.SUCCEEDED


def test_vnpay_gives_the_content_of_a_qr_code(vnpay):
    session = vnpay.ask(method="QR_DIRECT")
    [payment] = vnpay.world.payments()
    assert session.next == ShowQr(payment["page"])
