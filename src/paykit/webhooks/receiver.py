"""The rules of the endpoints, without any I/O: routes, limits, and what to answer.

========================================  ======  ==================================================
path below the mount                      method  what
========================================  ======  ==================================================
``/webhooks/{account}``                   theirs  a provider's call; the reply is the provider's own
``/returns/{account}``                    GET     the payer's browser comes back; redirects
``/payments/{payment_id}/status``         GET     small JSON to poll, with ETag, or a stream
``/orders/{order_id}/status``             GET     the same for an order, with a token
``/paykit-status.js``                     GET     the script that polls it
``/health``, ``/ready``                   GET     whether this process runs, and can take deliveries
========================================  ======  ==================================================
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import attrs

from ..errors import ConfigurationError
from ..http import Delivery, HeaderPairs, Reply
from ..models import PaymentStatus
from ..status import StatusView

MAX_BODY: Final = 1024 * 1024
#: Seconds that a sender has for its whole body.
BODY_SECONDS: Final = 20.0
#: A length with more digits is no length.
_LENGTH_DIGITS: Final = 19
#: Seconds after which somebody who was turned away may come again.
_AGAIN_SECONDS: Final = "5"

_PATHS = re.compile(
    r"/(?:webhooks/(?P<webhook>[A-Za-z0-9_.-]{1,120})"
    r"|returns/(?P<return>[A-Za-z0-9_.-]{1,120})"
    r"|payments/(?P<payment>[A-Za-z0-9_.-]{1,120})/status"
    r"|orders/(?P<order>[^\x00-\x1f\x7f]{1,255})/status"
    r"|(?P<script>paykit-status\.js)|(?P<health>health)|(?P<ready>ready))"
)
_WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,18})\"?", re.IGNORECASE)
_MOST_HEADERS: Final = 16


class Endpoint(StrEnum):
    """What a path is for."""

    WEBHOOK = "webhook"
    RETURN = "return"
    PAYMENT = "payment"
    ORDER = "order"
    SCRIPT = "script"
    HEALTH = "health"
    READY = "ready"


#: Several times as fast as the enumeration itself.
_ENDPOINTS: Final = {endpoint.value: endpoint for endpoint in Endpoint}


class Route(NamedTuple):  # one is made for each request, and a tuple is made faster
    """A path that was understood; ``name`` is the account, or the id of the payment or order."""

    endpoint: Endpoint
    name: str


#: The paths below a mount, for the routers of frameworks. What stands for a name has to match all
#: that may be there, slashes as well: it is for :func:`find_route` to refuse.
PATHS: Final[Mapping[Endpoint, str]] = {
    Endpoint.WEBHOOK: "/webhooks/{account}",
    Endpoint.RETURN: "/returns/{account}",
    Endpoint.PAYMENT: "/payments/{payment_id}/status",
    Endpoint.ORDER: "/orders/{order_id}/status",
    Endpoint.SCRIPT: "/paykit-status.js",
    Endpoint.HEALTH: "/health",
    Endpoint.READY: "/ready",
}
#: All of them are routed, so that the receiver says what is allowed.
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@attrs.define  # one is made for each request, and to freeze it would take half as long again
class Head:
    """A request without its body.

    ``path`` is the decoded path below the mount, ``whole_path`` the whole of it. ``headers`` have
    names in any case. ``peer`` is the address of the other end of the connection, ``None`` where
    there is none (a Unix socket).
    """

    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    peer: str | None = None
    whole_path: str = ""
    #: By its name in lower case the last value of each header: most that are looked for are not
    #: there.
    _last: Mapping[bytes, bytes] = attrs.field(init=False, repr=False, eq=False)

    @_last.default
    def _by_name(self) -> Mapping[bytes, bytes]:
        return {name.lower(): value for name, value in self.headers}

    def values(self, name: bytes) -> list[str]:
        """All values of a header; ``name`` is in lower case."""
        return [_text(value) for key, value in self.headers if key.lower() == name]

    def value(self, name: bytes) -> str | None:
        """The value of a header, named in lower case; several of them count as one list."""
        last = self._last.get(name)
        if last is None:
            return None
        if len(self._last) == len(self.headers):
            return _text(last)
        return ", ".join(self.values(name))

    def delivery(self, body: bytes) -> Delivery:
        """The whole request, as providers read it."""
        headers = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in self.headers
        ]
        return Delivery(self.method, self.whole_path or self.path, self.query, tuple(headers), body)


def _text(value: bytes) -> str:
    """The value of a header; blanks around it are no part of it, and some servers leave them."""
    return value.decode("latin-1").strip(" \t")


def path_below(whole: str, routed: str) -> str:
    """The path below a mount as a router found it; the whole one if that overlooked something.

    Routers do not mind slashes too many, or a line break at the end. Then there is no such route.
    """
    before = whole.removesuffix(routed)
    return whole if before == whole or before.endswith("/") else routed


def below_prefix(path: str, prefix: str) -> str:
    """The path without a prefix that a server may have taken off already.

    ``/pay`` is no prefix of ``/payments``.
    """
    rest = path.removeprefix(prefix)
    return rest if rest.startswith("/") else path


def find_route(path: str) -> Route | None:
    """The route of a path below the mount, or ``None``."""
    match = _PATHS.fullmatch(path)
    if match is None or match.lastgroup is None:
        return None
    return Route(_ENDPOINTS[match.lastgroup], match[match.lastgroup])


def refuse_head(head: Head, *, allowed: str = "GET", max_body: int) -> Reply | None:
    """What can be refused before the body is read; ``allowed`` is the method."""
    if head.method != allowed:
        return error_reply(405, f"use {allowed}", headers=(("allow", allowed),))
    encoding = head.value(b"content-encoding")
    if encoding is not None and encoding.lower() != "identity":
        # Never inflate what strangers send; and the signature is over the plain bytes.
        return error_reply(415, "send the body without Content-Encoding")
    if len(head.query) > max_body:
        return too_large(max_body)
    length = head.value(b"content-length")
    if length is None:
        return None
    if head.value(b"transfer-encoding") is not None:
        # A proxy may have read another body than this server does.
        return error_reply(400, "give the Content-Length or chunks")
    if not (length.isascii() and length.isdigit()):
        return error_reply(400, "the Content-Length is no number")
    if len(length) > _LENGTH_DIGITS or int(length) > max_body:
        return too_large(max_body)
    return None


def too_large(max_body: int) -> Reply:
    """The reply to a body beyond the limit."""
    return error_reply(413, f"at most {max_body} bytes")


def busy(message: str) -> Reply:
    """The reply to somebody who may come again in a moment."""
    return error_reply(503, message, headers=(("retry-after", _AGAIN_SECONDS),))


def error_reply(status: int, message: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A refusal by the endpoint itself, before any provider has a say."""
    # What is not there now may be there soon, and caches may keep a 404 unless they are told.
    headers = (*headers, ("cache-control", "no-store"))
    return Reply(status, json.dumps({"error": message}).encode(), "application/json", headers)


#: For a client that has gone. Nobody reads it, but much of what wraps an app waits for an answer.
GONE: Final = Reply(400)


# Status.

_STATUS_HEADERS: Final = (("cache-control", "private, no-cache"), ("vary", "Accept"))


def is_among(tag: str, tags: str) -> bool:
    """Whether an ``If-None-Match`` names this entity tag (RFC 9110, 13.1.2)."""
    if tag == tags:
        return True
    named = [item.strip().removeprefix("W/") for item in tags.split(",")]
    return tag in named or "*" in named


def status_reply(view: StatusView, head: Head, *, waited: int | None = None) -> Reply:
    """How a payment or an order stands, and 304 while that has not changed.

    ``waited``: how many seconds were granted to wait for a change.
    """
    headers: HeaderPairs = (("etag", view.tag), *_STATUS_HEADERS)
    if waited is not None:
        headers = (*headers, ("preference-applied", f"wait={waited}"))
    tags = head.value(b"if-none-match")
    if tags is not None and is_among(view.tag, tags):
        return Reply(304, b"", None, headers)
    return Reply(200, view.body, "application/json", headers)


def wants_stream(head: Head) -> bool:
    """Whether a browser's ``EventSource`` is asking."""
    return "text/event-stream" in (head.value(b"accept") or "").lower()


def wait_wanted(head: Head) -> int:
    """How many seconds the client is ready to wait for a change (``Prefer: wait=30``, RFC 7240)."""
    prefer = head.value(b"prefer")
    if prefer is None:
        return 0
    for item in prefer.split(",")[:_MOST_HEADERS]:
        match = _WAIT.fullmatch(item.partition(";")[0].strip())
        if match:
            return int(match[1])
    return 0


def stream_frame(view: StatusView) -> bytes:
    """One message of an event stream; its id is the entity tag without the quotes."""
    return b"id: %b\nevent: status\ndata: %b\n\n" % (view.tag.strip('"').encode(), view.body)


def is_last_event(view: StatusView, head: Head) -> bool:
    """Whether a stream that is resumed has told this state already."""
    return head.value(b"last-event-id") == view.tag.strip('"')


STREAM_HEADERS: Final = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-store, no-transform"),
    ("x-accel-buffering", "no"),  # nginx would wait until it has a page full
    ("vary", "Accept"),
)


@cache
def script() -> tuple[bytes, str]:
    """The script that polls a status, and its entity tag."""
    text = files("paykit.webhooks").joinpath("paykit-status.js").read_bytes()
    return text, f'"{hashlib.sha256(text).hexdigest()[:20]}"'


def script_reply(head: Head) -> Reply:
    """The script, to be kept for an hour and then asked for by its tag."""
    text, tag = script()
    headers = (
        ("etag", tag),
        ("cache-control", "public, max-age=3600"),
        ("x-content-type-options", "nosniff"),
    )
    tags = head.value(b"if-none-match")
    if tags is not None and is_among(tag, tags):
        return Reply(304, b"", None, headers)
    return Reply(200, text, "text/javascript; charset=utf-8", headers)


def health_reply(*, is_well: bool) -> Reply:
    """Whether all is well, and no more than that: everybody may ask."""
    body = b'{"status":"ok"}' if is_well else b'{"status":"unavailable"}'
    return Reply(
        200 if is_well else 503, body, "application/json", (("cache-control", "no-store"),)
    )


# Returns.

#: What stands in a URL as it is: all that has a meaning there, and what is encoded already.
_IN_URLS: Final = "%/:=&?~#+!$,;'@()*[]"


def check_return_to(url: str) -> str:
    """The shop's page as the target of returns, in ASCII; raises :class:`ConfigurationError`."""
    if not isinstance(url, str):
        raise _no_target()
    try:
        parts = urlsplit(url)
        host = parts.netloc.encode("idna").decode("ascii")
    except ValueError:
        raise _no_target() from None
    if parts.fragment:
        raise ConfigurationError("return_to has a fragment (#…): the state goes into the query")
    absolute = parts.scheme in {"http", "https"} and bool(parts.netloc)
    relative = not parts.scheme and url.startswith("/") and not url.startswith("//")
    if not (absolute or relative) or "\\" in url or not url.isprintable():
        raise _no_target()
    return quote(parts._replace(netloc=host).geturl(), safe=_IN_URLS)


def check_prefix(prefix: str) -> str:
    """A path to be mounted under, without a slash at its end; raises ConfigurationError."""
    if prefix and not prefix.startswith("/"):
        raise ConfigurationError(f"the prefix {prefix!r:.60} has to begin with a slash")
    return prefix.rstrip("/")


def _no_target() -> ConfigurationError:
    return ConfigurationError("return_to is not a URL or a path of your shop")


def return_reply(
    return_to: str,
    *,
    verified: bool,
    payment_id: str | None,
    status: PaymentStatus | None,
    reference: str | None = None,
) -> Reply:
    """Send the browser to the shop's page. The state comes from our record, never from the query.

    ``return_to`` is the developer's own setting: nothing that the browser brings can change it.
    """
    fields = {"state": _STATES.get(status, "pending") if verified and status else "unverified"}
    if payment_id is not None:
        fields["payment_id"] = payment_id
    if reference is not None:
        fields["reference"] = reference
    joiner = "&" if "?" in return_to else "?"
    return onward_reply(f"{return_to}{joiner}{urlencode(fields)}")


def onward_reply(url: str) -> Reply:
    """Send the browser on: to the shop, or back to the provider, which wants something once more.

    ``url`` comes from the developer or the provider's API, never from the browser.
    """
    where = quote(url, safe=_IN_URLS)  # servers differ in what they make of other letters
    return Reply(303, b"", None, (("location", where), ("cache-control", "no-store")))


_STATES: Final = {
    PaymentStatus.SUCCEEDED: "paid",
    PaymentStatus.PARTIALLY_REFUNDED: "paid",
    PaymentStatus.REFUNDED: "paid",
    PaymentStatus.AUTHORIZED: "paid",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.EXPIRED: "failed",
    PaymentStatus.CANCELED: "canceled",
}
