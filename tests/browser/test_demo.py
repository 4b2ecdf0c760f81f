"""The demo as a customer meets it: real pages, real clicks, nothing but the loopback interface."""

import re

import pytest

pytestmark = pytest.mark.browser

CONFIRMED = re.compile("Your order is confirmed")
STEPS = ("placed", "paid", "confirmed", "shipped")


def states(page):
    return {step: page.locator(f"#step-{step}").get_attribute("class") for step in STEPS}


def wait_for_shipping(page):
    page.locator("#step-shipped.done").wait_for()
    assert states(page) == dict.fromkeys(STEPS, "done")
    assert CONFIRMED.search(page.locator("#headline-text").inner_text())


@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize(
    ("provider", "account", "button"),
    [
        ("VNPay", "vnpay", "^Pay"),
        ("MoMo", "momo", "^Pay"),
        ("ZaloPay", "zalopay", r"^Pay \d"),
        ("SePay gateway", "sepaypg", "^Thanh toán"),
    ],
)
def test_buys_something(make_visitor, provider, account, button, device):
    visitor = make_visitor(device)
    page = visitor.page

    page.goto(visitor.shop)
    assert visitor.fits()
    visitor.shot("1-shop")
    visitor.checkout("Trà sen", provider, name="Nguyễn Thị Lan")
    visitor.shot(f"4-{account}")
    assert visitor.fits()
    visitor.choose(button)

    if account != "zalopay":  # which is asked when the payer returns
        # Back in the shop nothing is settled: the notice has not come yet.
        assert states(page) == dict(zip(STEPS, ("done", "now", "todo", "todo"), strict=True))
    assert visitor.fits()
    visitor.shot(f"5-{account}-pending")
    wait_for_shipping(page)
    assert page.locator("#payment-status").inner_text() == "succeeded"
    assert visitor.fits()
    visitor.shot(f"6-{account}-confirmed")

    order_id = visitor.order_id()
    page.goto(f"{visitor.shop}/events")
    events = page.locator(".event").filter(has_text=order_id)
    assert events.locator(".event-name").all_inner_texts() == [
        "OrderShipped",
        "OrderConfirmed",
        "PaymentProcessed",
        "OrderPlaced",
    ]
    payment = events.filter(has=page.get_by_text("PaymentProcessed", exact=True))
    assert payment.locator(".chip").inner_text() == "succeeded"
    assert payment.locator(".event-amount").inner_text() == "640.000\N{NO-BREAK SPACE}₫"
    payment.locator("summary").click()
    assert f'"order_id": "{order_id}"' in payment.locator("pre").inner_text()
    assert visitor.fits()
    visitor.shot(f"7-{account}-events")


@pytest.mark.parametrize(
    ("provider", "device"), [("SePay", "desktop"), ("Casso", "phone"), ("VietQR", "desktop")]
)
def test_pays_by_transfer(make_visitor, provider, device):
    visitor = make_visitor(device)
    page = visitor.page
    visitor.checkout("Trà sen", provider, name="Nguyễn Thị Lan")
    assert page.get_by_role("img", name="VietQR code for the transfer").is_visible()
    assert visitor.fits()
    visitor.shot(f"4-{provider.lower()}")
    visitor.transfer("Open the bank app", "^Transfer 640")
    wait_for_shipping(page)
    assert not page.get_by_role("link", name="Open the bank app").is_visible()
    visitor.shot(f"7-{provider.lower()}-confirmed")


@pytest.mark.parametrize(
    ("way", "headline"),
    [
        ("^Too little", "We are looking at your payment"),
        ("^With a mistyped", "Waiting for your payment"),
    ],
)
def test_a_wrong_transfer_confirms_nothing(make_visitor, way, headline):
    visitor = make_visitor("phone")
    page = visitor.page
    visitor.checkout("Trà sen", "SePay", name="Nguyễn Thị Lan")
    visitor.transfer("Open the bank app", way)
    page.get_by_role("heading", name=headline).wait_for()
    page.wait_for_timeout(4_000)  # the notice has come by then
    assert page.locator("#headline-text").inner_text() == headline
    assert states(page)["confirmed"] == "todo"
    visitor.shot("8-wrong-transfer")


def test_pays_on_the_page_of_payos(make_visitor):
    visitor = make_visitor("phone")
    page = visitor.page
    visitor.checkout("Trà sen", "payOS", name="Nguyễn Thị Lan")
    assert visitor.fits()
    visitor.shot("4-payos")
    visitor.transfer("Mở ứng dụng ngân hàng", "^Transfer 640")
    page.get_by_role("link", name="Tôi đã chuyển khoản").click()
    page.get_by_role("link", name="Quay lại cửa hàng").click()
    page.wait_for_url(f"{visitor.shop}/thank-you**")
    wait_for_shipping(page)


@pytest.mark.parametrize(
    ("provider", "button", "device"),
    [("VNPay", "^Cancel", "desktop"), ("MoMo", "^Decline", "phone")],
)
def test_cancels_and_tries_again(make_visitor, provider, button, device):
    visitor = make_visitor(device)
    page = visitor.page
    visitor.checkout("Nón lá", provider, name="Trần Văn Minh")
    visitor.choose(button)
    order_id = visitor.order_id()
    page.get_by_role("heading", name="The payment was canceled").wait_for()
    assert states(page) == {
        "placed": "done",
        "paid": "failed",
        "confirmed": "todo",
        "shipped": "todo",
    }
    visitor.shot(f"8-{provider.lower()}-canceled")
    assert visitor.fits()

    page.get_by_role("button", name=re.compile("^Try again")).click()
    page.wait_for_url(f"{visitor.sandbox}/**")
    visitor.choose("^Pay")
    wait_for_shipping(page)
    assert visitor.order_id() == order_id


def test_events_arrive_while_one_watches(make_visitor):
    watcher, buyer = make_visitor(), make_visitor("phone")
    watcher.page.goto(f"{watcher.shop}/events")
    buyer.checkout("Khăn lụa", "MoMo", name="Lê Thu Hà")
    buyer.choose("^Pay")
    mine = watcher.page.locator(".event").filter(has_text=buyer.order_id())
    mine.filter(has_text="OrderShipped").wait_for()
    assert mine.count() == 4


def test_the_form_says_what_is_missing(make_visitor):
    visitor = make_visitor()
    page = visitor.page
    page.goto(f"{visitor.shop}/checkout?product=gom&quantity=1")
    visitor.shot("3-checkout")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    # The browser itself holds the form back.
    assert page.url == f"{visitor.shop}/checkout?product=gom&quantity=1"
    assert page.evaluate("document.activeElement.id") == "name"


def test_everything_is_reached_by_keyboard(make_visitor):
    visitor = make_visitor()
    page = visitor.page
    page.goto(f"{visitor.shop}/checkout?product=den&quantity=1")
    page.get_by_label("Your name").focus()
    page.keyboard.type("Phạm Quốc Anh")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.locator("input[value=momo]").is_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.sandbox}/momo/**")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_pages_fit_the_window(make_visitor, device):
    visitor = make_visitor(device)
    for number, (name, path) in enumerate(
        [
            ("shop", "/"),
            ("product", "/products/den"),
            ("checkout", "/checkout?product=den&quantity=2"),
        ],
        start=1,
    ):
        visitor.page.goto(visitor.shop + path)
        assert visitor.fits(), path
        visitor.shot(f"{number}-{name}")
    visitor.page.goto(visitor.sandbox)
    assert visitor.fits()
    visitor.shot("9-sandbox")
