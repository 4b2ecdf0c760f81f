"""PayPal's money, ids and states, beyond what the case folder shows."""

import itertools
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    Client,
    HttpResponse,
    InvalidRequest,
    LineItem,
    Money,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PayPal,
    PayPalConfig,
    Redirect,
)
from paykit.flow import run
from paykit.money import exponent
from paykit.providers.paypal.amounts import CURRENCIES, WHOLE, read_money, to_wire
from paykit.providers.paypal.codes import CAPTURE_STATUSES
from paykit.providers.paypal.forms import read_moment, to_request_id
from paykit.providers.paypal.states import order_standing
from paykit.providers.paypal.wire import Order

from .support.paypal import PretendPayPal

ORDER, CAPTURE, HOLD = "5O190127TN364715T", "3C679366HH908993F", "0AW2184448108334S"
CONFIG = PayPalConfig(client_id="client", client_secret="secret")
REF = PaymentRef(reference="ORDER-1", provider_id=ORDER, amount=Money(1999, "USD"))
S = PaymentStatus


# Money.


@given(st.sampled_from(sorted(CURRENCIES)), st.integers(0, 10**15))
def test_amounts_go_there_and_back(currency, number):
    """Exact, or refused before anything is sent."""
    scale = 10 ** exponent(currency) if currency in WHOLE else 1
    amount = Money(number * scale, currency)
    wire = to_wire(amount)
    assert wire["currency_code"] == currency
    assert ("." in wire["value"]) is (currency not in WHOLE)
    assert read_money(wire) == amount


@given(st.sampled_from(["HUF", "TWD"]), st.integers(0, 10**9), st.integers(1, 99))
def test_no_part_of_a_forint_is_sent(currency, whole, part):
    with pytest.raises(InvalidRequest):
        to_wire(Money(whole * 100 + part, currency))


@pytest.mark.parametrize(
    ("currency", "value", "minor"),
    [
        ("USD", "19.99", 1999),
        ("USD", "0.00", 0),
        ("USD", "20", 2000),
        ("USD", "1234567890123456.78", 123456789012345678),
        ("JPY", "1500", 1500),
        ("JPY", "1500.00", 1500),
        ("HUF", "1500", 150000),
        ("HUF", "1500.0", 150000),
        ("TWD", "250", 25000),
    ],
)
def test_amounts_that_paypal_writes(currency, value, minor):
    assert read_money({"currency_code": currency, "value": value}) == Money(minor, currency)


STRANGE = [
    None, True, [], {}, "", " ", " 19.99", "19.99 ", "+19.99", "-19.99", "19.9", "19.990", "19,99",
    "1,999.00", "1_999.00", "1e3", "0x10", "NaN", "Infinity", ".99", "19.", "019.99", "00", "١٩.٩٩",
    "１９.９９", "19.99\n", 1999, 19.99, 10**40, "9" * 40, "19.99" + "0" * 40,
]  # fmt: skip


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_amounts_that_paypal_does_not_write(value):
    with pytest.raises(ValueError, match="not an amount"):
        read_money({"currency_code": "USD", "value": value})


@pytest.mark.parametrize("value", ["1500.50", "1500.5", "1500.01", "1500.000"])
def test_decimals_where_there_are_none(value):
    for currency in sorted(WHOLE):
        with pytest.raises(ValueError, match="not an amount"):
            read_money({"currency_code": currency, "value": value})


@pytest.mark.parametrize("currency", ["VND", "usd", "RUB", "KWD", "", None, 1, ["USD"], "USDX"])
def test_currencies_that_paypal_does_not_take(currency):
    with pytest.raises(ValueError, match="not a currency"):
        read_money({"currency_code": currency, "value": "1.00"})


def test_dong_are_refused_before_anything_is_sent():
    peer = PretendPayPal()
    request = PaymentRequest(
        reference="A", amount=Money(150_000, "VND"), return_url="https://shop.example/r"
    )
    with pytest.raises(InvalidRequest, match="VND"):
        Client(PayPal(CONFIG), transport=peer).create_payment(request)
    assert peer.requests == []


def test_the_parts_of_an_amount():
    """What a case file cannot write: amounts inside ``extra``."""
    peer = PretendPayPal()
    Client(PayPal(CONFIG), transport=peer).create_payment(
        PaymentRequest(
            reference="A",
            amount=Money(2499, "USD"),
            return_url="https://shop.example/r",
            items=[LineItem(id="1", name="a", price=Money(1000, "USD"), quantity=2)],
            extra={"breakdown": {"shipping": Money(599, "USD"), "discount": Money(100, "USD")}},
        )
    )
    sent = json.loads(peer.requests[-1].body)["purchase_units"][0]["amount"]
    assert sent == {
        "currency_code": "USD",
        "value": "24.99",
        "breakdown": {
            "shipping": {"currency_code": "USD", "value": "5.99"},
            "discount": {"currency_code": "USD", "value": "1.00"},
            "item_total": {"currency_code": "USD", "value": "20.00"},
        },
    }


@pytest.mark.parametrize(
    "breakdown",
    [
        {"shipping": Money(100, "EUR")},
        {"shipping": Money(-100, "USD")},
        {"item_total": Money(100, "USD")},  # counted from the items
        {"shipping": 1},
        [],
    ],
)
def test_parts_of_an_amount_that_do_not_fit(breakdown):
    request = PaymentRequest(
        reference="A",
        amount=Money(100, "USD"),
        return_url="https://shop.example/r",
        items=[LineItem(id="1", name="a", price=Money(100, "USD"))],
        extra={"breakdown": breakdown},
    )
    with pytest.raises(InvalidRequest, match="breakdown"):
        run(PayPal(CONFIG).create_payment(request), lambda one: pytest.fail(f"{one} was sent"))


# Ids and times.


@given(st.text(), st.text())
def test_request_ids_fit_and_stay_the_same(key, more):
    if not key.strip():
        with pytest.raises(InvalidRequest):
            to_request_id(key, more)
        return
    made = to_request_id(key, more)
    assert made == to_request_id(key, more)
    assert 0 < len(made) <= 108
    assert made.isascii()
    assert made.isprintable()
    assert " " not in made


@given(st.text(min_size=1), st.text(min_size=1))
def test_request_ids_of_different_keys_differ(one, other):
    if one.strip() and other.strip() and one != other:
        assert to_request_id(one) != to_request_id(other)


def test_a_short_key_is_its_own_request_id():
    assert to_request_id("ORDER-1") == "ORDER-1"
    assert to_request_id("k" * 108) == "k" * 108


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.000Z",
        "2026-01-02t10:04:05+07:00",
        "2026-01-01T20:04:05.0-07:00",
    ],
)
def test_times_that_paypal_writes(text):
    assert read_moment(text) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-02-30T03:04:05Z",
        "now",
        None,
        1,
        "2026-01-02T03:04:05Zx",
    ],
)
def test_times_that_paypal_does_not_write(text):
    with pytest.raises(ValueError, match=r".+"):
        read_moment(text)


# States.


def money(value):
    return {"currency_code": "USD", "value": value}


def order(*, status="COMPLETED", intent="CAPTURE", **payments):
    return {
        "id": ORDER,
        "status": status,
        "intent": intent,
        "purchase_units": [
            {"custom_id": "ORDER-1", "amount": money("19.99"), "payments": payments}
        ],
    }


def capture(status="COMPLETED", value="19.99", reason=None, **more):
    details = {"status_details": {"reason": reason}} if reason else {}
    return {"id": CAPTURE, "status": status, "amount": money(value), **details, **more}


def hold(status="CREATED", **more):
    return {"id": HOLD, "status": status, "amount": money("19.99"), **more}


def stands(content):
    return order_standing(Order.read(content, provider="paypal"))


@pytest.mark.parametrize(
    ("content", "status", "captured"),
    [
        # A dispute is a dispute in whatever state the capture is.
        (order(captures=[capture("PENDING", reason="BUYER_COMPLAINT")]), S.DISPUTED, 1999),
        (order(captures=[capture("COMPLETED", reason="CHARGEBACK")]), S.DISPUTED, 1999),
        (order(captures=[capture("DECLINED", reason="CHARGEBACK")]), S.DISPUTED, 1999),
        # A hold that was voided when its time was over has lapsed.
        (order(intent="AUTHORIZE", authorizations=[hold("VOIDED", expiration_time="2026-01-31T00:00:00Z", update_time="2026-01-31T00:00:01Z")]), S.EXPIRED, None),
        (order(intent="AUTHORIZE", authorizations=[hold("VOIDED", expiration_time="2026-01-31T00:00:00Z", update_time="2026-01-30T23:59:59Z")]), S.CANCELED, None),
        (order(intent="AUTHORIZE", authorizations=[hold("VOIDED")]), S.CANCELED, None),
        # One state that nobody has seen makes the whole unknown.
        (order(captures=[capture(value="5.00"), capture("EXPLODED", "14.99")]), S.UNKNOWN, 500),
        (order(intent="AUTHORIZE", authorizations=[hold(create_time="2026-01-01T00:00:00Z"), hold("EXPLODED", create_time="2026-01-02T00:00:00Z")]), S.UNKNOWN, None),
        # What is still on its way is not there yet.
        (order(captures=[capture(value="5.00"), capture("PENDING", "14.99")]), S.PENDING, 500),
        # A failed capture leaves the hold as it is.
        (order(intent="AUTHORIZE", authorizations=[hold()], captures=[capture("DECLINED")]), S.AUTHORIZED, None),
        (order(intent="AUTHORIZE", authorizations=[hold("VOIDED")], captures=[capture("DECLINED")]), S.FAILED, None),
        # The rest of a hold was released.
        (order(intent="AUTHORIZE", authorizations=[hold("PARTIALLY_CAPTURED")], captures=[capture(value="5.00", final_capture=True)]), S.SUCCEEDED, 500),
        (order(intent="AUTHORIZE", authorizations=[hold("VOIDED")], captures=[capture(value="5.00")]), S.SUCCEEDED, 500),
        # A word for the order that nobody has seen, whatever is inside.
        (order(status="EXPLODED", captures=[capture()]), S.UNKNOWN, None),
        # Open again after an attempt that failed.
        (order(status="APPROVED", captures=[capture("DECLINED")]), S.PENDING, None),
        (order(status="PAYER_ACTION_REQUIRED", captures=[capture("FAILED")]), S.REQUIRES_ACTION, None),
        (order(status="APPROVED", captures=[capture()]), S.SUCCEEDED, 1999),
    ],
)  # fmt: skip
def test_how_a_payment_stands(content, status, captured):
    found = stands(content)
    total = Money(captured, "USD") if captured is not None else None
    assert (found.status, found.captured) == (status, total)


@pytest.mark.parametrize(
    "statuses", list(itertools.product(sorted(CAPTURE_STATUSES), repeat=2)), ids=str
)
def test_the_order_of_captures_does_not_matter(statuses):
    parts = [
        capture(status, value, id=f"3C{value[0]}")
        for status, value in zip(statuses, ("5.00", "14.99"), strict=True)
    ]
    one = stands(order(intent="AUTHORIZE", authorizations=[hold("CAPTURED")], captures=parts))
    other = stands(
        order(intent="AUTHORIZE", authorizations=[hold("CAPTURED")], captures=parts[::-1])
    )
    assert (one.status, one.captured, one.refunded) == (
        other.status,
        other.captured,
        other.refunded,
    )
    taken = {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"} & set(statuses)
    if one.status in {S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED}:
        assert taken
    if not taken:
        assert one.captured is None


# One approval, one attempt.


def approved(update_time, links=True):
    made = {**order(status="APPROVED"), "update_time": update_time}
    if links:
        made["links"] = [
            {"href": "https://www.sandbox.paypal.com/checkoutnow?token=1", "rel": "approve"}
        ]
    return made


DECLINED = {
    "name": "UNPROCESSABLE_ENTITY",
    "details": [{"issue": "INSTRUMENT_DECLINED"}],
    "links": [
        {"href": "https://www.sandbox.paypal.com/checkoutnow?token=1&again", "rel": "redirect"}
    ],
}


class Peer:
    """Declines under each request id that it has declined before, as PayPal does."""

    def __init__(self, content):
        self.content, self.declined, self.keys = content, set(), []
        self.decline_next = True

    def send(self, request):
        if request.url.endswith("/token"):
            return PretendPayPal().send(request)
        if request.method == "GET":
            return HttpResponse(200, body=json.dumps(self.content).encode())
        key = request.header("paypal-request-id")
        self.keys.append(key)
        if self.decline_next or key in self.declined:
            self.declined.add(key)
            self.decline_next = False
            return HttpResponse(422, body=json.dumps(DECLINED).encode())
        return HttpResponse(201, body=json.dumps(order(captures=[capture()])).encode())

    def close(self):
        pass


def test_a_declined_payer_comes_back_with_another_card():
    peer = Peer(approved("2026-01-02T03:03:00Z"))
    client = Client(PayPal(CONFIG), transport=peer)
    declined = client.complete(REF, idempotency_key="c1")
    assert (declined.status, declined.code) == (S.REQUIRES_ACTION, "INSTRUMENT_DECLINED")
    assert declined.next == Redirect("https://www.sandbox.paypal.com/checkoutnow?token=1&again")
    # A webhook that comes twice is the same attempt: PayPal repeats its refusal, and no card is
    # tried behind the payer's back.
    assert client.complete(REF, idempotency_key="c1").status is S.REQUIRES_ACTION
    assert len(set(peer.keys)) == 1
    # The payer approves anew, which PayPal dates.
    peer.content = approved("2026-01-02T03:09:00Z")
    assert client.complete(REF, idempotency_key="c1").status is S.SUCCEEDED
    assert len(set(peer.keys)) == 2


def test_another_key_is_another_attempt():
    """The way out where PayPal does not date the new approval."""
    peer = Peer(approved("2026-01-02T03:03:00Z"))
    client = Client(PayPal(CONFIG), transport=peer)
    assert client.complete(REF, idempotency_key="c1").status is S.REQUIRES_ACTION
    assert client.complete(REF, idempotency_key="c2").status is S.SUCCEEDED


def test_the_payer_is_sent_to_paypal_only():
    for href in (
        "https://evil.example/",
        "http://www.sandbox.paypal.com/",
        "https://www.paypal.com@evil.example/",
    ):
        content = {**order(status="CREATED"), "links": [{"href": href, "rel": "approve"}]}
        peer = Peer(content)
        assert Client(PayPal(CONFIG), transport=peer).fetch_payment(REF).next is None


def test_the_payer_may_be_sent_to_the_configured_address():
    base = "http://127.0.0.1:8100/paypal"
    config = PayPalConfig(client_id="c", client_secret="s", base_url=base)
    for href, expected in (
        ("http://127.0.0.1:8100/paypal/checkoutnow?token=1", True),
        ("http://127.0.0.1:8100@evil.example/", False),
        ("http://127.0.0.1:8101/", False),
        ("https://127.0.0.1:8100/", False),
    ):
        content = {**order(status="CREATED"), "links": [{"href": href, "rel": "approve"}]}
        found = Client(PayPal(config), transport=Peer(content)).fetch_payment(REF).next
        assert found == (Redirect(href) if expected else None)
