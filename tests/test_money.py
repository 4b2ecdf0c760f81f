"""Money: exact in, exact out, and no floats."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from paykit import InvalidRequest, Money
from paykit.money import currencies, exponent

CODES = sorted(currencies())


def test_exponents_are_those_of_iso_4217():
    # Metals, test codes and units of account have no exponent; nobody pays with them.
    official = {c.code.upper(): c.exponent for c in Currency if c.exponent is not None}
    ours = {code: exponent(code) for code in CODES}
    withdrawn = {"CUC", "HRK", "SLL", "ZWL", "BGN", "ANG"}
    assert {code: official[code] for code in ours if code in official} == {
        code: places for code, places in ours.items() if code in official
    }
    assert set(official) - set(ours) <= withdrawn
    assert set(ours) - set(official) <= {"VED", "XCG", "ZWG", "XAD", "SLE"}


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.99", "USD", 1999),
        ("150000", "VND", 150_000),
        (150_000, "VND", 150_000),
        (Decimal("1.2345"), "CLF", 12_345),
        ("1.5", "KWD", 1_500),
        ("-3", "JPY", -3),
        ("+0.10", "EUR", 10),
        ("1.000", "USD", 100),
        ("0.00", "VND", 0),
        (Decimal("0E+50"), "USD", 0),
        (Decimal("1E+2"), "VND", 100),
    ],
)
def test_of(amount, currency, minor):
    assert Money.of(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "amount",
    [
        "19.999", "1e3", "1,000", " 1", "1 ", "", ".", "1.", ".5", "NaN", "Infinity", "1_000",
        "١٠٠", "１００", "0x10", "--1", "9" * 40, 19.99, 1.0, True, None, [], b"1",
        Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999"), Decimal("1E-999999"),
        Decimal("0.001"),
    ],
)  # fmt: skip
def test_of_refuses(amount):
    with pytest.raises(InvalidRequest):
        Money.of(amount, "USD")


@pytest.mark.parametrize("minor", [1.0, True, "1", None, Decimal(1), 2**63, -(2**63)])
def test_only_integers_of_64_bits(minor):
    with pytest.raises(InvalidRequest):
        Money(minor, "VND")


@pytest.mark.parametrize("currency", ["vnd", "XXX", "", None, "VNDD", 704, ["VND"]])
def test_only_iso_currencies(currency):
    with pytest.raises(InvalidRequest):
        Money(1, currency)
    with pytest.raises(InvalidRequest):
        Money.of("1", currency)


def test_arithmetic():
    one, two = Money(100, "USD"), Money(250, "USD")
    assert (one + two, two - one, -one, one * 3, 3 * one) == (
        Money(350, "USD"),
        Money(150, "USD"),
        Money(-100, "USD"),
        Money(300, "USD"),
        Money(300, "USD"),
    )
    assert one < two <= two
    assert two > one >= one
    assert bool(one)
    assert not Money(0, "USD")
    assert Money(100, "USD") != Money(100, "EUR")


@pytest.mark.parametrize("other", [Money(1, "EUR"), 1, 1.0, None, "1"])
def test_arithmetic_refuses_anything_else(other):
    one = Money(1, "USD")
    for operation in (
        lambda: one + other,
        lambda: one - other,
        lambda: one < other,
        lambda: one <= other,
        lambda: one > other,
        lambda: one >= other,
    ):
        with pytest.raises(InvalidRequest):
            operation()
    for factor in (1.5, True, one):
        with pytest.raises(InvalidRequest):
            one * factor
    with pytest.raises(InvalidRequest):
        float(one)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(150_000, "VND"), "150.000\N{NO-BREAK SPACE}₫"),
        (Money(-1_500_000, "VND"), "-1.500.000\N{NO-BREAK SPACE}₫"),
        (Money(0, "VND"), "0\N{NO-BREAK SPACE}₫"),
        (Money(1999, "USD"), "$19.99"),
        (Money(-5, "USD"), "-$0.05"),
        (Money(123_456_789, "EUR"), "€1,234,567.89"),
        (Money(1_234_500, "KWD"), "1,234.500\N{NO-BREAK SPACE}KWD"),
        (Money(1000, "JPY"), "¥1,000"),
    ],
)
def test_format(money, text):
    assert money.format() == text


MONEY = st.builds(
    Money, st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1), st.sampled_from(CODES)
)


@given(MONEY)
def test_there_and_back(money):
    assert Money.of(money.to_text(), money.currency) == money
    assert Money.of(money.to_decimal(), money.currency) == money
    assert str(money) == f"{money.to_text()} {money.currency}"


@given(st.text())
def test_any_text_is_money_or_refused(text):
    try:
        money = Money.of(text, "KWD")
    except InvalidRequest:
        return
    assert money.to_decimal() == Decimal(text)


@given(st.floats(), st.sampled_from(CODES))
def test_no_float_ever(number, currency):
    with pytest.raises(InvalidRequest):
        Money.of(number, currency)
