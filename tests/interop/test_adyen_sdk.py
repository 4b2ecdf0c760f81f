"""Adyen's own Python SDK against the pretended Adyen, over real sockets."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import Adyen
import httpx
import pytest
import uvicorn
from Adyen.exceptions import (
    AdyenAPIAuthenticationError,
    AdyenAPIInvalidPermission,
    AdyenAPIUnprocessableEntity,
)
from Adyen.util import is_valid_hmac_notification
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from paykit.demo.server import listen
from paykit.sandbox import AdyenConfig, SandboxConfig, create_app

RETURN_URL = "https://shop.example/return"


@contextmanager
def serving(app, listener):
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.socket.close()


class Shop:
    """A merchant with Adyen's SDK who takes notices, and the shopper."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.base = f"{config.public_url}/adyen"
        self.received = []
        self.arrived = threading.Condition()
        self.sdk = Adyen.Adyen(platform="test", xapikey=config.adyen.api_key)
        self.point(self.sdk)

    def point(self, sdk):
        checkout = sdk.checkout
        for api in (
            checkout.payments_api,
            checkout.modifications_api,
            checkout.recurring_api,
            checkout.payment_links_api,
        ):
            api.baseUrl = f"{self.base}/v72"
        return sdk

    async def take(self, request):
        batch = json.loads(await request.body())
        assert is_valid_hmac_notification(batch, self.config.adyen.hmac_key)
        [wrapper] = batch["notificationItems"]
        with self.arrived:
            self.received.append(wrapper["NotificationRequestItem"])
            self.arrived.notify()
        return PlainTextResponse("[accepted]", status_code=202)

    def notice(self, code):
        """Wait for the next notice."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: bool(self.received), timeout=10)
            item = self.received.pop(0)
        assert item["eventCode"] == code
        return item

    def method(self, number="4111111111111111"):
        typed = {"number": number, "expiry": "03/30", "cvc": "737", "name": "Mai Lan"}
        return json.loads(httpx.post(f"{self.base}/card-field", json=typed).json()["token"])

    def body(self, **changes):
        return {
            "merchantAccount": self.config.adyen.merchant_account,
            "amount": {"currency": "EUR", "value": 1000},
            "reference": "ORDER-1",
            **changes,
        }

    def pay(self, key, **changes):
        asked = {"returnUrl": RETURN_URL, "additionalData": {"manualCapture": "true"}}
        body = self.body(**asked, **{"paymentMethod": self.method(), **changes})
        return self.sdk.checkout.payments_api.payments(body, idempotency_key=key)


@pytest.fixture
def shop():
    at, hook = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    adyen = AdyenConfig(webhook_url=f"{hook.url}/hook")
    shop = Shop(SandboxConfig(public_url=at.url, adyen=adyen))
    app = Starlette(routes=[Route("/hook", shop.take, methods=["POST"])])
    with serving(app, hook), serving(create_app(shop.config), at):
        yield shop


def test_a_payment_is_held_taken_and_given_back(shop):
    method = shop.method()
    paid = shop.pay("pay-1", paymentMethod=method)
    assert paid.message["resultCode"] == "Authorised"
    psp = paid.psp
    assert shop.pay("pay-1", paymentMethod=method).psp == psp
    assert shop.notice("AUTHORISATION")["pspReference"] == psp
    api = shop.sdk.checkout.modifications_api
    for call, code in (
        (api.capture_authorised_payment, "CAPTURE"),
        (api.refund_captured_payment, "REFUND"),
    ):
        done = call(shop.body(), psp, idempotency_key=f"{code}-1")
        assert (done.status_code, done.message["status"]) == (201, "received")
        item = shop.notice(code)
        assert (item["success"], item["originalReference"]) == ("true", psp)
        assert item["pspReference"] == done.message["pspReference"]
    body = {"merchantAccount": shop.config.adyen.merchant_account}
    assert api.cancel_authorised_payment_by_psp_reference(body, psp).status_code == 201
    assert shop.notice("CANCELLATION")["success"] == "false"
    with pytest.raises(AdyenAPIUnprocessableEntity) as refused:
        api.capture_authorised_payment(shop.body(), "XXXXXXXXXXXXXXXX")
    assert refused.value.error_code == "167"


def test_3d_secure_and_a_stored_card(shop):
    asked = shop.pay(
        "pay-1",
        paymentMethod=shop.method("4212345678901237"),
        storePaymentMethod=True,
        shopperReference="payer-1",
        recurringProcessingModel="CardOnFile",
    )
    assert asked.message["resultCode"] == "RedirectShopper"
    answered = httpx.post(asked.message["action"]["url"], data={"outcome": "approve"})
    [result] = parse_qs(urlsplit(answered.headers["location"]).query)["redirectResult"]
    api = shop.sdk.checkout
    done = api.payments_api.payments_details({"details": {"redirectResult": result}})
    stored = done.message["additionalData"]["tokenization.storedPaymentMethodId"]
    query = {
        "shopperReference": "payer-1",
        "merchantAccount": shop.config.adyen.merchant_account,
    }
    found = api.recurring_api.get_tokens_for_stored_payment_details(query_parameters=query)
    assert [one["id"] for one in found.message["storedPaymentMethods"]] == [stored]
    gone = api.recurring_api.delete_token_for_stored_payment_details(stored, query_parameters=query)
    assert gone.status_code == 204


def test_a_session_and_a_link(shop):
    api = shop.sdk.checkout
    made = api.payments_api.sessions(shop.body(returnUrl=RETURN_URL, mode="hosted")).message
    form = {"number": "4111111111111111", "expiry": "03/30", "cvc": "737", "name": ""}
    target = httpx.post(made["url"], data=form).headers["location"]
    [result] = parse_qs(urlsplit(target).query)["sessionResult"]
    found = httpx.get(
        f"{shop.base}/v72/sessions/{made['id']}",
        params={"sessionResult": result},
        headers={"X-API-Key": shop.config.adyen.api_key},
    )
    assert found.json()["status"] == "completed"
    link = api.payment_links_api.payment_links(shop.body(reference="ORDER-2")).message
    assert api.payment_links_api.get_payment_link(link["id"]).message["status"] == "active"
    ended = api.payment_links_api.update_payment_link({"status": "expired"}, link["id"])
    assert ended.message["status"] == "expired"


def test_strangers_are_refused(shop):
    wrong = shop.point(Adyen.Adyen(platform="test", xapikey="wrong"))
    with pytest.raises(AdyenAPIAuthenticationError):
        wrong.checkout.payments_api.payments({})
    with pytest.raises(AdyenAPIInvalidPermission) as refused:
        shop.pay("pay-1", merchantAccount="Other")
    assert refused.value.error_code == "901"
