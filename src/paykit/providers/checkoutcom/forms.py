"""The forms of Checkout.com's values: ids, keys, texts, addresses."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from ...errors import InvalidRequest

#: The contract says pay_ and 26 letters and digits; what counts is that nothing else is in a URL.
PAYMENT_ID = re.compile(r"pay_[A-Za-z0-9]{1,60}", re.ASCII)
PAGE_ID = re.compile(r"hpp_[A-Za-z0-9_-]{1,60}", re.ASCII)
SESSION_ID = re.compile(r"sid_[A-Za-z0-9]{1,60}", re.ASCII)
ACTION_ID = re.compile(r"act_[A-Za-z0-9]{1,60}", re.ASCII)
TOKEN = re.compile(r"tok_[A-Za-z0-9]{1,60}", re.ASCII)
SOURCE_ID = re.compile(r"src_[A-Za-z0-9]{1,60}", re.ASCII)
CUSTOMER_ID = re.compile(r"cus_[A-Za-z0-9]{1,60}", re.ASCII)
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
REFERENCE: Final = r"[^\x00-\x1f\x7f]{1,50}"

_URL = re.compile(r"https?://[!-~]+", re.ASCII)
_KEY = re.compile(r"[!-~]{1,100}", re.ASCII)
MAX_DESCRIPTION: Final = 100
MAX_URL: Final = 1024
MAX_PAGE_URL: Final = 255


def to_key(key: str) -> str:
    """A ``Cko-Idempotency-Key``; the same for the same ``key``, also where that is long."""
    if not key.strip():
        raise InvalidRequest("must not be empty", field="idempotency_key")
    if _KEY.fullmatch(key):
        return key
    return sha256(key.encode(errors="surrogatepass")).hexdigest()


def check_text(value: str, field: str, limit: int) -> str:
    """Refuse a text that is too long or holds control characters."""
    if len(value) > limit or CONTROLS.search(value):
        raise InvalidRequest(f"text of at most {limit} characters, without controls", field=field)
    return value


def check_url(url: object, field: str, limit: int) -> str:
    """Refuse what is not an absolute URL in plain ASCII."""
    if not isinstance(url, str) or len(url) > limit or not _URL.fullmatch(url):
        raise InvalidRequest(f"an absolute URL in at most {limit} plain letters", field=field)
    return url
