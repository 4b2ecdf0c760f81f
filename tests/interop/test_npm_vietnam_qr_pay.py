"""Side by side with the npm package `vietnam-qr-pay`, in both directions.

Its known errors, which we do not follow. Reading: it checks the CRC and the lengths of root fields, not
those within; of two equal fields the last counts; values are not checked at all. Writing: it limits
nothing, so a text from 100 characters on gets a length of its last two digits, which gives a broken code
with a right CRC; amounts such as "0", "50 000" or "1e3" are written as they are; letters outside ASCII
are counted as characters and hashed as UTF-8. Writing what it has read loses field 64, and field 26 where
38 is there, too.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paykit import InvalidRequest, Money
from paykit.vietqr import OtherNetwork, Service, VietQRPayload, parse, tlv

from .npm import ask, install


@pytest.fixture(scope="session")
def peer():
    """Let the npm package do a list of things."""
    install("vietnam-qr-pay")
    return lambda *asked: ask("vietnam_qr_pay.cjs", asked)


def asked_of_peer(payload):
    """The options of ``initVietQR`` that mean the same."""
    options = {
        "bankBin": payload.bank_bin,
        "bankNumber": payload.account,
        "service": payload.service,
    }
    if payload.amount:
        options["amount"] = str(payload.amount.minor)
    if payload.purpose:
        options["purpose"] = payload.purpose
    labels = {
        "billNumber": payload.bill_number,
        "store": payload.store_label,
        "reference": payload.reference_label,
        "terminal": payload.terminal_label,
    }
    return {**options, "others": {name: text for name, text in labels.items() if text}}


def as_peer_reads(payload):
    return {
        "valid": True,
        "network": "VIETQR",
        "guid": "A000000727",
        "bank": payload.bank_bin,
        "account": payload.account,
        "service": payload.service,
        "initiation": payload.initiation,
        **({"amount": str(payload.amount.minor)} if payload.amount else {}),
        **({"purpose": payload.purpose} if payload.purpose else {}),
    }


labels = st.none() | st.from_regex(r"[ -~]{1,10}", fullmatch=True)
payloads = st.builds(
    VietQRPayload,
    bank_bin=st.from_regex(r"[0-9]{6}", fullmatch=True),
    account=st.from_regex(r"[0-9]{6,19}", fullmatch=True),
    service=st.sampled_from(Service),
    amount=st.none() | st.integers(1, 499_999_999).map(lambda minor: Money(minor, "VND")),
    purpose=st.none() | st.from_regex(r"[A-Za-z0-9]{1,10}( [A-Za-z0-9]{1,10})?", fullmatch=True),
    bill_number=labels,
    store_label=labels,
    reference_label=labels,
    terminal_label=labels,
)


@settings(max_examples=5, deadline=None)
@given(st.lists(payloads, min_size=10, max_size=30))
def test_the_same_text_and_the_same_meaning(peer, made):
    texts = [payload.to_text() for payload in made]
    assert peer(*(["build", asked_of_peer(payload)] for payload in made)) == texts
    assert peer(*(["parse", text] for text in texts)) == [as_peer_reads(one) for one in made]
    assert peer(*(["rebuild", text] for text in texts)) == texts
    assert [parse(text) for text in texts] == made


def test_wallets_codes_both_ways(peer):
    # MoMo's codes have a reference and a field without a name; ZaloPay's an alias as account.
    momo = "00020101021138620010A00000072701320006970454011899MM24011M348750800208QRIBFTTA53037045802VN62190515MOMOW2W3487508080030466304EBC8"
    zalopay = "00020101021138620010A00000072701320006970454011899ZP24009M072482670208QRIBFTTA53037045802VN6304073C"
    for text in (momo, zalopay):
        payload = parse(text)
        (answer, again) = peer(["parse", text], ["rebuild", text])
        assert answer == as_peer_reads(payload)
        assert payload.to_text() == again == text
    assert (parse(momo).reference_label, parse(momo).others) == (
        "MOMOW2W34875080",
        (("80", "046"),),
    )


def test_small_letters_in_the_crc(peer):
    text = "00020101021138540010A00000072701240006970422011003523509170208QRIBFTTA53037045802VN630479db"
    (answer,) = peer(["parse", text])
    assert answer == as_peer_reads(parse(text))


def test_another_network(peer):
    text = "00020101021126280010A0000007750110010531314453037045408210900005802VN5910CELLPHONES62600312CPSHN ONLINE0517021908061613127850705ONLHN0810CellphoneS63047685"
    (answer,) = peer(["parse", text])
    with pytest.raises(OtherNetwork) as caught:
        parse(text)
    assert (answer["network"], answer["guid"]) == ("VNPAY", caught.value.guid)


# The peer's errors. If one of these fails, the peer has changed.

SOUND = (
    "00020101021238540010A00000072701240006970436011010175956000208QRIBFTTA530370454061500005802VN"
)
BROKEN = {
    "a length within field 38 that NAPAS's own document has wrong": (
        "00020101021138570010A00000072701270006970403011200110123456780208QRIBFTTA53037045802VN6304F4E5",
        {"bank": "970403", "account": "001101234567"},  # a digit of the account is lost
    ),
    "two amounts": (tlv.seal(f"{SOUND}54041000"), {"amount": "1000"}),
    "an amount with a blank": (tlv.seal(SOUND.replace("5406150000", "5406150 00")), {"amount": "150 00"}),
    "a foreign currency": (tlv.seal(SOUND.replace("5303704", "5303840")), {"amount": "150000"}),
    "a BIN of letters": (tlv.seal(SOUND.replace("970436", "ABCDEF")), {"bank": "ABCDEF"}),
    "field 00 not in front": (tlv.seal(SOUND[6:] + SOUND[:6]), {"amount": "150000"}),
    "letters outside ASCII": (tlv.seal(f"{SOUND}62140810Thanh toán"), {"purpose": "Thanh toán"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_codes_that_the_peer_reads(peer, name):
    text, meaning = BROKEN[name]
    (answer,) = peer(["parse", text])
    assert answer["valid"] is True
    assert meaning.items() <= answer.items()
    with pytest.raises(InvalidRequest):
        parse(text)


@pytest.mark.parametrize(
    "options",
    [
        {"purpose": "x" * 26},
        {"purpose": "x" * 100},
        {"purpose": "Thanh toán"},
        {"amount": "0"},
        {"amount": "50 000"},
        {"amount": "1e3"},
        {"amount": "50000.00"},
        {"bankNumber": "1" * 20},
        {"bankNumber": "1017-595-600"},
        {"bankBin": "97043"},
    ],
)
def test_codes_that_only_the_peer_writes(peer, options):
    (text,) = peer(["build", {"bankBin": "970436", "bankNumber": "1017595600", **options}])
    with pytest.raises(InvalidRequest):
        parse(text)


def test_what_the_peer_loses(peer):
    text = tlv.seal(f"{SOUND[:12]}26100006vn.zlp{SOUND[12:]}64110002vi0101A")
    (again,) = peer(["rebuild", text])
    assert parse(text).others == (("26", "0006vn.zlp"), ("64", "0002vi0101A"))
    assert again == tlv.seal(SOUND)
