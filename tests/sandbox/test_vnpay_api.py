"""VNPay's querydr and refund."""

from __future__ import annotations

from datetime import timedelta

import pytest

from . import vnpay_client as vnpay

QUERY_ORDER = (
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo "
    "TransactionType TransactionStatus OrderInfo PromotionCode PromotionAmount"
).split()


def assert_signed(answer: dict, order: list[str]) -> None:
    text = "|".join(answer.get(f"vnp_{name}", "") for name in order)
    assert answer["vnp_SecureHash"] == vnpay.sign(text)


def standing(world, request_id: str) -> tuple[str, str]:
    answer = vnpay.call(world, vnpay.query_body(vnp_RequestId=request_id))
    assert answer["vnp_ResponseCode"] == "00"
    return answer["vnp_TransactionType"], answer["vnp_TransactionStatus"]


def test_a_paid_payment(world):
    vnpay.choose(world)
    answer = vnpay.call(world, vnpay.query_body())
    signature = answer.pop("vnp_SecureHash")
    assert answer == {
        "vnp_ResponseId": "id2",
        "vnp_Command": "querydr",
        "vnp_ResponseCode": "00",
        "vnp_Message": "Success",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_TxnRef": "ORDER-1",
        "vnp_Amount": "15000000",
        "vnp_OrderInfo": "Thanh toan don hang :5",
        "vnp_BankCode": "NCB",
        "vnp_PayDate": "20250102100405",
        "vnp_TransactionNo": "14400001",
        "vnp_TransactionType": "01",
        "vnp_TransactionStatus": "00",
    }
    assert_signed({**answer, "vnp_SecureHash": signature}, QUERY_ORDER)


def test_an_open_page_is_not_completed(world):
    vnpay.open_page(world)
    answer = vnpay.call(world, vnpay.query_body())
    assert (answer["vnp_TransactionStatus"], answer["vnp_TransactionNo"]) == ("01", "0")
    assert "vnp_PayDate" not in answer
    assert_signed(answer, QUERY_ORDER)


@pytest.mark.parametrize("outcome", ["fail", "cancel", "expire"])
def test_a_payment_that_failed(world, outcome):
    vnpay.choose(world, outcome)
    assert standing(world, "REQ1") == ("01", "02")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnp_TxnRef": "ORDER-2"}, "91"),
        ({"vnp_TransactionDate": "20250102100405"}, "91"),
        ({"vnp_Version": "2.0.0"}, "03"),
        ({"vnp_TransactionDate": "20251302100405"}, "03"),
        ({"vnp_CreateDate": "now"}, "03"),
        ({"vnp_RequestId": ""}, "03"),
        ({"vnp_IpAddr": "?"}, "03"),
        ({"vnp_OrderInfo": None}, "03"),
        ({"vnp_OrderInfo": ["a"]}, "03"),
        ({"vnp_TmnCode": ""}, "02"),
    ],
)
def test_a_query_that_is_refused(world, changes, code):
    vnpay.choose(world)
    answer = vnpay.call(world, vnpay.query_body(**changes))
    assert answer["vnp_ResponseCode"] == code
    assert "vnp_TransactionStatus" not in answer
    if code != "02":
        assert_signed(answer, QUERY_ORDER)


def test_another_terminal_is_refused_without_a_signature(world):
    answer = vnpay.call(world, vnpay.query_body(vnp_TmnCode="OTHER001"))
    assert answer["vnp_ResponseCode"] == "02"
    assert "vnp_SecureHash" not in answer


def test_a_wrong_signature_is_97_and_does_not_use_up_the_request_id(world):
    vnpay.choose(world)
    forged = vnpay.call(world, vnpay.query_body(secret="another"))
    genuine = vnpay.call(world, vnpay.query_body())
    assert (forged["vnp_ResponseCode"], genuine["vnp_ResponseCode"]) == ("97", "00")


def test_a_request_id_is_used_once_a_day(world):
    vnpay.choose(world)
    codes = [vnpay.call(world, vnpay.query_body())["vnp_ResponseCode"] for _ in range(2)]
    world.clock.forward(days=1)
    codes.append(vnpay.call(world, vnpay.query_body())["vnp_ResponseCode"])
    assert codes == ["00", "94", "00"]


def test_numbers_may_be_json_numbers(world):
    vnpay.choose(world)
    answer = vnpay.call(world, vnpay.query_body(vnp_TransactionDate=20250102100400))
    assert answer["vnp_ResponseCode"] == "00"


def test_a_full_refund(world):
    vnpay.choose(world)
    answer = vnpay.call(world, vnpay.refund_body(vnp_TransactionNo="14400001"))
    assert (
        answer["vnp_ResponseCode"],
        answer["vnp_Amount"],
        answer["vnp_TransactionType"],
        answer["vnp_TransactionStatus"],
        answer["vnp_TransactionNo"],
    ) == ("00", "15000000", "02", "00", "14400001")
    assert_signed(answer, QUERY_ORDER[:13])
    assert standing(world, "REQ1") == ("02", "00")
    [payment] = world.payments()
    assert (payment["refunded"], payment["status"]) == (150_000, "full refund, status 00")


def test_partial_refunds_add_up_and_never_exceed_the_payment(world):
    vnpay.choose(world)
    seen = []
    for number, amount in enumerate(["10000000", "5000100", "5000000", "100"]):
        body = vnpay.refund_body(
            vnp_RequestId=f"REF{number}", vnp_TransactionType="03", vnp_Amount=amount
        )
        code = vnpay.call(world, body)["vnp_ResponseCode"]
        seen.append((code, *standing(world, f"REQ{number}")))
    assert seen == [
        ("00", "03", "00"),
        ("93", "03", "00"),
        ("00", "02", "00"),
        ("93", "02", "00"),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnp_Amount": "15000100"}, "93"),
        ({"vnp_Amount": "14000000"}, "93"),  # a "full" refund of a part
        ({"vnp_TransactionNo": "14400002"}, "91"),
        ({"vnp_TxnRef": "ORDER-2"}, "91"),
        ({"vnp_TransactionType": "01"}, "03"),
        ({"vnp_Amount": "0"}, "03"),
        ({"vnp_CreateBy": ""}, "03"),
    ],
)
def test_a_refund_that_is_refused(world, changes, code):
    vnpay.choose(world)
    answer = vnpay.call(world, vnpay.refund_body(**changes))
    assert answer["vnp_ResponseCode"] == code
    assert_signed(answer, QUERY_ORDER[:13])
    assert world.payments()[0]["refunded"] == 0


@pytest.mark.parametrize("outcome", [None, "cancel"])
def test_what_was_not_paid_is_not_refunded(world, outcome):
    if outcome:
        vnpay.choose(world, outcome)
    else:
        vnpay.open_page(world)
    assert vnpay.call(world, vnpay.refund_body())["vnp_ResponseCode"] == "95"


def test_a_refund_takes_its_time(make_world):
    world = make_world(vnpay={"refund_processing": timedelta(hours=1)})
    vnpay.choose(world)
    half = {"vnp_TransactionType": "03", "vnp_Amount": "7500000"}
    answer = vnpay.call(world, vnpay.refund_body(**half))
    assert answer["vnp_TransactionStatus"] == "05"
    assert standing(world, "REQ1") == ("03", "05")
    again = vnpay.call(world, vnpay.refund_body(vnp_RequestId="REF2", **half))
    assert again["vnp_ResponseCode"] == "94"
    world.clock.forward(hours=1)
    assert standing(world, "REQ2") == ("03", "00")


def test_refunds_can_be_closed_or_fail(make_world):
    world = make_world(vnpay={"refunds_enabled": False})
    vnpay.choose(world)
    assert vnpay.call(world, vnpay.refund_body())["vnp_ResponseCode"] == "99"


def test_a_refund_fails_on_demand(world):
    vnpay.choose(world)
    world.faults(fail_next_refund=1)
    codes = [
        vnpay.call(world, vnpay.refund_body(vnp_RequestId=f"REF{n}"))["vnp_ResponseCode"]
        for n in range(2)
    ]
    assert codes == ["99", "00"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff{",
        b'{"vnp_Command":"querydr","vnp_Command":"refund"}',
        b'{"vnp_Command":"pay"}',
        b'{"vnp_Command":["querydr"]}',
        b'{"vnp_Amount":1e400}',
        b'{"a":"\\ud800"}',
        b"[" * 100_000,
        b'{"a":"' + b"a" * 300_000 + b'"}',
    ],
)
def test_hostile_bodies_are_bad_format(world, body):
    response = world.client.post(vnpay.API, content=body)
    assert response.status_code == 200
    assert response.json() == {
        "vnp_ResponseId": "id1",
        "vnp_ResponseCode": "03",
        "vnp_Message": "Invalid data format",
        **({"vnp_Command": "pay"} if b'"pay"' in body else {}),
    }


def test_the_api_is_posted_to(world):
    assert world.client.get(vnpay.API).status_code == 405
