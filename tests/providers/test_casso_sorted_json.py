"""What Casso may have signed: JSON that says what the body says, and nothing else."""

import hmac
import json
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paykit import Casso, CassoConfig, Delivery, MalformedDelivery, SignatureError
from paykit.flow import run
from paykit.http import parse_json_object
from paykit.providers.casso.canonical import spellings

KEY = "casso-test-key-paykit-0001"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OURS = Casso(
    CassoConfig(bank="MB", account_number="123456789", security_key=KEY), clock=lambda: NOW
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
BODY = st.dictionaries(TEXT, VALUE, max_size=4)


def refuse_network(request):
    raise AssertionError(request)


def verify(body, text, key=KEY):
    moment = str(int(NOW.timestamp() * 1000))
    digest = hmac.new(key.encode(), f"{moment}.{text}".encode(), "sha512").hexdigest()
    headers = {"X-Casso-Signature": f"t={moment},v1={digest}"}
    return run(OURS.verify(Delivery("POST", headers=headers, body=body.encode())), refuse_network)


def dump(content, **how):
    return json.dumps(content, **{"ensure_ascii": False, "separators": (",", ":"), **how})


@pytest.mark.untraced
@given(BODY)
@example({"b": [{"d": 1, "c": "/<é🙂"}], "a": "\u2028\x7f\\u0041", "": "\\/"})
def test_each_spelling_says_what_the_body_says(content):
    body = dump(content, indent=1).encode()
    texts = [text.decode() for text in spellings(body)]
    assert texts[0] == dump(content, sort_keys=True)
    assert len(set(texts)) == len(texts)
    assert all(parse_json_object(text.encode()) == content for text in texts)


@given(BODY)
def test_whatever_python_or_javascript_sign_is_accepted(content):
    for escaped in (False, True):
        text = dump(content, sort_keys=True, ensure_ascii=escaped)
        assert verify(dump(content, indent=1), text).fields == content


@given(BODY, BODY)
def test_no_other_content_is_accepted(signed, sent):
    if signed != sent or [type(v) for v in signed.values()] != [type(v) for v in sent.values()]:
        text = dump(signed, sort_keys=True)
        if text != dump(sent, sort_keys=True):
            with pytest.raises(SignatureError):
                verify(dump(sent), text)


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("599000", "599000"),
        ("599000.0", "599000.0"),
        ("599000.0", "599000"),
        ("599000.50", "599000.50"),
        ("599000.50", "599000.5"),
        ("5.99e5", "5.99e5"),
        ("5.99e5", "599000"),
        ("5.99E+5", "599000"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0.000001", "0.000001"),
        ("1e-6", "0.000001"),
        ("1e20", "100000000000000000000"),
        ("9007199254740993", "9007199254740993"),
        ("1.00000000000000000001", "1.00000000000000000001"),
    ],
)
def test_a_number_is_signed_as_it_stands_or_as_javascript_writes_it(sent, signed):
    verified = verify(
        f'{{"error":0,"data":{{"x":{sent}}}}}', f'{{"data":{{"x":{signed}}},"error":0}}'
    )
    assert Decimal(verified.fields["data"]["x"]) == Decimal(signed)


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("599000", "599000.0"),
        ("599000.01", "599000"),
        ("5990000", "599000"),
        ("599000", '"599000"'),
        ('"599000"', "599000"),
        # What a double would make of it is another number.
        ("9007199254740993", "9007199254740992"),
        ("1.00000000000000000001", "1"),
        ("0.1234567890123456789", "0.12345678901234568"),
        ("1e21", "1000000000000000000000"),
        ("1e-7", "0.0000001"),
        ("null", "0"),
        ("true", "1"),
    ],
)
def test_another_number_is_refused(sent, signed):
    with pytest.raises(SignatureError):
        verify(f'{{"error":0,"data":{{"x":{sent}}}}}', f'{{"data":{{"x":{signed}}},"error":0}}')


@pytest.mark.parametrize(
    "body",
    [
        '{"data":{"amount":1,"amount":9},"error":0}',
        '{"data":{"amount":NaN},"error":0}',
        '{"data":{"amount":1e400},"error":0}',
        '{"data":{"description":"\\u0000599000"},"error":0}',
        '{"data":{"description":"\\ud800"},"error":0}',
        '{"data":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"data":' + '{"a":' * 3_000 + "1" + "}" * 3_000 + "}",
        '{"data":' + "9" * 5_000 + "}",
        "[]",
    ],
)
def test_what_cannot_be_read_is_refused_before_it_is_signed(body):
    with pytest.raises(MalformedDelivery):
        verify(body, body)


def test_a_forged_megabyte_is_refused_quickly():
    body = dump({"error": 0, "data": {"description": "é/<" * 120_000, "amount": 1.0}})
    begun = time.perf_counter()
    with pytest.raises(SignatureError):
        verify(body, "{}")
    assert time.perf_counter() - begun < 2
