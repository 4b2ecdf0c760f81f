"""The pages of the pretended Checkout.com, and how a browser gets a token."""

from __future__ import annotations

import re

from .checkoutcom_client import (
    GOOD,
    PAGE,
    act,
    challenge,
    codes,
    common,
    get,
    kinds,
    local,
    pay,
    post,
    query,
    read,
)

CARD = {"number": GOOD, "expiry": "12/30", "cvc": "123", "outcome": "pay"}


def page(world, *, status=201, **changes):
    body = {name: value for name, value in {**PAGE, **changes}.items() if value is not None}
    return post(world, "/hosted-payments", body, status=status, honest=status == 201)


def click(world, made, *, number=GOOD, status=303, **changes):
    form = {**CARD, "number": number, **changes}
    response = world.client.post(local(made["_links"]["redirect"]["href"]), data=form)
    assert response.status_code == status, response.text
    world.settle()
    return response.headers.get("location", response.text)


def state(world, made):
    return get(world, f"/hosted-payments/{made['id']}")


def test_a_payment_on_the_hosted_page(world):
    made = page(world, capture=True, customer={"email": "an@example.com"})
    assert re.fullmatch(r"hpp_[A-Za-z0-9_-]{12}", made["id"])
    assert state(world, made)["status"] == "Payment Pending"
    assert world.payments()[0]["page"] == made["_links"]["redirect"]["href"]
    shown = world.client.get(local(made["_links"]["redirect"]["href"]))
    assert "$100.00" in shown.text
    assert "Paykit Demo Shop" in shown.text
    back = click(world, made)
    assert back.startswith("https://shop.example/return?cart=7&")
    found = state(world, made)
    assert (found["status"], found["payment_id"]) == (
        "Payment Received",
        query(back)["cko-payment-id"],
    )
    payment = get(world, f"/payments/{found['payment_id']}")
    assert get(world, f"/payments/{query(back)['cko-session-id'].partition('#')[0]}") == payment
    assert (payment["status"], payment["reference"], payment["metadata"]) == (
        "Captured",
        "ORDER-1",
        {"payment_id": "pay_1"},
    )
    assert payment["customer"]["email"] == "an@example.com"
    assert kinds(world) == ["payment_approved", "payment_captured"]
    # The second click pays nothing.
    assert click(world, made) == back
    assert len(world.payments()) == 1


def test_each_try_is_a_payment_of_its_own(world):
    made = page(world)
    assert "declined" in click(world, made, number=common("02"), status=402)
    assert state(world, made)["status"] == "Payment Pending"
    assert "payment_id" not in state(world, made)
    click(world, made)
    assert kinds(world) == ["payment_declined", "payment_approved"]
    assert state(world, made)["status"] == "Payment Received"


def test_the_bank_asks_the_payer_of_a_hosted_page(world):
    made = page(world, **{"3ds": {"enabled": True}})
    target = click(world, made, number=common("12"))
    assert click(world, made, number=common("12")) == target
    asked = {"_links": {"redirect": {"href": target}}}
    assert challenge(world, asked, "approve").startswith("https://shop.example/return")
    assert state(world, made)["status"] == "Payment Received"


def test_a_payer_who_fails_tries_again(world):
    made = page(world, **{"3ds": {"enabled": True}})
    asked = {"_links": {"redirect": {"href": click(world, made, number=common("12"))}}}
    assert challenge(world, asked, "refuse").startswith("https://shop.example/failed")
    assert state(world, made)["status"] == "Payment Pending"
    click(world, made)
    assert state(world, made)["status"] == "Payment Received"


def test_a_payer_who_leaves(world):
    made = page(world)
    assert click(world, made, outcome="leave") == "https://shop.example/cancel"
    assert state(world, made)["status"] == "Payment Pending"
    assert kinds(world) == []


def test_a_page_closes(world):
    made = page(world)
    world.clock.forward(minutes=30)
    assert state(world, made)["status"] == "Expired"
    assert click(world, made) == "https://shop.example/failed"
    assert world.payments()[0]["status"] == "Expired"


def test_what_a_page_needs(world):
    assert codes(page(world, billing=None, status=422)) == ["billing_required"]
    assert codes(page(world, billing={"address": {}}, status=422)) == [
        "billing_address_country_required"
    ]
    assert codes(page(world, amount=0, status=422)) == ["amount_invalid"]
    assert codes(page(world, cancel_url=None, status=422)) == ["cancel_url_required"]
    assert codes(page(world, currency="ZZZ", status=422)) == ["currency_invalid"]
    assert world.client.get("/checkoutcom/page/hpp_unknown").status_code == 404


def test_the_card_field_gives_a_token(world):
    typed = {"number": GOOD, "expiry": "12 / 30", "cvc": "123"}
    response = world.client.post("/checkoutcom/card-field", json=typed)
    made = response.json()["token"]
    assert GOOD not in response.text
    payment = pay(world, source={"type": "token", "token": made})
    assert payment["status"] == "Authorized"
    shown = world.client.get("/checkoutcom/card-field?origin=http://127.0.0.1:8000")
    assert shown.status_code == 200


def test_a_page_of_the_shop_may_make_tokens(world):
    for method in ("OPTIONS", "POST"):
        response = world.client.request(method, "/checkoutcom/tokens")
        assert response.headers["access-control-allow-origin"] == "*"
    response = world.client.request("GET", "/checkoutcom/payments")
    assert "access-control-allow-origin" not in response.headers


def test_the_list_and_the_desk_know_a_payment(world):
    payment = pay(world, capture=True)
    [shown] = world.payments()
    assert (shown["provider"], shown["reference"], shown["status"]) == (
        "checkoutcom",
        "ORDER-1",
        "Captured",
    )
    desk = world.client.get(f"/checkoutcom/_sandbox/payments/{payment['id']}")
    assert desk.status_code == 200
    assert payment["id"] in desk.text
    assert "Dispute it" in desk.text
    act(world, payment["id"], "dispute")
    index = world.client.get("/").text
    assert "Checkout.com" in index
    assert f"/checkoutcom/_sandbox/payments/{payment['id']}" in index


def test_the_payers_page_is_on_the_list_while_it_is_open(world):
    payment = pay(world, common("12"), status=202, **{"3ds": {"enabled": True}})
    assert world.payments()[0]["page"] == payment["_links"]["redirect"]["href"]
    challenge(world, payment)
    assert world.payments()[0]["page"] is None


def test_nothing_of_a_card_is_shown(world):
    payment = pay(world, reference=None)
    seen = str(payment) + str(read(world, payment)) + world.client.get("/").text
    seen += world.client.get("/_sandbox/deliveries").text
    seen += world.client.get(f"/checkoutcom/_sandbox/payments/{payment['id']}").text
    assert GOOD not in seen
    assert world.payments()[0]["reference"] == payment["id"]
