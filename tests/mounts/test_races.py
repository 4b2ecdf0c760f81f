"""A provider's notice and the payer's return that come together: one payment, and one event."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from paykit import Money, PaymentRequest, PayPal, PayPalConfig
from paykit.service import PaymentService
from paykit.testing.factories.paypal import authority, signed_webhook
from paykit.webhooks import MountOptions
from tests.support.authorities import NOW
from tests.test_paypal_service import World

from .callers import CALLERS
from .case import reply
from .frameworks import FRAMEWORKS
from .table_browsers import sent_to
from .wire import Sent, exchange

CONFIG = PayPalConfig(
    client_id="client",
    client_secret="secret",
    webhook_ids=("8PT597110X687430LKGECATA",),
    webhook_roots=authority(),
)
RETURN_TO = "https://shop.example/thanks"
TAKEN = (200, b"", None)


class GuardedWorld(World):
    """PayPal answers one request after the other."""

    def __init__(self):
        super().__init__()
        self.guard = threading.Lock()

    def send(self, request):
        with self.guard:
            return super().send(request)


@pytest.mark.parametrize("mount", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_an_approval_at_paypal_is_completed_once(mount, tmp_path):
    world = GuardedWorld()
    with PaymentService(
        [PayPal(CONFIG, clock=lambda: NOW)],
        database=f"sqlite:///{tmp_path}/p.db",
        transport=world,
        clock=lambda: NOW,
        single_process=True,
    ) as service:
        session = service.create(
            PaymentRequest(
                reference="ORDER-1",
                amount=Money(1999, "USD"),
                return_url="https://shop.example/pay/returns/paypal",
            ),
            provider="paypal",
        )
        world.approve(session.provider_id)
        with mount(service, return_to=RETURN_TO, options=MountOptions()) as url:
            called = [told(world, session), came_back(session)] * 4
            with ThreadPoolExecutor(len(called)) as threads:
                answers = list(threads.map(lambda sent: exchange(url, sent), called))
            # Whoever comes now comes late, and sees the end of it.
            reply(TAKEN).check(exchange(url, told(world, session)))
            paid = sent_to(f"{RETURN_TO}?state=paid&payment_id={session.payment_id}")
            paid.check(exchange(url, came_back(session)))
        assert {answer.status for answer in answers} <= {200, 303, 503}
        assert service.status(session.payment_id).status == "succeeded"
        assert len(service.outbox()) == 1
    assert captures(world, session) == ["COMPLETED"]


def told(world, session):
    """PayPal's notice of the approval, signed."""
    body = {
        "id": "WH-1",
        "event_type": "CHECKOUT.ORDER.APPROVED",
        "resource": {**world.orders[session.provider_id], "status": "APPROVED"},
    }
    webhook = signed_webhook(CONFIG, json.dumps(body).encode(), at=NOW)
    return Sent("POST", "/webhooks/paypal", webhook.body, tuple(webhook.headers))


def came_back(session):
    return Sent("GET", f"/returns/paypal?token={session.provider_id}&PayerID=X")


def captures(world, session):
    (unit,) = world.orders[session.provider_id]["purchase_units"]
    return [capture["status"] for capture in unit["payments"]["captures"]]


@pytest.mark.parametrize("key", ["vnpay", "momo", "stripe"])
def test_twenty_at_once_are_one(site, key):
    order, caller = site.order().create(key), CALLERS[key]
    rows = site.rows()
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(order.ask, [caller.call(order.number)] * 20))
    told = sorted((answer.status, answer.body) for answer in answers)
    assert told == sorted([caller.taken[:2], *[caller.again[:2]] * 19])
    assert [after - before for after, before in zip(site.rows(), rows, strict=True)] == [1, 1]
