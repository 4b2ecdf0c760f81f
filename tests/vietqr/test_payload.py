"""Codes as values, and the text that is written."""

from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import InvalidRequest, Money
from paykit.vietqr import (
    ASK_PAYER,
    MAX_PURPOSE,
    TRANSFER_LIMIT,
    Initiation,
    Service,
    Tip,
    VietQRPayload,
    banks,
    memo,
    parse,
    tlv,
)

VND = "VND"
#: The fields of the longest code that is possible.
FULL = VietQRPayload(
    bank_bin="970436",
    account="1017595600",
    amount=Money(150_000, VND),
    purpose="DH1001",
    bill_number="B1",
    mobile_number="0912345678",
    store_label="S1",
    loyalty_number="L1",
    reference_label="R1",
    customer_label="C1",
    terminal_label="T1",
    consumer_data_request="AME",
    merchant_category="5812",
    merchant_name="HOA1",
    merchant_city="HANOI",
    postal_code="100000",
    tip=Tip(Money(10_000, VND)),
    others=(("26", "0002AB"), ("38.03", "x"), ("62.50", "0002CD"), ("80", "046")),
)


def refused(call, *arguments, **options):
    with pytest.raises(InvalidRequest) as caught:
        call(*arguments, **options)
    return caught.value.field, str(caught.value).partition(": ")[2]


# Memos.


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Thanh toán đơn hàng #1001", "Thanh toan don hang 1001"),
        ("DH-1001", "DH1001"),
        ("DH_1001/2", "DH10012"),
        ("  nhiều\t\n  khoảng\u00a0trắng  ", "nhieu khoang trang"),
        ("ĐƠN", "DON"),
        ("đơn 越南 😀 5", "don 5"),
        ("---", ""),
        ("½ ① Ａ", ""),  # never digits or letters that were not there
    ],
)
def test_memo(text, plain):
    assert memo(text) == plain


def test_a_memo_is_of_a_text_with_an_end():
    assert refused(memo, "x" * 1001) == ("purpose", "longer than 1000 characters")
    assert refused(memo, None) == ("purpose", "must be a str, not NoneType")
    assert refused(memo, "") == ("purpose", "must not be empty")


@given(st.text(min_size=1, max_size=100))
def test_a_memo_is_plain_and_stays(text):
    plain = memo(text)
    assert plain.isascii()
    assert all(word.isalnum() for word in plain.split(" ") if plain)
    assert not plain or memo(plain) == plain


# What a bank's customer asks for.


def test_a_static_code():
    payload = VietQRPayload.of("970422", "0123456789")
    assert payload == VietQRPayload(bank_bin="970422", account="0123456789")
    assert payload.initiation is Initiation.STATIC
    assert payload.to_text() == (
        "00020101021138540010A00000072701240006970422011001234567890208QRIBFTTA53037045802VN6304B1A7"
    )


def test_a_dynamic_code_with_a_vietnamese_purpose():
    payload = VietQRPayload.of(
        "MB", "0023457923442", amount=Money(40_123, VND), purpose="chuyển khoản"
    )
    assert payload.purpose == "chuyen khoan"
    assert payload.initiation is Initiation.DYNAMIC
    # The text that the Go package subiz/vietqr has in its tests.
    assert payload.to_text() == (
        "00020101021238570010A00000072701270006970422011300234579234420208QRIBFTTA53037045405401235802VN62160812chuyen khoan6304722F"
    )


def test_a_card():
    payload = VietQRPayload.of("Sacombank", "9704031101234567", card=True)
    assert payload.service is Service.CARD
    assert payload.to_text() == (
        "00020101021138600010A00000072701300006970403011697040311012345670208QRIBFTTC53037045802VN63044F52"
    )
    assert refused(VietQRPayload.of, "970403", "97040311A1234567", card=True) == (
        "account",
        "a card number is digits only",
    )


@pytest.mark.parametrize(
    "bank", ["970415", "ICB", "icb", "CTG", "VietinBank", "Công thương Việt Nam"]
)
def test_a_bank_by_any_of_its_names(bank):
    assert VietQRPayload.of(bank, "1").bank_bin == "970415"
    assert VietQRPayload.of(banks.find(bank), "1").bank == banks.by_bin("970415")


def test_a_bank_that_is_not_in_the_table_has_no_bank():
    payload = VietQRPayload(bank_bin="970499", account="1")
    assert payload.bank is None
    assert parse(payload.to_text()) == payload


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"bank": "BVB"}, "bank"),
        ({"bank": "970499"}, "bank"),
        ({"bank": ""}, "bank"),
        ({"bank": None}, "bank"),
        ({"bank": "BIDC"}, "bank"),  # it has no BIN
        ({"account": ""}, "account"),
        ({"account": "1017 595 600"}, "account"),
        ({"account": "1017-595-600"}, "account"),
        ({"account": "1" * 20}, "account"),
        ({"account": "１０１７"}, "account"),
        ({"account": "á1"}, "account"),
        ({"account": "1017\n"}, "account"),
        ({"account": 1017}, "account"),
        ({"amount": Money(0, VND)}, "amount"),
        ({"amount": Money(-1, VND)}, "amount"),
        ({"amount": Money(500_000_000, VND)}, "amount"),
        ({"amount": Money(10**13, VND)}, "amount"),
        ({"amount": Money(100, "USD")}, "amount"),
        ({"amount": 150_000}, "amount"),
        ({"amount": "150000"}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"purpose": "x" * 26}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": " !? "}, "purpose"),
        ({"purpose": "越南"}, "purpose"),
        ({"purpose": 5}, "purpose"),
    ],
)
def test_what_is_not_built(options, field):
    asked = {"bank": "VCB", "account": "1017595600", **options}
    assert refused(VietQRPayload.of, asked.pop("bank"), asked.pop("account"), **asked)[0] == field


def test_the_limits_themselves_are_built():
    payload = VietQRPayload.of(
        "970407", "9" * 19, amount=TRANSFER_LIMIT - Money(1, VND), purpose="á" * MAX_PURPOSE
    )
    assert (payload.amount, payload.purpose) == (Money(499_999_999, VND), "a" * 25)
    assert parse(payload.to_text()) == payload
    assert VietQRPayload.of("970407", "9", amount=Money(1, VND)).amount == Money(1, VND)


def test_a_purpose_is_never_cut():
    # "DH100" is another order than "DH1001".
    assert refused(VietQRPayload.of, "VCB", "1", purpose="Thanh toan don hang DH1001") == (
        "purpose",
        "26 characters, at most 25 are allowed",
    )


def test_the_payer_may_be_asked():
    payload = VietQRPayload.of("VCB", "1", purpose=ASK_PAYER)
    assert "62070803***" in payload.to_text()
    assert parse(payload.to_text()) == payload


# Exact values.


def test_every_field_at_its_place():
    fields = """
        0002 01 0102 12 2606 0002AB
        3859 0010A000000727 0124 0006970436 01101017595600 0208QRIBFTTA 0301x
        5204 5812 5303 704 5406 150000 5502 02 5605 10000 5802 VN
        5904 HOA1 6005 HANOI 6106 100000
        6277 0102B1 02100912345678 0302S1 0402L1 0502R1 0602C1 0702T1 0806DH1001 0903AME 50060002CD
        8003 046
    """
    assert FULL.to_text() == tlv.seal("".join(fields.split()))
    assert parse(FULL.to_text()) == FULL


@pytest.mark.parametrize(
    ("tip", "written"),
    [
        (None, "5802VN"),
        (Tip(), "5502015802VN"),
        (Tip(Money(5_000, VND)), "550202560450005802VN"),
        (Tip(Decimal("2.5")), "550203570502.505802VN"),
        (Tip(Decimal("99.99")), "550203570599.995802VN"),
        (Tip(Decimal("0.01")), "550203570500.015802VN"),
    ],
)
def test_tips(tip, written):
    payload = VietQRPayload(bank_bin="970436", account="1", tip=tip)
    assert f"5303704{written}6304" in payload.to_text()
    assert parse(payload.to_text()) == payload


@pytest.mark.parametrize(
    "fee",
    [
        Money(0, VND), Money(-1, VND), Money(1, "USD"), Decimal(0), Decimal("0.001"), Decimal(100),
        Decimal("99.991"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal(-1), 5, 1.5,
        "2.5",
    ],
)  # fmt: skip
def test_no_such_tip(fee):
    assert refused(Tip, fee)[0] == "tip"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bank_bin": "97043"}, "bank_bin"),
        ({"bank_bin": "9704361"}, "bank_bin"),
        ({"bank_bin": "97043A"}, "bank_bin"),
        ({"bank_bin": "９７０４３６"}, "bank_bin"),
        ({"bank_bin": 970436}, "bank_bin"),
        ({"bank_bin": None}, "bank_bin"),
        ({"service": "QRIBFTTA"}, "service"),
        ({"amount": Money(10**13, VND)}, "amount"),
        ({"purpose": "x" * 26}, "purpose"),
        ({"purpose": "Thanh toán"}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({"bill_number": "x" * 26}, "bill_number"),
        ({"mobile_number": "x" * 26}, "mobile_number"),
        ({"store_label": "x" * 26}, "store_label"),
        ({"loyalty_number": "x" * 26}, "loyalty_number"),
        ({"reference_label": "x" * 26}, "reference_label"),
        ({"customer_label": "x" * 26}, "customer_label"),
        ({"terminal_label": "x\n"}, "terminal_label"),
        ({"consumer_data_request": "x" * 100}, "consumer_data_request"),
        ({"merchant_category": "581"}, "merchant_category"),
        ({"merchant_category": "581A"}, "merchant_category"),
        ({"merchant_name": "x" * 26}, "merchant_name"),
        ({"merchant_name": "Cửa hàng"}, "merchant_name"),
        ({"merchant_city": "x" * 16}, "merchant_city"),
        ({"postal_code": "x" * 11}, "postal_code"),
        ({"postal_code": 100_000}, "postal_code"),
        ({"tip": Money(1, VND)}, "tip"),
        ({"others": (("80", "1"), ("80", "2"))}, "others"),
        ({"others": (("54", "1"),)}, "others"),
        ({"others": (("63", "1"),)}, "others"),
        ({"others": (("62", "0806DH1001"),)}, "others"),
        ({"others": (("62.08", "DH1001"),)}, "others"),
        ({"others": (("38.01.01", "1"),)}, "others"),
        ({"others": (("80.01", "1"),)}, "others"),
        ({"others": (("8", "1"),)}, "others"),
        ({"others": (("80", ""),)}, "others"),
        ({"others": (("80", "x" * 100),)}, "others"),
        ({"others": (("80", "á"),)}, "others"),
        ({"others": (("80", 5),)}, "others"),
    ],
)
def test_no_such_value(changes, field):
    assert refused(attrs.evolve, FULL, **changes)[0] == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"service": None}, "service"),
        ({"amount": TRANSFER_LIMIT}, "amount"),
        ({"amount": Money(10**13 - 1, VND)}, "amount"),
        ({"purpose": "DH-1001"}, "purpose"),
        ({"purpose": "DH  1001"}, "purpose"),
        ({"purpose": " DH1001"}, "purpose"),
        ({"purpose": "**"}, "purpose"),
        ({"consumer_data_request": "AA"}, "consumer_data_request"),
        ({"consumer_data_request": "INV-2024"}, "consumer_data_request"),
        ({"service": Service.CARD, "account": "ABC123"}, "account"),
        ({"bill_number": "x" * 25, "store_label": "y" * 25, "terminal_label": "z" * 25}, "62"),
        ({"others": (("38.03", "x" * 90),)}, "38"),
    ],
)
def test_a_value_that_may_be_read_and_is_not_written(changes, field):
    assert refused(attrs.evolve(FULL, **changes).to_text)[0] == field


def test_an_amount_put_into_a_static_code_makes_it_dynamic():
    static = parse(VietQRPayload.of("VCB", "1017595600").to_text())
    priced = attrs.evolve(static, amount=Money(150_000, VND), purpose="DH1001")
    text = priced.to_text()
    assert text == VietQRPayload.of(
        "VCB", "1017595600", amount=Money(150_000, VND), purpose="DH1001"
    ).to_text()  # fmt: skip
    assert parse(text).initiation is Initiation.DYNAMIC


def test_accounts_and_payers_data_do_not_show():
    shown = repr(FULL)
    assert "'…5600'" in shown
    for hidden in ("1017595600", "0912345678", "L1", "C1", "046"):
        assert hidden not in shown


# Anything that can be built.

memos = st.from_regex(r"[A-Za-z0-9]{1,12}( [A-Za-z0-9]{1,12})?", fullmatch=True)
printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def texts(longest):
    return st.none() | st.text(printable, min_size=1, max_size=longest)


payloads = st.builds(
    VietQRPayload,
    bank_bin=st.from_regex(r"[0-9]{6}", fullmatch=True),
    account=st.from_regex(r"[0-9]{1,19}", fullmatch=True),
    service=st.sampled_from(Service),
    amount=st.none() | st.integers(1, 499_999_999).map(lambda minor: Money(minor, VND)),
    purpose=st.none() | st.just(ASK_PAYER) | memos,
    bill_number=texts(25),
    reference_label=texts(10),
    consumer_data_request=st.none() | st.sampled_from(["A", "ME", "EMA"]),
    merchant_category=st.none() | st.from_regex(r"[0-9]{4}", fullmatch=True),
    merchant_name=texts(25),
    merchant_city=texts(15),
    postal_code=texts(10),
    tip=st.none()
    | st.builds(Tip)
    | st.builds(Tip, st.integers(1, 9_999).map(lambda cents: Decimal(cents).scaleb(-2)))
    | st.builds(Tip, st.integers(1, 10**13 - 1).map(lambda minor: Money(minor, VND))),
    others=st.dictionaries(
        st.sampled_from(["04", "26", "64", "80", "99"]),
        st.text(printable, min_size=1, max_size=99),
    ).map(lambda found: tuple(sorted(found.items()))),
)


@given(payloads)
def test_what_is_written_is_read_again(payload):
    text = payload.to_text()
    assert text.isascii()
    assert text[:8] == "00020101"
    again = parse(text)
    assert again == payload
    assert again.initiation is payload.initiation
    assert again.to_text() == text


@given(
    account=st.from_regex(r"[A-Za-z0-9]{1,19}", fullmatch=True),
    amount=st.integers(1, 499_999_999),
    purpose=st.text(min_size=1, max_size=25),
)
def test_a_memo_of_any_text_is_written_or_refused(account, amount, purpose):
    plain = memo(purpose)
    try:
        payload = VietQRPayload.of("VCB", account, amount=Money(amount, VND), purpose=purpose)
    except InvalidRequest:
        assert not plain
    else:
        assert parse(payload.to_text()).purpose == plain or purpose == ASK_PAYER
