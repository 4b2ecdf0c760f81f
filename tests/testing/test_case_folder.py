"""Reading a case folder: what it says is what is checked, and what is unclear is refused."""

import shutil
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from paykit import (
    ConfigurationError,
    Customer,
    Delivery,
    HttpRequest,
    InvalidRequest,
    Money,
    Nothing,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from paykit.http import HttpResponse
from paykit.testing.conformance.base import Checks, FixedIds, Wire
from paykit.testing.conformance.damage import fields_of, unreadable_bodies
from paykit.testing.conformance.data import CaseFolder, Exchange, read_call
from paykit.testing.conformance.values import plain, structure
from paykit.testing.fields import Field, altered, edit_json
from tests.testing.sabotage import ACME, Acme

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONFIG = 'now = 2026-01-02T03:04:05Z\n[config]\napi_key = "a"\nwebhook_key = "w"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG, "utf-8")
    return tmp_path


def test_a_small_folder(folder):
    (folder / "one.case.toml").write_text('command = "void"\n[error]\ntype = "NotFound"\n', "utf-8")
    read = CaseFolder.read(folder)
    assert (read.now, read.ids, read.config) == (NOW, (), {"api_key": "a", "webhook_key": "w"})
    assert (read.any_case, read.unsigned, read.tolerance) == (False, (), None)
    (case,) = read.cases
    assert (case.id, case.command, case.arguments) == ("one", "void", {})
    assert (case.result, case.error) == (None, {"type": "NotFound"})


def test_rows_fill_holes_and_lay_over():
    cases = {case.id: case for case in CaseFolder.read(ACME).cases}
    assert cases["fetch-paid"].result == {
        "type": "Payment",
        "provider": "acme",
        "reference": "A-1",
        "amount": "19.99 EUR",
        "code": "paid",
        "occurred_at": NOW,
        "status": "succeeded",
        "captured": "19.99 EUR",
    }
    assert b'"state":"exploded"' in cases["fetch-unseen"].exchanges[0].answer.body


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.case.toml", 'command = "void"', "either a result or an error"),
        ("a.case.toml", 'command = "void"\nresult = {}\nerror = {}', "either a result or an error"),
        ("a.case.toml", 'command = "void', r"a\.case\.toml"),
        ("a.http", "nonsense\n\n", "request line"),
        ("a.http", "GET / HTTP/1.1\nHost: x", "blank line"),
    ],
)
def test_unclear_data_is_refused(folder, name, text, message):
    (folder / name).write_text(text, "utf-8")
    (folder / "a.http.toml").write_text("", "utf-8")
    with pytest.raises(ConfigurationError, match=message):
        CaseFolder.read(folder)


def test_a_folder_needs_its_configuration(tmp_path):
    with pytest.raises(ConfigurationError, match=r"has no config\.toml"):
        CaseFolder.read(tmp_path)


def test_a_recorded_call_keeps_its_bytes():
    raw = b'POST /w?a=%C3%A9+b HTTP/1.1\r\nHost: x\r\nX-Sig:  abc \r\n\r\n{"a":\r\n\r\n1}\n'
    assert read_call(raw, where="here") == Delivery(
        "POST", "/w", b"a=%C3%A9+b", (("Host", "x"), ("X-Sig", "abc")), b'{"a":\r\n\r\n1}\n'
    )
    assert read_call(b"GET /w HTTP/1.1\nHost: x\n\n", where="here") == Delivery(
        "GET", "/w", b"", (("Host", "x"),)
    )


def test_an_unknown_argument_is_refused(folder):
    (folder / "a.case.toml").write_text(
        'command = "fetch_payment"\n[arguments]\nnumber = 1\n[result]\ntype = "Payment"\n', "utf-8"
    )

    class Checked(Checks):
        provider = Acme
        cases = folder

    with pytest.raises(ConfigurationError, match="takes no number"):
        Checked().arguments(Checked().folder.cases[0])


def exchange(**changes):
    return Exchange(
        **{
            "method": "POST",
            "url": "https://api.example/{{id}}",
            "headers": {"X-Key": "k"},
            "body": '{"token":"{{token}}","n":1.5}',
            "volatile": {"id": "[0-9]+", "token": "[a-f]{4}"},
            "moves_money": True,
            "replay_safe": False,
            "answer": HttpResponse(200),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, None),
        ({"method": "PUT"}, "method"),
        ({"url": "https://api.example/x"}, "url"),
        ({"url": "https://api.example/12/"}, "url"),
        ({"headers": {"X-Key": "other"}}, "header X-Key"),
        ({"headers": {}}, "header X-Key"),
        ({"body": b'{"token":"abcg","n":1.5}'}, "body"),
        ({"body": b'{"token":"abcd","n":1x5}'}, "body"),
        ({"body": b'{"token":"abcd","n":1.5}\n'}, "body"),
        ({"moves_money": False}, "moves_money"),
        ({"replay_safe": True}, "replay_safe"),
    ],
)
def test_a_request_is_compared_to_the_letter(changes, difference):
    request = HttpRequest(
        **{
            "method": "POST",
            "url": "https://api.example/12",
            "headers": {"x-key": "k"},
            "body": b'{"token":"abcd","n":1.5}',
            "moves_money": True,
            **changes,
        }
    )
    found = exchange().difference(request)
    assert (found is None) if difference is None else found.startswith(difference)


def test_a_request_beyond_the_script_fails():
    wire = Wire([])
    with pytest.raises(AssertionError, match="request 1 was not expected"):
        wire.send(HttpRequest("GET", "https://api.example"))


def test_ids_start_over():
    ids = FixedIds(("a", "b"))
    assert [ids(), ids(), ids()] == ["a", "b", "a"]


def test_values_become_toml_and_back():
    refund = Refund(
        provider="p",
        reference="R",
        payment_reference="A",
        status=RefundStatus.FAILED,
        raw={"a": 1},
    )
    payment = Payment(
        provider="p",
        reference="A",
        status=PaymentStatus.SUCCEEDED,
        amount=Money(1999, "EUR"),
        occurred_at=NOW,
        refunds=(refund,),
        raw={"b": 2},
    )
    assert plain(payment) == {
        "type": "Payment",
        "provider": "p",
        "reference": "A",
        "status": "succeeded",
        "amount": "19.99 EUR",
        "occurred_at": NOW,
        "refunds": [
            {
                "type": "Refund",
                "provider": "p",
                "reference": "R",
                "payment_reference": "A",
                "status": "failed",
            }
        ],
    }
    assert plain({"next": Nothing()}) == {"next": {"type": "Nothing"}}
    request = {
        "reference": "A",
        "amount": "150000 VND",
        "capture": "manual",
        "expires_at": NOW,
        "customer": {"ip": "203.0.113.7"},
        "items": [{"id": "1", "name": "a", "price": "5 VND"}],
        "extra": {"a": {"b": 1}},
    }
    made = structure(PaymentRequest, request, where="here")
    assert made.customer == Customer(ip="203.0.113.7")
    assert made.items[0].price == Money(5, "VND")
    assert {**plain(made), "type": 0} == {
        **request,
        "type": 0,
        "customer": {"type": "Customer", "ip": "203.0.113.7"},
        "items": [{"type": "LineItem", "id": "1", "name": "a", "price": "5 VND"}],
    }


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(ConfigurationError, match="here: PaymentRef has no number"):
        structure(PaymentRef, {"reference": "A", "number": 1}, where="here")
    with pytest.raises(ConfigurationError, match="is not a time"):
        structure(PaymentRef, {"reference": "A", "created_at": "yesterday"}, where="here")
    with pytest.raises(InvalidRequest, match="decimal places"):
        structure(Money, "1.5 VND", where="here")


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (True, False),
        (9, 10),
        ("ORDER-19", "ORDER-10"),
        ("12ab", "13ab"),
        ("abc", "abcx"),
        ("", "x"),
        (None, {"x": 1}),
        ([], {"x": 1}),
        ([1], None),
        (Decimal("1.5"), None),
    ],
)
def test_another_value_of_the_same_kind(value, other):
    assert altered(value) == other
    assert altered(value) != value


HEADERS = Delivery("POST", headers=(("X-Sig", "a1"), ("Host", "x")), body=b"{}")
QUERY = Delivery.get("a=1&b=%C3%A9+x&c=&a2=3")


def test_a_field_is_found_where_it_stands():
    assert Field("x-sig", header=True).read(HEADERS) == "a1"
    assert Field("a").read(HEADERS) is None
    assert [Field(name).read(QUERY) for name in ("a", "b", "c", "d")] == ["1", "é x", "", None]
    with pytest.raises(InvalidRequest, match="d: is not in this delivery"):
        Field("d").alter(QUERY)


def test_a_field_is_changed_alone():
    header = Field("X-SIG", header=True)
    assert header.replace(HEADERS, "b").headers == (("X-Sig", "b"), ("Host", "x"))
    assert header.alter(HEADERS).headers == (("X-Sig", "a2"), ("Host", "x"))
    assert header.remove(HEADERS).headers == (("Host", "x"),)
    assert Field("a").replace(QUERY, "1 é&").query == b"a=1+%C3%A9%26&b=%C3%A9+x&c=&a2=3"
    assert Field("a").remove(QUERY).query == b"b=%C3%A9+x&c=&a2=3"
    body = Delivery.post_json(b'{"a":1,"b":"\xc3\xa9"}')
    assert Field("b").alter(body).body == b'{"a":1,"b":"\xc3\xa9x"}'
    assert Field("a").remove(body).body == b'{"b":"\xc3\xa9"}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"\xc3\xa9","b":[1,2]}',
        b'{"a": "\\u00e9", "b": [1, 2]}',
        b'{"a": "\xc3\xa9", "b": [1, 2]}',
    ],
)
def test_json_keeps_its_style(body):
    assert edit_json(body, lambda content: content.update(b=[1])) == body.replace(
        b",2", b""
    ).replace(b", 2", b"")


def test_an_answer_that_is_no_json_has_no_fields():
    assert fields_of(HttpResponse(204)) == []
    assert fields_of(HttpResponse(200, body=b'{"a":{"b":[{"c":1},{"d":2}]},"e":[1]}')) == [
        "a",
        "a.b",
        "a.b.0.c",
        "e",
    ]
    assert ("just []", b"[]") in unreadable_bodies(b"")


def test_the_suite_finds_a_provider_by_its_name(folder):
    class Named(Checks):
        provider = "vnpay"
        cases = folder

    assert Named().provider_class.__name__ == "VNPay"


def test_copies_of_a_folder_are_read_anew(tmp_path):
    shutil.copytree(ACME, tmp_path / "acme")
    assert CaseFolder.read(tmp_path / "acme").cases == CaseFolder.read(ACME).cases
