"""What VNPay's answers to a query do not say, and what is made of that."""

import hmac
import json
from datetime import UTC, datetime, timedelta

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


@pytest.mark.parametrize(
    ("code", "since_expiry", "status", "reason"),
    [
        ("01", timedelta(minutes=119), "pending", None),
        ("01", timedelta(hours=2), "expired", "expired"),
        ("01", None, "pending", None),  # nobody knows how long the link can be paid
        ("00", timedelta(days=9), "succeeded", None),
        ("02", timedelta(days=9), "failed", None),
        ("04", timedelta(days=9), "unknown", None),
        ("07", timedelta(days=9), "unknown", None),
    ],
)
def test_a_link_that_was_opened_and_left_expires(code, since_expiry, status, reason):
    expires_at = None if since_expiry is None else NOW - since_expiry
    created_at = NOW - timedelta(days=10)
    ref = PaymentRef(
        reference="ORDER-1", amount=WHOLE, created_at=created_at, expires_at=expires_at
    )
    found = run(provider().fetch_payment(ref), lambda _: answer("01", WHOLE, code))
    assert (found.status, found.reason, found.amount) == (status, reason, WHOLE)
