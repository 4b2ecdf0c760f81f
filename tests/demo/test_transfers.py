"""The shop is paid by bank transfer: the code on the order's page, the bank app, the statement."""

import html
import re

import pytest

from paykit import PaykitError

from .conftest import SANDBOX, SHOP, order_id


def code_of(page):
    """The text of the QR code that the order's page leads to the bank app with."""
    return html.unescape(re.search(r'href="([^"]+/bank/\?qr=[^"]+)"', page.text)[1])


async def transfer(town, page, way, **fields):
    """Open the bank app from the order's page, and pay there."""
    app = await town.browser.get(code_of(page))
    assert app.status_code == 200
    text = html.unescape(re.search(r'name="qr" value="([^"]+)"', app.text)[1])
    form = {"qr": text, "way": way, **fields}
    done = await town.browser.post(f"{SANDBOX}/bank/pay", data=form)
    assert "Transferred" in done.text
    # The shop reads its statement every other second; a test does not wait for that.
    return await town.shop.state.bank_feed.read()


def test_the_order_shows_what_to_transfer(play):
    async def scenario(town):
        page = await town.order("vietqr")
        assert page.url.path.startswith("/orders/TN")
        for shown in ("<svg", "640.000", "ACB", "19036666888", "Open the bank app"):
            assert shown in page.text, shown
        assert re.search(r'<dd class="code">TN[0-9B-Z]{8}</dd>', page.text)
        return (await town.order_json(order_id(page)))["status"]

    assert play(scenario) == "PENDING"


def test_the_right_amount_confirms(play):
    async def scenario(town):
        page = await town.order("vietqr")
        assert await transfer(town, page, "exact") == 1
        found = await town.settled(order_id(page))
        again = await town.browser.get(f"{SHOP}/orders/{order_id(page)}")
        return found["status"], await town.event_names(), "Open the bank app" in again.text

    status, events, shown = play(scenario)
    assert status == "CONFIRMED"
    assert events[:3] == ["OrderPlaced", "PaymentProcessed", "OrderConfirmed"]
    assert not shown


@pytest.mark.parametrize("way", ["less", "more", "late"])
def test_what_does_not_fit_is_held(play, way):
    async def scenario(town):
        page = await town.order("vietqr")
        assert await transfer(town, page, way) == 1
        return (await town.settled(order_id(page)))["status"]

    assert play(scenario) == "HELD"


@pytest.mark.parametrize("way", ["broken", "blank"])
def test_a_wrong_memo_pays_nothing(play, way):
    async def scenario(town):
        page = await town.order("vietqr")
        assert await transfer(town, page, way) == 0
        waiting = await town.shop.state.service.unmatched()
        return (await town.order_json(order_id(page)))["status"], len(waiting)

    assert play(scenario) == ("PENDING", 1)


def test_two_halves_confirm_in_the_end(play):
    async def scenario(town):
        page = await town.order("vietqr")
        assert await transfer(town, page, "halves") == 2
        return await town.confirmed(order_id(page))

    assert play(scenario)["status"] == "CONFIRMED"


def test_paid_twice_stays_confirmed(play):
    async def scenario(town):
        page = await town.order("vietqr")
        assert await transfer(town, page, "twice") == 2
        found = await town.settled(order_id(page))
        record = await town.shop.state.service.status(found["payment_id"])
        return found["status"], record.discrepancy, record.received.minor

    assert play(scenario) == ("CONFIRMED", "duplicate_payment", 1_280_000)


def test_a_statement_that_cannot_be_read_is_read_later(play):
    async def scenario(town):
        page = await town.order("vietqr")
        town.closed.add("sandbox")
        with pytest.raises(PaykitError):
            await town.shop.state.bank_feed.read()
        town.closed.clear()
        assert await transfer(town, page, "exact") == 1
        assert await town.shop.state.bank_feed.read() == 0

    play(scenario)
