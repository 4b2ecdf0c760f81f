"""The card field in a shop's page, 3-D Secure, and Stripe's own page, as a payer meets them."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

pytestmark = pytest.mark.browser

KEY = "sk_test_paykit_sandbox_0001"
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Checkout</title><link rel="icon" href="data:,">
<script src="{sandbox}/static/card-field.js" defer></script>
<script src="/checkout.js" defer></script></head>
<body><main><h1>Checkout</h1>
<form><div id="field"></div><button>Pay</button></form><p id="said" role="status"></p></main></body>
</html>"""
SCRIPT = """
const said = document.getElementById("said");
const field = PaykitCardField.mount(document.getElementById("field"), { gateway: "stripe" });
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try { said.textContent = await field.tokenize(); } catch (error) {
    said.textContent = `${error.field}: ${error.message}`;
  }
});
window.ask = async (clientSecret) => {
  const { outcome, result } = await PaykitCardField.handle({ gateway: "stripe", clientSecret });
  return [outcome, result.redirect_status];
};
"""
POLICY = (
    "default-src 'none'; img-src data:; script-src 'self' {sandbox}; frame-src {sandbox}; "
    "base-uri 'none'"
)
HOLD = {
    "amount": "150000",
    "currency": "vnd",
    "capture_method": "manual",
    "confirm": "true",
    "use_stripe_sdk": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


@pytest.fixture(scope="module")
def shop(demo):
    """The address of a shop that has one page, under a policy that lets in only the sandbox.

    It is served for real: a browser does not let a page that a test makes up load from here.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            script = path == "/checkout.js"
            body = SCRIPT if script else PAGE.format(sandbox=demo.sandbox)
            self.send_response(200)
            kind = "javascript" if script else "html"
            self.send_header("Content-Type", f"text/{kind}; charset=utf-8")
            if path != "/stranger":
                self.send_header("Content-Security-Policy", POLICY.format(sandbox=demo.sandbox))
            self.end_headers()
            if path == "/stranger":
                url = f"{demo.sandbox}/stripe/card-field?origin=http://127.0.0.1:1"
                body = f"<link rel='icon' href='data:,'><iframe src='{url}'></iframe>"
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Checkout:
    """A shop's page with the card field."""

    def __init__(self, visitor, shop):
        self.visitor, self.page, self.shop = visitor, visitor.page, shop
        self.sent = []
        # Playwright takes no method of a list.
        self.page.on("request", lambda request: self.sent.append(request))  # noqa: PLW0108
        self.page.goto(f"{shop}/checkout")
        self.frame = self.page.frame_locator("iframe[title='Card details']")
        self.said = self.page.get_by_role("status")

    def fill(self, number, expiry="12/34", cvc="123"):
        self.frame.get_by_label("Card number").fill(number)
        self.frame.get_by_label("Expiry date").fill(expiry)
        self.frame.get_by_label("Security code").fill(cvc)

    def tokenize(self, number):
        self.fill(number)
        self.page.get_by_role("button", name="Pay").click()
        self.wait_for_token()
        return self.said.inner_text()

    def wait_for_token(self):
        self.page.get_by_text(re.compile("^pm_")).wait_for()

    def post(self, path, **form):
        url = f"{self.visitor.sandbox}/stripe{path}"
        return httpx.post(url, data=form, headers={"Authorization": f"Bearer {KEY}"}).json()

    def hold(self, number):
        method = self.tokenize(number)
        return self.post("/v1/payment_intents", **HOLD, payment_method=method)

    def read(self, intent):
        url = f"{self.visitor.sandbox}/stripe/v1/payment_intents/{intent['id']}"
        return httpx.get(url, headers={"Authorization": f"Bearer {KEY}"}).json()


@pytest.fixture(params=["desktop", "phone"])
def checkout(make_visitor, shop, request):
    return Checkout(make_visitor(request.param), shop)


def test_the_shop_gets_a_token_and_never_the_number(checkout):
    checkout.frame.get_by_label("Card number").wait_for()
    checkout.visitor.shot("20-card-field")
    token = checkout.tokenize("4242424242424242")
    assert token.startswith("pm_")
    assert checkout.visitor.fits()
    checkout.visitor.shot("21-card-field-done")
    [post] = [one for one in checkout.sent if one.method == "POST"]
    assert post.url == f"{checkout.visitor.sandbox}/stripe/card-field"
    assert post.frame != checkout.page.main_frame
    for one in checkout.sent:
        if one is not post:
            assert "4242" not in one.url + (one.post_data or "")


def test_with_the_keyboard_alone(checkout):
    page = checkout.page
    checkout.frame.get_by_label("Card number").wait_for()
    page.keyboard.press("Tab")
    for text in ("4242424242424242", "1234", "123"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the list of test cards comes between the field and the button
    checkout.frame.get_by_text("3-D Secure each time").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Pay"
    assert checkout.frame.get_by_label("Card number").input_value() == "4242 4242 4242 4242"
    assert checkout.frame.get_by_label("Expiry date").input_value() == "12 / 34"
    page.keyboard.press("Enter")
    checkout.wait_for_token()


def test_enter_in_the_field_sends_the_shops_form(checkout):
    checkout.fill("4242424242424242")
    checkout.frame.get_by_label("Security code").press("Enter")
    checkout.wait_for_token()


def test_what_is_mistyped_is_said_in_the_field(checkout):
    checkout.fill("4242424242424241")
    checkout.page.get_by_role("button", name="Pay").click()
    alert = checkout.frame.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "Your card number is not valid."
    number = checkout.frame.get_by_label("Card number")
    assert number.get_attribute("aria-invalid") == "true"
    described = number.get_attribute("aria-describedby")
    assert checkout.frame.locator(f"#{described}").inner_text() == "Your card number is not valid."
    assert number.evaluate("(input) => document.activeElement === input")
    checkout.visitor.shot("22-card-field-mistyped")
    checkout.page.get_by_text("number:").wait_for()
    assert checkout.said.inner_text() == "number: Your card number is not valid."
    assert checkout.tokenize("4242424242424242").startswith("pm_")
    assert not alert.is_visible()


@pytest.mark.parametrize(
    ("button", "outcome", "status"),
    [
        ("Yes, approve", ["approve", "succeeded"], "requires_capture"),
        ("No, refuse", ["refuse", "failed"], "requires_payment_method"),
        ("Leave without", ["abandon", None], "requires_action"),
    ],
)
def test_the_bank_asks_in_a_dialog(checkout, button, outcome, status):
    intent = checkout.hold("4000002760003184")
    assert intent["next_action"]["type"] == "use_stripe_sdk"
    page = checkout.page
    page.evaluate("(secret) => { window.answer = ask(secret); }", intent["client_secret"])
    bank = page.frame_locator("iframe[title='3-D Secure']")
    bank.get_by_role("heading", name="Is this you?").wait_for()
    checkout.visitor.shot("23-three-d-secure-dialog")
    assert checkout.visitor.fits()
    bank.get_by_role("button", name=re.compile(button)).click()
    assert page.evaluate("answer") == outcome
    assert page.get_by_role("dialog").count() == 0
    assert checkout.read(intent)["status"] == status


def test_the_dialog_is_closed_with_escape(checkout):
    intent = checkout.hold("4000002760003184")
    page = checkout.page
    page.evaluate("(secret) => { window.answer = ask(secret); }", intent["client_secret"])
    page.frame_locator("iframe[title='3-D Secure']").get_by_role("heading").wait_for()
    page.get_by_role("dialog").press("Escape")
    assert page.evaluate("answer") == ["abandon", None]
    assert checkout.read(intent)["status"] == "requires_action"


def test_the_bank_asks_on_a_page_of_its_own(checkout):
    method = checkout.tokenize("4000002760003184")
    back = f"{checkout.shop}/checkout"
    form = {**HOLD, "payment_method": method, "return_url": back, "use_stripe_sdk": "false"}
    intent = checkout.post("/v1/payment_intents", **form)
    page = checkout.page
    page.goto(intent["next_action"]["redirect_to_url"]["url"])
    assert checkout.visitor.fits()
    checkout.visitor.shot("24-three-d-secure")
    page.get_by_role("button", name="Yes, approve").click()
    page.wait_for_url(re.compile(re.escape(back)))
    assert "redirect_status=succeeded" in page.url


def test_stripes_own_page(checkout, complaints):
    session = checkout.post(
        "/v1/checkout/sessions",
        **{
            "mode": "payment",
            "client_reference_id": "ORDER-1",
            "line_items[0][quantity]": "2",
            "line_items[0][price_data][currency]": "vnd",
            "line_items[0][price_data][unit_amount]": "190000",
            "line_items[0][price_data][product_data][name]": "Nón lá bài thơ",
            "success_url": f"{checkout.shop}/checkout?paid",
            "cancel_url": f"{checkout.shop}/checkout",
        },
    )
    page = checkout.page
    page.goto(session["url"])
    assert checkout.visitor.fits()
    checkout.visitor.shot("25-stripe-checkout")
    page.get_by_text("Test cards").click()
    assert checkout.visitor.fits()
    page.get_by_label("Card number").fill("4000000000009995")
    page.get_by_label("Expiry date").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.get_by_text("Your card has insufficient funds.").wait_for()
    assert all("402" in one for one in complaints)
    complaints.clear()
    checkout.visitor.shot("26-stripe-checkout-declined")
    page.get_by_label("Card number").fill("4242424242424242")
    page.get_by_label("Expiry date").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.wait_for_url(re.compile("/checkout\\?paid"))


def test_the_desk(checkout):
    intent = checkout.hold("4242424242424242")
    checkout.post(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture="100000")
    checkout.post("/v1/refunds", payment_intent=intent["id"], amount="20000")
    page = checkout.page
    page.goto(f"{checkout.visitor.sandbox}/stripe/_sandbox/payments/{intent['id']}")
    page.get_by_role("button", name=re.compile("Dispute it")).click()
    page.get_by_role("button", name=re.compile("Decide for the merchant")).wait_for()
    assert checkout.visitor.fits()
    checkout.visitor.shot("27-stripe-desk")
    page.get_by_role("button", name=re.compile("Decide for the merchant")).click()
    page.get_by_text("won").wait_for()


def test_pages_from_elsewhere_get_no_frame(make_visitor, shop, complaints):
    visitor = make_visitor()
    visitor.page.goto(f"{shop}/stranger")
    visitor.page.wait_for_timeout(500)
    assert visitor.page.frame_locator("iframe").get_by_label("Card number").count() == 0
    assert any("frame-ancestors" in one for one in complaints)
    complaints.clear()
