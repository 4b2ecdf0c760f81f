"""Adyen's payments: what a merchant asks, and what the answers and the notices say."""

from __future__ import annotations

import pytest

from . import adyen_client as adyen
from .adyen_client import MANUAL, NATIVE, call, codes, details, error, items, pay, payment


def test_an_authorised_payment(world):
    answer = pay(world)
    assert answer["resultCode"] == "Authorised"
    assert (answer["amount"], answer["merchantReference"]) == (adyen.eur(1000), "ORDER-1")
    assert answer["paymentMethod"] == {"brand": "visa", "type": "scheme"}
    [item] = items(world)
    assert item["eventCode"] == "AUTHORISATION"
    assert item["success"] == "true"
    assert item["pspReference"] == answer["pspReference"]
    assert "originalReference" not in item
    assert item["operations"] == ["CANCEL", "CAPTURE", "REFUND"]
    assert item["eventDate"] == "2025-01-02T04:04:05+01:00"
    [shown] = world.payments()
    assert (shown["status"], shown["amount"], shown["currency"]) == ("Captured", 1000, "EUR")


def test_a_card_from_the_card_field(world):
    method = adyen.typed(world, name="Mai Lan")
    assert adyen.GOOD not in str(method)
    assert method["holderName"] == "Mai Lan"
    assert pay(world, paymentMethod=method)["resultCode"] == "Authorised"


def test_an_encrypted_card_lives_a_day_and_is_all_of_one(world):
    method, other = adyen.typed(world), adyen.typed(world)
    mixed = {**method, "encryptedExpiryMonth": other["encryptedExpiryMonth"]}
    assert error(world, "/payments", payment(paymentMethod=mixed)) == "174"
    world.clock.forward(days=1)
    assert error(world, "/payments", payment(paymentMethod=method)) == "174"


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [
        ("01", "2", "Refused"),
        ("02", "12", "Not enough balance"),
        ("03", "28", "Withdrawal amount exceeded"),
        ("04", "6", "Expired Card"),
        ("05", "24", "CVC Declined"),
        ("06", "5", "Blocked Card"),
        ("07", "5", "Blocked Card"),
        ("08", "20", "FRAUD"),
        ("09", "23", "Transaction Not Permitted"),
        ("11", "9", "Issuer Unavailable"),
    ],
)
def test_a_decline_is_no_error(world, number, code, reason):
    answer = pay(world, adyen.common(number))
    assert answer["resultCode"] == "Refused"
    assert (answer["refusalReasonCode"], answer["refusalReason"]) == (code, reason)
    [item] = items(world)
    assert (item["success"], item["reason"]) == ("false", reason)
    assert "operations" not in item


def test_the_acquirers_error_is_a_result_of_its_own(world):
    answer = pay(world, adyen.common("10"))
    assert (answer["resultCode"], answer["refusalReasonCode"]) == ("Error", "4")


def test_declines_on_request(world):
    assert pay(world, holder="NOT_ENOUGH_BALANCE")["refusalReasonCode"] == "12"
    wished = {"additionalData": {"RequestedTestAcquirerResponseCode": "38"}}
    assert pay(world, **wished)["refusalReasonCode"] == "38"


def test_two_payments_under_one_reference_are_two(world):
    first, second = pay(world, adyen.common("01")), pay(world)
    assert first["pspReference"] != second["pspReference"]
    assert codes(world) == ["AUTHORISATION false", "AUTHORISATION true"]


def test_metadata_comes_back_in_the_notice(world):
    pay(world, metadata={"payment_id": "pay_1"})
    assert items(world)[0]["additionalData"]["metadata"] == {"payment_id": "pay_1"}


# When the money is taken.


@pytest.mark.parametrize(
    ("setting", "asked", "taken"),
    [
        ("automatic", {}, True),
        ("automatic", MANUAL, False),
        ("manual", {}, False),
        ("manual", {"captureDelayHours": 0}, True),
        ("manual", {"additionalData": {"manualCapture": "false"}}, True),
        ("automatic", {"captureDelayHours": 2}, False),
        ("delayed", {}, False),
    ],
)
def test_when_the_money_is_taken(make_world, setting, asked, taken):
    world = make_world(adyen={"capture": setting})
    pay(world, **asked)
    assert world.payments()[0]["status"] == ("Captured" if taken else "Authorised")
    assert codes(world) == ["AUTHORISATION true"]


def test_a_capture_by_adyen_is_told_where_the_account_wants_it(make_world):
    world = make_world(adyen={"automatic_capture_notices": True, "batch": 5})
    psp = pay(world)["pspReference"]
    [batch] = adyen.batches(world)
    authorisation, capture = adyen.unwrapped(batch)
    assert (authorisation["eventCode"], capture["eventCode"]) == ("AUTHORISATION", "CAPTURE")
    assert capture["originalReference"] == psp


def test_a_delayed_capture_comes_in_its_time(make_world):
    world = make_world(adyen={"automatic_capture_notices": True})
    pay(world, captureDelayHours=2)
    world.clock.forward(hours=1, minutes=59)
    assert world.payments()[0]["status"] == "Authorised"
    world.clock.forward(minutes=1)
    assert world.payments()[0]["status"] == "Captured"
    assert codes(world) == ["AUTHORISATION true", "CAPTURE true"]


@pytest.mark.parametrize("hours", [-1, 673])
def test_a_delay_has_its_limits(world, hours):
    assert error(world, "/payments", payment(captureDelayHours=hours)) == "133"


def test_what_nobody_captures_expires(world):
    psp = adyen.held(world)
    world.clock.forward(days=28)
    assert world.payments()[0]["status"] == "Expired"
    expiry = items(world)[-1]
    assert (expiry["eventCode"], expiry["amount"]) == ("EXPIRE", adyen.eur(1000))
    assert expiry["pspReference"] == psp
    adyen.modify(world, psp, "captures", value=1000)
    assert codes(world)[-1] == "CAPTURE false"


def test_a_payment_of_nothing_checks_a_card_and_takes_nothing(world):
    answer = pay(world, amount=adyen.eur(0))
    assert answer["resultCode"] == "Authorised"
    assert items(world)[0]["amount"] == adyen.eur(0)
    world.clock.forward(days=29)
    assert world.payments()[0]["status"] == "Authorised"
    assert codes(world) == ["AUTHORISATION true"]


# 3-D Secure.


def test_3d_secure_by_a_redirect(world):
    asked = pay(world, adyen.CHALLENGED, **MANUAL)
    assert asked["resultCode"] == "RedirectShopper"
    action = asked["action"]
    assert (action["type"], action["method"]) == ("redirect", "GET")
    assert items(world) == []
    assert "10.00" in world.client.get(action["url"].removeprefix(adyen.ROOT)).text
    target = adyen.answer_challenge(world, action["url"])
    assert target.startswith("https://shop.example/return?cart=7&redirectResult=")
    assert target.endswith("#end")
    result = adyen.query(target)["redirectResult"]
    assert items(world) == []
    done = details(world, redirectResult=result)
    assert (done["resultCode"], done["merchantReference"]) == ("Authorised", "ORDER-1")
    assert done["pspReference"] == asked["pspReference"]
    assert [one["pspReference"] for one in items(world)] == [done["pspReference"]]
    assert call_code(world, redirectResult=result) == "704"


def call_code(world, **given):
    return details(world, status=422, **given)["errorCode"]


def test_3d_secure_that_is_refused(world):
    asked = pay(world, adyen.CHALLENGED)
    result = adyen.query(adyen.answer_challenge(world, asked["action"]["url"], "refuse"))
    done = details(world, redirectResult=result["redirectResult"])
    assert (done["resultCode"], done["refusalReasonCode"]) == ("Refused", "11")
    assert codes(world) == ["AUTHORISATION false"]


def test_3d_secure_passed_and_then_declined(world):
    asked = pay(world, adyen.common("15"))
    result = adyen.query(adyen.answer_challenge(world, asked["action"]["url"]))
    done = details(world, redirectResult=result["redirectResult"])
    assert done["refusalReasonCode"] == "12"


def test_3d_secure_inside_the_shops_page(world):
    asked = pay(world, adyen.CHALLENGED, **NATIVE)
    assert asked["resultCode"] == "IdentifyShopper"
    assert "pspReference" not in asked
    assert (asked["action"]["type"], asked["action"]["subtype"]) == ("threeDS2", "fingerprint")
    result = adyen.answer_in_page(world, asked["action"])
    assert call_code(world, redirectResult=result["threeDSResult"]) == "14_018"
    done = details(world, **result)
    assert (done["resultCode"], done["merchantReference"]) == ("Authorised", "ORDER-1")
    assert [one["pspReference"] for one in items(world)] == [done["pspReference"]]


def test_the_shops_page_is_asked_only_where_it_can_answer(world):
    for missing in ("channel", "origin", "browserInfo", "authenticationData"):
        asked = pay(world, adyen.CHALLENGED, **{**NATIVE, missing: None})
        assert asked["resultCode"] == "RedirectShopper"


def test_3d_secure_as_the_merchant_wishes(world):
    asked = pay(world, authenticationData={"attemptAuthentication": "always"})
    assert asked["resultCode"] == "RedirectShopper"
    never = {"authenticationData": {"attemptAuthentication": "never"}}
    assert pay(world, **never)["resultCode"] == "Authorised"
    assert pay(world, adyen.CHALLENGED, **never)["refusalReasonCode"] == "38"


def test_a_shopper_who_leaves_closes_the_offer(world):
    asked = pay(world, adyen.CHALLENGED)
    page = asked["action"]["url"].removeprefix(adyen.ROOT)
    assert world.client.post(page, data={"outcome": "abandon"}).status_code == 200
    world.clock.forward(hours=12)
    assert world.payments()[0]["status"] == "offer closed"
    [item] = items(world)
    assert (item["eventCode"], item["pspReference"]) == ("OFFER_CLOSED", asked["pspReference"])
    late = adyen.query(adyen.answer_challenge(world, asked["action"]["url"]))
    assert call_code(world, redirectResult=late["redirectResult"]) == "14_018"


def test_another_reference_after_the_action(make_world):
    world = make_world(adyen={"new_reference_after_action": True})
    asked = pay(world, adyen.CHALLENGED, **MANUAL)
    result = adyen.query(adyen.answer_challenge(world, asked["action"]["url"]))
    done = details(world, redirectResult=result["redirectResult"])
    assert done["pspReference"] != asked["pspReference"]
    assert items(world)[0]["pspReference"] == done["pspReference"]
    adyen.modify(world, done["pspReference"], "captures", value=1000)


@pytest.mark.parametrize(
    "given", [{}, {"redirectResult": "x"}, {"threeDSResult": ""}, {"payload": "x"}]
)
def test_details_that_mean_nothing(world, given):
    assert call_code(world, **given) == "14_018"


# Stored cards.

STORE = {
    "storePaymentMethod": True,
    "shopperReference": "payer-1",
    "recurringProcessingModel": "CardOnFile",
}


def charge(stored_id, *, off_session=False, shopper="payer-1", **changes):
    return {
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": stored_id},
        "shopperReference": shopper,
        "shopperInteraction": "ContAuth" if off_session else "Ecommerce",
        "recurringProcessingModel": "UnscheduledCardOnFile" if off_session else "CardOnFile",
        **changes,
    }


def store(world, number=adyen.GOOD, **changes) -> str:
    answer = pay(world, number, **STORE, **changes)
    if "action" in answer:
        result = adyen.query(adyen.answer_challenge(world, answer["action"]["url"]))
        answer = details(world, redirectResult=result["redirectResult"])
    return answer["additionalData"]["tokenization.storedPaymentMethodId"]


def listed(world, shopper="payer-1"):
    path = f"/storedPaymentMethods?shopperReference={shopper}&merchantAccount={adyen.ACCOUNT}"
    return call(world, "GET", path)["storedPaymentMethods"]


def test_a_card_is_stored_charged_and_deleted(world):
    stored_id = store(world, amount=adyen.eur(0))
    authorisation, contract = items(world)
    extra = authorisation["additionalData"]
    assert extra["tokenization.storedPaymentMethodId"] == stored_id
    assert extra["tokenization.store.operationType"] == "created"
    assert (contract["eventCode"], contract["pspReference"]) == ("RECURRING_CONTRACT", stored_id)
    assert contract["originalReference"] == authorisation["pspReference"]
    [card] = listed(world)
    assert (card["id"], card["lastFour"], card["brand"]) == (stored_id, "1111", "visa")
    for off_session in (False, True):
        answer = pay(world, **charge(stored_id, off_session=off_session))
        assert answer["resultCode"] == "Authorised"
    path = f"/storedPaymentMethods/{stored_id}?merchantAccount={adyen.ACCOUNT}&shopperReference="
    wrong = call(world, "DELETE", f"{path}payer-2", status=422)
    assert wrong["errorCode"] == "803"
    assert call(world, "DELETE", f"{path}payer-1", status=204) is None
    assert listed(world) == []
    assert error(world, "/payments", payment(**charge(stored_id))) == "803"


def test_the_same_card_is_stored_once(world):
    assert store(world) == store(world)
    assert len(listed(world)) == 1
    extra = items(world)[-1]["additionalData"]
    assert extra["tokenization.store.operationType"] == "alreadyExisting"


def test_an_account_need_not_tell_the_stored_id(make_world):
    world = make_world(adyen={"tells_stored_id": False})
    answer = pay(world, **STORE)
    assert not [name for name in answer["additionalData"] if name.startswith("tokenization")]
    assert items(world)[-1]["pspReference"] == listed(world)[0]["id"]


def test_a_stored_card_is_its_shoppers(world):
    stored_id = store(world)
    assert error(world, "/payments", payment(**charge(stored_id, shopper="payer-2"))) == "803"
    assert error(world, "/payments", payment(**charge(stored_id, shopper=None))) == "170"
    assert error(world, "/payments", payment(**{**STORE, "shopperReference": "p"})) == "170"


def test_a_card_that_needs_its_shopper(world):
    stored_id = store(world, adyen.CHALLENGED)
    answer = pay(world, **charge(stored_id, off_session=True))
    assert (answer["resultCode"], answer["refusalReasonCode"]) == ("Refused", "38")
    assert "action" in pay(world, **charge(stored_id))


def test_a_card_that_needs_its_shopper_once(world):
    stored_id = store(world, adyen.common("14"))
    assert pay(world, **charge(stored_id, off_session=True))["resultCode"] == "Authorised"


def test_a_card_that_is_stored_well_and_declines_later(world):
    stored_id = store(world, adyen.common("16"), amount=adyen.eur(0))
    assert pay(world, **charge(stored_id, off_session=True))["resultCode"] == "Refused"


def test_a_card_is_stored_without_a_payment(world):
    body = {
        "merchantAccount": adyen.ACCOUNT,
        "paymentMethod": adyen.card(),
        "recurringProcessingModel": "CardOnFile",
        "shopperReference": "payer-1",
    }
    stored = call(world, "POST", "/storedPaymentMethods", body, status=201)
    assert listed(world) == [stored]
    asked = {"merchantAccount": adyen.ACCOUNT, "shopperReference": "payer-1"}
    methods = call(world, "POST", "/paymentMethods", asked)
    assert methods["paymentMethods"][0]["type"] == "scheme"
    assert [one["id"] for one in methods["storedPaymentMethods"]] == [stored["id"]]


# Money.


@pytest.mark.parametrize(
    ("currency", "value", "minor"),
    [
        ("VND", 150_000, 150_000),
        ("EUR", 1000, 1000),
        ("KWD", 1000, 1000),
        ("CLP", 100_000, 1000),  # two decimals at Adyen, none in ISO 4217
        ("ISK", 100_000, 1000),
        ("IDR", 1000, 100_000),  # none at Adyen, two in ISO 4217
        ("CVE", 1000, 100_000),
    ],
)
def test_amounts_are_in_adyens_units(world, currency, value, minor):
    amount = {"currency": currency, "value": value}
    assert pay(world, amount=amount)["amount"] == amount
    assert items(world)[0]["amount"] == amount
    assert world.payments()[0]["amount"] == minor


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"currency": "EUR", "value": -1}, "137"),
        ({"currency": "CLP", "value": 1050}, "137"),
        ({"currency": "EUR", "value": 10**18}, "137"),
        ({"currency": "XXX", "value": 100}, "138"),
        ({"currency": "eur", "value": 100}, "138"),
        ({"currency": "EUR", "value": "100"}, "702"),
        ({"currency": "EUR", "value": True}, "702"),
        ({"currency": "EUR", "value": 1.5}, "702"),
        ({"currency": "EUR"}, "702"),
        ({"value": 100}, "702"),
        ({"currency": "EUR", "value": 100, "extra": 1}, "702"),
        ([], "702"),
        ("100", "702"),
    ],
)
def test_an_amount_that_is_none(world, amount, code):
    assert error(world, "/payments", payment(amount=amount)) == code
