"""Tags, lengths, values: every refusal says where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import InvalidRequest
from paykit.vietqr import tlv
from paykit.vietqr.tlv import Field

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=99)
identifiers = st.integers(1, 99).filter(lambda number: number != 63).map("{:02d}".format)


def sealed(text):
    return f"{text}6304{tlv.checksum(f'{text}6304')}"


@pytest.mark.parametrize(
    ("text", "crc"),
    [("123456789", "29B1"), ("", "FFFF"), ("00", "2EC9"), ("01", "3EE8"), ("A", "B915")],
)
def test_checksum(text, crc):
    assert tlv.checksum(text) == crc


def test_read():
    text = sealed("0002015303704620708" + "03abc")
    assert tlv.read(text) == (
        Field("00", "01", 1),
        Field("53", "704", 7),
        Field("62", "0803abc", 14),
    )
    assert tlv.parts(tlv.read(text)[2]) == (Field("62.08", "abc", 18),)


def test_the_letters_of_the_crc_may_be_small():
    for crc in ("AAE6", "aae6", "AaE6"):
        assert tlv.read(f"0002016304{crc}") == (Field("00", "01", 1),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"000201", "a code is a str, not bytes"),
        (None, "a code is a str, not NoneType"),
        ("", "the code is empty"),
        ("0" * 4297, "no QR code holds 4297 characters"),
        ("0" * 10_000_000, "no QR code holds 10000000 characters"),
        (sealed("000201") + "\n", "at character 15: U+000A is not a printable ASCII character"),
        (" " + sealed("000201"), "at character 1: an ID and a length of two digits each are expected"),
        (sealed("0002015904Huế "), "at character 13: U+1EBF is not a printable ASCII character"),
        ("000201\ud800", "at character 7: U+D800 is not a printable ASCII character"),
        ("000201530370", "53: at character 7: 3 characters are announced, but the code has 2 more"),
        ("00020153", "at character 7: what is left is too short for an ID and a length"),
        ("0002015A03704", "at character 7: an ID and a length of two digits each are expected"),
        ("00020153+3704", "at character 7: an ID and a length of two digits each are expected"),
        ("000201 5 3704", "at character 7: an ID and a length of two digits each are expected"),
        ("000201", "63: at character 7: the CRC is missing"),
        (sealed("5303704000201"), "53: at character 1: field 00 must be the first"),
        (sealed("000201") + "5303704", "63: at character 7: the CRC must be the last field"),
        (sealed("0002015303704")[:-6] + "02AB", "63: at character 14: the CRC is not four hex digits"),
        ("0002016304GHIJ", "63: at character 7: the CRC is not four hex digits"),
        ("00020163040000", "63: at character 7: the CRC is 0000, but that of this text is AAE6"),
        (sealed("00020153037045303704"), "53: at character 14: the field was there before, at character 7"),
        (sealed("000201000201"), "00: at character 7: the field was there before, at character 1"),
        (sealed("6304")[:8], "63: at character 1: field 00 must be the first"),
    ],
)  # fmt: skip
def test_what_is_refused(text, said):
    with pytest.raises(InvalidRequest) as caught:
        tlv.read(text)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0010A00000072", "38.00: at character 105: 10 characters are announced, but field 38 has 9 more"),
        ("000012", "38: at character 109: what is left is too short for an ID and a length"),
        ("0001x0001y", "38.00: at character 110: the field was there before, at character 105"),
        ("x", "38: at character 105: what is left is too short for an ID and a length"),
    ],
)  # fmt: skip
def test_parts_that_are_refused(value, said):
    with pytest.raises(InvalidRequest) as caught:
        tlv.parts(Field("38", value, 101))
    assert str(caught.value) == said


@given(st.dictionaries(identifiers, printable, max_size=20))
def test_what_is_written_is_read(values):
    text = tlv.seal("000201" + "".join(tlv.write(name, value) for name, value in values.items()))
    assert {field.path: field.value for field in tlv.read(text)} == {"00": "01", **values}
    for field in tlv.read(text):
        start = field.at - 1
        assert text[start : start + 2] == field.id
        assert text[start + 4 : start + 4 + len(field.value)] == field.value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x" * 100, "62.08: 100 characters, at most 99 are possible"),
        ("Huế", "62.08: U+1EBF is not printable ASCII"),
        ("a\nb", "62.08: U+000A is not printable ASCII"),
        ("a\x7f", "62.08: U+007F is not printable ASCII"),
    ],
)
def test_what_cannot_be_written(value, said):
    with pytest.raises(InvalidRequest) as caught:
        tlv.write("62.08", value)
    assert str(caught.value) == said


def test_nothing_is_written_for_an_empty_value():
    assert tlv.write("62.08", "") == ""
