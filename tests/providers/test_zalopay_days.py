"""ZaloPay's ids begin with the day in Vietnam: whatever the server's zone, across midnight, after a crash."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from paykit import (
    Customer,
    DuplicateReference,
    InvalidRequest,
    Money,
    NotFound,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    RefundRef,
    RefundRequest,
    RefundStatus,
    TokenRequest,
    ZaloPay,
)
from paykit.flow import run
from paykit.http import HttpResponse

SHOP = {"app_id": 2553, "key1": "ONE", "key2": "TWO"}
MONEY = Money(150_000, "VND")
#: The moment, and the day on Vietnamese calendars.
MOMENTS = {
    "2026-01-02T16:30:00+00:00": "260102",  # 23:30 in Vietnam
    "2026-01-02T16:59:59.999+00:00": "260102",
    "2026-01-02T17:00:00+00:00": "260103",  # midnight
    "2026-01-02T17:30:00+00:00": "260103",
    "2025-12-31T23:59:00+00:00": "260101",  # still last year at Greenwich
    "2028-02-28T20:00:00+00:00": "280229",
}


def at(moment, zone=UTC):
    """A ZaloPay whose clock stands at ``moment`` and shows the time of ``zone``."""
    shown = datetime.fromisoformat(moment).astimezone(zone)
    return ZaloPay.from_dict(SHOP, clock=lambda: shown)


def sent(flow):
    request = next(flow)
    flow.close()
    return json.loads(request.body)


def ids(provider, moment):
    """The ids that every kind of call sends at this moment."""
    created_at = datetime.fromisoformat(moment)
    order = PaymentRequest(reference="ORDER-1", amount=MONEY)
    link = PaymentRequest(
        reference="LINK-1", amount=Money(0, "VND"), customer=Customer(id="c"), save_token=True
    )
    ref = PaymentRef(reference="ORDER-1", created_at=created_at, provider_id="1", amount=MONEY)
    return [
        sent(provider.create_payment(order))["app_trans_id"],
        sent(provider.create_payment(link))["app_trans_id"],
        sent(provider.fetch_payment(ref))["app_trans_id"],
        sent(provider.cancel_payment(ref))["app_trans_id"],
        sent(provider.create_token(TokenRequest(reference="LINK-1", customer_id="c")))[
            "app_trans_id"
        ],
        sent(provider.refund(RefundRequest(payment=ref, reference="R-1")))["m_refund_id"],
        sent(provider.fetch_refund(RefundRef(payment=ref, reference="R-1")))["m_refund_id"],
        provider.refund_id("R-1"),
    ]


def expected(day):
    order, link, refund = f"{day}_ORDER-1", f"{day}_LINK-1", f"{day}_2553_R-1"
    return [order, link, order, order, link, refund, refund, refund]


@pytest.mark.parametrize("hours", [-12, -8, 0, 5.5, 7, 9, 14])
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_day_is_vietnams(moment, hours):
    provider = at(moment, timezone(timedelta(hours=hours)))
    assert ids(provider, moment) == expected(MOMENTS[moment])


SCRIPT = """
import json, sys
from datetime import datetime
from tests.providers.test_zalopay_days import MOMENTS, ids, ZaloPay, SHOP
def local(moment):
    # What a server's own clock shows: the local time of its zone.
    return datetime.fromtimestamp(datetime.fromisoformat(moment).timestamp()).astimezone()
print(json.dumps([ids(ZaloPay.from_dict(SHOP, clock=lambda: local(m)), m) for m in MOMENTS]))
"""


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Ho_Chi_Minh", "Etc/GMT+7"])
def test_the_zone_of_the_server_does_not_matter(zone):
    root = Path(__file__).parents[2]
    environment = {**os.environ, "TZ": zone}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=root, env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout) == [expected(day) for day in MOMENTS.values()]


# Across midnight and after a crash.


class Peer:
    """ZaloPay as far as ids go: it knows those that it was given, and takes none twice."""

    def __init__(self):
        self.orders, self.refunds = set(), {}

    def __call__(self, request):
        body = json.loads(request.body)
        path = request.url.rpartition("/")[2]
        return HttpResponse(200, body=json.dumps(getattr(self, path)(body)).encode())

    def create(self, body):
        if body["app_trans_id"] in self.orders:
            return {"return_code": 2, "sub_return_code": -68}
        self.orders.add(body["app_trans_id"])
        return {"return_code": 1, "sub_return_code": 1, "order_url": "https://zalopay.example/"}

    def query(self, body):
        if body["app_trans_id"] not in self.orders:
            return {"return_code": 2, "sub_return_code": -101}
        return {"return_code": 3, "sub_return_code": 3}

    def refund(self, body):
        if body["m_refund_id"] in self.refunds:
            return {"return_code": 2, "sub_return_code": -23}
        self.refunds[body["m_refund_id"]] = body["amount"]
        return {"return_code": 1, "sub_return_code": 1}

    def query_refund(self, body):
        if body["m_refund_id"] not in self.refunds:
            return {"return_code": 2, "sub_return_code": -101}
        return {"return_code": 3, "sub_return_code": 2}


BEFORE, AFTER = "2026-01-02T16:59:00+00:00", "2026-01-02T17:01:00+00:00"
PAID = PaymentRef(
    reference="ORDER-1",
    provider_id="260102000000389",
    amount=MONEY,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
REFUND = RefundRequest(payment=PAID, reference="R-1", amount=Money(50_000, "VND"))


def test_an_order_of_yesterday_is_found_by_its_session():
    peer = Peer()
    order = PaymentRequest(reference="ORDER-1", amount=MONEY)
    session = run(at(BEFORE).create_payment(order), peer)
    assert run(at(AFTER).fetch_payment(session.ref), peer).status is PaymentStatus.PENDING


def test_an_order_that_was_asked_for_before_midnight_and_made_after_is_found():
    """Whoever stores the request first has its time, and not that of the session."""
    peer = Peer()
    run(at(AFTER).create_payment(PaymentRequest(reference="ORDER-1", amount=MONEY)), peer)
    stored = PaymentRef(reference="ORDER-1", created_at=datetime.fromisoformat(BEFORE))
    assert run(at(AFTER).fetch_payment(stored), peer).status is PaymentStatus.PENDING


def test_an_order_that_is_not_there_is_asked_for_twice_at_most():
    asked = []

    def peer(request):
        asked.append(json.loads(request.body)["app_trans_id"])
        return HttpResponse(200, body=b'{"return_code":2,"sub_return_code":-101}')

    for moment in (BEFORE, "2026-01-02T03:00:00+00:00"):
        ref = PaymentRef(reference="A", created_at=datetime.fromisoformat(moment))
        with pytest.raises(NotFound):
            run(at(AFTER).fetch_payment(ref), peer)
    assert asked == ["260102_A", "260103_A", "260102_A"]


def test_a_refund_is_found_from_the_stored_request_alone():
    """The process died after sending: only the request is left, and midnight has passed."""
    peer = Peer()
    run(at(BEFORE).refund(REFUND), peer)
    assert peer.refunds == {"260102_2553_R-1": 50_000}
    ref = RefundRef(reference=REFUND.reference, payment=REFUND.payment, amount=REFUND.amount)
    for moment in (BEFORE, AFTER, "2026-01-08T03:00:00+00:00"):
        found = run(at(moment).fetch_refund(ref), peer)
        assert found.status is RefundStatus.PENDING
        assert found.provider_id == "260102_2553_R-1"


def test_a_refund_is_found_by_its_answer_for_ever():
    peer = Peer()
    refund = run(at(BEFORE).refund(REFUND), peer)
    ref = RefundRef(reference="R-1", payment=PAID, provider_id=refund.provider_id)
    found = run(at("2026-12-01T00:00:00+00:00").fetch_refund(ref), peer)
    assert found.status is RefundStatus.PENDING


def test_a_refund_with_a_whole_id_is_never_another_one():
    """Stored with its day, a request that is sent again is refused, on the day and after it."""
    peer = Peer()
    request = RefundRequest(
        payment=PAID, reference=at(BEFORE).refund_id("R-1"), amount=Money(50_000, "VND")
    )
    assert run(at(BEFORE).refund(request), peer).reference == "260102_2553_R-1"
    with pytest.raises(DuplicateReference):
        run(at(BEFORE).refund(request), peer)
    with pytest.raises(InvalidRequest):
        run(at(AFTER).refund(request), peer)
    assert peer.refunds == {"260102_2553_R-1": 50_000}
    ref = RefundRef(reference=request.reference, payment=PAID)
    assert run(at(AFTER).fetch_refund(ref), peer).status is RefundStatus.PENDING
