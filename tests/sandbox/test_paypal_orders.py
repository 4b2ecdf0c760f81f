"""PayPal's tokens and orders: create, read, capture, authorize, and all that is refused."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from . import paypal_client as paypal
from .paypal_client import BASE, usd
from .paypal_contract import check_answer

ORDERS = "/v2/checkout/orders"
PAYEE = {"email_address": "shop@business.example", "merchant_id": "MERCHANTSBX22"}
NOW = "2025-01-02T03:04:05Z"
WALLET = {
    "email_address": "john.doe@personal.example",
    "account_id": "BUYERSANDBX22",
    "account_status": "VERIFIED",
    "name": {"given_name": "John", "surname": "Doe"},
    "address": {"country_code": "US"},
}
PAYER = {
    "name": {"given_name": "John", "surname": "Doe"},
    "email_address": "john.doe@personal.example",
    "payer_id": "BUYERSANDBX22",
    "address": {"country_code": "US"},
}


# Tokens.


def ask_for_token(world, *, auth=paypal.CLIENT, **form):
    form = form or {"grant_type": "client_credentials"}
    return world.client.request("POST", "/paypal/v1/oauth2/token", auth=auth, data=form)


def test_a_client_gets_a_token(world):
    response = ask_for_token(world)
    answer = response.json()
    assert response.status_code == 200
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 32400)
    assert set(answer) == {
        "scope", "access_token", "token_type", "app_id", "expires_in", "nonce"
    }  # fmt: skip


@pytest.mark.parametrize("auth", [("x", "y"), (paypal.CLIENT[0], "y"), None])
def test_a_wrong_client_gets_none(world, auth):
    response = ask_for_token(world, auth=auth)
    assert (response.status_code, response.json()) == (
        401,
        {"error": "invalid_client", "error_description": "Client Authentication failed"},
    )


@pytest.mark.parametrize("given", ["Basic ă", "Basic !!!", "Basic", "Bearer abc", "", "Basic w6k="])
def test_broken_credentials_are_wrong_credentials(world, given):
    headers = {"Authorization": given.encode()}
    response = world.client.post("/paypal/v1/oauth2/token", headers=headers)
    assert response.json()["error"] == "invalid_client"


def test_credentials_come_as_basic_and_in_no_other_way(world):
    raw = base64.b64encode(":".join(paypal.CLIENT).encode()).decode()
    statuses = []
    for scheme in ("Basic", "basic", "Bearer", "Digest"):
        response = world.client.post(
            "/paypal/v1/oauth2/token",
            headers={"Authorization": f"{scheme} {raw}"},
            data={"grant_type": "client_credentials"},
        )
        statuses.append(response.status_code)
    assert statuses == [200, 200, 401, 401]


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"scope": "x"}, "Grant Type is NULL"),
        ({"grant_type": "password"}, "unsupported grant_type"),
    ],
)
def test_only_one_grant_is_known(world, form, problem):
    response = ask_for_token(world, **form)
    assert (response.status_code, response.json()) == (
        400,
        {"error": "unsupported_grant_type", "error_description": problem},
    )


def test_an_unreadable_form_has_no_grant(world):
    response = world.client.request(
        "POST", "/paypal/v1/oauth2/token", auth=paypal.CLIENT, content=b"\xff"
    )
    assert response.json()["error"] == "unsupported_grant_type"


def test_a_token_ends(make_world):
    world = make_world(paypal={"token_lifetime": timedelta(seconds=60)})
    order = paypal.create(world)
    headers = paypal.headers(world)
    url = f"/paypal{ORDERS}/{order['id']}"
    statuses = []
    for _ in range(2):
        statuses.append(world.client.request("GET", url, headers=headers).status_code)
        world.clock.forward(seconds=30)
    response = world.client.request("GET", url, headers=headers)
    assert statuses == [200, 200]
    assert (response.status_code, response.json()) == (
        401,
        {"error": "invalid_token", "error_description": "Access Token not found in cache"},
    )
    assert paypal.get(world, f"{ORDERS}/{order['id']}") == order


@pytest.mark.parametrize("given", [None, "Basic abc", "Bearer", "Bearer "])
def test_without_a_token_nothing_is_answered(world, given):
    headers = {} if given is None else {"Authorization": given}
    response = world.client.request("GET", f"/paypal{ORDERS}/X", headers=headers)
    answer = response.json()
    assert response.status_code == 401
    assert check_answer("GET", f"{ORDERS}/X", 401, answer) == []
    assert answer == {
        "name": "AUTHENTICATION_FAILURE",
        "message": "Authentication failed due to missing authorization header, or invalid "
        "authentication credentials.",
        "debug_id": response.headers["paypal-debug-id"],
        "links": [],
    }


# Create and read.


def test_an_order_with_a_source_wants_the_payer_to_act(world):
    order = paypal.create(world)
    url = f"{BASE}{ORDERS}/{order['id']}"
    assert order == {
        "id": order["id"],
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED",
        "payment_source": {"paypal": {}},
        "purchase_units": [
            {
                "reference_id": "default",
                "amount": usd("100.00"),
                "payee": PAYEE,
                "description": "Trà sen & nón lá",
                "custom_id": "cart-7",
                "invoice_id": "INV-1",
            }
        ],
        "create_time": NOW,
        "update_time": NOW,
        "links": [
            {"href": url, "rel": "self", "method": "GET"},
            {
                "href": f"{BASE}/checkoutnow?token={order['id']}",
                "rel": "payer-action",
                "method": "GET",
            },
        ],
    }
    assert paypal.get(world, f"{ORDERS}/{order['id']}") == order
    assert paypal.events(world) == []


@pytest.mark.parametrize("intent", ["CAPTURE", "AUTHORIZE"])
def test_an_order_without_a_source_is_created(world, intent):
    order = paypal.create(
        world,
        intent=intent,
        payment_source=None,
        application_context=paypal.CONTEXT,
        request_id=None,
    )
    verb = intent.lower()
    assert (order["status"], "payment_source" in order) == ("CREATED", False)
    assert [(one["rel"], one["method"]) for one in order["links"]] == [
        ("self", "GET"),
        ("approve", "GET"),
        (verb, "POST"),
    ]
    target = paypal.click(world, order)
    assert target.startswith("https://shop.example/return?cart=7&token=")


@pytest.mark.parametrize("prefer", ["return=minimal", "", "return=everything"])
def test_little_is_told_unless_more_is_wanted(world, prefer):
    order = paypal.post(
        world, ORDERS, paypal.ORDER, whole=False, request_id="create-1", Prefer=prefer
    )
    assert set(order) == {"id", "status", "links"}


def test_a_full_order_is_told_in_full(world):
    item = {"name": "Trà", "quantity": "3", "unit_amount": usd("10"), "tax": usd(".5")}
    order = paypal.create(
        world,
        unit={
            "reference_id": "box",
            "amount": {
                **usd("35.00"),
                "breakdown": {
                    "item_total": usd("30.00"),
                    "tax_total": usd("1.5"),
                    "shipping": usd("5.00"),
                    "handling": usd("1.00"),
                    "insurance": usd("0.50"),
                    "shipping_discount": usd("2.00"),
                    "discount": usd("1"),
                },
            },
            "items": [item],
            "soft_descriptor": "TIEM NHO",
            "payee": PAYEE,
            "shipping": {
                "type": "SHIPPING",
                "name": {"full_name": "Nguyễn Thị Lan"},
                "address": {"address_line_1": "1 Hàng Bạc", "country_code": "VN"},
            },
        },
    )
    [unit] = order["purchase_units"]
    assert unit == {
        "reference_id": "box",
        "amount": {
            **usd("35.00"),
            "breakdown": {
                "item_total": usd("30.00"),
                "shipping": usd("5.00"),
                "handling": usd("1.00"),
                "tax_total": usd("1.50"),
                "insurance": usd("0.50"),
                "shipping_discount": usd("2.00"),
                "discount": usd("1.00"),
            },
        },
        "payee": PAYEE,
        "description": "Trà sen & nón lá",
        "custom_id": "cart-7",
        "invoice_id": "INV-1",
        "soft_descriptor": "TIEM NHO",
        "items": [
            {"name": "Trà", "quantity": "3", "unit_amount": usd("10.00"), "tax": usd("0.50")}
        ],
        "shipping": {
            "type": "SHIPPING",
            "name": {"full_name": "Nguyễn Thị Lan"},
            "address": {"address_line_1": "1 Hàng Bạc", "country_code": "VN"},
        },
    }


@pytest.mark.parametrize("preference", [None, "GET_FROM_FILE", "NO_SHIPPING"])
def test_an_address_comes_from_the_payer_if_it_is_wanted(world, preference):
    context = {**paypal.CONTEXT, "shipping_preference": preference}
    context = {name: value for name, value in context.items() if value}
    path = paypal.approved(world, payment_source={"paypal": {"experience_context": context}})
    [unit] = paypal.get(world, path)["purchase_units"]
    assert ("shipping" in unit) == (preference != "NO_SHIPPING")


def test_an_unknown_order_is_not_found(world):
    answer = paypal.get(world, f"{ORDERS}/NOSUCHORDER", status=404)
    assert answer == {
        "name": "RESOURCE_NOT_FOUND",
        "message": "The specified resource does not exist.",
        "debug_id": answer["debug_id"],
        "details": [
            {
                "issue": "INVALID_RESOURCE_ID",
                "description": "Specified resource ID does not exist. Please check the resource "
                "ID and try again.",
            }
        ],
        "links": [
            {
                "href": "https://developer.paypal.com/api/rest/reference/orders/v2/errors/"
                "#INVALID_RESOURCE_ID",
                "rel": "information_link",
                "method": "GET",
            }
        ],
    }


@pytest.mark.parametrize("is_approved", [False, True])
def test_an_order_that_nobody_takes_is_gone(world, is_approved):
    order = paypal.create(world)
    path = f"{ORDERS}/{order['id']}"
    world.clock.forward(hours=2)
    if is_approved:
        paypal.click(world, order)
        world.clock.forward(hours=2)
    assert paypal.get(world, path)["status"] in {"PAYER_ACTION_REQUIRED", "APPROVED"}
    world.clock.forward(hours=1)
    assert paypal.issue(paypal.get(world, path, status=404)) == "INVALID_RESOURCE_ID"
    assert paypal.refused(world, f"{path}/capture", status=404) == "INVALID_RESOURCE_ID"
    assert world.payments()[0]["status"] == "gone: nobody took it in time"


def test_a_completed_order_stays(world):
    capture = paypal.captured(world)
    world.clock.forward(days=100)
    assert paypal.get(world, paypal.path_of(capture, "up"))["status"] == "COMPLETED"


# What is refused.


@pytest.mark.parametrize(
    ("amount", "issue"),
    [
        ({"currency_code": "VND", "value": "150000"}, "INVALID_CURRENCY_CODE"),
        ({"currency_code": "usd", "value": "1.00"}, "INVALID_CURRENCY_CODE"),
        ({"currency_code": "TND", "value": "1.000"}, "INVALID_CURRENCY_CODE"),
        (usd("0.00"), "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (usd("-1.00"), "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (usd("1.001"), "DECIMAL_PRECISION"),
        ({"currency_code": "JPY", "value": "100.0"}, "DECIMAL_PRECISION"),
        ({"currency_code": "HUF", "value": "100.00"}, "DECIMAL_PRECISION"),
        ({"currency_code": "TWD", "value": "100.5"}, "DECIMAL_PRECISION"),
        (usd("1000000000000000.00"), "MAX_VALUE_EXCEEDED"),
        (usd("9" * 32), "MAX_VALUE_EXCEEDED"),
        ({**usd("10"), "breakdown": {"item_total": usd("9.99")}}, "AMOUNT_MISMATCH"),
        ({**usd("10"), "breakdown": {"discount": usd("-1")}}, "CANNOT_BE_NEGATIVE"),
        (
            {**usd("10"), "breakdown": {"item_total": {"currency_code": "EUR", "value": "10"}}},
            "MULTI_CURRENCY_ORDER",
        ),
    ],
)
def test_an_amount_that_is_refused(world, amount, issue):
    answer = paypal.create(world, unit={"amount": amount}, status=422)
    assert (answer["name"], paypal.issue(answer)) == ("UNPROCESSABLE_ENTITY", issue)
    assert answer["details"][0]["field"].startswith("/purchase_units/0/amount")
    assert world.payments() == []


@pytest.mark.parametrize(
    ("currency", "value", "written"),
    [
        ("USD", "5", "5.00"),
        ("EUR", ".5", "0.50"),
        ("GBP", "007.5", "7.50"),
        ("JPY", "100", "100"),
        ("HUF", "1990", "1990"),
        ("TWD", "1", "1"),
        ("USD", "999999999999999.99", "999999999999999.99"),
    ],
)
def test_an_amount_is_written_with_the_decimals_of_its_currency(world, currency, value, written):
    amount = {"currency_code": currency, "value": value}
    capture = paypal.captured(world, unit={"amount": amount})
    assert capture["amount"] == {"currency_code": currency, "value": written}
    parts = capture["seller_receivable_breakdown"]
    fee, net = (parts[name]["value"] for name in ("paypal_fee", "net_amount"))
    assert ("." in fee, "." in net) == ("." in written, "." in written)


@pytest.mark.parametrize(
    ("items", "breakdown", "issue"),
    [
        ([usd("10")], {}, "ITEM_TOTAL_REQUIRED"),
        ([usd("9")], {"item_total": usd("10")}, "ITEM_TOTAL_MISMATCH"),
        ([usd("999999999999999.99")] * 100, {"item_total": usd("10")}, "ITEM_TOTAL_MISMATCH"),
    ],
)
def test_items_that_do_not_add_up(world, items, breakdown, issue):
    lines = [{"name": "x", "quantity": "9999999999", "unit_amount": one} for one in items]
    if len(items) == 1:
        lines[0]["quantity"] = "1"
    unit = {"amount": {**usd("10"), "breakdown": breakdown}, "items": lines}
    assert paypal.issue(paypal.create(world, unit=unit, status=422)) == issue


@pytest.mark.parametrize(
    ("breakdown", "issue"),
    [
        ({"item_total": usd("10")}, "TAX_TOTAL_REQUIRED"),
        ({"item_total": usd("10"), "tax_total": usd("2")}, "TAX_TOTAL_MISMATCH"),
    ],
)
def test_taxes_that_do_not_add_up(world, breakdown, issue):
    item = {"name": "x", "quantity": "1", "unit_amount": usd("10"), "tax": usd("1")}
    unit = {"amount": {**usd("11"), "breakdown": breakdown}, "items": [item]}
    assert paypal.issue(paypal.create(world, unit=unit, status=422)) == issue


def units(*changes):
    return [{**paypal.UNIT, "invoice_id": f"I{n}", **one} for n, one in enumerate(changes)]


@pytest.mark.parametrize(
    ("intent", "changes", "issue"),
    [
        ("AUTHORIZE", [{"reference_id": "a"}, {"reference_id": "b"}], "UNSUPPORTED_INTENT"),
        ("CAPTURE", [{"reference_id": "a"}, {}], "REFERENCE_ID_REQUIRED"),
        ("CAPTURE", [{"reference_id": "a"}, {"reference_id": "a"}], "DUPLICATE_REFERENCE_ID"),
        (
            "CAPTURE",
            [
                {"reference_id": "a"},
                {"reference_id": "b", "amount": {"currency_code": "EUR", "value": "1"}},
            ],
            "MULTI_CURRENCY_ORDER",
        ),
    ],
)
def test_units_that_do_not_go_together(world, intent, changes, issue):
    body = {"intent": intent, "purchase_units": units(*changes)}
    assert paypal.refused(world, ORDERS, body) == issue


def test_several_units_are_captured_together(world):
    changes = ({"reference_id": "a"}, {"reference_id": "b", "amount": usd("1.00")})
    path = paypal.approved(world, purchase_units=units(*changes))
    order = paypal.post(world, f"{path}/capture")
    found = [unit["payments"]["captures"][0]["amount"] for unit in order["purchase_units"]]
    assert found == [usd("100.00"), usd("1.00")]
    assert world.payments()[0]["amount"] == 10_100


@pytest.mark.parametrize("payee", [{"email_address": "a@b.example"}, {"merchant_id": "2" * 13}])
def test_money_goes_only_to_the_merchant(world, payee):
    assert paypal.issue(paypal.create(world, unit={"payee": payee}, status=422)) == (
        "PAYEE_ACCOUNT_INVALID"
    )


@pytest.mark.parametrize(
    ("changes", "field", "issue"),
    [
        ({"intent": "SAVE"}, "/intent", "INVALID_PARAMETER_VALUE"),
        ({"intent": None}, "/intent", "MISSING_REQUIRED_PARAMETER"),
        ({"purchase_units": []}, "/purchase_units", "INVALID_ARRAY_MIN_ITEMS"),
        ({"purchase_units": [paypal.UNIT] * 11}, "/purchase_units", "INVALID_ARRAY_MAX_ITEMS"),
        ({"purchase_units": "x"}, "/purchase_units", "INVALID_PARAMETER_SYNTAX"),
        ({"purchase_units": [{}]}, "/purchase_units/0/amount", "MISSING_REQUIRED_PARAMETER"),
        ({"purchase_units": ["x"]}, "/purchase_units/0", "INVALID_PARAMETER_SYNTAX"),
        (
            {"purchase_units": [{"amount": {"currency_code": "USD", "value": 10}}]},
            "/purchase_units/0/amount/value",
            "INVALID_PARAMETER_SYNTAX",
        ),
        (
            {"purchase_units": [{"amount": usd("1e3")}]},
            "/purchase_units/0/amount/value",
            "INVALID_PARAMETER_SYNTAX",
        ),
        (
            {"purchase_units": [{"amount": {"currency_code": "US", "value": "1"}}]},
            "/purchase_units/0/amount/currency_code",
            "INVALID_STRING_LENGTH",
        ),
        (
            {"purchase_units": [{**paypal.UNIT, "custom_id": "x" * 128}]},
            "/purchase_units/0/custom_id",
            "INVALID_STRING_LENGTH",
        ),
        (
            {"payment_source": {"paypal": {"experience_context": {"return_url": "javascript:1"}}}},
            "/payment_source/paypal/experience_context/return_url",
            "INVALID_PARAMETER_SYNTAX",
        ),
        (
            {"payment_source": {"paypal": {"experience_context": {"locale": "vi_VN"}}}},
            "/payment_source/paypal/experience_context/locale",
            "INVALID_PARAMETER_SYNTAX",
        ),
        ({"payment_source": {"card": {}}}, "/payment_source/card", "NOT_SUPPORTED"),
    ],
)
def test_each_wrong_field_is_named(world, changes, field, issue):
    body = {name: value for name, value in {**paypal.ORDER, **changes}.items() if value is not None}
    answer = paypal.post(world, ORDERS, body, status=400, request_id="x", honest=False)
    [found] = answer["details"]
    assert (answer["name"], found["field"], found["location"], found["issue"]) == (
        "INVALID_REQUEST",
        field,
        "body",
        issue,
    )


def test_all_wrong_fields_are_named_at_once(world):
    answer = paypal.post(world, ORDERS, {}, status=400, honest=False)
    assert [one["field"] for one in answer["details"]] == ["/intent", "/purchase_units"]


def test_a_source_needs_a_request_id(world):
    assert paypal.issue(paypal.create(world, request_id=None, status=400)) == (
        "PAYPAL_REQUEST_ID_REQUIRED"
    )


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_read(world, kind):
    path = paypal.approved(world)
    headers = {**paypal.headers(world), "Content-Type": kind or ""}
    response = world.client.request("POST", f"/paypal{path}/capture", headers=headers)
    answer = response.json()
    assert (response.status_code, answer["name"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert check_answer("POST", f"{path}/capture", 415, answer) == []


# Capture and authorize.


def test_an_approved_order_is_captured(world):
    path = paypal.approved(world)
    assert paypal.get(world, path)["status"] == "APPROVED"
    order = paypal.post(world, f"{path}/capture")
    [unit] = order["purchase_units"]
    [capture] = unit["payments"]["captures"]
    url = f"{BASE}/v2/payments/captures/{capture['id']}"
    assert (order["status"], order["payer"], order["payment_source"]) == (
        "COMPLETED",
        PAYER,
        {"paypal": WALLET},
    )
    assert [one["rel"] for one in order["links"]] == ["self"]
    assert unit["payments"] == {"captures": [capture]}
    assert capture == {
        "id": capture["id"],
        "status": "COMPLETED",
        "amount": usd("100.00"),
        "final_capture": True,
        "custom_id": "cart-7",
        "invoice_id": "INV-1",
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
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
            {"href": f"{BASE}{path}", "rel": "up", "method": "GET"},
        ],
    }
    assert paypal.get(world, path) == order
    assert paypal.get(world, paypal.path_of(capture)) == {
        **capture,
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
        "payee": PAYEE,
    }


def test_an_approved_order_is_authorized(world):
    path = paypal.approved(world, intent="AUTHORIZE")
    order = paypal.post(world, f"{path}/authorize")
    [authorization] = order["purchase_units"][0]["payments"]["authorizations"]
    url = f"{BASE}/v2/payments/authorizations/{authorization['id']}"
    assert order["status"] == "COMPLETED"
    assert authorization == {
        "id": authorization["id"],
        "status": "CREATED",
        "amount": usd("100.00"),
        "custom_id": "cart-7",
        "invoice_id": "INV-1",
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "expiration_time": "2025-01-31T03:04:05Z",
        "create_time": NOW,
        "update_time": NOW,
        "links": [
            {"href": url, "rel": "self", "method": "GET"},
            {"href": f"{url}/capture", "rel": "capture", "method": "POST"},
            {"href": f"{url}/void", "rel": "void", "method": "POST"},
            {"href": f"{url}/reauthorize", "rel": "reauthorize", "method": "POST"},
            {"href": f"{BASE}{path}", "rel": "up", "method": "GET"},
        ],
    }
    assert paypal.get(world, paypal.path_of(authorization)) == {
        **authorization,
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
        "payee": PAYEE,
    }


@pytest.mark.parametrize(("intent", "verb"), [("CAPTURE", "capture"), ("AUTHORIZE", "authorize")])
def test_the_order_of_steps(world, intent, verb):
    order = paypal.create(world, intent=intent)
    path = f"{ORDERS}/{order['id']}"
    assert paypal.refused(world, f"{path}/{verb}") == "ORDER_NOT_APPROVED"
    paypal.click(world, order)
    other = {"capture": "authorize", "authorize": "capture"}[verb]
    assert paypal.refused(world, f"{path}/{other}") == "ACTION_DOES_NOT_MATCH_INTENT"
    paypal.post(world, f"{path}/{verb}")
    done = {"capture": "ORDER_ALREADY_CAPTURED", "authorize": "ORDER_ALREADY_AUTHORIZED"}[verb]
    assert paypal.refused(world, f"{path}/{verb}") == done
    assert paypal.refused(world, f"{ORDERS}/X/{verb}", status=404) == "INVALID_RESOURCE_ID"


@pytest.mark.parametrize("source", ["x", [], None])
def test_a_source_is_an_object(world, source):
    path = paypal.approved(world)
    body = {"payment_source": source}
    issue = paypal.refused(world, f"{path}/capture", body, status=400, honest=False)
    assert issue == "INVALID_PARAMETER_SYNTAX"


def test_another_source_is_refused(world):
    path = paypal.approved(world)
    body = {"payment_source": {"token": {"id": "1", "type": "BILLING_AGREEMENT"}}}
    assert paypal.refused(world, f"{path}/capture", body) == "PREFERRED_PAYMENT_SOURCE_MISMATCH"


@pytest.mark.parametrize(("intent", "verb"), [("CAPTURE", "capture"), ("AUTHORIZE", "authorize")])
def test_a_declined_card_sends_the_payer_back(world, intent, verb):
    order = paypal.create(world, intent=intent)
    path = f"{ORDERS}/{order['id']}"
    paypal.click(world, order, method="declined")
    answer = paypal.post(world, f"{path}/{verb}", status=422)
    assert answer["details"] == [
        {
            "issue": "INSTRUMENT_DECLINED",
            "description": "The instrument presented  was either declined by the processor or "
            "bank, or it can't be used for this payment.",
        }
    ]
    assert answer["links"][-1] == {
        "href": f"{BASE}/checkoutnow?token={order['id']}",
        "rel": "redirect",
        "method": "GET",
    }
    again = paypal.get(world, path)
    assert (again["status"], again["links"][1]["rel"]) == ("PAYER_ACTION_REQUIRED", "payer-action")
    assert paypal.refused(world, f"{path}/{verb}") == "ORDER_NOT_APPROVED"
    paypal.click(world, order)
    assert paypal.post(world, f"{path}/{verb}")["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("method", "status", "reason"),
    [("echeck", "PENDING", "ECHECK"), ("review", "PENDING", "PENDING_REVIEW")],
)
def test_a_completed_order_may_be_without_money(world, method, status, reason):
    path = paypal.approved(world, method)
    order = paypal.post(world, f"{path}/capture")
    [capture] = order["purchase_units"][0]["payments"]["captures"]
    assert (order["status"], capture["status"], capture["status_details"]) == (
        "COMPLETED",
        status,
        {"reason": reason},
    )
    assert "seller_receivable_breakdown" not in capture


def test_a_capture_may_fail(world):
    capture = paypal.captured(world, "failing")
    assert (capture["status"], "status_details" in capture) == ("DECLINED", False)
    assert world.payments()[0]["status"] == "capture DECLINED"


# Invoices.


def test_an_invoice_is_paid_once(world):
    first, second = paypal.approved(world), paypal.approved(world, request_id="create-2")
    paypal.post(world, f"{first}/capture")
    assert paypal.refused(world, f"{second}/capture") == "DUPLICATE_INVOICE_ID"
    answer = paypal.create(world, request_id="create-3", status=422)
    assert answer["details"][0] == {
        "issue": "DUPLICATE_INVOICE_ID",
        "field": "/purchase_units/0/invoice_id",
        "location": "body",
        "value": "INV-1",
        "description": "Duplicate Invoice ID detected. To avoid a potential duplicate transaction "
        "your account setting requires that Invoice Id be unique for each transaction.",
    }


def test_an_account_may_allow_the_same_invoice(make_world):
    world = make_world(paypal={"unique_invoices": False})
    for number in range(2):
        paypal.captured(world, request_id=f"create-{number}")
    assert len(world.payments()) == 2


# Request ids.


def test_a_repetition_makes_nothing_new_and_tells_the_latest(world):
    order = paypal.create(world)
    path = f"{ORDERS}/{order['id']}"
    paypal.click(world, order)
    assert paypal.create(world, status=200)["status"] == "APPROVED"
    taken = paypal.post(world, f"{path}/capture", request_id="take-1")
    [capture] = taken["purchase_units"][0]["payments"]["captures"]
    paypal.post(world, paypal.path_of(capture, "refund"), {"amount": usd("1.00")})
    again = paypal.post(world, f"{path}/capture", status=200, request_id="take-1")
    [now] = again["purchase_units"][0]["payments"]["captures"]
    assert (now["id"], now["status"]) == (capture["id"], "PARTIALLY_REFUNDED")
    assert len(world.payments()) == 1


def test_request_ids_are_apart_for_each_operation(world):
    path = paypal.approved(world)
    assert paypal.post(world, f"{path}/capture", request_id="create-1")["status"] == "COMPLETED"


def test_a_request_id_is_forgotten_after_six_hours(world):
    path = paypal.approved(world)
    paypal.post(world, f"{path}/capture", request_id="take-1")
    world.clock.forward(hours=5, minutes=59)
    paypal.post(world, f"{path}/capture", status=200, request_id="take-1")
    world.clock.forward(minutes=1)
    assert paypal.refused(world, f"{path}/capture", request_id="take-1") == "ORDER_ALREADY_CAPTURED"


def test_a_decline_is_repeated_under_its_request_id(world):
    order = paypal.create(world)
    path = f"{ORDERS}/{order['id']}/capture"
    assert paypal.refused(world, path, request_id="take-1") == "ORDER_NOT_APPROVED"
    paypal.click(world, order, method="declined")
    assert paypal.refused(world, path, request_id="take-1") == "INSTRUMENT_DECLINED"
    paypal.click(world, order)
    assert paypal.refused(world, path, request_id="take-1") == "INSTRUMENT_DECLINED"
    assert paypal.post(world, path, request_id="take-2")["status"] == "COMPLETED"


def test_a_request_id_has_a_length(world):
    paypal.create(world, request_id="x" * 108)
    answer = paypal.create(world, request_id="x" * 109, status=400)
    assert answer["details"] == [
        {
            "issue": "INVALID_STRING_LENGTH",
            "description": "The value of a field is either too short or too long",
        }
    ]


# Errors on demand.


@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        ("PAYER_CANNOT_PAY", 422, "UNPROCESSABLE_ENTITY"),
        ("PAYER_ACTION_REQUIRED", 422, "UNPROCESSABLE_ENTITY"),
        ("PERMISSION_DENIED", 403, "NOT_AUTHORIZED"),
        ("INTERNAL_SERVER_ERROR", 500, "INTERNAL_SERVER_ERROR"),
        ("SERVICE_UNAVAILABLE", 503, "SERVICE_UNAVAILABLE"),
    ],
)
def test_an_error_can_be_asked_for(world, code, status, name):
    path = paypal.approved(world)
    wish = {"PayPal-Mock-Response": json.dumps({"mock_application_codes": code})}
    answer = paypal.post(world, f"{path}/capture", status=status, **wish)
    assert answer["name"] == name
    assert paypal.get(world, path)["status"] == "APPROVED"


def test_a_rate_limit_can_be_asked_for(world):
    # It is in no description, so that the answer is not held against one.
    headers = paypal.headers(world)
    headers["PayPal-Mock-Response"] = '{"mock_application_codes":"RATE_LIMIT_REACHED"}'
    response = world.client.request("GET", f"/paypal{ORDERS}/X", headers=headers)
    assert (response.status_code, response.json()["name"]) == (429, "RATE_LIMIT_REACHED")


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "x",
        "{}",
        '{"mock_application_codes":1}',
        '{"mock_application_codes":"NO_SUCH"}',
        '{"mock_application_codes":"payments INVALID_CURRENCY_CODE"}',
    ],
)
def test_another_wish_is_ignored(world, wish):
    path = paypal.approved(world)
    mock = {"PayPal-Mock-Response": wish}
    assert paypal.post(world, f"{path}/capture", **mock)["status"] == "COMPLETED"
