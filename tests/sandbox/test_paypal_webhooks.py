"""PayPal's webhooks: what they say, how they are signed, sent again and checked."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from jsonschema import Draft202012Validator

from paykit.errors import NotSent
from paykit.http import HttpResponse
from paykit.sandbox import PayPalConfig
from paykit.sandbox.paypal.notices import retry_rule
from paykit.sandbox.paypal.webhooks import Webhooks, raw_member

from . import paypal_client as paypal
from .paypal_client import BASE, usd
from .paypal_contract import absolute, complaints, documents

VERIFY = "/v1/notifications/verify-webhook-signature"
NAMES = {
    "auth_algo": "PAYPAL-AUTH-ALGO",
    "cert_url": "PAYPAL-CERT-URL",
    "transmission_id": "PAYPAL-TRANSMISSION-ID",
    "transmission_sig": "PAYPAL-TRANSMISSION-SIG",
    "transmission_time": "PAYPAL-TRANSMISSION-TIME",
}


def event_schema():
    name = "paypal_notifications_webhooks_v1_trimmed.json"
    schema = documents()[name]["components"]["schemas"]["event"]
    return {**absolute(schema, name), "unevaluatedProperties": False}


def resource_complaints(event):
    """What is wrong with a resource by the description of the API that it belongs to."""
    orders = "paypal_checkout_orders_v2_trimmed.json"
    payments = "paypal_payments_v2_trimmed.json"
    name, schema = {
        "checkout-order": (orders, "order"),
        "authorization": (payments, "authorization-2"),
        "capture": (payments, "capture-2"),
        "refund": (payments, "refund"),
    }[event["resource_type"]]
    schema = {"$ref": f"#/components/schemas/{schema}", "unevaluatedProperties": False}
    return complaints(absolute(schema, name), event["resource"])


def story(world):
    """Everything that can be told."""
    held = paypal.held(world)
    paypal.post(world, paypal.path_of(held, "capture"), {"amount": usd("10.00")})
    paypal.call(world, "POST", paypal.path_of(held, "void"))
    for number, method in enumerate(["balance", "echeck", "failing"]):
        changes = {"request_id": f"c{number}", "unit": {"invoice_id": f"C{number}"}}
        capture = paypal.captured(world, method, **changes)
        if method == "echeck":
            paypal.act(world, capture, "deny")
        if method == "balance":
            paypal.post(world, paypal.path_of(capture, "refund"), {"amount": usd("1.00")})
            paypal.act(world, capture, "dispute")
            paypal.act(world, capture, "favour-buyer")
    world.settle()


def test_each_event_is_of_its_form(world):
    story(world)
    events = {event["event_type"]: event for event in paypal.events(world)}
    assert set(events) == {
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.AUTHORIZATION.CREATED",
        "PAYMENT.AUTHORIZATION.VOIDED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.PENDING",
        "PAYMENT.CAPTURE.DECLINED",
        "PAYMENT.CAPTURE.DENIED",
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.CAPTURE.REVERSED",
        "CUSTOMER.DISPUTE.CREATED",
        "CUSTOMER.DISPUTE.RESOLVED",
    }
    schema = event_schema()
    Draft202012Validator.check_schema(schema)
    for event in paypal.events(world):
        assert complaints(schema, event) == []
        if event["resource_type"] != "dispute":
            assert resource_complaints(event) == []
    ids = [event["id"] for event in paypal.events(world)]
    assert len(set(ids)) == len(ids)


def test_a_capture_is_told(world):
    capture = paypal.captured(world)
    event = paypal.events(world)[-1]
    url = f"{BASE}/v1/notifications/webhooks-events/{event['id']}"
    assert event == {
        "id": event["id"],
        "event_version": "1.0",
        "create_time": "2025-01-02T03:04:05.678Z",
        "resource_type": "capture",
        "resource_version": "2.0",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "summary": "Payment completed for $ 100.00 USD",
        "resource": paypal.get(world, paypal.path_of(capture)),
        "links": [
            {"href": url, "rel": "self", "method": "GET"},
            {"href": f"{url}/resend", "rel": "resend", "method": "POST"},
        ],
    }
    assert event["resource"]["supplementary_data"]["related_ids"]["order_id"]


def test_a_capture_of_held_money_names_what_it_belongs_to(world):
    held = paypal.held(world)
    paypal.post(world, paypal.path_of(held, "capture"))
    world.settle()
    assert paypal.events(world)[-1]["resource"]["supplementary_data"]["related_ids"] == {
        "order_id": paypal.path_of(held, "up").rpartition("/")[2],
        "authorization_id": held["id"],
    }


def test_an_approval_is_told_and_is_no_payment(world):
    path = paypal.approved(world)
    [event] = paypal.events(world)
    assert (event["event_type"], event["resource_type"], event["summary"]) == (
        "CHECKOUT.ORDER.APPROVED",
        "checkout-order",
        "An order has been approved by buyer",
    )
    assert event["resource"] == paypal.get(world, path)
    assert event["resource"]["status"] == "APPROVED"
    assert "payments" not in event["resource"]["purchase_units"][0]


def test_a_refund_is_told_as_a_refund(world):
    capture = paypal.captured(world, unit={"amount": {"currency_code": "JPY", "value": "500"}})
    body = {"amount": {"currency_code": "JPY", "value": "200"}}
    refund = paypal.post(world, paypal.path_of(capture, "refund"), body)
    world.settle()
    event = paypal.events(world)[-1]
    assert (event["resource_type"], event["summary"]) == (
        "refund",
        "A ¥ 200 JPY capture payment was refunded",
    )
    assert event["resource"] == refund


def test_a_reversal_is_told_as_a_refund(world):
    capture = paypal.captured(world, unit={"amount": {"currency_code": "SEK", "value": "5"}})
    paypal.act(world, capture, "dispute")
    paypal.act(world, capture, "favour-buyer")
    event = paypal.events(world)[-1]
    assert (event["event_type"], event["resource_type"], event["summary"]) == (
        "PAYMENT.CAPTURE.REVERSED",
        "refund",
        "A 5.00 SEK capture payment was reversed",
    )
    assert event["resource"] == paypal.get(world, paypal.path_of(event["resource"]))
    assert event["resource"]["note_to_payer"] == "Payment reversed"


def test_a_dispute_is_told(world):
    capture = paypal.captured(world)
    paypal.act(world, capture, "dispute")
    paypal.act(world, capture, "favour-seller")
    opened, resolved = (event["resource"] for event in paypal.events(world)[-2:])
    assert opened == {
        "dispute_id": opened["dispute_id"],
        "create_time": "2025-01-02T03:04:05Z",
        "update_time": "2025-01-02T03:04:05Z",
        "disputed_transactions": [
            {
                "buyer_transaction_id": capture["id"],
                "seller_transaction_id": capture["id"],
                "create_time": "2025-01-02T03:04:05Z",
                "transaction_status": "COMPLETED",
                "gross_amount": usd("100.00"),
                "buyer": {"name": "John Doe"},
                "seller": {
                    "email": "shop@business.example",
                    "merchant_id": "MERCHANTSBX22",
                    "name": "Paykit Demo Shop",
                },
                "seller_protection_eligible": True,
                "invoice_number": "INV-1",
                "custom": "cart-7",
            }
        ],
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "status": "OPEN",
        "dispute_amount": usd("100.00"),
        "dispute_life_cycle_stage": "INQUIRY",
        "dispute_channel": "INTERNAL",
        "links": [
            {
                "href": f"{BASE}/v1/customer/disputes/{opened['dispute_id']}",
                "rel": "self",
                "method": "GET",
            }
        ],
    }
    assert resolved == {
        **opened,
        "status": "RESOLVED",
        "dispute_outcome": {
            "outcome_code": "RESOLVED_SELLER_FAVOUR",
            "amount_refunded": usd("0.00"),
        },
    }


def test_numbers_that_were_not_given_are_not_told(world):
    order = paypal.create(world, purchase_units=[{"amount": usd("1.00")}])
    paypal.click(world, order)
    taken = paypal.post(world, f"/v2/checkout/orders/{order['id']}/capture")
    [capture] = taken["purchase_units"][0]["payments"]["captures"]
    paypal.act(world, capture, "dispute")
    [transaction] = paypal.events(world)[-1]["resource"]["disputed_transactions"]
    assert {"custom", "invoice_number"} & set(transaction) == set()
    assert {"custom_id", "invoice_id"} & set(capture) == set()
    assert world.payments()[0]["reference"] == order["id"]


def test_an_authorization_that_ended_is_told_once(world):
    held = paypal.held(world)
    world.clock.forward(days=29)
    for _ in range(2):
        paypal.get(world, paypal.path_of(held))
    world.payments()
    world.settle()
    assert paypal.kinds(world).count("PAYMENT.AUTHORIZATION.VOIDED") == 1
    assert paypal.events(world)[-1]["resource"]["status"] == "VOIDED"


def test_of_a_renewed_hold_only_the_new_one_ends(world):
    held = paypal.held(world)
    world.clock.forward(days=4)
    renewed = paypal.post(world, paypal.path_of(held, "reauthorize"))
    world.clock.forward(days=25)
    paypal.get(world, paypal.path_of(held))
    world.settle()
    voided = [one for one in paypal.events(world) if one["event_type"].endswith("VOIDED")]
    assert [one["resource"]["id"] for one in voided] == [renewed["id"]]


# Signatures.


def certificate(world, request):
    url = request.header("PAYPAL-CERT-URL")
    assert url.startswith(f"{BASE}/v1/notifications/certs/CERT-360caa42-fca2a594-")
    response = world.client.get(url.removeprefix(paypal.ROOT))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "max-age=86400"
    return x509.load_pem_x509_certificate(response.content)


def test_each_delivery_is_signed(world):
    story(world)
    for request in world.merchant.received:
        assert (request.method, request.url, request.replay_safe) == (
            "POST",
            "http://127.0.0.1:8000/webhooks/paypal",
            False,
        )
        headers = dict(request.headers)
        assert {name: headers[name] for name in headers if "-TRANSMISSION-" not in name} == {
            "Content-Type": "application/json",
            "PAYPAL-CERT-URL": headers["PAYPAL-CERT-URL"],
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-AUTH-VERSION": "v2",
        }
        text = "|".join(
            [
                headers["PAYPAL-TRANSMISSION-ID"],
                "2025-01-02T03:04:05Z",
                world.config.paypal.webhook_id,
                str(zlib.crc32(request.body)),
            ]
        )
        assert headers["PAYPAL-TRANSMISSION-TIME"] == "2025-01-02T03:04:05Z"
        certificate(world, request).public_key().verify(
            base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"]),
            text.encode(),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )


def test_bodies_are_not_ascii_only(world):
    paypal.approved(world)
    [request] = world.merchant.received
    assert "Trà sen & nón lá".encode() in request.body


def test_the_root_is_served_for_the_merchant(world):
    response = world.client.get("/paypal/_sandbox/root.pem")
    assert response.text == world.config.paypal.root_certificate_pem
    paypal.approved(world)
    root = x509.load_pem_x509_certificate(response.content)
    certificate(world, world.merchant.received[0]).verify_directly_issued_by(root)


def test_an_unknown_certificate_is_not_found(world):
    assert world.client.get("/paypal/v1/notifications/certs/CERT-X").status_code == 404


# Retries.


def test_an_event_is_sent_again_until_any_2xx(world):
    world.merchant.answers = [HttpResponse(500), NotSent("nobody there"), HttpResponse(299)]
    paypal.approved(world)
    [delivery] = world.deliveries()
    assert (delivery["state"], [one["note"] for one in delivery["attempts"]]) == (
        "delivered",
        ["HTTP 500", "NotSent: nobody there", "HTTP 299"],
    )
    first, *others = world.merchant.received
    assert others == [first, first]


@pytest.mark.parametrize("status", [199, 300, 302, 404])
def test_anything_else_is_no_acknowledgement(make_world, status):
    world = make_world(paypal={"webhook_retry_after": ()})
    world.merchant.answers = [HttpResponse(status)]
    paypal.approved(world)
    assert world.deliveries()[0]["state"] == "given up"


def test_it_is_tried_25_times_more_within_three_days():
    rule = retry_rule(PayPalConfig())
    assert len(rule.delays) == 25
    assert sum(rule.delays) == pytest.approx(timedelta(days=3).total_seconds())
    assert list(rule.delays) == sorted(rule.delays)
    assert rule.delays[0] < 10


# Asking PayPal whether an event is genuine.


def question(world, request, **changes) -> bytes:
    """The body of a question, with the very bytes of the event in it."""
    fields = {name: request.header(header) for name, header in NAMES.items()}
    fields["webhook_id"] = world.config.paypal.webhook_id
    event = changes.pop("event", request.body)
    text = json.dumps({**fields, **changes})
    return text[:-1].encode() + b', "webhook_event" : ' + event + b" }"


def verdict(world, content: bytes) -> str:
    response = world.client.request(
        "POST", f"/paypal{VERIFY}", headers=paypal.headers(world), content=content
    )
    assert response.status_code == 200, response.text
    return response.json()["verification_status"]


def test_a_genuine_event_is_confirmed(world):
    story(world)
    for request in world.merchant.received:
        assert verdict(world, question(world, request)) == "SUCCESS"


def test_an_event_that_was_written_again_is_not(world):
    paypal.approved(world)
    [request] = world.merchant.received
    event = json.loads(request.body)
    fields = json.loads(question(world, request))
    answers = [
        # Blanks, escapes, another order.
        verdict(world, question(world, request, event=json.dumps(event).encode())),
        verdict(world, json.dumps(fields).encode()),
        paypal.post(world, VERIFY, fields, status=200)["verification_status"],
    ]
    assert answers == ["FAILURE"] * 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("auth_algo", "SHA1withRSA"),
        ("cert_url", "https://evil.example/v1/notifications/certs/CERT-1"),
        ("cert_url", "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1"),
        ("transmission_id", "8ad71ae0-4e5e-11ef-b16d-8fad525a7f7b"),
        ("transmission_sig", "AAAA"),
        ("transmission_time", "2025-01-02T03:04:06Z"),
        ("webhook_id", "WEBHOOKID"),
    ],
)
def test_each_part_counts(world, field, value):
    paypal.approved(world)
    [request] = world.merchant.received
    assert verdict(world, question(world, request, **{field: value})) == "FAILURE"


def test_a_certificate_counts_only_at_its_own_address(world):
    paypal.approved(world)
    [request] = world.merchant.received
    identity = request.header("PAYPAL-CERT-URL").rpartition("/")[2]
    url = f"https://evil.example/{identity}"
    assert verdict(world, question(world, request, cert_url=url)) == "FAILURE"


@pytest.mark.parametrize("missing", [*NAMES, "webhook_id", "webhook_event"])
def test_each_part_is_required(world, missing):
    paypal.approved(world)
    fields = json.loads(question(world, world.merchant.received[0]))
    del fields[missing]
    answer = paypal.post(world, VERIFY, fields, status=400, honest=False)
    assert [(one["field"], one["issue"]) for one in answer["details"]] == [
        (f"/{missing}", "MISSING_REQUIRED_PARAMETER")
    ]


def test_deep_nesting_is_no_crash(world):
    paypal.approved(world)
    [request] = world.merchant.received
    for depth in (10, 900, 980, 995, 100_000):
        event = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        response = world.client.request(
            "POST",
            f"/paypal{VERIFY}",
            headers=paypal.headers(world),
            content=question(world, request, event=event),
        )
        assert response.status_code in {200, 400}


def test_nesting_that_was_read_once_and_cannot_be_read_again_is_no_crash(world):
    paypal.approved(world)
    [request] = world.merchant.received
    raw = question(world, request, event=b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    webhooks = Webhooks(config=world.config.paypal, base=BASE, notices=None)
    body = json.loads(question(world, request))
    assert webhooks.verify(body, raw) == {"verification_status": "FAILURE"}


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ('{"x":1}', "1"),
        ('\n{ "a" : "x" ,\t"x" : {"x": [1, 2 ] } }', '{"x": [1, 2 ] }'),
        ('{"a":{"x":0},"b":["x",{"x":0}],"x":"é\\u00e9"}', '"é\\u00e9"'),
        ('{"\\u0078":1e2, "y":2}', "1e2"),
    ],
)
def test_a_member_is_cut_out_of_the_text(text, raw):
    assert raw_member(text, "x") == raw


# Events by their addresses.


def test_an_event_is_read_and_sent_once_more(world):
    paypal.approved(world)
    [event] = paypal.events(world)
    assert paypal.get(world, paypal.path_of(event)) == event
    world.clock.forward(minutes=5)
    assert paypal.call(world, "POST", paypal.path_of(event, "resend"), {}, status=202) == event
    world.settle()
    first, second = world.merchant.received
    assert first.body == second.body
    ids = [one.header("PAYPAL-TRANSMISSION-ID") for one in (first, second)]
    assert len(set(ids)) == 2
    assert second.header("PAYPAL-TRANSMISSION-TIME") == "2025-01-02T03:09:05Z"
    assert verdict(world, question(world, second)) == "SUCCESS"


def test_an_unknown_event_is_not_found(world):
    path = "/v1/notifications/webhooks-events/WH-1"
    assert paypal.issue(paypal.get(world, path, status=404)) == "INVALID_RESOURCE_ID"
    answer = paypal.call(world, "POST", f"{path}/resend", {}, status=404)
    assert paypal.issue(answer) == "INVALID_RESOURCE_ID"
