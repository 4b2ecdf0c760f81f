"""ZaloPay's callback and the browser's return: what key2 covers, read in one way only.

The callback is a text in ``data`` and a ``mac`` over that very text, before anything parses it;
``type`` beside them is not covered, so what the text says decides. The return has names of the
older interface and a checksum over seven values that are joined without quoting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...errors import MalformedDelivery, SignatureError
from ...http import Delivery, JsonObject, decode_component, parse_json_object
from .wire import RETURN_FIELDS

NAME: Final = "zalopay"
#: ``type`` of a callback.
ORDER: Final = 1
AGREEMENT: Final = 2

CALLBACK_EXPECTED: Final = (
    "mac, 64 lower-case hex digits of HMAC-SHA256 under key2 over the text of data as it came"
)
RETURN_EXPECTED: Final = (
    "checksum, 64 lower-case hex digits of HMAC-SHA256 under key2 over "
    f"{', '.join(RETURN_FIELDS)}, joined by |, blanks kept"
)
_CHECKSUM: Final = "checksum"
_CODE: Final = re.compile(r"0|-?[1-9][0-9]{0,5}", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


def callback_text(body: Mapping[str, Any]) -> tuple[str, str]:
    """``data`` and ``mac`` of a callback, both as they came."""
    data, mac = body.get("data"), body.get("mac")
    if not isinstance(mac, str):
        raise SignatureError("no mac", provider=NAME)
    if not isinstance(data, str):
        raise MalformedDelivery("data is not text", provider=NAME)
    return data, mac


def read_callback(data: str, given_type: object) -> tuple[int, JsonObject]:
    """What kind of callback ``data`` is, and its content.

    A ``type`` that contradicts it is refused, like one that nobody has heard of.
    """
    try:
        content = parse_json_object(data.encode())
    except ValueError as error:
        raise MalformedDelivery(f"data cannot be read: {error}", provider=NAME) from None
    if "appid" in content and "app_id" not in content:
        raise MalformedDelivery("of the old interface (v1), not supported", provider=NAME)
    # Only an order has an amount, and only a link has a status.
    kind = AGREEMENT if "status" in content and "amount" not in content else ORDER
    if given_type is not None and (type(given_type) is not int or given_type != kind):
        raise MalformedDelivery("type is not that of data", provider=NAME)
    return kind, content


def read_return(delivery: Delivery) -> tuple[dict[str, str], bytes, str]:
    """The seven signed values of a return, their text, and the checksum.

    Parameters of the shop's own return URL come back beside them and are left alone.
    """
    found: dict[str, str] = {}
    for encoded, value in delivery.query_pairs():
        name = decode_component(encoded)
        if name == _CHECKSUM or name in RETURN_FIELDS:
            if name in found:
                raise MalformedDelivery(f"{name} occurs twice", provider=NAME)
            found[name] = decode_component(value)
    given = found.pop(_CHECKSUM, "")
    # A form parser may have dropped the blanks; they are signed.
    fields = {name: found.get(name, "") for name in RETURN_FIELDS}
    for name, text in fields.items():
        if "|" in text:
            raise MalformedDelivery(f"{name} holds |", provider=NAME)
    return fields, "|".join(fields.values()).encode(), given


def number(fields: Mapping[str, str], name: str) -> int:
    """A whole number, if it is spelt as it was signed."""
    if not _NUMBER.fullmatch(fields[name]):
        raise MalformedDelivery(f"{name} is not a whole number", provider=NAME)
    return int(fields[name])


def code(fields: Mapping[str, str]) -> int:
    """``status`` of a return."""
    if not _CODE.fullmatch(fields["status"]):
        raise MalformedDelivery("status is not a code", provider=NAME)
    return int(fields["status"])
