"""Adyen's own page: hosted sessions and payment links."""

from __future__ import annotations

import pytest

from . import adyen_client as adyen
from .adyen_client import call, codes, error, eur, items

STORE = {"storePaymentMethodMode": "enabled", "shopperReference": "payer-1"}


def session(world, *, status=201, **changes) -> dict:
    body = {
        "merchantAccount": adyen.ACCOUNT,
        "amount": eur(1000),
        "reference": "ORDER-1",
        "returnUrl": adyen.RETURN_URL,
        "mode": "hosted",
        **changes,
    }
    body = {name: value for name, value in body.items() if value is not None}
    return call(world, "POST", "/sessions", body, status=status)


def link(world, *, status=201, **changes) -> dict:
    body = {
        "merchantAccount": adyen.ACCOUNT,
        "amount": eur(1000),
        "reference": "ORDER-1",
        "description": "Trà sen",
        "returnUrl": adyen.RETURN_URL,
        **changes,
    }
    body = {name: value for name, value in body.items() if value is not None}
    return call(world, "POST", "/paymentLinks", body, status=status)


def fill(world, page: dict, number: str = adyen.GOOD, **form):
    """Fill in the page and send it off."""
    form = {"number": number, "expiry": "03/30", "cvc": "737", "name": "", **form}
    response = world.client.post(page["url"].removeprefix(adyen.ROOT), data=form)
    world.settle()
    return response


def result(world, fields: dict, *, status=200) -> dict:
    path = f"/sessions/{fields['sessionId']}?sessionResult={quoted(fields['sessionResult'])}"
    return call(world, "GET", path, status=status)


def quoted(text: str) -> str:
    return text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def test_a_session_is_paid(world):
    made = session(world)
    assert made["url"] == f"{adyen.BASE}/pay/{made['id']}"
    assert made["expiresAt"] == "2025-01-02T05:04:05+01:00"
    assert made["mode"] == "hosted"
    assert world.payments()[0]["page"] == made["url"]
    page = world.client.get(made["url"].removeprefix(adyen.ROOT))
    assert "10.00" in page.text
    target = fill(world, made).headers["location"]
    assert target.startswith("https://shop.example/return?cart=7&sessionId=CS")
    found = result(world, adyen.query(target))
    assert (found["status"], found["reference"]) == ("completed", "ORDER-1")
    [payment] = found["payments"]
    [item] = items(world)
    assert payment["pspReference"] == item["pspReference"]
    assert item["additionalData"]["checkoutSessionId"] == made["id"]
    assert fill(world, made).headers["location"] == target
    assert len(world.payments()) == 1


def test_a_refused_attempt_leaves_the_page_open(world):
    made = session(world, additionalData={"manualCapture": "true"})
    refused = fill(world, made, adyen.common("02"))
    assert refused.status_code == 402
    fill(world, made)
    assert codes(world) == ["AUTHORISATION false", "AUTHORISATION true"]
    first, second = items(world)
    assert first["merchantReference"] == second["merchantReference"]
    assert first["pspReference"] != second["pspReference"]
    adyen.modify(world, second["pspReference"], "captures", value=1000)


@pytest.mark.parametrize(("outcome", "status"), [("approve", "completed"), ("refuse", "refused")])
def test_a_session_with_3d_secure(world, outcome, status):
    made = session(world)
    question = fill(world, made, adyen.CHALLENGED).headers["location"]
    assert codes(world) == []
    target = adyen.answer_challenge(world, question, outcome)
    assert target.startswith(made["url"] if outcome == "refuse" else "https://shop.example/")
    found = session_result(world, made)
    assert found["status"] == status
    assert codes(world) == [f"AUTHORISATION {'true' if outcome == 'approve' else 'false'}"]


def session_result(world, made: dict) -> dict:
    secret = made["sessionData"].partition("!")[2]
    return result(world, {"sessionId": made["id"], "sessionResult": secret})


def test_a_payer_may_go_away_from_3d_secure(world):
    made = session(world)
    question = fill(world, made, adyen.CHALLENGED).headers["location"]
    assert adyen.answer_challenge(world, question, "abandon") == made["url"]
    assert session_result(world, made)["status"] == "active"
    fill(world, made)
    assert session_result(world, made)["status"] == "completed"


def test_two_questions_of_one_page_pay_once(world):
    made = session(world)
    first, second = (fill(world, made, adyen.CHALLENGED).headers["location"] for _ in range(2))
    assert adyen.answer_challenge(world, first) == adyen.answer_challenge(world, second)
    assert codes(world) == ["AUTHORISATION true"]
    assert len(session_result(world, made)["payments"]) == 1


def test_a_question_that_is_answered_too_late(world):
    made = session(world)
    question = fill(world, made, adyen.CHALLENGED).headers["location"]
    world.clock.forward(hours=1)
    assert adyen.answer_challenge(world, question).startswith("https://shop.example/")
    world.clock.forward(hours=11)
    late = fill(world, session(world), adyen.CHALLENGED).headers["location"]
    world.clock.forward(hours=12)
    adyen.answer_challenge(world, late)
    assert codes(world) == ["OFFER_CLOSED true"]


def test_a_session_is_left(world):
    made = session(world)
    target = fill(world, made, outcome="leave").headers["location"]
    assert result(world, adyen.query(target))["status"] == "canceled"
    assert items(world) == []
    assert world.payments()[0]["status"] == "session over"


def test_a_session_ends(world):
    made = session(world, expiresAt="2025-01-02T03:14:05Z")
    assert session_result(world, made)["status"] == "active"
    world.clock.forward(minutes=10)
    assert session_result(world, made)["status"] == "expired"
    # Too late to pay: the browser goes back, and nothing is taken.
    assert fill(world, made).headers["location"].startswith("https://shop.example/")
    assert items(world) == []


@pytest.mark.parametrize(
    "until", ["2025-01-02T03:04:05Z", "2025-01-04T00:00:00Z", "tomorrow", "2025-01-02T05:00:00"]
)
def test_a_session_cannot_end_then(world, until):
    assert session(world, expiresAt=until, status=422)["errorCode"] == "702"


def test_a_session_stores_a_card(world):
    fill(world, session(world, **STORE))
    path = f"/storedPaymentMethods?shopperReference=payer-1&merchantAccount={adyen.ACCOUNT}"
    [stored] = call(world, "GET", path)["storedPaymentMethods"]
    assert codes(world) == ["AUTHORISATION true", "RECURRING_CONTRACT true"]
    assert items(world)[1]["pspReference"] == stored["id"]


def test_a_session_for_a_component_has_no_page(world):
    made = session(world, mode=None)
    assert (made["mode"], "url" in made) == ("embedded", False)
    assert world.client.get(f"/adyen/pay/{made['id']}").status_code == 404
    assert world.payments()[0]["page"] is None


def test_what_became_of_a_session_is_told_to_those_who_know_it(world):
    made = session(world)
    for query in ("", "?sessionResult=", "?sessionResult=x"):
        answer = call(world, "GET", f"/sessions/{made['id']}{query}", status=422)
        assert answer["errorCode"] == "14_002"
    call(world, "GET", "/sessions/CS0?sessionResult=x", status=404)


def test_a_session_has_to_make_sense(world):
    body = {
        "merchantAccount": adyen.ACCOUNT,
        "amount": eur(1000),
        "reference": "ORDER-1",
        "returnUrl": adyen.RETURN_URL,
    }
    for changes, code in (
        ({"amount": None}, "100"),
        ({"reference": ""}, "130"),
        ({"returnUrl": None}, "14_030"),
        ({"returnUrl": "javascript:alert(1)"}, "14_029"),
        ({"storePaymentMethodMode": "enabled"}, "170"),
        ({"mode": "framed"}, "702"),
        ({"paymentMethod": {}}, "702"),
        ({"captureDelayHours": 700}, "133"),
    ):
        assert error(world, "/sessions", {**body, **changes}) == code, changes


def test_a_payment_link(world):
    made = link(world)
    assert (made["status"], made["expiresAt"]) == ("active", "2025-01-03T04:04:05+01:00")
    assert made["id"].startswith("PL")
    assert "Trà sen" in world.client.get(made["url"].removeprefix(adyen.ROOT)).text
    assert fill(world, made).headers["location"] == adyen.RETURN_URL
    assert items(world)[0]["additionalData"]["paymentLinkId"] == made["id"]
    assert call(world, "GET", f"/paymentLinks/{made['id']}")["status"] == "completed"


def test_a_link_without_a_way_back(world):
    made = link(world, returnUrl=None)
    page = fill(world, made)
    assert page.status_code == 200
    assert "complete" in page.text


def test_a_link_that_the_payer_leaves_stays_open(world):
    made = link(world, returnUrl=None)
    assert fill(world, made, outcome="leave").status_code == 200
    assert call(world, "GET", f"/paymentLinks/{made['id']}")["status"] == "active"


def test_a_link_is_ended(world):
    made = link(world)
    path = f"/paymentLinks/{made['id']}"
    assert call(world, "PATCH", path, {"status": "completed"}, status=422)
    assert call(world, "PATCH", path, {"status": "expired"})["status"] == "expired"
    assert call(world, "PATCH", path, {"status": "expired"}, status=422)
    assert fill(world, made).headers["location"] == adyen.RETURN_URL
    assert items(world) == []
    for other in ("PL0", session(world)["id"]):
        call(world, "GET", f"/paymentLinks/{other}", status=404)
        call(world, "PATCH", f"/paymentLinks/{other}", {"status": "expired"}, status=404)
