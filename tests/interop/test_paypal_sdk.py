"""PayPal's own Python SDK against the pretended PayPal, over real sockets."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from paykit.demo.server import listen
from paykit.sandbox import SandboxConfig, create_app

WHOLE = "return=representation"
URLS = {"return_url": "https://shop.example/return", "cancel_url": "https://shop.example/cancel"}


@contextmanager
def serving(app, listener):
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.socket.close()


class Shop:
    """A merchant with PayPal's SDK, and the payer."""

    def __init__(self, config: SandboxConfig) -> None:
        self.base = f"{config.public_url}/paypal"
        credentials = ClientCredentialsAuthCredentials(
            o_auth_client_id=config.paypal.client_id,
            o_auth_client_secret=config.paypal.client_secret,
        )
        self.sdk = PaypalServersdkClient(client_credentials_auth_credentials=credentials)

    def create(self, intent, request_id="create-1"):
        order = {
            "intent": intent,
            "purchase_units": [{"amount": usd("100.00"), "invoice_id": "INV-1"}],
            "payment_source": {"paypal": {"experience_context": URLS}},
        }
        call = {"body": order, "prefer": WHOLE, "paypal_request_id": request_id}
        return self.sdk.orders.create_order(call)

    def approve(self, order, method="balance"):
        [page] = [link.href for link in order.links if link.rel == "payer-action"]
        form = {"token": order.id, "outcome": "pay", "method": method}
        response = httpx.post(page.partition("?")[0], data=form)
        assert parse_qs(urlsplit(response.headers["location"]).query)["token"] == [order.id]


def usd(value):
    return {"currency_code": "USD", "value": value}


@pytest.fixture
def shop(monkeypatch):
    at = listen("127.0.0.1", 0)
    config = SandboxConfig(public_url=at.url)
    with serving(create_app(config), at):
        servers = Configuration.environments[Environment.SANDBOX]
        monkeypatch.setitem(servers, Server.DEFAULT, f"{at.url}/paypal")
        yield Shop(config)


def issue(refused):
    [detail] = refused.value.details
    return detail.issue


def test_a_payment_is_captured_and_refunded(shop):
    created = shop.create("CAPTURE")
    order = created.body
    assert (created.status_code, order.status) == (201, "PAYER_ACTION_REQUIRED")
    assert shop.create("CAPTURE").status_code == 200
    call = {"id": order.id, "prefer": WHOLE}
    with pytest.raises(ErrorException) as refused:
        shop.sdk.orders.capture_order(call)
    assert issue(refused) == "ORDER_NOT_APPROVED"

    shop.approve(order, "declined")
    with pytest.raises(ErrorException) as refused:
        shop.sdk.orders.capture_order(call)
    assert issue(refused) == "INSTRUMENT_DECLINED"
    links = {link.rel: link.href for link in refused.value.links}
    assert links["redirect"] == f"{shop.base}/checkoutnow?token={order.id}"

    shop.approve(order)
    taken = shop.sdk.orders.capture_order(call).body
    [capture] = taken.purchase_units[0].payments.captures
    assert (taken.status, capture.status, capture.amount.value) == (
        "COMPLETED",
        "COMPLETED",
        "100.00",
    )
    refund = shop.sdk.payments.refund_captured_payment(
        {"capture_id": capture.id, "prefer": WHOLE, "body": {"amount": usd("30.00")}}
    ).body
    assert (refund.status, refund.seller_payable_breakdown.total_refunded_amount.value) == (
        "COMPLETED",
        "30.00",
    )
    assert shop.sdk.payments.get_refund({"refund_id": refund.id}).body.amount.value == "30.00"
    found = shop.sdk.payments.get_captured_payment({"capture_id": capture.id}).body
    assert (found.status, found.supplementary_data.related_ids.order_id) == (
        "PARTIALLY_REFUNDED",
        order.id,
    )


def test_money_is_held_taken_in_part_and_released(shop):
    order = shop.create("AUTHORIZE").body
    shop.approve(order)
    done = shop.sdk.orders.authorize_order({"id": order.id, "prefer": WHOLE}).body
    [held] = done.purchase_units[0].payments.authorizations
    assert held.status == "CREATED"
    call = {"authorization_id": held.id}
    with pytest.raises(ErrorException) as refused:
        shop.sdk.payments.reauthorize_payment({**call, "body": {}})
    assert issue(refused) == "REAUTHORIZATION_TOO_SOON"
    part = {**call, "prefer": WHOLE, "body": {"amount": usd("40.00")}}
    capture = shop.sdk.payments.capture_authorized_payment(part).body
    assert (capture.status, capture.amount.value) == ("COMPLETED", "40.00")
    state = shop.sdk.payments.get_authorized_payment(call).body
    assert state.status == "PARTIALLY_CAPTURED"
    assert shop.sdk.payments.void_payment(call).status_code == 204
    assert shop.sdk.payments.get_authorized_payment(call).body.status == "VOIDED"
    found = shop.sdk.orders.get_order({"id": order.id}).body
    payments = found.purchase_units[0].payments
    assert [one.id for one in payments.captures] == [capture.id]
    assert found.payer.name.given_name == "John"
