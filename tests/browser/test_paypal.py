"""The pages of the pretended PayPal, as a payer and a developer see them."""

import re

import httpx
import pytest

pytestmark = pytest.mark.browser

CLIENT = ("PAYKITSANDBOXCLIENT0001", "PAYKITSANDBOXSECRET0001")


class Merchant:
    """A shop at the pretended PayPal, as far as it needs no page."""

    def __init__(self, visitor):
        self.base = f"{visitor.sandbox}/paypal"
        self.shop = visitor.shop
        form = {"grant_type": "client_credentials"}
        token = httpx.post(f"{self.base}/v1/oauth2/token", data=form, auth=CLIENT).json()
        self.headers = {
            "Authorization": f"Bearer {token['access_token']}",
            "Prefer": "return=representation",
        }

    def post(self, path, body, **headers):
        url = path if path.startswith("http") else self.base + path
        return httpx.post(url, json=body, headers={**self.headers, **headers}).json()

    def order(self, reference, **context):
        """Returns the order, and the address of its page."""
        context = {
            "return_url": f"{self.shop}/?back=1",
            "cancel_url": f"{self.shop}/?canceled=1",
            "brand_name": "Tiệm Nhỏ",
            "user_action": "PAY_NOW",
            **context,
        }
        unit = {
            "amount": {"currency_code": "USD", "value": "19.90"},
            "invoice_id": reference,
            "description": "Trà sen Tây Hồ × 2",
        }
        body = {
            "intent": "CAPTURE",
            "purchase_units": [unit],
            "payment_source": {"paypal": {"experience_context": context}},
        }
        order = self.post("/v2/checkout/orders", body, **{"PayPal-Request-Id": reference})
        return order, link(order, "payer-action")


def link(thing, rel):
    [href] = [one["href"] for one in thing["links"] if one["rel"] == rel]
    return href


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_a_payer_is_declined_and_pays_otherwise(make_visitor, device):
    visitor = make_visitor(device)
    page, merchant = visitor.page, Merchant(visitor)
    order, url = merchant.order(f"PAYPAL-{device}")

    page.goto(url)
    assert visitor.fits()
    visitor.shot("10-paypal")
    page.get_by_label(re.compile("Visa")).check()
    page.get_by_role("button", name="Pay $19.90").click()
    page.wait_for_url(f"{visitor.shop}/?back=1&token={order['id']}&PayerID=*")

    refused = merchant.post(f"/v2/checkout/orders/{order['id']}/capture", {})
    assert refused["details"][0]["issue"] == "INSTRUMENT_DECLINED"
    page.goto(link(refused, "redirect"))
    assert page.get_by_role("alert").inner_text().startswith("Your card was declined.")
    assert visitor.fits()
    visitor.shot("11-paypal-declined")
    page.get_by_label(re.compile("eCheck")).check()
    page.get_by_role("button", name="Pay $19.90").click()
    page.wait_for_url(f"{visitor.shop}/?back=1*")

    page.goto(url)
    assert page.get_by_role("status").inner_text().startswith("You have agreed")
    assert visitor.fits()
    visitor.shot("12-paypal-approved")

    taken = merchant.post(f"/v2/checkout/orders/{order['id']}/capture", {})
    [capture] = taken["purchase_units"][0]["payments"]["captures"]
    assert capture["status"] == "PENDING"

    page.goto(visitor.sandbox)
    assert visitor.fits()
    visitor.shot("13-paypal-list")
    page.get_by_role("link", name=f"Details of PAYPAL-{device}").click()
    page.get_by_role("button", name="The money arrives").wait_for()
    assert visitor.fits()
    visitor.shot("14-paypal-desk-pending")
    page.get_by_role("button", name="The money arrives").click()
    page.get_by_text("COMPLETED", exact=True).wait_for()
    merchant.post(link(capture, "refund"), {"amount": {"currency_code": "USD", "value": "5.00"}})
    page.get_by_role("button", name="The payer complains").click()
    page.get_by_text("PARTIALLY_REFUNDED, BUYER_COMPLAINT").wait_for()
    assert visitor.fits()
    visitor.shot("15-paypal-desk")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_a_payer_cancels_in_vietnamese(make_visitor, device):
    visitor = make_visitor(device)
    order, url = Merchant(visitor).order(f"HUY-{device}", locale="vi-VN")
    visitor.page.goto(url)
    assert visitor.fits()
    visitor.shot("16-paypal-vi")
    visitor.page.get_by_role("button", name="Hủy và quay lại Tiệm Nhỏ").click()
    visitor.page.wait_for_url(f"{visitor.shop}/?canceled=1&token={order['id']}")


def test_everything_is_reached_by_keyboard(make_visitor):
    visitor = make_visitor()
    page = visitor.page
    _, url = Merchant(visitor).order("KEYS")
    page.goto(url)
    page.keyboard.press("Tab")
    assert page.get_by_label("PayPal balance", exact=True).is_checked()
    page.keyboard.press("ArrowDown")
    assert page.get_by_label(re.compile("eCheck")).is_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.shop}/?back=1*")
