"""HTTP as plain values: what we send, what comes back, what a provider delivers, what we reply.

Nothing here performs I/O. ``repr`` shows no header, query or body, because those carry keys,
tokens and payers' data.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Self, TypeAlias
from urllib.parse import unquote_to_bytes, urlencode

import attrs

from .errors import InvalidRequest, MalformedDelivery, MalformedResponse
from .text import unstorable

HeaderPairs: TypeAlias = tuple[tuple[str, str], ...]
JsonObject: TypeAlias = dict[str, Any]

#: More parameters than any provider sends; work before a signature is proven stays bounded.
MAX_PARAMETERS: Final = 200

#: Answers of these statuses have no body, and say no length.
WITHOUT_BODY: Final = frozenset({204, 304})

#: Deeper than anything that a provider sends; what is accepted can be handled by recursion.
MAX_DEPTH: Final = 100

_JSON_BLANKS: Final = " \t\n\r"
#: As numbers, which ``in`` finds in bytes several times faster than one-byte strings.
_PLUS: Final = ord("+")
_PERCENT: Final = ord("%")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


#: Made once: json.dumps would make one for each call.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _as_pairs(headers: Mapping[str, str] | Sequence[tuple[str, str]]) -> HeaderPairs:
    if type(headers) is tuple:
        return headers
    items = headers.items() if isinstance(headers, Mapping) else headers
    return tuple((str(name), str(value)) for name, value in items)


def _header(headers: HeaderPairs, name: str) -> str | None:
    wanted = name.lower()
    found = [value for key, value in headers if key.lower() == wanted]
    return found[0] if len(found) == 1 else None


def _without_query(url: str) -> str:
    return url.partition("?")[0]


@attrs.frozen(slots=True)
class HttpRequest:
    """One outgoing call. ``moves_money`` and ``replay_safe`` tell the transport what it may do.

    A request that moves money is never sent twice, and silence after it is
    :class:`~paykit.errors.OutcomeUnknown`. A replay-safe request has the same effect however often
    it arrives (a question, or a call that the provider deduplicates), so it may be repeated.
    """

    method: str
    url: str = attrs.field(repr=_without_query)
    headers: HeaderPairs = attrs.field(default=(), converter=_as_pairs, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    replay_safe: bool = False
    moves_money: bool = False

    @classmethod
    def get(cls, url: str, *, headers: Mapping[str, str] | None = None) -> Self:
        """Ask for ``url``; a GET is always replay safe."""
        return cls("GET", url, headers or {}, replay_safe=True)

    @classmethod
    def post_json(
        cls,
        url: str,
        payload: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        replay_safe: bool = False,
        moves_money: bool = False,
    ) -> Self:
        """Send ``payload`` as UTF-8 JSON, in the order of its keys.

        Raises :class:`~paykit.errors.InvalidRequest` for what JSON in UTF-8 cannot hold.
        """
        try:
            body = _ENCODER.encode(payload).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest(f"this cannot be sent as JSON: {error}") from None
        return cls(
            "POST",
            url,
            {"Content-Type": "application/json; charset=UTF-8", **(headers or {})},
            body,
            replay_safe,
            moves_money,
        )

    @classmethod
    def post_form(
        cls,
        url: str,
        pairs: Sequence[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        replay_safe: bool = False,
        moves_money: bool = False,
    ) -> Self:
        """Send ``pairs`` as ``application/x-www-form-urlencoded``.

        Raises :class:`~paykit.errors.InvalidRequest` for what UTF-8 cannot hold.
        """
        try:
            body = urlencode(pairs).encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"this cannot be sent as a form: {error}") from None
        return cls(
            "POST",
            url,
            {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
            body,
            replay_safe,
            moves_money,
        )

    def header(self, name: str) -> str | None:
        """The value of a header that occurs exactly once, else ``None``."""
        return _header(self.headers, name)


@attrs.frozen(slots=True)
class HttpResponse:
    """The answer to an :class:`HttpRequest`, body complete and decompressed."""

    status: int
    headers: HeaderPairs = attrs.field(default=(), converter=_as_pairs, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """The value of a header that occurs exactly once, else ``None``."""
        return _header(self.headers, name)

    def json(self) -> JsonObject:
        """The body as a JSON object, read strictly; raises :class:`MalformedResponse`."""
        try:
            return parse_json_object(self.body)
        except ValueError as error:
            raise MalformedResponse(
                f"HTTP {self.status} with an unreadable body: {error}", http_status=self.status
            ) from None

    def json_objects(self) -> list[JsonObject]:
        """The body as a JSON list of objects, read as strictly."""
        try:
            return _objects(parse_json_object(b'{"list":' + self.body + b"}"))
        except ValueError as error:
            raise MalformedResponse(
                f"HTTP {self.status} with an unreadable body: {error}", http_status=self.status
            ) from None


@attrs.frozen(slots=False)  # one is made for each call, and a frozen dict is filled faster
class Delivery:
    """One incoming call from a provider or from a payer's browser: its exact bytes.

    ``query`` is the raw query string without the question mark, ``body`` the raw body. Nothing may
    parse and serialise them again before verification.
    """

    method: str
    path: str = "/"
    query: bytes = attrs.field(default=b"", repr=False)
    headers: HeaderPairs = attrs.field(default=(), converter=_as_pairs, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    @classmethod
    def get(cls, url_or_query: str | bytes, *, path: str = "/") -> Self:
        """A GET call with this URL, or with this query if there is no ``?`` in it."""
        raw = url_or_query.encode() if isinstance(url_or_query, str) else url_or_query
        _, mark, query = raw.partition(b"?")
        return cls("GET", path, query if mark else raw)

    @classmethod
    def post_json(cls, body: bytes | str | Mapping[str, Any], *, path: str = "/") -> Self:
        """A POST call with a JSON body; a mapping is serialised, bytes and text are sent as is."""
        if isinstance(body, Mapping):
            body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        raw = body.encode() if isinstance(body, str) else body
        return cls("POST", path, b"", (("content-type", "application/json"),), raw)

    def header(self, name: str) -> str | None:
        """The value of a header that occurs exactly once, else ``None``."""
        return _header(self.headers, name)

    def json(self) -> JsonObject:
        """The body as a JSON object, read strictly; raises :class:`MalformedDelivery`."""
        try:
            return parse_json_object(self.body)
        except ValueError as error:
            raise MalformedDelivery(f"the body cannot be read: {error}") from None

    def query_fields(self) -> dict[str, str]:
        """The query decoded once; blanks are kept. Raises :class:`MalformedDelivery`."""
        fields: dict[str, str] = {}
        for name, value in self.query_pairs():
            key = decode_component(name)
            if key in fields:
                raise MalformedDelivery(f"the query parameter {key[:40]!r} occurs twice")
            fields[key] = decode_component(value)
        return fields

    def query_pairs(self) -> list[tuple[bytes, bytes]]:
        """The query split but still encoded; raises :class:`MalformedDelivery` if it is huge."""
        parts = self.query.split(b"&")
        if len(parts) > MAX_PARAMETERS:
            raise MalformedDelivery(f"more than {MAX_PARAMETERS} query parameters")
        pairs = []
        for part in parts:
            name, _, value = part.partition(b"=")
            if part:
                pairs.append((name, value))
        return pairs


@attrs.frozen(slots=False)  # as a Delivery
class Reply:
    """What goes back to the provider: each has its own exact acknowledgement."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: HeaderPairs = attrs.field(default=(), converter=_as_pairs)

    @classmethod
    def json(cls, payload: Mapping[str, Any], *, status: int = 200) -> Self:
        """A JSON reply with exactly these keys in this order."""
        return cls(status, json.dumps(payload, separators=(",", ":")).encode(), "application/json")


def form_pairs(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of a form or a query for nested ``fields``: ``a[b]=c`` and ``a[0]=c`` (Stripe).

    Texts, whole numbers, ``true`` and ``false``, and mappings and lists of those. Raises
    :class:`~paykit.errors.InvalidRequest` for anything else, and for a name that holds a bracket:
    it would be read as another one.
    """
    pairs: list[tuple[str, str]] = []
    _flatten(fields, "", pairs, 0)
    return pairs


def _flatten(value: object, name: str, pairs: list[tuple[str, str]], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidRequest("is nested too deeply", field=name[:60])
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not key or "[" in key or "]" in key:
                raise InvalidRequest("is no name in a form", field=f"{name}[{key!r:.60}]")
            _flatten(item, f"{name}[{key}]" if name else key, pairs, depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _flatten(item, f"{name}[{index}]", pairs, depth + 1)
    elif isinstance(value, bool):
        pairs.append((name, "true" if value else "false"))
    elif isinstance(value, str | int):
        pairs.append((name, str(value)))
    else:
        raise InvalidRequest(
            f"a form has no place for {type(value).__name__}", field=name[:60] or None
        )


def basic_auth(user: str, password: str) -> dict[str, str]:
    """The header by which a user and a password are shown (RFC 7617)."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def decode_component(raw: bytes) -> str:
    """Undo form encoding once, strictly; raises :class:`MalformedDelivery`.

    A broken escape or bytes that are not UTF-8 are refused: no replacement character may sneak in.
    """
    if _PLUS in raw:
        raw = raw.replace(b"+", b" ")
    if _PERCENT in raw:
        if _BROKEN_ESCAPE.search(raw):
            raise MalformedDelivery("a query parameter has a broken percent escape")
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedDelivery("a query parameter is not UTF-8") from None


def parse_json_object(body: bytes) -> JsonObject:
    """Read UTF-8 JSON strictly; raises :class:`ValueError` with a reason that shows no content.

    Refused: duplicate keys, ``NaN`` and infinities, numbers beyond double range, a byte order mark,
    other encodings, lone surrogates, NUL characters, absurd nesting, and anything but an object.
    Fractions become :class:`~decimal.Decimal`, so no value ever passes through a float.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    text = text.strip(_JSON_BLANKS)
    try:
        # Not decode(), which looks for blanks by a regular expression before and after.
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at character {error.pos}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if end != len(text):
        raise ValueError(f"not JSON at character {end}")
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    # Most bodies are flat, which is found much faster than how many brackets there are.
    nested = "[" in text or text.find("{", 1) > 0
    if nested and text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    # One character is found much faster than two, and most bodies hold no backslash at all.
    if "\\" in text and "\\u" in text and (why := unstorable(value)):
        raise ValueError(f"a text {why}")
    return value


def _objects(whole: JsonObject) -> list[JsonObject]:
    """What is under ``list``, which the body was put under and cannot have got out of."""
    found = whole.get("list")
    if len(whole) != 1 or type(found) is not list or any(type(one) is not dict for one in found):
        raise ValueError("not a JSON list of objects")
    return found


def json_text(value: Any) -> str:
    """The JSON of ``value`` as JavaScript writes it, for signatures over a part of a body.

    As compact as can be, letters as they are; a fraction keeps the digits that it came with.
    """
    if isinstance(value, dict):
        return (
            f"{{{','.join(f'{json_text(name)}:{json_text(one)}' for name, one in value.items())}}}"
        )
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    if isinstance(value, Decimal):
        return str(value).lower()
    return _ENCODER.encode(value)


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return result


def _refuse_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are not numbers")


def _fraction(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits is beyond Decimal itself
        raise ValueError("a number is out of range") from None
    if number and abs(number.adjusted()) > 308:  # noqa: PLR2004 - the range of a double
        raise ValueError("a number is out of range")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_fraction
)


def _depth(value: Any) -> int:
    """How many objects and lists stand in one another."""
    depth, level = 0, [value]
    while level:
        depth += 1
        insides = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for inside in insides for item in inside if isinstance(item, dict | list)]
    return depth
