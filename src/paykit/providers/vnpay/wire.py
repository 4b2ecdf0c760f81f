"""VNPay on the wire: what is signed, and the forms of amounts, times and texts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Final
from urllib.parse import quote_plus

from pydantic import model_validator

from ...errors import (
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
)
from ...http import JsonObject, decode_component
from ...money import Money
from ...text import without_marks
from ...vietnam import GMT7
from ...wire import Environment, ProviderConfig, Secret, Text, Url

_AHEAD_OF_UTC: Final = GMT7.utcoffset(None)

HASH_FIELDS: Final = frozenset({"vnp_SecureHash", "vnp_SecureHashType"})
#: The fields that query and refund join by ``|``, in their documented order.
QUERY_FIELDS: Final = tuple(
    "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TxnRef vnp_TransactionDate "
    "vnp_CreateDate vnp_IpAddr vnp_OrderInfo".split()
)
REFUND_FIELDS: Final = tuple(
    "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TransactionType vnp_TxnRef vnp_Amount "
    "vnp_TransactionNo vnp_TransactionDate vnp_CreateBy vnp_CreateDate vnp_IpAddr "
    "vnp_OrderInfo".split()
)
REFUND_RESPONSE_FIELDS: Final = tuple(
    "vnp_ResponseId vnp_Command vnp_ResponseCode vnp_Message vnp_TmnCode vnp_TxnRef vnp_Amount "
    "vnp_BankCode vnp_PayDate vnp_TransactionNo vnp_TransactionType vnp_TransactionStatus "
    "vnp_OrderInfo".split()
)
QUERY_RESPONSE_FIELDS: Final = (
    *REFUND_RESPONSE_FIELDS,
    "vnp_PromotionCode",
    "vnp_PromotionAmount",
)

REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
METHOD = re.compile(r"[A-Za-z0-9_]{2,20}", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
EXTRA = re.compile(r"vnp_[A-Za-z0-9_]{1,60}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,15}", re.ASCII)
_DATE = re.compile(r"[0-9]{14}", re.ASCII)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._-]+")
#: Only characters that every form encoder leaves alone, and upper-case escapes of the others:
#: encoding such a query again gives the same bytes.
_CANONICAL = re.compile(rb"(?:[A-Za-z0-9._=&+-]|%(?!20|2D|2E|5F|2A|7E)[0-9A-F]{2})*+")
_MAX_WIRE_AMOUNT: Final = 10**12 - 1
MAX_TEXT: Final = 255


class VNPayConfig(ProviderConfig):
    """One VNPay terminal (``vnp_TmnCode``) and its secret (``vnp_HashSecret``).

    ``pay_url`` and ``api_url`` follow from ``environment``, except that VNPay hands out the
    production address of query and refund at go-live, so ``api_url`` must be given then.
    ``session_lifetime`` bounds how long a link can be paid. ``server_ip`` is this server's address
    for query and refund.
    """

    provider: ClassVar[str] = "vnpay"

    tmn_code: Text
    hash_secret: Secret
    previous_hash_secrets: tuple[Secret, ...] = ()
    pay_url: Url | None = None
    api_url: Url | None = None
    order_type: Text = "other"
    server_ip: Text = "127.0.0.1"
    session_lifetime: timedelta = timedelta(minutes=15)

    @model_validator(mode="after")
    def _complete(self) -> VNPayConfig:
        if self.environment is Environment.PRODUCTION and self.api_url is None:
            raise ValueError("api_url is needed in production: VNPay gives it to you at go-live")
        if self.session_lifetime <= timedelta(0):
            raise ValueError("session_lifetime must be more than nothing")
        return self


def canonical_query(fields: Mapping[str, str]) -> str:
    """The text that VNPay signs: sorted by name, form-encoded, without hashes and blanks."""
    return "&".join(
        f"{_form_encode(name)}={_form_encode(value)}"
        for name, value in sorted(fields.items())
        if value and name not in HASH_FIELDS
    )


def pipe_text(fields: Mapping[str, str], order: tuple[str, ...]) -> bytes:
    """The text that query and refund sign: raw values joined by ``|``, a missing one empty."""
    return "|".join(fields.get(name, "") for name in order).encode()


def plain_text(text: str) -> str:
    """Text as VNPay wants it: no accents, only letters, digits, blanks and ``._-``, 255 at most."""
    return " ".join(_NOT_PLAIN.sub(" ", without_marks(text)).split())[:MAX_TEXT]


def _form_encode(text: str) -> str:
    # As Java's URLEncoder and JavaScript's URLSearchParams do; Python differs in * and ~.
    return quote_plus(text, safe="*").replace("~", "%7E")


def signed_texts(pairs: list[tuple[str, bytes]]) -> Iterator[bytes]:
    """The spellings that VNPay may have signed, the likeliest first.

    Normally it signs the very bytes that it sends. A proxy or framework may have encoded them
    anew, so the canonical encoding is tried next, but only where it differs.
    """
    kept = [b"=".join((name.encode(), value)) for name, value in pairs if value]
    raw = b"&".join(kept)
    yield raw
    if len(kept) < len(pairs):
        yield b"&".join(b"=".join((name.encode(), value)) for name, value in pairs)
    if not _CANONICAL.fullmatch(raw):
        again = canonical_query({name: decode_component(value) for name, value in pairs})
        yield again.encode()
        if "*" in again:
            yield again.replace("*", "%2A").encode()  # PHP's urlencode


def required(fields: Mapping[str, str], name: str) -> str:
    """The value of a field; raises :class:`MalformedDelivery` that names it when it is missing."""
    value = fields.get(name)
    if not value:
        raise MalformedDelivery(f"{name} is missing", provider="vnpay")
    return value


def to_wire(amount: Money) -> int:
    """The amount times 100, as VNPay wants it; raises :class:`InvalidRequest`."""
    if amount.currency != "VND":
        raise InvalidRequest("VNPay takes VND only", field="currency")
    wire = amount.minor * 100
    if not 0 < wire <= _MAX_WIRE_AMOUNT:
        raise InvalidRequest("must be from 1 to 9,999,999,999 đồng", field="amount")
    return wire


def from_wire(text: str | None, error: type[MalformedDelivery | MalformedResponse]) -> Money:
    """The amount divided by 100, exactly; raises ``error``."""
    if text is None or not _AMOUNT.fullmatch(text):
        raise error("vnp_Amount is not a whole number", provider="vnpay")
    minor, rest = divmod(int(text), 100)
    if rest:
        raise error("vnp_Amount is not a multiple of 100", provider="vnpay")
    return Money(minor, "VND")


def to_gmt7(moment: datetime) -> str:
    """``yyyyMMddHHmmss`` in Vietnam, whatever the zone of the server."""
    return moment.astimezone(GMT7).strftime("%Y%m%d%H%M%S")


def from_gmt7(text: str, error: type[MalformedDelivery | MalformedResponse]) -> datetime:
    """The time of ``yyyyMMddHHmmss`` in Vietnam, in UTC; raises ``error``."""
    if not _DATE.fullmatch(text):
        raise error("vnp_PayDate is not yyyyMMddHHmmss", provider="vnpay")
    try:
        local = datetime(
            int(text[:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[8:10]),
            int(text[10:12]),
            int(text[12:]),
            tzinfo=UTC,
        )
        return local - _AHEAD_OF_UTC  # cheaper than astimezone(), and the same
    except (ValueError, OverflowError):
        raise error("vnp_PayDate is not a date", provider="vnpay") from None


def check_ip(address: str | None) -> str:
    """The payer's address, IPv4 or IPv6; raises :class:`InvalidRequest`."""
    try:
        return str(ipaddress.ip_address(address or ""))
    except ValueError:
        raise InvalidRequest("VNPay needs the payer's IP address", field="customer.ip") from None


def check_return_url(url: str | None) -> str:
    """Refuse what VNPay would not take as ``vnp_ReturnUrl``."""
    if not url or not url.startswith(("https://", "http://")) or not 10 <= len(url) <= MAX_TEXT:  # noqa: PLR2004
        raise InvalidRequest("an absolute URL of 10 to 255 characters", field="return_url")
    return url


def to_request_id(key: str) -> str:
    """A ``vnp_RequestId`` for an idempotency key."""
    # vnp_RequestId is alphanumeric and short; the same key always gives the same id.
    return key if _REQUEST_ID.fullmatch(key) else sha256(key.encode()).hexdigest()[:32]


def texts_of(body: JsonObject) -> dict[str, str]:
    """The ``vnp_`` fields of an answer as text, the way VNPay signs them."""
    return {
        name: str(value)
        for name, value in body.items()
        if type(value) in {str, int} and name.startswith("vnp_")
    }
