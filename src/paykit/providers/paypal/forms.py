"""The forms of PayPal's values: ids, times, texts, addresses."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from ...errors import InvalidRequest
from ...provider_tools import fit_key

MAX_TEXT: Final = 127

ID = re.compile(r"[A-Z0-9]{1,36}", re.ASCII)
PLAIN_URL = re.compile(r"https?://[!-~]+", re.ASCII)
#: Control characters, and halves of characters that UTF-8 cannot write.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_REQUEST_ID: Final = 108
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


def read_moment(value: Any) -> datetime:
    """A time as PayPal writes it; raises :class:`ValueError` for any other spelling."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("not a time with its zone")
    return datetime.fromisoformat(value.upper())


def to_request_id(key: str, *more: str) -> str:
    """A ``PayPal-Request-Id`` for an idempotency key, and for what else makes a call its own."""
    return fit_key(key, *more, limit=_LONGEST_REQUEST_ID)


def check_id(value: str, field: str) -> str:
    """Refuse what cannot be an id of PayPal's, before it gets into a URL."""
    if not ID.fullmatch(value):
        raise InvalidRequest("an id of PayPal's: digits and capital letters", field=field)
    return value


def check_text(value: str, field: str, limit: int = MAX_TEXT) -> str:
    """Refuse a text that is too long or holds control characters."""
    if len(value) > limit or CONTROLS.search(value):
        raise InvalidRequest(f"text of at most {limit} characters, without controls", field=field)
    return value


def check_page(url: str | None, field: str) -> str:
    """Refuse what is not an absolute URL in plain ASCII."""
    if not url or not PLAIN_URL.fullmatch(url):
        raise InvalidRequest("an absolute URL in plain ASCII", field=field)
    return url
