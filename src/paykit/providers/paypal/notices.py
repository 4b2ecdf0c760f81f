"""A webhook before it is believed: its headers, the text that is signed, and what it claims.

Source: https://developer.paypal.com/api/rest/webhooks/rest/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zlib import crc32

import attrs

from ...errors import MalformedDelivery, SignatureError
from ...http import Delivery
from .codes import EVENTS, Subject
from .forms import ID, read_moment

ALGORITHM: Final = "SHA256withRSA"
EXPECTED: Final = (
    "PAYPAL-TRANSMISSION-SIG, base64 of an RSA signature (PKCS#1 v1.5, SHA-256) over "
    "transmission id, transmission time, webhook id and the unsigned decimal CRC-32 of the raw "
    "body, joined by |"
)

_FORMS: Final = {
    # No | in what is joined by it.
    "paypal-transmission-id": re.compile(r"[!-{}~]{1,100}", re.ASCII),
    "paypal-transmission-time": re.compile(r"[!-{}~]{1,64}", re.ASCII),
    "paypal-transmission-sig": re.compile(r"[A-Za-z0-9+/]{1,1000}={0,2}", re.ASCII),
    "paypal-cert-url": re.compile(r"[!-~]{1,500}", re.ASCII),
    # The receiver fixes the algorithm; PayPal's old SDKs let the sender choose SHA-1 and MD5.
    "paypal-auth-algo": re.compile(ALGORITHM),
}
_CAPTURE_LINK = re.compile(r"/v2/payments/captures/([A-Z0-9]{1,36})\Z", re.ASCII)


@attrs.frozen
class Transmission:
    """The headers of one webhook, and the checksum of its body."""

    id: str
    time: str
    moment: datetime
    signature: str = attrs.field(repr=False)
    certificate_url: str
    checksum: int

    def signed_text(self, webhook_id: str) -> bytes:
        """What PayPal signs for the webhook with this id."""
        return f"{self.id}|{self.time}|{webhook_id}|{self.checksum}".encode()


@attrs.frozen
class Claim:
    """What a webhook says it is about.

    Its signature covers a CRC-32 of it and no more, which anybody with one genuine webhook can
    match. So all that is taken from it is what to ask about.
    """

    type: str
    subject: Subject
    id: str


def read_transmission(delivery: Delivery) -> Transmission:
    """The headers; raises :class:`SignatureError` where one is missing or not as it should be."""
    given: dict[str, str] = {}
    for name, value in delivery.headers:
        known = name.lower()
        if known in _FORMS:
            # One that occurs twice is none.
            given[known] = "" if known in given else value
    for name, form in _FORMS.items():
        if not form.fullmatch(given.get(name, "")):
            raise SignatureError(f"no usable {name.upper()}; expected {EXPECTED}")
    time = given["paypal-transmission-time"]
    try:
        moment = read_moment(time)
    except ValueError:
        raise SignatureError("PAYPAL-TRANSMISSION-TIME is not a time with its zone") from None
    return Transmission(
        given["paypal-transmission-id"],
        time,
        moment,
        given["paypal-transmission-sig"],
        given["paypal-cert-url"],
        crc32(delivery.body),
    )


def read_claim(body: Mapping[str, Any]) -> Claim | None:
    """What to ask PayPal about, or ``None`` for a type that means nothing here.

    Raises :class:`MalformedDelivery`.
    """
    kind = body.get("event_type")
    if not isinstance(kind, str):
        raise MalformedDelivery("no event_type", provider="paypal")
    subject = EVENTS.get(kind)
    if subject is None:
        return None
    resource = body.get("resource")
    if not isinstance(resource, dict):
        raise MalformedDelivery("no resource", provider="paypal")
    found = _FINDERS[subject](resource)
    if not isinstance(found, str) or not ID.fullmatch(found):
        raise MalformedDelivery(f"no usable id of the {subject}", provider="paypal")
    return Claim(kind, subject, found)


def _own_id(resource: Mapping[str, Any]) -> Any:
    return resource.get("id")


def _order_id(resource: Mapping[str, Any]) -> Any:
    # A reversed approval calls it order_id.
    return resource.get("id", resource.get("order_id"))


def _reversed_capture(resource: Mapping[str, Any]) -> Any:
    """The capture that was reversed: the resource is a refund of it, or itself."""
    links = resource.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "up" and isinstance(link.get("href"), str):
            found = _CAPTURE_LINK.search(link["href"])
            if found:
                return found[1]
    return resource.get("id")


def _disputed_capture(resource: Mapping[str, Any]) -> Any:
    disputed = resource.get("disputed_transactions")
    first = disputed[0] if isinstance(disputed, list) and disputed else None
    return first.get("seller_transaction_id") if isinstance(first, dict) else None


_FINDERS: Final = {
    Subject.ORDER: _order_id,
    Subject.AUTHORIZATION: _own_id,
    Subject.CAPTURE: _own_id,
    Subject.REFUND: _own_id,
    Subject.REVERSAL: _reversed_capture,
    Subject.DISPUTE: _disputed_capture,
}
