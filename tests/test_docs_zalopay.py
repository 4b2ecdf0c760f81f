"""The tables of ZaloPay's page say what the code says."""

import json
from datetime import UTC, datetime

import pytest

from paykit import (
    Customer,
    Declined,
    Delivery,
    Money,
    PaykitError,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    RefundRef,
    RefundRequest,
    ZaloPay,
)
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.providers import zalopay
from paykit.providers.zalopay import codes, wire
from paykit.testing import deliveries

from .support.markdown import DOCS, code, section, table
from .test_vectors_zalopay import VECTORS

PAGE = DOCS / "providers" / "zalopay.md"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SHOP = ZaloPay.from_dict({"app_id": 2553, "key1": "ONE", "key2": "TWO"}, clock=lambda: NOW)
PAID = PaymentRef(reference="A", created_at=NOW, provider_id="1", amount=Money(1, "VND"))


def named(value):
    return [] if value is None else [str(value)]


def answered(flow, outcome, sub_code):
    body = json.dumps({"return_code": outcome, "sub_return_code": sub_code}).encode()
    try:
        return f"status `{run(flow, lambda _: HttpResponse(200, body=body)).status}`"
    except Declined as error:
        return f"`Declined`, `{error.reason}`"
    except PaykitError as error:
        return f"`{type(error).__name__}`"


def test_codes_of_a_payment():
    rows = table(PAGE, "code", "status", "reason", "ZaloPay says")
    assert {int(code(row[0])[0]): [code(row[1]), code(row[2])] for row in rows} == {
        number: [
            ["pending", status.value] if number in codes.UNTIL_EXPIRY else [status.value],
            named(reason),
        ]
        for number, (status, reason) in zalopay.PAYMENT_CODES.items()
    }


def test_steps():
    assert "from 3 to\n48" in PAGE.read_text()
    assert (min(codes.STEPS), max(codes.STEPS)) == (3, 48)


def test_refusals():
    rows = table(PAGE, "code", "raises", "ZaloPay says")
    assert {int(code(row[0])[0]): code(row[1])[0] for row in rows} == {
        number: kind.__name__ for number, kind in codes.REFUSALS.items()
    }
    uncertain = [number for number, kind in codes.REFUSALS.items() if kind.repeatable]
    assert f"After {', '.join(map(str, uncertain))} and codes" in PAGE.read_text()


def test_codes_of_a_refund():
    rows = table(PAGE, "`return_code`", "`sub_return_code`", "`refund`", "`fetch_refund`")
    shown = set()
    for row in rows:
        outcome, sub_code = (int(code(cell)[0]) for cell in row[:2])
        shown.add(sub_code)
        ref = RefundRef(reference="R", payment=PAID)
        assert [
            answered(SHOP.refund(RefundRequest(payment=PAID, reference="R")), outcome, sub_code),
            answered(SHOP.fetch_refund(ref), outcome, sub_code),
        ] == row[2:4]
    assert shown >= {*codes.REFUND_CODES, *codes.REFUND_REFUSALS, *codes.REFUND_DECLINES}


def test_statuses_of_a_link():
    rows = table(PAGE, "`status` of a link", "the payment of 0 VND is", "reason")
    assert {int(code(row[0])[0]): [code(row[1]), code(row[2])] for row in rows} == {
        number: [[status.value], named(reason)]
        for number, (status, reason) in zalopay.AGREEMENT_STATUSES.items()
    }


def test_methods():
    rows = table(PAGE, "`method`", "what the payer sees")
    assert sorted(code(row[0])[0] for row in rows[1:]) == list(zalopay.PREFERRED)


def test_keys_that_zalopay_publishes():
    published = {
        (str(v["key"]["app_id"]), v["key"]["key1"], v["key"]["key2"])
        for v in VECTORS
        if v["provenance"] == "provider"
    }
    rows = table(PAGE, "`app_id`", "`key1`", "`key2`")
    assert {tuple(code(cell)[0] for cell in row) for row in rows} == published


def test_what_a_request_may_hold():
    text = " ".join(section(PAGE, "Operations").split())
    assert "1 to 33 of `A-Z a-z 0-9 - _ . ~ : @ #`" in text
    assert all(f"`{name}`" in text for name in (*wire.RETURN_FIELDS, "checksum"))
    assert f"up to {wire.MAX_DESCRIPTION} characters" in text
    assert f"({wire.MAX_USER} characters at most" in text
    assert (wire.SHORTEST.total_seconds(), wire.LONGEST.days) == (5 * 60, 30)
    assert wire.LOOK_BACK == 7


def test_what_nobody_tells():
    assert "A payment that fails, is given up or expires is told by nobody" in " ".join(
        PAGE.read_text().split()
    )
    told = {PaymentStatus.SUCCEEDED}
    assert ZaloPay.info.silent_on.isdisjoint(told)
    assert len(ZaloPay.info.silent_on) == 3


@pytest.mark.parametrize(("number", "status"), [(-49, "canceled"), (-63, "pending")])
def test_codes_that_a_return_tells_otherwise(number, status):
    assert "-49 is `canceled` at once and -63 `pending`" in " ".join(PAGE.read_text().split())
    returned = deliveries.returned(
        SHOP, reference="A", amount=Money(1, "VND"), at=NOW, fields={"status": str(number)}
    )
    assert isinstance(returned, Delivery)
    (event,) = SHOP.parse(run(SHOP.verify_return(returned), lambda _: None))
    assert event.status == status


def test_the_id_of_the_example():
    text = PAGE.read_text()
    order = PaymentRequest(
        reference="ORDER-11-1", amount=Money(1, "VND"), customer=Customer(id="c")
    )
    body = json.loads(next(SHOP.create_payment(order)).body)
    assert f"`{body['app_trans_id']}`" in text
