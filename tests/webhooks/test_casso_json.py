"""Casso signs the JSON with sorted keys: where that is not what stands in the body, at the endpoint."""

import json

import pytest

from .senders import SENDERS, SignedLater
from .shops import PRICE

CASSO = next(sender for sender in SENDERS if sender.key == "casso")


def sort(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def said(shop, **changes):
    number = shop.number()
    fields = CASSO.fields(CASSO.reference(number), PRICE, number)
    return {"error": 0, "data": CASSO.changed(fields, changes)}


#: What stands in the memo, where writers of JSON differ.
MEMOS = {
    "Vietnamese": "Đặng Thị Huệ thanh toán",
    "apart": "Thanh toa\u0301n",  # NFD, and not to be put together
    "slashes": "a/b\\c",
    "angle brackets": "<script>alert('&')</script>",
    "quotes": "\"'`",
    "an emoji": "🍜 phở",
    "separators": "a\u2028b\u2029c",
    "DEL": "a\x7fb",
    "controls": "a\tb\r\nc\x01\x1f",
    "a byte order mark": "\ufeffa",
    "right to left": "\u202egnp.exe",
    "zero width": "a\u200bb",
    "a dot and digits": "1772355600000.{}",
    "the header": "t=1,v1=0",
}
WRITERS = {
    "JavaScript": sort,
    "Python": lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")),
    "PHP": lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"))
    .replace("/", "\\/")
    .replace("\\u007f", "\x7f"),
    "PHP, unescaped letters": lambda value: sort(value).replace("/", "\\/"),
    "Go": lambda value: (
        sort(value)
        .replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        .replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    ),
}  # fmt: skip


#: What a notice means is no matter of the mount.
pytestmark = pytest.mark.parametrize("shop", ["asgi"], indirect=True, scope="module")


@pytest.mark.parametrize("memo", MEMOS.values(), ids=MEMOS)
def test_each_writer_of_json(shop, memo):
    for write in WRITERS.values():
        body = said(shop, description=memo)
        raw = SignedLater(json.dumps(body).encode(), CASSO.secret)
        shop.expect(CASSO, CASSO.signed(raw, write(body)), "orphan")
        other = said(shop, description=f"{memo}!")
        shop.expect(CASSO, CASSO.signed(raw, write(other)), "unproven")


@pytest.mark.parametrize(
    ("spelt", "signed", "outcome"),
    [
        ("25000000.0", "25000000.0", "orphan"),
        ("25000000.0", "25000000", "orphan"),
        ("2.5e7", "25000000", "orphan"),
        ("2.5e7", "2.5e7", "orphan"),
        ("-0", "0", "orphan"),
        ("-0.0", "0", "orphan"),
        ("0.10", "0.1", "orphan"),
        ("1e21", "1e+21", "unproven"),
        ("25000000.0", "25000001", "unproven"),
        ("25000000", "25000000.0", "unproven"),
        ("0.1", "0.10", "unproven"),
        ("9007199254740993", "9007199254740992", "unproven"),
        ("1e400", "1e400", "unreadable"),
        ("NaN", "NaN", "unreadable"),
    ],
)
def test_a_number_in_another_spelling(shop, spelt, signed, outcome):
    body = sort(said(shop, runningBalance="@"))
    raw = SignedLater(body.replace('"@"', spelt).encode(), CASSO.secret)
    shop.expect(CASSO, CASSO.signed(raw, body.replace('"@"', signed)), outcome)


def test_names_are_sorted_at_every_depth_and_nowhere_else(shop):
    body = said(shop, more={"b": [{"d": 1, "c": [3, 1, 2]}], "a": {"z": None, "y": True}, "é": "a"})
    raw = SignedLater(json.dumps(body, indent=2).encode(), CASSO.secret)
    shop.expect(CASSO, CASSO.signed(raw, sort(body)), "orphan")
    once = json.dumps(dict(sorted(body.items())), ensure_ascii=False, separators=(",", ":"))
    shop.expect(CASSO, CASSO.signed(raw, once), "unproven")
    body["data"]["more"]["b"][0]["c"].sort()
    shop.expect(CASSO, CASSO.signed(raw, sort(body)), "unproven")


def test_names_beyond_the_basic_plane_are_sorted_by_code_point(shop):
    # JavaScript sorts by halves of them. Casso has no such names.
    body = said(shop, **{"\ufb33": 1, "\U0001f600": 2})
    text = sort(body)
    assert text.index("\ufb33") < text.index("\U0001f600")
    raw = SignedLater(json.dumps(body).encode(), CASSO.secret)
    halves = text.replace('"\ufb33":1', "@").replace('"\U0001f600":2', '"\ufb33":1')
    shop.expect(CASSO, CASSO.signed(raw, halves.replace("@", '"\U0001f600":2')), "unproven")
    shop.expect(CASSO, CASSO.signed(raw, text), "orphan")


def test_what_is_signed_is_not_what_is_said(shop):
    # Two bodies that a careless reader takes for one.
    genuine = said(shop)
    for body in (
        {**genuine, "data": json.dumps(genuine["data"])},
        {**genuine, "error": "0"},
        {**genuine, "error": False},
        {**genuine, "extra": 1},
        {"data": genuine["data"]},
        [genuine],
    ):
        raw = SignedLater(json.dumps(body).encode(), CASSO.secret)
        outcome = "unreadable" if isinstance(body, list) else "unproven"
        shop.expect(CASSO, CASSO.signed(raw, sort(genuine)), outcome)
