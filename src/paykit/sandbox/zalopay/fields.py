"""Which fields each ZaloPay operation has, and what may stand in them.

https://docs.zalopay.vn/docs/specs/order-create. In JSON a number is a number; in a form, digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from ...http import parse_json_object
from ..rules import Address, OneOf, Rule, Text

#: ZaloPay's document about VietQR allows less than the others.
MAX_EMBEDDED_FOR_VIETQR: Final = 1024
_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_MAX_INT64: Final = 2**63 - 1
#: The date, and something behind it.
ORDER_ID: Final = re.compile(r"[0-9]{6}.+", re.ASCII)


@attrs.frozen
class Int64:
    """A whole number from ``least`` to ``most``."""

    least: int = 0
    most: int = _MAX_INT64
    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        if type(value) is not int:
            return "must be a whole number"
        good = self.least <= value <= self.most
        return "" if good else f"must be from {self.least} to {self.most}"


@attrs.frozen
class JsonText:
    """A JSON object or array (``of``), written as text."""

    limit: int
    of: type
    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        kind = "object" if self.of is dict else "array"
        if not isinstance(value, str):
            return f"must be a JSON {kind} in a string"
        if len(value) > self.limit:
            return f"must have at most {self.limit} characters"
        return "" if type(read_json_text(value)) is self.of else f"must hold a JSON {kind}"


def read_json_text(text: str) -> Any:
    """The JSON value in ``text``, or ``None`` if it holds none."""
    try:
        # Read as part of an object, because that is what the strict reader reads.
        holder = parse_json_object(f'{{"value":{text}}}'.encode())
    except ValueError:
        return None
    return holder["value"] if list(holder) == ["value"] else None


#: A comma between, no blank.
_BANK_CODES: Final = re.compile(r"[A-Za-z0-9]+(?:,[A-Za-z0-9]+)*", re.ASCII)
_APP: Final[Mapping[str, Rule]] = {"app_id": Int64()}
_MAC: Final[Mapping[str, Rule]] = {"mac": Text(64)}
_ORDER_ID_RULE: Final = Text(40)
#: Limits of these are not published.
_IDENTIFIER: Final = Text(256)
_TOKEN: Final = Text(256)

CREATE: Final[Mapping[str, Rule]] = {
    **_APP,
    "app_user": Text(50),
    "app_trans_id": _ORDER_ID_RULE,
    "app_time": Int64(),
    "expire_duration_seconds": Int64(300, 2_592_000, required=False),
    "amount": Int64(1),
    "item": JsonText(2048, list),
    "embed_data": JsonText(2048, dict),
    "description": Text(256),
    "bank_code": Text(20, required=False, blank=True),
    "callback_url": Address(web=True, required=False, blank=True),
    "redirect_url": Address(web=False, required=False, blank=True),
    "device_info": Text(256, required=False, blank=True),
    "sub_app_id": Text(50, required=False, blank=True),
    "title": Text(256, required=False, blank=True),
    "phone": Text(50, required=False, blank=True),
    "email": Text(100, required=False, blank=True),
    "address": Text(1024, required=False, blank=True),
    "product_code": OneOf(("AGREEMENT", ""), required=False),
    **_MAC,
}
QUERY: Final[Mapping[str, Rule]] = {**_APP, "app_trans_id": _ORDER_ID_RULE, **_MAC}
REFUND: Final[Mapping[str, Rule]] = {
    **_APP,
    "m_refund_id": Text(45),
    "zp_trans_id": Text(15),
    "amount": Int64(),
    "refund_fee_amount": Int64(required=False),
    "timestamp": Int64(),
    "description": Text(100),
    **_MAC,
}
QUERY_REFUND: Final[Mapping[str, Rule]] = {
    **_APP,
    "m_refund_id": Text(45),
    "timestamp": Int64(),
    **_MAC,
}
BANKS: Final[Mapping[str, Rule]] = {"appid": Int64(), "reqtime": Int64(), **_MAC}
BANK_LINKS: Final[Mapping[str, Rule]] = {
    **_APP,
    "bank_codes": Text(256, _BANK_CODES, required=False, blank=True),
    "os_type": OneOf(("ios", "android")),
    "order_token": Text(256, required=False, blank=True),
    **_MAC,
}
_REQ_DATE: Final[Mapping[str, Rule]] = {"req_date": Int64()}
BIND: Final[Mapping[str, Rule]] = {
    **_APP,
    "app_trans_id": _ORDER_ID_RULE,
    "identifier": _IDENTIFIER,
    "max_amount": Int64(required=False),
    "binding_type": OneOf(("WALLET",), required=False),
    "binding_data": JsonText(1024, dict, required=False),
    "redirect_url": Address(web=False, required=False, blank=True),
    "redirect_deep_link": Address(web=False, required=False, blank=True),
    "callback_url": Address(web=True, required=False, blank=True),
    **_REQ_DATE,
    **_MAC,
}
UNBIND: Final[Mapping[str, Rule]] = {
    **_APP,
    "identifier": _IDENTIFIER,
    "binding_id": _TOKEN,
    **_REQ_DATE,
    **_MAC,
}
QUERY_BINDING: Final[Mapping[str, Rule]] = {
    **_APP,
    "app_trans_id": _ORDER_ID_RULE,
    **_REQ_DATE,
    **_MAC,
}
BALANCE: Final[Mapping[str, Rule]] = {
    **_APP,
    "identifier": _IDENTIFIER,
    "pay_token": _TOKEN,
    "amount": Int64(1),
    **_REQ_DATE,
    **_MAC,
}
CHARGE: Final[Mapping[str, Rule]] = {
    **_APP,
    "identifier": _IDENTIFIER,
    "zp_trans_token": _TOKEN,
    "pay_token": _TOKEN,
    **_REQ_DATE,
    **_MAC,
}
QUERY_USER: Final[Mapping[str, Rule]] = {**_APP, "access_token": _TOKEN, **_REQ_DATE, **_MAC}


def from_form(fields: Mapping[str, str], rules: Mapping[str, Rule]) -> dict[str, Any]:
    """Form fields as JSON would have them: digits become numbers, an empty number is left out."""
    typed: dict[str, Any] = {}
    for name, value in fields.items():
        if not isinstance(rules.get(name), Int64):
            typed[name] = value
        elif value:
            typed[name] = int(value) if _DIGITS.fullmatch(value) else value
    return typed
