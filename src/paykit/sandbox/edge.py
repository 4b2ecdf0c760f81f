"""Reading what strangers send, within limits, and turning nothing of it into a crash."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from starlette.requests import ClientDisconnect

from ..http import parse_json_object

if TYPE_CHECKING:
    from starlette.requests import Request

K = TypeVar("K")
V = TypeVar("V")

_MAX_PARAMETERS = 200
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)
#: What a browser would run or open locally instead of going to the merchant.
_UNSAFE_SCHEMES = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})


class UnreadableError(Exception):
    """The request cannot be read; the message says why and shows none of it."""


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most ``limit`` bytes of it are ever held; raises :class:`UnreadableError`."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise UnreadableError("the body is too large")
    except ClientDisconnect:
        raise UnreadableError("the caller went away") from None
    return bytes(body)


async def read_json(request: Request, limit: int) -> dict[str, Any]:
    """The body as a JSON object, read strictly; raises :class:`UnreadableError`."""
    try:
        return parse_json_object(await read_body(request, limit))
    except ValueError as error:
        raise UnreadableError(f"the body is not a usable JSON object: {error}") from None


async def read_form(request: Request, limit: int) -> dict[str, str]:
    """The body as form fields, the last of a repeated one; raises :class:`UnreadableError`."""
    return decode_form(await read_body(request, limit))


def decode_form(raw: bytes) -> dict[str, str]:
    """Form fields, blanks kept, the last of a repeated one; raises :class:`UnreadableError`."""
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError:
        raise UnreadableError("the form cannot be read") from None
    return dict(pairs)


def decode_query(query: bytes) -> dict[str, str]:
    """A raw query decoded once, blanks kept; raises :class:`UnreadableError`.

    A repeated name, a broken escape, bytes that are not UTF-8 and control characters are refused.
    """
    parts = [part for part in query.split(b"&") if part]
    if len(parts) > _MAX_PARAMETERS:
        raise UnreadableError("too many parameters")
    fields: dict[str, str] = {}
    for part in parts:
        try:
            text = part.decode("ascii")
            if _BROKEN_ESCAPE.search(text):
                raise UnreadableError("a broken percent escape")
            name, _, value = text.partition("=")
            name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            raise UnreadableError("a parameter is not UTF-8") from None
        if name in fields:
            raise UnreadableError("a parameter occurs twice")
        if not (name + value).isprintable():
            raise UnreadableError("a parameter has control characters")
        fields[name] = value
    return fields


def is_return_url(text: str) -> bool:
    """Whether a payer may be sent there: an absolute web address, or an app's own scheme."""
    scheme = _absolute_scheme(text)
    return bool(scheme) and scheme not in _UNSAFE_SCHEMES


def is_web_url(text: str) -> bool:
    """Whether a notice can be sent there."""
    return _absolute_scheme(text) in {"http", "https"} and bool(urlsplit(text).hostname)


def _absolute_scheme(text: str) -> str:
    if not text.isprintable() or " " in text:
        return ""
    try:
        parts = urlsplit(text)
        usable = bool(parts.netloc or parts.scheme not in {"http", "https"}) and parts.port != 0
    except ValueError:
        return ""
    scheme, mark, _ = text.partition(":")
    return scheme.lower() if usable and mark and _SCHEME.fullmatch(scheme) else ""


def with_query(url: str, query: str) -> str:
    """``url`` with ``query`` behind its own one, and its fragment kept last."""
    base, mark, fragment = url.partition("#")
    return f"{base}{'&' if '?' in base else '?'}{query}{mark}{fragment}"


def remember(store: dict[K, V], key: K, value: V, *, keep: int) -> None:
    """Put ``value`` into ``store`` and forget the oldest entries beyond ``keep``."""
    store[key] = value
    while len(store) > keep:
        del store[next(iter(store))]
