"""Stripe's payments: each answer and event is held against Stripe's own types."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from paykit.money import Money
from paykit.sandbox.stripe import amounts, params
from paykit.sandbox.stripe.cards import STRIPE_CARDS, TABLE, named
from paykit.sandbox.stripe.fields import Blank, Elsewhere, Many, Record

from . import stripe_contract
from .stripe_client import (
    HOLD,
    INTENT,
    RETURN,
    act,
    challenge,
    check_signature,
    create,
    events,
    get,
    kinds,
    post,
    read,
    refused,
    send,
    tokenize,
)

THREE_D = "4000002760003184"
INTENTS = "/v1/payment_intents"


def path(intent, action=""):
    return f"{INTENTS}/{intent['id']}{action}"


class TestHold:
    def test_held_then_captured(self, world):
        held = create(world)
        assert held["status"] == "requires_capture"
        assert (held["amount_capturable"], held["amount_received"]) == (150_000, 0)
        assert held["metadata"] == INTENT["metadata"]
        taken = post(world, path(held, "/capture"))
        assert taken["status"] == "succeeded"
        assert (taken["amount_capturable"], taken["amount_received"]) == (0, 150_000)
        assert read(world, held) == taken
        assert kinds(world) == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.amount_capturable_updated",
            "charge.captured",
            "payment_intent.succeeded",
        ]

    def test_a_part_is_captured_and_the_rest_let_go(self, world):
        held = create(world)
        taken = post(world, path(held, "/capture"), {"amount_to_capture": 100_000})
        assert (taken["status"], taken["amount_received"]) == ("succeeded", 100_000)
        charge = get(world, f"/v1/charges/{taken['latest_charge']}")
        assert (charge["amount"], charge["amount_captured"]) == (150_000, 100_000)
        assert refused(world, path(held, "/capture"))["code"] == "payment_intent_unexpected_state"

    def test_parts_one_after_another(self, world):
        options = {"card": {"request_multicapture": "if_available"}}
        held = create(world, payment_method_options=options)
        part = {"amount_to_capture": 50_000, "final_capture": False}
        taken = post(world, path(held, "/capture"), part)
        assert (taken["status"], taken["amount_capturable"]) == ("requires_capture", 100_000)
        taken = post(world, path(held, "/capture"), {"amount_to_capture": 50_000})
        assert (taken["status"], taken["amount_received"]) == ("succeeded", 100_000)
        single = create(world)
        assert refused(world, path(single, "/capture"), part)["param"] == "final_capture"

    def test_more_than_is_held(self, world):
        held = create(world)
        error = refused(world, path(held, "/capture"), {"amount_to_capture": 150_001})
        assert (error["code"], error["param"]) == ("amount_too_large", "amount_to_capture")
        assert read(world, held)["status"] == "requires_capture"

    def test_a_capture_adds_to_the_metadata(self, world):
        held = create(world)
        body = {"metadata": {"note": "", "shipment": "S1"}, "statement_descriptor_suffix": "S1"}
        taken = post(world, path(held, "/capture"), body)
        assert taken["metadata"] == {"payment_id": "pay_1", "shipment": "S1"}
        assert taken["statement_descriptor_suffix"] == "S1"

    def test_let_go(self, world):
        held = create(world)
        gone = post(world, path(held, "/cancel"), {"cancellation_reason": "abandoned"})
        assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "abandoned")
        assert gone["amount_capturable"] == 0
        error = refused(world, path(held, "/cancel"))
        assert error["code"] == "payment_intent_unexpected_state"
        assert error["payment_intent"]["status"] == "canceled"
        assert refused(world, path(held, "/capture"))["payment_intent"]["status"] == "canceled"
        assert kinds(world)[-2:] == ["charge.refunded", "payment_intent.canceled"]

    def test_the_hold_ends(self, world):
        held = create(world, expand=["latest_charge"])
        card = held["latest_charge"]["payment_method_details"]["card"]
        world.clock.forward(days=7)
        assert card["capture_before"] == int(world.clock().timestamp())
        gone = read(world, held)
        assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "automatic")
        assert kinds(world)[-2:] == ["charge.expired", "payment_intent.canceled"]

    def test_a_capture_that_fails(self, world):
        held = create(world)
        world.faults(fail_next_capture=1)
        error = refused(world, path(held, "/capture"), status=402)
        assert error["code"] == "processing_error"
        assert error["payment_intent"]["status"] == "requires_capture"
        assert post(world, path(held, "/capture"))["status"] == "succeeded"

    def test_the_hold_ends_after_a_part_was_taken(self, world):
        held = create(
            world, payment_method_options={"card": {"request_multicapture": "if_available"}}
        )
        part = {"amount_to_capture": 50_000, "final_capture": False}
        post(world, path(held, "/capture"), part)
        world.clock.forward(days=7)
        ended = read(world, held)
        assert (ended["status"], ended["amount_received"]) == ("succeeded", 50_000)
        assert kinds(world)[-2:] == ["charge.expired", "payment_intent.succeeded"]

    def test_more_is_held(self, world):
        options = {"card": {"request_incremental_authorization": "if_available"}}
        held = create(world, payment_method_options=options)
        more = post(world, path(held, "/increment_authorization"), {"amount": 200_000})
        assert (more["amount"], more["amount_capturable"]) == (200_000, 200_000)
        assert refused(world, path(held, "/increment_authorization"), {"amount": 100_000})
        plain = create(world)
        assert refused(world, path(plain, "/increment_authorization"), {"amount": 200_000})


class TestAtOnce:
    def test_paid(self, world):
        paid = create(world, INTENT)
        assert (paid["status"], paid["amount_received"]) == ("succeeded", 150_000)
        assert kinds(world) == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    def test_created_first_and_confirmed_later(self, world):
        made = create(world, {"amount": 150_000, "currency": "vnd"})
        assert (made["status"], made["payment_method"]) == ("requires_payment_method", None)
        error = refused(world, path(made, "/confirm"), {"return_url": RETURN})
        assert error["code"] == "payment_intent_unexpected_state"
        with_card = {"payment_method": "pm_card_visa", "return_url": RETURN}
        paid = post(world, path(made, "/confirm"), with_card)
        assert paid["status"] == "succeeded"
        assert refused(world, path(made, "/confirm"), with_card)["payment_intent"]

    def test_a_method_without_confirmation(self, world):
        made = create(
            world, {"amount": 150_000, "currency": "vnd", "payment_method": "pm_card_visa"}
        )
        assert made["status"] == "requires_confirmation"
        assert made["payment_method"].startswith("pm_")
        assert post(world, path(made, "/cancel"))["status"] == "canceled"

    def test_where_the_payer_may_be_sent_has_to_be_said(self, world):
        body = {name: value for name, value in INTENT.items() if name != "return_url"}
        assert "return_url" in refused(world, INTENTS, body)["message"]
        never = {"enabled": True, "allow_redirects": "never"}
        assert create(world, body, automatic_payment_methods=never)["status"] == "succeeded"
        assert create(world, body, allowed_payment_method_types=["card"])["status"] == "succeeded"

    def test_what_only_a_confirmation_has(self, world):
        body = {"amount": 150_000, "currency": "vnd", "return_url": RETURN}
        assert refused(world, INTENTS, body)["param"] == "return_url"


class TestDeclines:
    @pytest.mark.parametrize(
        ("number", "code", "decline"),
        [
            ("4000000000000002", "card_declined", "generic_decline"),
            ("4000000000009995", "card_declined", "insufficient_funds"),
            ("4000000000009987", "card_declined", "lost_card"),
            ("4000000000009979", "card_declined", "stolen_card"),
            ("4000000000000069", "expired_card", "expired_card"),
            ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
            ("4000000000000119", "processing_error", "processing_error"),
            ("4000000000006975", "card_declined", "card_velocity_exceeded"),
            ("4100000000000019", "card_declined", "fraudulent"),
            ("4000000000000341", "card_declined", "generic_decline"),
        ],
    )
    def test_the_issuer_says_no(self, world, number, code, decline):
        method = tokenize(world, number)
        error = refused(world, INTENTS, {**HOLD, "payment_method": method}, status=402)
        assert (error["type"], error["code"], error["decline_code"]) == (
            "card_error",
            code,
            decline,
        )
        intent = error["payment_intent"]
        assert intent["status"] == "requires_payment_method"
        assert intent["last_payment_error"]["decline_code"] == decline
        assert intent["last_payment_error"]["payment_method"]["id"] == method
        assert error["charge"] == intent["latest_charge"]
        charge = get(world, f"/v1/charges/{error['charge']}")
        assert (charge["status"], charge["paid"], charge["failure_code"]) == (
            "failed",
            False,
            code,
        )
        assert kinds(world) == [
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
        ]

    def test_the_same_payment_with_another_card(self, world):
        bad = {**HOLD, "payment_method": "pm_card_chargeDeclined"}
        intent = refused(world, INTENTS, bad, status=402)["payment_intent"]
        again = {"payment_method": "pm_card_visa", "return_url": RETURN}
        held = post(world, path(intent, "/confirm"), again)
        assert (held["status"], held["last_payment_error"]) == ("requires_capture", None)
        assert held["latest_charge"] != intent["latest_charge"]

    def test_the_names_of_test_mode(self):
        assert named("pm_card_visa").number == "4242424242424242"
        assert named("tok_chargeDeclined").number == "4000000000000002"
        assert named("pm_card_nonsense") is None
        assert len({card.number for card in TABLE.cards}) == len(TABLE.cards)
        assert set(STRIPE_CARDS) <= set(TABLE.cards)


class TestChallenge:
    def ask(self, world, number=THREE_D, **more):
        return create(world, HOLD, payment_method=tokenize(world, number), **more)

    def test_approved(self, world):
        intent = self.ask(world)
        assert intent["status"] == "requires_action"
        assert intent["next_action"]["type"] == "redirect_to_url"
        assert intent["next_action"]["redirect_to_url"]["return_url"] == RETURN
        target = urlsplit(challenge(world, intent))
        query = parse_qs(target.query)
        assert (target.path, target.fragment, query["cart"]) == ("/back", "end", ["7"])
        assert query["payment_intent"] == [intent["id"]]
        assert query["payment_intent_client_secret"] == [intent["client_secret"]]
        assert query["redirect_status"] == ["succeeded"]
        held = read(world, intent)
        assert (held["status"], held["next_action"]) == ("requires_capture", None)
        charge = get(world, f"/v1/charges/{held['latest_charge']}")
        card = charge["payment_method_details"]["card"]
        assert card["three_d_secure"]["result"] == "authenticated"
        assert kinds(world) == [
            "payment_intent.created",
            "payment_intent.requires_action",
            "charge.succeeded",
            "payment_intent.amount_capturable_updated",
        ]

    def test_refused(self, world):
        intent = self.ask(world)
        assert "redirect_status=failed" in challenge(world, intent, "refuse")
        failed = read(world, intent)
        assert failed["status"] == "requires_payment_method"
        assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
        assert kinds(world)[-1] == "payment_intent.payment_failed"

    def test_abandoned_and_answered_after_all(self, world):
        intent = self.ask(world)
        assert challenge(world, intent, "abandon") is None
        assert read(world, intent)["status"] == "requires_action"
        challenge(world, intent)
        assert read(world, intent)["status"] == "requires_capture"

    def test_approved_and_then_declined(self, world):
        intent = self.ask(world, "4000008260003178")
        assert "redirect_status=failed" in challenge(world, intent)
        failed = read(world, intent)
        assert failed["last_payment_error"]["decline_code"] == "insufficient_funds"
        assert kinds(world)[-2:] == ["charge.failed", "payment_intent.payment_failed"]

    def test_too_late(self, world):
        intent = self.ask(world)
        post(world, path(intent, "/cancel"))
        assert "redirect_status=failed" in challenge(world, intent)
        assert read(world, intent)["status"] == "canceled"

    def test_by_the_script_of_the_shops_page(self, world):
        never = {"enabled": True, "allow_redirects": "never"}
        body = {name: value for name, value in HOLD.items() if name != "return_url"}
        method = tokenize(world, THREE_D)
        intent = create(world, body, payment_method=method, automatic_payment_methods=never)
        assert intent["next_action"]["type"] == "use_stripe_sdk"
        query = f"key={intent['client_secret']}&origin=http://127.0.0.1:8000"
        found = world.client.get(f"/stripe/3ds?{query}").headers["location"].partition("?")[0]
        form = {"outcome": "approve", "origin": "http://127.0.0.1:8000"}
        assert intent["id"] in world.client.post(found, data=form).text
        assert read(world, intent)["status"] == "requires_capture"

    def test_by_the_script_although_there_is_a_way_back(self, world):
        intent = create(world, payment_method=tokenize(world, THREE_D), use_stripe_sdk=True)
        assert intent["next_action"]["type"] == "use_stripe_sdk"

    def test_the_merchant_wants_it(self, world):
        options = {"card": {"request_three_d_secure": "any"}}
        assert create(world, payment_method_options=options)["status"] == "requires_action"

    @pytest.mark.parametrize("how", [{"off_session": True}, {"error_on_requires_action": True}])
    def test_the_payer_is_not_there(self, world, how):
        body = {**HOLD, "payment_method": tokenize(world, THREE_D), **how}
        error = refused(world, INTENTS, body, status=402)
        assert (error["code"], error["decline_code"]) == ("authentication_required",) * 2
        assert error["payment_intent"]["status"] == "requires_payment_method"


class TestCards:
    def customer(self, world):
        return post(world, "/v1/customers", {"name": "Lan", "email": "lan@shop.example"})

    def test_a_card_without_customer_is_good_for_once(self, world):
        method = tokenize(world, "4242424242424242")
        create(world, INTENT, payment_method=method)
        error = refused(world, INTENTS, {**INTENT, "payment_method": method})
        assert (error["param"], "previously used" in error["message"]) == ("payment_method", True)

    def test_stored_with_a_payment_and_charged_while_the_payer_is_away(self, world):
        customer, method = self.customer(world), tokenize(world, "4000002500003155")
        intent = create(
            world,
            INTENT,
            payment_method=method,
            customer=customer["id"],
            setup_future_usage="off_session",
        )
        challenge(world, intent)
        assert get(world, f"/v1/payment_methods/{method}")["customer"] == customer["id"]
        assert "payment_method.attached" in kinds(world)
        again = {**INTENT, "payment_method": method, "off_session": True}
        assert "belongs to the Customer" in refused(world, INTENTS, again)["message"]
        assert create(world, again, customer=customer["id"])["status"] == "succeeded"
        other = self.customer(world)
        error = refused(world, INTENTS, {**again, "customer": other["id"]})
        assert error["code"] == "resource_missing"

    def test_attach_and_detach(self, world):
        customer, method = self.customer(world), tokenize(world, "4242424242424242")
        owner = {"customer": customer["id"]}
        attached = post(world, f"/v1/payment_methods/{method}/attach", owner)
        assert attached["customer"] == customer["id"]
        assert refused(world, f"/v1/payment_methods/{method}/attach", owner)
        assert post(world, f"/v1/payment_methods/{method}/detach")["customer"] is None
        assert refused(world, f"/v1/payment_methods/{method}/detach")
        assert refused(world, f"/v1/payment_methods/{method}/attach", owner)
        assert get(world, f"/v1/customers/{customer['id']}") == customer

    def test_a_card_that_declines_is_not_attached(self, world):
        owner = {"customer": self.customer(world)["id"]}
        url = "/v1/payment_methods/pm_card_chargeDeclined/attach"
        assert refused(world, url, owner, status=402)["code"] == "card_declined"
        late = post(world, "/v1/payment_methods/pm_card_chargeCustomerFail/attach", owner)
        body = {**INTENT, **owner, "payment_method": late["id"]}
        assert refused(world, INTENTS, body, status=402)["code"] == "card_declined"

    def test_made_of_a_token_or_of_a_test_number(self, world):
        made = post(world, "/v1/payment_methods", {"type": "card", "card": {"token": "tok_amex"}})
        assert (made["card"]["brand"], made["card"]["last4"]) == ("amex", "0005")
        card = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030, "cvc": "123"}
        made = post(world, "/v1/payment_methods", {"type": "card", "card": card})
        assert made["card"]["exp_year"] == 2030
        for name, value, code in [
            ("number", "4242424242424241", "incorrect_number"),
            ("exp_year", 2020, "invalid_expiry_year"),
            ("cvc", "12", "invalid_cvc"),
        ]:
            body = {"type": "card", "card": {**card, name: value}}
            assert refused(world, "/v1/payment_methods", body, status=402)["code"] == code
        assert refused(world, "/v1/payment_methods", {"type": "card", "card": {"token": "tok_x"}})
        assert (
            refused(world, "/v1/payment_methods", {"type": "card"})["code"] == "parameter_missing"
        )


class TestSetup:
    def test_stored_without_a_payment(self, world):
        customer = post(world, "/v1/customers", {"email": "lan@shop.example"})
        body = {"payment_method": "pm_card_visa", "confirm": True, "return_url": RETURN}
        setup = post(world, "/v1/setup_intents", {**body, "customer": customer["id"]})
        assert (setup["status"], setup["usage"]) == ("succeeded", "off_session")
        method = get(world, f"/v1/payment_methods/{setup['payment_method']}")
        assert method["customer"] == customer["id"]
        assert kinds(world) == [
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
        ]

    def test_with_the_bank_asking(self, world):
        body = {"payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True}
        setup = post(world, "/v1/setup_intents", {**body, "return_url": RETURN})
        assert setup["status"] == "requires_action"
        target = challenge(world, setup)
        assert f"setup_intent={setup['id']}" in target
        assert "redirect_status=succeeded" in target
        assert get(world, f"/v1/setup_intents/{setup['id']}")["status"] == "succeeded"
        # Now the card is known, and the payer may be away.
        body = {**INTENT, "payment_method": setup["payment_method"], "off_session": True}
        assert create(world, body)["status"] == "succeeded"

    def test_not_approved(self, world):
        made = post(world, "/v1/setup_intents", {"payment_method": "pm_card_threeDSecure2Required"})
        setup = post(world, f"/v1/setup_intents/{made['id']}/confirm", {"return_url": RETURN})
        assert "redirect_status=failed" in challenge(world, setup, "refuse")
        failed = get(world, f"/v1/setup_intents/{made['id']}")
        assert failed["status"] == "requires_payment_method"
        assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"
        assert kinds(world)[-1] == "setup_intent.setup_failed"

    def test_declined(self, world):
        body = {"payment_method": "pm_card_chargeDeclined", "confirm": True, "return_url": RETURN}
        error = refused(world, "/v1/setup_intents", body, status=402)
        assert error["setup_intent"]["status"] == "requires_payment_method"
        body["payment_method"] = "pm_card_chargeCustomerFail"
        assert post(world, "/v1/setup_intents", body)["status"] == "succeeded"

    def test_abandoned_declined_and_by_the_script(self, world):
        body = {
            "payment_method": tokenize(world, "4000008400001629"),
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        setup = post(world, "/v1/setup_intents", body)
        assert setup["next_action"]["type"] == "use_stripe_sdk"
        query = f"key={setup['client_secret']}&origin=http://127.0.0.1:8000"
        page = world.client.get(f"/stripe/3ds?{query}").headers["location"].partition("?")[0]
        form = {"origin": "http://127.0.0.1:8000"}
        for outcome in ("abandon", "approve"):
            shown = world.client.post(page, data={**form, "outcome": outcome})
            assert shown.status_code == 200
        failed = get(world, f"/v1/setup_intents/{setup['id']}")
        assert failed["last_setup_error"]["decline_code"] == "generic_decline"

    def test_what_a_confirmation_needs(self, world):
        made = post(world, "/v1/setup_intents")
        path = f"/v1/setup_intents/{made['id']}/confirm"
        good = {"payment_method": "pm_card_visa", "return_url": RETURN}
        token = {**good, "confirmation_token": "ctoken_x"}
        assert refused(world, path, token)["param"] == "confirmation_token"
        assert "return_url" in refused(world, path, {"payment_method": "pm_card_visa"})["message"]
        assert refused(world, "/v1/setup_intents", {"return_url": RETURN})["param"] == "return_url"
        assert refused(world, "/v1/setup_intents", {"customer": "cus_x"})["param"] == "customer"
        assert post(world, path, good)["status"] == "succeeded"

    def test_given_up(self, world):
        setup = post(world, "/v1/setup_intents")
        path = f"/v1/setup_intents/{setup['id']}"
        assert refused(world, f"{path}/confirm", {"return_url": RETURN})["setup_intent"]
        assert post(world, f"{path}/cancel", {"cancellation_reason": "abandoned"})
        error = refused(world, f"{path}/cancel")
        assert error["code"] == "setup_intent_unexpected_state"


class TestRefunds:
    def test_in_parts(self, world):
        paid = create(world, INTENT)
        body = {"payment_intent": paid["id"], "amount": 50_000, "metadata": {"refund": "R1"}}
        refund = post(world, "/v1/refunds", {**body, "reason": "requested_by_customer"})
        assert (refund["status"], refund["amount"]) == ("succeeded", 50_000)
        assert refund["metadata"] == {"refund": "R1"}
        assert get(world, f"/v1/refunds/{refund['id']}") == refund
        charge = get(world, f"/v1/charges/{paid['latest_charge']}")
        assert (charge["amount_refunded"], charge["refunded"]) == (50_000, False)
        more = {"payment_intent": paid["id"], "amount": 100_001}
        assert refused(world, "/v1/refunds", more)["param"] == "amount"
        assert post(world, "/v1/refunds", {"charge": paid["latest_charge"]})["amount"] == 100_000
        assert get(world, f"/v1/charges/{paid['latest_charge']}")["refunded"] is True
        error = refused(world, "/v1/refunds", {"payment_intent": paid["id"]})
        assert error["code"] == "charge_already_refunded"
        assert kinds(world)[-4:] == ["charge.refunded", "refund.created"] * 2

    def test_one_that_takes_its_time(self, make_world):
        from datetime import timedelta

        world = make_world(stripe={"refund_processing": timedelta(days=5)})
        paid = create(world, INTENT)
        refund = post(world, "/v1/refunds", {"payment_intent": paid["id"]})
        assert refund["status"] == "pending"
        world.clock.forward(days=5)
        assert get(world, f"/v1/refunds/{refund['id']}")["status"] == "succeeded"
        assert kinds(world)[-2:] == ["charge.refund.updated", "refund.updated"]

    def test_one_that_fails_afterwards(self, world):
        paid = create(world, INTENT, payment_method="pm_card_refundFail")
        refund = post(world, "/v1/refunds", {"payment_intent": paid["id"]})
        assert refund["status"] == "succeeded"
        failed = get(world, f"/v1/refunds/{refund['id']}")
        assert (failed["status"], failed["failure_reason"]) == (
            "failed",
            "expired_or_canceled_card",
        )
        assert kinds(world)[-3:] == ["charge.refund.updated", "refund.updated", "refund.failed"]
        charge = get(world, f"/v1/charges/{paid['latest_charge']}")
        assert (charge["amount_refunded"], charge["refunded"]) == (0, False)

    def test_one_that_fails_on_demand(self, world):
        paid = create(world, INTENT)
        world.faults(fail_next_refund=1)
        refund = post(world, "/v1/refunds", {"payment_intent": paid["id"]})
        assert refund["status"] == "pending"
        assert get(world, f"/v1/refunds/{refund['id']}")["status"] == "failed"
        assert post(world, "/v1/refunds", {"payment_intent": paid["id"]})["status"] == "succeeded"

    def test_nothing_to_refund(self, world):
        held = create(world)
        assert refused(world, "/v1/refunds", {"payment_intent": held["id"]})
        assert (
            refused(world, "/v1/refunds", {"payment_intent": "pi_x"})["code"] == "resource_missing"
        )
        assert refused(world, "/v1/refunds", {"charge": "ch_x"})["code"] == "resource_missing"
        assert refused(world, "/v1/refunds")["code"] == "parameter_missing"
        assert refused(world, "/v1/refunds/re_x", method="GET", status=404)
        assert refused(world, "/v1/refunds/re_x/cancel", status=404)

    def test_a_refund_to_a_card_cannot_be_canceled(self, world):
        paid = create(world, INTENT)
        refund = post(world, "/v1/refunds", {"payment_intent": paid["id"]})
        assert refused(world, f"/v1/refunds/{refund['id']}/cancel")


class TestLists:
    def test_refunds_page_by_page(self, world):
        paid = create(world, INTENT)
        about = {"payment_intent": paid["id"]}
        made = [post(world, "/v1/refunds", {**about, "amount": 1000})["id"] for _ in range(3)]
        other = create(world, INTENT)
        post(world, "/v1/refunds", {"payment_intent": other["id"]})
        first = get(world, "/v1/refunds", {**about, "limit": 2})
        assert ([one["id"] for one in first["data"]], first["has_more"]) == (made[:0:-1], True)
        more = {**about, "limit": 2, "starting_after": made[1]}
        rest = get(world, "/v1/refunds", more)
        assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (made[:1], False)
        by_charge = get(world, "/v1/refunds", {"charge": paid["latest_charge"]})
        assert len(by_charge["data"]) == 3
        lost = {"starting_after": "re_x"}
        assert refused(world, "/v1/refunds", lost, method="GET")["code"] == "resource_missing"
        assert refused(world, "/v1/refunds", {"limit": 101}, method="GET")["param"] == "limit"
        assert refused(world, "/v1/refunds", {"expand": ["data.charge"]}, method="GET")

    def test_refunds_of_a_charge(self, world):
        paid = create(world, INTENT)
        refund = post(world, "/v1/refunds", {"payment_intent": paid["id"], "amount": 1000})
        wish = {"expand": ["latest_charge.refunds"]}
        charge = get(world, f"{INTENTS}/{paid['id']}", wish)["latest_charge"]
        assert charge["refunds"]["data"] == [refund]
        wish = {"expand": ["latest_charge.refunds.charge"]}
        assert refused(world, f"{INTENTS}/{paid['id']}", wish, method="GET")
        bad = {**INTENT, "payment_method": "pm_card_chargeDeclined"}
        failed = refused(world, INTENTS, bad, status=402)["charge"]
        assert get(world, f"/v1/charges/{failed}", {"expand": ["refunds"]})["refunds"]["data"] == []


class TestReleases:
    def test_the_rest_of_a_hold_may_show_as_a_refund(self, make_world):
        world = make_world(stripe={"releases_as_refunds": True})
        held = create(world)
        taken = post(world, path(held, "/capture"), {"amount_to_capture": 100_000})
        charge = get(world, f"/v1/charges/{taken['latest_charge']}", {"expand": ["refunds"]})
        assert (charge["amount_captured"], charge["amount_refunded"]) == (100_000, 50_000)
        [release] = charge["refunds"]["data"]
        assert get(world, f"/v1/refunds/{release['id']}") == release
        # It takes nothing from what can be given back.
        refund = post(world, "/v1/refunds", {"payment_intent": held["id"]})
        assert refund["amount"] == 100_000
        assert kinds(world)[3:7] == [
            "charge.captured",
            "payment_intent.succeeded",
            "charge.refunded",
            "refund.created",
        ]


class TestDisputes:
    @pytest.mark.parametrize(
        ("decision", "status", "said"),
        [
            ("win", "won", ["charge.dispute.funds_reinstated", "charge.dispute.closed"]),
            ("lose", "lost", ["charge.dispute.closed"]),
        ],
    )
    def test_opened_and_decided(self, world, decision, status, said):
        paid = create(world, INTENT)
        [dispute] = act(world, paid["id"], "dispute").json()["disputes"]
        shown = get(world, f"/v1/disputes/{dispute['id']}")
        assert (shown["status"], shown["amount"]) == ("needs_response", 150_000)
        assert get(world, f"/v1/charges/{paid['latest_charge']}")["disputed"] is True
        error = refused(world, "/v1/refunds", {"payment_intent": paid["id"]})
        assert error["code"] == "charge_disputed"
        assert act(world, dispute["id"], decision).status_code == 200
        assert get(world, f"/v1/disputes/{dispute['id']}")["status"] == status
        assert kinds(world)[3:5] == [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
        ]
        assert kinds(world)[5:] == said
        if decision == "win":
            assert post(world, "/v1/refunds", {"payment_intent": paid["id"]})

    def test_the_card_that_is_disputed(self, world):
        create(world, INTENT, payment_method="pm_card_createDispute")
        assert kinds(world)[2:4] == ["payment_intent.succeeded", "charge.dispute.created"]

    def test_the_desk_has_a_page(self, world):
        paid = create(world, INTENT)
        page = world.client.get(f"/stripe/_sandbox/payments/{paid['id']}")
        assert "Dispute it as the payer" in page.text
        assert "Take it back afterwards" not in page.text
        refund = post(world, "/v1/refunds", {"payment_intent": paid["id"], "amount": 1000})
        assert act(world, refund["id"], "undo").json()["refunds"][0]["state"] == "undone"
        assert kinds(world)[-1] == "refund.failed"

    def test_a_hold_that_ends_at_the_press_of_a_button(self, world):
        held = create(world)
        assert act(world, held["id"], "expire").json()["released"] == "expired"
        assert read(world, held)["status"] == "canceled"


class TestEvents:
    def test_what_caused_it(self, world):
        response = send(world, "POST", INTENTS, HOLD, key="order-1")
        for event in events(world):
            assert event["request"]["idempotency_key"] == "order-1"
            assert event["request"]["id"] == response.headers["request-id"]
        held = response.json()
        act(world, held["id"], "expire")
        assert events(world)[-1]["request"] == {"id": None, "idempotency_key": None}

    def test_it_can_be_read_again(self, world):
        create(world)
        event = events(world)[0]
        assert get(world, f"/v1/events/{event['id']}") == event
        assert refused(world, "/v1/events/evt_x", method="GET", status=404)

    def test_each_try_is_signed_anew(self, world):
        from paykit.http import HttpResponse

        world.merchant.answers = [HttpResponse(500)]
        create(world, {"amount": 150_000, "currency": "vnd"})
        world.settle()
        first, second = world.merchant.received
        assert first.body == second.body
        world.clock.forward(minutes=10)
        assert world.client.post("/_sandbox/deliveries/1/resend").status_code == 200
        third = world.merchant.received[-1]
        assert check_signature(third) - check_signature(second) == 600

    def test_two_secrets_while_one_is_replaced(self, make_world):
        world = make_world(stripe={"webhook_secrets": ("whsec_new", "whsec_old")})
        create(world, {"amount": 150_000, "currency": "vnd"})
        world.settle()
        [request] = world.merchant.received
        for secret in ("whsec_new", "whsec_old"):
            check_signature(request, secret)

    def test_faults(self, world):
        world.faults(drop_next_ipn=1, duplicate_next_ipn=1)
        create(world, INTENT)
        world.settle()
        bodies = [one.body for one in world.merchant.received]
        assert len(bodies) == 3
        assert len(set(bodies)) == 2


def test_the_list_of_payments(world):
    create(world)
    create(world, INTENT)
    shown = [(one["reference"], one["status"]) for one in world.payments()]
    assert shown == [("pay_1", "succeeded"), ("pay_1", "requires_capture")] or shown == [
        ("pay_1", "requires_capture"),
        ("pay_1", "succeeded"),
    ]


class TestAmounts:
    @pytest.mark.parametrize(
        ("wire", "currency", "money"),
        [
            (150_000, "vnd", Money(150_000, "VND")),
            (1999, "usd", Money(1999, "USD")),
            (500, "ugx", Money(5, "UGX")),
            (500, "isk", Money(5, "ISK")),
            (5120, "kwd", Money(5120, "KWD")),
            (5, "mga", Money(500, "MGA")),
            (500, "twd", Money(500, "TWD")),
        ],
    )
    def test_there_and_back(self, wire, currency, money):
        assert amounts.read(wire, currency) == money
        assert amounts.value(money) == wire

    @pytest.mark.parametrize(("wire", "currency"), [(501, "ugx"), (101, "isk"), (5121, "kwd")])
    def test_what_does_not_fit(self, world, wire, currency):
        with pytest.raises(amounts.AmountError):
            amounts.read(wire, currency)
        body = {**INTENT, "amount": wire, "currency": currency}
        assert refused(world, INTENTS, body)["param"] == "amount"

    def test_parts_that_do_not_fit(self, world):
        held = create(world, HOLD, amount=5120, currency="kwd")
        part = {"amount_to_capture": 5115}
        assert refused(world, path(held, "/capture"), part)["param"] == "amount_to_capture"
        post(world, path(held, "/capture"))
        part = {"payment_intent": held["id"], "amount": 15}
        assert refused(world, "/v1/refunds", part)["param"] == "amount"

    @pytest.mark.parametrize(
        ("amount", "code"),
        [(12_999, "amount_too_small"), (0, "amount_too_small"), (10**8, "amount_too_large")],
    )
    def test_limits(self, world, amount, code):
        assert refused(world, INTENTS, {**INTENT, "amount": amount})["code"] == code


OPERATIONS = {
    "PaymentIntentCreateParams": params.CREATE_INTENT,
    "PaymentIntentRetrieveParams": params.READ_INTENT,
    "PaymentIntentConfirmParams": params.CONFIRM_INTENT,
    "PaymentIntentCaptureParams": params.CAPTURE_INTENT,
    "PaymentIntentCancelParams": params.CANCEL_INTENT,
    "PaymentIntentIncrementAuthorizationParams": params.INCREMENT_INTENT,
    "RefundCreateParams": params.CREATE_REFUND,
    "RefundRetrieveParams": params.READ,
    "RefundCancelParams": params.READ,
    "SetupIntentCreateParams": params.CREATE_SETUP,
    "SetupIntentConfirmParams": params.CONFIRM_SETUP,
    "SetupIntentCancelParams": params.CANCEL_SETUP,
    "PaymentMethodCreateParams": params.CREATE_METHOD,
    "PaymentMethodAttachParams": params.ATTACH_METHOD,
    "CustomerCreateParams": params.CREATE_CUSTOMER,
    "SessionCreateParams": params.CREATE_SESSION,
    "SessionExpireParams": params.READ,
}
#: Other ways to pay than a card.
WAYS = {"interac_present"} | set(
    stripe_contract.types()["$defs"]["PaymentMethodCreateParams"]["properties"]["type"]["anyOf"][0][
        "enum"
    ]
) - {"card"}


def compare(rule, schema, where, *, whole):
    """Every field of the sandbox is one of Stripe's; with ``whole``, and the other way round."""
    schema = stripe_contract.resolve(schema)
    branches = [stripe_contract.resolve(one) for one in schema.get("anyOf", [])]
    if isinstance(rule, Blank):
        assert {"enum": [""]} in branches, where
        rule = rule.of
    inner = next((one for one in branches if one.get("properties")), schema)
    if isinstance(rule, Many):
        array = next((one for one in [schema, *branches] if one.get("type") == "array"), None)
        assert array, where
        compare(rule.of, array["items"], f"{where}[]", whole=False)
    if not isinstance(rule, Record):
        return
    members = inner.get("properties", {})
    assert set(rule.members) <= set(members), where
    if whole:
        assert set(members) - set(rule.members) - WAYS == set(), where
        assert set(inner.get("required", [])) <= set(rule.required), where
    for name, one in rule.members.items():
        if not isinstance(one, Elsewhere):
            nested = name not in {"payment_method_options", "payment_method_data"}
            compare(one, members[name], f"{where}.{name}", whole=whole and nested)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_fields_are_stripes(name):
    compare(OPERATIONS[name], {"$ref": f"#/$defs/{name}"}, name, whole=True)


def test_every_described_operation_is_there():
    described = {names[0] for names in stripe_contract.operations().values()}
    assert described == set(OPERATIONS)
