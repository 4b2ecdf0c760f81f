"""HTTP values: strict readers, and a repr that tells nothing."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    Delivery,
    HttpRequest,
    HttpResponse,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    Reply,
)
from paykit.http import MAX_DEPTH, MAX_PARAMETERS, json_text, parse_json_object


def test_requests():
    assert HttpRequest.get("https://x/?a=1") == HttpRequest(
        "GET", "https://x/?a=1", replay_safe=True
    )
    assert HttpRequest.post_json("https://x", {"tên": "Hà Nội", "n": 1}, moves_money=True) == (
        HttpRequest(
            "POST",
            "https://x",
            (("Content-Type", "application/json; charset=UTF-8"),),
            '{"tên":"Hà Nội","n":1}'.encode(),
            moves_money=True,
        )
    )
    form = HttpRequest.post_form("https://x", [("a", "1 2"), ("a", "&")], headers={"X": "y"})
    assert (form.body, form.headers) == (
        b"a=1+2&a=%26",
        (("Content-Type", "application/x-www-form-urlencoded"), ("X", "y")),
    )


@pytest.mark.parametrize("value", ["\ud800", float("nan"), object()])
def test_what_cannot_be_sent_is_refused(value):
    with pytest.raises(InvalidRequest, match="this cannot be sent as JSON"):
        HttpRequest.post_json("https://x", {"a": value})


def test_a_form_of_half_a_character_is_refused():
    with pytest.raises(InvalidRequest, match="this cannot be sent as a form"):
        HttpRequest.post_form("https://x", [("a", "\ud800")])


def test_headers_are_found_once():
    request = HttpRequest("GET", "https://x", {"A": "1", "b": "2"})
    assert (request.header("a"), request.header("B"), request.header("c")) == ("1", "2", None)
    twice = HttpResponse(200, (("a", "1"), ("A", "2")))
    assert twice.header("a") is None


def test_repr_tells_nothing():
    secret = "s3cret"
    values = [
        HttpRequest("POST", f"https://x/?k={secret}", {"Authorization": secret}, secret.encode()),
        HttpResponse(200, {"Set-Cookie": secret}, secret.encode()),
        Delivery("GET", "/", secret.encode(), (("x", secret),), secret.encode()),
    ]
    assert secret not in repr(values)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"1", b'"x"', b"null", b"{", b"\xff{}", b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"), b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b'[{"a":1,"a":1}]',
        b'{"a":1e999999999999999999999}', b'{"a":-0e-999999999999999999999}',
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e400}', b'{"a":-1e-400}',
        b'{"a":' + b"[" * 200_000, b'{"a":' + b"1" * 5_000 + b"}", b'{"a":"\\ud800"}',
        b'{"\\udc00":1}', b'{"a":["\\u0000"]}', b'{"a":1}x', b"{'a':1}", b'{"a":01}', b'{"a":1,}',
    ],
)  # fmt: skip
def test_json_is_read_strictly(body):
    with pytest.raises(ValueError):
        parse_json_object(body)
    with pytest.raises(MalformedResponse):
        HttpResponse(200, (), body).json()
    with pytest.raises(MalformedDelivery):
        Delivery("POST", body=body).json()


def test_json_keeps_numbers_exact():
    body = b'{"a":9007199254740993,"b":0.1,"c":1e3,"d":0.0,"e":"\\ud83d\\ude00","f":[null,true]}'
    assert parse_json_object(body) == {
        "a": 9007199254740993,
        "b": Decimal("0.1"),
        "c": Decimal("1e3"),
        "d": Decimal("0.0"),
        "e": "😀",
        "f": [None, True],
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.untraced
@given(st.dictionaries(st.text(), JSON), st.booleans())
def test_json_there_and_back(value, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    text = json.dumps(value, ensure_ascii=False)
    # NUL is refused when escaped; json.dumps always escapes it.
    storable = "\\u0000" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
    if storable:
        assert parse_json_object(body) == value
    else:
        with pytest.raises(ValueError):
            parse_json_object(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    try:
        value = parse_json_object(body)
    except ValueError:
        return
    assert json.loads(body) == value


def nested(opening, closing, depth):
    return (opening * (depth - 1) + "{}" + closing * (depth - 1)).encode()


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ('{"a":[', "]}")])
def test_nesting_has_a_limit_of_its_own(opening, closing):
    """Not that of the interpreter, which a later step may reach sooner."""
    levels = opening.count("[") + 1
    deepest = (MAX_DEPTH - 1) // levels + 1
    assert parse_json_object(nested(opening, closing, deepest))
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json_object(nested(opening, closing, deepest + 1))


def test_a_list_may_be_long():
    assert len(parse_json_object(b'{"a":[' + b"[],{}," * 500 + b"[]]}")["a"]) == 1001


@pytest.mark.untraced
@given(JSON)
def test_json_text_is_compact_json(value):
    assert json_text(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    "text", ["0.5", "12.0", "1.50", "-0.000001", "1e-7", "1e+21", "123456789.123456789012345678"]
)
def test_json_text_keeps_the_digits_of_a_fraction(text):
    written = '{"a":[N,{"b":N}],"ký":"\\n\u2028/"}'.replace("N", text)
    assert json_text(parse_json_object(written.encode())) == written


def test_query_is_decoded_once():
    delivery = Delivery("GET", query=b"a=%2526&b=x+y%2Bz&c=&d&%C3%A9=%F0%9F%98%80&e=1;f=2&&")
    assert delivery.query_fields() == {
        "a": "%26", "b": "x y+z", "c": "", "d": "", "é": "😀", "e": "1;f=2",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [b"a=%zz", b"a=%", b"a=%e", b"a=%e9", b"%ff=1", b"a=\xff", b"a=1&a=1", b"a=1&%61=1",
     b"&".join(b"%d=1" % n for n in range(MAX_PARAMETERS + 1)), b"&" * 100_000],
)  # fmt: skip
def test_query_is_read_strictly(query):
    with pytest.raises(MalformedDelivery):
        Delivery("GET", query=query).query_fields()


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=6))
def test_query_there_and_back(fields):
    from urllib.parse import urlencode

    encodable = {
        k: v for k, v in fields.items() if not set(k + v) & set(map(chr, range(0xD800, 0xE000)))
    }
    delivery = Delivery.get("/path?" + urlencode(encodable))
    expected = {k: v for k, v in encodable.items() if k or v}
    got = delivery.query_fields()
    assert {k: v for k, v in got.items() if k or v} == expected


def test_delivery_makers():
    assert Delivery.get("a=1").query == b"a=1"
    assert Delivery.get(b"https://x/y?a=1?2").query == b"a=1?2"
    made = Delivery.post_json({"a": "á"}, path="/p")
    assert (made.method, made.path, made.body, made.header("Content-Type")) == (
        "POST",
        "/p",
        '{"a":"á"}'.encode(),
        "application/json",
    )
    assert Delivery.post_json("{}").body == Delivery.post_json(b"{}").body == b"{}"


def test_reply():
    assert Reply.json({"RspCode": "00", "Message": "x"}) == Reply(
        200, b'{"RspCode":"00","Message":"x"}', "application/json"
    )
