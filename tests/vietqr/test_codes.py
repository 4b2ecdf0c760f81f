"""Payment codes: far from each other, checked, and found whatever was done to the memo."""

import itertools
import math
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paykit import InvalidRequest
from paykit.vietqr.codes import ALPHABET, PaymentCodes, compact

from . import corpus

PK = PaymentCodes()
FORMS = [PK, PaymentCodes("DH", 6), PaymentCodes("OIL", 9), PaymentCodes("SEVQR", 10)]
FORMS.append(PaymentCodes("ab", 13))
ALPHANUMERIC = corpus.LETTERS + corpus.LETTERS.lower() + corpus.DIGITS

forms = st.sampled_from(FORMS)


@st.composite
def form_and_number(draw):
    form = draw(forms)
    return form, draw(st.integers(0, form.capacity - 1))


def distance(one, other):
    return sum(a != b for a, b in zip(one, other, strict=True))


# The form.


@pytest.mark.parametrize(
    ("form", "codes"),
    [
        (PK, ["PKYN84SN0Q", "PKD9C1B4M4", "PKXZGYXM7J", "PKMJBKDJNN"]),
        (PaymentCodes("DH", 6), ["DHYHMR4V", "DHZ1QPRT", "DH0JTMCS", "DHVYBMZ8"]),
        (
            PaymentCodes("SEVQR", 10),
            ["SEVQRH2YRN6QNSB", "SEVQRQPJ2D5JST9", "SEVQRY95C54CYV8", "SEVQRSVF82865PP"],
        ),
    ],
)
def test_codes_that_were_given_out_stay_what_they_are(form, codes):
    numbers = [0, 1, 2, form.capacity - 1]
    assert [form.from_number(number) for number in numbers] == codes


def test_codes_of_texts_stay_what_they_are():
    assert PK.from_text("0198c1de-7a3e-7cc3-98c4-dc0c0c07398f") == "PKD17QN1GS"
    assert PK.from_text("Đơn 1") == "PK5HTFPQBT"
    assert PK.from_text("\ud800") == "PK7YDXTBRG"


def test_the_form():
    assert (PK.prefix, PK.length, PK.capacity) == ("PK", 8, 17_249_876_309)
    assert PaymentCodes("pk") == PK
    assert repr(PK) == "PaymentCodes(prefix='PK', length=8)"
    assert len({PK, PaymentCodes("Pk", 8), PaymentCodes("PK", 9)}) == 2


@pytest.mark.parametrize(
    ("prefix", "length", "field"),
    [
        ("P", 8, "prefix"), ("PKPKPK", 8, "prefix"), ("P1", 8, "prefix"), ("ĐH", 8, "prefix"),
        ("P K", 8, "prefix"), ("PK\n", 8, "prefix"), ("", 8, "prefix"), (None, 8, "prefix"),
        ("PK", 5, "length"), ("PK", 14, "length"), ("SEVQR", 11, "length"), ("PK", 8.0, "length"),
        ("PK", True, "length"), ("PK", "8", "length"),
    ],
)  # fmt: skip
def test_other_forms_are_refused(prefix, length, field):
    with pytest.raises(InvalidRequest) as caught:
        PaymentCodes(prefix, length)
    assert caught.value.field == field


@pytest.mark.parametrize("number", [-1, PK.capacity, 1.0, True, "1", None])
def test_numbers_out_of_range(number):
    with pytest.raises(InvalidRequest, match="from 0 to 17249876308"):
        PK.from_number(number)


@pytest.mark.parametrize("text", ["", None, b"1", 1])
def test_only_texts_make_codes(text):
    with pytest.raises(InvalidRequest) as caught:
        PK.from_text(text)
    assert caught.value.field == "text"


# Distances.


def test_the_first_codes_are_far_from_each_other():
    codes = [PK.from_number(number) for number in range(29**2)]
    assert min(itertools.starmap(distance, itertools.combinations(codes, 2))) == 7


@given(form_and_number(), st.data())
def test_near_numbers_have_far_codes(chosen, data):
    """Numbers that differ in their last k digits to the base of 29 only: length + 1 - k places."""
    form, number = chosen
    k = data.draw(st.integers(1, form.length - 1))
    block = number - number % 29**k
    other = block + data.draw(st.integers(0, 29**k - 1))
    if other != number:
        apart = distance(form.from_number(number), form.from_number(other))
        assert apart >= form.length + 1 - k


@given(form_and_number())
@example((PK, 28))
@example((PK, 29**2 - 1))
@example((PK, 29**3 - 1))
@example((PK, 29**6 - 1))
@example((PaymentCodes("AB", 13), 29**11 - 1))
@example((PaymentCodes("AB", 13), 29**7 * 3 - 1))
def test_successive_numbers_differ_in_every_character(chosen):
    form, number = chosen
    if number + 1 < form.capacity:
        body = form.from_number(number)[len(form.prefix) :]
        after = form.from_number(number + 1)[len(form.prefix) :]
        assert distance(body, after) == form.length


@given(form_and_number(), st.data())
def test_other_numbers_have_other_codes(chosen, data):
    form, number = chosen
    other = data.draw(st.integers(0, form.capacity - 1))
    assert (form.from_number(number) == form.from_number(other)) is (number == other)


@pytest.mark.untraced
def test_codes_are_distinct():
    form = PaymentCodes("DH", 6)
    assert len({form.from_number(number) for number in range(10**5)}) == 10**5


def test_four_characters_tell_which_of_707_281_codes_it_was():
    """So one that is cut behind them is not made another of these, whatever follows."""
    beginnings = {PK.from_number(number)[: 2 + 3] for number in range(29**3)}
    assert len(beginnings) == 29**3
    some = range(0, 29**4, 23)
    assert len({PK.from_number(number)[: 2 + 4] for number in some}) == len(some)


def test_codes_of_texts_clash_as_seldom_as_is_said():
    for length, among, said in [(8, 10_000, 0.003), (8, 100_000, 0.25), (13, 10**6, 0.000_001)]:
        likely = -math.expm1(-(among**2) / (2 * 29 ** (length - 1)))
        assert likely == pytest.approx(said, rel=0.5)
    assert len({PK.from_text(f"order-{number}") for number in range(10_000)}) == 10_000


# The check character.


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_one_check_character_of_29_is_right(form):
    code = form.from_number(1001)
    right = [symbol for symbol in ALPHABET if form.is_code(code[:-1] + symbol)]
    assert right == [code[-1]]


@given(form_and_number(), st.data())
def test_one_wrong_character_is_refused(chosen, data):
    form, number = chosen
    code = form.from_number(number)
    place = data.draw(st.integers(0, len(code) - 1))
    wrong = data.draw(
        st.sampled_from(ALPHANUMERIC).filter(
            lambda item: item not in corpus.same_reading(code[place])
        )
    )
    assert form.find(code[:place] + wrong + code[place + 1 :]) == ()


def test_every_wrong_character_of_some_codes_is_refused():
    for number in range(0, PK.capacity, PK.capacity // 20):
        code = PK.from_number(number)
        for place in range(len(code)):
            for wrong in set(ALPHANUMERIC) - set(corpus.same_reading(code[place])):
                assert PK.find(code[:place] + wrong + code[place + 1 :]) == ()


@given(form_and_number(), st.data())
def test_two_swapped_characters_are_refused(chosen, data):
    form, number = chosen
    code = form.from_number(number)
    a, b = sorted(data.draw(st.sets(st.integers(0, len(code) - 1), min_size=2, max_size=2)))
    swapped = code[:a] + code[b] + code[a + 1 : b] + code[a] + code[b + 1 :]
    expected = (code,) if code[a] in corpus.same_reading(code[b]) else ()
    assert form.find(swapped) == expected


@pytest.mark.parametrize("place", [0, 1])
def test_a_prefix_that_becomes_that_of_another_shop_is_refused(place):
    for letter in set(corpus.LETTERS) - {"PK"[place]}:
        other = PaymentCodes("PK"[:place] + letter + "PK"[place + 1 :])
        for number in range(100):
            body = PK.from_number(number)[2:]
            assert not other.is_code(other.prefix + body)


# Exactly a code.


@pytest.mark.parametrize(
    "text",
    [
        "pkyn84sn0q",
        "PKYN84SNOQ",
        "PK YN84SN0Q",
        "PKYN84SN0Q ",
        "PKYN84SN0Q\n",
        "PKYN84SN0QX",
        "ＰKYN84SN0Q",
    ],
)
def test_what_is_merely_read_as_a_code_is_none(text):
    assert PK.find(text) == ("PKYN84SN0Q",)
    assert not PK.is_code(text)
    with pytest.raises(InvalidRequest) as caught:
        PK.check(text)
    assert str(caught.value) == (
        "reference: is not a payment code of PK and 8 characters; write it as PKYN84SN0Q"
    )


@pytest.mark.parametrize("text", ["", "ORDER-1", "PKYN84SN0X", "PKYN84SN0", None, 5])
def test_no_code_at_all(text):
    assert not PK.is_code(text)
    with pytest.raises(InvalidRequest) as caught:
        PK.check(text, field="memo")
    assert str(caught.value) == "memo: is not a payment code of PK and 8 characters"


@given(form_and_number())
def test_a_code_is_one(chosen):
    form, number = chosen
    code = form.from_number(number)
    assert (form.is_code(code), form.check(code), form.find(code)) == (True, code, (code,))
    assert len(code) == len(form.prefix) + form.length <= 15


# Finding.


@pytest.mark.parametrize(
    ("memo", "text"),
    [
        ("Đơn hàng số 5, Ư Ơ ộ", "D0NHANGS05U00"),
        ("đĐðƉ", "DDDD"),
        ("ＰＫ１２", "PK12"),
        ("P\u0323K\u0302\u0301", "PK"),
        ("a\u200bb\u00a0c\ufeff-_#/.…d", "ABCD"),
        ("oOiIlL01", "00111101"),
        ("²①½", "2112"),
        ("한글 越南 Привет", ""),
        ("\x00\ud800\U0010ffff", ""),
        ("ﬁ", "F1"),
        ("\u0130ſK", "1SK"),
    ],
)
def test_compact(memo, text):
    assert compact(memo) == text


CODE = "PKCMKTF3VZ"  # number 3


@pytest.mark.parametrize(
    "memo",
    [
        "PKCMKTF3VZ",
        "MBVCB.3278907687.PKCMKTF3VZ.CT tu 0123456789 NGUYEN VAN A toi 9876543210",
        "CUSTOMER pkcmktf3vz CHUYEN TIEN",
        "123456789012-PKCMKTF3VZ-CHUYEN TIEN-OQCH0007OziG-MOMO123456789012MOMO",
        "FT24364030863634PKCMKTF3VZ0123456789",
        "PK CMKT F3VZ",
        "p k c m k t f 3 v z",
        "PK\nCMKTF3\r\nVZ",
        "PK-CMKT_F3/VZ",
        "Thanh toán đơn #PKCMKTF3VZ ạ",
        "ＰＫＣＭＫＴＦ３ＶＺ",
        "PKPKCMKTF3VZ",
        "PPKCMKTF3VZZZ",
        "PKCMKTF3VZ PKCMKTF3VZ",
        "PKCMKTF3VX PKCMKTF3VZ",
    ],
)
def test_a_code_is_found(memo):
    assert PK.find(memo) == (CODE,)


def test_a_prefix_that_overlaps_itself():
    form = PaymentCodes("TT")
    code = form.from_number(1)
    assert form.find("T" + code) == (code,)


def test_codes_come_in_their_order():
    one, two = PK.from_number(1), PK.from_number(2)
    assert PK.find(f"{two} {one} {two}") == (two, one)
    assert PK.find(f"{one}{two}") == (one, two)


@pytest.mark.parametrize(
    "memo",
    [
        "",
        "CMKTF3VZ",
        "KCMKTF3VZ",
        "PKCMKTF3V",
        "PKCMKTF3V CT tu",
        "PKCMTF3VZ",
        "PKCMKTTF3VZ",
        "PK DH1001",
    ],
)
def test_what_is_not_whole_is_not_found(memo):
    assert PK.find(memo) == ()


def test_the_number_in_a_longer_number():
    """DH100 stands in DH1001. Codes are all of one length and end in their check character."""
    form = PaymentCodes("DH")
    for number in (100, 1001, 10_010):
        code = form.from_number(number)
        for more in ALPHABET:
            assert form.find(code + more) == (code,)
            assert form.find(code[:-1] + more + code[-1]) in {(), (code,)}
    assert form.find("DH100 DH1001") == ()


NOISE = st.text(
    st.sampled_from(" .,-#/abPKpkOIl019đĐếＰＫ\n\u0301\u200b") | st.characters(), max_size=20
)


@given(form_and_number(), st.sampled_from(sorted(corpus.INTACT)), NOISE, NOISE, st.integers())
def test_a_disguised_code_is_found_in_noise(chosen, kind, before, behind, seed):
    form, number = chosen
    code = form.from_number(number)
    shown = corpus.INTACT[kind](corpus.Dice(seed), code)
    assert code in form.find(before + shown + behind)


@given(forms, st.text(st.characters(codec=None), max_size=200))
def test_any_text_is_taken(form, memo):
    for code in form.find(memo):
        assert form.is_code(code)


HOSTILE = {
    "prefixes": "PK" * 2**19,
    "a prefix without end": "P" * 2**20,
    "codes": CODE * (2**20 // 10),
    "nearly codes": "PKCMKTF3V" * (2**20 // 9),
    "marks": "a" + "\u0301\u0316" * 2**19,
    "full width": "ＰＫ" * 2**19,
    "long expansions": "\ufdfa" * 2**20,
    "all of Unicode": "".join(map(chr, range(0x110000)))[: 2**20],
}


@pytest.mark.untraced
@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_takes_seconds(name):
    """Anything that grows with the square would take hours."""
    started = time.perf_counter()
    found = PK.find(HOSTILE[name])
    assert time.perf_counter() - started < 30
    assert found == ((CODE,) if name == "codes" else ())


@pytest.mark.untraced
def test_nothing_is_kept_of_what_was_read():
    from paykit.vietqr import codes

    before = len(codes._COMPACT)
    PK.find(HOSTILE["all of Unicode"])
    assert len(codes._COMPACT) == before


# Suggestions.

KNOWN = [PK.from_number(number) for number in range(500)]


@pytest.mark.untraced
@given(
    forms,
    st.integers(0, 499),
    st.sampled_from(["substituted", "swapped", "lost", "added", "doubled"]),
    st.integers(),
)
def test_a_slip_suggests_its_code(form, number, slip, seed):
    known = [form.from_number(other) for other in range(500)]
    dice = corpus.Dice(seed)
    shown = corpus.DAMAGED[slip](dice, known[number]).lower()
    assert known[number] in form.suggest(dice.fill(f"CUSTOMER ###### {shown} ck"), known)


@pytest.mark.parametrize(
    ("memo", "meant"),
    [
        ("ck PKCMKTF3V", [CODE]),
        ("ck PK CMKTF", [CODE]),
        ("ck PKCMKT", []),
        ("ck PKCMKTF chuyen tien", []),
        ("ck pkcmktf3vz", [CODE]),
        ("KCMKTF3VZ", [CODE]),
        ("PKCMTF3VZ", [CODE]),
        ("ck PKCMKTFV3Z", [CODE]),
        ("ck PKCMKTFV33", []),
        ("PKYN84SN0 va PKCMKTF3V", ["PKYN84SN0Q", CODE]),
        ("chuyen tien mua iphone", []),
        ("", []),
    ],
)
def test_suggestions(memo, meant):
    assert PK.suggest(memo, [*KNOWN, CODE]) == tuple(meant)


def test_nothing_is_suggested_without_known_codes():
    assert PK.suggest(CODE, []) == ()
    assert PK.suggest(CODE, iter([CODE])) == (CODE,)


def test_other_references_are_no_suggestions():
    assert PK.suggest("ck ORDER-1", ["ORDER-1", "", "1", CODE.lower()]) == ()
