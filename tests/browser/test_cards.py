"""Paying by card in the shop's own page: hold, capture, decline, 3-D Secure, void."""

import re

import pytest

from ..demo.cards import number_of

pytestmark = pytest.mark.browser

PAID = [
    "OrderPlaced",
    "PaymentProcessed authorized",
    "OrderAuthorized",
    "StockReserved",
    "PaymentProcessed succeeded",
    "OrderConfirmed",
    "OrderShipped",
]


class Buyer:
    """A visitor with a card. Everything that the browser sends to the shop is kept."""

    def __init__(self, visitor):
        self.visitor = visitor
        self.page = visitor.page
        self.sent = []
        self.page.on("request", self._note)

    def _note(self, request):
        if request.url.startswith(self.visitor.shop):
            self.sent.append(f"{request.url} {request.headers} {request.post_data or ''}")

    def choose(self, product, gateway, *, quantity="1"):
        self.page.goto(self.visitor.shop)
        self.page.get_by_role("link", name=product).click()
        self.page.get_by_label("Quantity").select_option(quantity)
        self.page.get_by_role("button", name="Buy").click()
        self.page.get_by_label("Your name").fill("Nguyễn Thị Lan")
        self.page.get_by_role("radio", name=re.compile(rf"Card \({re.escape(gateway)}\)")).check()

    def type_card(self, number):
        frame = self.page.frame_locator("#card-field iframe")
        frame.get_by_label("Card number").press_sequentially(number)
        frame.get_by_label("Expiry date").press_sequentially("1234")
        frame.get_by_label("Security code").press_sequentially("123")
        return frame

    def pay(self):
        self.page.locator("form[data-pays] button").click()

    def wait_for(self, headline):
        self.page.get_by_role("heading", name=headline).wait_for()
        assert self.visitor.fits()

    def wait_for_shipping(self):
        self.page.locator("#step-shipped.done").wait_for()
        assert self.page.locator("#payment-status").inner_text() == "succeeded"

    def events(self):
        """The order's events as the events page shows them, the oldest first."""
        order_id = self.visitor.order_id()
        self.page.goto(f"{self.visitor.shop}/events")
        found = []
        for row in reversed(self.page.locator(".event").filter(has_text=order_id).all()):
            chip = row.locator(".chip")
            states = chip.all_inner_texts()
            found.append(" ".join([row.locator(".event-name").inner_text(), *states]))
        assert self.visitor.fits()
        return found

    def kept_it_secret(self, *numbers):
        """Whether the shop was never sent a number, in whatever grouping."""
        digits = re.sub(r"[\s+-]|%20", "", "".join(self.sent))
        return self.sent and not any(number in digits for number in numbers)


@pytest.fixture
def make_buyer(make_visitor):
    return lambda device="desktop": Buyer(make_visitor(device))


@pytest.mark.parametrize(
    ("gateway", "device"),
    [
        ("Stripe", "desktop"),
        ("Stripe", "phone"),
        ("Adyen", "phone"),
        ("Checkout.com", "desktop"),
    ],
)
def test_pays_by_card(make_buyer, gateway, device):
    buyer, number = make_buyer(device), number_of("Succeeds")
    buyer.choose("Trà sen", gateway)
    frame = buyer.type_card(number)
    assert buyer.visitor.fits()
    buyer.visitor.shot(f"20-card-{gateway}")
    frame.get_by_label("Security code").press("Enter")  # no mouse needed
    buyer.page.wait_for_url(re.compile("/orders/"))
    buyer.visitor.shot(f"21-card-{gateway}-order")
    buyer.wait_for_shipping()
    assert buyer.kept_it_secret(number)
    buyer.visitor.shot(f"22-card-{gateway}-confirmed")
    assert buyer.events() == PAID
    buyer.visitor.shot(f"23-card-{gateway}-events")


def test_a_mistyped_number_is_said_in_the_field(make_buyer):
    buyer = make_buyer("phone")
    buyer.choose("Trà sen", "Stripe")
    frame = buyer.type_card("4999990000000001")
    buyer.pay()
    frame.get_by_role("alert").filter(has_text="not valid").wait_for()
    buyer.visitor.shot("24-card-mistyped")
    assert "/checkout" in buyer.page.url
    frame.get_by_label("Card number").fill(number_of("Succeeds"))
    buyer.pay()
    buyer.page.wait_for_url(re.compile("/orders/"))
    buyer.wait_for_shipping()


def test_a_declined_card_and_then_another(make_buyer):
    buyer = make_buyer("phone")
    poor, good = number_of("Declined: insufficient funds"), number_of("Succeeds")
    buyer.choose("Nón lá", "Stripe")
    buyer.type_card(poor)
    buyer.pay()
    buyer.wait_for("Your card was declined")
    assert "There is not enough money on this card." in buyer.page.locator("#message").inner_text()
    buyer.visitor.shot("25-card-declined")
    order_id = buyer.visitor.order_id()
    buyer.type_card(good)
    assert buyer.visitor.fits()
    buyer.pay()
    buyer.wait_for_shipping()
    assert buyer.visitor.order_id() == order_id
    assert buyer.kept_it_secret(poor, good)
    assert buyer.events() == [
        "OrderPlaced",
        "PaymentProcessed failed",
        "OrderPaymentFailed",
        *PAID[1:],
    ]


@pytest.mark.parametrize(
    ("gateway", "button", "device"),
    [
        ("Stripe", "approve", "phone"),
        ("Adyen", "approve", "phone"),
        ("Stripe", "refuse", "desktop"),
    ],
)
def test_3d_secure(make_buyer, gateway, button, device):
    buyer = make_buyer(device)
    buyer.choose("Bát gốm", gateway)
    buyer.type_card(number_of("3-D Secure each time"))
    buyer.pay()
    buyer.page.get_by_role("heading", name="Is this you?").wait_for()
    assert buyer.visitor.fits()
    buyer.visitor.shot(f"26-card-3ds-{gateway}")
    buyer.page.get_by_role("button", name=re.compile(button)).click()
    buyer.page.wait_for_url(re.compile(f"{buyer.visitor.shop}/(thank-you|orders/)"))
    if button == "approve":
        buyer.wait_for_shipping()
        assert buyer.events() == PAID
    else:
        buyer.wait_for("Your card was declined")
        assert "could not confirm that it is you" in buyer.page.locator("#message").inner_text()
        buyer.visitor.shot(f"27-card-3ds-{gateway}-refused")


def test_what_is_sold_out_is_released(make_buyer):
    watcher, buyer = make_buyer(), make_buyer("phone")
    watcher.page.goto(f"{watcher.visitor.shop}/events")
    buyer.choose("Khăn lụa", "Stripe", quantity="2")
    buyer.type_card(number_of("Succeeds"))
    buyer.pay()
    buyer.wait_for("Your order is canceled")
    assert "Nothing was charged" in buyer.page.locator("#message").inner_text()
    buyer.page.locator("#payment-status", has_text="canceled").wait_for()
    buyer.visitor.shot("28-card-sold-out")
    mine = watcher.page.locator(".event").filter(has_text=buyer.visitor.order_id())
    mine.filter(has_text="OrderCanceled").wait_for()
    assert buyer.events() == [
        *PAID[:3],
        "OutOfStock",
        "PaymentProcessed canceled",
        "OrderCanceled",
    ]
    buyer.visitor.shot("29-card-sold-out-events")
