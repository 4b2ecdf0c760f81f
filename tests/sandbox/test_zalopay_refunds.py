"""ZaloPay's refunds: accepted first, done later, never more than was paid."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import zalopay_client as zalo

REFUSED = "Giao dịch thất bại"
DONE = {
    "return_code": 1,
    "return_message": "Giao dịch thành công",
    "sub_return_code": 1,
    "sub_return_message": "Giao dịch thành công",
}
PROCESSING = {
    "return_code": 3,
    "return_message": "Giao dịch đang xử lý",
    "sub_return_code": 2,
    "sub_return_message": "REFUND_PROCESSING",
}


def test_a_refund_is_accepted_and_then_done(world):
    answer = zalo.refund(world, zalo.paid(world), 50_000)
    assert answer == {**DONE, "refund_id": 250102000000003}
    assert zalo.query_refund(world) == DONE
    assert world.payments()[0]["refunded"] == 50_000
    # Nobody is told, and the order itself stays as it was.
    assert len(world.deliveries()) == 1
    assert zalo.query(world)["return_code"] == 1


def test_a_refund_takes_its_time(make_world):
    world = make_world(zalopay={"refund_processing": timedelta(minutes=5)})
    answer = zalo.refund(world, zalo.paid(world), 20_000)
    assert answer == {**PROCESSING, "refund_id": 250102000000003}
    assert zalo.query_refund(world) == PROCESSING
    assert world.payments()[0]["refunded"] == 0
    world.clock.forward(minutes=5)
    assert zalo.query_refund(world, timestamp=zalo.NOW + 300_000) == DONE
    assert world.payments()[0]["refunded"] == 20_000


def test_what_is_being_refunded_cannot_be_refunded_again(make_world):
    world = make_world(zalopay={"refund_processing": timedelta(minutes=5)})
    transaction = zalo.paid(world)
    seen = [
        zalo.refund(world, transaction, amount, number=number)["sub_return_code"]
        for number, amount in enumerate([30_000, 30_000, 20_000, 1])
    ]
    assert seen == [2, -14, 2, -14]


def test_a_failing_refund_is_accepted_first_and_frees_its_amount(make_world):
    world = make_world(zalopay={"refund_processing": timedelta(minutes=5)})
    transaction = zalo.paid(world)
    world.faults(fail_next_refund=1)
    assert zalo.refund(world, transaction, 50_000)["return_code"] == 3
    assert zalo.codes(zalo.refund(world, transaction, 50_000, number=2)) == (2, -14)
    world.clock.forward(minutes=5)
    later = zalo.NOW + 300_000
    assert zalo.query_refund(world, timestamp=later) == {
        "return_code": 2,
        "return_message": REFUSED,
        "sub_return_code": 0,
        "sub_return_message": "REFUND_FAILED",
    }
    again = zalo.refund(world, transaction, 50_000, number=3, timestamp=later)
    assert again["return_code"] == 3
    world.clock.forward(minutes=5)
    assert zalo.query_refund(world, 3, timestamp=later + 300_000) == DONE


def test_even_a_refund_that_fails_at_once_is_accepted(world):
    transaction = zalo.paid(world)
    world.faults(fail_next_refund=1)
    assert zalo.codes(zalo.refund(world, transaction, 50_000)) == (1, 1)
    assert zalo.codes(zalo.query_refund(world)) == (2, 0)
    assert world.payments()[0]["refunded"] == 0


def test_a_refusal_uses_up_no_fault(world):
    transaction = zalo.paid(world)
    world.faults(fail_next_refund=1)
    zalo.refund(world, transaction, 50_001)
    assert world.client.get("/_sandbox/faults").json()["fail_next_refund"] == 1


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"amount": 50_001}, -14, "REFUND_AMOUNT_INVALID"),
        ({"amount": 0}, -14, "REFUND_AMOUNT_INVALID"),
        ({"refund_fee_amount": 50_001}, -14, "REFUND_AMOUNT_INVALID"),
        (
            {"timestamp": zalo.NOW - 900_001},
            -13,
            "ORDER_REFUND_EXPIRED: timestamp is not now, in Unix milliseconds",
        ),
        ({"m_refund_id": "ref-1"}, -24, "M_REFUND_ID_INVALID: m_refund_id must be yymmdd_appid_xxx"),
        ({"m_refund_id": "250102_2553_"}, -24, "M_REFUND_ID_INVALID: m_refund_id must be yymmdd_appid_xxx"),
        (
            {"m_refund_id": "250101_2553_1"},
            -25,
            "M_REFUND_ID_DATE_INVALID: m_refund_id must begin with today in GMT+7",
        ),
        ({"m_refund_id": "250102_2554_1"}, -26, "M_REFUND_ID_APP_ID_INVALID"),
        ({"m_refund_id": "250102_02553_1"}, -26, "M_REFUND_ID_APP_ID_INVALID"),
        ({"zp_trans_id": "250102000000009"}, -101, "NOT_FOUND"),
        ({"zp_trans_id": "0"}, -101, "NOT_FOUND"),
        ({"zp_trans_id": 250102000000002}, -401, "ILLEGAL_DATA_REQUEST: zp_trans_id must be a string"),
        ({"description": "d" * 101}, -401, "ILLEGAL_DATA_REQUEST: description must have at most 100 characters"),
        ({"amount": "50000"}, -401, "ILLEGAL_DATA_REQUEST: amount must be a whole number"),
        ({"refund_fee_amount": -1}, -401, "ILLEGAL_DATA_REQUEST: refund_fee_amount must be from 0 to 9223372036854775807"),
    ],
)  # fmt: skip
def test_a_refund_that_is_refused(world, changes, code, message):
    fields = {"amount": 50_000, **changes}
    transaction = fields.pop("zp_trans_id", None) or zalo.paid(world)
    if "zp_trans_id" in changes:
        zalo.paid(world)
    answer = zalo.refund(world, transaction, fields.pop("amount"), **fields)
    assert answer == {
        "return_code": 2,
        "return_message": REFUSED,
        "sub_return_code": code,
        "sub_return_message": message,
    }
    assert world.payments()[0]["refunded"] == 0


def test_a_refund_id_is_used_once_even_for_the_same(world):
    transaction = zalo.paid(world)
    zalo.refund(world, transaction, 10_000)
    answer = zalo.refund(world, transaction, 10_000)
    assert (zalo.codes(answer), answer["sub_return_message"]) == ((2, -23), "DUPLICATE_M_REFUND_ID")
    assert world.payments()[0]["refunded"] == 10_000


def test_a_refused_refund_is_remembered_as_such(world):
    transaction = zalo.paid(world)
    zalo.refund(world, transaction, 60_000)
    assert zalo.codes(zalo.query_refund(world)) == (2, -14)
    assert zalo.codes(zalo.refund(world, transaction, 10_000)) == (2, -23)


def test_an_unknown_refund_is_not_found(world):
    assert zalo.codes(zalo.query_refund(world)) == (2, -101)
    assert zalo.codes(zalo.query_refund(world, timestamp=zalo.NOW // 1000)) == (2, -401)


def test_a_fee_is_signed_before_the_description_and_lost_to_the_payer(world):
    transaction = zalo.paid(world)
    answer = zalo.refund(world, transaction, 10_000, refund_fee_amount=500)
    assert zalo.codes(answer) == (1, 1)
    fields = {
        "app_id": zalo.APP,
        "m_refund_id": "250102_2553_ref-2",
        "zp_trans_id": transaction,
        "amount": 10_000,
        "refund_fee_amount": 500,
        "timestamp": zalo.NOW,
        "description": "x",
    }
    unsigned_fee = zalo.post(world, "v2/refund", zalo.signed("v2/refund", fields))
    assert unsigned_fee["sub_return_code"] == -402


def test_a_form_may_ask_for_a_refund(world):
    fields = {
        "app_id": zalo.APP,
        "m_refund_id": "250102_2553_ref-1",
        "zp_trans_id": zalo.paid(world),
        "amount": 10_000,
        "timestamp": zalo.NOW,
        "description": "Đổi ý",
        "refund_fee_amount": "",
    }
    answer = zalo.post_form(world, "v2/refund", zalo.signed("v2/refund", fields))
    assert zalo.codes(answer) == (1, 1)


@pytest.mark.parametrize("outcome", ["back", "balance", "fail", "expire"])
def test_what_was_not_paid_cannot_be_refunded(world, outcome):
    zalo.click(world, zalo.create(world), outcome)
    assert zalo.codes(zalo.refund(world, "0", 50_000)) == (2, -101)
    assert zalo.codes(zalo.refund(world, "250102000000002", 50_000)) == (2, -101)


def test_another_app_cannot_refund(world):
    transaction = zalo.paid(world)
    fields = {
        "app_id": 2554,
        "m_refund_id": "250102_2554_1",
        "zp_trans_id": transaction,
        "amount": 1,
        "timestamp": zalo.NOW,
        "description": "x",
    }
    body = zalo.signed("v2/refund", fields, key="sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn")
    assert zalo.post(world, "v2/refund", body)["sub_return_code"] == -101


def test_refunds_may_have_a_last_day(make_world):
    world = make_world(zalopay={"refund_window": timedelta(days=30)})
    transaction = zalo.paid(world)
    world.clock.forward(days=30, seconds=1)
    later = zalo.NOW + 30 * 86_400_000
    answer = zalo.refund(world, transaction, 1, timestamp=later, m_refund_id="250201_2553_1")
    assert zalo.codes(answer) == (2, -13)


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12
    ),
    processing=st.integers(0, 2),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_refunds_never_exceed_the_payment(make_world, steps, processing):
    """Whatever is asked for, in whatever order, whatever fails and however long it takes."""
    world = make_world(zalopay={"refund_processing": timedelta(minutes=processing)})
    transaction = zalo.paid(world, amount=10)
    minutes, accepted = 0, {}
    for number, (amount, fails, pause) in enumerate(steps):
        world.faults(fail_next_refund=int(fails))
        now = zalo.NOW + minutes * 60_000
        answer = zalo.refund(world, transaction, amount, number=number, timestamp=now)
        assert world.payments()[0]["refunded"] <= 10
        if answer["return_code"] != 2:
            accepted[number] = amount
        minutes += pause
        world.clock.forward(minutes=pause)
        world.faults(fail_next_refund=0)
    minutes += 2
    world.clock.forward(minutes=2)
    now = zalo.NOW + minutes * 60_000
    done = [
        amount
        for number, amount in accepted.items()
        if zalo.query_refund(world, number, timestamp=now)["return_code"] == 1
    ]
    assert world.payments()[0]["refunded"] == sum(done) <= 10
