"""Payments at the pretended Checkout.com: what is held, taken, let go and given back."""

from __future__ import annotations

import re

import pytest

from .checkoutcom_client import (
    GOOD,
    ORDER,
    PUBLIC,
    SECRET,
    call,
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
    send,
    token,
)

PAYMENT_ID = re.compile(r"pay_\w{26}", re.ASCII)
ACTION_ID = re.compile(r"act_\w{26}", re.ASCII)
WITH_3DS = {"3ds": {"enabled": True}}


def balances(world, payment):
    found = read(world, payment)["balances"]
    return {name.removeprefix("total_"): found[name] for name in found if found[name]}


def do(world, payment, what, body=None, **how):
    return post(world, f"/payments/{payment['id']}/{what}", body, **how)


def test_money_is_held_and_then_taken(world):
    payment = pay(world)
    assert PAYMENT_ID.fullmatch(payment["id"])
    assert ACTION_ID.fullmatch(payment["action_id"])
    assert (payment["approved"], payment["status"], payment["response_code"]) == (
        True,
        "Authorized",
        "10000",
    )
    assert payment["expires_on"] == "2025-01-09T03:04:05Z"
    accepted = do(world, payment, "captures", {"reference": "SHIP-1"})
    assert (ACTION_ID.fullmatch(accepted["action_id"]), accepted["reference"]) != (None, "SHIP-1")
    found = read(world, payment)
    assert (found["status"], found["reference"], found["metadata"]) == (
        "Captured",
        "ORDER-1",
        {"payment_id": "pay_1"},
    )
    assert kinds(world) == ["payment_approved", "payment_captured"]


def test_money_is_taken_unless_it_is_only_to_be_held(world):
    payment = pay(world, capture=None)
    assert payment["status"] == "Authorized"
    assert read(world, payment)["status"] == "Captured"
    assert kinds(world) == ["payment_approved", "payment_captured"]


def test_a_time_to_capture_is_kept(world):
    payment = pay(world, capture=True, capture_on="2025-01-03T03:04:05Z")
    assert read(world, payment)["status"] == "Authorized"
    do(world, payment, "voids", status=403)
    world.clock.forward(days=1)
    assert read(world, payment)["status"] == "Captured"


def test_parts_are_taken_until_one_is_the_last(world):
    payment = pay(world)
    do(world, payment, "captures", {"amount": 3000, "capture_type": "NonFinal"})
    assert read(world, payment)["status"] == "Partially Captured"
    assert balances(world, payment) == {
        "authorized": 10_000,
        "captured": 3000,
        "available_to_capture": 7000,
        "available_to_void": 7000,
        "available_to_refund": 3000,
    }
    too_much = do(world, payment, "captures", {"amount": 7001}, status=422)
    assert codes(too_much) == ["capture_value_greater_than_remaining_authorized"]
    do(world, payment, "captures", {"amount": 2000})
    assert balances(world, payment) == {
        "authorized": 10_000,
        "captured": 5000,
        "voided": 5000,
        "available_to_refund": 5000,
    }
    do(world, payment, "captures", {"amount": 1}, status=403)
    do(world, payment, "voids", status=403)
    assert kinds(world) == ["payment_approved", "payment_captured", "payment_captured"]


def test_the_rest_of_parts_is_let_go(world):
    payment = pay(world)
    do(world, payment, "captures", {"amount": 3000, "capture_type": "NonFinal"})
    do(world, payment, "voids")
    assert read(world, payment)["status"] == "Partially Captured"
    assert balances(world, payment)["voided"] == 7000
    do(world, payment, "captures", status=403)


def test_a_hold_is_let_go(world):
    payment = pay(world)
    do(world, payment, "voids", {"reference": "VOID-1"})
    assert read(world, payment)["status"] == "Voided"
    for what in ("captures", "voids", "refunds"):
        do(world, payment, what, status=403)
    assert kinds(world) == ["payment_approved", "payment_voided"]


def test_a_hold_ends_by_itself(world):
    payment = pay(world)
    world.clock.forward(days=7)
    assert read(world, payment)["status"] == "Expired"
    do(world, payment, "captures", status=403)
    assert kinds(world) == ["payment_approved", "payment_expired"]


def test_money_is_given_back_in_parts(world):
    payment = pay(world, capture=True)
    do(world, payment, "refunds", {"amount": 4000, "reference": "BACK-1"})
    assert read(world, payment)["status"] == "Partially Refunded"
    too_much = do(world, payment, "refunds", {"amount": 6001}, status=422)
    assert codes(too_much) == ["refund_amount_exceeds_balance"]
    do(world, payment, "refunds")
    assert read(world, payment)["status"] == "Refunded"
    do(world, payment, "refunds", status=403)
    actions = get(world, f"/payments/{payment['id']}/actions")
    assert [(one["type"], one["amount"]) for one in actions] == [
        ("Refund", 6000),
        ("Refund", 4000),
        ("Capture", 10_000),
        ("Authorization", 10_000),
    ]
    assert actions[1]["reference"] == "BACK-1"


def test_a_refund_that_fails_leaves_the_money(world):
    payment = pay(world, capture=True)
    world.faults(fail_next_refund=1)
    do(world, payment, "refunds", {"amount": 4000})
    assert read(world, payment)["status"] == "Captured"
    assert balances(world, payment)["available_to_refund"] == 10_000
    assert kinds(world)[2:] == ["payment_refund_declined"]
    assert get(world, f"/payments/{payment['id']}/actions")[0]["approved"] is False


def test_a_capture_that_fails_leaves_the_hold(world):
    payment = pay(world)
    world.faults(fail_next_capture=1)
    do(world, payment, "captures")
    assert read(world, payment)["status"] == "Authorized"
    do(world, payment, "captures")
    assert read(world, payment)["status"] == "Captured"
    assert kinds(world)[1:] == ["payment_capture_declined", "payment_captured"]


def test_what_takes_its_time_is_under_way_until_then(make_world):
    from datetime import timedelta

    world = make_world(checkoutcom={"processing": timedelta(minutes=5)})
    payment = pay(world)
    do(world, payment, "captures", {"amount": 4000, "capture_type": "NonFinal"})
    assert read(world, payment)["status"] == "Authorized"
    assert len(get(world, f"/payments/{payment['id']}/actions")) == 1
    assert read(world, payment)["balances"]["available_to_capture"] == 6000
    do(world, payment, "voids")
    for what in ("captures", "voids"):
        do(world, payment, what, status=403)
    world.clock.forward(minutes=5)
    assert read(world, payment)["status"] == "Partially Captured"
    do(world, payment, "refunds", {"amount": 4000})
    do(world, payment, "refunds", status=403)
    world.clock.forward(minutes=5)
    assert read(world, payment)["status"] == "Refunded"
    world.settle()
    assert sorted(kinds(world)) == sorted(
        [
            "payment_approved",
            "payment_capture_pending",
            "payment_void_pending",
            "payment_captured",
            "payment_voided",
            "payment_refund_pending",
            "payment_refunded",
        ]
    )


def test_more_is_held_where_the_amount_was_an_estimate(world):
    payment = pay(world, authorization_type="Estimated")
    world.clock.forward(days=6)
    more = do(world, payment, "authorizations", {"amount": 500}, status=201)
    assert (more["amount"], more["status"], more["expires_on"]) == (
        500,
        "Authorized",
        "2025-01-15T03:04:05Z",
    )
    assert balances(world, payment)["authorized"] == 10_500
    do(world, payment, "captures")
    assert balances(world, payment)["captured"] == 10_500
    do(world, payment, "authorizations", {"amount": 500}, status=403)
    do(world, pay(world), "authorizations", {"amount": 500}, status=403)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("01", "20001"),
        ("02", "20051"),
        ("03", "20061"),
        ("04", "30033"),
        ("05", "20087"),
        ("06", "30041"),
        ("07", "30043"),
        ("08", "40101"),
        ("12", "20154"),
        ("16", "20001"),
    ],
)
def test_a_refusal_is_a_201(world, card, code):
    payment = pay(world, common(card))
    assert (payment["approved"], payment["status"], payment["response_code"]) == (
        False,
        "Declined",
        code,
    )
    found = read(world, payment)
    assert (found["status"], found["approved"]) == ("Declined", False)
    assert found["actions"][0]["response_code"] == code
    for what in ("captures", "voids", "refunds"):
        do(world, payment, what, status=403)
    assert kinds(world) == ["payment_declined"]


def test_a_card_is_verified_for_nothing(world):
    payment = pay(world, amount=0)
    assert (payment["status"], payment["amount"]) == ("Card Verified", 0)
    assert get(world, f"/payments/{payment['id']}/actions")[0]["type"] == "Card Verification"
    do(world, payment, "captures", status=403)
    declined = pay(world, common("02"), amount=None)
    assert (declined["status"], declined["amount"]) == ("Declined", 0)
    assert kinds(world) == ["card_verified", "card_verification_declined"]


@pytest.mark.parametrize(
    ("outcome", "target", "status", "told"),
    [
        ("approve", "return", "Authorized", ["payment_approved"]),
        ("refuse", "failed", "Declined", ["payment_authentication_failed", "payment_declined"]),
        ("abandon", "failed", "Canceled", ["payment_canceled"]),
    ],
)
def test_the_payer_is_asked(world, outcome, target, status, told):
    payment = pay(world, common("12"), status=202, **WITH_3DS)
    assert payment["status"] == "Pending"
    assert read(world, payment)["status"] == "Pending"
    do(world, payment, "captures", status=403)
    back = challenge(world, payment, outcome)
    assert back.startswith(f"https://shop.example/{target}")
    session = query(back)["cko-session-id"]
    assert re.fullmatch(r"sid_\w{26}", session)
    found = get(world, f"/payments/{session}")
    assert (found["id"], found["status"]) == (payment["id"], status)
    assert "redirect" not in found["_links"]
    # Once more changes nothing.
    assert challenge(world, payment, "approve") == back
    assert kinds(world) == ["payment_pending", *told]


def test_a_card_whose_payer_always_fails(world):
    payment = pay(world, common("13"), status=202, **WITH_3DS)
    challenge(world, payment, "approve")
    found = read(world, payment)
    assert (found["status"], found["actions"][0]["response_code"]) == ("Declined", "20151")
    assert found["3ds"]["authentication_response"] == "N"


def test_the_bank_refuses_after_the_payer_was_asked(world):
    payment = pay(world, common("15"), status=202, **WITH_3DS)
    assert challenge(world, payment).startswith("https://shop.example/failed")
    assert read(world, payment)["actions"][0]["response_code"] == "20051"


def test_a_payer_who_does_not_answer(world):
    payment = pay(world, common("12"), status=202, **WITH_3DS)
    world.clock.forward(minutes=15)
    found = read(world, payment)
    assert (found["status"], found["actions"][0]["response_code"]) == ("Declined", "20152")
    challenge(world, payment, "approve")
    assert read(world, payment)["status"] == "Declined"


def test_a_payer_who_cannot_be_sent_back(world):
    urls = {"success_url": None, "failure_url": None}
    payment = pay(world, common("12"), status=202, **WITH_3DS, **urls)
    page = local(payment["_links"]["redirect"]["href"])
    assert world.client.post(page, data={"outcome": "approve"}).status_code == 200
    assert read(world, payment)["status"] == "Authorized"


def test_a_challenge_can_be_demanded(world):
    wish = {"enabled": True, "challenge_indicator": "challenge_requested_mandate"}
    assert pay(world, status=202, **{"3ds": wish})["status"] == "Pending"
    assert pay(world, **WITH_3DS)["status"] == "Authorized"


def test_a_token_is_for_once_and_for_a_quarter_of_an_hour(world):
    made = token(world)
    assert (made["expires_on"], made["last4"], made["scheme"]) == (
        "2025-01-02T03:19:05Z",
        "4242",
        "Visa",
    )
    source = {"type": "token", "token": made["token"]}
    assert codes(pay(world, source=source, amount=10**9, status=422)) == ["amount_invalid"]
    pay(world, source=source)
    again = pay(world, source=source, status=422)
    assert (again["error_type"], codes(again)) == ("processing_error", ["token_used"])
    old = {"type": "token", "token": token(world)["token"]}
    world.clock.forward(minutes=15)
    assert codes(pay(world, source=old, status=422)) == ["token_expired"]
    unknown = {"type": "token", "token": "tok_aaaaaaaaaaaaaaaaaaaaaaaaaa"}
    assert codes(pay(world, source=unknown, status=422)) == ["token_invalid"]


def test_a_refused_card_has_used_its_token(world):
    source = {"type": "token", "token": token(world, common("02"))["token"]}
    assert pay(world, source=source)["status"] == "Declined"
    assert codes(pay(world, source=source, status=422)) == ["token_used"]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4111111111111111"}, "card_number_invalid"),  # none of the test cards
        ({"number": "4242424242424241"}, "card_number_invalid"),
        ({"number": None}, "card_number_required"),
        ({"expiry_month": 13}, "card_expiry_month_invalid"),
        ({"expiry_year": 2024}, "card_expired"),
        ({"cvv": "12"}, "cvv_invalid"),
        ({"type": "applepay"}, "type_invalid"),
    ],
)
def test_a_token_for_a_card_that_is_none(world, card, code):
    asked = {"type": "card", "number": GOOD, "expiry_month": 1, "expiry_year": 2025, **card}
    answer = post(world, "/tokens", asked, status=422, auth=PUBLIC, honest=False)
    assert codes(answer) == [code]


def test_a_stored_card_pays_again_and_is_forgotten(world):
    first = pay(world, customer={"email": "an@example.com", "name": "An"})
    source = {"type": "id", "id": first["source"]["id"]}
    later = pay(world, source=source, merchant_initiated=True, payment_type="Recurring")
    assert (later["status"], later["source"]["id"]) == ("Authorized", source["id"])
    assert later["customer"] == first["customer"]
    assert read(world, later)["payment_type"] == "Recurring"
    found = get(world, f"/instruments/{source['id']}")
    assert (found["last4"], found["customer"]["email"]) == ("4242", "an@example.com")
    call(world, "DELETE", f"/instruments/{source['id']}", status=204)
    call(world, "DELETE", f"/instruments/{source['id']}", status=404)
    get(world, f"/instruments/{source['id']}", status=404)
    assert codes(pay(world, source=source, status=422)) == ["source_id_invalid"]


def test_a_customer_is_known_again(world):
    first = pay(world, customer={"email": "an@example.com", "name": "An"})["customer"]
    assert pay(world, customer={"email": "an@example.com"})["customer"] == first
    assert pay(world, customer={"id": first["id"]})["customer"] == first
    assert "customer" not in pay(world, customer={"name": "An"})


def test_a_part_has_its_currencys_scale(world):
    payment = pay(world, amount=10_000, currency="KWD")
    answer = do(world, payment, "captures", {"amount": 1001}, status=422)
    assert codes(answer) == ["amount_invalid"]


def test_a_hold_has_nine_digits_at_most(world):
    payment = pay(world, amount=999_999_999, currency="VND", authorization_type="Estimated")
    answer = do(world, payment, "authorizations", {"amount": 1}, status=422)
    assert codes(answer) == ["amount_invalid"]


def test_a_card_is_not_stored_if_that_is_not_wanted(world):
    source = {"type": "token", "token": token(world)["token"], "store_for_future_use": False}
    assert "id" not in pay(world, source=source)["source"]


def test_a_card_is_stored_without_a_payment(world):
    made = post(
        world, "/instruments", {"type": "token", "token": token(world)["token"]}, status=201
    )
    assert re.fullmatch(r"src_\w{26}", made["id"])
    assert pay(world, source={"type": "id", "id": made["id"]})["status"] == "Authorized"


def test_a_stored_card_that_wants_its_payer(world):
    stored = pay(world, common("12"), status=202, **WITH_3DS)
    challenge(world, stored)
    source = {"type": "id", "id": read(world, stored)["source"]["id"]}
    away = pay(world, source=source, merchant_initiated=True, **WITH_3DS)
    assert (away["status"], away["response_code"]) == ("Declined", "20154")
    assert pay(world, source=source, status=202, **WITH_3DS)["status"] == "Pending"


def test_a_card_that_is_stored_well_and_then_asks_nobody(world):
    asked = pay(world, common("14"), status=202, amount=0, **WITH_3DS)
    challenge(world, asked)
    source = {"type": "id", "id": read(world, asked)["source"]["id"]}
    assert pay(world, source=source, merchant_initiated=True)["status"] == "Authorized"
    verified = pay(world, common("16"), amount=0)
    assert verified["status"] == "Card Verified"
    source = {"type": "id", "id": verified["source"]["id"]}
    assert pay(world, source=source, merchant_initiated=True)["status"] == "Declined"


def test_payments_are_found_by_the_merchants_number(world):
    first, second = pay(world), pay(world, common("02"))
    pay(world, reference="ORDER-2")
    found = get(world, "/payments", query="?reference=ORDER-1&limit=10")
    assert [one["id"] for one in found["data"]] == [second["id"], first["id"]]
    assert (found["total_count"], found["limit"], found["skip"]) == (2, 10, 0)
    found = get(world, "/payments", query="?reference=ORDER-1&limit=1&skip=1")
    assert [one["id"] for one in found["data"]] == [first["id"]]
    assert get(world, "/payments", query="?reference=NONE")["data"] == []
    wrong = get(world, "/payments", query="?limit=0&skip=x", status=422)
    assert codes(wrong) == ["limit_invalid", "skip_invalid", "reference_required"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 1_000_000_000}, "amount_invalid"),
        ({"amount": -1}, "amount_invalid"),
        ({"amount": 1.5}, "amount_invalid"),
        ({"amount": "100"}, "amount_invalid"),
        ({"amount": True}, "amount_invalid"),
        ({"currency": None}, "currency_required"),
        ({"currency": "usd"}, "currency_invalid"),
        ({"currency": "ZZZ"}, "currency_invalid"),
        ({"currency": "KWD", "amount": 1001}, "amount_invalid"),
        ({"currency": "CLP", "amount": 1050}, "amount_invalid"),
        ({"reference": "x" * 51}, "reference_invalid"),
        ({"payment_type": "Sometimes"}, "payment_type_invalid"),
        ({"capture_on": "tomorrow"}, "capture_on_invalid"),
        ({"capture_on": "2025-01-03T03:04:05"}, "capture_on_invalid"),
        ({"success_url": "javascript:alert(1)"}, "success_url_invalid"),
        ({"metadata": {"a": {"b": "c"}}}, "metadata_invalid"),
        ({"3ds": {"enabled": "yes"}}, "3ds_enabled_invalid"),
        ({"customer": {"id": "cus_unknown"}}, "customer_not_found"),
        (
            {"processing_channel_id": "pc_aaaaaaaaaaaaaaaaaaaaaaaaaa"},
            "processing_channel_id_invalid",
        ),
        ({"source": {"type": "token"}}, "source_token_required"),
        ({"source": {"type": "card", "number": GOOD}}, "source_type_invalid"),
        ({"source": {"token": "tok_x"}}, "source_type_required"),
        ({"source": "tok_x"}, "payment_source_required"),
        ({"source": None}, "payment_source_required"),
    ],
)
def test_what_is_wrong_is_told(world, changes, code):
    body = {**ORDER, "source": {"type": "token", "token": token(world)["token"]}, **changes}
    assert codes(post(world, "/payments", body, status=422, honest=False)) == [code]
    assert world.payments() == []


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (999_999_999, "VND", 999_999_999),
        (150_000, "VND", 150_000),
        (1000, "JPY", 1000),
        (1000, "ISK", 1000),
        (1010, "KWD", 1010),
        (1000, "CLP", 10),
        (1000, "HUF", 1000),
        (1000, "EUR", 1000),
    ],
)
def test_each_currency_has_its_scale(world, amount, currency, minor):
    payment = pay(world, amount=amount, currency=currency, capture=True)
    assert read(world, payment)["balances"]["total_captured"] == amount
    [shown] = world.payments()
    assert (shown["amount"], shown["currency"]) == (minor, currency)


@pytest.mark.parametrize(
    "auth",
    [
        "",
        "Bearer",
        SECRET.removeprefix("Bearer "),
        PUBLIC,
        SECRET + "a",
        SECRET.lower(),
        "Basic " + SECRET,
    ],
)
def test_nobody_comes_in_without_the_secret_key(world, auth):
    made = pay(world)
    for method, path in (("POST", "/payments"), ("GET", f"/payments/{made['id']}")):
        body = {} if method == "POST" else None
        response = send(world, method, path, body, auth=auth, honest=False)
        assert (response.status_code, response.content) == (401, b"")


def test_the_secret_key_makes_no_token(world):
    asked = {"type": "card", "number": GOOD, "expiry_month": 1, "expiry_year": 2030}
    assert send(world, "POST", "/tokens", asked, auth=SECRET).status_code == 401


def test_what_is_not_there(world):
    for path in ("/payments/pay_aaaaaaaaaaaaaaaaaaaaaaaaaa", "/payments/sid_unknown"):
        get(world, path, status=404)
        get(world, f"{path}/actions", status=404)
        for what in ("captures", "voids", "refunds"):
            post(world, f"{path}/{what}", status=404)
    get(world, "/hosted-payments/hpp_xGQBg0AXl3cM", status=404)
