"""VNPay tells of the latest refund of a payment: it is not taken for another one."""

import hmac
import json
from datetime import UTC, datetime

import pytest

from paykit import Money, PaymentRef, RefundRef, RefundStatus, VNPay
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.providers.vnpay import QUERY_RESPONSE_FIELDS

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "PAYKITTESTSECRET0123456789ABCDEF"
WHOLE = Money(150_000, "VND")
PART = Money(50_000, "VND")
OTHER = Money(20_000, "VND")


def answer(kind, amount, status="00"):
    fields = {
        "vnp_ResponseId": "1",
        "vnp_Command": "querydr",
        "vnp_ResponseCode": "00",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_TxnRef": "ORDER-1",
        "vnp_Amount": str(amount.minor * 100),
        "vnp_TransactionNo": "14422574",
        "vnp_TransactionType": kind,
        "vnp_TransactionStatus": status,
    }
    text = "|".join(fields.get(name, "") for name in QUERY_RESPONSE_FIELDS)
    mac = hmac.new(SECRET.encode(), text.encode(), "sha512").hexdigest()
    return HttpResponse(200, (), json.dumps({**fields, "vnp_SecureHash": mac}).encode())


def provider():
    settings = {"tmn_code": "PAYKIT01", "hash_secret": SECRET}
    return VNPay.from_dict(settings, clock=lambda: NOW, new_id=lambda: "1")


def payment(amount=WHOLE):
    return PaymentRef(reference="ORDER-1", amount=amount, created_at=NOW)


@pytest.mark.parametrize(
    ("kind", "told", "asked", "whole", "status"),
    [
        ("03", PART, PART, WHOLE, "succeeded"),  # the refund's own amount
        ("03", WHOLE, PART, WHOLE, "succeeded"),  # the payment's
        ("03", OTHER, PART, WHOLE, "unknown"),  # an earlier refund's
        ("03", OTHER, PART, None, "succeeded"),  # nobody knows what the payment's was
        ("02", WHOLE, None, WHOLE, "succeeded"),
        ("02", WHOLE, WHOLE, WHOLE, "succeeded"),
        ("02", WHOLE, PART, WHOLE, "unknown"),  # that was a refund of all
        ("02", WHOLE, None, None, "succeeded"),
        ("01", WHOLE, PART, WHOLE, "unknown"),
        ("01", WHOLE, None, None, "unknown"),
    ],
)
def test_whose_state_it_is(kind, told, asked, whole, status):
    ref = RefundRef(reference="REFUND-1", payment=payment(whole), amount=asked)
    refund = run(provider().fetch_refund(ref), lambda _: answer(kind, told))
    assert (refund.status, refund.amount) == (RefundStatus(status), asked or whole)


@pytest.mark.parametrize("told", [PART, WHOLE])
def test_a_part_is_not_taken_for_the_total(told):
    found = run(provider().fetch_payment(payment()), lambda _: answer("03", told))
    assert (found.status, found.amount, found.captured, found.refunded) == (
        "partially_refunded",
        None,
        None,
        None,
    )
