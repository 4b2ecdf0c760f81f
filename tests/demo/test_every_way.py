"""Every provider on the checkout page leads to a confirmed order, over the real paths of both apps."""

import html
import re

import pytest

from paykit import registry

from .conftest import SANDBOX, order_id
from .test_cards import GATEWAYS

REDIRECTS = ("vnpay", "momo", "zalopay", "paypal", "sepaypg")
TRANSFERS = ("sepay", "casso")


@pytest.mark.parametrize("provider", REDIRECTS)
def test_a_page_at_the_provider(play, provider):
    async def scenario(town):
        page = await town.order(provider)
        if provider == "sepaypg":  # a browser sends this form by itself
            fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
            action = re.search(r'<form method="post" action="([^"]+)"', page.text)[1]
            form = {name: html.unescape(value) for name, value in fields}
            page = await town.browser.post(action, data=form)
        back = await town.choose(page, "pay")
        assert back.status_code == 200, back.text
        found = await town.settled(order_id(back))
        record = await town.shop.state.service.status(found["payment_id"])
        return found["status"], record.status, record.amount, record.captured

    status, payment, amount, captured = play(scenario)
    assert (status, payment, captured) == ("CONFIRMED", "succeeded", amount)
    assert amount.to_text() == ("25.60" if provider == "paypal" else "640000")


def test_paypal_sends_the_payer_back_for_another_way_to_pay(play):
    async def scenario(town):
        page = await town.order("paypal")
        page = await town.choose(page, "pay", method="declined")
        assert page.url.path.startswith("/paypal/"), page.url  # not the shop: PayPal, once more
        back = await town.choose(page, "pay", method="balance")
        return (await town.settled(order_id(back)))["status"]

    assert play(scenario) == "CONFIRMED"


@pytest.mark.parametrize("provider", TRANSFERS)
def test_a_transfer_that_is_told_of(play, provider):
    async def scenario(town):
        page = await town.order(provider)
        text = html.unescape(re.search(r'href="[^"]+/bank/\?qr=([^"]+)"', page.text)[1])
        app = await town.browser.get(f"{SANDBOX}/bank/?qr={text}")
        code = html.unescape(re.search(r'name="qr" value="([^"]+)"', app.text)[1])
        await town.browser.post(f"{SANDBOX}/bank/pay", data={"qr": code, "way": "exact"})
        return (await town.settled(order_id(page)))["status"], await town.deliveries()

    status, (delivery,) = play(scenario)
    assert (status, delivery["provider"], delivery["state"]) == ("CONFIRMED", provider, "delivered")


def test_a_transfer_on_the_page_of_payos(play):
    async def scenario(town):
        page = await town.order("payos")
        text = html.unescape(re.search(r'href="[^"]*/bank/\?qr=([^"]+)"', page.text)[1])
        app = await town.browser.get(f"{SANDBOX}/bank/?qr={text}")
        code = html.unescape(re.search(r'name="qr" value="([^"]+)"', app.text)[1])
        await town.browser.post(f"{SANDBOX}/bank/pay", data={"qr": code, "way": "exact"})
        await town.sandbox.state.deliveries.idle()
        paid = await town.browser.get(page.url)
        back = html.unescape(re.search(r'primary button" href="([^"]+)"', paid.text)[1])
        shown = await town.browser.get(back)
        assert shown.url.path == "/thank-you"
        return (await town.settled(order_id(shown)))["status"]

    assert play(scenario) == "CONFIRMED"


def test_nobody_is_left_out():
    assert {*REDIRECTS, *TRANSFERS, *GATEWAYS, "payos", "vietqr"} == set(registry.names())
