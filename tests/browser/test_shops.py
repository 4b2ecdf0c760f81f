"""An example shop in a real browser, whose page hears of the payment by the script of the mount."""

import re

import pytest

from ..examples.shops import running
from .conftest import DESKTOP, PHONE, Visitor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shop():
    with running("fastapi") as running_shop:
        yield running_shop


@pytest.fixture
def visitor(request, chromium, shop):
    """Somebody in the shop; any error that the browser reports fails the test."""
    context = chromium.new_context(viewport=PHONE if request.param == "phone" else DESKTOP)
    context.set_default_timeout(15_000)
    complaints = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(shop.url)
    yield Visitor(page, shop.url, shop.providers, request.param)
    context.close()
    assert complaints == []


def hear(visitor, headline):
    visitor.page.get_by_role("heading", name=headline, exact=True).wait_for()


@pytest.mark.parametrize("visitor", ["desktop", "phone"], indirect=True)
def test_pays_at_vnpay_and_finds_the_order(visitor):
    page = visitor.page
    assert visitor.fits()
    visitor.shot("shop-1-product")
    page.get_by_role("button", name="VNPay").click()
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.wait_for_url(f"{visitor.shop}/thanks?*")
    hear(visitor, "Waiting for your payment")  # the notice has not come yet
    assert visitor.fits()
    visitor.shot("shop-2-waiting")
    hear(visitor, "Paid")
    visitor.shot("shop-3-paid")

    page.get_by_role("link", name="The page of your order").click()
    hear(visitor, "Paid")
    assert visitor.fits()
    assert page.locator("#amount").inner_text() == "320.000\N{NO-BREAK SPACE}₫"
    visitor.shot("shop-4-order")
    whose = re.search(r"/orders/(\d{9})\?token=(\w+)\.(\w+)", page.url)
    other = f"{visitor.shop}/orders/{int(whose[1]) + 1}?token={whose[2]}.{whose[3]}"
    assert page.request.get(other).status == 404


@pytest.mark.parametrize("visitor", ["phone"], indirect=True)
def test_pays_by_a_code(visitor):
    page = visitor.page
    page.get_by_role("button", name="QR code").click()
    hear(visitor, "Waiting for your payment")
    assert page.get_by_role("img", name="VietQR code for the transfer").is_visible()
    assert visitor.fits()
    visitor.shot("shop-5-code")
    visitor.transfer("Open the sandbox's bank app", "^Transfer 320")
    hear(visitor, "Paid")
    assert not page.get_by_role("img").is_visible()


@pytest.mark.parametrize("visitor", ["desktop"], indirect=True)
def test_cancels_at_momo(visitor):
    visitor.page.get_by_role("button", name="MoMo").click()
    visitor.page.get_by_role("button", name=re.compile("^Decline")).click()
    hear(visitor, "Canceled")
    assert visitor.fits()
    visitor.shot("shop-6-canceled")
