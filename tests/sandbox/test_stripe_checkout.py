"""Stripe Checkout: the page on which the payer types the card at Stripe."""

from __future__ import annotations

import pytest

from .stripe_client import (
    ROOT,
    act,
    events,
    get,
    kinds,
    post,
    read,
    refused,
)

SESSIONS = "/v1/checkout/sessions"
LINE = {
    "price_data": {
        "currency": "vnd",
        "unit_amount": 75_000,
        "product_data": {"name": "Nón <lá>"},
    },
    "quantity": 2,
}
SESSION = {
    "mode": "payment",
    "line_items": [LINE],
    "success_url": "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://shop.example/cart",
    "client_reference_id": "ORDER-1",
    "payment_intent_data": {"metadata": {"payment_id": "pay_1"}},
}
HOLD = {**SESSION, "payment_intent_data": {"capture_method": "manual"}}
STORE = {
    "mode": "setup",
    "currency": "vnd",
    "success_url": "https://shop.example/stored",
    "setup_intent_data": {"metadata": {"payment_id": "pay_1"}},
}


def make(world, body=SESSION, **more):
    return post(world, SESSIONS, {**body, **more})


def pay(world, session, number="4242424242424242", **more):
    """The payer types a card into the page."""
    page = session["url"].removeprefix(ROOT)
    form = {"number": number, "expiry": "12/34", "cvc": "123", "outcome": "pay", **more}
    return world.client.post(page, data=form)


def again(world, session):
    return get(world, f"{SESSIONS}/{session['id']}", {"expand": ["payment_intent"]})


def test_paid(world):
    session = make(world)
    assert (session["status"], session["payment_status"]) == ("open", "unpaid")
    assert (session["amount_total"], session["payment_intent"]) == (150_000, None)
    page = world.client.get(session["url"].removeprefix(ROOT)).text
    assert "Nón &lt;lá&gt;" in page
    assert "150.000" in page
    target = pay(world, session).headers["location"]
    assert target == f"https://shop.example/paid?session={session['id']}"
    done = again(world, session)
    assert (done["status"], done["payment_status"], done["url"]) == ("complete", "paid", None)
    assert done["payment_intent"]["metadata"] == {"payment_id": "pay_1"}
    assert kinds(world) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    assert "You have paid." in world.client.get(session["url"].removeprefix(ROOT)).text
    assert pay(world, session).headers["location"] == target
    assert len(kinds(world)) == 4


def test_held(world):
    session = make(world, HOLD)
    assert "held now and taken later" in world.client.get(session["url"].removeprefix(ROOT)).text
    pay(world, session)
    done = again(world, session)
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    assert done["payment_intent"]["status"] == "requires_capture"
    post(world, f"/v1/payment_intents/{done['payment_intent']['id']}/capture")
    assert again(world, session)["payment_status"] == "paid"


def test_declined_and_paid_with_another_card(world):
    session = make(world)
    answer = pay(world, session, "4000000000009995")
    assert (answer.status_code, "insufficient funds" in answer.text) == (402, True)
    assert "4000000000009995" not in answer.text.replace(" ", "")
    failed = again(world, session)
    assert failed["status"] == "open"
    assert failed["payment_intent"]["last_payment_error"]["decline_code"] == "insufficient_funds"
    pay(world, session)
    paid = again(world, session)
    assert paid["payment_intent"]["id"] == failed["payment_intent"]["id"]
    assert paid["payment_status"] == "paid"


@pytest.mark.parametrize(
    ("outcome", "status", "where"),
    [("approve", "complete", "https://shop.example/paid"), ("refuse", "open", "http://127.0.0.1")],
)
def test_the_bank_asks(world, outcome, status, where):
    session = make(world)
    page = pay(world, session, "4000002760003184").headers["location"].removeprefix(ROOT)
    assert again(world, session)["status"] == "open"
    target = world.client.post(page, data={"outcome": outcome}).headers["location"]
    assert target.startswith(where)
    assert again(world, session)["status"] == status
    if status == "open":
        assert target == session["url"]
        pay(world, session)
        assert again(world, session)["status"] == "complete"


def test_left(world):
    session = make(world)
    assert pay(world, session, outcome="leave").headers["location"] == SESSION["cancel_url"]
    assert again(world, session)["status"] == "open"


def test_ended_by_the_merchant(world):
    session = make(world)
    pay(world, session, "4000000000000002")
    ended = post(world, f"{SESSIONS}/{session['id']}/expire")
    assert (ended["status"], ended["url"]) == ("expired", None)
    assert refused(world, f"{SESSIONS}/{session['id']}/expire")
    assert "The time to pay is over." in world.client.get(session["url"].removeprefix(ROOT)).text
    assert pay(world, session).headers["location"] == SESSION["cancel_url"]
    assert read(world, again(world, session)["payment_intent"])["status"] == "canceled"
    assert kinds(world)[-2:] == ["payment_intent.canceled", "checkout.session.expired"]


def test_ended_by_time(world):
    end = int(world.clock().timestamp()) + 1800
    session = make(world, expires_at=end)
    assert session["expires_at"] == end
    world.clock.forward(minutes=30)
    assert again(world, session)["status"] == "expired"
    assert kinds(world) == ["checkout.session.expired"]


@pytest.mark.parametrize("seconds", [0, 1700, 86_401, 10**14])
def test_when_it_may_end(world, seconds):
    end = int(world.clock().timestamp()) + seconds
    error = refused(world, SESSIONS, {**SESSION, "expires_at": end})
    assert error["param"] == "expires_at"


def test_the_card_is_stored_with_the_payment(world):
    data = {"setup_future_usage": "off_session"}
    session = make(world, payment_intent_data=data, customer_email="lan@shop.example")
    assert "may charge this card again" in world.client.get(session["url"].removeprefix(ROOT)).text
    pay(world, session)
    done = again(world, session)
    customer = get(world, f"/v1/customers/{done['customer']}")
    assert customer["email"] == "lan@shop.example"
    method = get(world, f"/v1/payment_methods/{done['payment_intent']['payment_method']}")
    assert method["customer"] == customer["id"]


def test_the_card_is_stored_without_a_payment(world):
    session = make(world, STORE)
    assert session["payment_status"] == "no_payment_required"
    page = world.client.get(session["url"].removeprefix(ROOT)).text
    assert "Store your card" in page
    answer = pay(world, session, "4000002500003155").headers["location"].removeprefix(ROOT)
    target = world.client.post(answer, data={"outcome": "approve"}).headers["location"]
    assert target == STORE["success_url"]
    done = get(world, f"{SESSIONS}/{session['id']}")
    assert done["status"] == "complete"
    setup = get(world, f"/v1/setup_intents/{done['setup_intent']}")
    assert (setup["status"], setup["customer"]) == ("succeeded", done["customer"])
    assert kinds(world)[-2:] == ["setup_intent.succeeded", "checkout.session.completed"]


def test_a_declined_card_is_not_stored(world):
    session = make(world, STORE)
    assert pay(world, session, "4000000000000002").status_code == 402
    assert get(world, f"{SESSIONS}/{session['id']}")["status"] == "open"
    assert kinds(world)[-1] == "setup_intent.setup_failed"


def test_what_a_session_needs(world):
    assert refused(world, SESSIONS, {**SESSION, "line_items": []}, honest=False)
    body = {name: value for name, value in SESSION.items() if name != "line_items"}
    assert refused(world, SESSIONS, body)["param"] == "line_items"
    body = {"mode": "setup", "success_url": "https://shop.example"}
    assert refused(world, SESSIONS, body)["param"] == "currency"
    assert refused(world, SESSIONS, {**STORE, "payment_intent_data": {"description": "x"}})
    other = {**LINE, "price_data": {**LINE["price_data"], "currency": "usd"}}
    assert refused(world, SESSIONS, {**SESSION, "line_items": [LINE, other]})
    assert refused(world, SESSIONS, {**SESSION, "currency": "usd"})
    assert refused(world, SESSIONS, {**SESSION, "customer": "cus_x"})["code"] == "resource_missing"
    assert refused(world, f"{SESSIONS}/cs_x", method="GET", status=404)


def test_the_list_of_payments(world):
    session = make(world)
    [shown] = world.payments()
    assert (shown["reference"], shown["page"]) == ("ORDER-1", session["url"])
    pay(world, session, "4000000000000002")
    [shown] = world.payments()
    assert (shown["status"], shown["page"]) == ("requires_payment_method", session["url"])
    pay(world, session)
    [shown] = world.payments()
    assert (shown["status"], shown["page"]) == ("succeeded", None)
    act(world, again(world, session)["payment_intent"]["id"], "dispute")
    [shown] = world.payments()
    assert shown["status"] == "disputed"
    assert events(world)[-1]["type"] == "charge.dispute.funds_withdrawn"
