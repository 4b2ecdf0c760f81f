"""Broken answers and broken deliveries, generated from good ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

import attrs

from ...http import Delivery, HttpResponse, decode_component, parse_json_object
from ..fields import Field, altered, edit_json

#: HTTP statuses that an answer is broken with; 200 is the most dangerous one.
STATUSES: Final = (200, 400, 401, 404, 429, 500, 502)

_JUNK: Final[tuple[Any, ...]] = (
    *(None, True, [], {}, [{}]),
    *("", "x", "-1", "\x00"),
    *(-1, 1.5, 10**30, -(10**30)),
)

Broken: TypeAlias = Iterator[tuple[str, Delivery]]


def unreadable_bodies(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Bodies that are not the JSON object that the provider sends."""
    yield "empty", b""
    yield "HTML", b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    for part in (1, len(good) // 2, len(good) - 1):
        yield f"cut after {part} bytes", good[:part]
    yield "not UTF-8", b"\xff" + good
    yield "a byte order mark", b"\xef\xbb\xbf" + good
    yield "UTF-16", good.decode().encode("utf-16")
    for text in (b"[]", b"null", b"1", b'"x"', b"true"):
        yield f"just {text.decode()}", text
    yield "deep nesting", b'{"a":' * 50_000
    yield "two objects", good + good
    inside = good.strip()[1:]
    yield "NaN", b'{"conformance":NaN,' + inside
    for name, value in _content(good).items():
        pair = f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=False, default=str)},"
        yield f"{name} twice", b"{" + pair.encode() + inside


def fields_of(answer: HttpResponse) -> list[str]:
    """The dotted paths of all values in an answer; of a list, the first item stands for all."""
    return list(_paths(_content(answer.body), ""))


def _content(body: bytes) -> dict[str, Any]:
    try:
        return parse_json_object(body)
    except ValueError:
        return {}  # a case may well answer with something else


def _paths(value: Any, prefix: str) -> Iterator[str]:
    if isinstance(value, list) and value:
        yield from _paths(value[0], f"{prefix}0.")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if "." in name:
                continue  # the dotted form would mean another one
            yield f"{prefix}{name}"
            yield from _paths(item, f"{prefix}{name}.")


def wrong_values(answer: HttpResponse, path: str) -> Iterator[tuple[str, HttpResponse]]:
    """The answer without the value at ``path``, and with values of every wrong kind there."""
    yield f"{path} is missing", _at(answer, path, lambda home, key: home.pop(key))
    good = _get(parse_json_object(answer.body), path)
    for junk in _JUNK:
        if type(junk) is type(good) and (junk is None or isinstance(junk, str | list | dict)):
            continue  # of the right kind; whether it is the right one is the echo's business
        if type(junk) is type(good) and junk == good:
            continue  # not broken at all
        yield f"{path} is {junk!r:.20}", _put(answer, path, junk)


def another_value(answer: HttpResponse, path: str) -> HttpResponse:
    """The answer with a different value of the same kind at ``path``."""
    return _put(answer, path, altered(_get(parse_json_object(answer.body), path)))


def _get(content: Any, path: str) -> Any:
    for key in path.split("."):
        content = content[int(key) if isinstance(content, list) else key]
    return content


def _put(answer: HttpResponse, path: str, value: Any) -> HttpResponse:
    def put(home: dict[str, Any], key: str) -> None:
        home[key] = copy.deepcopy(value)

    return _at(answer, path, put)


def _at(
    answer: HttpResponse, path: str, act: Callable[[dict[str, Any], str], object]
) -> HttpResponse:
    *parents, last = path.split(".")

    def edit(content: dict[str, Any]) -> None:
        act(_get(content, ".".join(parents)) if parents else content, last)

    return attrs.evolve(answer, body=edit_json(answer.body, edit))


# Deliveries.


def broken_signatures(delivery: Delivery, field: Field, *, any_case: bool) -> Broken:
    """The delivery under signatures that are almost right."""
    true = str(field.read(delivery))
    yield "missing", field.remove(delivery)
    for name, value in (
        ("empty", ""),
        ("a blank", " "),
        ("zeros", "0" * len(true)),
        ("a blank before", f" {true}"),
        ("a blank behind", f"{true} "),
        ("a blank inside", f"{true[:2]} {true[2:]}"),
        ("a line break behind", f"{true}\n"),
        ("one more digit", f"{true}0"),
        ("two more digits", f"{true}00"),
        ("twice", true + true),
        ("a letter outside ASCII", f"{true[:-1]}é"),
        ("full-width letters", "".join(chr(ord(letter) + 0xFEE0) for letter in true)),
        ("an invisible letter", f"{true}\u200b"),
    ):
        yield name, field.replace(delivery, value)
    if not any_case:
        yield "the other case", field.replace(delivery, true.swapcase())
    for length in range(1, len(true)):
        yield f"its first {length}", field.replace(delivery, true[:length])
    for index, letter in enumerate(true):
        other = "1" if letter == "0" else "0"
        yield (
            f"character {index}",
            field.replace(delivery, true[:index] + other + true[index + 1 :]),
        )


def names_of(delivery: Delivery, signature: Field) -> list[str]:
    """The fields of a delivery, but for the signature."""
    if delivery.method == "GET":
        names = [decode_component(name) for name, _ in delivery.query_pairs()]
    else:
        names = _keys(parse_json_object(delivery.body), "")
    return [name for name in names if signature.header or name != signature.name_in(delivery)]


def _keys(content: dict[str, Any], prefix: str) -> list[str]:
    """All keys, those of objects inside with dots; what is in a list counts as one value."""
    found = []
    for name, value in content.items():
        if "." in name:
            continue  # the dotted form would mean another one
        found.append(f"{prefix}{name}")
        if isinstance(value, dict):
            found += _keys(value, f"{prefix}{name}.")
    return found


def changed_field(delivery: Delivery, name: str) -> Broken:
    """The delivery with another value of the field, with none, and without the field."""
    field = Field(name)
    value = field.read(delivery)
    yield "altered", field.replace(delivery, altered(value))
    if value != "":
        yield "emptied", field.replace(delivery, "")
        yield "removed", field.remove(delivery)
    if isinstance(value, str) and value:
        yield "longer", field.replace(delivery, f"{value}0")
        yield "shorter", field.replace(delivery, value[:-1])


def doubled_field(delivery: Delivery, name: str) -> Broken:
    """The delivery with the field twice, the second value before or behind the signed one.

    A key inside an object is doubled by a second object of the outer name.
    """
    name = name.partition(".")[0] if delivery.method != "GET" else name
    value = Field(name).read(delivery)
    for which in (value, altered(value)):
        if delivery.method == "GET":
            pair = urlencode({name: which}).encode()
            for place, query in (
                ("before", pair + b"&" + delivery.query),
                ("behind", delivery.query + b"&" + pair),
            ):
                yield f"{which!r:.20} {place}", attrs.evolve(delivery, query=query)
        else:
            text = json.dumps(which, ensure_ascii=False, default=str)
            pair = f"{json.dumps(name)}:{text}".encode()
            whole = delivery.body.strip()
            for place, body in (
                ("before", b"{" + pair + b"," + whole[1:]),
                ("behind", whole[:-1] + b"," + pair + b"}"),
            ):
                yield f"{which!r:.20} {place}", attrs.evolve(delivery, body=body)


def unreadable_deliveries(delivery: Delivery, signed: Field) -> Broken:
    """Deliveries that cannot be read, whatever their signature."""
    if delivery.method == "GET":
        yield from _unreadable_query(delivery, signed.name_in(delivery).encode())
    else:
        yield from _unreadable_body(delivery)


def _unreadable_query(delivery: Delivery, name: bytes) -> Broken:
    query = delivery.query

    def spoilt(before: bytes, after: bytes) -> Delivery:
        changed = (b"&" + query).replace(b"&" + name + b"=", b"&" + before + name + b"=" + after)
        return attrs.evolve(delivery, query=changed[1:])

    for escape in (b"%zz", b"%", b"%e9", b"%ed%a0%80", b"\xff"):
        yield f"{escape!r} in a name", spoilt(escape, b"")
        yield f"{escape!r} in a value", spoilt(b"", escape)
    yield "a byte order mark", spoilt(b"\xef\xbb\xbf", b"")
    for what, changed in (
        ("semicolons", query.replace(b"&", b";")),
        ("encoded twice", query.replace(b"=", b"%3D")),
        ("nothing", b""),
        ("100,000 parameters", query + b"&a=1" * 100_000),
    ):
        if changed != query:  # a single parameter has nothing between
            yield what, attrs.evolve(delivery, query=changed)


def _unreadable_body(delivery: Delivery) -> Broken:
    for what, body in unreadable_bodies(delivery.body):
        yield what, attrs.evolve(delivery, body=body)
    for what, pair in (
        ("a number of 5,000 digits", b'"conformance":' + b"9" * 5000),
        ("a lone surrogate", rb'"conformance":"\ud800"'),
        ("a NUL character", rb'"conformance":"\u0000"'),
        ("a number beyond a double", b'"conformance":1e400'),
    ):
        yield what, attrs.evolve(delivery, body=b"{" + pair + b"," + delivery.body.strip()[1:])


def with_foreign_field(delivery: Delivery) -> Broken:
    """The delivery with fields that the provider never sends."""
    for name, value in (("utm_source", "mail"), ("amount2", "1"), ("status", "paid")):
        if delivery.method == "GET":
            changed = attrs.evolve(delivery, query=delivery.query + f"&{name}={value}".encode())
        else:
            changed = Field(name).replace(delivery, value)
        yield name, changed


#: Amounts that no provider sends in this form; each is signed rightly in its check.
WRONG_AMOUNTS: Final[tuple[Any, ...]] = (
    None,
    True,
    [],
    {},
    "",
    " 1000 ",
    "+1000",
    "-1000",
    -1000,
    "1000.0",
    "1e3",
    "1_000",
    "1,000",
    "٣٠٠",
    "１０００",
    "0x3e8",
    "NaN",
    10**40,
)
#: Values that any field of an authentic notice may turn out to hold.
STRANGE_VALUES: Final[tuple[Any, ...]] = (
    *WRONG_AMOUNTS,
    "x" * 10_000,
    "a&b=c",
    "line\nbreak",
    "\x00",
    "<script>",
    "../../x",
    "🙂",
    10**18,
)
