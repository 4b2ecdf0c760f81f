"""What becomes of a payment at Adyen: received at first, then told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from . import adyen_client as adyen
from .adyen_client import act, call, captured, codes, eur, held, items, modify

NOT_FOUND = "XXXXXXXXXXXXXXXX"


def last(world) -> dict:
    return items(world)[-1]


def test_a_capture_is_received_and_then_told(world):
    psp = held(world)
    answer = modify(world, psp, "captures", value=1000, reference="CAPTURE-1")
    assert answer["status"] == "received"
    assert (answer["paymentPspReference"], answer["reference"]) == (psp, "CAPTURE-1")
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("CAPTURE", "true")
    assert item["pspReference"] == answer["pspReference"] != psp
    assert (item["originalReference"], item["amount"]) == (psp, eur(1000))
    assert item["merchantReference"] == "CAPTURE-1"
    assert world.payments()[0]["status"] == "Captured"


def test_a_capture_without_a_name_has_that_of_the_payment(world):
    modify(world, held(world), "captures", value=1000)
    assert last(world)["merchantReference"] == "ORDER-1"


def test_a_capture_of_too_much_is_received_and_refused_later(world):
    psp = held(world)
    assert modify(world, psp, "captures", value=1001)["status"] == "received"
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("CAPTURE", "false")
    assert item["reason"] == "Insufficient balance on payment"
    modify(world, psp, "captures", value=1000)
    assert codes(world)[-1] == "CAPTURE true"


def test_one_capture_ends_a_payment(world):
    psp = held(world)
    for value in (400, 600):
        modify(world, psp, "captures", value=value)
    assert codes(world)[1:] == ["CAPTURE true", "CAPTURE false"]
    modify(world, psp, "cancels")
    assert codes(world)[-1] == "CANCELLATION false"
    assert world.payments()[0]["status"] == "Captured in part"


def test_several_captures_where_the_account_has_them(make_world):
    world = make_world(adyen={"multiple_captures": True})
    psp = held(world)
    for value in (400, 600, 1):
        modify(world, psp, "captures", value=value)
    assert codes(world)[1:] == ["CAPTURE true", "CAPTURE true", "CAPTURE false"]


def test_the_rest_of_several_captures_is_released(make_world):
    world = make_world(adyen={"multiple_captures": True})
    psp = held(world)
    modify(world, psp, "captures", value=400)
    modify(world, psp, "cancels")
    modify(world, psp, "captures", value=600)
    assert codes(world)[1:] == ["CAPTURE true", "CANCELLATION true", "CAPTURE false"]


def test_the_rest_of_several_captures_expires(make_world):
    world = make_world(adyen={"multiple_captures": True})
    psp = held(world)
    modify(world, psp, "captures", value=400)
    world.clock.forward(days=28)
    world.payments()
    assert (last(world)["eventCode"], last(world)["amount"]) == ("EXPIRE", eur(600))


def test_processing_takes_its_time(make_world):
    world = make_world(adyen={"processing": timedelta(days=1)})
    psp = held(world)
    modify(world, psp, "captures", value=1001)
    modify(world, psp, "captures", value=1000)
    assert codes(world) == ["AUTHORISATION true"]
    world.clock.forward(days=1)
    world.payments()
    assert codes(world)[1:] == ["CAPTURE false", "CAPTURE true"]


def test_a_cancel(world):
    psp = held(world)
    answer = modify(world, psp, "cancels", reference="CANCEL-1")
    assert (answer["status"], answer["paymentPspReference"]) == ("received", psp)
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("CANCELLATION", "true")
    assert (item["originalReference"], item["pspReference"]) == (psp, answer["pspReference"])
    modify(world, psp, "cancels")
    assert codes(world)[-1] == "CANCELLATION false"
    modify(world, psp, "captures", value=1000)
    assert codes(world)[-1] == "CAPTURE false"
    assert world.payments()[0]["status"] == "Cancelled"


def test_a_captured_payment_cannot_be_cancelled(world):
    modify(world, captured(world), "cancels")
    assert codes(world)[-1] == "CANCELLATION false"


def test_a_payment_of_nothing_can_be_cancelled(world):
    psp = adyen.pay(world, amount=eur(0))["pspReference"]
    modify(world, psp, "cancels")
    assert codes(world)[-1] == "CANCELLATION true"


def by_reference(world, reference):
    body = {"merchantAccount": adyen.ACCOUNT, "paymentReference": reference}
    return call(world, "POST", "/cancels", body, status=201)


def test_a_cancel_by_the_merchants_reference(world):
    adyen.pay(world, adyen.common("01"))
    psp = held(world)
    answer = by_reference(world, "ORDER-1")
    assert (answer["paymentReference"], answer["status"]) == ("ORDER-1", "received")
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("TECHNICAL_CANCEL", "true")
    assert item["originalReference"] == psp


def test_a_cancel_by_a_reference_that_nobody_knows(world):
    by_reference(world, "ORDER-9")
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("TECHNICAL_CANCEL", "false")
    assert "originalReference" not in item


def test_refunds_up_to_what_was_captured(world):
    psp = captured(world)
    answer = modify(
        world, psp, "refunds", value=300, reference="REFUND-1", merchantRefundReason="RETURN"
    )
    assert (answer["status"], answer["merchantRefundReason"]) == ("received", "RETURN")
    assert world.payments()[0]["status"] == "Refunded in part"
    item = last(world)
    assert (item["eventCode"], item["success"], item["amount"]) == ("REFUND", "true", eur(300))
    assert (item["originalReference"], item["pspReference"]) == (psp, answer["pspReference"])
    modify(world, psp, "refunds", value=701)
    assert (last(world)["success"], last(world)["reason"]) == (
        "false",
        "Insufficient balance on payment",
    )
    modify(world, psp, "refunds", value=700)
    assert codes(world)[-1] == "REFUND true"
    [payment] = world.payments()
    assert (payment["refunded"], payment["status"]) == (1000, "Refunded")


def test_what_was_not_captured_is_not_refunded(world):
    psp = held(world)
    modify(world, psp, "refunds", value=1000)
    assert last(world)["reason"] == "Transaction hasn't been captured, refund not possible"


def test_a_refund_of_one_capture(make_world):
    world = make_world(adyen={"multiple_captures": True})
    psp = held(world)
    first = modify(world, psp, "captures", value=400)["pspReference"]
    answer = modify(world, psp, "refunds", value=400, capturePspReference=first)
    assert answer["capturePspReference"] == first
    modify(world, psp, "refunds", value=1, capturePspReference=NOT_FOUND)
    assert codes(world)[-2:] == ["REFUND true", "REFUND false"]


def test_a_refund_that_fails_on_demand(world):
    psp = captured(world)
    world.faults(fail_next_refund=1)
    modify(world, psp, "refunds", value=1000)
    modify(world, psp, "refunds", value=1000)
    assert codes(world)[-2:] == ["REFUND false", "REFUND true"]


def test_a_capture_that_fails_on_demand(world):
    psp = held(world)
    world.faults(fail_next_capture=1)
    modify(world, psp, "captures", value=1000)
    modify(world, psp, "captures", value=1000)
    assert codes(world)[-2:] == ["CAPTURE false", "CAPTURE true"]


def test_a_reversal_cancels_or_refunds(world):
    for psp, action in ((held(world), "cancel"), (captured(world), "refund")):
        answer = modify(world, psp, "reversals")
        item = last(world)
        assert (item["eventCode"], item["success"]) == ("CANCEL_OR_REFUND", "true")
        assert item["additionalData"]["modification.action"] == action
        assert item["pspReference"] == answer["pspReference"]
    modify(world, psp, "reversals")
    assert codes(world)[-1] == "CANCEL_OR_REFUND false"


def test_another_amount_is_held(world):
    psp = held(world)
    answer = modify(
        world, psp, "amountUpdates", value=1500, reference="UP-1", industryUsage="delayedCharge"
    )
    assert (answer["status"], answer["industryUsage"]) == ("received", "delayedCharge")
    item = last(world)
    assert (item["eventCode"], item["amount"]) == ("AUTHORISATION_ADJUSTMENT", eur(1500))
    modify(world, psp, "captures", value=1500)
    modify(world, psp, "amountUpdates", value=2000, reference="UP-2")
    assert codes(world)[-2:] == ["CAPTURE true", "AUTHORISATION_ADJUSTMENT false"]


@pytest.mark.parametrize("what", ["captures", "refunds", "amountUpdates"])
def test_another_currency_is_refused_later(world, what):
    psp = captured(world) if what == "refunds" else held(world)
    amount = {"currency": "USD", "value": 1000}
    modify(world, psp, what, amount=amount, reference="X")
    assert codes(world)[-1].endswith(" false")


@pytest.mark.parametrize("what", ["captures", "cancels", "refunds", "reversals", "amountUpdates"])
def test_a_payment_that_is_none(world, what):
    refused = adyen.pay(world, adyen.common("01"))["pspReference"]
    amount = {} if what in {"cancels", "reversals"} else {"value": 1000}
    for psp in (NOT_FOUND, refused):
        assert modify(world, psp, what, status=422, **amount)["errorCode"] == "167"


@pytest.mark.parametrize("what", ["captures", "refunds", "amountUpdates"])
def test_there_is_no_short_word_for_all(world, what):
    body = {"merchantAccount": adyen.ACCOUNT}
    psp = captured(world) if what == "refunds" else held(world)
    assert adyen.error(world, f"/payments/{psp}/{what}", body) == "100"


# What schemes, banks and shoppers do later.


def test_a_capture_is_taken_back_days_later(world):
    psp = held(world)
    capture = modify(world, psp, "captures", value=1000)["pspReference"]
    act(world, capture, "undo")
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("CAPTURE_FAILED", "true")
    assert (item["pspReference"], item["originalReference"]) == (capture, psp)


def test_a_refund_comes_back_days_later(world):
    psp = captured(world)
    refund = modify(world, psp, "refunds", value=1000)["pspReference"]
    act(world, refund, "undo")
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("REFUND_FAILED", "true")
    assert (item["pspReference"], item["originalReference"]) == (refund, psp)
    assert world.payments()[0]["refunded"] == 0


def test_cards_that_bring_trouble_later(world):
    for number in ("20", "21", "22"):
        psp = captured(world, number=adyen.common(number))
    modify(world, psp, "refunds", value=1000)
    assert codes(world) == [
        "AUTHORISATION true",
        "CAPTURE true",
        "NOTIFICATION_OF_CHARGEBACK true",
        "CHARGEBACK true",
        "AUTHORISATION true",
        "CAPTURE true",
        "CAPTURE_FAILED true",
        "AUTHORISATION true",
        "CAPTURE true",
        "REFUND true",
        "REFUND_FAILED true",
    ]


@pytest.mark.parametrize(
    ("action", "code"), [("win", "CHARGEBACK_REVERSED"), ("lose", "SECOND_CHARGEBACK")]
)
def test_a_chargeback_and_its_end(world, action, code):
    psp = captured(world, 600)
    [dispute] = act(world, psp, "dispute")["disputes"]
    assert codes(world)[-2:] == ["NOTIFICATION_OF_CHARGEBACK true", "CHARGEBACK true"]
    assert (last(world)["originalReference"], last(world)["amount"]) == (psp, eur(600))
    assert world.payments()[0]["status"] == "Chargeback"
    world.client.post(f"/adyen/_sandbox/tell/PREARBITRATION_OPEN?psp={dispute['id']}")
    assert last(world)["eventCode"] == "PREARBITRATION_OPEN"
    act(world, dispute["id"], action)
    item = last(world)
    assert (item["eventCode"], item["pspReference"]) == (code, dispute["id"])


def test_a_hold_expires_at_once(world):
    psp = held(world)
    act(world, psp, "expire")
    assert last(world)["eventCode"] == "EXPIRE"
    act(world, psp, "expire", status=409)
    assert adyen.act(world, NOT_FOUND, "expire", status=404)


def test_the_page_behind_the_counter(world):
    psp = captured(world)
    page = world.client.get(f"/adyen/_sandbox/payments/{psp}")
    assert page.status_code == 200
    assert psp in page.text
    assert world.client.get(f"/adyen/_sandbox/payments/{NOT_FOUND}").status_code == 404


@pytest.mark.parametrize("event", ["REQUEST_FOR_INFORMATION", "PREARBITRATION_OPEN"])
def test_any_notice_about_a_payment(world, event):
    psp = captured(world)
    answer = world.client.post(f"/adyen/_sandbox/tell/{event}?psp={psp}").json()
    item = last(world)
    assert (item["eventCode"], item["originalReference"]) == (event, psp)
    assert item["pspReference"] == answer["pspReference"]


def test_a_refund_is_reversed_by_the_bank(world):
    psp = captured(world)
    refund = modify(world, psp, "refunds", value=1000)["pspReference"]
    world.client.post(f"/adyen/_sandbox/tell/REFUNDED_REVERSED?psp={refund}")
    item = last(world)
    assert (item["eventCode"], item["success"]) == ("REFUNDED_REVERSED", "true")
    assert (item["pspReference"], item["originalReference"]) == (refund, psp)
    assert world.payments()[0]["refunded"] == 0


def test_a_report_concerns_no_payment(world):
    assert world.client.post("/adyen/_sandbox/tell/REPORT_AVAILABLE").status_code == 200
    assert last(world)["merchantReference"] == ""
    for path in ("CHARGEBACK", "CHARGEBACK?psp=x", "x", "REPORT-AVAILABLE"):
        assert world.client.post(f"/adyen/_sandbox/tell/{path}").status_code == 404
