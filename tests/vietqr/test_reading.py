"""Reading codes that others made, and what is done with hostile ones."""

import string
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import InvalidRequest, Money
from paykit.vietqr import Initiation, OtherNetwork, Service, Tip, VietQRPayload, parse, tlv

from .test_payload import FULL, payloads

ACCOUNT = "0010A00000072701240006970436011010175956000208QRIBFTTA"
SOUND = {"00": "01", "01": "12", "38": ACCOUNT, "53": "704", "54": "150000", "58": "VN"}
MEANT = VietQRPayload(bank_bin="970436", account="1017595600", amount=Money(150_000, "VND"))


def code(**changes):
    """A sound code with other or further fields; ``f54=None`` leaves one out."""
    fields = SOUND | {name[1:]: value for name, value in changes.items()}
    return tlv.seal(
        "".join(
            f"{name}{len(value):02d}{value}" for name, value in fields.items() if value is not None
        )
    )


def account(bank="0006970436", number="01101017595600", rest="0208QRIBFTTA", guid="0010A000000727"):
    return f"{guid}01{len(bank + number):02d}{bank}{number}{rest}"


def refusal(text):
    with pytest.raises(InvalidRequest) as caught:
        parse(text)
    return str(caught.value)


# What is read.


def test_a_sound_code():
    assert parse(code()) == MEANT
    assert parse(code()).to_text() == code()


def test_the_order_of_fields_does_not_matter():
    first, *rest = [f"{name}{len(value):02d}{value}" for name, value in SOUND.items()]
    assert parse(tlv.seal(first + "".join(reversed(rest)))) == MEANT
    inner = "0208QRIBFTTA" + "0124" + "01101017595600" + "0006970436" + "0010A000000727"
    assert parse(code(f38=inner)) == MEANT


def test_small_letters_in_the_crc():
    small = code(f62="0806DH1001")
    assert any(letter.isalpha() for letter in small[-4:])
    assert parse(small[:-4] + small[-4:].lower()) == parse(small)


def test_what_the_code_says_of_itself_is_told_and_decides_nothing():
    odd = code(f01="11")
    assert parse(odd).initiation is Initiation.STATIC
    assert parse(odd) == MEANT
    assert parse(odd).to_text() == code()
    assert parse(code(f54=None)).initiation is Initiation.DYNAMIC
    assert parse(code(f54=None)).amount is None


def test_a_code_that_does_not_say_the_service():
    payload = parse(code(f38=account(rest="")))
    assert (payload.service, payload.account) == (None, "1017595600")
    assert parse(code(f38=account(rest="0200"))).service is None
    assert parse(code(f38=account(rest="0208QRIBFTTC"))).service is Service.CARD


def test_fields_without_a_name_are_kept():
    payload = parse(
        code(f26="0006vn.zlp", f38=account(rest="0208QRIBFTTA0303xyz"), f64="0002vi0103ABC",
             f62="0515MOMOW2W348750805006000200", f80="046")
    )  # fmt: skip
    assert payload.reference_label == "MOMOW2W34875080"
    assert payload.others == (
        ("26", "0006vn.zlp"),
        ("38.03", "xyz"),
        ("62.50", "000200"),
        ("64", "0002vi0103ABC"),
        ("80", "046"),
    )
    assert parse(payload.to_text()) == payload


def test_empty_texts_are_as_if_they_were_not_there():
    assert parse(code(f59="", f62="", f80="")) == MEANT
    assert parse(code(f62="0800")) == MEANT


@pytest.mark.parametrize(
    ("written", "minor"),
    [("1", 1), ("50000", 50_000), ("50000.", 50_000), ("9999999999999", 9_999_999_999_999),
     ("999999999999.", 999_999_999_999)],
)  # fmt: skip
def test_amounts(written, minor):
    assert parse(code(f54=written)).amount == Money(minor, "VND")


@pytest.mark.parametrize(
    ("fields", "tip"),
    [
        ({"f55": "01"}, Tip()),
        ({"f55": "02", "f56": "5000"}, Tip(Money(5_000, "VND"))),
        ({"f55": "03", "f57": "02.50"}, Tip(Decimal("2.5"))),
        ({"f55": "03", "f57": "3"}, Tip(Decimal(3))),
        ({"f55": "03", "f57": "3."}, Tip(Decimal(3))),
        ({"f55": "03", "f57": "99.99"}, Tip(Decimal("99.99"))),
    ],
)
def test_tips(fields, tip):
    assert parse(code(**fields)).tip == tip


# What is refused.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # The frame.
        (code(f00="02"), "00: at character 1: must be 01 in a VietQR code"),
        (code(f01=None), "01: is missing"),
        (code(f01="13"), "01: at character 7: must be 11 (static) or 12 (dynamic)"),
        (code(f01=""), "01: at character 7: is empty"),
        (code(f53=None), "53: is missing"),
        (code(f53="840"), "53: at character 71: must be 704 in a VietQR code"),
        (code(f58=None), "58: is missing"),
        (code(f58="vn"), "58: at character 88: must be VN in a VietQR code"),
        (code(f38=None), "38: is missing, nothing says who is paid"),
        # Who is paid.
        (code(f38=""), "38.00: is missing"),
        (code(f38="0010A000000727"), "38.01.00: is missing"),
        (code(f38=ACCOUNT[:-1]), "38.02: at character 59: 8 characters are announced, but field 38 has 7 more"),
        (code(f38=account(bank="")), "38.01.00: is missing"),
        (code(f38=account(bank="000597043")), "38.01.00: at character 35: a bank's BIN is six digits"),
        (code(f38=account(bank="000697043A")), "38.01.00: at character 35: a bank's BIN is six digits"),
        (code(f38=account(bank="0000")), "38.01.00: at character 35: is empty"),
        (code(f38=account(number="")), "38.01.01: is missing"),
        (code(f38=account(number="0100")), "38.01.01: at character 45: is empty"),
        (code(f38=account(number="012011111111111111111111")), "38.01.01: at character 45: an account is 1 to 19 letters and digits"),
        (code(f38=account(number="0105101 7")), "38.01.01: at character 45: an account is 1 to 19 letters and digits"),
        (code(f38=account(number="01041-17")), "38.01.01: at character 45: an account is 1 to 19 letters and digits"),
        (code(f38=account(number="010211" + "010212")), "38.01.01: at character 51: the field was there before, at character 45"),
        (code(f38=account(rest="0206QRPUSH")), "38.02: at character 59: only QRIBFTTA and QRIBFTTC are transfers"),
        (code(f38=account(rest="0208qribftta")), "38.02: at character 59: only QRIBFTTA and QRIBFTTC are transfers"),
        # Texts.
        (code(f52="58"), "52: at character 94: a category is four digits"),
        (code(f59="x" * 26), "59: at character 94: 26 characters, at most 25 are allowed"),
        (code(f60="x" * 16), "60: at character 94: 16 characters, at most 15 are allowed"),
        (code(f61="x" * 11), "61: at character 94: 11 characters, at most 10 are allowed"),
        (code(f62="0826" + "x" * 26), "62.08: at character 98: 26 characters, at most 25 are allowed"),
        (code(f62="0806DH1001x"), "62: at character 108: what is left is too short for an ID and a length"),
        (code(f62="0807DH1001"), "62.08: at character 98: 7 characters are announced, but field 62 has 6 more"),
        (code(f62="0806DH10010806DH1002"), "62.08: at character 108: the field was there before, at character 98"),
        # Tips.
        (code(f55="04"), "55: at character 94: must be 01, 02 or 03"),
        (code(f55=""), "55: at character 94: must be 01, 02 or 03"),
        (code(f55="02"), "56: is missing"),
        (code(f55="03"), "57: is missing"),
        (code(f56="5000"), "56: at character 94: stands only with 02 in field 55"),
        (code(f55="02", f56="5000", f57="1"), "57: at character 108: stands only with 03 in field 55"),
        (code(f55="01", f56="5000"), "56: at character 100: stands only with 02 in field 55"),
        (code(f55="02", f56="05000"), "56: at character 100: an amount is whole đồng, up to 13 digits, without zeros in front"),
        *(
            (code(f55="03", f57=percent), "57: at character 100: a percentage is from 00.01 to 99.99")
            for percent in ("0", "00.00", "100", "1.234", "-1", "1%", "1,5", ".5")
        ),
    ],
)  # fmt: skip
def test_what_is_refused(text, said):
    assert refusal(text) == said


@pytest.mark.parametrize(
    "amount",
    ["", "0", "00", "0.", "050000", "50 000", "50,000", "50.000", "50000.00", "50000.5", "..", ".",
     "5.0.", "-5", "+5", "5e3", "0x5", "1" * 14, "1" * 13 + ".", "5000O", " 50000", "50000 "],
)  # fmt: skip
def test_no_such_amount(amount):
    said = "an amount is whole đồng, up to 13 digits, without zeros in front"
    assert refusal(code(f54=amount)) == f"54: at character 78: {said}"


@pytest.mark.parametrize("digits", ["٥٠٠٠", "５０００", "౫౦౦౦"])
def test_digits_of_other_scripts_are_refused(digits):
    assert "is not a printable ASCII character" in refusal(code(f54=digits))


# Whose it is.


@pytest.mark.parametrize(
    ("text", "network", "guid", "field"),
    [
        # From the tests of xuannghia/vietnam-qr-pay: VNPAY-QR, AirPay, and EVN, which gives no name.
        ("00020101021126280010A000000775011001A80187905204549953037045802VN5907SUNFLY16005HaNoi62290313SUNFLY ONLINE0708SUNFLY016304AE6F", "VNPAY-QR", "A000000775", "26"),
        ("00020101021126610013vn.airpay.www014000000201010100064185noC4efDjGKq0or5GbeBz5204581253037045910RESTAURANT6009HOCHIMINH5802VN6304DA5C", "AirPay", "vn.airpay.www", "26"),
        ("000201010211262400020001140100101114-0195204490053037045802VN5931EVN CONG TY DIEN LUC THANH XUAN6006Ha Noi62450302000613PD000000000000702000812TT tien dien6304DC30", "an unknown network", "00", "26"),
        (code(f38=None, f04="4123456789012345"), "Mastercard", None, "04"),
        (code(f38=None, f17="123"), "an unknown network", None, "17"),
        (code(f38=None, f26="not TLV"), "an unknown network", None, "26"),
        (code(f38=None, f51="0108abcdefgh"), "an unknown network", None, "51"),
        (code(f38=account(guid="0010A000000728")), "an unknown network", "A000000728", "38"),
        (code(f38=account(guid="0010A000000775")), "VNPAY-QR", "A000000775", "38"),
    ],
)  # fmt: skip
def test_a_code_of_another_network(text, network, guid, field):
    with pytest.raises(OtherNetwork) as caught:
        parse(text)
    error = caught.value
    assert (error.network, error.guid, error.field) == (network, guid, field)
    assert error.fields == tlv.read(text)
    at = next(one.at for one in error.fields if one.path == field)
    assert str(error) == f"{field}: at character {at}: the code is for {network}, not for VietQR"


def test_a_code_for_several_networks_is_a_vietqr_code():
    text = code(f02="4123456789012345", f26="0010A0000007750103123")
    assert parse(text).account == "1017595600"


def test_errors_do_not_show_accounts_or_names():
    for text in (
        code(f38=account(number="0119SECRET-ACCOUNT-NO-1")),
        code(f59="SECRET NAME THAT IS TOO LONG"),
        code(f38=ACCOUNT[:-12] + "SECRET"),
    ):
        assert "SECRET" not in refusal(text)


# Hostile texts.


def read_or_refuse(text):
    """The payload, or ``None``; any other error fails the test."""
    try:
        return parse(text)
    except InvalidRequest:
        return None


@given(st.text() | st.text(string.digits + string.ascii_uppercase, max_size=200))
def test_any_text_is_read_or_refused(text):
    read_or_refuse(text)
    read_or_refuse(tlv.seal(text) if text.isascii() else text)


@given(st.none() | st.binary() | st.integers() | st.lists(st.text()) | st.floats())
def test_any_value_is_refused(value):
    assert read_or_refuse(value) is None


@given(payloads, st.data())
def test_one_changed_character_is_noticed(payload, data):
    text = payload.to_text()
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.characters())
    changed = text[:place] + letter + text[place + 1 :]
    if changed != text and changed[:-4] + changed[-4:].upper() != text:
        assert read_or_refuse(changed) is None


def test_every_change_of_one_character_is_noticed():
    text = MEANT.to_text()
    for place in range(len(text)):
        for letter in string.printable:
            changed = text[:place] + letter + text[place + 1 :]
            if changed[:-4] + changed[-4:].upper() != text:
                assert read_or_refuse(changed) is None, (place, letter)


@given(payloads, st.data())
def test_lost_doubled_and_swapped_characters_are_noticed(payload, data):
    text = payload.to_text()
    place = data.draw(st.integers(0, len(text) - 2))
    lost = text[:place] + text[place + 1 :]
    doubled = text[: place + 1] + text[place:]
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    for changed in (lost, doubled, swapped, text[:place], text[place + 1 :], text + text):
        assert changed == text or read_or_refuse(changed) is None


@given(st.data())
def test_a_forged_crc_does_not_give_another_meaning_to_broken_fields(data):
    """Whatever is changed and sealed anew, what is read is what stands there."""
    text = FULL.to_text()[:-8]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(place, min(len(text), place + 4)))
        letters = st.text(string.digits + ". AV", max_size=4)
        text = text[:place] + data.draw(letters) + text[end:]
    payload = read_or_refuse(tlv.seal(text))
    if payload is not None:
        fields = {field.path: field for field in tlv.read(tlv.seal(text))}
        outer = {field.path: field for field in tlv.parts(fields["38"])}
        inner = {field.path: field.value for field in tlv.parts(outer["38.01"])}
        assert inner["38.01.00"] == payload.bank_bin
        assert inner["38.01.01"] == payload.account
        amount = fields["54"].value if "54" in fields else None
        assert (payload.amount and str(payload.amount.minor)) == (amount and amount.rstrip("."))


def test_the_most_fields_that_fit():
    many = {f"f{number}": "x" * 99 for number in range(65, 100)}
    assert len(parse(code(**many)).others) == 35
    crowded = "".join(f"{number:02d}00" for number in range(10, 34))
    assert parse(code(f62=crowded)) == MEANT
    assert refusal(code(f62="0" * 96)) == (
        "62.00: at character 102: the field was there before, at character 98"
    )
