"""The shop takes cards: over the real paths of shop and sandbox, with the gateway's answers and notices."""

import re

import pytest

from paykit.demo import worker as workers
from paykit.demo.bus import Bus
from paykit.demo.catalog import PRODUCTS

from .cards import number_of, tokenize
from .conftest import SANDBOX, SHOP, order_id

GATEWAYS = ("stripe", "adyen", "checkoutcom")
PAID = [
    "OrderPlaced",
    "PaymentProcessed",
    "OrderAuthorized",
    "StockReserved",
    "PaymentProcessed",
    "OrderConfirmed",
    "OrderShipped",
]


async def buy(town, gateway, card, *, product="sen", quantity=2):
    """Pay by card; the token, and the page to which that led."""
    token = await tokenize(town, gateway, card)
    page = await town.order(gateway, product=product, quantity=quantity, card_token=token)
    return token, page


async def answer(town, page, outcome):
    """Press a button on the page of the payer's bank."""
    action = re.search(r'action="([^"]+)"', page.text)[1]
    return await town.browser.post(page.url.join(action), data={"outcome": outcome, "origin": ""})


async def only_order(town):
    """The number of the only order that there is."""
    events = (await town.browser.get(f"{SHOP}/events")).text
    (number,) = set(re.findall(r"/orders/(\w+)", events))
    return number


async def record_of(town, number):
    found = await town.settled(number)
    return found, await town.shop.state.service.status(found["payment_id"])


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_card_is_held_and_then_captured(play, gateway, tmp_path):
    async def scenario(town):
        token, page = await buy(town, gateway, "Succeeds")
        assert page.url.path.startswith("/orders/TN")
        found, record = await record_of(town, order_id(page))
        assert (found["status"], record.status) == ("CONFIRMED", "succeeded")
        assert record.captured == record.amount
        assert record.amount.to_text() == "640000"
        assert await town.event_names() == PAID
        paths = (f"/orders/{order_id(page)}", "/events", "/events.json")
        return token, [page.text, *[(await town.browser.get(SHOP + path)).text for path in paths]]

    token, shown = play(scenario)
    for file in tmp_path.iterdir():
        assert token.encode() not in file.read_bytes(), "the token is stored"
    for text in shown:
        assert token not in text


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_decline_leaves_the_order_open_for_another_card(play, gateway):
    async def scenario(town):
        _, page = await buy(town, gateway, "Declined: insufficient funds")
        number = order_id(page)
        failed = await town.settled(number)
        assert failed["headline"] == "Your card was declined"
        assert "not enough money on this card" in failed["message"]
        token = await tokenize(town, gateway, "Succeeds")
        form = {"provider": gateway, "card_token": token}
        await town.browser.post(f"{SHOP}/orders/{number}/pay", data=form)
        found, record = await record_of(town, number)
        assert (found["status"], record.reference) == ("CONFIRMED", f"{number}-2")
        assert found["payment_id"] != failed["payment_id"]
        assert await town.event_names() == [
            "OrderPlaced",
            "PaymentProcessed",
            "OrderPaymentFailed",
            *PAID[1:],
        ]

    play(scenario)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_3d_secure_by_redirect(play, gateway):
    async def scenario(town):
        _, page = await buy(town, gateway, "3-D Secure each time")
        assert page.url.port == 8100
        back = await answer(town, page, "approve")
        found, record = await record_of(town, order_id(back))
        assert (found["status"], record.captured) == ("CONFIRMED", record.amount)
        assert await town.event_names() == PAID

    play(scenario)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_3d_secure_that_is_refused(play, gateway):
    async def scenario(town):
        _, page = await buy(town, gateway, "3-D Secure each time")
        back = await answer(town, page, "refuse")
        found, record = await record_of(town, order_id(back))
        assert (found["status"], record.captured.minor) == ("PAYMENT_FAILED", 0)
        # Adyen's notice gives its reason outside of what it signs.
        why = "declined the card" if gateway == "adyen" else "could not confirm that it is you"
        assert why in found["message"]

    play(scenario)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_sold_out_is_voided(play, gateway):
    async def scenario(town):
        _, page = await buy(town, gateway, "Succeeds", product="lua")
        found, record = await record_of(town, order_id(page))
        assert (found["status"], record.status) == ("CANCELED", "canceled")
        assert record.captured.minor == 0
        assert await town.event_names() == [
            *PAID[:3],
            "OutOfStock",
            "PaymentProcessed",
            "OrderCanceled",
        ]

    play(scenario)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_crash_between_hold_and_capture(play, gateway, monkeypatch, tmp_path):
    async def nothing(self):
        return 0

    work = workers.PaymentWorker.work
    monkeypatch.setattr(workers.PaymentWorker, "work", nothing)

    async def scenario(town):
        _, page = await buy(town, gateway, "Succeeds")
        number = order_id(page)
        await town.reached(number, "AUTHORIZED")
        service = town.shop.state.service
        for _restart in range(2):
            again = workers.PaymentWorker(tmp_path / "demo.db", Bus(), service=service)
            assert await work(again) == 0
            again.close()
        found, record = await record_of(town, number)
        assert (found["status"], record.captured) == ("CONFIRMED", record.amount)
        assert (await town.event_names()).count("PaymentProcessed") == 2

    play(scenario)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_gateway_that_is_away_leaves_the_order_open(play, gateway):
    async def scenario(town):
        token = await tokenize(town, gateway, "Succeeds")
        town.closed.add("sandbox")
        page = await town.order(gateway, card_token=token)
        number = order_id(page)
        assert "cannot be reached just now" in page.text
        assert (await town.order_json(number))["status"] == "PAYMENT_FAILED"
        town.closed.clear()
        form = {"provider": gateway, "card_token": token}
        await town.browser.post(f"{SHOP}/orders/{number}/pay", data=form)
        assert (await town.settled(number))["status"] == "CONFIRMED"

    play(scenario)


def test_without_a_token_nothing_is_asked_for(play):
    async def scenario(town):
        for token in ("", number_of("Succeeds"), "4242 4242 4242 4242"):
            page = await town.order("stripe", card_token=token)
            assert page.status_code == 422
            assert "Fill in your card." in page.text
            assert not token or token not in page.text
        assert await town.event_names() == []

        _, page = await buy(town, "stripe", "Declined without a reason")
        await town.settled(order_id(page))
        page = await town.browser.post(f"{SHOP}/orders/{order_id(page)}/pay")
        assert page.status_code == 422
        assert (await town.order_json(order_id(page)))["status"] == "PAYMENT_FAILED"

    play(scenario)


def test_going_on_with_3d_secure_asks_for_no_second_hold(play):
    async def scenario(town):
        _, page = await buy(town, "stripe", "3-D Secure each time")
        assert page.url.port == 8100
        number = await only_order(town)
        shown = await town.browser.get(f"{SHOP}/orders/{number}")
        assert re.search(r'id="resume"( hidden)?', shown.text)[1] is None
        again = await town.browser.post(f"{SHOP}/orders/{number}/pay")
        assert again.url == page.url
        await answer(town, again, "approve")
        assert (await town.settled(number))["status"] == "CONFIRMED"

    play(scenario)


def test_going_on_without_a_token_and_without_a_session_asks_nobody(play):
    async def scenario(town):
        orders = town.shop.state.orders
        order = orders.place(
            PRODUCTS["sen"], quantity=1, customer="Lan", provider="stripe", card="pm_1…7890"
        )
        page = await town.browser.post(f"{SHOP}/orders/{order.order_id}/pay")
        assert page.url == f"{SHOP}/orders/{order.order_id}"
        assert await town.event_names() == ["OrderPlaced"]

    play(scenario)


def test_a_token_for_another_gateway_is_not_given_to_the_one_that_waits(play):
    async def scenario(town):
        _, page = await buy(town, "stripe", "3-D Secure each time")
        form = {"provider": "adyen", "card_token": await tokenize(town, "adyen", "Succeeds")}
        number = await only_order(town)
        again = await town.browser.post(f"{SHOP}/orders/{number}/pay", data=form)
        assert again.url == page.url

    play(scenario)


def test_paid_by_card_after_another_way_failed(play):
    async def scenario(town):
        number = order_id(await town.choose(await town.order("momo"), "decline"))
        await town.settled(number)
        token = await tokenize(town, "stripe", "Succeeds")
        form = {"provider": "stripe", "card_token": token}
        await town.browser.post(f"{SHOP}/orders/{number}/pay", data=form)
        found, record = await record_of(town, number)
        assert (found["status"], record.provider) == ("CONFIRMED", "stripe")

    play(scenario)


def test_a_notice_that_comes_twice_captures_once(play):
    async def scenario(town):
        town.faults.duplicate_next_ipn = 2
        _, page = await buy(town, "stripe", "Succeeds")
        await town.settled(order_id(page))
        await town.sandbox.state.deliveries.idle()
        assert await town.event_names() == PAID
        for delivery in await town.deliveries():
            await town.browser.post(f"{SANDBOX}/_sandbox/deliveries/{delivery['id']}/resend")
        await town.sandbox.state.deliveries.idle()
        assert await town.event_names() == PAID

    play(scenario)
