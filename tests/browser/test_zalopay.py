"""ZaloPay's pages in a real browser: readable on a phone, usable by keyboard and without script."""

import json
import time
from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen

import pytest

from ..sandbox import zalopay_client as zalo
from .conftest import PHONE

pytestmark = pytest.mark.browser

#: Nobody listens there; what becomes of a callback is not seen here.
NOWHERE = "http://127.0.0.1:9/zalopay"


def call(sandbox, path, fields):
    body = json.dumps(zalo.signed(path, fields)).encode()
    request = Request(f"{sandbox}{zalo.BASE}{path}", body, {"content-type": "application/json"})
    with urlopen(request) as response:
        return json.load(response)


def today(name):
    return f"{datetime.now(UTC) + timedelta(hours=7):%y%m%d}_{name}_{time.time_ns()}"


@pytest.fixture
def order(demo):
    """A new order, which leads back to its own page."""
    now = int(time.time()) * 1000
    fields = {"app_trans_id": today("o"), "app_time": now, "embed_data": "{}"}
    return call(demo.sandbox, "v2/create", {**zalo.ORDER, **fields, "callback_url": NOWHERE})


@pytest.fixture
def agreement(demo):
    now = int(time.time()) * 1000
    fields = {"app_trans_id": today("b"), "req_date": now, "redirect_url": ""}
    return call(
        demo.sandbox, "v2/agreement/bind", {**zalo.BINDING, **fields, "callback_url": NOWHERE}
    )


@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize(("lang", "other"), [("en", "Tiếng Việt"), ("vi", "English")])
def test_an_order_is_shown_and_paid(make_visitor, order, device, lang, other):
    visitor = make_visitor(device)
    page = visitor.page
    page.goto(f"{order['order_url']}&lang={lang}")
    assert page.get_by_role("radio").count() == 6
    page.locator("summary").click()
    assert page.get_by_text(order["qr_code"]).is_visible()
    assert visitor.fits()
    visitor.shot(f"zalopay-{lang}-order")
    page.get_by_role("link", name=other).click()
    assert page.locator("html").get_attribute("lang") != lang
    page.goto(f"{order['order_url']}&lang={lang}")
    page.locator("button[value=back]").click()
    page.get_by_role("status").wait_for()
    assert visitor.fits()
    visitor.shot(f"zalopay-{lang}-left")
    page.locator("button[value=pay]").click()
    page.locator("[role=status].well").wait_for()
    assert page.get_by_role("button").count() == 0
    assert page.locator("html").get_attribute("lang") == lang
    visitor.shot(f"zalopay-{lang}-paid")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_an_agreement_is_confirmed_and_ended(make_visitor, agreement, device):
    visitor = make_visitor(device)
    page = visitor.page
    page.goto(agreement["short_link"])
    assert visitor.fits()
    visitor.shot("zalopay-agreement")
    page.get_by_role("button", name="Agree", exact=True).click()
    page.get_by_text("The agreement is in force.").wait_for()
    assert visitor.fits()
    visitor.shot("zalopay-agreement-in-force")
    page.get_by_role("button", name="End the agreement").click()
    page.get_by_text("The agreement has ended.").wait_for()


def test_an_order_is_paid_by_keyboard(make_visitor, order):
    page = make_visitor().page
    page.goto(f"{order['order_url']}&lang=en")
    page.get_by_label("ZaloPay wallet").focus()
    page.keyboard.press("ArrowDown")
    assert page.get_by_label("VietQR bank transfer").is_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "pay"
    page.keyboard.press("Enter")
    page.get_by_text("This order is paid.").wait_for()


def test_an_order_is_paid_without_script(chromium, order):
    context = chromium.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{order['order_url']}&lang=en")
    page.get_by_label("Domestic ATM card").check()
    page.get_by_role("button", name="Pay 50.000").click()
    page.get_by_text("This order is paid.").wait_for()
    context.close()
