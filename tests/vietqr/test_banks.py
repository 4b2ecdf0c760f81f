"""The table of banks: whole, without contradictions, and never a guess."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import InvalidRequest
from paykit.vietqr import Bank, banks


def bins(found):
    return [bank.bin for bank in found]


def test_the_table():
    table = banks.every()
    assert len(table) == 72
    numbers = [bank.bin for bank in table if bank.bin]
    assert numbers == sorted(set(numbers))
    assert all(len(number) == 6 and number.isdigit() for number in numbers)
    assert [bank.short_name for bank in table if bank.bin is None] == ["BIDC"]
    for bank in table:
        assert all(text == text.strip() != "" for text in (bank.short_name, bank.name))
        for code in (bank.code, bank.ticker):
            assert code is None or (code.isascii() and code.isalnum())
        assert bank.swift is None or (len(bank.swift) == 8 and bank.swift.isalnum())
        # Who pays from its app is not paid only.
        assert not (bank.transfer_supported and bank.receive_only)
        assert (bank.transfer_supported is None) == (bank.receive_only is None)
    assert sum(bank.listed for bank in table) == 56


def test_one_bank_in_full():
    assert banks.find("VietinBank") == Bank(
        bin="970415",
        code="ICB",
        ticker="CTG",
        short_name="VietinBank",
        name="Ngân hàng TMCP Công thương Việt Nam",
        swift="ICBVVNVX",
        transfer_supported=True,
        receive_only=False,
        lookup_supported=True,
        listed=True,
        other_names=(),
    )
    viettel = banks.find("VTLMONEY")
    assert (viettel.transfer_supported, viettel.receive_only, viettel.listed) == (None, None, False)
    assert banks.find("UOB").receive_only is True


@pytest.mark.parametrize(
    ("text", "number"),
    [
        # BINs, also those of card networks and of wallets.
        ("970436", "970436"), ("546034", "546034"), ("963388", "963388"), ("971025", "971025"),
        # Codes of both families, in any case.
        ("ICB", "970415"), ("CTG", "970415"), ("MB", "970422"), ("MBB", "970422"),
        ("mbb", "970422"), ("VBA", "970405"), ("AGRIBANK", "970405"), ("STP", "970403"),
        ("STB", "970403"), ("SHBVN", "970424"), ("SVB", "970424"), ("WVN", "970457"),
        ("WRB", "970457"), ("Oceanbank", "970414"), ("MBV", "970414"), ("VCCB", "970454"),
        ("GPB", "970408"), ("SGICB", "970400"), ("SGB", "970400"), ("SEAB", "970440"),
        ("SSB", "970440"), ("TIMO", "963388"), ("MOMO", "971025"), ("BID", "970418"),
        # Names: case, accents, blanks and the legal form do not matter.
        ("Vietcombank", "970436"), ("VIETCOMBANK", "970436"), ("mb bank", "970422"),
        ("MBBank", "970422"), ("AB Bank", "970425"), ("ABBANK", "970425"), ("Á Châu", "970416"),
        ("a chau", "970416"), ("Ngân hàng TMCP Á Châu", "970416"),
        ("Ngân hàng thương mại cổ phần Á Châu", "970416"), ("NGAN HANG A CHAU", "970416"),
        ("Ngân hàng Ngoại thương Việt Nam", "970436"), ("Sài Gòn - Hà Nội", "970443"),
        ("Sài Gòn", "970429"), ("sai gon thuong tin", "970403"), ("Quân đội", "970422"),
        ("Ngân hàng Chính sách Xã hội", "999888"), ("BVBank", "970454"), ("Co-op Bank", "970446"),
        # Former names.
        ("DongA Bank", "970406"), ("Đông Á", "970406"), ("Vikki", "970406"),
        ("Vikki Bank", "970406"), ("Ocean Bank", "970414"), ("LienVietPostBank", "970449"),
        ("Viet Capital Bank", "970454"),
    ],
)  # fmt: skip
def test_find(text, number):
    assert banks.find(text).bin == number


def test_a_bank_without_a_bin():
    assert banks.find("BIDC").bin is None


def test_each_bank_is_found_by_all_that_is_its_own():
    doubtful = {"bvb", "cimb", "cimbbank", "mafc"}
    for bank in banks.every():
        for text in (bank.bin, bank.code, bank.ticker, bank.short_name, *bank.other_names):
            if text and text.lower().replace(" ", "") not in doubtful:
                assert banks.find(text) == bank
                assert bank in banks.search(text)
        if bank.bin:
            assert banks.by_bin(bank.bin) == bank
        if bank.short_name not in {"CIMB Bank", "CIMBBank"}:
            assert banks.by_name(bank.name) == bank


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("BVB", "bank: 'BVB' may be BaoViet Bank (970438) and BVBank (970454): give the BIN"),
        ("bvb", "bank: 'bvb' may be BaoViet Bank (970438) and BVBank (970454): give the BIN"),
        ("CIMB", "bank: 'CIMB' may be CIMB Bank (422589) and CIMBBank (970459): give the BIN"),
        ("CIMB Bank", "bank: 'CIMB Bank' may be CIMB Bank (422589) and CIMBBank (970459): give the BIN"),
        ("MAFC", "bank: 'MAFC' may be MAFC (970468) and Mirae Asset Finance (977777): give the BIN"),
        ("970499", "bank: no bank here has the BIN, code or name '970499'"),
        ("Vietcom", "bank: no bank here has the BIN, code or name 'Vietcom'; perhaps Vietcombank (970436)"),
        ("Kookmin", "bank: no bank here has the BIN, code or name 'Kookmin'; perhaps Kookmin Bank HN (970462), Kookmin Bank HCM (970463)"),
        ("", "bank: no bank here has the BIN, code or name ''"),
        ("越南", "bank: no bank here has the BIN, code or name '越南'"),
        ("x" * 1000, "bank: no bank here has the BIN, code or name '" + "x" * 59),
        (970436, "bank: must be a str, not int"),
        (None, "bank: must be a str, not NoneType"),
    ],
)  # fmt: skip
def test_what_is_not_found(text, said):
    with pytest.raises(InvalidRequest) as caught:
        banks.find(text)
    assert str(caught.value) == said


def test_by_code_and_by_name_look_there_only():
    assert banks.by_code("VCB").bin == "970436"
    assert banks.by_code("Vietcombank") is None
    assert banks.by_code("970436") is None
    assert banks.by_name("Vietcombank").bin == "970436"
    assert banks.by_name("ICB") is None
    assert banks.by_name("970415") is None
    assert banks.by_bin("970436").code == "VCB"
    assert banks.by_bin("VCB") is None
    assert banks.by_bin("") is None
    for nothing in ("", "-", " "):
        assert (banks.by_code(nothing), banks.by_name(nothing)) == (None, None)
    for look in (banks.by_code, banks.find):
        with pytest.raises(InvalidRequest):
            look("BVB")
    with pytest.raises(InvalidRequest):
        banks.by_name("CIMB Việt Nam")


def test_search():
    assert bins(banks.search("sai gon")) == ["970400", "970403", "970429", "970443"]
    assert bins(banks.search("97040")) == ["970400", "970403", "970405", "970406", "970407", "970408", "970409"]  # fmt: skip
    assert bins(banks.search("techcom")) == ["970407"]
    assert banks.search("") == banks.search("!") == banks.search("no such bank") == ()


@given(st.text() | st.text(string.ascii_letters + string.digits, max_size=8))
def test_any_text_finds_one_bank_or_is_refused(text):
    try:
        found = banks.find(text)
    except InvalidRequest:
        found = None
    assert found is None or found in banks.every()
    assert set(banks.search(text)) <= set(banks.every())
