"""PayPal's page, as a payer meets it, and the one behind the counter."""

from __future__ import annotations

import re

import pytest

from . import paypal_client as paypal
from .paypal_client import usd

HTML = {"accept": "text/html,*/*"}


def show(world, order: dict):
    return world.client.get(f"/paypal/checkoutnow?token={order['id']}")


def with_context(**context) -> dict:
    changed = {**paypal.CONTEXT, **context}
    changed = {name: value for name, value in changed.items() if value is not None}
    return {"payment_source": {"paypal": {"experience_context": changed}}}


def offered(page: str) -> list[str]:
    return re.findall(r'name="method" value="(\w+)"', page)


def test_the_page_shows_the_order_and_escapes_it(world):
    order = paypal.create(world, unit={"description": "<b>"}, **with_context(brand_name="Quán <i>"))
    response = show(world, order)
    assert response.status_code == 200
    for text in ("$100.00", "&lt;b&gt;", "Quán &lt;i&gt;", "INV-1", "Pay $100.00", "no real money"):
        assert text in response.text
    assert f'name="token" value="{order["id"]}"' in response.text
    assert 'action="/paypal/checkoutnow"' in response.text
    assert offered(response.text) == ["balance", "echeck", "review", "declined", "failing"]
    assert "<script" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("locale", "language", "words"),
    [("vi-VN", "vi", "Thanh toán bằng PayPal"), ("de-DE", "en", "Pay with PayPal"), (None, "en", "Pay with PayPal")],
)  # fmt: skip
def test_the_page_speaks_vietnamese_and_english(world, locale, language, words):
    page = show(world, paypal.create(world, **with_context(locale=locale))).text
    assert f'<html lang="{language}">' in page
    assert words in page


def test_the_button_says_whether_this_is_the_last_step(world):
    page = show(world, paypal.create(world, **with_context(user_action="CONTINUE"))).text
    assert "Agree and continue" in page
    assert "Pay $100.00" not in page


@pytest.mark.parametrize(
    "wish",
    [
        with_context(payment_method_preference="IMMEDIATE_PAYMENT_REQUIRED"),
        {
            "payment_source": None,
            "application_context": {
                **paypal.CONTEXT,
                "payment_method": {"payee_preferred": "IMMEDIATE_PAYMENT_REQUIRED"},
            },
        },
    ],
)
def test_no_echeck_for_who_cannot_wait(world, wish):
    order = paypal.create(world, **wish)
    assert "echeck" not in offered(show(world, order).text)
    paypal.click(world, order, method="echeck")
    taken = paypal.post(world, f"/v2/checkout/orders/{order['id']}/capture")
    [capture] = taken["purchase_units"][0]["payments"]["captures"]
    assert capture["status"] == "COMPLETED"


def test_the_page_says_that_money_is_only_held(world):
    order = paypal.create(world, intent="AUTHORIZE")
    assert "only held until the merchant captures it" in show(world, order).text


def test_things_are_named_where_there_are_no_other_words(world):
    items = [{"name": name, "quantity": "1", "unit_amount": usd("1.00")} for name in ("Trà", "Nón")]
    amount = {**usd("2.00"), "breakdown": {"item_total": usd("2.00")}}
    unit = {"amount": amount, "items": items}
    page = show(world, paypal.create(world, purchase_units=[unit])).text
    assert "Trà, Nón" in page
    bare = paypal.create(world, purchase_units=[{"amount": usd("1.00")}], request_id="c2")
    assert show(world, bare).text.count(bare["id"]) == 3


def test_the_browser_goes_back_with_the_order_and_the_payer(world):
    order = paypal.create(world)
    target = paypal.click(world, order)
    assert target == (
        f"https://shop.example/return?cart=7&token={order['id']}&PayerID=BUYERSANDBX22#end"
    )


def test_a_payer_who_cancels_may_come_back(world):
    order = paypal.create(world)
    target = paypal.click(world, order, "cancel")
    assert target == f"https://shop.example/cancel?token={order['id']}"
    assert paypal.events(world) == []
    assert paypal.get(world, f"/v2/checkout/orders/{order['id']}")["status"] == (
        "PAYER_ACTION_REQUIRED"
    )
    assert "PayerID" in paypal.click(world, order)


def test_a_second_click_changes_nothing_and_sends_nothing(world):
    order = paypal.create(world)
    targets = [
        paypal.click(world, order),
        paypal.click(world, order, method="failing"),
        paypal.click(world, order, "cancel"),
    ]
    assert len(set(targets)) == 1
    assert paypal.kinds(world) == ["CHECKOUT.ORDER.APPROVED"]
    capture = paypal.post(world, f"/v2/checkout/orders/{order['id']}/capture")
    assert capture["purchase_units"][0]["payments"]["captures"][0]["status"] == "COMPLETED"
    assert paypal.click(world, order) == targets[0]


def test_the_page_of_what_was_approved_leads_back(world):
    order = paypal.create(world)
    paypal.click(world, order)
    page = show(world, order).text
    assert "You have agreed to this payment." in page
    assert "https://shop.example/return?cart=7&amp;token=" in page
    assert "<form" not in page
    paypal.post(world, f"/v2/checkout/orders/{order['id']}/capture")
    assert "This payment is finished." in show(world, order).text


def test_the_page_after_a_decline_asks_again(world):
    order = paypal.create(world)
    paypal.click(world, order, method="declined")
    paypal.post(world, f"/v2/checkout/orders/{order['id']}/capture", status=422)
    page = show(world, order).text
    assert '<p class="notice" role="alert">Your card was declined.' in page
    assert "<form" in page


@pytest.mark.parametrize(
    ("outcome", "words"), [("pay", "You have agreed"), ("cancel", "You have canceled")]
)
def test_without_an_address_to_return_to_the_page_stays(world, outcome, words):
    order = paypal.create(world, **with_context(return_url=None, cancel_url=None))
    form = {"token": order["id"], "outcome": outcome}
    response = world.client.post("/paypal/checkoutnow", data=form)
    assert response.status_code == 200
    assert words in response.text


def test_unknown_pages_and_clicks_find_nothing(world):
    order = paypal.create(world)
    click = "/paypal/checkoutnow"
    statuses = [
        world.client.get(click).status_code,
        world.client.get(f"{click}?token=X").status_code,
        world.client.post(click, content=b"\xff").status_code,
        world.client.post(click, data={"token": order["id"], "outcome": "win"}).status_code,
        world.client.post(click, data={"token": "X", "outcome": "pay"}).status_code,
        world.client.get("/paypal/_sandbox/orders/X").status_code,
    ]
    world.clock.forward(hours=3)
    statuses.append(show(world, order).status_code)
    statuses.append(
        world.client.post(click, data={"token": order["id"], "outcome": "pay"}).status_code
    )
    assert statuses == [404] * 8


# The list, and behind the counter.


def test_the_list_leads_to_the_page_and_behind_the_counter(world):
    order = paypal.create(world)
    [payment] = world.payments()
    assert payment == {
        "provider": "paypal",
        "reference": "INV-1",
        "amount": 10_000,
        "refunded": 0,
        "currency": "USD",
        "status": "PAYER_ACTION_REQUIRED",
        "created_at": "2025-01-02T03:04:05.678000+00:00",
        "page": f"http://127.0.0.1:8100/paypal/checkoutnow?token={order['id']}",
    }
    page = world.client.get("/").text
    assert f"/paypal/_sandbox/orders/{order['id']}" in page
    assert 'aria-label="Pay INV-1"' in page
    paypal.click(world, order)
    assert world.payments()[0]["page"] is None


@pytest.mark.parametrize(
    ("method", "action", "status", "mood"),
    [
        ("balance", None, "capture COMPLETED", "good"),
        ("echeck", None, "capture PENDING, ECHECK", "open"),
        ("failing", None, "capture DECLINED", "bad"),
        ("balance", "dispute", "capture COMPLETED, BUYER_COMPLAINT", "bad"),
    ],
)
def test_the_list_says_what_became_of_it(world, method, action, status, mood):
    capture = paypal.captured(world, method)
    if action:
        paypal.act(world, capture, action)
    assert world.payments()[0]["status"] == status
    assert f'<span class="mood {mood}">{status}</span>' in world.client.get("/").text


@pytest.mark.parametrize(
    ("verb", "status", "mood"),
    [
        (None, "authorization CREATED", "good"),
        ("void", "authorization VOIDED", "bad"),
    ],
)
def test_the_list_says_what_is_held(world, verb, status, mood):
    held = paypal.held(world)
    if verb:
        paypal.call(world, "POST", paypal.path_of(held, verb))
    assert f'<span class="mood {mood}">{status}</span>' in world.client.get("/").text


def test_behind_the_counter_everything_is_shown(world):
    held = paypal.held(world)
    page = world.client.get(f"/paypal/_sandbox/orders/{paypal.path_of(held, 'up')[20:]}")
    order_id = paypal.path_of(held, "up").rpartition("/")[2]
    page = world.client.get(f"/paypal/_sandbox/orders/{order_id}").text
    assert f'action="/paypal/_sandbox/{held["id"]}/expire"' in page
    capture = paypal.post(world, paypal.path_of(held, "capture"))
    refund = paypal.post(world, paypal.path_of(capture, "refund"), {"amount": usd("1.00")})
    page = world.client.get(f"/paypal/_sandbox/orders/{order_id}").text
    for text in (held["id"], capture["id"], refund["id"], "PARTIALLY_REFUNDED", "CAPTURED"):
        assert text in page
    assert re.findall(r'action="/paypal/_sandbox/\w+/([\w-]+)"', page) == ["dispute"]


def test_behind_the_counter_buttons_lead_back(world):
    capture = paypal.captured(world, "echeck")
    order_id = paypal.path_of(capture, "up").rpartition("/")[2]
    page = world.client.get(f"/paypal/_sandbox/orders/{order_id}").text
    assert re.findall(r'action="/paypal/_sandbox/\w+/([\w-]+)"', page) == ["complete", "deny"]
    url = f"/paypal/_sandbox/{capture['id']}/complete"
    for _ in range(2):
        response = world.client.post(url, headers=HTML)
        assert (response.status_code, response.headers["location"]) == (
            303,
            f"http://127.0.0.1:8100/paypal/_sandbox/orders/{order_id}",
        )


def test_an_order_without_money_is_shown(world):
    order = paypal.create(world)
    url = f"/paypal/_sandbox/orders/{order['id']}"
    assert "No money has moved yet." in world.client.get(url).text
    world.clock.forward(hours=3)
    assert "gone" in world.client.get(url).text


def test_a_sandbox_under_a_path_links_to_itself(make_world):
    world = make_world(public_url="https://dev.example/sandbox/")
    body = {**paypal.ORDER}
    headers = paypal.headers(world, request_id="c1")
    response = world.client.post("/paypal/v2/checkout/orders", json=body, headers=headers)
    order = response.json()
    assert order["links"][1]["href"] == (
        f"https://dev.example/sandbox/paypal/checkoutnow?token={order['id']}"
    )
    assert 'action="/sandbox/paypal/checkoutnow"' in show(world, order).text
