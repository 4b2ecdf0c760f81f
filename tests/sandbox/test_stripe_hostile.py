"""What strangers and careless merchants send to Stripe: errors in Stripe's shape, never a crash."""

from __future__ import annotations

import base64

import pytest

from paykit.sandbox.stripe import forms

from .stripe_client import (
    HOLD,
    INTENT,
    KEY,
    create,
    events,
    form,
    get,
    post,
    refused,
    send,
)
from .stripe_contract import check_error

INTENTS = "/v1/payment_intents"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def raw(world, content, *, method="POST", path=INTENTS, **headers):
    """A call that is not spelled by the client; an error in Stripe's shape."""
    sent = {"Authorization": f"Bearer {KEY}", **FORM, **headers}
    response = world.client.request(method, f"/stripe{path}", content=content, headers=sent)
    assert response.status_code < 500
    answer = response.json()
    if "error" in answer:
        assert check_error(answer["error"]) == []
    return response


class TestKeys:
    def test_the_same_again(self, world):
        first = send(world, "POST", INTENTS, HOLD, key="order-1")
        second = send(world, "POST", INTENTS, HOLD, key="order-1")
        assert second.json() == first.json()
        assert "idempotent-replayed" not in first.headers
        assert second.headers["idempotent-replayed"] == "true"
        assert second.headers["original-request"] == first.headers["request-id"]
        assert len(events(world)) == 3

    def test_the_answer_is_that_of_the_first_time(self, world):
        held = send(world, "POST", INTENTS, HOLD, key="order-1").json()
        post(world, f"{INTENTS}/{held['id']}/capture")
        assert send(world, "POST", INTENTS, HOLD, key="order-1").json() == held

    def test_the_order_of_the_fields_does_not_matter(self, world):
        turned = dict(reversed(HOLD.items()))
        first = send(world, "POST", INTENTS, HOLD, key="k").json()
        assert send(world, "POST", INTENTS, turned, key="k").json() == first

    def test_other_parameters(self, world):
        send(world, "POST", INTENTS, HOLD, key="order-1")
        error = refused(world, INTENTS, {**HOLD, "amount": 160_000}, key="order-1")
        assert error["type"] == "idempotency_error"
        assert "same parameters" in error["message"]
        assert len(events(world)) == 3

    def test_another_operation(self, world):
        held = post(world, INTENTS, HOLD, key="order-1")
        post(world, f"{INTENTS}/{held['id']}/capture", key="capture-1")
        error = refused(world, f"{INTENTS}/{held['id']}/cancel", key="capture-1")
        assert error["type"] == "idempotency_error"
        assert f"('{INTENTS}/{held['id']}/cancel' vs" in error["message"]

    def test_a_decline_is_remembered(self, world):
        bad = {**HOLD, "payment_method": "pm_card_chargeDeclined"}
        first = refused(world, INTENTS, bad, status=402, key="order-1")
        assert refused(world, INTENTS, bad, status=402, key="order-1") == first
        assert len(events(world)) == 3

    def test_what_was_not_even_tried_is_not(self, world):
        refused(world, INTENTS, {**HOLD, "amount": 1}, key="order-1")
        assert post(world, INTENTS, HOLD, key="order-1")["status"] == "requires_capture"

    def test_for_a_day(self, world):
        first = post(world, INTENTS, HOLD, key="order-1")
        world.clock.forward(hours=23)
        assert post(world, INTENTS, HOLD, key="order-1") == first
        world.clock.forward(hours=1)
        assert post(world, INTENTS, HOLD, key="order-1")["id"] != first["id"]

    def test_too_long(self, world):
        assert refused(world, INTENTS, HOLD, key="k" * 256)
        assert post(world, INTENTS, HOLD, key="k" * 255)

    def test_a_read_has_none(self, world):
        held = create(world)
        for _ in range(2):
            response = send(
                world,
                "GET",
                f"{INTENTS}/{held['id']}",
                headers={"Idempotency-Key": "k"},
            )
            assert "idempotent-replayed" not in response.headers


class TestWhoAsks:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "Bearer ",
            "Bearer sk_test_other",
            "Bearer sk_test_\xe9",
            "Basic %%%",
            f"Basic {base64.b64encode(b'sk_test_other:').decode()}",
            f"Basic {base64.b64encode(bytes([255, 254])).decode()}",
            f"Digest {KEY}",
            KEY,
        ],
    )
    def test_strangers(self, world, authorization):
        sent = {"Authorization": authorization.encode("latin-1")}
        response = raw(world, form(HOLD), **sent)
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "invalid_request_error"
        assert KEY not in response.text

    def test_the_browsers_key(self, world):
        response = raw(world, form(HOLD), Authorization="Bearer pk_test_paykit_sandbox_0001")
        assert response.json()["error"]["code"] == "secret_key_required"

    def test_as_basic(self, world):
        basic = base64.b64encode(f"{KEY}:".encode()).decode()
        assert raw(world, form(HOLD), Authorization=f"Basic {basic}").status_code == 200

    def test_the_version_comes_back(self, world):
        assert raw(world, form(HOLD)).headers["stripe-version"] == "2026-10-28.endive"
        older = raw(world, form(HOLD), **{"Stripe-Version": "2026-06-24.dahlia"})
        assert older.headers["stripe-version"] == "2026-06-24.dahlia"
        assert raw(world, form(HOLD), **{"Stripe-Version": "latest"}).status_code == 400

    def test_kinds_of_methods_belong_to_older_versions(self, world):
        body = form({**HOLD, "payment_method_types": ["card"]})
        error = raw(world, body).json()["error"]
        assert (error["code"], error["param"]) == ("parameter_unknown", "payment_method_types")
        assert raw(world, body, **{"Stripe-Version": "2026-06-24.dahlia"}).status_code == 200


class TestFields:
    @pytest.mark.parametrize(
        ("body", "code", "param"),
        [
            ({"currency": "vnd"}, "parameter_missing", "amount"),
            ({"amount": 150_000}, "parameter_missing", "currency"),
            ({**HOLD, "amount": "1e3"}, "parameter_invalid_integer", "amount"),
            ({**HOLD, "amount": -5}, "parameter_invalid_integer", "amount"),
            ({**HOLD, "amount": "١٥٠٠٠٠"}, "parameter_invalid_integer", "amount"),
            ({**HOLD, "amount": "9" * 5000}, "parameter_invalid_integer", "amount"),
            ({**HOLD, "amount": ""}, "parameter_invalid_empty", "amount"),
            ({**HOLD, "amount": {"x": 1}}, None, "amount"),
            ({**HOLD, "currency": "xxx"}, None, "currency"),
            ({**HOLD, "confirm": "yes"}, None, "confirm"),
            ({**HOLD, "capture_method": "later"}, None, "capture_method"),
            ({**HOLD, "return_url": "nowhere"}, "url_invalid", "return_url"),
            ({**HOLD, "return_url": "javascript:alert(1)"}, "url_invalid", "return_url"),
            ({**HOLD, "invoice": "in_1"}, "parameter_unknown", "invoice"),
            ({**HOLD, "metadata": "text"}, None, "metadata"),
            ({**HOLD, "metadata": {"a": {"b": "c"}}}, None, "metadata[a]"),
            ({**HOLD, "metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 40}]"),
            ({**HOLD, "metadata": {"k": "v" * 501}}, None, "metadata[k]"),
            ({**HOLD, "metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata"),
            ({**HOLD, "customer": "cus_x"}, "resource_missing", "customer"),
            ({**HOLD, "payment_method": "pm_x"}, "resource_missing", "payment_method"),
            ({**HOLD, "payment_method": "tok_visa"}, "resource_missing", "payment_method"),
            ({**HOLD, "confirmation_token": "ctoken_x"}, "resource_missing", "confirmation_token"),
            ({**HOLD, "payment_method_data": {"type": "card"}}, None, "payment_method_data"),
            ({**HOLD, "transfer_data": {"destination": "x"}}, None, "transfer_data"),
            ({**HOLD, "expand": "latest_charge"}, None, "expand"),
            ({**HOLD, "expand": ["nothing"]}, None, "expand[0]"),
            ({**HOLD, "expand": ["latest_charge.id"]}, None, "expand[0]"),
            ({**HOLD, "description": "x" * 1001}, None, "description"),
            ({**HOLD, "description": "a\0b"}, None, "description"),
            (
                {**HOLD, "automatic_payment_methods": {"allow_redirects": "never"}},
                "parameter_missing",
                "automatic_payment_methods[enabled]",
            ),
            (
                {**HOLD, "automatic_payment_methods": {"enabled": True, "x": 1}},
                "parameter_unknown",
                "automatic_payment_methods[x]",
            ),
        ],
    )
    def test_what_is_wrong_is_named(self, world, body, code, param):
        error = refused(world, INTENTS, body, honest=False)
        assert (error.get("code"), error["param"]) == (code, param)
        assert world.payments() == []
        assert error["type"] == "invalid_request_error"

    def test_an_empty_text_unsets(self, world):
        made = create(world, {"amount": 150_000, "currency": "vnd", "receipt_email": "a@b.example"})
        body = {"payment_method": "pm_card_visa", "return_url": HOLD["return_url"]}
        path = f"{INTENTS}/{made['id']}/confirm"
        assert post(world, path, {**body, "shipping": "", "setup_future_usage": ""})
        error = refused(world, INTENTS, {**HOLD, "receipt_email": ""}, honest=False)
        assert error["code"] == "parameter_invalid_empty"

    def test_an_empty_value_of_metadata_is_left_out(self, world):
        assert create(world, metadata={"empty": "", "full": "x"})["metadata"] == {"full": "x"}

    def test_expanded(self, world):
        paid = create(world, INTENT, expand=["latest_charge", "payment_method", "customer"])
        assert paid["latest_charge"]["payment_intent"] == paid["id"]
        assert paid["payment_method"]["card"]["last4"] == "4242"
        assert paid["customer"] is None
        wish = {"expand": ["charge.payment_intent.latest_charge"]}
        refund = post(world, "/v1/refunds", {"payment_intent": paid["id"], **wish})
        assert refund["charge"]["payment_intent"]["latest_charge"]["object"] == "charge"
        deep = {"expand": ["latest_charge.payment_intent.latest_charge.payment_intent.customer"]}
        assert refused(world, f"{INTENTS}/{paid['id']}", deep, method="GET")
        assert get(world, f"{INTENTS}/{paid['id']}", {"expand": ["latest_charge"]})


class TestForms:
    def test_nested(self):
        text = b"a=1&b[c]=2&b[d][e]=3&f[]=4&f[]=5&g[1]=y&g[0]=x&h[0][i]=6&h[0][j]=7&k[]="
        assert forms.decode(text) == {
            "a": "1",
            "b": {"c": "2", "d": {"e": "3"}},
            "f": ["4", "5"],
            "g": ["x", "y"],
            "h": [{"i": "6", "j": "7"}],
            "k": [""],
        }

    def test_items_without_a_number(self):
        text = b"a[][b]=1&a[][c]=2&a[][b]=3"
        assert forms.decode(text) == {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}

    def test_a_gap_is_no_list(self):
        assert forms.decode(b"a[1]=x") == {"a": {"1": "x"}}

    @pytest.mark.parametrize(
        "content",
        [
            b"a=1&a=2",
            b"a=1&a[b]=2",
            b"a[b]=1&a=2",
            b"a[b]=1&a[]=2&a[b]=3",
            b"[a]=1",
            b"=1",
            b"a[b=1",
            b"a]=1",
            b"a" + b"[b]" * 9 + b"=1",
            b"&".join(b"a%d=1" % n for n in range(1001)),
            b"a=%ff",
            b"\xff=1",
        ],
    )
    def test_what_cannot_be_read(self, world, content):
        with pytest.raises(forms.FormError):
            forms.decode(content)
        assert raw(world, content).status_code == 400

    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"&&&", b"amount", b"a" * 300_000, b"[]=1&[]=2", b"\x00=\x00"]
    )
    def test_nonsense(self, world, content):
        assert raw(world, content).status_code in {400, 413}

    def test_another_content_type(self, world):
        for kind in ("application/json", "multipart/form-data; boundary=x", ""):
            assert raw(world, form(HOLD), **{"Content-Type": kind}).status_code == 400

    @pytest.mark.parametrize(
        "path",
        ["/v1/nothing", "/v1/payment_intents/x/y/z", "/v1/", "/v1/payment_intents/%00%ff"],
    )
    def test_addresses(self, world, path):
        for method in ("GET", "POST", "DELETE"):
            response = raw(world, b"", method=method, path=path)
            assert response.status_code == 404

    def test_objects_that_do_not_exist(self, world):
        for kind in (
            "payment_intents",
            "setup_intents",
            "payment_methods",
            "customers",
            "refunds",
            "charges",
            "disputes",
            "events",
            "checkout/sessions",
        ):
            error = refused(world, f"/v1/{kind}/pi_x<script>", method="GET", status=404)
            assert error["code"] == "resource_missing"
        for kind in ("confirm", "capture", "cancel"):
            assert refused(world, f"{INTENTS}/pi_x/{kind}", status=404)

    def test_the_desk(self, world):
        held = create(world)
        for path in ("x/dispute", f"{held['id']}/win", f"{held['id']}/x"):
            response = world.client.post(f"/stripe/_sandbox/{path}")
            assert response.status_code in {404, 409}
        assert world.client.get("/stripe/_sandbox/payments/x").status_code == 404
        assert world.client.get("/stripe/c/pay/x").status_code == 404
