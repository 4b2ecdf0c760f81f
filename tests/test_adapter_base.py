"""What adapters share: forms, whole payments, HTTP statuses, secrets in headers, forms of values."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from paykit import (
    AuthenticationFailed,
    ConfigurationError,
    Delivery,
    HttpResponse,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    Money,
    NotFound,
    OutcomeUnknown,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    SePayGateway,
    SignatureError,
    StaleDelivery,
)
from paykit.flow import run
from paykit.http import basic_auth
from paykit.retries import retry_after
from paykit.signing import check_fresh, joined, seal_header
from paykit.testing.conformance.base import Wire
from paykit.wire import CamelWire, Dong, DongText, Id, Message, VietnamTime

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
S = PaymentStatus
PRICE = Money(150_000, "VND")
PROVIDER = SePayGateway.from_dict(
    {"merchant_id": "M", "secret_key": "secret-1", "ipn_secret": "secret-2"}, clock=lambda: NOW
)


class Shape(CamelWire):
    some_id: Id
    amount_in: Dong = 0
    paid_in: DongText = 0
    at: VietnamTime = NOW


def shape(**fields):
    return Shape.read({"someId": "1", **fields}, provider="x")


# Forms of values.


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02 10:04:05", NOW),
        ("2026-01-02T10:04:05", NOW),
        ("2026-01-02", datetime(2026, 1, 1, 17, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", NOW),
        ("2026-01-02 10:04:05+07:00", NOW),
        ("2024-02-29 00:00:00", datetime(2024, 2, 28, 17, tzinfo=UTC)),
    ],
)
def test_a_time_in_vietnam(text, moment):
    read = shape(at=text).at
    assert (read, read.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-30 10:04:05",
        "2026-01-02 24:00:00",
        " 2026-01-02 10:04:05",
        "2026-01-02 10:04:05\n",
        "02/01/2026 10:04:05",
        "٢٠٢٦-01-02 10:04:05",
        "0001-01-01 00:00:00",
        1767323045,
        None,
        NOW,
    ],
)
def test_another_time_is_refused(text):
    with pytest.raises(MalformedResponse, match="at"):
        shape(at=text)


@given(st.integers(0, 10**15 - 1), st.sampled_from(["", ".00"]))
def test_dong_in_text(amount, rest):
    assert shape(paidIn=f"{amount}{rest}").paid_in == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.0",
        "1.000",
        "1.50",
        "-1",
        "+1",
        "1e3",
        "1,000",
        " 1",
        "1 ",
        "1\n",
        "١",
        "１",
        "1_0",
        ".00",
        "9" * 16,
        1,
        1.0,
        True,
        None,
    ],
)
def test_another_amount_in_text_is_refused(text):
    with pytest.raises(MalformedResponse, match="paidIn"):
        shape(paidIn=text)


@pytest.mark.parametrize("number", [0, 1, -1, 2**53 - 1, 1 - 2**53])
def test_dong_as_a_number(number):
    assert shape(amountIn=number).amount_in == number


@pytest.mark.parametrize("number", [2**53, -(2**53), 1.0, "1", True, None])
def test_another_number_is_refused(number):
    with pytest.raises(MalformedResponse, match="amountIn"):
        shape(amountIn=number)


def test_a_notice_that_cannot_be_read():
    with pytest.raises(MalformedDelivery, match="someId"):
        Shape.told({}, provider="x")


def test_basic_authentication():
    # RFC 7617, section 2.
    assert basic_auth("Aladdin", "open sesame") == {
        "Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    }


# Joined texts.


def test_joined_takes_the_named_ones_in_their_order():
    pairs = [("b", "2"), ("x", "y,b=1"), ("a", ""), ("c", "Đơn, hàng=1")]
    assert joined(pairs, ["a", "b", "c"], by=",").decode() == "b=2,a=,c=Đơn, hàng=1"


@pytest.mark.parametrize("value", ["1,b=2", ",a=", "x\ny", "x\r", "x\x00", "x\u2028y"])
def test_joined_refuses_what_reads_as_something_else(value):
    with pytest.raises(InvalidRequest) as caught:
        joined([("a", value)], ["a", "b"], by=",")
    assert caught.value.field == "a"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("ab=,&x", max_size=4)), max_size=4))
def test_two_forms_never_share_a_text(pairs):
    pairs = list(dict(pairs).items())
    try:
        text = joined(pairs, "abc", by=",").decode()
    except InvalidRequest:
        return
    cuts = [
        cut
        for cut in range(len(text))
        if text[cut : cut + 1] == ","
        and text[cut + 1 : cut + 2] in "abc"
        and text[cut + 2 : cut + 3] == "="
    ]
    assert len(cuts) == max(len(pairs) - 1, 0)


# Secrets in headers.


def knock(headers, *secrets, scheme=""):
    delivery = Delivery("POST", headers=headers, body=b'{"a":1}')
    return seal_header(delivery, "X-Key", *map(SecretStr, secrets), scheme=scheme).fields


def test_a_secret_in_a_header():
    assert knock({"x-key": "s3cret"}, "s3cret") == {"a": 1}
    assert knock({"X-Key": "old"}, "new", "old") == {"a": 1}
    assert knock({"X-Key": "Apikey s3cret"}, "s3cret", scheme="Apikey") == {"a": 1}


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ({}, ""),
        ({"X-Key": ""}, ""),
        ({"X-Key": "s3cre"}, ""),
        ({"X-Key": "s3cret "}, ""),
        ({"X-Key": " s3cret"}, ""),
        ({"X-Key": "S3CRET"}, ""),
        ({"X-Key": "s3cret\u200b"}, ""),
        ([("X-Key", "s3cret"), ("X-Key", "s3cret")], ""),
        ({"X-Key": "s3cret"}, "Apikey"),
        ({"X-Key": "Apikey"}, "Apikey"),
        ({"X-Key": "Apikey "}, "Apikey"),
        ({"X-Key": "apikey s3cret"}, "Apikey"),
        ({"X-Key": "Apikey  s3cret"}, "Apikey"),
        ({"X-Key": "Bearer Apikey s3cret"}, "Apikey"),
        ({"X-Key": "Apikeys3cret"}, "Apikey"),
    ],
)
def test_another_secret_is_refused(headers, scheme):
    with pytest.raises(SignatureError):
        knock(headers, "s3cret", scheme=scheme)


def test_without_a_secret_nobody_comes_in():
    with pytest.raises(SignatureError):
        knock({"X-Key": "s3cret"})
    with pytest.raises(ConfigurationError):
        knock({"X-Key": ""}, "")


def test_proven_and_not_readable():
    for body in (b"[]", b"{", b"\xff", b""):
        delivery = Delivery("POST", headers={"X-Key": "s"}, body=body)
        with pytest.raises(MalformedDelivery):
            seal_header(delivery, "X-Key", SecretStr("s"))


def test_parts_of_what_is_proven():
    delivery = Delivery("POST", headers={"X-Key": "s"}, body=b'{"a":{"b":"c"},"d":"e"}')
    verified = seal_header(delivery, "X-Key", SecretStr("s"))
    assert (verified.inside("a"), verified.text("d")) == ({"b": "c"}, "e")
    for wrong in (
        lambda: verified.inside("d"),
        lambda: verified.text("a"),
        lambda: verified.text("x"),
    ):
        with pytest.raises(MalformedDelivery):
            wrong()


@pytest.mark.parametrize(
    ("seconds", "fresh"), [(-11, False), (-10, True), (0, True), (60, True), (61, False)]
)
def test_less_time_into_the_future(seconds, fresh):
    def check():
        moment = NOW - timedelta(seconds=seconds)
        check_fresh(moment, now=NOW, tolerance=timedelta(seconds=60), ahead=timedelta(seconds=10))

    if fresh:
        check()
    else:
        with pytest.raises(StaleDelivery, match="old" if seconds > 0 else "in the future"):
            check()


def test_the_pause_under_another_name():
    response = HttpResponse(429, {"X-Other": "7"})
    assert retry_after(response) is None
    assert retry_after(response, header="x-other") == 7.0


# Forms, payments, events.


def form(fields, order=(), **extra):
    request = PaymentRequest(reference="R", amount=PRICE, extra=extra)
    return PROVIDER.form(request, fields, order)


def test_a_form_in_its_order():
    fields = {"c": "3", "a": "1", "n": None}
    assert form(fields, ["a", "b", "c"], b="2", z="9") == (
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("z", "9"),
    )
    assert form(fields, c="3") == (("c", "3"), ("a", "1"))


@pytest.mark.parametrize(
    "extra", [{"c": "4"}, {"n": "x"}, {"signature": "x"}, {"z": 1}, {"z": None}]
)
def test_extra_cannot_change_a_form(extra):
    with pytest.raises(InvalidRequest) as caught:
        form({"c": "3", "n": None}, **extra)
    assert caught.value.field == "extra"


@pytest.mark.parametrize(
    ("status", "captured", "refunded"),
    [
        (S.PENDING, None, None),
        (S.CANCELED, None, None),
        (S.UNKNOWN, None, None),
        (S.SUCCEEDED, PRICE, None),
        (S.REFUNDED, PRICE, PRICE),
    ],
)
def test_a_whole_payment_and_its_event(status, captured, refunded):
    payment = PROVIDER.whole_payment("R", status, PRICE, provider_id="P", code="C", occurred_at=NOW)
    event = PROVIDER.as_event(payment, event_id="E")
    for told in (payment, event):
        assert (told.captured, told.refunded) == (captured, refunded)
        assert (told.reference, told.provider_id, told.code, told.occurred_at) == (
            "R",
            "P",
            "C",
            NOW,
        )
    with pytest.raises(MalformedResponse):
        PROVIDER.as_event(PROVIDER.whole_payment("R", status, None), event_id="E")


@pytest.mark.parametrize(
    ("ref", "same"),
    [
        (PaymentRef(reference="R"), True),
        (PaymentRef(reference="R", amount=PRICE), True),
        (PaymentRef(reference="R2"), False),
        (PaymentRef(reference="R", amount=PRICE * 2), False),
        (PaymentRef(reference="R", amount=Money(150_000, "USD")), False),
    ],
)
def test_the_payment_that_was_asked_about(ref, same):
    payment = PROVIDER.whole_payment("R", S.SUCCEEDED, PRICE)
    if same:
        assert PROVIDER.same(ref, payment) is payment
    else:
        with pytest.raises(MalformedResponse):
            PROVIDER.same(ref, payment)


def test_a_reference_of_another_form():
    assert PROVIDER.check_reference("A-1_b") == "A-1_b"
    for reference in ("", "A 1", "A.1", "é", "A\n", "٣", "A" * 101):
        with pytest.raises(InvalidRequest, match="A-Za-z0-9"):
            PROVIDER.check_reference(reference)


# HTTP statuses.


def ask(response, *, moves_money=False, at=None):
    call = PROVIDER.post("/x", {"a": 1}, moves_money=moves_money)
    wire = Wire([response])
    return run(PROVIDER.ask_for(call, Message, lambda told: told.message, at=at), wire.send)


def test_an_answer_of_its_shape():
    assert ask(HttpResponse(200, body=b'{"message":"done"}')) == "done"
    assert ask(HttpResponse(201, body=b'{"data":{"message":"done"}}'), at="data") == "done"


@pytest.mark.parametrize("body", [b"{}", b'{"message":1}', b'{"data":null}', b"[]", b"<html>"])
@pytest.mark.parametrize("at", [None, "data"])
def test_an_answer_of_another_shape(body, at):
    with pytest.raises(MalformedResponse):
        ask(HttpResponse(200, body=body), at=at)
    with pytest.raises(OutcomeUnknown):
        ask(HttpResponse(200, body=body), at=at, moves_money=True)


@pytest.mark.parametrize(
    ("status", "error", "after_money"),
    [
        (301, MalformedResponse, OutcomeUnknown),
        (400, ProviderError, ProviderError),
        (401, AuthenticationFailed, AuthenticationFailed),
        (403, AuthenticationFailed, AuthenticationFailed),
        (404, NotFound, NotFound),
        (422, ProviderError, ProviderError),
        (429, RateLimited, RateLimited),
        (500, ProviderUnavailable, OutcomeUnknown),
        (503, ProviderUnavailable, OutcomeUnknown),
    ],
)
def test_what_a_status_means(status, error, after_money):
    response = HttpResponse(status, body=b'{"message":"no"}')
    for moves_money, kind in ((False, error), (True, after_money)):
        with pytest.raises(kind) as caught:
            ask(response, moves_money=moves_money)
        assert type(caught.value) is kind
        if kind in {ProviderError, AuthenticationFailed, NotFound}:
            assert (caught.value.code, caught.value.message) == (str(status), "no")


def test_an_event_id_is_of_one_account():
    other = SePayGateway.from_dict(
        {"merchant_id": "M", "secret_key": "s", "ipn_secret": "s", "account": "other"}
    )
    ids = {
        PROVIDER.event_id("PAID", "1"),
        PROVIDER.event_id("VOID", "1"),
        PROVIDER.event_id("PAID", "2"),
        other.event_id("PAID", "1"),
    }
    assert len(ids) == 4
    assert PROVIDER.event_id("PAID", "1") in ids
