"""The rules of the endpoints, without any I/O: routes, limits, and what to answer.

========================================  ======  ==================================================
path below the mount                      method  what
========================================  ======  ==================================================
``/webhooks/{account}``                   theirs  a provider's call; the reply is the provider's own
``/returns/{account}``                    GET     the payer's browser comes back; redirects
``/payments/{payment_id}/status``         GET     small JSON to poll, with ETag
========================================  ======  ==================================================
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode, urlsplit

import attrs

from ..errors import ConfigurationError
from ..http import Reply
from ..models import PaymentStatus
from ..money import Money
from ..provider import Provider

MAX_BODY: Final = 1024 * 1024
#: Seconds that a sender has for its whole body.
BODY_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 5

_PATHS = re.compile(
    r"/(?:(?P<webhooks>webhooks/)|(?P<returns>returns/)|payments/)"
    r"(?P<name>[A-Za-z0-9_.-]{1,120})(?P<status>/status)?"
)


class Endpoint(StrEnum):
    """What a path is for."""

    WEBHOOK = "webhook"
    RETURN = "return"
    STATUS = "status"


@attrs.frozen(slots=True)
class Route:
    """A path that was understood; ``name`` is the account or the payment id."""

    endpoint: Endpoint
    name: str


def find_route(path: str) -> Route | None:
    """The route of a path below the mount, or ``None``."""
    match = _PATHS.fullmatch(path)
    if match is None:
        return None
    if match["webhooks"]:
        endpoint = Endpoint.WEBHOOK
    elif match["returns"]:
        endpoint = Endpoint.RETURN
    else:
        endpoint = Endpoint.STATUS
    if (endpoint is Endpoint.STATUS) != bool(match["status"]):
        return None
    return Route(endpoint, match["name"])


def refuse_head(
    route: Route,
    *,
    method: str,
    headers: Mapping[str, str],
    query: bytes,
    providers: Mapping[str, Provider],
    max_body: int,
) -> Reply | None:
    """What can be refused before the body is read; ``headers`` have lower-case names."""
    if route.endpoint is not Endpoint.STATUS and route.name not in providers:
        return error_reply(404, "there is no such account")
    allowed = "GET"
    if route.endpoint is Endpoint.WEBHOOK:
        allowed = providers[route.name].info.webhook_method
    if method != allowed:
        return error_reply(405, f"use {allowed}", allow=allowed)
    if headers.get("content-encoding", "identity").lower() != "identity":
        # Never inflate what strangers send; and the signature is over the plain bytes.
        return error_reply(415, "send the body without Content-Encoding")
    length = headers.get("content-length", "")
    announced = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0  # noqa: PLR2004
    if max(announced, len(query)) > max_body or len(length) >= 20:  # noqa: PLR2004
        return too_large(max_body)
    return None


def too_large(max_body: int) -> Reply:
    """The reply to a body beyond the limit."""
    return error_reply(413, f"at most {max_body} bytes")


def error_reply(status: int, message: str, *, allow: str | None = None) -> Reply:
    """A refusal by the endpoint itself, before any provider has a say."""
    body = json.dumps({"error": message}).encode()
    headers = (("allow", allow),) if allow else ()
    return Reply(status, body, "application/json", headers)


def status_reply(
    payment_id: str,
    status: PaymentStatus,
    amount: Money,
    *,
    final: bool,
    if_none_match: str | None,
) -> Reply:
    """The state of one payment: nothing personal, and 304 while it has not changed."""
    body = json.dumps(
        {
            "payment_id": payment_id,
            "status": status.value,
            "final": final,
            "amount": {
                "minor": amount.minor,
                "currency": amount.currency,
                "text": amount.format(),
            },
            "next_poll_seconds": None if final else _POLL_SECONDS,
        },
        ensure_ascii=False,
    ).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = (("etag", tag), ("cache-control", "private, no-cache"))
    if if_none_match is not None and tag in (item.strip() for item in if_none_match.split(",")):
        return Reply(304, b"", None, headers)
    return Reply(200, body, "application/json", headers)


def check_return_to(url: str) -> str:
    """Accept the shop's page as the target of returns; raises :class:`ConfigurationError`."""
    parts = urlsplit(url)
    absolute = parts.scheme in {"http", "https"} and bool(parts.netloc)
    relative = not parts.scheme and not parts.netloc and url.startswith("/")
    if not (absolute or relative) or parts.fragment or "\\" in url:
        raise ConfigurationError("return_to is not a URL or a path of your shop")
    return url


def return_reply(
    return_to: str, *, verified: bool, payment_id: str | None, status: PaymentStatus | None
) -> Reply:
    """Send the browser to the shop's page. The state comes from our record, never from the query.

    ``return_to`` is the developer's own setting: nothing that the browser brings can change it.
    """
    fields = {"state": _state(status) if verified and status else "unverified"}
    if payment_id is not None:
        fields["payment_id"] = payment_id
    joiner = "&" if "?" in return_to else "?"
    location = f"{return_to}{joiner}{urlencode(fields)}"
    return Reply(303, b"", None, (("location", location), ("cache-control", "no-store")))


def onward_reply(url: str) -> Reply:
    """Send the browser back to the provider, which wants the payer to do something once more.

    ``url`` comes from the provider's API, never from the browser.
    """
    return Reply(303, b"", None, (("location", url), ("cache-control", "no-store")))


_STATES: Final = {
    PaymentStatus.SUCCEEDED: "paid",
    PaymentStatus.PARTIALLY_REFUNDED: "paid",
    PaymentStatus.REFUNDED: "paid",
    PaymentStatus.AUTHORIZED: "paid",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.EXPIRED: "failed",
    PaymentStatus.CANCELED: "canceled",
}


def _state(status: PaymentStatus) -> str:
    return _STATES.get(status, "pending")
