"""Card numbers are kept out, ordinary numbers are not; declines have one vocabulary."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    Customer,
    Declined,
    DeclineReason,
    InvalidRequest,
    LineItem,
    Money,
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    RefundRequest,
    TokenRequest,
    advice,
)
from paykit.cards import holds_card_number, is_card_number, looks_like_card_id
from paykit.declines import ADVICE

NUMBERS = [
    "4242424242424242",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "2720990000000007",
    "378282246310005",
    "6011111111111117",
    "3566002020360505",
    "30569309025904",
    "6200000000000005",
    "6759649826438453",
    "9704198526191432198",
]
STARTS = ["4", "51", "2221", "2720", "34", "6011", "3528", "300", "62", "5018", "9704", "2200"]


def with_check_digit(digits):
    return next(f"{digits}{last}" for last in range(10) if luhn(f"{digits}{last}"))


def luhn(digits):
    """Luhn as ISO/IEC 7812-1 words it: double every second digit from the right, add the digits."""
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(digits[::-1])]
    return sum(sum(map(int, str(number))) for number in doubled) % 10 == 0


def request(**fields):
    return PaymentRequest(**{"reference": "A-1", "amount": Money(1000, "VND"), **fields})


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "fields",
    [
        lambda n: {"description": f"paid by {n}"},
        lambda n: {"description": f"({n})"},
        lambda n: {"metadata": {"note": n}},
        lambda n: {"metadata": {n: "note"}},
        lambda n: {"metadata": {"note": f"{n[:4]} {n[4:8]} {n[8:12]} {n[12:]}".strip()}},
        lambda n: {"metadata": {"note": f"{n[:4]}-{n[4:10]}-{n[10:]}"}},
        lambda n: {"metadata": {"note": f"order 123 {n}"}},
        lambda n: {"metadata": {"note": n.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))}},
        lambda n: {"extra": {"deep": [{"er": n}]}},
        lambda n: {"extra": {"number": int(n)}},
        lambda n: {"extra": {"number": Decimal(n)}},
        lambda n: {
            "description": f"{n[:4]}  {n[4:8]}\u2013{n[8:12]}\u200b{n[12:]}".strip("\u200b")
        },
    ],
)
def test_a_card_number_is_refused_and_not_repeated(number, fields):
    with pytest.raises(InvalidRequest, match="card number") as caught:
        request(**fields(number))
    assert number not in str(caught.value)


@pytest.mark.parametrize("number", [n for n in NUMBERS if len(n) <= 16])
@pytest.mark.parametrize("field", ["reference", "order_id", "idempotency_key"])
def test_an_id_that_is_a_card_number_is_refused(number, field):
    with pytest.raises(InvalidRequest, match=f"{field}: holds a card number"):
        request(**{field: number})


@pytest.mark.parametrize("number", [n for n in NUMBERS if len(n) <= 16])
def test_a_token_that_is_a_card_number_is_refused(number):
    with pytest.raises(InvalidRequest, match="value: holds a card number"):
        PaymentToken(provider="stripe", value=number)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Customer(id=n),
        lambda n: Customer(name=f"Card {n}"),
        lambda n: TokenRequest(reference="L-1", customer_id="C-1", grant=n),
        lambda n: TokenRequest(reference="L-1", customer_id=n),
    ],
)
def test_so_is_one_in_what_goes_along(make):
    with pytest.raises(InvalidRequest, match="card number") as caught:
        make("4242424242424242")
    assert "4242" not in str(caught.value)
    make("4242424242424241")


def test_a_bar_code_is_taken():
    assert is_card_number("4002240017303")
    LineItem(id="4002240017303", name="Pen 4002240017303", price=Money(1, "VND"))


def test_a_refund_with_a_card_number_is_refused():
    with pytest.raises(InvalidRequest, match="card number"):
        RefundRequest(
            payment=PaymentRef(reference="A-1"), reference="R-1", description="to 4242424242424242"
        )


@given(st.sampled_from(STARTS), st.data())
def test_every_number_of_a_scheme_is_found_in_text(start, data):
    length = {"34": 15, "300": 14}.get(start, 16)
    size = length - len(start) - 1
    middle = data.draw(st.text("0123456789", min_size=size, max_size=size))
    number = with_check_digit(start + middle)
    assert is_card_number(number)
    assert holds_card_number({"note": f"see {number}."})
    assert not is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_numbers_of_up_to_twelve_digits_are_ids(number):
    assert not holds_card_number(str(number))
    request(order_id=str(number), metadata={"order": str(number)}, description=str(number))


@given(st.dates(date(2022, 1, 1), date(2027, 12, 31)), st.integers(0, 10**10 - 1))
def test_ids_that_count_from_a_date_are_ids(day, count):
    for text in (f"{day:%y%m%d}{count:010d}", f"{day:%Y%m%d}{count:08d}"[:16]):
        assert not looks_like_card_id(text)
        request(reference=text, order_id=text, description=f"Order {text}", metadata={"a": text})
        request(description=f"Order {text}", metadata={"order": text})


@given(st.integers(min_value=10**16, max_value=10**20))
def test_long_ids_are_ids(number):
    text = str(number)
    request(reference=text, order_id=text, description=f"Order {text}", metadata={"a": text})


@given(st.integers(min_value=8 * 10**15, max_value=9 * 10**15 - 1))
def test_ids_of_a_gateway_that_begin_with_8_are_ids(number):
    assert PaymentToken(provider="adyen", value=str(number)).value == str(number)


@given(st.uuids())
def test_a_uuid_is_no_card_number(value):
    request(reference=str(value), metadata={"cart": str(value)}, description=f"cart {value}")


@pytest.mark.parametrize(
    "text",
    [
        "0912345678",
        "+84 912 345 678",
        "1764122400000",
        "2026-11-26 04:05:06",
        "4242424242424241",
        "1111111111111117",
        "order 4242 of 2026",
        "4242 4242 4242",
        "1.234.567.890.123 đồng",
        "abc4242424242424242def",
    ],
)
def test_ordinary_texts_are_taken(text):
    assert request(description=text, metadata={"note": text}).description == text


@pytest.mark.untraced
def test_text_of_a_megabyte_is_searched_in_linear_time():
    assert not holds_card_number("1 " * 500_000)
    assert holds_card_number("1 " * 500_000 + "4242424242424242")


def test_a_number_with_a_point_is_searched_too():
    with pytest.raises(InvalidRequest, match="card number"):
        request(extra={"number": 4242424242424242.0})
    for strange in (float("nan"), float("inf"), 1e300, Decimal("1E+400"), Decimal("sNaN")):
        assert not holds_card_number(strange)


def test_metadata_is_text():
    with pytest.raises(InvalidRequest, match="metadata: must be texts"):
        request(metadata={"number": 1})


def test_off_session_needs_a_token():
    with pytest.raises(InvalidRequest, match="off_session"):
        request(off_session=True)


def test_every_reason_has_advice():
    assert set(ADVICE) == set(DeclineReason)


@pytest.mark.parametrize(
    ("reason", "this_card", "another_card", "tell"),
    [
        ("insufficient_funds", True, True, True),
        ("card_declined", False, True, True),
        ("expired_card", False, True, True),
        ("incorrect_cvc", True, True, True),
        ("fraud_suspected", False, True, False),
        ("lost_or_stolen", False, True, False),
        ("authentication_required", True, True, True),
        ("processing_error", True, True, True),
        ("duplicate_transaction", False, False, True),
        ("a word of tomorrow", False, True, True),
        (None, False, True, True),
    ],
)
def test_advice(reason, this_card, another_card, tell):
    found = advice(reason)
    assert (found.this_card, found.another_card, found.tell_payer) == (
        this_card,
        another_card,
        tell,
    )


def test_the_reason_of_an_error_is_looked_up():
    error = Declined("no", reason="incorrect_cvc", provider="stripe")
    assert advice(error.reason).this_card
