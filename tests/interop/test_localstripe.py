"""A whole life against localstripe, a stateful stand-in for Stripe that others have written.

It is GPL-3.0, so it runs as a process of its own and nothing of it is imported. Where it is not like
Stripe, :class:`Translated` helps, and only there:

- it refuses parameters that Stripe has and it does not know (``automatic_payment_methods``,
  ``use_stripe_sdk``, ``description``, ``setup_future_usage``): they are left out;
- its payments have no ``amount_received``, and its charges no ``amount_captured``: they are worked out
  of what it does tell, the charge and its refunds;
- it does not mind the state: it captures what was released before;
- it takes no notice of ``Idempotency-Key``;
- its ``tok_`` cannot become a means of payment, and it has no payment pages: they are not tried here.

What it shares with Stripe, and what is easily forgotten: the rest of a hold that was captured in part is
one of its refunds.
"""

import json
import queue
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlencode

import attrs
import httpx
import pytest

from paykit import (
    CaptureMode,
    Client,
    ConfirmInClient,
    Customer,
    Declined,
    Delivery,
    MalformedDelivery,
    Money,
    NotFound,
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    RefundRef,
    RefundRequest,
    Stripe,
    StripeConfig,
    TokenRequest,
)
from paykit.flow import run
from paykit.http import HttpResponse

SECRET = "whsec_paykit_and_localstripe"
HELD = Money(250_000, "VND")
#: Stripe's published test number of a card that needs 3-D Secure; what a browser would send.
NEEDS_3DS = "4000002500003155"
UNKNOWN_TO_IT = ("automatic_payment_methods", "use_stripe_sdk", "description", "setup_future_usage")


@pytest.fixture(scope="module")
def base():
    """localstripe on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://localhost:{port}"
    try:
        for _ in range(100):
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


class Translated:
    """A transport to localstripe. See above for what it does, and why."""

    def __init__(self):
        self.http = httpx.Client()
        self.keys = []

    def send(self, request):
        headers = dict(request.headers)
        self.keys.append(headers.pop("Idempotency-Key", None))
        pairs = [
            (name, value)
            for name, value in parse_qsl(request.body.decode(), keep_blank_values=True)
            if not name.startswith(UNKNOWN_TO_IT)
        ]
        answer = self.http.request(
            request.method, request.url, headers=headers, content=urlencode(pairs)
        )
        content = answer.json()
        if content.get("object") == "payment_intent":
            complete(content)
        return HttpResponse(answer.status_code, {}, json.dumps(content).encode())

    def close(self):
        self.http.close()


def complete(payment):
    """What Stripe would have told besides."""
    charge, taken = payment["latest_charge"], 0
    if charge is not None:
        if charge["captured"] and charge["status"] == "succeeded":
            # A refund that names no payment is the rest of the hold.
            rest = [item for item in charge["refunds"]["data"] if item["payment_intent"] is None]
            taken = charge["amount"] - sum(item["amount"] for item in rest)
        charge["amount_captured"] = taken
    payment["amount_received"] = taken
    if payment["last_payment_error"] is not None:
        payment["last_payment_error"].setdefault("type", "card_error")


@pytest.fixture
def line():
    line = Translated()
    yield line
    line.close()


@pytest.fixture
def shop(base, line):
    config = StripeConfig(secret_key="sk_test_paykit", webhook_secret=SECRET, base_url=base)
    with Client(Stripe(config), transport=line) as client:
        yield client


def asked(reference, card="pm_card_visa", **more):
    token = PaymentToken(provider="stripe", value=card)
    return PaymentRequest(reference=reference, amount=HELD, token=token, **more)


def hold(shop, reference):
    session = shop.create_payment(asked(reference, capture=CaptureMode.MANUAL, description="Tea"))
    assert session.status == "authorized"
    return session.ref


def test_a_whole_life(shop):
    ref = hold(shop, "ORDER-1")
    held = shop.fetch_payment(ref)
    assert (held.status, held.captured, held.provider_id) == ("authorized", None, ref.provider_id)
    taken = shop.capture(ref, idempotency_key="ORDER-1-capture")
    assert (taken.status, taken.captured) == ("succeeded", HELD)
    part = shop.refund(RefundRequest(payment=ref, reference="R-1", amount=Money(50_000, "VND")))
    assert (part.status, part.amount) == ("succeeded", Money(50_000, "VND"))
    now = shop.fetch_payment(ref)
    assert (now.status, now.refunded) == ("partially_refunded", Money(50_000, "VND"))
    rest = RefundRequest(payment=ref, reference="R-2", amount=Money(200_000, "VND"))
    second = shop.refund(rest)
    assert shop.fetch_payment(ref).status == "refunded"
    found = shop.fetch_refund(
        RefundRef(reference="R-2", payment=ref, provider_id=second.provider_id)
    )
    assert (found.status, found.amount) == ("succeeded", Money(200_000, "VND"))
    # Without its id, by its reference among those of the payment.
    assert attrs.evolve(shop.fetch_refund(RefundRef(reference="R-2", payment=ref)), raw={}) == (
        attrs.evolve(found, raw={})
    )
    with pytest.raises(NotFound):
        shop.fetch_refund(RefundRef(reference="R-3", payment=ref))


def test_at_once(shop):
    session = shop.create_payment(asked("ORDER-2", order_id="CART-2", metadata={"shelf": "B"}))
    assert session.status == "succeeded"
    now = shop.fetch_payment(session.ref)
    assert (now.status, now.captured) == ("succeeded", HELD)
    assert now.raw["metadata"] == {"shelf": "B", "reference": "ORDER-2", "order_id": "CART-2"}


def test_the_rest_of_a_hold_is_no_refund(shop):
    ref = hold(shop, "ORDER-3")
    taken = shop.capture(ref, Money(150_000, "VND"), idempotency_key="ORDER-3-capture")
    assert (taken.status, taken.captured) == ("succeeded", Money(150_000, "VND"))
    now = shop.fetch_payment(ref)
    assert now.raw["latest_charge"]["amount_refunded"] == 100_000  # it is counted as one
    assert (now.status, now.captured, now.refunded) == (
        "succeeded", Money(150_000, "VND"), None,
    )  # fmt: skip
    shop.refund(RefundRequest(payment=ref, reference="R-4", amount=Money(100_000, "VND")))
    now = shop.fetch_payment(ref)
    assert (now.status, now.refunded) == ("partially_refunded", Money(100_000, "VND"))


def test_a_hold_is_released(shop):
    ref = hold(shop, "ORDER-4")
    assert shop.void(ref, idempotency_key="ORDER-4-void").status == "canceled"
    assert shop.fetch_payment(ref).status == "canceled"


def test_a_card_is_declined(shop):
    with pytest.raises(Declined) as caught:
        shop.create_payment(asked("ORDER-5", "pm_card_chargeCustomerFail"))
    assert (caught.value.reason, caught.value.code) == ("card_declined", "card_declined")
    assert caught.value.http_status == 402


def browser(base, path, **fields):
    """What Stripe.js sends, with the publishable key's rights."""
    headers = {"Authorization": "Bearer sk_test_paykit"}
    answer = httpx.post(f"{base}/v1/{path}", data=fields, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def new_card(base, number):
    card = {"number": number, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
    fields = {f"card[{name}]": value for name, value in card.items()}
    return browser(base, "payment_methods", type="card", **fields)["id"]


@pytest.mark.parametrize(("passed", "status"), [("true", "authorized"), ("false", "failed")])
def test_3_d_secure(base, shop, passed, status):
    card = new_card(base, NEEDS_3DS)
    session = shop.create_payment(asked(f"3DS-{passed}", card, capture=CaptureMode.MANUAL))
    assert session.status == "requires_action"
    assert isinstance(session.next, ConfirmInClient)
    assert shop.fetch_payment(session.ref).next == session.next
    secret = session.next.client_secret
    path = f"payment_intents/{session.provider_id}/_authenticate"
    browser(base, path, client_secret=secret, success=passed)
    now = shop.fetch_payment(session.ref)
    assert now.status == status
    if status == "failed":
        assert now.reason == "authentication_failed"


def test_a_card_is_stored_and_charged_later(base, shop):
    card = new_card(base, "4242424242424242")
    request = asked("ORDER-6", card, save_token=True, customer=Customer(id="user-17", name="Hoa"))
    shop.create_payment(request)
    # Stripe attaches the card, because of setup_future_usage; localstripe has to be told.
    customer = httpx.get(
        f"{shop.provider.base}/v1/customers", headers={"Authorization": "Bearer sk_test_paykit"}
    ).json()["data"][0]
    assert customer["metadata"] == {"customer_id": "user-17", "reference": "ORDER-6"}
    browser(base, f"payment_methods/{card}/attach", customer=customer["id"])
    token = shop.create_token(
        TokenRequest(reference="ORDER-6", customer_id=customer["id"], grant=card)
    )
    assert (token.value, token.label) == (card, "visa •••• 4242")
    again = attrs.evolve(asked("ORDER-7"), token=token, off_session=True)
    assert shop.create_payment(again).status == "succeeded"
    shop.delete_token(token)
    with pytest.raises(Declined):  # it belongs to nobody now
        shop.create_token(TokenRequest(reference="ORDER-6", customer_id=customer["id"], grant=card))


def test_the_same_request_carries_the_same_key(shop, line):
    first = shop.create_payment(asked("ORDER-8"))
    again = shop.create_payment(asked("ORDER-8"))
    assert line.keys == ["pay:ORDER-8"] * 2
    # Stripe would have answered with the first one.
    assert first.provider_id != again.provider_id


def test_nobody_knows_it(shop):
    with pytest.raises(NotFound):
        shop.fetch_payment(PaymentRef(reference="ORDER-9", provider_id="pi_nobody"))


def test_a_signed_event(base, shop):
    calls = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.put(Delivery("POST", "/", b"", list(self.headers.items()), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        hook = {
            "url": f"http://127.0.0.1:{server.server_port}/",
            "secret": SECRET,
            "events": ["payment_intent.succeeded"],
        }
        assert httpx.post(f"{base}/_config/webhooks/paykit", json=hook).status_code == 200
        session = shop.create_payment(asked("ORDER-10"))
        # Those of the tests before may arrive first.
        ids = iter(lambda: calls.get(timeout=10), None)
        call = next(call for call in ids if session.provider_id in call.body.decode())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    stripe = shop.provider
    verified = run(stripe.verify(call), None)
    assert verified.fields["event"]["data"]["object"]["id"] == session.provider_id
    # Proven; and without amount_received, which Stripe always tells, nobody knows what was taken.
    with pytest.raises(MalformedDelivery, match="amount_received"):
        stripe.parse(verified)
