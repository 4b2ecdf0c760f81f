"""What becomes of PayPal's authorizations, captures and refunds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from . import paypal_client as paypal
from .paypal_client import BASE, usd

AUTHORIZATIONS = "/v2/payments/authorizations"
CAPTURES = "/v2/payments/captures"
NOW = "2025-01-02T03:04:05Z"


def status(world, thing: dict) -> str:
    return paypal.get(world, paypal.path_of(thing))["status"]


# Capturing what is held.


def test_all_that_is_held_is_taken(world):
    held = paypal.held(world)
    capture = paypal.post(world, paypal.path_of(held, "capture"))
    order_id = paypal.path_of(held, "up").rpartition("/")[2]
    url = f"{BASE}{CAPTURES}/{capture['id']}"
    assert capture == {
        "id": capture["id"],
        "status": "COMPLETED",
        "amount": usd("100.00"),
        "final_capture": False,
        "custom_id": "cart-7",
        "invoice_id": "INV-1",
        "seller_protection": held["seller_protection"],
        "disbursement_mode": "INSTANT",
        "seller_receivable_breakdown": {
            "gross_amount": usd("100.00"),
            "paypal_fee": usd("3.98"),
            "net_amount": usd("96.02"),
        },
        "create_time": NOW,
        "update_time": NOW,
        "links": [
            {"href": url, "rel": "self", "method": "GET"},
            {"href": f"{url}/refund", "rel": "refund", "method": "POST"},
            {"href": f"{BASE}{AUTHORIZATIONS}/{held['id']}", "rel": "up", "method": "GET"},
        ],
        "supplementary_data": {
            "related_ids": {"order_id": order_id, "authorization_id": held["id"]}
        },
        "payee": {"email_address": "shop@business.example", "merchant_id": "MERCHANTSBX22"},
    }
    assert status(world, held) == "CAPTURED"
    order = paypal.get(world, paypal.path_of(held, "up"))
    payments = order["purchase_units"][0]["payments"]
    assert [one["id"] for one in payments["captures"]] == [capture["id"]]
    assert [one["status"] for one in payments["authorizations"]] == ["CAPTURED"]


def test_parts_are_taken_until_the_last(world):
    held = paypal.held(world)
    path = paypal.path_of(held, "capture")
    seen = []
    for value, final in (("30.00", False), ("50.00", True)):
        body = {"amount": usd(value), "final_capture": final}
        capture = paypal.post(world, path, body)
        seen.append((capture["amount"], capture["final_capture"], status(world, held)))
    assert seen == [
        (usd("30.00"), False, "PARTIALLY_CAPTURED"),
        (usd("50.00"), True, "CAPTURED"),
    ]
    assert paypal.refused(world, path) == "AUTHORIZATION_ALREADY_CAPTURED"


def test_the_rest_is_taken_by_default(world):
    held = paypal.held(world)
    path = paypal.path_of(held, "capture")
    paypal.post(world, path, {"amount": usd("30.00")})
    assert paypal.post(world, path)["amount"] == usd("70.00")


@pytest.mark.parametrize(
    ("currency", "value", "most", "too_much"),
    [
        ("USD", "100.00", "115.00", "115.01"),
        ("USD", "1000.00", "1075.00", "1075.01"),
        ("EUR", "1000.00", "1150.00", "1150.01"),
        ("JPY", "1000", "1150", "1151"),
    ],
)
def test_a_little_more_may_be_taken(world, currency, value, most, too_much):
    def money(text):
        return {"currency_code": currency, "value": text}

    held = paypal.held(world, unit={"amount": money(value)})
    path = paypal.path_of(held, "capture")
    answer = paypal.post(world, path, {"amount": money(too_much)}, status=422)
    assert (paypal.issue(answer), answer["details"][0]["value"]) == (
        "MAX_CAPTURE_AMOUNT_EXCEEDED",
        too_much,
    )
    assert paypal.post(world, path, {"amount": money(most)})["amount"] == money(most)


def test_an_account_may_allow_no_more(make_world):
    world = make_world(paypal={"overcapture": False})
    path = paypal.path_of(paypal.held(world), "capture")
    assert paypal.refused(world, path, {"amount": usd("100.01")}) == "MAX_CAPTURE_AMOUNT_EXCEEDED"


@pytest.mark.parametrize(
    ("amount", "issue"),
    [
        ({"currency_code": "EUR", "value": "1.00"}, "AUTH_CAPTURE_CURRENCY_MISMATCH"),
        ({"currency_code": "VND", "value": "1"}, "INVALID_CURRENCY_CODE"),
        ({"currency_code": "HUF", "value": "1.0"}, "DECIMALS_NOT_SUPPORTED"),
        (usd("1.005"), "DECIMAL_PRECISION"),
        (usd("0"), "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (usd("-0.01"), "CANNOT_BE_ZERO_OR_NEGATIVE"),
    ],
)
def test_an_amount_that_cannot_be_taken(world, amount, issue):
    path = paypal.path_of(paypal.held(world), "capture")
    assert paypal.refused(world, path, {"amount": amount}) == issue


@pytest.mark.parametrize(
    ("field", "value", "issue"),
    [
        ("final_capture", "true", "INVALID_PARAMETER_SYNTAX"),
        ("note_to_payer", "x" * 256, "INVALID_STRING_LENGTH"),
        ("amount", {"value": "1.00"}, "MISSING_REQUIRED_PARAMETER"),
        ("amount", None, "INVALID_PARAMETER_SYNTAX"),
    ],
)
def test_a_wrong_field_of_a_capture(world, field, value, issue):
    path = paypal.path_of(paypal.held(world), "capture")
    assert paypal.refused(world, path, {field: value}, status=400, honest=False) == issue


def test_a_capture_may_have_an_invoice_of_its_own_once(world):
    held = paypal.held(world)
    path = paypal.path_of(held, "capture")
    body = {"amount": usd("10.00"), "invoice_id": "PART-1"}
    assert paypal.post(world, path, body)["invoice_id"] == "PART-1"
    assert paypal.refused(world, path, body) == "DUPLICATE_INVOICE_ID"
    other = paypal.held(world, request_id="create-2", unit={"invoice_id": "INV-2"})
    other_path = paypal.path_of(other, "capture")
    for number in ("PART-1", "INV-1"):
        body = {"invoice_id": number}
        assert paypal.refused(world, other_path, body) == "DUPLICATE_INVOICE_ID"


def test_a_repeated_capture_takes_nothing_more(world):
    held = paypal.held(world)
    path, body = paypal.path_of(held, "capture"), {"amount": usd("40.00")}
    first = paypal.post(world, path, body, request_id="take-1")
    world.clock.forward(days=44)
    assert paypal.post(world, path, body, status=200, request_id="take-1") == first
    world.clock.forward(days=1)
    assert paypal.refused(world, path, body, request_id="take-1") == "AUTHORIZATION_EXPIRED"


def test_little_is_told_unless_more_is_wanted(world):
    held = paypal.held(world)
    capture = paypal.post(world, paypal.path_of(held, "capture"), whole=False)
    assert set(capture) == {"id", "status", "links"}


@pytest.mark.parametrize(
    ("method", "expected"),
    [("echeck", ("PENDING", {"reason": "ECHECK"})), ("failing", ("DECLINED", None))],
)
def test_a_held_payment_may_fail_when_it_is_taken(world, method, expected):
    held = paypal.held(world, method)
    assert held["status"] == "CREATED"
    capture = paypal.post(world, paypal.path_of(held, "capture"))
    assert (capture["status"], capture.get("status_details")) == expected


def test_what_failed_took_nothing(world):
    held = paypal.held(world, "failing")
    paypal.post(world, paypal.path_of(held, "capture"), {"final_capture": True})
    assert status(world, held) == "CREATED"


# Void.


def test_what_is_held_is_released(world):
    held = paypal.held(world)
    path = paypal.path_of(held, "void")
    assert paypal.call(world, "POST", path, status=204, whole=False, request_id="void-1") is None
    assert status(world, held) == "VOIDED"
    assert paypal.refused(world, paypal.path_of(held, "capture")) == "AUTHORIZATION_VOIDED"
    assert paypal.call(world, "POST", path, status=204, whole=False, request_id="void-1") is None
    answer = paypal.call(world, "POST", path, status=422)
    assert paypal.issue(answer) == "PREVIOUSLY_VOIDED"


def test_a_void_tells_all_if_that_is_wanted(world):
    held = paypal.held(world)
    answer = paypal.call(world, "POST", paypal.path_of(held, "void"), status=200)
    assert (answer["id"], answer["status"]) == (held["id"], "VOIDED")


@pytest.mark.parametrize(("value", "issue"), [("100.00", "PREVIOUSLY_CAPTURED"), ("40.00", None)])
def test_only_what_was_not_taken_is_released(world, value, issue):
    held = paypal.held(world)
    capture = paypal.post(world, paypal.path_of(held, "capture"), {"amount": usd(value)})
    path = paypal.path_of(held, "void")
    if issue:
        assert paypal.issue(paypal.call(world, "POST", path, status=422)) == issue
    else:
        assert paypal.call(world, "POST", path)["status"] == "VOIDED"
    assert status(world, capture) == "COMPLETED"


# Time.


def test_held_money_is_released_after_29_days(world):
    held = paypal.held(world)
    world.clock.forward(days=28, hours=23)
    assert status(world, held) == "CREATED"
    world.clock.forward(hours=1)
    assert status(world, held) == "VOIDED"
    assert paypal.refused(world, paypal.path_of(held, "capture")) == "AUTHORIZATION_EXPIRED"
    assert paypal.refused(world, paypal.path_of(held, "reauthorize")) == "AUTHORIZATION_VOIDED"
    answer = paypal.call(world, "POST", paypal.path_of(held, "void"), status=422)
    assert paypal.issue(answer) == "PREVIOUSLY_VOIDED"


def test_what_was_taken_in_time_stays_taken(world):
    held = paypal.held(world)
    path = paypal.path_of(held, "capture")
    paypal.post(world, path, {"amount": usd("40.00")})
    world.clock.forward(days=29)
    assert status(world, held) == "PARTIALLY_CAPTURED"
    assert paypal.refused(world, path) == "AUTHORIZATION_EXPIRED"
    assert "PAYMENT.AUTHORIZATION.VOIDED" not in paypal.kinds(world)


def test_a_hold_is_renewed_once_under_a_new_id(world):
    held = paypal.held(world)
    path = paypal.path_of(held, "reauthorize")
    assert paypal.refused(world, path) == "REAUTHORIZATION_TOO_SOON"
    world.clock.forward(days=3)
    renewed = paypal.post(world, path, {"amount": usd("110.00")})
    assert renewed["id"] != held["id"]
    assert (renewed["status"], renewed["amount"], renewed["create_time"]) == (
        "CREATED",
        usd("110.00"),
        "2025-01-05T03:04:05Z",
    )
    # The end does not move.
    assert renewed["expiration_time"] == held["expiration_time"]
    for one in (held, renewed):
        again = paypal.path_of(one, "reauthorize")
        assert paypal.refused(world, again) == "REAUTHORIZATION_NOT_SUPPORTED"
    assert paypal.refused(world, paypal.path_of(held, "capture")) == "TRANSACTION_REFUSED"
    too_much = {"amount": usd("115.01")}
    taking = paypal.path_of(renewed, "capture")
    assert paypal.refused(world, taking, too_much) == "MAX_CAPTURE_AMOUNT_EXCEEDED"
    assert paypal.post(world, taking)["amount"] == usd("110.00")
    order = paypal.get(world, paypal.path_of(held, "up"))
    listed = order["purchase_units"][0]["payments"]["authorizations"]
    assert [(one["id"], one["status"]) for one in listed] == [
        (held["id"], "CREATED"),
        (renewed["id"], "CAPTURED"),
    ]


@pytest.mark.parametrize(
    ("amount", "issue"),
    [
        (usd("115.01"), "TRANSACTION_REFUSED"),
        ({"currency_code": "EUR", "value": "1.00"}, "AUTH_CURRENCY_MISMATCH"),
    ],
)
def test_a_renewal_that_is_refused(world, amount, issue):
    held = paypal.held(world)
    world.clock.forward(days=4)
    assert paypal.refused(world, paypal.path_of(held, "reauthorize"), {"amount": amount}) == issue


def test_what_was_taken_in_part_is_not_renewed(world):
    held = paypal.held(world)
    paypal.post(world, paypal.path_of(held, "capture"), {"amount": usd("1.00")})
    world.clock.forward(days=4)
    path = paypal.path_of(held, "reauthorize")
    assert paypal.refused(world, path) == "AUTHORIZATION_ALREADY_CAPTURED"


@pytest.mark.parametrize("action", [None, "reject"])
def test_what_was_not_reviewed_is_not_renewed(world, action):
    held = paypal.held(world, "review")
    if action:
        paypal.act(world, held, action)
    path = paypal.path_of(held, "reauthorize")
    assert paypal.refused(world, path) == "TRANSACTION_REFUSED"


def test_a_renewed_hold_is_released_by_its_parent(world):
    held = paypal.held(world)
    world.clock.forward(days=4)
    renewed = paypal.post(world, paypal.path_of(held, "reauthorize"))
    answer = paypal.call(world, "POST", paypal.path_of(renewed, "void"), status=422)
    assert paypal.issue(answer) == "CANNOT_BE_VOIDED"
    paypal.call(world, "POST", paypal.path_of(held, "void"))
    assert (status(world, held), status(world, renewed)) == ("VOIDED", "VOIDED")


def test_a_renewed_hold_that_was_taken_is_not_released(world):
    held = paypal.held(world)
    world.clock.forward(days=4)
    renewed = paypal.post(world, paypal.path_of(held, "reauthorize"))
    paypal.post(world, paypal.path_of(renewed, "capture"))
    answer = paypal.call(world, "POST", paypal.path_of(held, "void"), status=422)
    assert paypal.issue(answer) == "PREVIOUSLY_CAPTURED"


# Refunds.


def test_a_refund_gives_all_back(world):
    capture = paypal.captured(world)
    refund = paypal.post(world, paypal.path_of(capture, "refund"))
    assert refund == {
        "id": refund["id"],
        "amount": usd("100.00"),
        "status": "COMPLETED",
        "seller_payable_breakdown": {
            "gross_amount": usd("100.00"),
            "paypal_fee": usd("0.00"),
            "net_amount": usd("100.00"),
            "total_refunded_amount": usd("100.00"),
        },
        "custom_id": "cart-7",
        "invoice_id": "INV-1",
        "create_time": NOW,
        "update_time": NOW,
        "links": [
            {
                "href": f"{BASE}/v2/payments/refunds/{refund['id']}",
                "rel": "self",
                "method": "GET",
            },
            {"href": f"{BASE}{CAPTURES}/{capture['id']}", "rel": "up", "method": "GET"},
        ],
    }
    assert paypal.get(world, paypal.path_of(refund)) == refund
    assert status(world, capture) == "REFUNDED"
    order = paypal.get(world, paypal.path_of(capture, "up"))
    assert order["purchase_units"][0]["payments"]["refunds"] == [refund]
    assert world.payments()[0]["refunded"] == 10_000
    path = paypal.path_of(capture, "refund")
    assert paypal.refused(world, path) == "CAPTURE_FULLY_REFUNDED"


def test_refunds_add_up_and_never_exceed_the_capture(world):
    capture = paypal.captured(world)
    path = paypal.path_of(capture, "refund")
    first = paypal.post(world, path, {"amount": usd("60.00")})
    assert status(world, capture) == "PARTIALLY_REFUNDED"
    answer = paypal.post(world, path, {"amount": usd("40.01")}, status=422)
    assert (paypal.issue(answer), answer["details"][0]["field"]) == (
        "REFUND_AMOUNT_EXCEEDED",
        "/amount/value",
    )
    rest = paypal.post(world, path)
    totals = [
        one["seller_payable_breakdown"]["total_refunded_amount"]
        for one in (first, rest, paypal.get(world, paypal.path_of(first)))
    ]
    assert totals == [usd("60.00"), usd("100.00"), usd("60.00")]
    assert (rest["amount"], status(world, capture)) == (usd("40.00"), "REFUNDED")


def test_a_refund_carries_what_the_merchant_says(world):
    capture = paypal.captured(world)
    said = {"invoice_id": "CREDIT-1", "custom_id": "back-1", "note_to_payer": "Xin lỗi"}
    refund = paypal.post(world, paypal.path_of(capture, "refund"), {**said, "amount": usd("1.00")})
    assert {name: refund[name] for name in said} == said
    answer = paypal.refused(world, paypal.path_of(capture, "refund"), said)
    assert answer == "DUPLICATE_INVOICE_ID"


@pytest.mark.parametrize(
    ("amount", "issue"),
    [
        ({"currency_code": "EUR", "value": "1.00"}, "REFUND_CAPTURE_CURRENCY_MISMATCH"),
        ({"currency_code": "JPY", "value": "1.5"}, "DECIMALS_NOT_SUPPORTED"),
        (usd("0.00"), "CANNOT_BE_ZERO_OR_NEGATIVE"),
    ],
)
def test_an_amount_that_cannot_be_refunded(world, amount, issue):
    path = paypal.path_of(paypal.captured(world), "refund")
    assert paypal.refused(world, path, {"amount": amount}) == issue


def test_a_repeated_refund_gives_nothing_more(world):
    path = paypal.path_of(paypal.captured(world), "refund")
    body = {"amount": usd("40.00")}
    first = paypal.post(world, path, body, request_id="back-1")
    assert paypal.post(world, path, body, status=200, request_id="back-1") == first
    # Whatever else is asked for under the same id.
    other = {"amount": usd("1.00")}
    assert paypal.post(world, path, other, status=200, request_id="back-1") == first
    assert world.payments()[0]["refunded"] == 4_000


@pytest.mark.parametrize(
    ("method", "issue"), [("echeck", "PENDING_CAPTURE"), ("failing", "REFUND_NOT_ALLOWED")]
)
def test_only_money_that_arrived_is_refunded(world, method, issue):
    path = paypal.path_of(paypal.captured(world, method), "refund")
    assert paypal.refused(world, path) == issue


def test_a_refund_comes_in_time(world):
    path = paypal.path_of(paypal.captured(world), "refund")
    world.clock.forward(days=180)
    assert paypal.refused(world, path) == "REFUND_TIME_LIMIT_EXCEEDED"


def test_a_refund_fails_on_demand(world):
    path = paypal.path_of(paypal.captured(world), "refund")
    world.faults(fail_next_refund=1)
    for _ in range(2):
        answer = paypal.refused(world, path, request_id="back-1")
        assert answer == "REFUND_FAILED_INSUFFICIENT_FUNDS"
    assert paypal.post(world, path, request_id="back-2")["status"] == "COMPLETED"


def test_a_refund_may_take_time(make_world):
    world = make_world(paypal={"refund_processing": timedelta(days=2)})
    capture = paypal.captured(world)
    path = paypal.path_of(capture, "refund")
    refund = paypal.post(world, path, {"amount": usd("60.00")})
    assert (refund["status"], refund["status_details"]) == ("PENDING", {"reason": "ECHECK"})
    assert status(world, capture) == "COMPLETED"
    assert paypal.refused(world, path, {"amount": usd("40.01")}) == "REFUND_AMOUNT_EXCEEDED"
    assert "PAYMENT.CAPTURE.REFUNDED" not in paypal.kinds(world)
    world.clock.forward(days=2)
    assert status(world, refund) == "COMPLETED"
    assert status(world, capture) == "PARTIALLY_REFUNDED"
    world.settle()
    assert paypal.kinds(world)[-1] == "PAYMENT.CAPTURE.REFUNDED"
    assert paypal.get(world, paypal.path_of(refund))["update_time"] == "2025-01-04T03:04:05Z"


@pytest.mark.parametrize(
    "path",
    [
        f"{AUTHORIZATIONS}/X",
        f"{CAPTURES}/X",
        "/v2/payments/refunds/X",
    ],
)
def test_unknown_things_are_not_found(world, path):
    assert paypal.issue(paypal.get(world, path, status=404)) == "INVALID_RESOURCE_ID"


@pytest.mark.parametrize(
    "path",
    [
        f"{AUTHORIZATIONS}/X/capture",
        f"{AUTHORIZATIONS}/X/reauthorize",
        f"{CAPTURES}/X/refund",
    ],
)
def test_nothing_is_done_to_unknown_things(world, path):
    assert paypal.refused(world, path, status=404) == "INVALID_RESOURCE_ID"


# Behind the counter.


def test_an_echeck_clears(world):
    capture = paypal.captured(world, "echeck")
    world.clock.forward(days=3)
    done = paypal.act(world, capture, "complete")
    assert (done["status"], done["update_time"]) == ("COMPLETED", "2025-01-05T03:04:05Z")
    assert done == paypal.get(world, paypal.path_of(capture))
    assert paypal.kinds(world)[-2:] == ["PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.COMPLETED"]


def test_an_echeck_bounces(world):
    capture = paypal.captured(world, "echeck")
    assert paypal.act(world, capture, "deny")["status"] == "DECLINED"
    assert paypal.kinds(world)[-1] == "PAYMENT.CAPTURE.DENIED"
    paypal.act(world, capture, "complete", status=409)
    assert world.payments()[0]["status"] == "capture DECLINED"


@pytest.mark.parametrize(
    ("action", "expected", "issue"),
    [("accept", "CREATED", None), ("reject", "DENIED", "AUTHORIZATION_DENIED")],
)
def test_a_review_of_held_money_ends(world, action, expected, issue):
    held = paypal.held(world, "review")
    assert (held["status"], held["status_details"]) == ("PENDING", {"reason": "PENDING_REVIEW"})
    path = paypal.path_of(held, "capture")
    assert paypal.refused(world, path) == "TRANSACTION_REFUSED"
    assert "PAYMENT.AUTHORIZATION.CREATED" not in paypal.kinds(world)
    assert paypal.act(world, held, action)["status"] == expected
    assert ("PAYMENT.AUTHORIZATION.CREATED" in paypal.kinds(world)) == (issue is None)
    if issue:
        assert paypal.refused(world, path) == issue
    else:
        assert paypal.post(world, path)["status"] == "COMPLETED"
    paypal.act(world, held, action, status=409)


def test_held_money_can_be_let_expire(world):
    held = paypal.held(world)
    assert paypal.act(world, held, "expire")["status"] == "VOIDED"
    assert paypal.kinds(world)[-1] == "PAYMENT.AUTHORIZATION.VOIDED"
    assert paypal.refused(world, paypal.path_of(held, "capture")) == "AUTHORIZATION_EXPIRED"
    paypal.act(world, held, "expire", status=409)


def test_a_payer_complains_and_is_right(world):
    capture = paypal.captured(world)
    path = paypal.path_of(capture, "refund")
    disputed = paypal.act(world, capture, "dispute")
    assert (disputed["status"], disputed["status_details"]) == (
        "COMPLETED",
        {"reason": "BUYER_COMPLAINT"},
    )
    assert paypal.refused(world, path, {"amount": usd("1.00")}) == "TRANSACTION_DISPUTED"
    lost = paypal.act(world, capture, "favour-buyer")
    assert (lost["status"], lost["status_details"]) == ("REFUNDED", {"reason": "CHARGEBACK"})
    assert paypal.kinds(world)[-3:] == [
        "CUSTOMER.DISPUTE.CREATED",
        "CUSTOMER.DISPUTE.RESOLVED",
        "PAYMENT.CAPTURE.REVERSED",
    ]
    assert paypal.refused(world, path) == "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"
    assert world.payments()[0]["status"] == "capture REFUNDED, CHARGEBACK"


def test_a_payer_complains_and_is_not_right(world):
    capture = paypal.captured(world)
    paypal.act(world, capture, "dispute")
    won = paypal.act(world, capture, "favour-seller")
    assert (won["status"], "status_details" in won) == ("COMPLETED", False)
    paypal.act(world, capture, "dispute", status=409)
    assert paypal.post(world, paypal.path_of(capture, "refund"))["status"] == "COMPLETED"


def test_a_merchant_gives_in_to_a_complaint(world):
    capture = paypal.captured(world)
    paypal.act(world, capture, "dispute")
    paypal.post(world, paypal.path_of(capture, "refund"))
    world.settle()
    assert paypal.kinds(world)[-2:] == ["CUSTOMER.DISPUTE.RESOLVED", "PAYMENT.CAPTURE.REFUNDED"]
    paypal.act(world, capture, "favour-seller", status=409)


def test_what_cannot_be_done_is_said(world):
    capture = paypal.captured(world)
    paypal.act(world, capture, "accept", status=409)
    paypal.act(world, capture, "no-such-thing", status=409)
    paypal.act(world, {"id": "X"}, "complete", status=404)
